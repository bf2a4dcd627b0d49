# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of traffic between meshes, and of shifting it."""

from __future__ import annotations

from .code import ERROR, WARNING, Code

TRAFFIC: dict[str, Code] = {
    "FED845": Code(
        "Import that a traffic rule still needs",
        ERROR,
        "`mesh_imports` does not take the service from that peer any more, and `mesh_traffic` still sends calls to it. They would fail from the moment the "
        "import goes, so nothing is written.",
        "Take the peer out of the rule of `mesh_traffic`, or put the rule of `mesh_imports` back.",
    ),
    "FED846": Code(
        "Callers that a policy cuts off",
        WARNING,
        "Prometheus has seen these callers of the workload in the last seven days, and the ALLOW policy of `callers` does not name them. A caller "
        "without an identity (plain text) can be named by no policy.",
        "Add them to `callers.local`, or rehearse with `dry_run: true` from 2.2 on. That a caller was not seen proves nothing.",
    ),
    "FED847": Code(
        "Clients without a known locality",
        WARNING,
        "istiod gives priorities and weights of localities only to a proxy that has a locality: from its Envoy, from the label `istio-locality` of its "
        "pod, or from its node where istiod reads nodes. Other clients share calls by number of endpoints.",
        "Label the pods (`istio-locality: <region>`) and restart them. To have Envoys asked, give the right of `mesh-insight.yml`.",
    ),
    "FED848": Code(
        "Rehearsal that would have refused somebody",
        WARNING,
        "Proxies of the workload have counted requests or connections that the rehearsed policy would refuse (`shadow_denied`). It refuses nobody yet, and "
        "with `enforce_after` its window begins anew.",
        "Add to `callers.local` who shall go on calling (with `traffic_prometheus_url` callers are named), or take `enforce_after` or `dry_run` out to "
        "cut off the others now.",
    ),
    "FED849": Code(
        "Rehearsal of which nobody can tell",
        WARNING,
        "The policy shall be enforced once its window has shown nobody whom it would refuse, and what proxies have counted is not known for the whole "
        "window: they may not be asked, or were restarted in it, and no Prometheus told. It stays a rehearsal.",
        "Give the account `pods/portforward` in the workload's namespace (`mesh-insight.yml`), set `traffic_prometheus_url`, or wait: after a restart the "
        "window begins anew. To enforce the policy now, take `enforce_after` out.",
    ),
    "FED850": Code(
        "Traffic rule that cannot be read",
        ERROR,
        "`mesh_traffic` is a list with one mapping per service. A key that is unknown, or there and empty, could "
        "mean anything, so it means nothing. `mesh_traffic: []` withdraws all that was there.",
        "Correct the entry; `docs/traffic.md` shows each key.",
    ),
    "FED851": Code(
        "Service that is not there",
        ERROR,
        "Traffic is routed to a service that stands in a member namespace, or that a peer gives under that name.",
        "Correct the name, written `namespace/name` as it is called in this mesh, or create the Service.",
    ),
    "FED852": Code(
        "Peer that the service does not go to, or come from",
        ERROR,
        "Failover needs the service imported as local under the same names, a share needs it imported, callers of "
        "a peer need it exported to that peer.",
        "Add the rule to `mesh_imports` or `mesh_exports`, run `federate`, then run again.",
    ),
    "FED853": Code(
        "Two traffic rules for one service",
        ERROR,
        "Of two rules for one host a proxy obeys one, and nobody said which.",
        "Write everything about one service in one entry.",
    ),
    "FED854": Code(
        "Service account that is not there",
        ERROR,
        "A policy that names an account that does not exist admits nobody, or shuts everybody out.",
        "Correct the name, written `namespace/name`, or create the account first.",
    ),
    "FED855": Code(
        "Weights that cannot be used",
        ERROR,
        "Shares are whole numbers that make 100 together, with `local` for this mesh. Inside one host no side can "
        "get nothing, because Istio empties each locality that has no weight.",
        "Correct the weights. To send a peer nothing, take the split out.",
    ),
    "FED856": Code(
        "Locality without its parents",
        ERROR,
        "istiod drops a locality whole, without an error, when it has a zone without its region or a subzone without its zone.",
        "Give the parts from the region down, as the labels of the nodes have them.",
    ),
    "FED857": Code(
        "Service that cannot be routed so",
        ERROR,
        "A headless Service is called pod by pod, an ExternalName Service has no endpoints, and a policy needs "
        "the selector of a Service to find its workload.",
        "Use a Service with a cluster IP and a selector.",
    ),
    "FED858": Code(
        "Failover and split of one service",
        ERROR,
        "Istio refuses `failover` and `distribute` in one rule, and a service has one imported name per peer. A "
        "split by weight already fails over by itself, since it ejects what fails.",
        "Keep one of the two, or import the service a second time from another export name.",
    ),
    "FED859": Code(
        "Host that a foreign VirtualService holds",
        ERROR,
        "Two VirtualServices for one host are merged in no fixed order, or one of them is ignored.",
        "Put the routes into the VirtualService that is there, or delete that.",
    ),
    "FED860": Code(
        "Host that a foreign DestinationRule holds",
        ERROR,
        "Of several DestinationRules for one host only the first one's traffic policy counts, and it counts "
        "whole. This collection never overwrites yours.",
        "Say `merge: true` to have the fields that the message shows merged into your rule, add them by hand, or delete your rule.",
    ),
    "FED861": Code(
        "Protocol that cannot be routed so",
        ERROR,
        "A split between two hosts needs a Service with one port of HTTP or TCP. Timeouts and retries are read by "
        "the client's sidecar, for HTTP only.",
        "Name the port for what it speaks, or use one Service per port.",
    ),
    "FED862": Code(
        "Local callers that nobody named",
        ERROR,
        "The first ALLOW policy on a workload cuts off every caller that no policy names: workloads of this mesh, "
        "ingress gateways, scrapers, and callers without an identity. Who calls today is not visible in the "
        "objects of the cluster, and no Prometheus told, or the version cannot rehearse, or the policy is enforced already.",
        "List the service accounts in `callers.local`, or write `local: nobody`. From 2.2 on, set `traffic_prometheus_url` to have the policy "
        "rehearsed with the callers that were seen.",
    ),
    "FED863": Code(
        "Object in the way",
        ERROR,
        "An object of somebody else has the name that a traffic rule needs, or a workload bears the label of a "
        "gateway and would be hit by the gateway's policy.",
        "Rename or delete that object, or take the label off the workload.",
    ),
    "FED864": Code(
        "Region that is not known",
        ERROR,
        "A split by weight inside one host, and failover on 2.1, follow regions. What has none gets no share.",
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
        "A service that is imported as local is one host with several localities; one that has a name of its own "
        "is a second host. One split cannot be both.",
        "Import the service from all peers of the split in the same way.",
    ),
    "FED867": Code(
        "Failover on a version that may not have it",
        WARNING,
        "OSSM-1211: reports disagree whether failover to a peer works on 2.1 to 2.3. It was fixed late in 2.1.z "
        "and in 2.2 by one account, by another it fails up to an unknown patch of 2.3.",
        "Try it before you rely on it: scale the local workload down and call the service.",
    ),
    "FED868": Code(
        "Traffic rules that cannot be read",
        ERROR,
        "Without reading VirtualServices, DestinationRules and AuthorizationPolicies of the mesh's namespaces "
        "nobody knows whether a host is held by somebody else.",
        "Ask a cluster administrator for the Role of `playbooks/files/mesh-traffic.yml`, explained in `docs/rights.md`.",
    ),
    "FED869": Code(
        "Split by number of endpoints",
        WARNING,
        "A service that is imported as local beside a local Service is shared by number of endpoints: each pod of "
        "our egress gateway counts as one. No rule says that this is meant.",
        "Add `failover_to` or `split` for it to `mesh_traffic`.",
    ),
    "FED870": Code(
        "Rule that would turn mutual TLS off",
        ERROR,
        "With `automtls: false` a host is called with mutual TLS only where a DestinationRule says so, and the "
        "traffic policy of a new rule counts whole.",
        "Turn `security.dataPlane.automtls` on, or keep a DestinationRule with `tls` for `*.local`, whose `tls` is taken over.",
    ),
    "FED871": Code(
        "Exported service whose policies refuse the peer",
        WARNING,
        "All callers of a peer arrive as this mesh's own ingress gateway for that peer. An ALLOW policy that lists only local "
        "callers, or a DENY that fits, answers them with 403, though the service is imported over there.",
        "Admit the peer: `callers: {from_mesh: [<peer>], local: [...]}` in `mesh_traffic`, or its gateway in your own policy.",
    ),
    "FED872": Code(
        "Shift whose state cannot be read",
        ERROR,
        "How far a share has moved, and what stood before, is in the annotation `ossm.federation/shift` of its object. Somebody has changed it, and "
        "a guess could send all calls to the wrong side.",
        "Take the annotation off the object. The next run of `traffic` then writes the goal, the next `shift` starts from what stands.",
    ),
    "FED873": Code(
        "Share that stands and has no name",
        ERROR,
        "The split on the cluster gives a share to a host or a region that belongs to none of the peers described, so there is no way from there "
        "to the goal.",
        "Describe that peer or its locality again, or run `traffic`, which writes the goal at once.",
    ),
    "FED874": Code(
        "Share that was stepped back",
        ERROR,
        "After a step too many calls failed, or nothing proved that they do not. The weights that stood before the first step stand again, and "
        "`traffic`, `site` and `federate` leave them alone.",
        "Find the cause, then run `shift` again, or end it with `shift_abort: true` and change `mesh_traffic`.",
    ),
    "FED875": Code(
        "Prometheus that does not answer",
        ERROR,
        "The URL cannot be used, the server does not answer in 20 seconds or 4 MiB, does not accept the token, or answers with something else "
        "than the result of a query. During a shift this proves nothing, so the share is stepped back unless `shift_unproven: go_on`.",
        "Check URL, CA certificate and token, and the way from the machine that runs Ansible.",
    ),
    "FED876": Code(
        "Share that is under way",
        WARNING,
        "`shift` moves this share, or has stepped it back. Other runs leave its weights alone, whatever `mesh_traffic` says.",
        "Run `shift` to go on, or `shift` with `shift_abort: true` to put back what stood before.",
    ),
    "FED877": Code(
        "Shift described wrongly",
        ERROR,
        "Steps rise to 100 per cent of the way, a pause has an end, and a share that moves needs a split in `mesh_traffic` as its goal.",
        "Correct the variable that the message names; `docs/traffic.md` shows each.",
    ),
    "FED878": Code(
        "Step that nothing has proven",
        WARNING,
        "Prometheus gave no number for the calls of a step, and `shift_unproven: go_on` lets the share move on all the same.",
        "See that Prometheus scrapes the sidecars of the callers, and that there are calls.",
    ),
    "FED879": Code(
        "Field that your DestinationRule sets otherwise",
        ERROR,
        "With `merge: true` the fields that a rule needs go into your DestinationRule. Yours has another value in one of them, or one of "
        "`distribute`, `failover` and `failoverPriority` beside the one that is needed. Nothing of yours is changed, even with force.",
        "Take the field out of your rule, or write the same value in both.",
    ),
}
