# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a testbed shall hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SPECIFICATION, STATE, PROGRESS, LOG = "specification.json", "testbed.json", "progress", "supervisor.log"
"""The files in a testbed's directory: what it shall hold, what it holds while it is up, how starting goes, and
everything else.
"""


@dataclass(frozen=True)
class MeshSpec:
    """One mesh. What is not given follows its name.

    Meshes that name the same ``cluster`` share it. ``services`` maps a namespace to the echo services in it. Without
    ``control_plane_present`` there is the operator and the namespaces, and no control plane and no member roll yet.
    """

    name: str
    cluster: str = ""
    namespace: str = ""
    control_plane: str = "basic"
    version: str = "v2.3"
    trust_domain: str = ""
    control_plane_present: bool = True
    members: Sequence[str] = ("shop",)
    services: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=lambda: {"shop": ["cart"]})

    def __post_init__(self) -> None:
        object.__setattr__(self, "cluster", self.cluster or self.name)
        object.__setattr__(self, "namespace", self.namespace or f"{self.name}-mesh-system")
        object.__setattr__(self, "trust_domain", self.trust_domain or f"{self.name}.local")


@dataclass(frozen=True)
class TestbedSpec:
    """A whole testbed: its meshes, real seconds per second of mesh time, a folder of other CRD texts, and the programs'
    paths.

    ``tied``: it ends with the process that holds the other end of its standard input. ``olm``: the clusters begin with
    OLM and without the operator, so none of the meshes has a control plane yet. ``controllers``: the paths of what
    makes workloads roll, in the order of ``programs.Controllers``. ``openshift``: the clusters say that they are
    OpenShift, and with controllers they roll DeploymentConfigs. ``insight``: proxies write access logs and ask a DNS
    server, and istiods have debug pages. ``lent``: by cluster, what ``Cluster.lending`` says of one that runs already.
    """

    meshes: tuple[MeshSpec, ...]
    clock_scale: float
    crds: str | None
    tied: bool
    etcd: str
    kube_apiserver: str
    envoy: str
    olm: bool = False
    controllers: Sequence[str] = ()
    openshift: bool = False
    insight: bool = False
    lent: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TestbedSpec:
        """Return what ``as_json`` was made of."""
        return cls(**{**data, "meshes": tuple(MeshSpec(**mesh) for mesh in data["meshes"])})
