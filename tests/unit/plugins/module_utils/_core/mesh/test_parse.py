# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a user describes is checked once, before anything is written."""

from __future__ import annotations

import time

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.described import Gateways
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.parse import parse_mesh
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.plan import plan_imports
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.mesh.meshes import (
    PIN,
    described,
    peer,
    refusal,
)
from hypothesis import given
from hypothesis import strategies as st


def test_a_peer_is_a_name_or_a_mapping_with_one():
    assert described(["west"]) == described([{"name": "west"}])


def test_a_pin_is_understood_in_any_spelling():
    colons = ":".join(PIN[at : at + 2] for at in range(0, 64, 2)).lower()
    assert peer(root_fingerprints=[colons, f"sha256:{PIN}"]).root_fingerprints == (PIN, PIN)


def test_a_peer_is_found_by_our_name_first():
    mesh = described([{"name": "prod", "local_name": "west"}, "north"])
    assert mesh.peer("west") is mesh.peer("prod") is mesh.peers[0]
    assert mesh.peer("east") is None


PARTNERS = [{"name": "prod", "local_name": "acme"}, {"name": "prod", "local_name": "globex"}]


def test_rules_speak_of_partners_of_one_name_by_our_names():
    mesh = described(PARTNERS, exports=[{"name": "cart", "namespace": "shop", "to": ["globex"]}])
    assert [len(mesh.exports_to(partner)) for partner in mesh.peers] == [0, 1]


@pytest.mark.parametrize(("option", "word"), [("exports", "to"), ("imports", "from")])
def test_a_rule_for_a_name_that_several_partners_share_is_refused(option, word):
    with pytest.raises(FederationError, match="FED320.*names prod.*acme, globex"):
        described(PARTNERS, **{option: [{"name": "cart", "namespace": "shop", word: ["prod"]}]})


def test_partners_of_one_name_are_told_apart_by_our_names_only():
    mesh = described([*PARTNERS, {"name": "stage", "local_name": "initech"}])
    acme, _globex, initech = mesh.peers
    assert mesh.names_of(acme) == ("acme",)
    assert mesh.names_of(initech) == ("initech", "stage")
    assert [mesh.known_as(one) for one in mesh.peers] == ["acme", "globex", "stage"]


def test_of_partners_of_one_name_both_are_held_when_that_mesh_failed_and_one_by_our_name():
    assert [p.local_name for p in described(PARTNERS).holding(["prod"]).held] == ["acme", "globex"]
    mesh = described(PARTNERS).holding(["globex"])
    assert [p.local_name for p in mesh.held] == ["globex"]
    assert mesh.is_shared("prod"), "the one that is held still has the name"


def test_two_gateways_do_not_get_one_node_port():
    peers = [{"name": name, "gateways": {"node_ports": {"service": 30443}}} for name in ("west", "north")]
    with pytest.raises(FederationError, match="FED307.*30443, which west has already"):
        described(peers)


def test_an_adopted_peer_s_kind_of_service_may_be_known_to_the_cluster_only():
    assert peer(adopt=True, gateways={"service_type": "NodePort"}).gateways.service_type == "NodePort"


def test_a_held_peer_is_set_aside():
    mesh = described(["west", "north"]).holding(iter(["north", "unknown"]))
    assert [p.name for p in mesh.peers] == ["west"]
    assert [p.name for p in mesh.held] == ["north"]


def test_no_peers_are_fine_where_nothing_is_federated():
    assert described([], allow_no_peers=True).peers == ()


LONG = "p" * 55
PEERS_THAT_ARE_REFUSED = {
    "no peers": ([], "FED301", "mesh_peers", "is empty for mesh east", "federation_full_mesh: true"),
    "nothing": (None, "FED301", "mesh_peers", "is empty for mesh east", "List the peers"),
    "a number": (
        [7],
        "FED303",
        "mesh_peers, entry 1",
        "is not a name or a mapping with a name",
        "Write the peer's mesh name",
    ),
    "without a name": (
        [{"local_name": "west"}],
        "FED303",
        "mesh_peers, entry 1, name",
        "is missing",
        "lower-case letters",
    ),
    "a name with capitals": (
        ["West"],
        "FED303",
        "mesh_peers, entry 1, name",
        "'West' is not a DNS label of at most 63",
        "lower-case letters",
    ),
    "a path": (["../west"], "FED303", "mesh_peers, entry 1, name", "is not a DNS label", "lower-case letters"),
    "a long name": (
        ["p" * 56],
        "FED303",
        f"mesh_peers, {'p' * 56}, local_name",
        "at most 55 characters",
        "lower-case letters",
    ),
    "an unknown key": (
        [{"name": "west", "fingerprint": PIN}],
        "FED317",
        "mesh_peers, entry 1",
        "has the unknown key fingerprint",
        "root_fingerprints",
    ),
    "this mesh": (["east"], "FED305", "mesh_peers, east", "is this mesh itself", "List other meshes only"),
    "a peer twice": (
        ["west", "west"],
        "FED304",
        "mesh_peers, west",
        "is called west, like another entry",
        "its own local_name",
    ),
    "a name that is another's local name": (
        [{"name": "west", "local_name": "partner"}, {"name": "prod", "local_name": "west"}],
        "FED304",
        "mesh_peers, west",
        "is the local_name of another entry, so a rule for west could mean either",
        "another local_name",
    ),
    "a pin that is none": (
        [{"name": "west", "root_fingerprints": ["3F9A…C1D0"]}],
        "FED303",
        "mesh_peers, west, root_fingerprints",
        "not a SHA-256",
        "64 hex",
    ),
    "a pin that is a text": (
        [{"name": "west", "root_fingerprints": PIN}],
        "FED317",
        "mesh_peers, west, root_fingerprints",
        "is not a list",
        "Write it as a list",
    ),
    "a maybe": (
        [{"name": "west", "suspended": "maybe"}],
        "FED317",
        "mesh_peers, west, suspended",
        "is 'maybe'",
        "Write true or false",
    ),
}


@pytest.mark.parametrize(
    ("peers", "code", "where", "what", "fix"), PEERS_THAT_ARE_REFUSED.values(), ids=PEERS_THAT_ARE_REFUSED
)
def test_peers_that_cannot_be_are_refused(peers, code, where, what, fix):
    error = refusal(peers=peers)
    assert (error.code, error.where) == (code, where)
    assert what in error.what and fix in error.fix


@pytest.mark.parametrize(
    "kinds", [("ingress", "ingress"), ("egress", "egress"), ("ingress", "egress"), ("egress", "ingress")]
)
def test_a_gateway_serves_one_peer_in_one_direction(kinds):
    one, other = ({"name": name, "gateways": {kind: "gw"}} for name, kind in zip(("west", "north"), kinds))
    error = refusal(peers=[one, other])
    assert (error.code, error.where) == ("FED307", f"mesh_peers, north, gateways.{kinds[1]}")
    assert f"is gw, which is the {kinds[0]} gateway of west already" in error.what


@pytest.mark.parametrize(
    ("option", "value", "where"),
    [
        ("name", "East", "mesh_name"),
        ("namespace", "a/b", "mesh_namespace"),
        ("namespace", None, "mesh_namespace"),
        ("control_plane", "../basic", "mesh_control_plane"),
        ("trust_domain", "East.local", "mesh_trust_domain"),
        ("trust_domain", "spiffe://east.local", "mesh_trust_domain"),
    ],
)
def test_a_mesh_whose_own_names_cannot_be_is_refused(option, value, where):
    error = refusal(**{option: value})
    assert (error.code, error.where) == ("FED303", where)


EMPTY = [None, "", " ", [], {}, ()]


@pytest.mark.parametrize("value", EMPTY, ids=repr)
@pytest.mark.parametrize(
    ("option", "rule", "key", "code"),
    [
        *(("exports", {"namespace": "shop"}, key, "FED317") for key in ("name", "namespace", "alias", "to")),
        ("exports", {"namespace": "shop"}, "label_selectors", "FED314"),
        *(
            ("imports", {"namespace": "shop"}, key, "FED317")
            for key in ("name", "namespace", "alias", "from", "import_as_local", "domain_suffix")
        ),
    ],
)
def test_a_key_of_a_rule_that_is_there_and_empty_is_refused(option, rule, key, code, value):
    error = refusal(**{option: [{**rule, key: value}]})
    assert (error.code, error.where, error.what) == (code, f"mesh_{option}, rule 1, {key}", "is there and empty")
    assert "without it, it means" in error.fix


@pytest.mark.parametrize("value", EMPTY, ids=repr)
@pytest.mark.parametrize("key", ["local_name", "root_fingerprints", "same_cluster", "suspended", "adopt", "gateways"])
def test_a_key_of_a_peer_that_is_there_and_empty_is_refused(key, value):
    error = refusal(peers=[{"name": "west", key: value}])
    assert (error.code, error.where, error.what) == ("FED317", f"mesh_peers, west, {key}", "is there and empty")


@pytest.mark.parametrize("value", EMPTY, ids=repr)
@pytest.mark.parametrize("key", sorted(Gateways.__dataclass_fields__))
def test_a_gateway_setting_that_is_there_and_empty_is_refused(key, value):
    error = refusal(peers=[{"name": "west", "gateways": {key: value}}])
    assert (error.code, error.where, error.what) == (
        "FED317",
        f"mesh_peers, west, gateways, {key}",
        "is there and empty",
    )
    error = refusal(gateways={key: value})
    assert (error.code, error.where, error.what) == ("FED317", f"mesh_gateways, {key}", "is there and empty")


KEYS = st.sampled_from(["name", "namespace", "alias", "to", "from", "gateways", "west"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["", "*", "west", "a.b", "../x", "{{ x }}", "\u0435ast", "x" * 300]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)


@given(st.lists(VALUES, max_size=3), st.lists(VALUES, max_size=3), st.lists(VALUES, max_size=3))
def test_whatever_is_described_is_taken_or_refused(peers, exports, imports):
    try:
        described(peers, exports=exports, imports=imports)
    except FederationError as error:
        assert error.code.startswith(("FED3", "FED2"))
        assert error.where and error.what and error.fix


@given(st.sampled_from(["local_name", "root_fingerprints", "same_cluster", "suspended", "adopt", "gateways"]), VALUES)
def test_whatever_stands_in_a_peer_is_taken_or_refused(key, value):
    try:
        described([{"name": "west", key: value}])
    except FederationError as error:
        assert error.where.startswith("mesh_peers, west")


@given(st.sampled_from(sorted(Gateways.__dataclass_fields__)), VALUES)
def test_whatever_stands_in_a_gateway_is_taken_or_refused(key, value):
    try:
        described([{"name": "west", "gateways": {key: value}}])
    except FederationError as error:
        assert error.where.startswith("mesh_peers, west")


def test_a_hub_with_many_peers_is_described_in_a_moment():
    started = time.process_time()
    mesh = described([f"spoke-{number}" for number in range(2000)], exports=[{"namespace": "shop"}], imports=[{}])
    assert len(mesh.peers) == 2000
    assert time.process_time() - started < 5


def test_a_peers_locality_stands_on_what_is_imported_from_it():
    peers = [{"name": "west", "locality": {"zone": "b", "region": "eu-west"}}]
    mesh = parse_mesh(name="east", namespace="east-mesh-system", control_plane="basic", peers=peers)
    assert plan_imports(mesh, mesh.peers[0])["spec"] == {
        "locality": {"region": "eu-west", "zone": "b"},
        "importRules": [],
    }


@pytest.mark.parametrize(
    "locality",
    [{"zone": "b"}, {"region": "eu", "subzone": "r"}, "eu", {"region": "eu west"}, {"area": "eu"}, {"region": None}],
)
def test_a_locality_that_istiod_would_drop_is_refused(locality):
    with pytest.raises(FederationError) as refused:
        parse_mesh(name="east", namespace="e", control_plane="basic", peers=[{"name": "west", "locality": locality}])
    assert refused.value.code == "FED856"


def test_a_peer_without_ansible_is_a_mesh_of_its_own_with_this_one_as_its_peer():
    known = {
        "namespace": "mesh",
        "control_plane": "main",
        "version": "v2.5",
        "exports": [{"name": "a", "namespace": "b"}],
    }
    (west,) = described([{"name": "west", "kubectl": known}]).peers
    assert (west.half.mesh.name, west.half.mesh.namespace, west.half.mesh.control_plane, west.half.version) == (
        "west",
        "mesh",
        "main",
        "v2.5",
    )
    assert (west.half.peer.name, west.half.peer.gateways.ingress) == ("east", "east-ingress")
    assert [rule.name for rule in west.half.mesh.exports] == ["a"]


@pytest.mark.parametrize(
    ("kubectl", "said"),
    [
        ({"control_plane": "basic"}, "FED350 mesh_peers, west, kubectl: has no namespace"),
        ({"namespace": "mesh"}, "FED350 mesh_peers, west, kubectl: has no control_plane"),
        (
            {"namespace": "mesh", "control_plane": "basic", "version": "1.1"},
            "FED350 mesh_peers, west, kubectl, version",
        ),
        ({"namespace": "", "control_plane": "basic"}, "FED317 mesh_peers, west, kubectl, namespace"),
        ({"namespace": "Mesh", "control_plane": "basic"}, "FED303 mesh_peers, west, kubectl, namespace"),
        (
            {"namespace": "mesh", "control_plane": "basic", "export": []},
            "FED317 mesh_peers, west, kubectl: has the unknown key export",
        ),
        (
            {"namespace": "mesh", "control_plane": "basic", "exports": [{"nam": "a"}]},
            "FED317 mesh_peers, west, kubectl, exports, rule 1",
        ),
        (
            {"namespace": "mesh", "control_plane": "basic", "gateways": {"service_type": "x"}},
            "FED307 mesh_peers, west, kubectl, gateways, service_type: is",
        ),
        (
            {"namespace": "mesh", "control_plane": "basic", "gateways": {"ingress": ""}},
            "FED317 mesh_peers, west, kubectl, gateways, ingress: is",
        ),
        (
            {"namespace": "mesh", "control_plane": "basic", "gateways": {"addresses": ["0.0.0.0"]}},
            "FED219 mesh_peers, west, kubectl, gateways",
        ),
        (
            {"namespace": "m" * 60, "control_plane": "basic"},
            "FED307 mesh_peers, west, kubectl, gateway east-ingress: is too long",
        ),
        (
            {"namespace": "mesh", "control_plane": "basic", "imports": "shop"},
            "FED317 mesh_peers, west, kubectl, imports: is not a list",
        ),
        (
            {"namespace": "mesh", "control_plane": "basic", "imports": [{"from": ["x"]}]},
            "FED302 mesh_peers, west, kubectl, imports, rule 1, from",
        ),
        ("west-mesh-system", "FED317 mesh_peers, west, kubectl: is not a mapping"),
    ],
)
def test_what_is_said_of_a_peer_without_ansible_is_checked_in_the_users_own_words(kubectl, said):
    with pytest.raises(FederationError, match=f"^{said}"):
        described([{"name": "west", "kubectl": kubectl}])
