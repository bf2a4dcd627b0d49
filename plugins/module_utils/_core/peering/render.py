# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The plan written down: manifests as files, our part of the control plane as a kustomize patch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..mesh.described import Mesh
from ..plain.errors import FederationError
from ..plain.kinds import CONTROL_PLANE
from .carrying import Received, what_is_missing
from .plan import plan_gateways, plan_peering

KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
_HEAD = """\
# Written by ossm.federation for mesh {mesh}. Written again by the next render; change the inventory, not this file.
"""


@dataclass(frozen=True)
class Parts:
    """What of a plan each peer gets: the control plane's parts and the manifests by our names of the peers, and who
    waits for what.
    """

    gateways: list[tuple[str, dict]]
    manifests: list[tuple[str, list[dict]]]
    pending: list[dict]

    def as_result(self, files: Sequence[str], diffs: Sequence[Mapping], left_out: Iterable[str]) -> dict:
        """Return the module's result; ``left_out`` says in words what else could not be written."""
        return {
            "changed": bool(diffs),
            "diff": diffs,
            "changes": [],
            "peers": [{"peer": name, "mesh": name, "state": "rendered"} for name, _manifests in self.manifests],
            "expected": [],
            "pending": [*self.pending, *({"peer": "", "reason": reason} for reason in left_out)],
            "left_alone": [],
            "findings": [],
            "findings_left_out": {},
            "unknown": [],
            "leftovers": [],
            "files": files,
        }


def check_described(mesh: Mesh, folder: str | None) -> None:
    """Refuse to write down what only a cluster could tell: FED318."""
    if not folder or not mesh.trust_domain:
        what = "render_dir" if not folder else "mesh_trust_domain"
        raise FederationError("FED318", where=what, what="is missing, and rendering asks no cluster", fix=f"Set {what}")
    mesh.check_suffixes()
    for peer in mesh.peers:
        if peer.adopt and not {"ingress", "egress"} <= peer.given:
            raise FederationError(
                "FED318",
                where=f"mesh_peers, {peer.local_name}, gateways",
                what="does not name the ingress and the egress that are to be adopted, and rendering asks no cluster",
                fix="Name both as the ServiceMeshPeer does",
            )


def parts_of(
    mesh: Mesh, received: Mapping[str, Received], version: tuple[int, int] | None, *, managed_gateways: bool
) -> Parts:
    """Return what is written down for each peer; one without a card waits for it."""
    parts = Parts([], [], [])
    for peer in mesh.peers:
        if managed_gateways:
            part = plan_gateways(mesh, peer, version=version, has_route_config=bool(version and version >= (2, 5)))
            parts.gateways.append((peer.local_name, part))
        found = received.get(peer.local_name)
        reason = what_is_missing(mesh, peer, found, is_planned=False)
        if reason or found is None:
            parts.pending.append({"peer": peer.local_name, "reason": reason})
        else:
            parts.manifests.append((peer.local_name, plan_peering(mesh, peer, found.card)))
    return parts


def is_ours(text: str, mesh: Mesh) -> bool:
    """Return whether a text is a file of this mesh's plan, by its first lines."""
    return text.startswith(_HEAD.format(mesh=mesh.name))


def files(
    mesh: Mesh,
    gateways: Sequence[tuple[str, Mapping]],
    peerings: Sequence[tuple[str, Sequence[Mapping]]],
    more: Mapping[str, Sequence[Mapping]] | None = None,
) -> dict[str, str]:
    """Return the files of one mesh's plan: path below the folder to text.

    ``gateways`` are our name of a peer with its control plane part as ``plan_gateways`` gives it, ``peerings`` our name
    of a peer with its manifests, ``more`` what else there is by its name: the rules of ``mesh_traffic``, extensions,
    what is around 3scale's adapters.

    The folder is a kustomize component: included where the control plane is kept, it patches the gateways in. It has no
    control plane to patch, so ``kubectl apply -k`` of it would leave them out without a word: for that there is
    ``apply``, one folder per field manager. Source: kustomize documentation, "components" and "patches".
    """
    head = _HEAD.format(mesh=mesh.name)
    written = {f"{name}-peering.yaml": documents(head, manifests) for name, manifests in peerings}
    others = {name: manifests for name, manifests in (more or {}).items() if manifests}
    written |= {f"{name}.yaml": documents(head, manifests) for name, manifests in others.items()}
    patch = merged([part for _name, part in gateways])
    component: dict = {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "resources": sorted(written),
    }
    if patch:
        written["control-plane-patch.yaml"] = documents(head, [patch])
        group, _slash, version = CONTROL_PLANE.api_version.partition("/")
        component["patches"] = [
            {
                "path": "control-plane-patch.yaml",
                "target": {
                    "group": group,
                    "version": version,
                    "kind": CONTROL_PLANE.name,
                    "name": mesh.control_plane,
                    "namespace": mesh.namespace,
                },
            }
        ]
    written["kustomization.yaml"] = documents(head, [component])
    for name, part in gateways:
        written.update(applicable(head, f"apply/{name}/gateways", [part]))
    for name, manifests in peerings:
        written.update(applicable(head, f"apply/{name}/peering", manifests))
    for name, manifests in others.items():
        written.update(applicable(head, f"apply/{name}", manifests))
    return {f"{mesh.name}/{name}": text for name, text in sorted(written.items())}


def applicable(head: str, folder: str, manifests: Sequence[Mapping]) -> dict[str, str]:
    """Return a folder that ``kubectl apply -k --server-side`` applies whole and in this order, as one field manager."""
    names = [f"{at}-{manifest['kind'].lower()}.yaml" for at, manifest in enumerate(manifests, start=1)]
    written = {f"{folder}/{name}": documents(head, [manifest]) for name, manifest in zip(names, manifests)}
    # Without sortOptions kustomize would put the sets before the peer, and the peer's roots anywhere.
    kustomization = {**KUSTOMIZATION, "resources": names, "sortOptions": {"order": "fifo"}}
    return {**written, f"{folder}/kustomization.yaml": documents(head, [kustomization])}


def merged(parts: Sequence[Mapping]) -> dict:
    """Return several parts of one object as one; they never say different things of one field."""
    whole: dict = {}
    for part in parts:
        _merge(whole, part)
    return whole


def _merge(into: dict, part: Mapping) -> None:
    for key, value in part.items():
        if isinstance(value, Mapping):
            _merge(into.setdefault(key, {}), value)
        else:
            into[key] = value


def documents(head: str, manifests: Sequence[Mapping]) -> str:
    """Return manifests as one YAML text below ``head``."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes texts of several lines as blocks and never refers from one place to another."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    Dumper.add_representer(str, _represent_text)
    texts = [
        yaml.dump(manifest, Dumper=Dumper, sort_keys=False, width=120, allow_unicode=True) for manifest in manifests
    ]
    return head + "---\n" + "---\n".join(texts)


def _represent_text(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)
