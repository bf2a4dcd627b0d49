# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Gateways that others made: taken over as they stand, given up as far as they are ours, verified where Git
keeps them.
"""

from __future__ import annotations

import copy

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import CONTROL_PLANE
from ansible_collections.ossm.federation.plugins.module_utils._described import DESCRIBED
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE
from ansible_collections.ossm.federation.plugins.modules import federation_gateways
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

SPACE = "east-mesh-system"
PORTS = [{"name": "tls", "port": 15443}, {"name": "https-discovery", "port": 8188}]
HAND_MADE = {
    "version": "v2.3",
    "security": {"trust": {"domain": "east.local"}},
    "gateways": {
        "additionalIngress": {
            "from-acme": {
                "enabled": True,
                "service": {
                    "type": "LoadBalancer",
                    "metadata": {"labels": {"federation.maistra.io/ingress-for": "from-acme"}},
                    "ports": PORTS,
                },
            }
        },
        "additionalEgress": {
            "to-acme": {
                "enabled": True,
                "requestedNetworkView": ["network-acme"],
                "service": {"ports": [PORTS[0], {"name": "http-discovery", "port": 8188}]},
            }
        },
    },
}
ADOPTED = [{"name": "prod", "local_name": "acme", "adopt": True}]


def asked(check_mode, params):
    options = (DESCRIBED, FORCE, federation_gateways.OPTIONS)
    return RunInMemory(*options, check_mode=check_mode, **{"mesh": "east", "peers": ADOPTED, **params})


def fields_of(value):
    return {f"f:{key}": fields_of(below) for key, below in value.items()} if isinstance(value, dict) else {}


def control_plane(spec=None, manager="kubectl-client-side-apply", operation="Update"):
    spec = copy.deepcopy(spec or HAND_MADE)
    managed = [{"manager": manager, "operation": operation, "fieldsV1": {"f:spec": fields_of(spec)}}]
    metadata = {"name": "basic", "namespace": SPACE, "generation": 1, "managedFields": managed}
    return {"apiVersion": "maistra.io/v2", "kind": "ServiceMeshControlPlane", "metadata": metadata, "spec": spec}


def peer(name="acme", ingress="from-acme", egress="to-acme"):
    return {
        "apiVersion": "federation.maistra.io/v1",
        "kind": "ServiceMeshPeer",
        "metadata": {"name": name, "namespace": SPACE},
        "spec": {"gateways": {"ingress": {"name": ingress}, "egress": {"name": egress}}},
    }


def cluster(*others, **how):
    return ClusterInMemory(NOW, control_plane(**how), *(others or [peer()]))


def run(cluster, check_mode=False, warnings=None, **params):
    module = asked(check_mode, params)
    result = federation_gateways.run(module, cluster, NOW)
    if warnings is not None:
        warnings += module.warnings
    return result


def spec_of(cluster):
    return cluster.get(CONTROL_PLANE, SPACE, "basic")["spec"]


def with_gateway(change):
    spec = copy.deepcopy(HAND_MADE)
    change(spec["gateways"])
    return spec


def test_a_gateway_is_taken_over_as_it_stands_and_only_its_ownership_changes():
    live = cluster()
    planned = run(live, check_mode=True)
    assert (planned["changed"], live.writes) == (True, [])
    (change,) = planned["changes"]
    assert change["fields"] == ["metadata.managedFields[manager=ossm.federation/gateways/acme]"]
    assert "- spec.gateways.additionalIngress.from-acme.service.type" in planned["diff"][0]["after"]
    before = spec_of(live)
    run(live)
    assert spec_of(live) == before
    assert not run(live)["changed"]


def test_the_names_and_the_kind_of_service_are_those_that_stand():
    spec = with_gateway(lambda gateways: gateways["additionalIngress"]["from-acme"]["service"].update(type="NodePort"))
    live = cluster(spec=spec)
    with pytest.raises(FederationError, match="FED308"):
        run(live)
    assert live.writes == []
    row = run(live, peers=[{**ADOPTED[0], "gateways": {"addresses": ["192.0.2.1"]}}])["gateways"][0]
    assert (row["ingress"], row["egress"]) == ("from-acme", "to-acme")
    assert spec_of(live) == spec


def test_what_the_entry_says_is_changed_and_shown():
    live = cluster()
    result = run(
        live,
        peers=[{**ADOPTED[0], "gateways": {"service_type": "NodePort", "addresses": ["192.0.2.1"], "replicas": 2}}],
    )
    assert "service.type: NodePort" in result["diff"][0]["after"]
    gateways = spec_of(live)["gateways"]
    assert gateways["additionalIngress"]["from-acme"]["runtime"]["deployment"]["replicas"] == 2


def test_what_a_tool_applies_by_itself_is_not_taken_from_it():
    more = [{**ADOPTED[0], "gateways": {"service_type": "NodePort", "addresses": ["192.0.2.1"]}}]
    live = cluster(manager="argocd-controller", operation="Apply")
    with pytest.raises(FederationError, match="FED107.*argocd-controller"):
        run(live, peers=more)
    assert live.writes == []
    assert run(live, peers=more, force=True)["changed"]


def test_settings_for_all_peers_do_not_touch_what_was_taken_over():
    live = cluster()
    run(live, gateways={"service_type": "NodePort", "addresses": ["192.0.2.1"]})
    assert spec_of(live) == HAND_MADE


def test_a_label_that_is_missing_is_not_added_and_that_is_said():
    def unlabel(gateways):
        del gateways["additionalIngress"]["from-acme"]["service"]["metadata"]

    warnings = []
    live = cluster(spec=with_gateway(unlabel))
    run(live, warnings=warnings)
    assert "metadata" not in spec_of(live)["gateways"]["additionalIngress"]["from-acme"]["service"]
    assert [text for text in warnings if "from-acme" in text and text.startswith("FED417")]


def test_an_egress_that_looks_at_a_wrong_network_gets_the_right_one_beside_it():
    def rename(gateways):
        gateways["additionalEgress"]["to-acme"]["requestedNetworkView"] = ["acme-network"]

    warnings = []
    live = cluster(spec=with_gateway(rename))
    run(live, warnings=warnings)
    assert spec_of(live)["gateways"]["additionalEgress"]["to-acme"]["requestedNetworkView"] == [
        "acme-network",
        "network-acme",
    ]
    assert [text for text in warnings if "looked at other networks" in text]
    assert not run(live)["changed"]


def test_what_was_adopted_stays_as_it_is_when_adopt_is_taken_out_again():
    live = cluster()
    run(live)
    ours = peer()
    ours["metadata"]["labels"] = {"ossm.federation/mesh": "east"}
    ours["metadata"]["managedFields"] = [
        {"manager": "ossm.federation", "operation": "Apply", "fieldsV1": {"f:spec": fields_of(ours["spec"])}}
    ]
    live.put(ours)
    again = run(live, peers=[{"name": "prod", "local_name": "acme"}])
    assert not again["changed"]
    assert again["gateways"][0]["ingress"] == "from-acme"


def test_a_gateway_s_name_that_somebody_else_wrote_into_a_peer_of_ours_is_not_followed():
    ours = peer(ingress="elsewhere")
    ours["metadata"]["labels"] = {"ossm.federation/mesh": "east"}
    assert (
        run(cluster(ours), peers=[{"name": "prod", "local_name": "acme"}])["gateways"][0]["ingress"] == "acme-ingress"
    )


def test_a_peering_made_by_hand_gets_no_gateways_of_ours_beside_its_own():
    live = cluster()
    result = run(live, peers=[{"name": "prod", "local_name": "acme"}])
    assert (result["changed"], live.writes) == (False, [])
    assert result["gateways"][0]["ingress"] == "from-acme", "the card is about the gateway that serves the peer"


def test_a_gateway_outside_the_control_plane_cannot_be_taken_over():
    live = cluster(peer(ingress="istio-ingressgateway"))
    with pytest.raises(FederationError, match="FED319"):
        run(live)
    assert live.writes == []


@pytest.mark.parametrize("local_name", ["acme", "west"])
def test_an_ingress_that_serves_somebody_else_s_peer_is_refused_before_anything_is_written(local_name):
    live = cluster(peer(name="initech"))
    peers = [{"name": "prod", "local_name": local_name, "gateways": {"ingress": "from-acme"}}]
    with pytest.raises(FederationError, match="FED415.*initech"):
        run(live, peers=peers)
    assert live.writes == []


def test_two_peers_made_by_hand_on_one_ingress_cannot_both_be_adopted():
    live = cluster(peer(), peer(name="globex"))
    with pytest.raises(FederationError, match="FED415"):
        run(live, peers=[*ADOPTED, {"name": "prod", "local_name": "globex", "adopt": True}])


def test_an_egress_that_serves_somebody_else_s_peer_is_warned_about():
    warnings = []
    live = cluster(peer(), peer(name="initech", ingress="from-initech"))
    run(live, warnings=warnings)
    assert [text for text in warnings if text.startswith("FED416") and "initech" in text]
    assert not run(live)["changed"]


def test_leaving_gives_up_our_part_and_says_what_stays_with_whom():
    live = cluster(peer())
    run(live)
    stand_alone = ClusterInMemory(NOW, live.get(CONTROL_PLANE, SPACE, "basic"))
    result = run(stand_alone, state="absent")
    assert result["changed"]
    (row,) = result["left"]
    assert (row["peer"], row["managers"]) == ("acme", ["kubectl-client-side-apply"])
    assert row["keys"] == ["spec.gateways.additionalEgress.to-acme", "spec.gateways.additionalIngress.from-acme"]
    assert "federation_force" in row["reason"]
    assert spec_of(stand_alone) == HAND_MADE
    assert not run(stand_alone, state="absent")["changed"]


def test_leaving_by_force_removes_what_others_hold_too():
    live = cluster(peer())
    run(live)
    stand_alone = ClusterInMemory(NOW, live.get(CONTROL_PLANE, SPACE, "basic"))
    planned = run(stand_alone, check_mode=True, state="absent", force=True)
    assert "service.type: LoadBalancer" in "".join(item["before"] for item in planned["diff"])
    result = run(stand_alone, state="absent", force=True)
    assert result["left"] == []
    assert not any(spec_of(stand_alone)["gateways"].values())


def test_what_was_given_up_before_is_still_removed_by_force_when_the_entry_names_it():
    live = cluster(peer())
    run(live)
    stand_alone = ClusterInMemory(NOW, live.get(CONTROL_PLANE, SPACE, "basic"))
    (row,) = run(stand_alone, state="absent")["left"]
    assert "gateways: {ingress: from-acme, egress: to-acme}" in row["reason"]
    named = [{**ADOPTED[0], "gateways": {"ingress": "from-acme", "egress": "to-acme"}}]
    assert not run(stand_alone, state="absent", peers=named)["changed"]
    assert run(stand_alone, state="absent", peers=named, force=True)["changed"]
    assert not any(spec_of(stand_alone)["gateways"].values())


def test_force_does_not_remove_a_gateway_that_a_peer_still_uses():
    live = cluster(peer(name="initech"))
    named = [{"name": "prod", "local_name": "acme", "gateways": {"ingress": "from-acme", "egress": "to-acme"}}]
    assert not run(live, state="absent", peers=named, force=True)["changed"]
    assert spec_of(live) == HAND_MADE


def test_gateways_kept_in_git_are_told_field_by_field_as_they_must_be():
    with pytest.raises(FederationError, match="FED406") as raised:
        run(cluster(peer(name="none"), spec={**HAND_MADE, "gateways": {}}), managed=False, peers=["west", "north"])
    fields = {row["field"]: row["wanted"] for row in raised.value.facts["missing"]}
    assert fields["spec.gateways.additionalIngress.west-ingress.enabled"] is True
    assert fields["spec.gateways.additionalEgress.north-egress.requestedNetworkView"] == ["network-north"]
    assert all(field in raised.value.what for field in fields)


def test_gateways_kept_in_git_may_be_made_otherwise_than_ours():
    live = cluster(peer(), manager="argocd-controller", operation="Apply")
    assert not run(live, managed=False, peers=[{"name": "prod", "local_name": "acme"}])["changed"]


def test_leaving_names_the_keys_to_take_out_of_git():
    live = cluster(peer(name="other"), manager="argocd-controller", operation="Apply")
    peers = [{"name": "prod", "local_name": "acme", "gateways": {"ingress": "from-acme"}}]
    result = run(live, state="absent", managed=False, peers=peers)
    assert (result["changed"], live.writes) == (False, [])
    assert result["left"][0]["keys"] == [
        "spec.gateways.additionalIngress.from-acme",
        "spec.gateways.additionalEgress.to-acme",
    ]
