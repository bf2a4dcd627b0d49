# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module federation_info, against a cluster in memory: what it says after a change of trust."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.modules import federation_info
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW

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
    "metadata": {"name": "istiod-basic-1", "namespace": SPACE, "labels": {"app": "istiod"}, "creationTimestamp": "2020-01-01T00:00:00Z"},
}


def peer(changed=""):
    up = {"connected": True, "lastConnected": EARLIER, "lastFullSync": LATELY}
    status = {"discoveryStatus": {"active": [{"pod": "istiod-basic-1", "watch": up, "remotes": [{**up, "source": "10.255.0.2"}]}]}}
    annotations = {"annotations": {CHANGED: changed}} if changed else {}
    return {"kind": "ServiceMeshPeer", "metadata": {"name": "west", "namespace": SPACE, "labels": LABELS, **annotations}, "spec": {}, "status": status}


def bundle(changed=""):
    annotations = {"annotations": {CHANGED: changed}} if changed else {}
    return {"kind": "ConfigMap", "metadata": {"name": "west-ca-root-cert", "namespace": SPACE, "labels": LABELS, **annotations}, "data": {}}


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
    assert result["restart"]["needed"] and result["lines"][-1] == result["restart"]["sentence"]


def test_whoever_may_not_read_the_bundles_sees_the_rest(monkeypatch):
    cluster = ClusterInMemory(NOW, CONTROL_PLANE, peer(), bundle())
    may_list = cluster.list

    def refuse(kind, namespace, selector=None):
        if kind.name == "ConfigMap":
            raise FederationError("FED104", where="list ConfigMap objects", what="is forbidden", fix="Ask for the right")
        return may_list(kind, namespace, selector)

    monkeypatch.setattr(cluster, "list", refuse)
    assert seen(cluster)["peers"][0]["outbound"] == "connected"


@pytest.mark.parametrize("until", ["reachable", "connected"])
def test_every_result_says_whether_a_restart_is_needed(until):
    assert seen(ClusterInMemory(NOW, CONTROL_PLANE, peer(), bundle()), until=until)["restart"]["needed"] is False
