# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of 3scale's adapter."""

from __future__ import annotations

from .code import ERROR, WARNING, Code

THREESCALE: dict[str, Code] = {
    "FED880": Code(
        "3scale described wrongly",
        ERROR,
        "A field of `mesh_threescale` or `threescale_tests` is missing or unknown, or has a value that the adapter "
        "does not accept. One wrong field invalidates the whole configuration: the adapter then refuses every request.",
        "Correct the field that the message names; `docs/threescale.md` lists all of them.",
    ),
    "FED881": Code(
        "Adapter or service described twice",
        ERROR,
        "An adapter is identified by namespace and name, a service of an adapter by its id. The second one would never "
        "be used.",
        "Give each adapter its own name, and each service one entry with all its authorities.",
    ),
    "FED882": Code(
        "Credentials that are never found",
        ERROR,
        "A service needs `user_key` or `app_id`. Each lookup has one source with keys; names of headers are in lower "
        "case, and only operations of the adapter are allowed. With anything else every request fails with 403.",
        "Correct the lookup that the message names.",
    ),
    "FED883": Code(
        "Mapping rule that cannot match, or not predictably",
        ERROR,
        "A pattern begins with `/`, may have `{name}` for variable parts, and ends with `$` if nothing may follow. The "
        "adapter interprets other characters in the path as a regular expression.",
        "Write the pattern with `{name}`, here or in the portal.",
    ),
    "FED884": Code(
        "3scale at an address that proxies cannot or must not call",
        ERROR,
        "Without TLS, service tokens and keys of callers are sent in the clear. A Service of a namespace outside the "
        "mesh has no cluster in the proxies, so the adapter refuses every request. So does an adapter in the control "
        "plane's namespace for workloads elsewhere: only proxies of the adapter's own namespace know a host outside "
        "the cluster.",
        "Write `https://`, or name a Service of a member namespace; describe an adapter in each namespace of its"
        " workloads.",
    ),
    "FED885": Code(
        "Tokens that would be handed to the application",
        ERROR,
        "With `passthrough_metadata` the adapter does not ask 3scale: it passes the service token, the caller's key "
        "and the usages to the application as request headers. Only the application can then refuse a request.",
        "Leave it out, or confirm it: `passthrough_metadata: forward-tokens-to-the-application`.",
    ),
    "FED886": Code(
        "Rules that the adapter fetches by itself",
        ERROR,
        "The adapter of 0.0.1 never uses `system`. Later versions poll the portal from every proxy, and add the "
        "fetched rules to `mapping_rules`, so that each request counts twice. The access token would be stored in the "
        "mesh.",
        "Leave `system` out: the playbook fetches service tokens and rules and writes them.",
    ),
    "FED887": Code(
        "Not chosen how one adapter replaces the other",
        ERROR,
        "A ServiceMeshExtension and a WasmPlugin together report each request twice, which affects limits and bills. "
        "With neither of them the API is open. There is no third way, so you have to choose.",
        "Write `switch: overlap` (requests count twice meanwhile) or `switch: deny` (every request is refused "
        "meanwhile).",
    ),
    "FED888": Code(
        "Unknown whether the new adapter is loaded",
        ERROR,
        "A WasmPlugin has no status. Before the old adapter, or the policy that refuses all requests, is removed, the "
        "playbook asks every proxy whether it runs the new adapter. Where the proxies do not tell, somebody has to "
        "check. A new adapter that does not load beside the old one is removed again; with `switch: deny` it stays, "
        "and requests stay refused.",
        "Look into the pods of `facts.selected`, then run again with `threescale_loaded`. If it does not load, correct "
        "it, or set `kind` back, and run again.",
    ),
    "FED889": Code(
        "Test of 3scale that fails",
        ERROR,
        "The adapter would find another service, other rules or other credentials than `threescale_tests` expects."
        " Nothing is written.",
        "Correct the service that the message names, or the test.",
    ),
    "FED890": Code(
        "3scale's portal cannot be asked",
        ERROR,
        "The machine that runs Ansible cannot reach a portal at this URL, does not trust its certificate, or gets an "
        "invalid answer. Redirections are not followed, because they would send the access token elsewhere. No proxy "
        "is used.",
        "Correct `portal`: `url`, or `ca_cert`. Without a way to the portal write `token` and `mapping_rules` of each"
        " service.",
    ),
    "FED891": Code(
        "3scale's portal does not accept the access token",
        ERROR,
        "The token is wrong, or its scopes lack the Account Management API.",
        "Make an access token with the scope Account Management API and the right to read.",
    ),
    "FED892": Code(
        "Service without a configuration in the portal",
        ERROR,
        "The portal has no such service, nothing promoted to its environment, no service token for it, or no mapping"
        " rules.",
        "Compare the id with the portal, and promote the configuration to the environment that the service names.",
    ),
    "FED893": Code(
        "A wide group may read the service tokens",
        WARNING,
        "The adapter's object contains its configuration in the clear, including service tokens. A group that is wider "
        "than the administrators may read it.",
        "Remove the group's right to read these objects, or move the workloads to their own namespace.",
    ),
    "FED894": Code(
        "Nothing checks the tokens that the adapter reads",
        WARNING,
        "The adapter sees the claims of a JSON Web Token only after a RequestAuthentication has checked it. Without "
        "one it refuses every request with 403.",
        "Give the adapter `oidc`, or apply a RequestAuthentication for the same workloads.",
    ),
    "FED895": Code(
        "Host of 3scale that somebody else manages",
        WARNING,
        "The namespace has a ServiceEntry or DestinationRule of somebody else for the same host. Two for one host "
        "contradict each other, so none is created.",
        "Check that it has the port and TLS (mode SIMPLE) that the adapter needs, or delete it and run again.",
    ),
    "FED896": Code(
        "Secret without an access token",
        ERROR,
        "The Secret that `token_from` names does not exist, or its key has no access token.",
        "Correct `token_from`, or the content of the Secret.",
    ),
    "FED897": Code(
        "Part of Mixer's 3scale without a counterpart",
        WARNING,
        "Mixer's handlers, instances and rules express it by attributes that the WebAssembly adapter does not have, or "
        "leave it to the portal.",
        "Decide about what the message names, and write it into the draft by hand.",
    ),
    "FED898": Code(
        "Object in the way of 3scale's adapter",
        ERROR,
        "An object of this name exists, and this collection did not make it for this mesh.",
        "Give the adapter another name, or take the object over with `federation_force: true`.",
    ),
    "FED899": Code(
        "Adapters that count each request twice",
        WARNING,
        "Each adapter that runs in a proxy reports each request to 3scale, which affects limits and bills.",
        "Narrow the selector of one, or put the services of both into one adapter.",
    ),
}
