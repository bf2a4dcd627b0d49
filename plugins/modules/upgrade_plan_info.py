#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: upgrade_plan_info
short_description: Tell what an upgrade of a control plane takes
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Tells each minor version on the way, what stops the control plane there, what changes under the user's feet, and which sidecars are old.
  - Reads only.
seealso:
  - module: ossm.federation.control_plane
  - module: ossm.federation.data_plane
attributes:
  check_mode: {support: full, description: Reads only.}
  diff_mode: {support: none, description: Reads only.}
options:
  to:
    description: The version to arrive at, such as C(v2.3).
    type: str
    required: true
  remove_mixer:
    description: Whether the upgrade takes Mixer and the 3scale add-on out by itself, so that neither stops it.
    type: bool
    default: false
  convert_extensions:
    description: Whether the upgrade turns ServiceMeshExtensions into WasmPlugins on 2.2, so that they do not stop it.
    type: bool
    default: false
  images:
    description: What M(ossm.federation.extension_conversion) is told of images, so that the plan names the extensions that cannot be converted.
    type: dict
    default: {}
  strict:
    description: Whether to fail when the first step is stopped.
    type: bool
    default: false
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
"""

EXAMPLES = r"""
- name: See what lies between this mesh and version 2.3
  ossm.federation.upgrade_plan_info:
    kubeconfig: east.kubeconfig
    mesh: east
    to: v2.3

- name: See what an upgrade to 2.6 would stop at, extensions included
  ossm.federation.upgrade_plan_info:
    kubeconfig: east.kubeconfig
    mesh: east
    to: v2.6

- name: Look at a mesh whose control plane has names of its own
  ossm.federation.upgrade_plan_info:
    kubeconfig: east.kubeconfig
    mesh: east
    namespace: istio-system
    control_plane: production
    to: v2.5
"""

RETURN = r"""
steps:
  description: One entry per minor version on the way, none when the control plane is there already.
  returned: success
  type: list
  elements: dict
  sample: [{from: v2.0, to: v2.1, blockers: [], notes: ["Mixer is gone: its policies and adapters stop working"]}]
lines:
  description: The plan as lines for people.
  returned: success
  type: list
  elements: str
  sample: ["ServiceMeshControlPlane east-mesh-system/basic: v2.0 to v2.1, 1 step", "v2.0 → v2.1: possible"]
sidecars:
  description: Pods by the version of their sidecar.
  returned: success
  type: dict
  sample: {v2.0: [shop/cart-5d8c]}
unknown:
  description: What could not be read for lack of rights; it may hide what would stop the upgrade.
  returned: success
  type: list
  elements: str
  sample: []
control_plane:
  description: The mesh's control plane.
  returned: success
  type: dict
  sample: {name: basic, namespace: east-mesh-system, version: v2.0, trust_domain: east.local}
"""

from collections.abc import Callable, Iterable, Mapping  # noqa: E402
from dataclasses import replace  # noqa: E402
from datetime import datetime  # noqa: E402
from typing import Any  # noqa: E402

from ..module_utils._cluster.client import Cluster  # noqa: E402
from ..module_utils._core.control_plane.data_plane import Newest, sidecar_version  # noqa: E402
from ..module_utils._core.control_plane.live import ControlPlane  # noqa: E402
from ..module_utils._core.control_plane.mixer import heirs  # noqa: E402
from ..module_utils._core.control_plane.spec import OLDEST  # noqa: E402
from ..module_utils._core.control_plane.upgrade import (  # noqa: E402
    Found,
    lagging,
    lines,
    names_of,
    plan_upgrade,
    refuse_blocked,
    text_of,
)
from ..module_utils._core.extensions.converting import conversions, is_text  # noqa: E402
from ..module_utils._core.extensions.problems import Problem  # noqa: E402
from ..module_utils._core.plain.data import at  # noqa: E402
from ..module_utils._core.plain.errors import FederationError  # noqa: E402
from ..module_utils._core.plain.kinds import (  # noqa: E402
    AUTHORIZATION_POLICY,
    ENVOY_FILTER,
    MEMBER_ROLL,
    MIXER_KINDS,
    PEER,
    POD,
    WASM_PLUGIN,
    Kind,
    extension_kind,
)
from ..module_utils._options import CLUSTER, MESH  # noqa: E402
from ..module_utils._reads.extensions import ground_of  # noqa: E402
from ..module_utils._reads.peerings import read_control_plane  # noqa: E402
from ..module_utils._reads.workloads import Surveyor  # noqa: E402
from ..module_utils._run import Module, Run, run_module  # noqa: E402

OPTIONS = {
    "to": {"type": "str", "required": True},
    "remove_mixer": {"type": "bool", "default": False},
    "convert_extensions": {"type": "bool", "default": False},
    "images": {"type": "dict", "default": {}},
    "strict": {"type": "bool", "default": False},
}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Return what an upgrade takes."""
    params = run.params
    namespace = params["namespace"] or f"{params['mesh']}-mesh-system"
    control_plane = read_control_plane(cluster, namespace, params["control_plane"])
    found = look(cluster, control_plane, params)
    if control_plane.version:
        found = replace(found, held=held_back(cluster, control_plane, found))
    steps = plan_upgrade(
        control_plane, params["to"], found, removes_mixer=params["remove_mixer"], converts_extensions=params["convert_extensions"]
    )
    if params["strict"] and steps:
        refuse_blocked(control_plane, steps[0])
    return {
        "changed": False,
        "steps": [step.as_data() for step in steps],
        "lines": lines(control_plane, steps, found),
        "sidecars": {text_of(version): list(pods) for version, pods in found.sidecars.items()},
        "unknown": list(found.unknown),
        "control_plane": control_plane.as_data(),
    }


def look(cluster: Cluster, control_plane: ControlPlane, params: Mapping[str, Any]) -> Found:
    """Return what stands around a control plane: one LIST per kind and namespace of the mesh."""
    namespace, version = control_plane.namespace, control_plane.version
    roll = cluster.get(MEMBER_ROLL, namespace, "default")
    places = sorted({namespace, *(at(roll, "status", "configuredMembers") or [])})
    unknown: list[str] = []

    def listed(kind: Kind, *in_places: str, keep: Callable[[dict], Any] | None = None) -> list:
        objects = []
        for place in in_places or places:
            try:
                objects += cluster.list(kind, place, keep=keep)
            except FederationError as error:
                # A kind that is not served has no objects; what may not be read may have some.
                if error.code not in ("FED104", "FED108"):
                    raise
                if error.code == "FED104":
                    unknown.append(f"{kind.name} objects in {place}: this account may not read them")
        return objects

    sidecars = by_version(listed(POD, keep=versioned))
    # Mixer's own kinds are many: only where Mixer can be, and where the cluster has them.
    of_mixer = MIXER_KINDS if version == OLDEST and cluster.serves("config.istio.io") else ()
    of_old = [live for kind in of_mixer for live in listed(kind)]
    extensions = listed(extension_kind(version))
    impossible = unconvertible(control_plane, params, places, extensions)
    return Found(
        unconvertible=impossible,
        plugins=names_of(listed(WASM_PLUGIN)) if version in ((2, 2), (2, 3)) else (),
        mixer_objects=tuple(f"{live['kind']} {name}" for live in of_old for name in names_of([live])),
        heirs=tuple(heirs(of_old)),
        extensions=names_of(extensions),
        texts=names_of(live for live in extensions if is_text(live)),
        envoy_filters=names_of(listed(ENVOY_FILTER)),
        ip_blocks=names_of(policy for policy in listed(AUTHORIZATION_POLICY) if has_ip_blocks(policy)),
        peers=tuple(live["metadata"]["name"] for live in listed(PEER, namespace)),
        sidecars=sidecars,
        unknown=tuple(unknown),
    )


def by_version(sidecars: Iterable[tuple[tuple[int, int], str]]) -> dict[tuple[int, int], tuple[str, ...]]:
    """Return the names of pods by the version of their sidecars, the oldest first."""
    found: dict[tuple[int, int], list[str]] = {}
    for version, name in sidecars:
        found.setdefault(version, []).append(name)
    return {version: tuple(names) for version, names in sorted(found.items())}


def unconvertible(control_plane: ControlPlane, params: Mapping[str, Any], places: list[str], extensions: list[dict]) -> tuple[Problem, ...]:
    """Return what keeps ServiceMeshExtensions from becoming WasmPlugins."""
    if not extensions or control_plane.version is None:
        return ()
    found = conversions(extensions, ground_of(control_plane, params["mesh"], places), params["images"])
    return tuple(problem for each in found for problem in each.problems)


def held_back(cluster: Cluster, control_plane: ControlPlane, found: Found) -> dict[str, tuple[str, str]]:
    """Return which pods with sidecars that stop the next step no restart renews: their owner, and why. Nothing is asked where there are none."""
    old = set(lagging(found.sidecars, (control_plane.version[0], control_plane.version[1] + 1)))
    survey = Surveyor(cluster, sorted({name.partition("/")[0] for name in old}), Newest.of(control_plane)).look() if old else None
    return {
        name: (str(workload.owner), workload.left_alone)
        for workload in (survey.workloads if survey else ())
        if workload.left_alone
        for pod in workload.pods
        if (name := f"{workload.owner.namespace}/{pod.name}") in old
    }


def versioned(pod: dict) -> tuple[tuple[int, int], str] | None:
    """Return the version of a pod's sidecar with the pod's namespace/name, None when it has none."""
    version = sidecar_version(pod)
    return (version, f"{pod['metadata']['namespace']}/{pod['metadata']['name']}") if version else None


def has_ip_blocks(policy: dict) -> bool:
    """Return whether a policy tells callers apart by the address that the proxy sees."""
    rules = (policy.get("spec") or {}).get("rules") or []
    sources = [(entry.get("source") or {}) for rule in rules for entry in rule.get("from") or []]
    return any(source.get("ipBlocks") or source.get("notIpBlocks") for source in sources)


def main() -> None:
    module = Module({**CLUSTER, **MESH, **OPTIONS}, supports_check_mode=True)
    run_module(module, run, writes=False)


if __name__ == "__main__":
    main()
