# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A preflight that may not look, or is told lies about it, is never green: what depends on a right is unknown without
it.

One badly made mesh shows a finding for nearly every right. Each row takes one right away, and what was found with it
must be unknown then, while everything else is found as before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from attacks.api import ApiInMemory, Asked, Hostile, serving
from attacks.attack import Outcome, attack, call

HOME, SHOP = "east-mesh-system", "shop"
OLD = "2026-01-01T00:00:00Z"
GROUPS = {"config.openshift.io": "v1", "operators.coreos.com": "v1alpha1"}
OFFERED = "stock.shop.svc.east-exports.local"


def thing(kind: str, name: str, namespace: str = "", **body: Any) -> dict[str, Any]:
    """Return one object; what the server in memory keeps needs no API version."""
    metadata = {
        "name": name,
        "namespace": namespace,
        "creationTimestamp": OLD,
        "generation": 1,
        **body.pop("metadata", {}),
    }
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **body}


def by_name(name: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "NameSelector",
        "nameSelector": {"namespace": SHOP, "name": name, **more.pop("selector", {})},
        **more,
    }


def badly_made() -> Iterator[dict[str, Any]]:
    """Give the objects of a mesh of 2.3 that somebody made by hand, with a mistake behind every right that a preflight
    uses.
    """
    ports = [{"name": "tls", "port": 15443}, {"name": "https-discovery", "port": 8188}]
    gateway = {
        "enabled": True,
        "service": {"ports": ports, "metadata": {"labels": {"federation.maistra.io/ingress-for": "west"}}},
    }
    egress = {"enabled": True, "requestedNetworkView": ["west-network"], "service": {"ports": ports}}
    ingress = {**gateway, "service": {**gateway["service"], "externalIPs": ["203.0.113.5"]}}
    gateways = {"additionalIngress": {"west-ingress": ingress}, "additionalEgress": {"west-egress": egress}}
    ready = [
        {"type": kind, "status": "True", "reason": "ComponentsReady"} for kind in ("Installed", "Reconciled", "Ready")
    ]
    yield thing(
        "ServiceMeshControlPlane",
        "basic",
        HOME,
        spec={
            "version": "v2.3",
            "security": {"trust": {"domain": "east.local"}, "identity": {"type": "ThirdParty"}},
            "gateways": gateways,
            "addons": {"kiali": {"enabled": True}},
        },
        status={"observedGeneration": 1, "chartVersion": "2.3.11", "conditions": ready},
    )
    status = {"configuredMembers": [SHOP], "members": [SHOP], "observedGeneration": 1}
    yield thing("ServiceMeshMemberRoll", "default", HOME, spec={"members": [SHOP]}, status=status)
    watch = {"connected": True, "lastConnected": "2999-01-01T00:00:00Z", "lastFullSync": "2999-01-01T00:00:00Z"}
    yield thing(
        "ServiceMeshPeer",
        "west",
        HOME,
        spec={
            "remote": {"addresses": ["192.0.2.1"]},
            "gateways": {"ingress": {"name": "west-ingress"}, "egress": {"name": "west-egress"}},
            "security": {
                "trustDomain": "west.local",
                "certificateChain": {"kind": "ConfigMap", "name": "west-ca-root-cert"},
            },
        },
        status={"discoveryStatus": {"active": [{"pod": "istiod", "watch": watch, "remotes": []}]}},
    )
    rules = [
        by_name("two-ports"),
        by_name("api.example.net"),
        by_name("gone"),
        {**by_name("x"), "nameSelector": {"namespace": "bank", "name": "x"}},
    ]
    yield thing("ExportedServiceSet", "west", HOME, spec={"exportRules": [{"type": "Regex"}, *rules]})
    local = by_name("stock", importAsLocal=True, selector={"alias": {"namespace": SHOP, "name": "stock"}})
    zone = {"zone": "eu-west-1a"}
    rows = [{"exportedName": OFFERED, "localService": {"hostname": "stock.shop.svc.cluster.local"}}]
    yield thing(
        "ImportedServiceSet",
        "west",
        HOME,
        spec={"importRules": [local], "locality": zone},
        status={"importedServices": rows},
    )
    yield thing("Service", "west-ingress", HOME, spec={"type": "ClusterIP", "ports": ports})
    two = [{"name": "http", "port": 80}, {"name": "http-admin", "port": 8080}]
    yield thing("Service", "two-ports", SHOP, spec={"type": "ClusterIP", "clusterIP": "10.0.0.1", "ports": two})
    yield thing("ServiceEntry", "api", SHOP, spec={"hosts": ["api.example.net"], "location": "MESH_EXTERNAL"})
    yield thing("Sidecar", "default", SHOP, spec={"egress": [{"hosts": ["elsewhere/*"]}]})
    yield thing("Gateway", "web", SHOP, spec={"selector": {"istio": "ingressgateway"}})
    yield thing("WasmPlugin", "open", SHOP, spec={"url": "oci://registry.redhat.io/team/filter:1"})
    yield thing(
        "WasmPlugin", "shut", SHOP, spec={"url": "oci://quay.example.com/filter:1", "imagePullSecret": "nobody-made-it"}
    )
    waiting = {"name": "discovery", "image": "x/pilot:2.3", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    yield thing("Pod", "istiod-basic-0", HOME, status={"containerStatuses": [waiting]})
    yield thing("ServiceMeshPeer", "stray", SHOP, spec={})
    yield thing("Node", "worker-0", status={"nodeInfo": {"architecture": "arm64"}})
    progressing = [{"type": "Progressing", "status": "True", "message": "Working towards 4.17.0"}]
    yield thing(
        "ClusterVersion",
        "version",
        status={"history": [{"state": "Completed", "version": "4.14.3"}], "conditions": progressing},
    )
    network = {
        "networkType": "OpenShiftSDN",
        "migration": {"networkType": "OVNKubernetes"},
        "clusterNetwork": [{"cidr": "fd01::/48"}],
    }
    yield thing("Network", "cluster", status=network)


def told(status: int, message: str) -> tuple[int, dict[str, str], bytes]:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": status}
    return status, {}, json.dumps(body).encode()


def groups(asked: Asked) -> tuple[int, dict[str, str], bytes] | None:
    """Answer which API groups there are, as an OpenShift with OLM does."""
    path = urlsplit(asked.target).path
    if path.startswith("/apis/") and path.count("/") == 2:
        found = path.rpartition("/")[2] in GROUPS
        return (
            (200, {}, json.dumps({"kind": "APIGroup", "apiVersion": "v1"}).encode())
            if found
            else told(404, "the server could not find it")
        )
    return None


def where(asked: Asked) -> tuple[str, str]:
    """Return the plural and the namespace that a request asks for."""
    parts = urlsplit(asked.target).path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    return (rest[2], rest[1]) if rest[:1] == ["namespaces"] and len(rest) > 2 else ((rest or [""])[0], "")


def refusing(plural: str, namespace: str, status: int = 403) -> Hostile:
    """Refuse one resource in one namespace ("" for the cluster, ``*`` for all)."""

    def answer(asked: Asked) -> tuple[int, dict[str, str], bytes] | None:
        if plural == "apigroups" and urlsplit(asked.target).path.count("/") == 2 and asked.target.startswith("/apis/"):
            return told(status, 'forbidden: User "anna" cannot get path')
        found, place = where(asked)
        if found == plural and namespace in ("*", place):
            return told(
                status,
                f'{plural} is forbidden: User "anna" cannot list resource "{plural}"' if status == 403 else "not found",
            )
        return groups(asked)

    return answer


@contextmanager
def mesh(
    folder: Path, hostile: Hostile, change: Callable[[dict], dict | None] = lambda live: live
) -> Iterator[ApiInMemory]:
    objects = [kept for live in badly_made() if (kept := change(live)) is not None]
    with serving(folder / "api", *objects, hostile=hostile) as api:
        yield api


def look(collections: str, api: ApiInMemory) -> Outcome:
    return call(
        collections,
        "preflight_info",
        {**api.access, "mesh": "east", "peers": ["west"], "imports": [{"name": "stock", "namespace": SHOP}]},
    )


def codes_of(outcome: Outcome) -> tuple[set[str], set[str]]:
    """Return the codes that were found, and those that are unknown."""
    result = outcome.result
    assert not result.get("failed"), outcome.printed
    return {found["code"] for found in result["findings"]}, {code for gap in result["unknown"] for code in gap["codes"]}


# What is found with a right, and what else is about what it shows.
RIGHTS = [
    attack("blind account", "own Services", "services", HOME, {"FED715", "FED716"}, {"FED713", "FED714", "FED717"}),
    attack(
        "blind account",
        "members' Services",
        "services",
        SHOP,
        {"FED761", "FED771", "FED786"},
        {"FED762", "FED764", "FED765", "FED768", "FED770", "FED785"},
    ),
    attack(
        "blind account",
        "the member roll",
        "servicemeshmemberrolls",
        HOME,
        {"FED772", "FED761", "FED786", "FED750", "FED751", "FED748"},
        {"FED723"},
    ),
    attack("blind account", "ServiceEntries", "serviceentries", SHOP, {"FED765"}, {"FED761", "FED771"}),
    attack("blind account", "Sidecars", "sidecars", SHOP, {"FED788"}, set()),
    attack("blind account", "Gateways", "gateways", SHOP, {"FED707"}, set()),
    attack("blind account", "WasmPlugins", "wasmplugins", SHOP, {"FED750", "FED751"}, set()),
    attack("blind account", "Secrets", "secrets", SHOP, {"FED751"}, set()),
    attack("blind account", "Pods", "pods", HOME, {"FED752"}, set()),
    attack("blind account", "peers elsewhere", "servicemeshpeers", SHOP, {"FED748"}, set()),
    attack("blind account", "Nodes", "nodes", "", {"FED798"}, set()),
    attack("blind account", "the ClusterVersion", "clusterversions", "", {"FED793"}, {"FED792"}),
    attack("blind account", "the Network", "networks", "", {"FED794", "FED799"}, {"FED795"}),
    attack("blind account", "API groups", "apigroups", "", {"FED797"}, {"FED796"}),
    attack("blind account", "peers", "servicemeshpeers", HOME, {"FED701", "FED731", "FED715", "FED786"}, {"FED743"}),
    attack("blind account", "exports", "exportedservicesets", HOME, {"FED766", "FED772"}, {"FED760", "FED745"}),
    attack("blind account", "imports", "importedservicesets", HOME, {"FED784", "FED786"}, {"FED746", "FED791"}),
    attack("blind account", "ConfigMaps", "configmaps", HOME, {"FED734"}, {"FED735", "FED742", "FED749"}),
]


@pytest.fixture(scope="module")
def everything(collections: str, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The codes that an account with all rights finds; nothing is unknown to it."""
    with mesh(tmp_path_factory.mktemp("seeing"), groups) as api:
        found, unknown = codes_of(look(collections, api))
    assert unknown == set()
    return found


@pytest.mark.parametrize(("plural", "namespace", "shown", "about"), RIGHTS)
def test_what_a_right_shows_is_unknown_without_it_and_all_else_is_found(
    plural: str,
    namespace: str,
    shown: set[str],
    about: set[str],
    everything: set[str],
    collections: str,
    tmp_path: Path,
) -> None:
    assert shown <= everything
    with mesh(tmp_path, refusing(plural, namespace)) as api:
        found, unknown = codes_of(look(collections, api))
    assert shown | about <= unknown
    # The mesh's own root stands in a ConfigMap, too: it is not missing (FED405), it may not be read (FED104).
    assert everything - unknown - {"FED405"} <= found <= everything | {"FED104"}
    assert ("FED104" in found) == (
        namespace == HOME and plural in ("servicemeshpeers", "exportedservicesets", "importedservicesets", "configmaps")
    )


@pytest.mark.parametrize(
    ("plural", "namespace", "shown"),
    [
        attack("a proxy that knows half of the API", "own Services", "services", HOME, {"FED715", "FED716"}),
        attack("a proxy that knows half of the API", "members' Services", "services", SHOP, {"FED761", "FED786"}),
        attack("a proxy that knows half of the API", "Secrets", "secrets", "*", {"FED751"}),
        attack("a proxy that knows half of the API", "Pods", "pods", "*", {"FED752"}),
        attack("a proxy that knows half of the API", "Nodes", "nodes", "", {"FED798"}),
        attack("a proxy that knows half of the API", "ConfigMaps", "configmaps", "*", {"FED734"}),
        attack(
            "a proxy that knows half of the API",
            "the member roll",
            "servicemeshmemberrolls",
            HOME,
            {"FED772", "FED748"},
        ),
        attack("a proxy that knows half of the API", "the Network of OpenShift", "networks", "", {"FED794"}),
    ],
)
def test_a_kind_that_every_such_cluster_has_and_that_is_not_served_is_unknown(
    plural: str, namespace: str, shown: set[str], collections: str, tmp_path: Path
) -> None:
    with mesh(tmp_path, refusing(plural, namespace, 404)) as api:
        found, unknown = codes_of(look(collections, api))
    assert shown <= unknown and not shown & found


def test_lists_that_are_empty_where_something_must_stand_are_found(
    everything: set[str], collections: str, tmp_path: Path
) -> None:
    """A filtering proxy that answers with empty lists instead of 403 is seen where a control plane that is ready needs
    the objects.
    """

    def without(live: dict) -> dict | None:
        return None if live["kind"] in ("Service", "ConfigMap", "ClusterVersion") else live

    with mesh(tmp_path, groups, without) as api:
        found, unknown = codes_of(look(collections, api))
    assert {"FED715", "FED734", "FED786"} <= found and "FED793" in unknown


CLUSTER = {
    "control_planes": [
        {
            "mesh": "east",
            "version": "v2.5",
            "spec": {"tracing": {"type": "None"}, "addons": {"kiali": {"enabled": False}}},
        }
    ]
}
TENANT = {"mesh": "east", "members": [SHOP], "admins": {"users": ["anna"]}}
MARKET, OPERATORS, PACKAGE = "openshift-marketplace", "openshift-operators", "servicemeshoperator"


def bad_cluster() -> Iterator[dict[str, Any]]:
    """Give a cluster in which hardly anything is as a mesh of 2.5 needs it."""
    yield thing("CatalogSource", "redhat-operators", MARKET, status={"connectionState": {"lastObservedState": "READY"}})
    channel = {"name": "stable", "currentCSV": f"{PACKAGE}.v2.6.11", "entries": [{"name": f"{PACKAGE}.v2.6.11"}]}
    yield thing(
        "PackageManifest",
        PACKAGE,
        MARKET,
        status={"packageName": PACKAGE, "catalogSource": "redhat-operators", "channels": [channel]},
    )
    yield thing("OperatorGroup", "one", OPERATORS, spec={})
    yield thing("OperatorGroup", "two", OPERATORS, spec={})
    yield thing("Subscription", "maistraoperator", OPERATORS, spec={"name": "maistraoperator"})
    yield thing("Namespace", SHOP, metadata={"labels": {"maistra.io/member-of": "west-mesh-system"}})


@pytest.mark.parametrize(
    ("plural", "namespace", "shown"),
    [
        attack("blind account", "Subscriptions", "subscriptions", "", {"FED441", "FED442", "FED443"}),
        attack("blind account", "OperatorGroups", "operatorgroups", "", {"FED441"}),
        attack("blind account", "packages", "packagemanifests", MARKET, {"FED443"}),
        attack("blind account", "catalogs", "catalogsources", "", {"FED443"}),
        attack("blind account", "Namespaces", "namespaces", "", {"FED426"}),
        attack("blind account", "control planes", "servicemeshcontrolplanes", "", set()),
        attack("blind account", "API groups", "apigroups", "", set()),
    ],
)
def test_a_cluster_s_preflight_is_never_green_for_what_it_may_not_see(
    plural: str, namespace: str, shown: set[str], collections: str, tmp_path: Path
) -> None:
    more: Mapping[str, set[str]] = {"servicemeshcontrolplanes": {"FED443"}, "apigroups": {"FED445", "FED796"}}
    with serving(tmp_path / "api", *bad_cluster(), hostile=refusing(plural, namespace)) as api:
        found, unknown = codes_of(
            call(collections, "cluster_preflight_info", {**api.access, **CLUSTER, "tenants": [TENANT]})
        )
    assert shown | more.get(plural, set()) <= unknown
    assert {"FED426", "FED441", "FED442", "FED443"} <= found | unknown
