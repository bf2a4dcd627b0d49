# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of insight: health, configuration, logs, images."""

from __future__ import annotations

from .code import ERROR, WARNING, Code

INSIGHT: dict[str, Code] = {
    "FED900": Code(
        "A pod does not answer",
        ERROR,
        "Envoy's admin interface and istiod's debug pages answer inside their pod only, so they are asked by port-forward, with the same "
        "account as every other request. The pod did not answer there: it does not run, nothing listens, or the way is cut.",
        "Look whether the pod runs and is ready, and run again.",
    ),
    "FED901": Code(
        "An answer of a pod that cannot be used",
        ERROR,
        "What a pod answers over a forwarded port is read as a stranger's: it is bounded in bytes and time and must have the shape that its "
        "version gives it.",
        "See which program answers on that port; nothing of the answer was used.",
    ),
    "FED902": Code(
        "Scaled to zero",
        ERROR,
        "The control plane wants this component and its Deployment has no replicas, so nobody does its work.",
        "Scale it up, or say in the ServiceMeshControlPlane that it is not wanted.",
    ),
    "FED903": Code(
        "Component that is not well",
        ERROR,
        "The component has too few pods that are available, or its own page says that it is not ready.",
        "Look at its pods (`oc describe`, `oc logs`): images, scheduling, quotas and probes are the usual causes.",
    ),
    "FED904": Code(
        "Component that is missing",
        ERROR,
        "The control plane says that this component is wanted, and it is not there.",
        "Look at the conditions of the ServiceMeshControlPlane and at its operator, which makes it.",
    ),
    "FED905": Code(
        "Gateway that nobody can reach",
        ERROR,
        "The gateway's pods are available, and its Service is missing or its load balancer has no address yet.",
        "Look at the events of the Service; the cloud's quota and the annotations of the load balancer are the usual causes.",
    ),
    "FED906": Code(
        "Certificate that ends soon",
        WARNING,
        "A root has less than 30 days left, or a certificate that renews itself was not renewed in time. When it ends, calls fail.",
        "Renew the root as `docs/changing.md` tells; where a proxy does not renew its certificate, look at istiod's log and the proxy's.",
    ),
    "FED907": Code(
        "Peer that is not connected both ways",
        ERROR,
        "One direction of the peering, or both, does not stand, or nothing proves that it does.",
        "Run `ossm.federation.status`, which shows the reasons by direction.",
    ),
    "FED908": Code(
        "Proxy that no istiod knows",
        ERROR,
        "The proxy runs and every istiod has answered, and none of them has a connection to it. It keeps its last configuration, and what has "
        "changed since then does not reach it. A new one serves nothing.",
        "Look at the proxy's log for token and certificate errors, and at network policies between the namespace and istiod.",
    ),
    "FED909": Code(
        "Configuration that a proxy rejects",
        ERROR,
        "The proxy has refused what istiod sent and works with what it had before. Later changes of the same type wait as well. Usually an "
        "EnvoyFilter, a Wasm extension, or two listeners for one address is the cause.",
        "Look at the proxy's log, which names the resource; istiod's log has `ACK ERROR` with the same words.",
    ),
    "FED910": Code(
        "Proxy that lags behind",
        WARNING,
        "What istiod sent last is not acknowledged. istiod keeps the last acknowledgement, so a rejection looks the same from there; here the "
        "proxy could not say more.",
        "Look again after a minute; if it stays, look at the proxy's log, its memory and its CPU limit.",
    ),
    "FED911": Code(
        "Proxy that waits for its certificates",
        ERROR,
        "The proxy has its clusters and never asked for listeners: it waits for its certificate and serves nothing, though by its "
        "acknowledgements it looks synced.",
        "Look at the proxy's log for the signing request; the token's audience, the clock and the CA of istiod are the usual causes.",
    ),
    "FED912": Code(
        "Proxy that istiod lists and that is gone",
        WARNING,
        "An istiod lists a proxy of which no pod is left. It costs a little memory and ends when the connection times out.",
        "Nothing has to be done; if there are many for hours, restart that istiod.",
    ),
    "FED913": Code(
        "Proxy of which nothing is known",
        WARNING,
        "A replica of istiod did not answer, two of them list the proxy, or it has only just started. So nobody can say whether it is in order.",
        "Give the account the rights of `playbooks/files/mesh-insight.yml`, see that all replicas of istiod run, and look again.",
    ),
    "FED914": Code(
        "Mesh that is not as health_require asks",
        ERROR,
        "The run looked at the mesh as a gate, and something of what the gate is about is not in order or could not be read.",
        "Follow the codes in the table. `health_require: none` shows the same and fails nothing.",
    ),
    "FED915": Code(
        "Certificate that has ended",
        ERROR,
        "A certificate or root that a gateway uses is no longer valid, so calls through it fail.",
        "Where a gateway does not renew its certificate, look at its log and at istiod's; a root is renewed as `docs/changing.md` tells.",
    ),
    "FED916": Code(
        "Import that is not reached",
        ERROR,
        "A request to an imported service, made from a pod with a sidecar, did not get to the service: an Envoy answered in its place, the "
        "connection was refused or closed, its name is not known in the pod, or no answer came in time.",
        "Run `diagnose` for that peer: it names the first thing on the way that does not hold, and who must act.",
    ),
    "FED917": Code(
        "Import of which it is not known whether it is reached",
        WARNING,
        "Nobody could ask, or the answer does not tell the service from a proxy: no pod has a program to ask with, a right is missing, the "
        "import's ports are not known, or an answer without a body has a status that both give.",
        "The evidence says which. Name a pod in `verify_from` whose image has curl, python3 or wget, and a path in `verify_paths`.",
    ),
    "FED918": Code(
        "Requests from containers that nobody has asked for",
        ERROR,
        "`verify` runs a program in the container of an application, which is somebody's own. So it does that only when it is told to.",
        "Set `verify_exec: true`, with the rights of `playbooks/files/mesh-verify.yml`.",
    ),
    "FED919": Code(
        "Mesh whose imports are not as verify_require asks",
        ERROR,
        "The run made requests as a gate, and an import was not reached, or could not be asked for.",
        "Follow the codes in the table, or run `diagnose`. `verify_require: none` shows the same and fails nothing.",
    ),
    "FED920": Code(
        "Configurations that differ",
        ERROR,
        "Two proxies that should have the same configuration have not, and `compare_fail` makes that a failure.",
        "Look at the fields that are shown. What differs by nature is folded away with `compare_fold`.",
    ),
    "FED921": Code(
        "Nothing to compare",
        ERROR,
        "A pod or workload that was named does not exist, has no proxy that runs, or its namespace cannot be read.",
        "Write it as namespace/name of a pod or of its workload, as `health` shows them.",
    ),
    "FED922": Code(
        "Dump that cannot be read",
        ERROR,
        "What should be the configuration of an Envoy has not the shape of one: it is no JSON, has no `configs`, or is too large.",
        "Give a file that `compare_save` has written, or what `pilot-agent request GET config_dump` prints.",
    ),
    "FED923": Code(
        "Path to fold away that is none",
        ERROR,
        "`compare_fold` lists paths of fields that may differ. A path begins with a section and has `/` between its names; `*` stands for "
        "one name, `**` for any number.",
        "Correct the path, such as `clusters/*/connect_timeout`. Names that hold `/` are written with `~1`.",
    ),
    "FED924": Code(
        "Comparison that is not clear",
        ERROR,
        "The words that say what is compared with what do not fit together.",
        "Give `compare_of`, and at most one of `compare_with` and `compare_with_file`. istiod is compared with one pod.",
    ),
    "FED925": Code(
        "Request that cannot be made as it is written",
        ERROR,
        "`verify_from` or `verify_paths` names something that is no pod, no path, or no import of the mesh.",
        "Write a pod or workload as namespace/name, an import as `status` shows it, and a path that begins with a slash.",
    ),
    "FED926": Code(
        "Argument that the event source does not know",
        ERROR,
        "A rulebook gives the event source `ossm.federation.federation` an argument that it does not have, or no `mesh`.",
        "Correct it: `docs/events.md` lists the arguments. Connection options are those of the modules.",
    ),
    "FED930": Code(
        "Access log that is off",
        WARNING,
        "The proxies of a mesh write an access log only where the control plane or a Telemetry object says so; by default they write none. "
        "Without it a request leaves no line in any proxy, and the logs hold applications' own lines and warnings of proxies alone.",
        "Set `spec.proxy.accessLogging.file: {name: /dev/stdout, encoding: JSON}` in the ServiceMeshControlPlane. Running proxies take it "
        "without a restart; requests from then on leave lines.",
    ),
    "FED931": Code(
        "Question that cannot be read",
        ERROR,
        "A variable of the playbooks `logs`, `diagnose` or `explain` is not of the shape that it has: a service, a status, "
        "a flag, a time, a format, or a regular expression that could take very long on a line that others wrote.",
        "Correct what the message names; `docs/logs.md` and `docs/diagnose.md` have an example of each.",
    ),
    "FED932": Code(
        "Too many logs at once",
        ERROR,
        "The logs of more containers are asked for than are read in one run.",
        "Name fewer workloads in `logs_of`, or the containers in `logs_containers`.",
    ),
    "FED933": Code(
        "Log that was cut",
        WARNING,
        "A container has written more than is read of it. The API server gives a log from its beginning, so the latest lines are missing.",
        "Ask for less time with `logs_since`, for the last lines with `logs_tail`, or for more with `logs_most_mib`.",
    ),
    "FED934": Code(
        "Name of an image that cannot be read",
        ERROR,
        "An image in a registry is named by the registry, the repository and a tag or a digest. A name without a registry means another one "
        "in each program, and user and password have no place in it.",
        "Write `registry.example/team/header:1.2@sha256:…`; for Docker Hub, `docker.io/team/header:1.2`.",
    ),
    "FED935": Code(
        "Registry that cannot be used",
        ERROR,
        "The registry does not answer within `registry_timeout`, its certificate is not valid, or it answers with something else than it was "
        "asked for. A proxy of the machine's environment is not used.",
        "Check the name of the image, `registry_ca_cert`, and the way from the machine that runs Ansible.",
    ),
    "FED936": Code(
        "Registry and login that do not fit",
        ERROR,
        "The registry refuses the login, or wants it where it does not belong: at another host than its own, or by plain HTTP.",
        "Give the login of an account with the right to read, or to write. Name the host that gives the registry's tokens in "
        "`registry_token_host`, if it is the registry's own.",
    ),
    "FED937": Code(
        "Registry that leads elsewhere",
        ERROR,
        "An answer leads away from TLS, to an address of this machine, its link or a private network that the registry is not in itself, round in circles, or "
        "has what is pushed sent to another host. Nothing was sent there.",
        "Ask who runs the registry.",
    ),
    "FED938": Code(
        "Tag that names another image",
        ERROR,
        "The tag stands in the registry already, for another image. Proxies that pull by the tag would run another module, each at its own time.",
        "Give each module a tag of its own, or set `move_tag: true`.",
    ),
    "FED939": Code(
        "Image that is not signed by the key",
        ERROR,
        "`public_key` was given, and the image has no signature, none by that key, or one that was made for another image. Signatures are looked for "
        "where `cosign sign --key` puts them, under the tag `sha256-<digest>.sig` beside the image. Keys are ECDSA on P-256, RSA from 2048 "
        "bits on, or Ed25519.",
        "Do not use the image until you know who built it. Sign it, or give the key of who signs.",
    ),
}
