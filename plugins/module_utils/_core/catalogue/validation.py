# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of the report, and of Istio configuration that is wrong."""

from __future__ import annotations

from .code import ERROR, WARNING, Code

VALIDATION: dict[str, Code] = {
    "FED970": Code(
        "Saved report that cannot be compared with",
        ERROR,
        "`report_since` names the report of an earlier run, from which the page takes what has changed. Only the JSON that `report_json` "
        "writes has all of it; the HTML page and the report of other playbooks (`federation_report`) have not.",
        "Run `report` once with `report_json`, keep that file, and name it in `report_since` the next time.",
    ),
    "FED971": Code(
        "No Jinja2 for the page",
        ERROR,
        "The page is made by Jinja2, which Ansible itself needs. The machine that runs Ansible has it; another machine, or another Python "
        "on it, may not.",
        "Delegate the task to localhost and set `ansible_python_interpreter` to `ansible_playbook_python`, as playbook `report` does.",
    ),
    "FED972": Code(
        "Validation that fails the run",
        ERROR,
        "`validate` found something of a kind that `validate_fail_on` names. The lines before it, and the "
        "result, have all of it.",
        "Correct the objects that the lines name, or set `validate_fail_on: []` to look without failing.",
    ),
    "FED973": Code(
        "Policy that names a namespace that does not exist",
        WARNING,
        "An AuthorizationPolicy compares the namespace of the caller, and nobody calls from there.",
        "Correct the name, or remove it from the rule.",
    ),
    "FED974": Code(
        "Policy for a host that nobody can call",
        ERROR,
        "`hosts` of an AuthorizationPolicy are compared with the host that a call asks for. No Service, "
        "ServiceEntry, import, route or gateway of the mesh has this one.",
        "Correct the host, or remove it from the rule.",
    ),
    "FED975": Code(
        "Policy that names a service account that does not exist",
        ERROR,
        "A principal is `<trust domain>/ns/<namespace>/sa/<service account>`. Without the account no call "
        "arrives as it: an ALLOW admits nobody, a DENY refuses nobody.",
        "Correct the principal, or make the service account.",
    ),
    "FED976": Code(
        "Two DestinationRules for one host",
        WARNING,
        "In one namespace the traffic policy of the oldest rule for a host counts whole, those of others are "
        "passed over, and a subset counts once.",
        "Put both into one DestinationRule.",
    ),
    "FED977": Code(
        "DestinationRule for a host that does not exist",
        ERROR,
        "A rule for a host that no Service, ServiceEntry or import of the mesh has is obeyed by nobody.",
        "Correct `host`; write it in full, `<service>.<namespace>.svc.cluster.local`.",
    ),
    "FED978": Code(
        "Subset whose labels no workload has",
        ERROR,
        "A subset is those pods behind the host that have its labels. Without any, calls to it fail with 503 "
        "(UH).",
        "Correct the labels of the subset, or of the workload.",
    ),
    "FED979": Code(
        "Plain calls to a service that demands mutual TLS",
        ERROR,
        "The DestinationRule tells clients to call without the mesh's certificate, and a PeerAuthentication "
        "with mode STRICT refuses such calls.",
        "Take `tls` out of the DestinationRule or set `ISTIO_MUTUAL`; or set the PeerAuthentication to "
        "PERMISSIVE.",
    ),
    "FED980": Code(
        "Mutual TLS to a service that has turned it off",
        ERROR,
        "The DestinationRule tells clients to call with mutual TLS, and a PeerAuthentication with mode "
        "DISABLE takes plain calls only.",
        "Take `tls` out of the DestinationRule, or turn mutual TLS on where the service is.",
    ),
    "FED981": Code(
        "Subset without labels",
        WARNING,
        "A subset without labels is the whole host, unless its traffic policy is all that is wanted of it.",
        "Give the subset labels, or put its traffic policy into the rule's own.",
    ),
    "FED982": Code(
        "Two Gateways for one host and port",
        WARNING,
        "Two Gateways on the same workload have the same host at the same port. Only one of the two servers "
        "is made.",
        "Take the host out of one of them.",
    ),
    "FED983": Code(
        "Gateway that no workload serves",
        WARNING,
        "The selector of a Gateway names the labels of the ingress or egress pods. No pod of the mesh has "
        "these.",
        "Correct `selector`, or make the gateway in the control plane.",
    ),
    "FED984": Code(
        "Route to a host that does not exist",
        ERROR,
        "A destination that no Service, ServiceEntry or import of the mesh has: calls that take this route "
        "fail with 503. What a peer gives counts while it is connected.",
        "Correct the host; write it in full. For an import look at the status of the peer, and whether it "
        "offers the service.",
    ),
    "FED985": Code(
        "Route for a Gateway that does not exist",
        ERROR,
        "The VirtualService counts for nobody who comes through this Gateway.",
        "Correct `gateways`; write `<namespace>/<name>`.",
    ),
    "FED986": Code(
        "VirtualService without a route",
        ERROR,
        "Without `http`, `tls` or `tcp` it routes nothing, and takes the host from others that would.",
        "Write a route, or remove the object.",
    ),
    "FED987": Code(
        "Weight of an only destination",
        WARNING,
        "With one destination all calls go there, whatever its weight says.",
        "Remove the weight, or add the destination that is missing.",
    ),
    "FED988": Code(
        "Destination that stands twice in one route",
        WARNING,
        "Host, port and subset are those of another destination of the same route, so that their weights add "
        "up.",
        "Keep one of the two with the sum of the weights.",
    ),
    "FED989": Code(
        "Two VirtualServices for one host",
        WARNING,
        "Sidecars obey one VirtualService for a host, the oldest. A Gateway has the routes of both, in an "
        "order that nothing fixes.",
        "Put the routes into one VirtualService, or give each its own namespaces by `exportTo`.",
    ),
    "FED990": Code(
        "Subset that no DestinationRule has",
        WARNING,
        "A route names a subset of a host, and no DestinationRule that the route's namespace sees defines it: "
        "calls that take this route fail with 503 (NC).",
        "Add the subset to the DestinationRule of the host, or correct its name.",
    ),
    "FED991": Code(
        "Object that selects no workload",
        WARNING,
        "Its selector names labels that no pod, Deployment or StatefulSet has where it counts, so it does "
        "nothing.",
        "Correct the labels, or remove the object.",
    ),
    "FED992": Code(
        "Two objects without a selector in one namespace",
        ERROR,
        "Each of them is for the whole namespace, and only one counts.",
        "Remove one, or give it a selector.",
    ),
    "FED993": Code(
        "Sidecar that names a host that does not exist",
        WARNING,
        "`egress` of a Sidecar lists the hosts that a workload may know. This one is no Service, ServiceEntry "
        "or import of the mesh.",
        "Correct the host, `<namespace>/<name in full>`. Imported services stand in the control plane's "
        "namespace.",
    ),
    "FED994": Code(
        "TLS settings for a host that a peer gives",
        ERROR,
        "Calls to an imported service go to our egress gateway, by mutual TLS of the mesh. Any other mode "
        "breaks them.",
        "Leave `tls` out, or set `ISTIO_MUTUAL`.",
    ),
    "FED995": Code(
        "Policy that names an identity of a peer",
        WARNING,
        "Both gateways end mutual TLS: calls of a peer arrive with the identity of our own ingress gateway "
        "for it. An identity of the peer's trust domain is seen at the gateway only.",
        "Name the service account of our ingress gateway for that peer, or use `callers` of `mesh_traffic`.",
    ),
}
