# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module federation_info, against a cluster in memory: what it says after a change of trust."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils import _run, _standing
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.modules import federation_info
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW, root

SPACE = "east-mesh-system"
CHANGED = "ossm.federation/identity-changed"


def text(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


LABELS = {"ossm.federation/mesh": "east", "ossm.federation/peer": "west"}
LATELY, EARLIER = text(NOW - timedelta(seconds=10)), text(NOW - timedelta(seconds=30))
CONTROL_PLANE = {
    "kind": "ServiceMeshControlPlane",
    "metadata": {"name": "basic", "namespace": SPACE, "generation": 1},
    "spec": {"version": "v2.3", "security": {"trust": {"domain": "east.local"}}},
}
ISTIOD = {
    "kind": "Deployment",
    "metadata": {"name": "istiod-basic", "namespace": SPACE},
    "spec": {"selector": {"matchLabels": {"app": "istiod"}}, "template": {"metadata": {}}},
}
POD = {
    "kind": "Pod",
    "metadata": {
        "name": "istiod-basic-1",
        "namespace": SPACE,
        "labels": {"app": "istiod"},
        "creationTimestamp": "2020-01-01T00:00:00Z",
    },
}


def peer(changed=""):
    up = {"connected": True, "lastConnected": EARLIER, "lastFullSync": LATELY}
    status = {
        "discoveryStatus": {
            "active": [{"pod": "istiod-basic-1", "watch": up, "remotes": [{**up, "source": "10.255.0.2"}]}]
        }
    }
    annotations = {"annotations": {CHANGED: changed}} if changed else {}
    return {
        "kind": "ServiceMeshPeer",
        "metadata": {"name": "west", "namespace": SPACE, "labels": LABELS, **annotations},
        "spec": {},
        "status": status,
    }


def bundle(changed=""):
    annotations = {"annotations": {CHANGED: changed}} if changed else {}
    return {
        "kind": "ConfigMap",
        "metadata": {"name": "west-ca-root-cert", "namespace": SPACE, "labels": LABELS, **annotations},
        "data": {},
    }


def seen(cluster, **params):
    options = {key: option.get("default") for key, option in federation_info.OPTIONS.items()}
    given = {**options, "mesh": "east", "namespace": None, "control_plane": "basic", **params}
    return federation_info.run(SimpleNamespace(params=given, check_mode=False), cluster, NOW)


def test_without_a_change_everything_connected_is_proven():
    result = seen(ClusterInMemory(NOW, CONTROL_PLANE, peer(), bundle()))
    row = result["peers"][0]
    assert (row["outbound_proven"], row["inbound_proven"], row["unproven"]) == (True, True, "")
    assert result["restart"] == {"needed": False, "since": None, "reasons": [], "sentence": ""}
    assert set(yaml.safe_load(federation_info.RETURN)) <= set(result)


def test_a_new_root_is_not_proven_by_a_connection_of_before():
    result = seen(ClusterInMemory(NOW, CONTROL_PLANE, peer(), bundle(f"{text(NOW - timedelta(seconds=20))} roots")))
    assert result["peers"][0]["outbound"] == "connected" and result["peers"][0]["outbound_proven"] is False
    assert any("OUT and IN not proven since the change of roots" in line for line in result["lines"])
    assert result["restart"]["needed"] is False


def test_an_istiod_older_than_a_change_is_said_below_the_table():
    cluster = ClusterInMemory(NOW, CONTROL_PLANE, peer(f"{EARLIER} clientID"), bundle(), ISTIOD, POD)
    result = seen(cluster)
    assert result["restart"]["needed"] and result["lines"][-2] == result["restart"]["sentence"]


def test_whoever_may_not_read_the_bundles_sees_the_rest(monkeypatch):
    cluster = ClusterInMemory(NOW, CONTROL_PLANE, peer(), bundle())
    may_list = cluster.list

    def refuse(kind, namespace, selector=None, keep=None):
        if kind.name == "ConfigMap":
            raise FederationError(
                "FED104", where="list ConfigMap objects", what="is forbidden", fix="Ask for the right"
            )
        return may_list(kind, namespace, selector, keep)

    monkeypatch.setattr(cluster, "list", refuse)
    assert seen(cluster)["peers"][0]["outbound"] == "connected"


@pytest.mark.parametrize("until", ["reachable", "connected"])
def test_every_result_says_whether_a_restart_is_needed(until):
    assert seen(ClusterInMemory(NOW, CONTROL_PLANE, peer(), bundle()), until=until)["restart"]["needed"] is False


def down(live):
    """Return a peer whose watch has just ended."""
    for entry in live["status"]["discoveryStatus"]["active"]:
        entry["watch"] = {**entry["watch"], "connected": False, "lastDisconnectStatus": "503 Service Unavailable"}
    return live


@pytest.fixture
def no_sleep(monkeypatch):
    """Let a wait take no time, and return how long it would have taken."""
    slept = []
    # Only what waits here: another thread of the tests' process may sleep as it likes.
    monkeypatch.setattr(_run, "time", SimpleNamespace(sleep=slept.append, monotonic=lambda: sum(slept)))
    return slept


def test_a_peer_that_is_down_fails_the_status_with_its_reason_and_everything_that_was_seen(no_sleep):
    cluster = ClusterInMemory(NOW, CONTROL_PLANE, down(peer()), bundle())
    with pytest.raises(FederationError, match="FED630 Mesh east: west OUT pending .503 Service Unavailable") as failed:
        seen(cluster, fail_on=["pending"])
    found = failed.value.result
    assert found["verdict"] == "down" and found["faults"][0]["kind"] == "pending"
    assert found["lines"][-1].startswith("× east: west OUT pending")
    assert [row["outbound"] for row in found["peers"]] == ["pending"]
    assert 0 < sum(no_sleep) <= _standing.AGAIN_SECONDS


def test_where_nothing_is_to_fail_the_verdict_still_says_what_is_seen(no_sleep):
    result = seen(ClusterInMemory(NOW, CONTROL_PLANE, down(peer()), bundle()), fail_on=[])
    assert result["verdict"] == "down" and result["lines"][-1].startswith("‼ east: west OUT pending") and no_sleep == []


def test_a_connection_that_is_being_renewed_does_not_fail_a_status(no_sleep, monkeypatch):
    cluster = ClusterInMemory(NOW, CONTROL_PLANE, peer(), bundle())
    looks, read = [], _standing.read_peerings

    def renewed(*asked, **named):
        found = read(*asked, **named)
        looks.append(found)
        return replace(found, peers={"west": down(peer())}) if len(looks) == 1 else found

    monkeypatch.setattr(_standing, "read_peerings", renewed)
    result = seen(cluster, fail_on=["pending"])
    assert result["verdict"] == "ok" and len(looks) == 2 and result["lines"][-1] == "√ east: 1 peer connected both ways"


def test_a_described_peer_without_a_peering_is_pending_and_a_peer_that_istiod_has_not_taken_up_is_unknown(no_sleep):
    fresh = {**peer(), "status": {}}
    result = seen(ClusterInMemory(NOW, CONTROL_PLANE, fresh, bundle()), peers=["north"])
    assert [(fault["kind"], fault["peer"]) for fault in result["faults"]] == [
        ("pending", "north"),
        ("unknown", "west"),
        ("unknown", "west"),
    ]
    with pytest.raises(FederationError, match="north has no peering"):
        seen(ClusterInMemory(NOW, CONTROL_PLANE), peers=["north"], fail_on=["pending"])
    left = seen(ClusterInMemory(NOW, CONTROL_PLANE), peers=["north"], leaving=True)
    assert (left["verdict"], left["lines"][-1]) == ("ok", "√ east: no peers")
    assert no_sleep == [], "what is not there does not come by waiting"
    with pytest.raises(FederationError, match="west OUT unknown"):
        seen(ClusterInMemory(NOW, CONTROL_PLANE, fresh, bundle()), fail_on=["unknown"])


def test_a_root_of_a_peer_that_soon_expires_fails_only_where_that_is_asked_for(no_sleep):
    lasting = bundle()
    lasting["data"] = {"root-cert.pem": root("west", days=9)}
    cluster = ClusterInMemory(NOW, CONTROL_PLANE, peer(), lasting)
    assert seen(cluster, fail_on=["pending"])["verdict"] == "ok"
    with pytest.raises(FederationError, match="FED630 Mesh east: west root .* expires in 9 days") as failed:
        seen(cluster, fail_on=["pending", "expiring"])
    assert failed.value.result["verdict"] == "down" and no_sleep == []


def test_an_own_root_that_has_expired_is_told_as_one_that_soon_expires_is():
    own = {
        "kind": "ConfigMap",
        "metadata": {"name": "istio-ca-root-cert", "namespace": SPACE},
        "data": {"root-cert.pem": root("east", days=-3)},
    }
    cluster = ClusterInMemory(NOW, CONTROL_PLANE, peer(), bundle(), own)
    looked = seen(cluster, fail_on=["pending"])
    assert (looked["verdict"], looked["lines"][-1][0]) == ("ok", "‼") and "roots of this mesh: expired on" in looked[
        "lines"
    ][-1]
    with pytest.raises(FederationError, match="FED630 Mesh east: roots of this mesh: expired on"):
        seen(cluster, fail_on=["expiring"])


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"mesh": "North.Lab"}, "mesh_name"),
        ({"mesh": ""}, "mesh_name"),
        ({"namespace": "East"}, "mesh_namespace"),
        ({"control_plane": "my basic"}, "mesh_control_plane"),
    ],
    ids=str,
)
@pytest.mark.parametrize("until", ["reachable", "connected"])
def test_what_cannot_be_a_name_is_refused_before_anything_is_asked(given, where, until):
    cluster = ClusterInMemory(NOW, CONTROL_PLANE)
    with pytest.raises(FederationError) as refused:
        seen(cluster, until=until, **given)
    assert (refused.value.code, refused.value.where) == ("FED303", where) and not cluster.requests


def test_a_peering_that_the_mesh_does_not_describe_is_noted_where_all_peers_are_given():
    cluster = ClusterInMemory(NOW, CONTROL_PLANE, ISTIOD, POD, peer(), bundle())
    assert [row["note"] for row in seen(cluster, peers=[], described=True)["peers"]] == ["not in mesh_peers"]
    assert [row["note"] for row in seen(cluster, peers=["west"], described=True)["peers"]] == [""]
    assert [row["note"] for row in seen(cluster, peers=[])["peers"]] == [""]
    told = seen(cluster, peers=[], described=True, notes={"west": "no longer in mesh_peers"})["peers"]
    assert [row["note"] for row in told] == ["no longer in mesh_peers"]


def test_a_status_of_a_peer_without_a_name_is_refused(no_sleep):
    with pytest.raises(FederationError, match="FED303 mesh_peers, entry 2: has no name"):
        seen(ClusterInMemory(NOW, CONTROL_PLANE), peers=["north", {"west": {"suspended": True}}])


def test_a_control_plane_that_cannot_be_read_is_an_error_and_not_down():
    with pytest.raises(FederationError) as failed:
        seen(ClusterInMemory(NOW), fail_on=["pending"])
    assert failed.value.result["verdict"] == "error"


IMAGE = f"registry.example/header:1@sha256:{'a' * 64}"
HEADER = {"name": "header", "namespace": SPACE, "selector": "all", "image": IMAGE}


def plugin(is_ours=True):
    managed = [{"manager": "ossm.federation/extensions", "operation": "Apply"}] if is_ours else []
    metadata = {
        "name": "header",
        "namespace": SPACE,
        "labels": {"ossm.federation/mesh": "east"},
        "managedFields": managed,
    }
    return {"kind": "WasmPlugin", "metadata": metadata, "spec": {"url": f"oci://{IMAGE}"}}


@pytest.mark.parametrize(
    ("live", "stands", "why"),
    [
        ([], False, "not written yet"),
        ([plugin()], True, "a WasmPlugin has no status"),
        ([plugin(is_ours=False)], False, "somebody else"),
    ],
    ids=["missing", "ours", "another's"],
)
def test_how_a_described_extension_stands_is_shown(live, stands, why):
    result = seen(ClusterInMemory(NOW, CONTROL_PLANE, peer(), bundle(), *live), extensions=[HEADER])
    (row,) = result["wasm"]
    assert (row["stands"], row["kind"]) == (stands, "WasmPlugin") and why in row["why"]
    assert [line for line in result["lines"] if line.startswith(f"extension {SPACE}/header: WasmPlugin, ")]


def test_a_description_that_cannot_be_read_is_a_line_and_no_failure():
    result = seen(
        ClusterInMemory(NOW, CONTROL_PLANE, peer(), bundle()),
        extensions=[{"name": "header"}],
        threescale={"adapters": 7},
    )
    assert result["wasm"] == [] and len([line for line in result["lines"] if "not known, FED8" in line]) == 2


def test_3scale_adapters_are_shown_without_their_tokens():
    credentials = {"user_key": [{"header": {"keys": ["x-user-key"]}}]}
    rules = [{"method": "GET", "pattern": "/", "usages": [{"name": "hits", "delta": 1}]}]
    service = {
        "id": "7",
        "token": "a-service-token",
        "authorities": ["cart.shop"],
        "credentials": credentials,
        "mapping_rules": rules,
    }
    adapter = {"name": "cart", "namespace": SPACE, "selector": {"app": "cart"}, "services": [service]}
    described = {"backend": {"url": "https://su1.3scale.net"}, "adapters": [adapter]}
    result = seen(ClusterInMemory(NOW, CONTROL_PLANE, peer(), bundle()), threescale=described)
    assert [(row["what"], row["name"], row["stands"]) for row in result["wasm"]] == [("3scale", "cart", False)]
    assert "a-service-token" not in str(result)
