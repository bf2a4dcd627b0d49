# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of traffic between meshes, and of shifting it."""

from __future__ import annotations

from .code import ERROR, WARNING, Code

TRAFFIC: dict[str, Code] = {
    "FED845": Code(
        "Import that a traffic rule still needs",
        ERROR,
        "`mesh_imports` no longer imports the service from that peer, but `mesh_traffic` still sends calls to it. They "
        "would fail as soon as the import is removed, so nothing is written.",
        "Remove the peer from the rule of `mesh_traffic`, or restore the rule of `mesh_imports`.",
    ),
    "FED846": Code(
        "Callers that a policy cuts off",
        WARNING,
        "Prometheus has seen these callers of the workload in the last seven days, but the ALLOW policy of `callers` "
        "does not name them. No policy can name a caller without an identity (plain text).",
        "Add them to `callers.local`, or rehearse with `dry_run: true` from 2.2 on. That a caller was not seen proves"
        " nothing.",
    ),
    "FED847": Code(
        "Clients without a known locality",
        WARNING,
        "istiod gives priorities and weights of localities only to a proxy with a known locality: from its Envoy, from "
        "the label `istio-locality` of its "
        "pod, or from its node where istiod reads nodes. Other clients share calls by number of endpoints.",
        "Label the pods (`istio-locality: <region>`) and restart them. To let the collection ask the Envoys, give the "
        "right of `mesh-insight.yml`.",
    ),
    "FED848": Code(
        "Rehearsal that would have refused somebody",
        WARNING,
        "Proxies of the workload have counted requests or connections that the rehearsed policy would refuse "
        "(`shadow_denied`). It refuses nobody yet, and with `enforce_after` its window starts again.",
        "Add the callers to keep to `callers.local` (with `traffic_prometheus_url` callers are named), or remove "
        "`enforce_after` or `dry_run` to cut off the others now.",
    ),
    "FED849": Code(
        "Rehearsal with an unknown result",
        WARNING,
        "The policy is to be enforced once it would have refused nobody for a whole window, but the counts of the "
        "proxies are not known for the whole window. The account may not ask the proxies, or they were restarted, and "
        "no Prometheus has the numbers. It stays a rehearsal.",
        "Give the account `pods/portforward` in the workload's namespace (`mesh-insight.yml`), set "
        "`traffic_prometheus_url`, or wait: after a restart the window starts again. To enforce the policy now, remove "
        "`enforce_after`.",
    ),
    "FED850": Code(
        "Traffic rule that cannot be read",
        ERROR,
        "`mesh_traffic` is a list with one mapping per service. An unknown key, or a key with an empty value, is "
        "ambiguous, so it is refused. `mesh_traffic: []` withdraws all rules.",
        "Correct the entry; `docs/traffic.md` shows each key.",
    ),
    "FED851": Code(
        "Service that does not exist",
        ERROR,
        "A rule needs a Service that exists in a member namespace, or is imported from a peer under that name.",
        "Correct the name, written `namespace/name` as it is called in this mesh, or create the Service.",
    ),
    "FED852": Code(
        "Peer without the import or export that the rule needs",
        ERROR,
        "Failover needs the service imported as local under the same names, a share needs it imported, and callers of "
        "a peer need it exported to that peer.",
        "Add the rule to `mesh_imports` or `mesh_exports`, run `federate`, then run again.",
    ),
    "FED853": Code(
        "Two traffic rules for one service",
        ERROR,
        "A proxy uses only one of two rules for a host, and it is undefined which.",
        "Write everything about one service in one entry.",
    ),
    "FED854": Code(
        "Service account that does not exist",
        ERROR,
        "A policy for an account that does not exist admits nobody, or excludes everybody.",
        "Correct the name, written `namespace/name`, or create the account first.",
    ),
    "FED855": Code(
        "Weights that cannot be used",
        ERROR,
        "Shares are whole numbers with the sum 100, with `local` for this mesh. Within one host no share can be zero, "
        "because Istio removes the endpoints of a locality without a weight.",
        "Correct the weights. To send nothing to a peer, remove the split.",
    ),
    "FED856": Code(
        "Locality without its parents",
        ERROR,
        "istiod drops the whole locality, without an error, if it has a zone without its region or a subzone without "
        "its zone.",
        "Give the parts from the region down, as in the labels of the nodes.",
    ),
    "FED857": Code(
        "Service that cannot be routed this way",
        ERROR,
        "Clients call each pod of a headless Service directly, an ExternalName Service has no endpoints, and a policy "
        "needs "
        "the selector of a Service to find its workload.",
        "Use a Service with a cluster IP and a selector.",
    ),
    "FED858": Code(
        "Failover and split of one service",
        ERROR,
        "Istio refuses `failover` and `distribute` in one rule, and a service has one imported name per peer. A split "
        "by weight already fails over by itself, because it ejects failing endpoints.",
        "Keep one of the two, or import the service a second time from another export name.",
    ),
    "FED859": Code(
        "Host of somebody else's VirtualService",
        ERROR,
        "Two VirtualServices for one host are merged in no fixed order, or one of them is ignored.",
        "Put the routes into the existing VirtualService, or delete it.",
    ),
    "FED860": Code(
        "Host of somebody else's DestinationRule",
        ERROR,
        "Of several DestinationRules for one host only the traffic policy of the first one is used. This collection "
        "never overwrites yours.",
        "Set `merge: true` to merge the fields in the message into your rule, add them by hand, or delete your rule.",
    ),
    "FED861": Code(
        "Protocol that cannot be routed this way",
        ERROR,
        "A split between two hosts needs a Service with one HTTP or TCP port. Timeouts and retries work only for HTTP, "
        "in the client's sidecar.",
        "Name the port after its protocol, or use one Service per port.",
    ),
    "FED862": Code(
        "Local callers not named",
        ERROR,
        "The first ALLOW policy on a workload cuts off every caller that no policy names: workloads of this mesh, "
        "ingress gateways, scrapers, and callers without an identity. The objects of the cluster do not show the "
        "present callers; and either no Prometheus does, or the version cannot rehearse, or the policy is already "
        "enforced.",
        "List the service accounts in `callers.local`, or write `local: nobody`. From 2.2 on, set"
        " `traffic_prometheus_url` to have the policy rehearsed with the callers that were seen.",
    ),
    "FED863": Code(
        "Object in the way",
        ERROR,
        "An object of somebody else has the name that a traffic rule needs, or a workload has the label of a gateway, "
        "so the gateway's policy would apply to it.",
        "Rename or delete that object, or remove the label from the workload.",
    ),
    "FED864": Code(
        "Unknown region",
        ERROR,
        "A split by weight within one host, and failover on 2.1, use regions. Without a region a mesh gets no share.",
        "Set `mesh_locality`, and `locality` in `mesh_peers`; in a multi-tenant mesh label the pods "
        "(`istio-locality`), since istiod cannot read nodes there.",
    ),
    "FED865": Code(
        "Rehearsal that this version would enforce",
        ERROR,
        "Control planes before 2.2 ignore the annotation `istio.io/dry-run` and enforce the policy.",
        "Upgrade first, or leave `dry_run` out.",
    ),
    "FED866": Code(
        "Split of two kinds",
        ERROR,
        "A service that is imported as local is one host with several localities; a service with its own imported name "
        "is a second host. One split cannot use both.",
        "Import the service from all peers of the split in the same way.",
    ),
    "FED867": Code(
        "Failover on a version that may not support it",
        WARNING,
        "OSSM-1211: sources disagree whether failover to a peer works on 2.1 to 2.3. One says that it was fixed late "
        "in 2.1.z and in 2.2, another that it fails up to an unknown patch of 2.3.",
        "Try it before you rely on it: scale the local workload down and call the service.",
    ),
    "FED868": Code(
        "Traffic rules that cannot be read",
        ERROR,
        "The VirtualServices, DestinationRules and AuthorizationPolicies of the mesh's namespaces must be read to know "
        "whether somebody else has a rule for the host.",
        "Ask a cluster administrator for the Role of `playbooks/files/mesh-traffic.yml`, explained in"
        " `docs/rights.md`.",
    ),
    "FED869": Code(
        "Split by number of endpoints",
        WARNING,
        "Calls to a service that is imported as local beside a local Service are split by number of endpoints: each "
        "pod of our egress gateway counts as one. No rule of `mesh_traffic` confirms this.",
        "Add `failover_to` or `split` for it to `mesh_traffic`.",
    ),
    "FED870": Code(
        "Rule that would turn mutual TLS off",
        ERROR,
        "With `automtls: false` calls use mutual TLS only if a DestinationRule of the host says so, and a new rule "
        "replaces that rule's whole traffic policy.",
        "Turn `security.dataPlane.automtls` on, or keep a DestinationRule with `tls` for `*.local`, whose `tls` the "
        "new rule copies.",
    ),
    "FED871": Code(
        "Exported service whose policies refuse the peer",
        WARNING,
        "All callers of a peer arrive as this mesh's own ingress gateway for that peer. An ALLOW policy that lists only"
        " local callers, or a matching DENY, answers them with 403, although the service is imported in the peer's"
        " mesh.",
        "Admit the peer: `callers: {from_mesh: [<peer>], local: [...]}` in `mesh_traffic`, or its gateway in your own"
        " policy.",
    ),
    "FED872": Code(
        "Shift whose state cannot be read",
        ERROR,
        "The annotation `ossm.federation/shift` of the object records how far a share has moved, and the weights "
        "before. Somebody has changed it, and a guess could send all calls to the wrong mesh.",
        "Remove the annotation from the object. The next run of `traffic` then writes the goal; the next `shift` "
        "starts from the present weights.",
    ),
    "FED873": Code(
        "Share of an unknown peer or region",
        ERROR,
        "The split on the cluster has a share for a host or a region that belongs to none of the described peers, so "
        "no steps lead from it to the goal.",
        "Describe that peer or its locality again, or run `traffic`, which writes the goal immediately.",
    ),
    "FED874": Code(
        "Share that was stepped back",
        ERROR,
        "After a step too many calls failed, or nothing proved that they succeed. The weights from before the first "
        "step are restored, and `traffic`, `site` and `federate` leave them alone.",
        "Find the cause, then run `shift` again, or end it with `shift_abort: true` and change `mesh_traffic`.",
    ),
    "FED875": Code(
        "Prometheus that does not answer",
        ERROR,
        "The URL cannot be used, the server does not answer within 20 seconds and 4 MiB, does not accept the token, or"
        " refuses the question; or its answer has warnings, so it lacks a part, or is not the result of a query. During"
        " a shift this proves nothing, so the share is stepped back unless `shift_unproven: go_on`.",
        "Check the URL, the CA certificate, the token, and the network of the machine that runs Ansible.",
    ),
    "FED876": Code(
        "Share that is under way",
        WARNING,
        "`shift` is moving this share, or has stepped it back. Other runs leave its weights alone, whatever "
        "`mesh_traffic` says.",
        "Run `shift` to continue, or `shift` with `shift_abort: true` to restore the previous weights.",
    ),
    "FED877": Code(
        "Shift described wrongly",
        ERROR,
        "Steps must rise to 100 per cent, a pause must be limited, and a moving share needs a split in `mesh_traffic` "
        "as its goal.",
        "Correct the variable that the message names; `docs/traffic.md` shows each.",
    ),
    "FED878": Code(
        "Step without proof",
        WARNING,
        "Prometheus gave no number for the calls of a step, and `shift_unproven: go_on` lets the share move on "
        "nevertheless.",
        "Check that Prometheus scrapes the sidecars of the callers, and that there are calls.",
    ),
    "FED879": Code(
        "Field with another value in your DestinationRule",
        ERROR,
        "With `merge: true` this collection adds the fields of a rule to your DestinationRule. Yours has another value "
        "for one of them, or one of `distribute`, `failover` and `failoverPriority` beside the required one. Your "
        "fields are never changed, even with force.",
        "Remove the field from your rule, or write the same value in both.",
    ),
}
