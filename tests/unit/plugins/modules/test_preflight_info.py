# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The preflight as a module and inside a run: what it asks, what it may not read, what is told and what is not."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import Port
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._described import DESCRIBED
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE
from ansible_collections.ossm.federation.plugins.modules import federation, preflight_info
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.findings.setups import SPACE, base, put_platform, standing
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory


class Guarded:
    """A cluster that forbids lists of some kinds, and counts what is listed."""

    def __init__(self, cluster: ClusterInMemory, *forbidden: str, code: str = "FED104") -> None:
        self.server, self.now = cluster.server, cluster.now
        self.asked: list[tuple[str, str]] = []
        self.cluster, self.forbidden, self.code = cluster, forbidden, code

    def get(self, kind, namespace, name):
        self._guard(kind, namespace)
        return self.cluster.get(kind, namespace, name)

    def outline(self, kind, namespace, name):
        self._guard(kind, namespace)
        return self.cluster.outline(kind, namespace, name)

    def list(self, kind, namespace, selector=None, keep=None):
        self._guard(kind, namespace)
        return self.cluster.list(kind, namespace, keep=keep)

    def serves(self, group):
        return self.cluster.serves(group)

    def apply(self, *what, **how):
        return self.cluster.apply(*what, **how)

    def _guard(self, kind, namespace):
        self.asked.append((kind.name, namespace))
        if kind.name in self.forbidden:
            raise FederationError(self.code, where=f"list {kind.name}", what="is forbidden", fix="Ask for the right")


class Keeping(RunInMemory):
    """The module federation with a set-up's options and cards."""

    def __init__(self, setup, check_mode=False):
        cards = [card.to_data() for card in setup.cards.values()]
        super().__init__(
            DESCRIBED, FORCE, federation.OPTIONS, check_mode=check_mode, **{**setup.options, "cards": cards}
        )

    def on(self, cluster):
        return federation.run(self, cluster, NOW)


def codes(result):
    return [found["code"] for found in result["findings"]]


def test_what_is_documented_as_returned_is_returned():
    assert set(yaml.safe_load(preflight_info.RETURN)) <= set(base().look())


def test_it_writes_nothing_and_asks_for_each_collection_once():
    setup = base()
    cluster = Guarded(setup.cluster())
    preflight_info.run(setup.module(), cluster, NOW)
    assert cluster.cluster.writes == []
    assert sorted(set(cluster.asked)) == sorted(cluster.asked)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("Sidecar", "FED788"),
        ("Gateway", "FED707"),
        ("Service", "FED761"),
        ("ServiceEntry", "FED765"),
        ("ServiceMeshMemberRoll", "FED772"),
    ],
)
def test_what_may_not_be_read_is_unknown_and_the_rest_is_found(kind, code):
    setup = base()
    setup.egress()["requestedNetworkView"] = []
    seen = preflight_info.run(setup.module(), Guarded(setup.cluster(), kind), NOW)
    assert codes(seen) == ["FED701"]
    assert any(code in gap["codes"] and kind in gap["what"] for gap in seen["unknown"])
    assert seen["counts"]["unknown"] == len(seen["unknown"]) > 0
    assert any(line.startswith("UNKNOWN") and kind in line for line in seen["lines"])


def test_a_kind_that_is_not_served_has_no_objects_and_is_not_unknown():
    setup = base()
    seen = preflight_info.run(setup.module(), Guarded(setup.cluster(), "Sidecar", "Gateway", code="FED108"), NOW)
    assert (seen["findings"], seen["unknown"]) == ([], [])


def test_an_api_server_that_fails_fails_the_module():
    setup = base()
    with pytest.raises(FederationError, match="FED105"):
        preflight_info.run(setup.module(), Guarded(setup.cluster(), "Sidecar", code="FED105"), NOW)


def test_all_that_a_run_would_refuse_is_told_at_once_and_rules_keep_their_numbers():
    setup = base()
    setup.options["peers"] = ["west", "north", {"name": "south", "gateways": {"service_type": "Any"}}, "No Name"]
    setup.options["exports"] = [
        {"name": "cart", "namespace": "shop", "to": ["nobody"]},
        {"name": "cart", "namespace": "shop", "to": ["south"]},
        {"namespace": SPACE},
    ]
    setup.options["imports"] = [
        {"namespace": "shop", "import_as_local": True},
        {"name": "x", "namespace": "y", "domain_suffix": "."},
    ]
    setup.options["trust_domain"] = "other.local"
    setup.raw_cards = [
        {**setup.cards.pop("west").to_data(), "version": 9},
        {**setup.cards.pop("north").to_data(), "roots": []},
    ]
    seen = setup.look()
    errors = [(found["code"], found["place"]) for found in seen["findings"] if found["severity"] == "error"]
    assert errors == [
        ("FED206", "federation_cards, card 2"),
        ("FED211", "federation_cards, card 1"),
        ("FED302", "mesh_exports, rule 1, to"),
        ("FED303", "mesh_peers, entry 4, name"),
        ("FED307", "mesh_peers, south, gateways, service_type"),
        ("FED310", "mesh_imports, rule 2, domain_suffix"),
        ("FED313", "mesh_imports, rule 1"),
        ("FED315", "mesh_exports, rule 3"),
        ("FED404", f"ServiceMeshControlPlane {SPACE}/basic"),
    ]


def test_a_peer_without_a_card_is_pending_and_no_finding():
    setup = base()
    setup.options["peers"].append("south")
    seen = setup.look()
    assert codes(seen) == []
    assert seen["pending"] == [
        {"peer": "south", "reason": "waits for card south-for-east.json; ask south to run publish_cards"}
    ]


def test_a_run_warns_of_what_is_found_and_a_second_one_says_the_same():
    setup = base()
    setup.live("Service", "cart", "shop")["spec"]["ports"].append({"name": "http-admin", "port": 8080})
    cluster, first, again = setup.cluster(), Keeping(setup), Keeping(setup)
    assert codes(first.on(cluster)) == codes(again.on(cluster)) == ["FED761"]
    assert len(first.warnings) == 1 and first.warnings == again.warnings
    assert (
        first.warnings[0].startswith("FED761 Service shop/cart: has 2 ports")
        and "/codes/fed761.html" in first.warnings[0]
    )


def test_a_run_is_not_warned_of_what_it_mends_itself():
    setup = base()
    setup.peer()["remote"]["addresses"] = ["west_gateway"]
    setup.live("ExportedServiceSet", "west")["spec"]["exportRules"] = []
    assert codes(setup.look()) == ["FED740", "FED742"]
    run = Keeping(setup)
    assert (codes(run.on(setup.cluster())), run.warnings) == ([], [])


def test_check_mode_before_there_are_gateways_does_not_miss_them():
    setup = base()
    del setup.control_plane["gateways"]
    setup.objects = {
        key: live
        for key, live in setup.objects.items()
        if key[0] not in ("ServiceMeshPeer", "ExportedServiceSet", "ImportedServiceSet")
    }
    assert codes(Keeping(setup, check_mode=True).on(setup.cluster())) == []
    assert "FED704" in codes(Keeping(setup).on(setup.cluster()))


def test_a_run_says_of_a_peering_made_by_hand_what_is_wrong_there():
    setup = base()
    setup.peer()["security"]["clientID"] = "west.local/ns/other/sa/other"
    setup.live("ServiceMeshPeer", "west")["metadata"].pop("labels")
    found = Keeping(setup).on(setup.cluster())
    assert codes(found) == ["FED742"]
    assert found["left_alone"]


def test_what_was_said_with_the_cards_is_found_and_not_said_again():
    setup = base()
    setup.options["exports"].append({"name": "ledger", "namespace": "bank", "to": ["west"]})
    run = Keeping(setup)
    cluster = setup.cluster()
    run.on(cluster)
    again = Keeping(setup)
    assert codes(again.on(cluster)) == ["FED772"]
    assert again.warnings == []


@pytest.mark.parametrize(
    ("without", "more"),
    [
        pytest.param(("exports", "imports"), [("Service", SPACE)], id="no rules"),
        pytest.param(
            ("imports",),
            [("Service", SPACE), ("Service", "shop"), ("ServiceMeshMemberRoll", SPACE)],
            id="exports alone",
        ),
        pytest.param(
            (),
            [
                ("Service", SPACE),
                ("Service", "shop"),
                ("ServiceMeshMemberRoll", SPACE),
                ("Sidecar", SPACE),
                ("Sidecar", "shop"),
            ],
            id="exports and imports",
        ),
    ],
)
def test_a_run_reads_no_more_than_its_rules_ask_for(without, more):
    setup = base()
    setup.options.update({option: [] for option in without}, withdraw=["west"])
    cluster = Guarded(setup.cluster())
    Keeping(setup).on(cluster)
    cluster.asked.clear()
    Keeping(setup).on(cluster)
    always = [
        ("ServiceMeshControlPlane", SPACE),
        ("ServiceMeshPeer", SPACE),
        ("ExportedServiceSet", SPACE),
        ("ImportedServiceSet", SPACE),
    ]
    # The peers' bundles, and among them our own root: a run with nothing to do says itself how it stands.
    assert sorted(cluster.asked) == sorted([*always, ("ConfigMap", SPACE), *more])


def test_an_account_without_rights_in_the_cluster_misses_the_platform_only_where_there_is_one():
    setup = standing(base(), (2, 5))

    def gaps() -> set[str]:
        seen = preflight_info.run(setup.module(), Guarded(setup.cluster(), "ClusterVersion", "Network", "Node"), NOW)
        return {code for gap in seen["unknown"] for code in gap["codes"]}

    assert gaps() == set()
    put_platform(setup)
    assert gaps() == {"FED792", "FED793", "FED794", "FED795", "FED799"}


def test_without_the_right_to_look_for_a_pull_secret_it_is_unknown_whether_it_is_there():
    setup = standing(base(), (2, 5))
    setup.control_plane["runtime"] = {"defaults": {"container": {"imagePullSecrets": [{"name": "mirror"}]}}}
    seen = preflight_info.run(setup.module(), Guarded(setup.cluster(), "Secret"), NOW)
    assert [finding["code"] for finding in seen["findings"]] == []
    assert [(gap["what"], gap["codes"]) for gap in seen["unknown"]] == [(f"Secret objects in {SPACE}", ["FED751"])]


def test_what_may_be_pulled_is_not_found_fault_with():
    setup = standing(base(), (2, 5))
    setup.put("Secret", "registry", "shop")
    private = {"url": "oci://registry.redhat.io/team/filter:1", "imagePullSecret": "registry"}
    for name, spec in {
        "private": private,
        "open": {"url": "oci://quay.example.com/filter:1"},
        "file": {"url": "file:///opt/registry.redhat.io/x"},
    }.items():
        setup.put("WasmPlugin", name, "shop", spec=spec)
    running = {"name": "discovery", "image": "x", "state": {"running": {}}}
    setup.put(
        "Pod",
        "istiod",
        status={"containerStatuses": [running, {"name": "new", "state": {"waiting": {"reason": "ContainerCreating"}}}]},
    )
    assert setup.look()["findings"] == []


@pytest.mark.parametrize(
    ("port", "advised"),
    [
        (Port("db", 5432, "TCP"), "Name port 5432 tcp-postgres"),
        (Port("web", 80, "TCP"), "Name port 80 http"),
        (Port("x", 7777, "TCP"), "tcp-postgres"),
    ],
)
def test_a_port_without_a_protocol_gets_advice_that_fits_it(port, advised):
    setup = base()
    setup.service("cart", ports=(port,))
    (found,) = setup.look()["findings"]
    assert found["code"] == "FED770" and advised in found["cure"]
    assert port.number == 7777 or "grpc-api" not in found["cure"]


def test_what_is_said_of_a_gateway_without_its_label_can_be_done_while_it_stands():
    setup = base()
    setup.ingress()["service"]["metadata"]["labels"] = {"owner": "team"}
    (found,) = [one for one in setup.look()["findings"] if one["code"] == "FED706"]
    assert "cannot be added" in found["cure"] and "another name" in found["cure"]


@pytest.mark.parametrize(
    ("rule", "code", "seen"),
    [
        ({"service": "shop/cart", "split": {"local": 50, "wets": 50}}, "FED302", "names wets"),
        ({"service": "shop/nothing", "failover_to": "west"}, "FED851", "is not in this mesh"),
    ],
)
def test_what_is_wrong_with_rules_of_traffic_is_found_as_well(rule, code, seen):
    setup = base()
    setup.options["traffic"] = [rule]
    found = {entry["code"]: str(entry) for entry in setup.look()["findings"]}
    assert set(found) - {"FED867"} == {code} and seen in found[code]


def test_rules_of_traffic_that_cannot_be_looked_at_are_a_finding_of_their_own():
    setup = base()
    setup.options["traffic"] = [{"service": "shop/cart", "timeout": "2s"}]
    found = codes(preflight_info.run(setup.module(), Guarded(setup.cluster(), "VirtualService"), NOW))
    assert found == ["FED868"]


def test_what_rules_of_traffic_need_is_read_once_with_all_else():
    setup = base()
    setup.options["traffic"] = [{"service": "shop/cart", "timeout": "2s"}]
    cluster = setup.cluster()
    result = preflight_info.run(setup.module(), cluster, NOW)
    assert "list VirtualService shop" in cluster.reads and "FED868" not in codes(result)
    assert sorted(cluster.reads) == sorted(set(cluster.reads))


def test_a_peer_that_a_rule_is_about_to_admit_is_no_finding():
    setup = base()
    setup.live("Service", "cart", "shop")["spec"]["selector"] = {"app": "cart"}
    setup.put("AuthorizationPolicy", "callers", "shop", spec={"rules": [{"from": [{"source": {"principals": ["x"]}}]}]})
    assert "FED871" in codes(setup.look())
    peers = sorted({name for rule in setup.options["exports"] for name in rule.get("to") or ["west", "north"]})
    setup.options["traffic"] = [{"service": "shop/cart", "callers": {"from_mesh": peers, "local": "nobody"}}]
    assert "FED871" not in codes(setup.look())


IMAGE = f"registry.example/header:1@sha256:{'a' * 64}"
HEADER = {"name": "header", "namespace": "shop", "selector": {"app": "cart"}, "image": IMAGE}


def services(**more):
    credentials = {"user_key": [{"header": {"keys": ["x-user-key"]}}]}
    rules = [{"method": "GET", "pattern": "/", "usages": [{"name": "hits", "delta": 1}]}]
    return [
        {
            "id": "7",
            "token": "a-service-token",
            "authorities": ["cart.shop"],
            "credentials": credentials,
            "mapping_rules": rules,
            **more,
        }
    ]


def threescale(**more):
    adapter = {
        "name": "cart",
        "namespace": "shop",
        "selector": {"app": "cart"},
        "image": IMAGE,
        "services": services(),
        **more,
    }
    return {"backend": {"url": "https://su1.3scale.net"}, "adapters": [adapter]}


def found_of(setup):
    return {entry["code"]: str(entry) for entry in setup.look()["findings"]}


@pytest.mark.parametrize(
    ("extension", "code", "seen"),
    [
        ({**HEADER, "phase": "Later"}, "FED800", "phase"),
        ({**HEADER, "namespace": "elsewhere"}, "FED803", "elsewhere"),
        ({**HEADER, "image": "registry.example/header:1"}, "FED807", "without a digest"),
        ({**HEADER, "phase": "AUTHZ"}, "FED812", "go on without it"),
    ],
)
def test_what_is_wrong_with_described_extensions_is_found_as_well(extension, code, seen):
    setup = base()
    setup.options["extensions"] = [{"traffic": "both", **extension}]
    assert seen in found_of(setup)[code]


def test_what_stands_in_the_way_of_an_extension_is_found():
    setup = base()
    setup.put("WasmPlugin", "header", "shop", spec={"url": "oci://registry.example/other"})
    setup.options["extensions"] = [{"traffic": "both", **HEADER}]
    assert "FED811" in found_of(setup)


def test_what_is_wrong_with_3scale_is_found_as_well_and_no_token_is_told():
    setup = base()
    setup.options["threescale"] = threescale(namespace="elsewhere")
    found = found_of(setup)
    assert "FED803" in found and "a-service-token" not in str(found)
    setup.options["threescale"] = threescale(passthrough="yes")
    assert "FED880" in found_of(setup)


def test_a_test_of_3scale_that_is_not_met_is_found_where_the_rules_are_known():
    setup = base()
    setup.options["threescale"] = threescale()
    request = {"host": "cart.shop", "path": "/", "headers": {"x-user-key": "abc"}}
    setup.options["threescale_tests"] = [{"request": request, "expect": {"service": "8"}}]
    assert "NOT MET" in found_of(setup)["FED889"]
    setup.options["threescale_tests"] = [{"request": request, "expect": {"service": "7"}}]
    assert "FED889" not in found_of(setup)


def test_an_adapter_whose_pods_would_not_know_3scales_hosts_is_found_before_it_is_written():
    setup = base()
    setup.objects[("ServiceMeshControlPlane", "east-mesh-system", "basic")]["spec"]["version"] = "v2.5"
    setup.put(
        "Pod", "cart-1", "shop", metadata={"labels": {"app": "cart"}}, spec={"containers": [{"name": "istio-proxy"}]}
    )
    setup.options["threescale"] = threescale(namespace="east-mesh-system")
    assert "would not know 3scale's hosts" in found_of(setup)["FED884"]


def test_an_old_extension_that_this_openshift_never_lets_become_ready_is_found_and_unknown_to_who_may_not_read_it():
    setup = base()
    setup.objects[("ServiceMeshControlPlane", "east-mesh-system", "basic")]["spec"]["version"] = "v2.2"
    setup.options["extensions"] = [{**HEADER, "kind": "ServiceMeshExtension"}]
    setup.put("ClusterVersion", "version", "", status={"history": [{"state": "Completed", "version": "4.17.0"}]})
    assert "and this is 4.17.0" in found_of(setup)["FED824"]
    seen = preflight_info.run(setup.module(), Guarded(setup.cluster(), "ClusterVersion"), NOW)
    assert {"what": "ClusterVersion", "codes": ["FED824"]}.items() <= next(
        gap for gap in seen["unknown"] if gap["codes"] == ["FED824"]
    ).items()


def test_extensions_that_may_not_be_read_are_unknown():
    setup = base()
    setup.options["extensions"] = [{"traffic": "both", **HEADER}]
    seen = preflight_info.run(setup.module(), Guarded(setup.cluster(), "WasmPlugin"), NOW)
    assert any("FED811" in gap["codes"] for gap in seen["unknown"])
