# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Peers and control planes with fields of another type: refused with their place (FED119), never a traceback.

The CRDs exclude these, so what gives them is no API server, or one whose CRDs were replaced. What the CRDs leave open
may be anything, and is taken.
"""

from __future__ import annotations

import copy
import json
from datetime import datetime, timezone
from typing import Any

import pytest
from attacks.api import ApiInMemory, serving
from attacks.attack import attack, call
from attacks.conftest import CONTROL_PLANE
from attacks.test_identity import card, made_by_hand
from unit.cluster_in_memory import ClusterInMemory

PEER, BUNDLE = made_by_hand("west")
INGRESS, EGRESS = "spec.gateways.additionalIngress.west-ingress", "spec.gateways.additionalEgress.west-egress"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with serving(tmp_path_factory.mktemp("api")) as running:
        yield running


def with_field(live: dict, path: str, value: Any) -> dict:
    """Return an object with one field at a path of keys."""
    changed = copy.deepcopy(live)
    place, keys = changed, path.split(".")
    for key in keys[:-1]:
        place = place.setdefault(key, {})
    place[keys[-1]] = value
    return changed


def standing(server: ApiInMemory, kind: str, path: str, value: Any) -> None:
    stands = (CONTROL_PLANE, PEER, BUNDLE)
    objects = [with_field(live, path, value) if live["kind"] == kind else live for live in stands]
    server.store = ClusterInMemory(datetime.now(timezone.utc))
    for number, live in enumerate(copy.deepcopy(objects)):
        live["metadata"].update(uid=f"uid-{number}")
        # As it is, and not as an API server would store it.
        server.store._objects[(live["kind"], "east-mesh-system", live["metadata"]["name"])] = live


def of_peer(path: str, value: Any, place: str = "") -> Any:
    return attack("server", f"peer, {path}: {json.dumps(value)}", "ServiceMeshPeer", path, value, place or path)


def of_plane(path: str, value: Any, place: str = "") -> Any:
    told = f"control plane, {path}: {json.dumps(value)}"
    return attack("server", told, "ServiceMeshControlPlane", path, value, place or path)


@pytest.mark.parametrize(
    ("kind", "path", "value", "place"),
    [
        of_peer("spec", ["x"]),
        of_peer("spec.remote", "x"),
        of_peer("spec.remote.addresses", "192.0.2.7"),
        of_peer("spec.remote.addresses", 7),
        of_peer("spec.remote.addresses", [["192.0.2.7"]], "spec.remote.addresses.[0]"),
        of_peer("spec.remote.discoveryPort", "8188"),
        of_peer("spec.remote.servicePort", True),
        of_peer("spec.security", "x"),
        of_peer("spec.security.trustDomain", ["west.local"]),
        of_peer("spec.security.certificateChain", ["x"]),
        of_peer("spec.security.certificateChain.name", {"a": 1}),
        of_peer("spec.gateways", "x"),
        of_peer("spec.gateways.ingress", "x"),
        of_peer("spec.gateways.egress", {"name": ["x"]}, "spec.gateways.egress.name"),
        of_peer("status.discoveryStatus", "x"),
        of_peer("status.discoveryStatus.active", ["x"], "status.discoveryStatus.active.[0]"),
        of_plane("spec", "x"),
        of_plane("spec.version", ["v2.3"]),
        of_plane("spec.gateways", ["x"]),
        of_plane("spec.gateways.additionalIngress", "x"),
        of_plane(INGRESS, "x"),
        of_plane(f"{INGRESS}.service", ["x"]),
        of_plane(f"{INGRESS}.service.metadata.labels", ["x"]),
        of_plane(f"{INGRESS}.service.ports", [7], f"{INGRESS}.service.ports.[0]"),
        of_plane(f"{EGRESS}.requestedNetworkView", 7),
        of_plane(f"{EGRESS}.runtime", "x"),
        of_plane("spec.security.trust", []),
        of_plane("spec.security.trust.domain", ["east.local"]),
        of_plane("spec.security.trust.additionalDomains", "west.local"),
        of_plane("spec.runtime.components", {"pilot": "x"}, "spec.runtime.components.pilot"),
    ],
)
def test_a_field_of_another_type_is_refused_with_its_place(
    server: ApiInMemory, collections: str, kind: str, path: str, value: Any, place: str
) -> None:
    standing(server, kind, path, value)
    adopting = {**server.access, "mesh": "east", "peers": [{"name": "west", "adopt": True}]}
    outcome = call(collections, "federation", {**adopting, "cards": [card("west")]})
    assert outcome.code == "FED119", outcome.printed
    assert f"{place} is " in outcome.result["msg"], outcome.result["msg"]
    assert not server.writes and "Traceback" not in outcome.printed


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.techPreview.meshConfig", ["x"]),
        ("spec.techPreview.meshConfig.trustDomainAliases", 7),
        ("spec.techPreview.meshConfig.trustDomainAliases", [{"a": 1}]),
        ("spec.techPreview.global", "x"),
        ("spec.techPreview.a", [[None, {"b": []}]]),
        ("spec.addons.grafana.install.config.env", "x"),
        ("spec.addons.kiali", {"install": {"dashboard": 7}}),
        ("status.appliedValues", {"istio": ["x"]}),
        ("status.appliedSpec.techPreview", {"meshConfig": "x"}),
        ("spec.security", None),
    ],
)
def test_what_the_kinds_leave_open_stops_nothing(server: ApiInMemory, collections: str, path: str, value: Any) -> None:
    standing(server, "ServiceMeshControlPlane", path, value)
    if path == "spec.security":
        # Without it there is no trust domain, which is refused by its name.
        assert call(collections, "federation", {**server.access, "mesh": "east", "peers": ["west"]}).code == "FED403"
        return
    options = {**server.access, "mesh": "east", "peers": ["west"], "cards": [card("west")]}
    outcome = call(collections, "federation", options, check=True)
    assert outcome.code is None and not outcome.result.get("failed"), outcome.printed


def test_an_alias_that_stands_as_a_text_is_one(server: ApiInMemory, collections: str) -> None:
    """Where the kind leaves it open, a text in a list's place must not hide that the peer would be one of us."""
    standing(server, "ServiceMeshControlPlane", "spec.techPreview.meshConfig.trustDomainAliases", "west.local")
    adopting = {**server.access, "mesh": "east", "peers": [{"name": "west", "adopt": True}]}
    outcome = call(collections, "federation", {**adopting, "cards": [card("west")]})
    assert outcome.code == "FED408", outcome.printed
