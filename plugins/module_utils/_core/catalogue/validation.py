# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of the report, and of Istio configuration that is wrong."""

from __future__ import annotations

from .code import ERROR, WARNING, Code

VALIDATION: dict[str, Code] = {
    "FED970": Code(
        "Saved report that cannot be compared",
        ERROR,
        "`report_since` names the report of an earlier run, from which the page takes what has changed. Only the JSON "
        "that `report_json` writes is complete; the HTML page and the report of other playbooks (`federation_report`) "
        "are not.",
        "Run `report` once with `report_json`, keep that file, and name it in `report_since` the next time.",
    ),
    "FED971": Code(
        "No Jinja2 for the page",
        ERROR,
        "Jinja2, which Ansible needs anyway, makes the page. The machine that runs Ansible has it; another machine, or "
        "another Python on it, may not.",
        "Delegate the task to localhost and set `ansible_python_interpreter` to `ansible_playbook_python`, as playbook"
        " `report` does.",
    ),
    "FED972": Code(
        "Validation that fails the run",
        ERROR,
        "`validate` found a problem of a level in `validate_fail_on`. The lines above, and the result, list all "
        "problems.",
        "Correct the objects that the lines name, or set `validate_fail_on: []` to validate without failing.",
    ),
    "FED973": Code(
        "Policy that names a namespace that does not exist",
        WARNING,
        "An AuthorizationPolicy compares the caller's namespace, and no caller is in a namespace that does not exist.",
        "Correct the name, or remove it from the rule.",
    ),
    "FED974": Code(
        "Policy for a host that nobody can call",
        ERROR,
        "`hosts` of an AuthorizationPolicy are compared with the host of a request. No Service, ServiceEntry, import, "
        "route or gateway of the mesh has this host.",
        "Correct the host, or remove it from the rule.",
    ),
    "FED975": Code(
        "Policy that names a service account that does not exist",
        ERROR,
        "A principal is `<trust domain>/ns/<namespace>/sa/<service account>`. Without the account no call has this "
        "principal: an ALLOW admits nobody, a DENY refuses nobody.",
        "Correct the principal, or create the service account.",
    ),
    "FED976": Code(
        "Two DestinationRules for one host",
        WARNING,
        "In a namespace only the traffic policy of the oldest rule for a host counts; those of the others are ignored, "
        "and each subset is used once.",
        "Put both into one DestinationRule.",
    ),
    "FED977": Code(
        "DestinationRule for a host that does not exist",
        ERROR,
        "No Service, ServiceEntry or import of the mesh has this host, so the rule has no effect.",
        "Correct `host`; write it in full, `<service>.<namespace>.svc.cluster.local`.",
    ),
    "FED978": Code(
        "Subset whose labels no workload has",
        ERROR,
        "A subset is the pods of the host that have its labels. Without such pods, calls to it fail with 503 (UH).",
        "Correct the labels of the subset, or of the workload.",
    ),
    "FED979": Code(
        "Plain calls to a service that requires mutual TLS",
        ERROR,
        "The DestinationRule tells clients to call without the mesh's certificate, and a PeerAuthentication "
        "with mode STRICT refuses such calls.",
        "Remove `tls` from the DestinationRule or set `ISTIO_MUTUAL`; or set the PeerAuthentication to PERMISSIVE.",
    ),
    "FED980": Code(
        "Mutual TLS to a service that has turned it off",
        ERROR,
        "The DestinationRule tells clients to call with mutual TLS, and a PeerAuthentication with mode DISABLE accepts "
        "plain calls only.",
        "Remove `tls` from the DestinationRule, or turn mutual TLS on for the service.",
    ),
    "FED981": Code(
        "Subset without labels",
        WARNING,
        "A subset without labels is the whole host, so it is useful only for its traffic policy.",
        "Give the subset labels, or put its traffic policy into the rule's own.",
    ),
    "FED982": Code(
        "Two Gateways for one host and port",
        WARNING,
        "Two Gateways on the same workload have the same host at the same port. Only one of the two servers is "
        "created.",
        "Remove the host from one of them.",
    ),
    "FED983": Code(
        "Gateway that no workload serves",
        WARNING,
        "The selector of a Gateway names the labels of its ingress or egress pods. No pod of the mesh has these "
        "labels.",
        "Correct `selector`, or create the gateway in the control plane.",
    ),
    "FED984": Code(
        "Route to a host that does not exist",
        ERROR,
        "No Service, ServiceEntry or import of the mesh has this destination, so calls that take this route fail with "
        "503. Imports count while the peer is connected.",
        "Correct the host; write it in full. For an import check the status of the peer, and whether it exports the "
        "service.",
    ),
    "FED985": Code(
        "Route for a Gateway that does not exist",
        ERROR,
        "The VirtualService names a Gateway that does not exist, so no calls get its routes through that Gateway.",
        "Correct `gateways`; write `<namespace>/<name>`.",
    ),
    "FED986": Code(
        "VirtualService without a route",
        ERROR,
        "Without `http`, `tls` or `tcp` it routes nothing, and takes the host away from other VirtualServices.",
        "Write a route, or remove the object.",
    ),
    "FED987": Code(
        "Weight of an only destination",
        WARNING,
        "With one destination all calls go there, whatever its weight is.",
        "Remove the weight, or add the destination that is missing.",
    ),
    "FED988": Code(
        "Destination listed twice in one route",
        WARNING,
        "Another destination of the same route has the same host, port and subset, so their weights add up.",
        "Keep one of the two with the sum of the weights.",
    ),
    "FED989": Code(
        "Two VirtualServices for one host",
        WARNING,
        "Sidecars use only the oldest VirtualService for a host. A Gateway has the routes of both, in no fixed order.",
        "Put the routes into one VirtualService, or separate their namespaces with `exportTo`.",
    ),
    "FED990": Code(
        "Subset that no DestinationRule has",
        WARNING,
        "A route names a subset of a host, but no DestinationRule that is visible in the route's namespace defines it: "
        "calls that take this route fail with 503 (NC).",
        "Add the subset to the DestinationRule of the host, or correct its name.",
    ),
    "FED991": Code(
        "Object that selects no workload",
        WARNING,
        "In the namespaces where it applies no pod, Deployment or StatefulSet has the labels of its selector, so it "
        "has no effect.",
        "Correct the labels, or remove the object.",
    ),
    "FED992": Code(
        "Two objects without a selector in one namespace",
        ERROR,
        "Each of them is for the whole namespace, but only one is used.",
        "Remove one, or give it a selector.",
    ),
    "FED993": Code(
        "Sidecar that names a host that does not exist",
        WARNING,
        "`egress` of a Sidecar lists the hosts that a workload knows. No Service, ServiceEntry or import of the mesh "
        "has this host.",
        "Correct the host, `<namespace>/<name in full>`. Imported services are in the control plane's namespace.",
    ),
    "FED994": Code(
        "TLS settings for an imported host",
        ERROR,
        "Calls to an imported service go to our egress gateway with the mesh's mutual TLS. Any other mode breaks them.",
        "Remove `tls`, or set `ISTIO_MUTUAL`.",
    ),
    "FED995": Code(
        "Policy that names an identity of a peer",
        WARNING,
        "The gateways terminate mutual TLS: calls from a peer arrive with the identity of our ingress gateway for that "
        "peer. Only the gateway sees identities of the peer's trust domain.",
        "Name the service account of our ingress gateway for that peer, or use `callers` of `mesh_traffic`.",
    ),
}
