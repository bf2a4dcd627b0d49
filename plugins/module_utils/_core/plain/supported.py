# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which versions go together, as data: each table with where it comes from and the day on which it was looked up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")
Version = tuple[int, int]


@dataclass(frozen=True)
class Table(Generic[Row]):
    """Rows by the control plane's minor version, their ``source``, and the ``day`` (ISO 8601) of the look."""

    rows: Mapping[Version, Row]
    source: str
    day: str

    def of(self, version: Version | None) -> Row | None:
        """Return the row of a version; None for one that is not listed."""
        return self.rows.get(version) if version else None


# The first OpenShift minor; late patch releases ask for more, which the text of the finding says.
FIRST_OPENSHIFT: Table[Version] = Table(
    {(2, 0): (4, 6), (2, 1): (4, 6), (2, 2): (4, 9), (2, 3): (4, 9), (2, 4): (4, 10), (2, 5): (4, 13), (2, 6): (4, 14)},
    source="OpenShift Service Mesh release notes 2.0 to 2.6, versions of OpenShift Container Platform",
    day="2026-11-20",
)
# Where OVN-Kubernetes is generally available for a 2.0: the first patch by OpenShift minor; any patch of a later minor.
OVN_FOR_2_0: Mapping[Version, int] = {(4, 7): 32, (4, 8): 12}
OVN_FOR_2_0_FROM: Version = (4, 9)
ARM64_FROM: Version = (2, 5)
IPV6_FROM: Version = (2, 4)
OPERATOR_3_BESIDE: Version = (2, 6)
MANY_NAMESPACES = 200
# Clusters that a vendor runs, by the end of their API server's name.
MANAGED_CLUSTERS = {".openshiftapps.com": "ROSA or OpenShift Dedicated", ".aroapp.io": "Azure Red Hat OpenShift"}
# Registries that give images to nobody without a login. Source: Red Hat Container Registry Authentication; looked up on
# 2026-11-23.
REGISTRIES_WITH_LOGIN = ("registry.redhat.io", "registry.connect.redhat.com")
# ServiceMeshExtensions are v1alpha1 on 2.0 and gone in 2.3, WasmPlugins come with 2.2; their pull secrets are used from
# 2.3 on.
EXTENSIONS_FROM: Version = (2, 0)
V1_EXTENSIONS_FROM: Version = (2, 1)
EXTENSIONS_BEFORE: Version = (2, 3)
WASM_PLUGINS_FROM: Version = (2, 2)
# From which OpenShift on no ServiceMeshExtension becomes ready. Source: OpenShift Service Mesh release notes 2.2 to 2.6
# (OSSM-1505).
NO_EXTENSION_READY_FROM: Version = (4, 11)
PULL_SECRET_OF_WASM_PLUGIN_FROM: Version = (2, 3)
# From which on istiod tells in /debug/syncz which filters proxies have acknowledged.
FILTERS_ACKNOWLEDGED_FROM: Version = (2, 3)


@dataclass(frozen=True)
class Features:
    """Istio features that a version does not have for production: in ``preview`` (no support), and ``refused``
    (unsupported).
    """

    preview: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


FEATURES: Table[Features] = Table(
    {
        (2, 1): Features(
            ("external authorization (AuthorizationPolicy action CUSTOM)", "request classification"),
            (
                "virtual machines",
                "Kubernetes Gateway API",
                "Wasm filters fetched by the proxy",
                "a CA by the Kubernetes CSR API",
            ),
        ),
        (2, 2): Features(
            ("Telemetry API", "Kubernetes Gateway API", "AuthorizationPolicy dry run", "gRPC without proxies"),
            ("discovery selectors", "external control planes", "injected gateways"),
        ),
        (2, 3): Features(
            ("Telemetry API", "Kubernetes Gateway API", "cluster-wide control planes"),
            ("SPIRE", "the image field of ProxyConfig"),
        ),
        (2, 4): Features(
            ("Kubernetes Gateway API", "OpenTelemetry API"),
            ("HBONE", "dual stack", "the Telemetry API for anything but Prometheus metrics"),
        ),
        (2, 5): Features(("Kubernetes Gateway API",), ("ambient mesh", "QuickAssist for private keys")),
        (2, 6): Features(
            ("several primary clusters (developer preview)",),
            ("ambient mesh", "Kubernetes Gateway API in a mesh that is not cluster-wide"),
        ),
    },
    source="OpenShift Service Mesh release notes 2.1 to 2.5, new features; the vendor's announcement of 2.6",
    day="2026-11-23",
)


def managed_cluster(server: str) -> tuple[str, str] | None:
    """Return an API server's host and whose offer its cluster is, by that host's name; None where the name does not
    tell.
    """
    host = re.sub(r"^\w+://|[:/].*$", "", server).lower().rstrip(".")
    return next(((host, name) for suffix, name in MANAGED_CLUSTERS.items() if host.endswith(suffix)), None)
