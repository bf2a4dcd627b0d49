# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the modules of a run of ``federate`` that changes nothing ask the API server for: each thing once per module."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import Card, Ingress
from ansible_collections.ossm.federation.plugins.module_utils._core.card.trust import read_roots
from ansible_collections.ossm.federation.plugins.module_utils._described import DESCRIBED
from ansible_collections.ossm.federation.plugins.module_utils._options import CLUSTER, FORCE, MESH
from ansible_collections.ossm.federation.plugins.modules import federation, federation_info, mesh_card
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW, root
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

SPACE = "east-mesh-system"
RULES = {"exports": [{"name": "cart", "namespace": "shop"}], "imports": [{"name": "stock", "namespace": "shop"}]}
ASKED = {"mesh": "east", "peers": ["west"]}


def control_plane(version, operator):
    return {
        "apiVersion": "maistra.io/v2",
        "kind": "ServiceMeshControlPlane",
        "metadata": {"name": "basic", "namespace": SPACE, "generation": 1},
        "spec": {"version": version, "security": {"trust": {"domain": "east.local"}}},
        "status": {"operatorVersion": operator},
    }


def service(namespace, name, **more):
    metadata = {"name": name, "namespace": namespace, "labels": {"maistra.io/gateway": f"{name}.{namespace}"}}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"ports": [{"name": "http", "port": 80}]},
        **more,
    }


def standing_objects():
    metadata = {"name": "istio-ca-root-cert", "namespace": SPACE}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"root-cert.pem": root("east")}}
    yield service(SPACE, "west-ingress", status={"loadBalancer": {"ingress": [{"ip": "192.0.2.10"}]}})
    yield service("shop", "cart")
    roll = {"name": "default", "namespace": SPACE}
    yield {
        "apiVersion": "maistra.io/v1",
        "kind": "ServiceMeshMemberRoll",
        "metadata": roll,
        "status": {"configuredMembers": ["desk", "shop"]},
    }


def of_west():
    identity = "west.local/ns/west-mesh-system/sa/east-egress-service-account"
    return Card(
        "west", "east", NOW, "west.local", read_roots(root("west"), "here", NOW), Ingress(("192.0.2.1",)), identity, ()
    ).to_data()


class Federate:
    """The modules of ``federate`` against one cluster, in order."""

    def __init__(self, folder, version="v2.5", operator="2.5.1"):
        self.cluster = ClusterInMemory(NOW, control_plane(version, operator), *standing_objects())
        self.folder = folder

    def play(self):
        """Run all modules; return what each has read, and their results."""
        read, results = {}, {}
        for name, module, options, more in (
            ("identity", federation_info, (CLUSTER, MESH, federation_info.OPTIONS), {"until": "reachable"}),
            (
                "card",
                mesh_card,
                (DESCRIBED, FORCE, mesh_card.OPTIONS),
                {"keep_gateways": True, "cards_dir": str(self.folder), **RULES},
            ),
            ("federation", federation, (DESCRIBED, FORCE, federation.OPTIONS), {"cards": [of_west()], **RULES}),
        ):
            self.cluster.reads.clear()
            results[name] = module.run(RunInMemory(*options, **ASKED, **more), self.cluster, NOW)
            read[name] = list(self.cluster.reads)
        return read, results

    def connect(self):
        """Have istiod say that the peer is connected and its service imported."""
        watch = {"connected": True, "lastConnected": "2026-06-15T11:00:00Z", "lastFullSync": "2026-06-15T11:59:30Z"}
        active = [{"pod": "istiod", "watch": watch, "remotes": [{**watch, "source": "192.0.2.1"}]}]
        self.cluster.set_status("ServiceMeshPeer", SPACE, "west", {"discoveryStatus": {"active": active}})


@pytest.fixture
def settled(tmp_path):
    federate = Federate(tmp_path)
    federate.play()
    federate.connect()
    return federate


def test_a_run_that_changes_nothing_asks_for_each_thing_once_per_module(settled):
    read, results = settled.play()
    assert not any(result["changed"] for result in results.values())
    assert results["federation"]["standing"], "the table is made of what was read"
    assert read["identity"] == ["list ServiceMeshControlPlane east-mesh-system"]
    for name, asked in read.items():
        assert len(set(asked)) == len(asked), name
        listed = {line.removeprefix("list ") for line in asked if line.startswith("list ")}
        assert not [
            line for line in asked if line.startswith("get ") and line.removeprefix("get ").partition("/")[0] in listed
        ], name


def test_the_schema_is_asked_for_only_where_something_hangs_on_it(tmp_path):
    new, old = Federate(tmp_path / "new"), Federate(tmp_path / "old", "v2.3", "2.3.11")
    (tmp_path / "new").mkdir()
    (tmp_path / "old").mkdir()
    assert "schema maistra.io/v2" in new.play()[0]["card"], "a gateway is written, and the kind may have the field"
    assert "schema maistra.io/v2" not in old.play()[0]["card"], "this operator does not keep the field, so nobody asks"
