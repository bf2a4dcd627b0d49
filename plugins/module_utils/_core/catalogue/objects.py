# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of objects on the cluster."""

from __future__ import annotations

from .code import ERROR, WARNING, Code

OBJECTS: dict[str, Code] = {
    "FED501": Code(
        "Made by someone else",
        ERROR,
        "An object of this peering carries no label of ours: somebody made it by hand or with another tool.",
        "Leave it to them, or set `adopt: true` for the peer to take it over.",
    ),
    "FED502": Code(
        "Not gone yet",
        ERROR,
        "Deleting a peer while a service is still exported to it stops istiod's federation until it is restarted, so each step waits for the one before.",
        "Run again in a minute: emptied sets take effect when istiod looks, up to five minutes before version 2.5.",
    ),
    "FED503": Code(
        "Kept by somebody else too",
        WARNING,
        "What was taken over still belongs to another field manager as well, `kubectl apply` or a GitOps tool. Giving up our part leaves theirs, and "
        "a tool that runs by itself brings back what is deleted.",
        "Take it out where they keep it, or run once with `federation_force: true`, which removes it in spite of them.",
    ),
    "FED505": Code(
        "An imported host is still used",
        ERROR,
        "A VirtualService, DestinationRule or AuthorizationPolicy of this mesh names a host that comes from the peer to leave. Its share of the traffic would "
        "turn into errors the moment the imports go, so nothing is emptied first.",
        "Change or remove the objects that the message lists, or run with `unfederate_when: always`, which lists them and goes on.",
    ),
    "FED506": Code(
        "Use of imported hosts cannot be ruled out",
        ERROR,
        "The account may not read the VirtualServices, DestinationRules or AuthorizationPolicies of a namespace, so nobody knows whether leaving breaks one.",
        "Ask for the Role of `playbooks/files/mesh-administrator.yml` there, or run with `unfederate_when: always`.",
    ),
    "FED507": Code(
        "Somebody else exports through this peer",
        ERROR,
        "The ServiceMeshPeer is ours, the ExportedServiceSet is not, or is filled again by another manager. A peer that is deleted while something is exported "
        "through it stops istiod's federation until it is restarted, and the set is not ours to empty.",
        "Empty or remove the set where it is kept, or set `adopt: true` for the peer and run `federate` once; then leave.",
    ),
    "FED508": Code(
        "A host that is used goes away",
        WARNING,
        "An import goes (`unfederate_when: always`, or a rule of `mesh_imports` that was dropped) and objects of this mesh still name it; "
        "or a host that is imported beside a local Service is served by that alone from now on.",
        "Change or remove the objects that the message lists.",
    ),
    "FED509": Code(
        "Leftovers",
        WARNING,
        "Objects that this collection made for a peer that is no longer described: a peering, or what an interrupted run has left of it.",
        "Run `federate` with `federation_prune: true`, or `unfederate` with `unfederate_peers`; list the peer again to keep it.",
    ),
    "FED512": Code(
        "Owners that lead nowhere",
        WARNING,
        "The ownerReferences of a workload come back to where they started, or are longer than Kubernetes makes them. Nobody can say what makes its "
        "pods again, so nothing of it is restarted; everything else is.",
        "Correct or remove the ownerReferences of the object that the message names. Its namespace's owner wrote them.",
    ),
    "FED515": Code(
        "Changed by another run meanwhile",
        ERROR,
        "Another run, with another description, wrote the same objects while this one did. Each of its writes was whole, but what stands "
        "now is partly the one's and partly the other's.",
        "See who else runs playbooks for this mesh and which description holds, then run again.",
    ),
}
