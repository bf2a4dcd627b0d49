# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of objects on the cluster."""

from __future__ import annotations

from .code import ERROR, WARNING, Code

OBJECTS: dict[str, Code] = {
    "FED501": Code(
        "Made by someone else",
        ERROR,
        "An object of this peering does not have our label: somebody made it by hand or with another tool.",
        "Leave it to them, or set `adopt: true` for the peer to take it over.",
    ),
    "FED502": Code(
        "Not gone yet",
        ERROR,
        "Deleting a peer while a service is still exported to it stops istiod's federation until it is restarted, so "
        "each step waits for the previous one.",
        "Run again in a minute: emptied sets take effect when istiod looks, up to five minutes before version 2.5.",
    ),
    "FED503": Code(
        "Also kept by another field manager",
        WARNING,
        "The object that was taken over still has another field manager as well, `kubectl apply` or a GitOps tool. If "
        "this collection gives up its fields, the other manager's remain, and an automatic tool restores what is "
        "deleted.",
        "Remove it at its source, or run once with `federation_force: true`, which removes it nevertheless.",
    ),
    "FED505": Code(
        "An imported host is still used",
        ERROR,
        "A VirtualService, DestinationRule or AuthorizationPolicy of this mesh names a host that is imported from the "
        "peer to leave. Its traffic would fail as soon as the imports are removed, so nothing is emptied.",
        "Change or remove the objects that the message lists, or run with `unfederate_when: always`, which lists them "
        "and continues.",
    ),
    "FED506": Code(
        "Use of imported hosts cannot be ruled out",
        ERROR,
        "The account may not read the VirtualServices, DestinationRules or AuthorizationPolicies of a namespace, so it "
        "is unknown whether leaving breaks one.",
        "Ask for the Role of `playbooks/files/mesh-administrator.yml` there, or run with `unfederate_when: always`.",
    ),
    "FED507": Code(
        "Somebody else exports through this peer",
        ERROR,
        "The ServiceMeshPeer is ours, but the ExportedServiceSet is not, or another manager fills it again. Deleting a "
        "peer while something is exported through it stops istiod's federation until it is restarted, and this "
        "collection may not empty the set.",
        "Empty or remove the set at its source, or set `adopt: true` for the peer and run `federate` once; then leave.",
    ),
    "FED508": Code(
        "A host that is still used is removed",
        WARNING,
        "An import is removed (`unfederate_when: always`, or a rule of `mesh_imports` was removed) while objects of "
        "this mesh still name it. Or a host that is imported beside a local Service is from now on served by the local "
        "Service alone.",
        "Change or remove the objects that the message lists.",
    ),
    "FED509": Code(
        "Leftovers",
        WARNING,
        "Objects that this collection made for a peer that is no longer described: a peering, or what an interrupted"
        " run has left of it.",
        "Run `federate` with `federation_prune: true`, or `unfederate` with `unfederate_peers`; list the peer again to"
        " keep it.",
    ),
    "FED512": Code(
        "Owners that cannot be followed",
        WARNING,
        "The ownerReferences of a workload form a circle, or a chain that is longer than Kubernetes makes. So it is "
        "unknown what re-creates its pods, and they are not restarted; everything else is.",
        "Correct or remove the ownerReferences of the object that the message names. Its namespace's owner wrote them.",
    ),
    "FED515": Code(
        "Changed by another run meanwhile",
        ERROR,
        "Another run, with another description, wrote the same objects while this one did. Each write was complete, "
        "but the objects now come partly from one run and partly from the other.",
        "Find out who else runs playbooks for this mesh and which description is right, then run again.",
    ),
}
