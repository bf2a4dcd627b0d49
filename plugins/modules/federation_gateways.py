#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: federation_gateways
short_description: Keep the gateways of a mesh's federation
version_added: 0.1.0
author: [The ossm.federation authors (@ossm)]
description:
  - Keeps one ingress and one egress gateway per peer inside the mesh's ServiceMeshControlPlane, and returns where peers
    reach them.
  - Each peer's two gateways are applied by a field manager of their own, so the rest of the control plane stays with
    whoever keeps it.
attributes:
  check_mode: {support: full, description: Plans and shows everything; writes nothing.}
  diff_mode: {support: full, description: Shows the fields of the ServiceMeshControlPlane that change.}
  idempotent: {support: full, description: A second run changes nothing.}
options:
  state:
    description: Whether the gateways of I(peers) should be there.
    type: str
    choices: [present, absent]
    default: present
  managed:
    description:
      - Whether this module may write the gateways. When V(false), a control plane kept elsewhere (in Git, say) is only
        compared, and what is missing is an error that shows it.
    type: bool
    default: true
  prune:
    description: Remove gateways that this module made for peers that are no longer in O(peers).
    type: bool
    default: false
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.described
  - ossm.federation.force
"""

EXAMPLES = r"""
- name: Keep the gateways for one peer
  ossm.federation.federation_gateways:
    kubeconfig: east.kubeconfig
    mesh: east
    namespace: east-mesh-system
    peers: [west]
"""

RETURN = r"""
gateways:
  description: The gateways of each peer, and where the peer reaches the ingress.
  returned: success
  type: list
  elements: dict
  sample:
    - peer: west
      ingress: west-ingress
      egress: west-egress
      addresses: [192.0.2.10]
      discovery_port: 8188
      service_port: 15443
      pending: ""
leftovers:
  description: Peers whose gateways this module made and that are no longer in O(peers).
  returned: success
  type: list
  elements: str
  sample: []
left:
  description:
    - Gateways that stay although their peers go, since another field manager holds them too (O(force) removes them in spite of
      it), or with O(managed=false) those to take out where the control plane is kept.
  returned: success
  type: list
  elements: dict
  sample: []
control_plane:
  description: The mesh's control plane.
  returned: success
  type: dict
  sample: {name: basic, namespace: east-mesh-system, version: v2.3, trust_domain: east.local}
changes:
  description: What was changed, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample: []
"""

import json  # noqa: E402
from collections.abc import Mapping, Sequence  # noqa: E402
from datetime import datetime  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

from ..module_utils._arguments import CLUSTER  # noqa: E402
from ..module_utils._cluster import Cluster  # noqa: E402
from ..module_utils._core.adopting import check_gateways, gateway_keys, gateway_names, is_left_alone, is_ours  # noqa: E402
from ..module_utils._core.control_plane import ControlPlane, has_route_config  # noqa: E402
from ..module_utils._core.diff import (  # noqa: E402
    MISSING,
    Change,
    Difference,
    all_owners,
    as_diff,
    change_to,
    differences_between,
    holders,
    leaves,
    owned_leaves,
    path_text,
    removal_of,
    value_at,
)
from ..module_utils._core.errors import FederationError  # noqa: E402
from ..module_utils._core.kinds import CONTROL_PLANE, DISRUPTION_BUDGET, MANAGER, PEER_LABEL, SERVICE, gateways_manager  # noqa: E402
from ..module_utils._core.plan import ingress_of, plan_budgets, plan_gateways, plan_no_gateways  # noqa: E402
from ..module_utils._core.topology import Mesh  # noqa: E402
from ..module_utils._described import DESCRIBED, FORCE, described_mesh  # noqa: E402
from ..module_utils._live import described_control_plane, read_control_plane, standing_mesh  # noqa: E402
from ..module_utils._running import apply_changes, run_module  # noqa: E402

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "managed": {"type": "bool", "default": True},
    "prune": {"type": "bool", "default": False},
}


def run(module: AnsibleModule, cluster: Cluster, now: datetime) -> dict:
    """Bring the gateways to their desired state and return the module's result."""
    params = module.params
    mesh = described_mesh(params)
    control_plane = read_control_plane(cluster, mesh.namespace, mesh.control_plane)
    mesh, peers = standing_mesh(cluster, mesh, control_plane, managed=params["managed"])
    leftovers = [] if params["state"] == "absent" else made_for_others(control_plane, mesh)
    going: list[str] = []
    if params["state"] == "absent":
        going = [peer.local_name for peer in mesh.peers]
        changes = removals(mesh, control_plane, going, peers, is_planned=module.check_mode) if params["managed"] else []
    else:
        control_plane.check(mesh.trust_domain)
        mesh.check_suffixes(control_plane.cluster_domain)
        for warning in check_gateways(mesh, peers, control_plane, managed=params["managed"]):
            module.warn(warning)
        changes = additions(cluster, mesh, control_plane, peers, managed=params["managed"], force=params["force"])
        if params["prune"]:
            going = leftovers
            changes += removals(mesh, control_plane, going, peers, is_planned=module.check_mode)
    shared = shared_keys(control_plane, going) if params["managed"] else []
    if params["managed"] and params["force"] and params["state"] == "absent":
        shared += given_up_before(mesh, control_plane, peers)
    stays = left(mesh, control_plane, shared, managed=params["managed"], force=params["force"], state=params["state"])
    for row in stays:
        module.warn(f"{row['peer']}: {row['reason']}")
    changes += budgets(cluster, mesh, peers, going, state=params["state"], force=params["force"]) if params["managed"] else []
    if params["managed"]:
        apply_changes(module, cluster, changes)
    if params["managed"] and params["force"]:
        changes += taken_out(module, cluster, control_plane, shared)
    return {
        "changed": bool(changes),
        "diff": as_diff(changes),
        "changes": [change.summary() for change in changes],
        "gateways": [] if params["state"] == "absent" else reached(cluster, mesh, control_plane),
        "leftovers": leftovers,
        "left": stays,
        "control_plane": described_control_plane(control_plane),
    }


def additions(
    cluster: Cluster, mesh: Mesh, control_plane: ControlPlane, peers: Mapping[str, Mapping], *, managed: bool, force: bool
) -> list[Change]:
    """Return the changes that give every peer its gateways; when they are not ours to manage, refuse what is missing.

    A peer that somebody else made keeps the gateways that it has.
    """
    knows_route_config = has_route_config(cluster.schema(CONTROL_PLANE.api_version))
    changes, lacking = [], []
    for peer in mesh.peers:
        if is_left_alone(peer, peers.get(peer.local_name)):
            continue
        desired = plan_gateways(
            mesh,
            peer,
            version=control_plane.version,
            has_route_config=control_plane.writes_route_config(knows_route_config),
        )
        manager = gateways_manager(peer.local_name)
        if managed:
            change = change_to(control_plane.live, desired, manager, force=force, own=peer.adopt)
            changes += [change] if change else []
        else:
            differences = differences_between(control_plane.live, desired, manager)
            lacking += [(peer.local_name, d) for d in differences if d.after is not MISSING]
    refuse_missing(control_plane, lacking)
    return changes


def refuse_missing(control_plane: ControlPlane, lacking: Sequence[tuple[str, Difference]]) -> None:
    """Refuse gateways that are not as they must be and not ours to write: FED406 with every field as ``render`` writes it."""
    if not lacking:
        return
    fields = [
        {
            "peer": peer,
            "field": path_text(difference.path),
            "stands": None if difference.before is MISSING else difference.before,
            "wanted": difference.after,
        }
        for peer, difference in lacking
    ]
    told = "; ".join(
        f"{row['field']}: {json.dumps(row['wanted'])}" + ("" if row["stands"] is None else f" (is {json.dumps(row['stands'])})") for row in fields
    )
    raise FederationError(
        "FED406",
        where=f"{control_plane.place}, gateways for {', '.join(dict.fromkeys(peer for peer, _difference in lacking))}",
        what=f"are not as federation needs them, {len(fields)} fields: {told}",
        mend="Render them (playbook ossm.federation.render) into the place where the control plane is kept, "
        "or set mesh_gateways_managed: true",
        facts={"missing": fields},
    )


def removals(
    mesh: Mesh, control_plane: ControlPlane, names: Sequence[str], peers: Mapping[str, Mapping], *, is_planned: bool
) -> list[Change]:
    """Return the changes that take our keys for the peers of ``names`` out of the control plane, once their peerings are gone.

    ``peers`` are the live ServiceMeshPeers. A plan (check mode) may come while they stand: an earlier task would have removed them.
    """
    changes = []
    for name in names:
        change = change_to(control_plane.live, plan_no_gateways(mesh), gateways_manager(name))
        if change and name in peers and not is_planned:
            raise FederationError(
                "FED502",
                where=f"ServiceMeshPeer {mesh.namespace}/{name}",
                what="still uses the gateways that should go",
                mend="Remove the peering first: playbook ossm.federation.unfederate keeps the order",
            )
        changes += [change] if change else []
    return changes


def budgets(
    cluster: Cluster, mesh: Mesh, peers: Mapping[str, Mapping], going: Sequence[str], *, state: str, force: bool
) -> list[Change]:
    """Return the changes that keep the gateways' PodDisruptionBudgets as described, and take away those that are no longer.

    Reading them needs a right of its own, which is asked for only where one is described. Raises ``FederationError``
    FED418 for a budget of somebody else: two budgets on one pod stop every eviction.
    """
    concerned = [peer for peer in mesh.peers if state == "present" and not is_left_alone(peer, peers.get(peer.local_name))]
    wanted = {manifest["metadata"]["name"]: manifest for peer in concerned for manifest in plan_budgets(mesh, peer)}
    try:
        standing = {live["metadata"]["name"]: live for live in cluster.list(DISRUPTION_BUDGET, mesh.namespace)}
    except FederationError as error:
        if wanted or error.code not in ("FED104", "FED108"):
            raise
        return []
    changes = []
    for name, manifest in wanted.items():
        live = standing.get(name)
        if live is not None and not is_ours(live):
            raise FederationError(
                "FED418",
                where=f"PodDisruptionBudget {mesh.namespace}/{name}",
                what="is somebody else's; two budgets on one pod stop every eviction",
                mend="Leave disruption_budget out, or take the other away (spec.runtime.defaults.deployment.podDisruption makes them for all components)",
            )
        change = change_to(live, manifest, MANAGER, force=force)
        changes += [change] if change else []
    ended = {*going, *(peer.local_name for peer in concerned)}
    for name, live in standing.items():
        if is_ours(live) and name not in wanted and (live["metadata"].get("labels") or {}).get(PEER_LABEL) in ended:
            changes.append(removal_of(live, MANAGER))
    return changes


def shared_keys(control_plane: ControlPlane, names: Sequence[str]) -> list[dict]:
    """Return what another manager holds too of the gateways that we give up: they stay when we let go of our part."""
    rows = []
    for name in names:
        held = holders(control_plane.live, gateways_manager(name))
        keys = sorted({".".join(path[:4]) for holder in held for path in holder.paths if len(path) >= 4})
        if keys:
            rows.append({"peer": name, "keys": keys, "managers": sorted({holder.manager for holder in held})})
    return rows


def given_up_before(mesh: Mesh, control_plane: ControlPlane, peers: Mapping[str, Mapping]) -> list[dict]:
    """Return gateways of peers that are gone, of which an earlier run gave up our part: force removes them all the same.

    They are those that the peer's entry names, or that say themselves for whom they are, and that no peer uses.
    """
    used = {name for live in peers.values() for name in gateway_names(live)}
    ours = {path[:4] for peer in mesh.peers for path in owned_leaves(control_plane.live, gateways_manager(peer.local_name))}
    rows = []
    for peer in mesh.peers:
        found = gateway_keys(mesh, peer, control_plane) if peer.local_name not in peers else []
        keys = [key for key in found if tuple(key.split(".", 3)) not in ours and key.split(".", 3)[3] not in used]
        if keys:
            holding = {
                manager
                for manager, paths in all_owners(control_plane.live)
                if any((*key.split(".", 3), "enabled") in paths for key in keys)
            }
            rows.append({"peer": peer.local_name, "keys": keys, "managers": sorted(holding)})
    return rows


def taken_out(module: AnsibleModule, cluster: Cluster, control_plane: ControlPlane, shared: Sequence[dict]) -> list[Change]:
    """Remove gateways in spite of the managers that hold them too, and return the changes."""
    changes = []
    for row in shared:
        live = control_plane.live
        paths = [tuple(key.split(".", 3)) for key in row["keys"]]
        gone = tuple(
            Difference((*path, *below), value, MISSING) for path in paths for below, value in leaves(value_at(live, path))
        )
        manager = ", ".join(row["managers"])
        changes.append(Change("update", CONTROL_PLANE, control_plane.namespace, control_plane.name, manager, None, gone, control_plane.uid))
        if not module.check_mode:
            patch: dict = {"metadata": {"uid": control_plane.uid}, "spec": {"gateways": {}}}
            for _spec, _gateways, kind, name in paths:
                patch["spec"]["gateways"].setdefault(kind, {})[name] = None
            cluster.merge_patch(CONTROL_PLANE, control_plane.namespace, control_plane.name, patch)
            module.journal.done.append(f"update {control_plane.place}")
    return changes


def left(mesh: Mesh, control_plane: ControlPlane, shared: Sequence[dict], *, managed: bool, force: bool, state: str) -> list[dict]:
    """Return the gateways that stay although their peers go, why, and what to do about it."""
    if not managed and state == "absent":
        rows = [(peer.local_name, gateway_keys(mesh, peer, control_plane)) for peer in mesh.peers]
        what = "take out where the control plane is kept"
        return [{"peer": name, "keys": keys, "managers": [], "reason": f"{what}: {', '.join(keys)}"} for name, keys in rows if keys]
    if force:
        return []
    return [
        {
            **row,
            "reason": f"FED503 {', '.join(row['keys'])} stay, since {', '.join(row['managers'])} holds them too: take them out there, "
            f"or run once with federation_force: true and {_entry(row['keys'])} in the peer's entry",
        }
        for row in shared
    ]


def _entry(keys: Sequence[str]) -> str:
    """Return gateways by their places in a control plane as an entry of ``mesh_peers`` names them."""
    kinds = {"additionalIngress": "ingress", "additionalEgress": "egress"}
    named = sorted((kinds[kind], name) for _spec, _gateways, kind, name in (key.split(".", 3) for key in keys))
    return "gateways: {" + ", ".join(f"{kind}: {name}" for kind, name in reversed(named)) + "}"


def made_for_others(control_plane: ControlPlane, mesh: Mesh) -> list[str]:
    """Return the peers for which we own gateways although they are no longer described."""
    prefix = gateways_manager("")
    managers = {str(entry.get("manager")) for entry in control_plane.live["metadata"].get("managedFields") or []}
    described = {peer.local_name for peer in (*mesh.peers, *mesh.held)}
    return sorted(
        manager[len(prefix) :]
        for manager in managers
        if manager.startswith(prefix) and manager[len(prefix) :] not in described and owned_leaves(control_plane.live, manager)
    )


def reached(cluster: Cluster, mesh: Mesh, control_plane: ControlPlane) -> list[dict]:
    """Return where each peer reaches this mesh, as far as it is known now."""
    services = {live["metadata"]["name"]: live for live in cluster.list(SERVICE, mesh.namespace)}
    rows = []
    for peer in mesh.peers:
        ingress, pending = ingress_of(peer, mesh, control_plane.cluster_domain, services.get(peer.gateways.ingress))
        rows.append(
            {
                "peer": peer.local_name,
                "ingress": peer.gateways.ingress,
                "egress": peer.gateways.egress,
                "addresses": list(ingress.addresses) if ingress else None,
                "discovery_port": ingress.discovery_port if ingress else None,
                "service_port": ingress.service_port if ingress else None,
                "pending": pending,
            }
        )
    return rows


def main() -> None:
    module = AnsibleModule({**CLUSTER, **DESCRIBED, **FORCE, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
