# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The plan written down: manifests as files, our part of the control plane as a kustomize patch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..mesh.topology import Mesh
from ..plain.kinds import CONTROL_PLANE

_HEAD = """\
# Written by ossm.federation for mesh {mesh}. Written again by the next render; change the inventory, not this file.
"""


def is_ours(text: str, mesh: Mesh) -> bool:
    """Return whether a text is a file of this mesh's plan, by its first lines."""
    return text.startswith(_HEAD.format(mesh=mesh.name))


def files(mesh: Mesh, gateways: Sequence[Mapping], peerings: Sequence[tuple[str, Sequence[Mapping]]]) -> dict[str, str]:
    """Return the files of one mesh's plan: path below the folder to text.

    ``gateways`` are control plane parts as ``plan_gateways`` gives them, ``peerings`` our name of a peer with its
    manifests. The folder is a kustomize component: included where the control plane is kept, it patches the gateways
    in. Source: kustomize documentation, "components" and "patches".
    """
    written = {f"{name}-peering.yaml": _documents(mesh, manifests) for name, manifests in peerings}
    patch = merged(gateways)
    component: dict = {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "resources": sorted(written),
    }
    if patch:
        written["control-plane-patch.yaml"] = _documents(mesh, [patch])
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
    written["kustomization.yaml"] = _documents(mesh, [component])
    return {f"{mesh.name}/{name}": text for name, text in sorted(written.items())}


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


def _documents(mesh: Mesh, manifests: Sequence[Mapping]) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes texts of several lines as blocks and never refers from one place to another."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    Dumper.add_representer(str, _represent_text)
    texts = [yaml.dump(manifest, Dumper=Dumper, sort_keys=False, width=120, allow_unicode=True) for manifest in manifests]
    return _HEAD.format(mesh=mesh.name) + "---\n" + "---\n".join(texts)


def _represent_text(dumper: object, text: str) -> object:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)
