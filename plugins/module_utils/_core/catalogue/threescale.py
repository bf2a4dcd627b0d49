# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of 3scale's adapter."""

from __future__ import annotations

from .code import ERROR, WARNING, Code

THREESCALE: dict[str, Code] = {
    "FED880": Code(
        "3scale described wrongly",
        ERROR,
        "A field of `mesh_threescale` or `threescale_tests` is missing, is not known, or has a value that the adapter does not take. The adapter takes "
        "its configuration whole or not at all: with one wrong field it refuses every request.",
        "Correct the field that the message names; `docs/threescale.md` lists all of them.",
    ),
    "FED881": Code(
        "Adapter or service that stands twice",
        ERROR,
        "Namespace and name tell adapters apart, and a service's id tells services of one adapter apart. The second would never count.",
        "Give each adapter a name of its own, and each service one entry with all its authorities.",
    ),
    "FED882": Code(
        "Credentials that are never found",
        ERROR,
        "A service needs `user_key` or `app_id`. Each lookup has one source with keys; names of headers are in lower case, and operations are those "
        "that the adapter knows. Whatever else stands there makes every request fail with 403.",
        "Correct the lookup that the message names.",
    ),
    "FED883": Code(
        "Mapping rule that cannot match, or not predictably",
        ERROR,
        "A pattern begins with `/`, may have `{name}` for what varies, and ends with `$` where nothing may follow. The adapter takes other signs in "
        "the path for a regular expression.",
        "Write the pattern with `{name}`, here or in the portal.",
    ),
    "FED884": Code(
        "3scale at an address that proxies cannot or must not call",
        ERROR,
        "Without TLS, service tokens and keys of callers travel in clear. A Service of a namespace outside the mesh has no cluster in the proxies, "
        "and the adapter refuses every request. So does an adapter in the control plane's namespace for workloads elsewhere: a host outside of the "
        "cluster is made known to the proxies of the adapter's own namespace alone.",
        "Write `https://`, or name a Service of a member namespace; describe an adapter in each namespace of its workloads.",
    ),
    "FED885": Code(
        "Tokens that would be handed to the application",
        ERROR,
        "With `passthrough_metadata` the adapter asks 3scale nothing: it hands the service token, the caller's key and the usages to the application "
        "as request headers. Nobody is refused unless the application does so.",
        "Leave it out, or ask for it by its own word: `passthrough_metadata: forward-tokens-to-the-application`.",
    ),
    "FED886": Code(
        "Rules that the adapter fetches by itself",
        ERROR,
        "The adapter of 0.0.1 never uses `system`. Later ones poll the portal from every proxy, and add what they fetch to `mapping_rules`, so that "
        "each request counts twice. The access token would stand in the mesh.",
        "Leave `system` out: the playbook fetches service tokens and rules and writes them.",
    ),
    "FED887": Code(
        "Nobody has said how one adapter takes the other's place",
        ERROR,
        "A ServiceMeshExtension and a WasmPlugin beside each other report each request twice, which counts for limits and bills. With neither of them "
        "the API is open. There is no third way, so somebody has to choose.",
        "Write `switch: overlap` (counted twice meanwhile) or `switch: deny` (every request is refused meanwhile).",
    ),
    "FED888": Code(
        "Nothing tells that the new adapter is loaded",
        ERROR,
        "A WasmPlugin has no status. Somebody has to see in each proxy that the new adapter is in its active listeners before the old one, or the "
        "policy that refuses all requests, is removed.",
        "Look into the pods of `facts.selected`, then run again with `threescale_loaded`. If it does not load, set `kind` back and run again.",
    ),
    "FED889": Code(
        "Test of 3scale that is not met",
        ERROR,
        "The adapter would find another service, other rules or other credentials than `threescale_tests` expects. Nothing is written.",
        "Correct the service that the message names, or the test.",
    ),
    "FED890": Code(
        "3scale's portal cannot be asked",
        ERROR,
        "The machine that runs Ansible reaches no portal at this URL, does not trust its certificate, or gets an answer that is none. Redirections "
        "are not followed: the access token would go along. No proxy is used.",
        "Correct `portal`: `url`, or `ca_cert`. Without a way to the portal write `token` and `mapping_rules` of each service.",
    ),
    "FED891": Code(
        "3scale's portal does not accept the access token",
        ERROR,
        "The token is wrong, or its scopes lack the Account Management API.",
        "Make an access token with the scope Account Management API and the right to read.",
    ),
    "FED892": Code(
        "Service that the portal cannot tell of",
        ERROR,
        "The portal has no such service, nothing promoted to its environment, no service token for it, or no mapping rules.",
        "Compare the id with the portal, and promote the configuration to the environment that the service names.",
    ),
    "FED893": Code(
        "Many may read the service tokens",
        WARNING,
        "What the adapter is told stands in clear in its object, service tokens among it. A group that is wider than the administrators may read it.",
        "Take the right to read these objects from the group, or give the workloads a namespace of their own.",
    ),
    "FED894": Code(
        "Nothing checks the tokens that the adapter looks into",
        WARNING,
        "Claims of a JSON Web Token are there only after a RequestAuthentication has checked it. Without one every request is refused with 403.",
        "Give the adapter `oidc`, or apply a RequestAuthentication for the same workloads.",
    ),
    "FED895": Code(
        "Host of 3scale that somebody else keeps",
        WARNING,
        "A ServiceEntry or DestinationRule of somebody else is for the same host in the same namespace. Two of one host contradict each other, so none "
        "is made.",
        "See that it has the port and TLS (mode SIMPLE) that the adapter needs, or delete it and run again.",
    ),
    "FED896": Code(
        "Secret without an access token",
        ERROR,
        "The Secret that `token_from` names does not exist, or its key holds no access token.",
        "Correct `token_from`, or what the Secret holds.",
    ),
    "FED897": Code(
        "Part of Mixer's 3scale without a counterpart",
        WARNING,
        "Mixer's handlers, instances and rules say it by attributes that the WebAssembly adapter does not have, or leave it to the portal.",
        "Decide what the message names, and write it into the draft by hand.",
    ),
    "FED898": Code(
        "Object in the way of 3scale's adapter",
        ERROR,
        "An object of this name stands and this collection did not make it for this mesh.",
        "Give the adapter another name, or take the object over with `federation_force: true`.",
    ),
    "FED899": Code(
        "Adapters that count each request twice",
        WARNING,
        "Each adapter that runs in a proxy reports each request to 3scale by itself, which counts for limits and bills.",
        "Narrow the selector of one, or put the services of both into one adapter.",
    ),
}
