"""Two test meshes in memory, with real Envoys between them: what their statuses say and which calls arrive."""

from __future__ import annotations

import time

import pytest
from testbed_tests.mesh_in_memory import Mesh, another_root, eventually, stays

from testbed.addresses import Addresses
from testbed.clock import Clock
from testbed.faults import Faults
from testbed.programs import find_envoy
from testbed.workloads import ENDPOINTS

CART = "cart.shop.svc.east-imports.local"
CART_OFFERED = "cart.shop.svc.west-exports.local"
SCALE = 0.03
RESYNC = 60 * SCALE
SLOW_POLL = 299 * SCALE


@pytest.fixture
def make_mesh(tmp_path):
    """A function that starts a mesh; all share faults, addresses and the world, and stop with the test."""
    started, world = [], {}
    addresses, clock, faults = Addresses(), Clock(SCALE), Faults()

    def make(name, **options) -> Mesh:
        mesh = Mesh(name, tmp_path, find_envoy(), addresses, clock, faults, world, **options)
        started.append(mesh)
        mesh.start()
        return mesh

    yield make
    for mesh in started:
        mesh.stop()
    addresses.release()


@pytest.fixture
def east(make_mesh):
    mesh = make_mesh("east")
    mesh.serve("cart")
    return mesh


@pytest.fixture
def west(make_mesh):
    return make_mesh("west")


@pytest.fixture
def peered(east, west):
    """East and west, connected both ways."""
    east.peer_with(west)
    west.peer_with(east)
    eventually(lambda: east.is_connected("west") and west.is_connected("east"))
    return east, west


@pytest.fixture
def sharing(peered):
    """East exports shop/cart, west takes all that is offered, and calls arrive."""
    east, west = peered
    east.export("west", "shop/cart")
    west.take("east", "*/*")
    eventually(lambda: west.call(CART).status == 200)
    return east, west


# ---- connecting ----


def test_both_sides_show_one_pod_with_its_watch_and_the_peers_watch(peered):
    east, west = peered
    eventually(lambda: "remotes" in west.status("ServiceMeshPeer", "east")["discoveryStatus"]["active"][0])

    [entry] = west.status("ServiceMeshPeer", "east")["discoveryStatus"]["active"]

    assert entry["pod"] == west.istiod.pod
    assert entry["watch"]["connected"] and "lastFullSync" in entry["watch"] and "lastEvent" not in entry["watch"]
    [remote] = entry["remotes"]
    assert remote["connected"] and remote["source"] == east.address_of("istiod-basic")


def test_while_only_one_side_has_its_peer_the_watch_gets_503(east, west):
    east.peer_with(west)

    eventually(lambda: east.watch("west").get("lastDisconnectStatus") == "503 Service Unavailable")

    assert "inactive" in east.status("ServiceMeshPeer", "west")["discoveryStatus"]
    assert west.status("ServiceMeshPeer", "east") is None


def test_without_an_egress_service_the_host_is_not_found(east, west):
    east.peer_with(west)
    east.delete("Service", "west-egress")

    eventually(lambda: "no such host" in east.watch("west").get("lastDisconnectStatus", ""))


def test_a_peer_without_its_bundle_has_no_status_until_the_next_resync(east, west):
    west.peer_with(east)
    east.peer_with(west, root="")
    stays(lambda: east.status("ServiceMeshPeer", "west") is None, seconds=1)

    # Long after the last one, whose tries to read the bundle take a moment, and so long before the next that there is
    # something to look at.
    eventually(lambda: RESYNC / 4 < east.istiod.next_resync - time.monotonic() < RESYNC / 2)
    resync = east.istiod.next_resync
    east.put_bundle(west, west.root())

    stays(
        lambda: east.status("ServiceMeshPeer", "west") is None or time.monotonic() >= resync,
        seconds=resync - time.monotonic(),
    )
    eventually(lambda: east.is_connected("west"), seconds=RESYNC + 5)


def test_a_bundle_in_a_secret_is_met_with_silence(east, west):
    east.peer_with(west, security__certificateChain={"kind": "Secret", "name": "west-ca-root-cert"})

    stays(lambda: east.status("ServiceMeshPeer", "west") is None, seconds=RESYNC + 0.5)


def test_a_peer_object_in_another_namespace_is_ignored(east, west):
    east.peer_with(west)
    stranger = east.cluster.get("ServiceMeshPeer", "west", east.namespace)
    stranger["metadata"]["namespace"] = "shop"
    east.cluster.put(stranger)

    eventually(lambda: east.watch("west"))

    assert "status" not in east.cluster.get("ServiceMeshPeer", "west", "shop")


# ---- trust ----


def test_a_wrong_root_gives_503_and_nothing_crosses(east, west, tmp_path):
    east.peer_with(west)
    west.peer_with(east, root=another_root(tmp_path, east.trust_domain))

    eventually(lambda: west.watch("east").get("lastDisconnectStatus") == "503 Service Unavailable")
    stays(lambda: not west.is_connected("east") and not east.is_connected("west"), seconds=1)


@pytest.mark.parametrize(
    "client_id",
    [
        pytest.param("west.local/ns/west-mesh-system/sa/other-service-account", id="another-account"),
        pytest.param("spiffe://west.local/ns/west-mesh-system/sa/east-egress-service-account", id="with-scheme"),
    ],
)
def test_a_peer_that_is_not_the_client_id_gets_403(east, west, client_id):
    east.peer_with(west, security__clientID=client_id)
    west.peer_with(east)

    eventually(lambda: west.watch("east").get("lastDisconnectStatus") == "403 Forbidden")
    eventually(lambda: east.is_connected("west"))


def test_without_a_client_id_every_identity_of_the_peer_may_connect(east, west):
    east.peer_with(west, security__clientID="")
    west.peer_with(east)
    west.fault("wrong-client-id")

    eventually(lambda: west.is_connected("east"))


def test_a_peer_that_claims_our_own_trust_domain_is_not_trusted(east, west):
    east.peer_with(west, security__trustDomain=east.trust_domain)
    west.peer_with(east)

    eventually(lambda: west.watch("east").get("lastDisconnectStatus") == "503 Service Unavailable")
    stays(lambda: not west.is_connected("east"), seconds=1)


def test_one_bad_address_drops_the_good_ones_too(east, west):
    good = west.address_of("east-ingress")
    west.peer_with(east)
    east.peer_with(west, remote__addresses=[good, f"{good}:8188"])

    eventually(lambda: east.watch("west").get("lastDisconnectStatus") == "503 Service Unavailable")
    stays(lambda: not east.is_connected("west"), seconds=1)


def test_an_ingress_that_serves_two_peers_refuses_both(east, west, make_mesh):
    north = make_mesh("north")
    east.peer_with(west)
    east.peer_with(north, gateways__ingress={"name": "west-ingress"})
    west.peer_with(east)
    north.peer_with(east, remote__addresses=[east.address_of("west-ingress")])

    eventually(lambda: west.watch("east").get("lastDisconnectStatus") == "403 Forbidden")
    eventually(lambda: north.watch("east").get("lastDisconnectStatus") == "403 Forbidden")


def test_an_ingress_behind_node_ports_is_reached_there(east, west):
    east.peer_with(west)
    west.peer_with(east, remote__discoveryPort=31188, remote__servicePort=31443)
    east.make_gateways("west", kind="NodePort", node_ports=(31443, 31188))
    east.export("west", "shop/cart")
    west.take("east", "*/*")

    eventually(lambda: west.is_connected("east"))
    eventually(lambda: west.call(CART).status == 200)


def test_two_meshes_of_one_cluster_reach_each_other_by_service_names(east, make_mesh):
    south = make_mesh("south", beside=east, members=["market"])
    east.peer_with(south, remote__addresses=["east-ingress.south-mesh-system.svc.cluster.local"])
    south.peer_with(east, remote__addresses=["south-ingress.east-mesh-system.svc"])
    east.export("south", "shop/cart")
    south.take("east", "*/*")

    eventually(lambda: south.is_connected("east") and east.is_connected("south"))
    eventually(lambda: south.call(CART).mesh == "east")


def test_a_name_in_another_cluster_is_not_found_but_a_load_balancers_host_name_is(east, west):
    west.peer_with(east)
    east.peer_with(west, remote__addresses=["east-ingress.west-mesh-system.svc.cluster.local"])
    eventually(lambda: east.watch("west").get("lastDisconnectStatus") == "503 Service Unavailable")
    stays(lambda: not east.is_connected("west"), seconds=0.5)

    west.give_host_name("east-ingress", "balancer.example.com")
    east.peer_with(west, remote__addresses=["balancer.example.com"])

    eventually(lambda: east.is_connected("west"))


@pytest.mark.parametrize(
    "spoil", [lambda root: root[:200], lambda root: f"{root.rstrip()}{root}"], ids=["cut", "joined"]
)
def test_proxies_keep_their_bundles_when_a_malformed_one_comes(east, west, spoil):
    east.peer_with(west)
    west.peer_with(east)
    east.export("west", "shop/cart")
    west.take("east", "*/*")
    eventually(lambda: west.call(CART).status == 200)

    west.put_bundle(east, spoil(east.root()))

    stays(lambda: west.call(CART).status == 200, seconds=RESYNC + 0.5)


def test_an_emptied_bundle_is_dropped(sharing):
    east, west = sharing

    west.put_bundle(east, "")

    eventually(lambda: west.call(CART).status == 503, seconds=RESYNC + 5)


# ---- sharing ----


def test_an_exported_and_imported_service_answers_from_the_other_mesh(sharing):
    east, west = sharing

    answer = west.call(CART, path="/basket")

    assert (answer.status, answer.mesh) == (200, "east")
    assert '"path": "/basket"' in answer.body
    assert east.status("ExportedServiceSet", "west") == {
        "exportedServices": [
            {
                "exportedName": CART_OFFERED,
                "localService": {"name": "cart", "namespace": "shop", "hostname": "cart.shop.svc.cluster.local"},
            }
        ]
    }
    assert west.status("ImportedServiceSet", "east") == {
        "importedServices": [
            {"exportedName": CART_OFFERED, "localService": {"name": "cart", "namespace": "shop", "hostname": CART}}
        ]
    }


def test_what_is_offered_and_not_imported_has_no_local_name_and_stays_listed_until_a_restart(peered):
    east, west = peered
    east.export("west", "shop/cart")
    west.take("east", "other/*")
    eventually(lambda: west.imported("east") == {CART_OFFERED: ""})

    east.export("west")

    eventually(lambda: east.exported("west") == [])
    stays(lambda: west.imported("east") == {CART_OFFERED: ""}, seconds=1)
    west.restart_istiod()
    eventually(lambda: west.imported("east") == {})


def test_a_service_that_is_not_exported_cannot_be_resolved_and_is_refused_on_the_wire(sharing):
    east, west = sharing
    east.serve("secret")
    gateway, egress = east.address_of("west-ingress"), f"{west.namespace}/east-egress-service-account"

    def asked_for(host):
        server_name = f"outbound_.80_._.{host}"
        return west.call(gateway, 15443, principal=egress, force_sni=server_name)

    assert asked_for(CART_OFFERED).status == 200
    assert asked_for("secret.shop.svc.west-exports.local").status != 200
    assert asked_for("cart.shop.svc.cluster.local").status != 200
    answer = west.call("secret.shop.svc.east-imports.local")
    assert answer.status is None and "could not resolve" in answer.error


def test_the_ingress_lets_only_the_client_id_through_to_services(sharing):
    east, west = sharing
    gateway, server_name = east.address_of("west-ingress"), f"outbound_.80_._.{CART_OFFERED}"

    assert west.call(gateway, 15443, principal="shop/client", force_sni=server_name).status != 200
    assert east.call(gateway, 15443, principal="shop/client", force_sni=server_name).status != 200


def test_rules_that_stop_matching_withdraw_the_service_at_once(sharing):
    east, west = sharing

    east.export("west", "shop/other")

    eventually(lambda: west.imported("east") == {}, seconds=3)
    eventually(lambda: west.call(CART).status is None)


def test_a_new_service_under_a_matching_rule_is_exported(peered):
    east, west = peered
    east.export("west", "shop/*")
    west.take("east", "*/*")
    eventually(lambda: west.imported("east"))

    east.serve("till")

    eventually(lambda: west.call("till.shop.svc.east-imports.local").status == 200)


def test_a_host_of_a_service_entry_inside_the_mesh_is_exported_by_its_name(peered):
    east, west = peered
    east.serve("stock")
    spec = {
        "hosts": ["stock.corp.example"],
        "location": "MESH_INTERNAL",
        "ports": [{"name": "http", "number": 80, "protocol": "HTTP"}],
        "endpoints": [{"address": east.addresses.for_service("east", "shop", "stock")}],
    }
    entry = {"kind": "ServiceEntry", "metadata": {"name": "stock", "namespace": "shop"}, "spec": spec}
    east.cluster.put(entry)
    east.cluster.put({**entry, "metadata": {"name": "x", "namespace": "shop"}, "spec": {"hosts": ["example.com"]}})
    west.take("east", "*/*")
    east.export("west", "shop/stock.corp.example", "shop/example.com")

    eventually(lambda: west.call("stock.corp.example.shop.svc.east-imports.local").mesh == "east")
    assert east.exported("west") == ["stock.corp.example.shop.svc.west-exports.local"]


def test_a_service_hidden_by_export_to_is_left_out_of_a_full_evaluation_only(peered):
    east, _west = peered
    hidden = {"networking.istio.io/exportTo": "shop"}
    east.serve("hidden", annotations=hidden)
    east.export("west", "shop/cart")
    eventually(lambda: east.exported("west") == [CART_OFFERED])
    east.export("west", "shop/*")  # changing the rules evaluates everything anew; the Service was known before
    eventually(lambda: east.exported("west") == [CART_OFFERED])

    east.serve("later", annotations=hidden)

    eventually(lambda: "later.shop.svc.west-exports.local" in east.exported("west"))
    assert "hidden.shop.svc.west-exports.local" not in east.exported("west")


def test_a_service_with_two_ports_is_imported_and_unreachable(peered):
    east, west = peered
    east.serve("twin", ports=[("http", 80), ("http-admin", 81)])
    east.export("west", "shop/twin")
    west.take("east", "*/*")
    eventually(lambda: any(west.imported("east").values()))

    stays(lambda: west.call("twin.shop.svc.east-imports.local").status == 503, seconds=1)


def test_two_services_under_one_name_freeze_the_status(sharing):
    east, west = sharing
    east.serve("cart2")

    east.export("west", "shop/* -> shop/one")

    eventually(lambda: "one.shop.svc.west-exports.local" in west.imported("east"))
    stays(lambda: east.exported("west") == [CART_OFFERED], seconds=1)
    east.export("west", "shop/cart2")
    eventually(lambda: east.exported("west") == ["cart2.shop.svc.west-exports.local"])


def test_an_alias_that_is_no_dns_label_is_not_exported(peered):
    east, _west = peered

    east.export("west", "shop/cart -> Shop/cart")

    eventually(lambda: east.exported("west") == [])


def test_a_malformed_suffix_leaves_the_service_out_of_the_status(peered):
    east, west = peered
    everything = {"type": "NameSelector", "nameSelector": {}}
    west.put("ImportedServiceSet", "east", {"domainSuffix": ".broken", "importRules": [everything]})
    east.export("west", "shop/cart")

    eventually(lambda: east.exported("west"))

    stays(lambda: not west.imported("east"), seconds=1)


def test_import_as_local_takes_turns_with_local_endpoints(peered):
    east, west = peered
    west.serve("cart")
    east.export("west", "shop/cart")
    west.take("east", "!shop/cart -> shop/cart")
    eventually(lambda: west.imported("east") == {CART_OFFERED: "cart.shop.svc.cluster.local"})

    def meshes():
        return {west.call("cart").mesh for _call in range(4)}

    eventually(lambda: meshes() == {"east", "west"})


def test_of_two_imports_under_one_host_dropping_one_loses_the_host(peered):
    east, west = peered
    east.serve("till")
    east.export("west", "shop/cart", "shop/till")
    west.take("east", "shop/* -> shop/one")
    host = "one.shop.svc.east-imports.local"
    eventually(lambda: west.call(host).status == 200)

    east.export("west", "shop/till")

    eventually(lambda: west.call(host).status is None)
    eventually(lambda: west.imported("east") == {"till.shop.svc.west-exports.local": host})


def test_endpoints_of_a_local_service_take_turns(east):
    east.serve("many", annotations={ENDPOINTS: "3"})

    bodies = {east.call("many.shop").body for _call in range(6)}

    assert len(bodies) == 3


def test_a_local_service_without_endpoints_answers_503(east):
    east.serve("none", annotations={ENDPOINTS: "0"})

    assert east.call("none").status == 503


# ---- changing (section 7.2, G26, G43) ----


def test_a_changed_import_set_counts_from_the_next_slow_poll(sharing):
    _east, west = sharing

    west.take("east")

    stays(lambda: west.call(CART).status == 200, seconds=RESYNC + 1)
    eventually(lambda: west.imported("east") == {CART_OFFERED: ""}, seconds=SLOW_POLL + 5)
    eventually(lambda: west.call(CART).status is None)


def test_from_2_5_a_changed_import_set_counts_within_two_resyncs(east, make_mesh):
    west = make_mesh("west", version="v2.5")
    east.peer_with(west)
    west.peer_with(east)
    east.export("west", "shop/cart")
    west.take("east", "*/*")
    eventually(lambda: west.call(CART).status == 200)

    west.take("east", "shop/* -> other/*")

    eventually(
        lambda: west.imported("east") == {CART_OFFERED: "cart.other.svc.east-imports.local"}, seconds=2 * RESYNC + 3
    )


def test_an_event_makes_a_noticed_import_set_count(sharing):
    east, west = sharing
    west.take("east", "shop/* -> other/*")
    stays(lambda: west.imported("east")[CART_OFFERED] == CART, seconds=RESYNC + 0.5)

    east.serve("till")
    east.export("west", "shop/*")

    eventually(lambda: west.imported("east").get(CART_OFFERED) == "cart.other.svc.east-imports.local", seconds=3)


def test_a_recreated_import_set_of_equal_generation_imports_nothing_until_changed(sharing):
    east, west = sharing
    west.delete("ImportedServiceSet", "east")
    eventually(lambda: west.call(CART).status is None, seconds=RESYNC + 5)

    west.take("east", "*/*")
    stays(lambda: not any(west.imported("east").values()), seconds=RESYNC + 1)
    east.export("west", "shop/*")
    stays(lambda: not any(west.imported("east").values()), seconds=1)

    west.take("east", "shop/*")
    eventually(lambda: any(west.imported("east").values()), seconds=SLOW_POLL + RESYNC + 5)


def test_an_import_set_recreated_at_once_keeps_the_old_rules(sharing):
    _east, west = sharing
    west.delete("ImportedServiceSet", "east")

    west.take("east", "shop/cart -> other/cart")

    eventually(lambda: west.imported("east") == {CART_OFFERED: CART})
    stays(lambda: west.imported("east") == {CART_OFFERED: CART}, seconds=RESYNC + 1)


def test_a_changed_client_id_reaches_discovery_at_once_and_services_only_after_a_restart(east, west):
    right = f"{west.trust_domain}/ns/{west.namespace}/sa/east-egress-service-account"
    east.peer_with(west, security__clientID=f"{west.trust_domain}/ns/{west.namespace}/sa/wrong")
    east.export("west", "shop/cart")
    west.peer_with(east)
    west.take("east", "*/*")
    eventually(lambda: west.watch("east").get("lastDisconnectStatus") == "403 Forbidden")

    east.peer_with(west, security__clientID=right)

    eventually(lambda: any(west.imported("east").values()))
    stays(lambda: west.call(CART).status == 503, seconds=1)
    east.restart_istiod()
    eventually(lambda: west.call(CART).status == 200)


def test_a_changed_remote_address_reconnects(sharing):
    east, west = sharing

    west.peer_with(east, remote__addresses=[west.addresses.for_key("nobody")])
    eventually(lambda: west.watch("east").get("lastDisconnectStatus") == "503 Service Unavailable")
    assert west.call(CART).status == 503

    west.peer_with(east)
    eventually(lambda: west.is_connected("east"))
    eventually(lambda: west.call(CART).status == 200)


# ---- removing (section 9, G52) ----


def test_an_orderly_removal_leaves_nothing_reachable(sharing):
    east, west = sharing
    east.export("west")
    eventually(lambda: east.exported("west") == [])
    east.delete("ExportedServiceSet", "west")
    east.delete("ServiceMeshPeer", "west")
    west.delete("ImportedServiceSet", "east")
    west.delete("ServiceMeshPeer", "east")

    eventually(lambda: west.call(CART).status is None)


def test_once_the_exporters_peer_is_gone_the_importer_gets_400_and_keeps_its_imports(sharing):
    east, west = sharing
    east.fault("peer-unreachable")
    eventually(lambda: not west.watch("east")["connected"])
    east.export("west")
    eventually(lambda: east.exported("west") == [])
    east.delete("ServiceMeshPeer", "west")
    east.heal("peer-unreachable")

    eventually(lambda: west.watch("east").get("lastDisconnectStatus") == "400 Bad Request")

    stays(lambda: west.imported("east") == {CART_OFFERED: CART}, seconds=RESYNC)
    assert west.call(CART).status == 503


def test_deleting_a_peer_with_live_exports_deadlocks_until_a_restart(sharing, make_mesh):
    east, west = sharing
    north = make_mesh("north")

    east.delete("ServiceMeshPeer", "west")
    east.peer_with(north)
    north.peer_with(east)

    stays(lambda: east.status("ServiceMeshPeer", "north") is None, seconds=RESYNC + 0.5)
    assert west.call(CART).status == 200 and west.is_connected("east")
    east.restart_istiod()
    eventually(lambda: east.is_connected("north"))
    eventually(lambda: west.call(CART).status == 503)


def test_the_importers_status_keeps_its_content_when_its_peer_goes(sharing):
    _east, west = sharing

    west.delete("ServiceMeshPeer", "east")

    eventually(lambda: west.call(CART).status is None)
    stays(lambda: west.imported("east") == {CART_OFFERED: CART}, seconds=0.5)


# ---- faults ----


@pytest.mark.parametrize("fault", ["peer-unreachable", "wrong-root"])
def test_a_fault_of_the_exporter_breaks_discovery_and_calls_until_it_heals(sharing, fault):
    east, west = sharing

    east.fault(fault)

    eventually(lambda: west.watch("east").get("lastDisconnectStatus") == "503 Service Unavailable")
    eventually(lambda: west.call(CART).status == 503)
    east.heal(fault)
    eventually(lambda: west.is_connected("east") and east.is_connected("west"))
    eventually(lambda: west.call(CART).status == 200)


def test_the_wrong_client_identity_is_refused_until_it_heals(sharing):
    _east, west = sharing

    west.fault("wrong-client-id")

    eventually(lambda: west.watch("east").get("lastDisconnectStatus") == "403 Forbidden")
    eventually(lambda: west.call(CART).status == 503)
    assert "gateway is" not in west.call(CART).error  # it is the peer that refuses, not our own client
    west.heal("wrong-client-id")
    eventually(lambda: west.is_connected("east"))


def test_a_root_is_rotated_by_way_of_a_bundle_with_both(sharing):
    east, west = sharing
    east.fault("wrong-root", published="both")
    eventually(lambda: east.root().count("BEGIN CERTIFICATE") == 2)
    eventually(lambda: not west.is_connected("east"))

    west.put_bundle(east, east.root())

    eventually(lambda: west.is_connected("east") and east.is_connected("west"), seconds=RESYNC + 5)
    eventually(lambda: west.call(CART).status == 200)


def test_a_restarted_istiod_has_another_pod_and_connects_again(sharing):
    east, west = sharing
    before = east.istiod.pod

    east.restart_istiod()

    def pods() -> list[str]:
        return [entry["pod"] for entry in east.status("ServiceMeshPeer", "west")["discoveryStatus"].get("active", [])]

    eventually(lambda: pods() == [east.istiod.pod])  # until then the status is the former istiod's
    assert east.istiod.pod != before
    eventually(lambda: east.is_connected("west") and west.is_connected("east"))
    eventually(lambda: west.call(CART).status == 200)
