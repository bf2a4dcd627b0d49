# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of insight: health, configuration, logs, images."""

from __future__ import annotations

from .code import ERROR, WARNING, Code

INSIGHT: dict[str, Code] = {
    "FED900": Code(
        "A pod does not answer",
        ERROR,
        "Envoy's admin interface and istiod's debug pages answer only inside their pod, so requests go by "
        "port-forward, with the same account as all other requests. The pod did not answer: it does not run, nothing "
        "listens, or the connection is blocked.",
        "Check that the pod runs and is ready, and run again.",
    ),
    "FED901": Code(
        "Unusable answer of a pod",
        ERROR,
        "Answers of a pod over a forwarded port are not trusted: their size and time are limited, and their structure "
        "must be that of the version.",
        "Find out which program answers on that port; nothing of the answer was used.",
    ),
    "FED902": Code(
        "Scaled to zero",
        ERROR,
        "The control plane needs this component, but its Deployment has no replicas.",
        "Scale it up, or turn it off in the ServiceMeshControlPlane.",
    ),
    "FED903": Code(
        "Component that is not healthy",
        ERROR,
        "The component has too few available pods, or reports that it is not ready.",
        "Look at its pods (`oc describe`, `oc logs`): images, scheduling, quotas and probes are the usual causes.",
    ),
    "FED904": Code(
        "Component that is missing",
        ERROR,
        "The control plane needs this component, but it does not exist.",
        "Look at the conditions of the ServiceMeshControlPlane and at the log of its operator, which creates it.",
    ),
    "FED905": Code(
        "Gateway that nobody can reach",
        ERROR,
        "The gateway's pods are available, but its Service is missing or its load balancer has no address yet.",
        "Look at the events of the Service; the cloud's quota and the annotations of the load balancer are the usual"
        " causes.",
    ),
    "FED906": Code(
        "Certificate that expires soon",
        WARNING,
        "A root expires in less than 30 days, or a certificate that is renewed automatically was not renewed in time. "
        "When it expires, calls fail.",
        "Renew the root as described in `docs/changing.md`; if a proxy does not renew its certificate, look at "
        "istiod's log and the proxy's.",
    ),
    "FED907": Code(
        "Peer that is not connected both ways",
        ERROR,
        "One direction of the peering, or both, is not connected, or nothing proves that it is.",
        "Run `ossm.federation.status`, which shows the reasons by direction.",
    ),
    "FED908": Code(
        "Proxy that is not connected to istiod",
        ERROR,
        "The proxy runs and every istiod has answered, but none of them has a connection to it. It keeps its last "
        "configuration and gets no changes. A new proxy serves nothing.",
        "Look at the proxy's log for token and certificate errors, and at network policies between the namespace and"
        " istiod.",
    ),
    "FED909": Code(
        "Configuration that a proxy rejects",
        ERROR,
        "The proxy has rejected the configuration from istiod and keeps the previous one. Later changes of the same "
        "type wait as well. The usual cause is an EnvoyFilter, a Wasm extension, or two listeners for one address.",
        "Look at the proxy's log, which names the resource; istiod's log has `ACK ERROR` with the same text.",
    ),
    "FED910": Code(
        "Proxy that lags behind",
        WARNING,
        "The proxy has not acknowledged the latest configuration from istiod. For istiod a rejection looks the same, "
        "and the proxy itself could not be asked.",
        "Check again after a minute; if it remains, look at the proxy's log, its memory and its CPU limit.",
    ),
    "FED911": Code(
        "Proxy that waits for its certificates",
        ERROR,
        "The proxy has its clusters but never asked for listeners: it waits for its certificate and serves nothing, "
        "although its acknowledgements look synced.",
        "Look at the proxy's log for the signing request; the token's audience, the clock and the CA of istiod are the"
        " usual causes.",
    ),
    "FED912": Code(
        "Listed proxy whose pod is gone",
        WARNING,
        "An istiod lists a proxy whose pod no longer exists. That costs a little memory until the connection times "
        "out.",
        "Nothing has to be done; if there are many for hours, restart that istiod pod.",
    ),
    "FED913": Code(
        "Proxy of unknown state",
        WARNING,
        "A replica of istiod did not answer, two of them list the proxy, or it has just started. So its state is "
        "unknown.",
        "Give the account the rights of `playbooks/files/mesh-insight.yml`, check that all replicas of istiod run, and "
        "run again.",
    ),
    "FED914": Code(
        "Mesh that does not meet health_require",
        ERROR,
        "The run was a gate, and a part of the mesh that `health_require` covers is not healthy or could not be read.",
        "Follow the codes in the table. `health_require: none` shows the same without failing.",
    ),
    "FED915": Code(
        "Expired certificate",
        ERROR,
        "A certificate or root that a gateway uses is no longer valid, so calls through it fail.",
        "If a gateway does not renew its certificate, look at its log and at istiod's; renew a root as described in "
        "`docs/changing.md`.",
    ),
    "FED916": Code(
        "Import that cannot be reached",
        ERROR,
        "A request to an imported service, made from a pod with a sidecar, did not reach the service: an Envoy "
        "answered in its place, the connection was refused or closed, the pod could not resolve its name, or no answer "
        "came in time.",
        "Run `diagnose` for that peer: it names the first step that fails, and who must act.",
    ),
    "FED917": Code(
        "Import that may not be reachable",
        WARNING,
        "No request could be made, or the answer may come from the service or from a proxy. Possible reasons: no pod "
        "has a program for requests, a right is missing, the import's ports are unknown, or an answer without a body "
        "has a status that both can give.",
        "The evidence says which. Name a pod in `verify_from` whose image has curl, python3 or wget, and a path in"
        " `verify_paths`.",
    ),
    "FED918": Code(
        "Requests from containers that were not allowed",
        ERROR,
        "`verify` runs a program in the container of an application that belongs to somebody else. So it does that "
        "only if you allow it.",
        "Set `verify_exec: true`, with the rights of `playbooks/files/mesh-verify.yml`.",
    ),
    "FED919": Code(
        "Mesh whose imports do not meet verify_require",
        ERROR,
        "The run was a gate, and an import was not reached or could not be tested.",
        "Follow the codes in the table, or run `diagnose`. `verify_require: none` shows the same without failing.",
    ),
    "FED920": Code(
        "Configurations that differ",
        ERROR,
        "Two proxies that should have the same configuration differ, and with `compare_fail` the run fails.",
        "Look at the listed fields. Exclude fields that always differ with `compare_fold`.",
    ),
    "FED921": Code(
        "Nothing to compare",
        ERROR,
        "A named pod or workload does not exist, has no running proxy, or its namespace cannot be read.",
        "Write it as namespace/name of a pod or of its workload, as `health` shows them.",
    ),
    "FED922": Code(
        "Dump that cannot be read",
        ERROR,
        "The file or answer is not the configuration of an Envoy: it is not JSON, has no `configs`, or is too large.",
        "Give a file that `compare_save` has written, or the output of `pilot-agent request GET config_dump`.",
    ),
    "FED923": Code(
        "Not a path of fields",
        ERROR,
        "`compare_fold` lists paths of fields that may differ. A path begins with a section and has `/` between its "
        "names; `*` matches one name, `**` any number.",
        "Correct the path; an example is `clusters/*/connect_timeout`. In a name, write `~1` for `/`.",
    ),
    "FED924": Code(
        "Comparison that is not clear",
        ERROR,
        "The variables that say what to compare contradict each other.",
        "Give `compare_of`, and at most one of `compare_with` and `compare_with_file`. istiod is compared with one"
        " pod.",
    ),
    "FED925": Code(
        "Request that cannot be made as described",
        ERROR,
        "`verify_from` or `verify_paths` has an entry that is not a pod, a path or an import of the mesh.",
        "Write a pod or workload as namespace/name, an import as `status` shows it, and a path that begins with a"
        " slash.",
    ),
    "FED926": Code(
        "Argument that the event source does not know",
        ERROR,
        "A rulebook gives the event source `ossm.federation.federation` an argument that it does not have, or no"
        " `mesh`.",
        "Correct it: `docs/events.md` lists the arguments. Connection options are those of the modules.",
    ),
    "FED930": Code(
        "Access log that is off",
        WARNING,
        "The proxies of a mesh write an access log only if the control plane or a Telemetry object turns it on; by "
        "default it is off. Without it no proxy logs requests, and the logs have only lines of applications and "
        "warnings of proxies.",
        "Set `spec.proxy.accessLogging.file: {name: /dev/stdout, encoding: JSON}` in the ServiceMeshControlPlane. "
        "Running proxies apply it without a restart and log later requests.",
    ),
    "FED931": Code(
        "Question that cannot be read",
        ERROR,
        "A variable of the playbooks `logs`, `diagnose` or `explain` has an invalid value: a service, a status, a "
        "flag, a time, a format, or a regular expression that could take very long on some lines.",
        "Correct what the message names; `docs/logs.md` and `docs/diagnose.md` have an example of each.",
    ),
    "FED932": Code(
        "Too many logs at once",
        ERROR,
        "The selection has more containers than one run reads.",
        "Name fewer workloads in `logs_of`, or the containers in `logs_containers`.",
    ),
    "FED933": Code(
        "Log that was cut",
        WARNING,
        "A container has written more than one run reads. The API server returns a log from its beginning, so the "
        "latest lines are missing.",
        "Ask for less time with `logs_since`, for the last lines with `logs_tail`, or for more with `logs_most_mib`.",
    ),
    "FED934": Code(
        "Name of an image that cannot be read",
        ERROR,
        "The name of an image has the registry, the repository and a tag or a digest. Without the registry each "
        "program uses another default, and the name must not have a user and password.",
        "Write `registry.example/team/header:1.2@sha256:…`; for Docker Hub, `docker.io/team/header:1.2`.",
    ),
    "FED935": Code(
        "Registry that cannot be used",
        ERROR,
        "The registry does not answer within `registry_timeout`, its certificate is not valid, or its answer is not "
        "what was requested. Proxies from the machine's environment are not used.",
        "Check the name of the image, `registry_ca_cert`, and the network of the machine that runs Ansible.",
    ),
    "FED936": Code(
        "Registry and login that do not match",
        ERROR,
        "The registry refuses the login, or asks for it in the wrong place: on another host, or over plain HTTP.",
        "Give the login of an account with the right to read, or to write. If the host that issues the registry's "
        "tokens belongs to the registry, name it in `registry_token_host`.",
    ),
    "FED937": Code(
        "Registry that redirects elsewhere",
        ERROR,
        "An answer redirects to plain HTTP, in a circle, or to an address of this machine, its link or a private "
        "network that the registry is not in itself; or it would send a push to another host. Nothing was sent there.",
        "Ask who runs the registry.",
    ),
    "FED938": Code(
        "Tag that names another image",
        ERROR,
        "The tag already exists in the registry, for another image. Proxies that pull by the tag would run another "
        "module, each from a different time on.",
        "Give each module its own tag, or set `move_tag: true`.",
    ),
    "FED939": Code(
        "Image that is not signed by the key",
        ERROR,
        "`public_key` was given, and the image has no signature, none by that key, or one that was made for another "
        "image. Signatures are searched where `cosign sign --key` puts them, under the tag `sha256-<digest>.sig` "
        "beside the image. Supported keys are ECDSA on P-256, RSA from 2048 bits on, and Ed25519.",
        "Do not use the image until you know who built it. Sign it, or give the signer's key.",
    ),
}
