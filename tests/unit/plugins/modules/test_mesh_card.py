# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``mesh_card`` against a cluster in memory: files of equal bytes, and none without an address."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils import _cards, _notes
from ansible_collections.ossm.federation.plugins.module_utils._core.plain import kinds
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._described import DESCRIBED
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE
from ansible_collections.ossm.federation.plugins.module_utils._reads import remembering
from ansible_collections.ossm.federation.plugins.modules import federation_info, mesh_card
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW, root
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

SPACE = "east-mesh-system"
CONTROL_PLANE = {
    "apiVersion": "maistra.io/v2",
    "kind": "ServiceMeshControlPlane",
    "metadata": {"name": "basic", "namespace": SPACE, "generation": 1},
    "spec": {"version": "v2.3", "security": {"trust": {"domain": "east.local"}}},
}
ROOT = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "istio-ca-root-cert", "namespace": SPACE},
    "data": {"root-cert.pem": root("east")},
}


def asked(directory, check_mode=False, **params):
    given = {"mesh": "east", "peers": ["west"], **params, "cards_dir": str(directory / "cards")}
    return RunInMemory(DESCRIBED, FORCE, mesh_card.OPTIONS, check_mode=check_mode, **given)


def service(*addresses):
    status = {"loadBalancer": {"ingress": [{"ip": address} for address in addresses]}}
    metadata = {"name": "west-ingress", "namespace": SPACE, "labels": {"maistra.io/gateway": f"west-ingress.{SPACE}"}}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {}, "status": status}


@pytest.fixture
def cluster():
    return ClusterInMemory(NOW, CONTROL_PLANE, ROOT, service("192.0.2.10"))


@pytest.fixture
def run(tmp_path, cluster):
    def made(now=NOW, check_mode=False, **params):
        return mesh_card.run(asked(tmp_path, check_mode, **params), cluster, now)

    return made


@pytest.fixture
def file(tmp_path):
    return tmp_path / "cards" / "east-for-west.json"


def test_a_card_says_who_we_are_and_where_we_are_reached(run):
    (card,) = run()["cards"]
    assert (card["mesh"], card["audience"], card["trust_domain"]) == ("east", "west", "east.local")
    assert card["client_id"] == "east.local/ns/east-mesh-system/sa/west-egress-service-account"
    assert card["ingress"] == {"addresses": ["192.0.2.10"], "discovery_port": 8188, "service_port": 15443}


def test_a_second_run_leaves_a_file_of_equal_bytes(run, file):
    assert run()["changed"]
    before = file.read_bytes()
    again = run(NOW + timedelta(days=1))
    assert (again["changed"], again["diff"], file.read_bytes()) == (False, [], before)


def test_a_card_is_renewed_when_half_its_life_has_passed(run, file):
    run()
    before = file.read_bytes()
    assert run(NOW + timedelta(days=91))["changed"]
    assert file.read_bytes() != before


def test_a_folder_per_audience_holds_the_same_bytes_with_letter_and_half_beside_them(run, file, tmp_path):
    peers = [
        {"name": "west", "kubectl": {"namespace": "west-mesh-system", "control_plane": "basic", "version": "v2.5"}}
    ]
    run(peers=peers, letters=True)
    sharded = run(NOW + timedelta(days=1), peers=peers, layout="audience", letters=True)
    theirs = tmp_path / "cards" / "west"
    assert (theirs / "east.json").read_bytes() == file.read_bytes(), (
        "it is the card that west knows, so it is not issued again"
    )
    assert (
        sharded["files"] == [str(theirs / "east.json")]
        and sharded["recipients"][0] == f"give {theirs}/east.json to the administrator of west"
    )
    assert {path.name for path in theirs.iterdir()} == {"east.json", "east.md", "east"} and (
        theirs / "east" / "README.md"
    ).is_file()
    assert sharded["halves"] == [str(theirs / "east")]
    assert not run(NOW + timedelta(days=2), peers=peers, layout="audience")["changed"]


def test_a_card_that_is_left_in_the_other_layout_and_differs_is_warned_of(tmp_path, cluster, run):
    run()
    cluster.put(service("192.0.2.99"))
    asking = asked(tmp_path, layout="audience")
    mesh_card.run(asking, cluster, NOW)
    assert [text for text in asking.warnings if "FED361" in text and "east-for-west.json" in text]


def test_check_mode_shows_the_file_and_writes_none(run, file):
    planned = run(check_mode=True)
    assert (planned["changed"], planned["files"]) == (True, [str(file)])
    assert not file.parent.exists()


def test_a_card_without_an_address_is_never_written(run, cluster, file):
    cluster.put(service())
    result = run()
    assert (result["changed"], result["files"], result["firewall"]) == (False, [], [])
    assert result["pending"] == [
        {"peer": "west", "reason": "Service east-mesh-system/west-ingress has no load balancer address yet"}
    ]
    assert not file.exists()


def test_an_address_that_goes_away_leaves_the_earlier_card(run, cluster, file):
    run()
    before = file.read_bytes()
    cluster.put(service())
    run()
    assert file.read_bytes() == before


def test_the_firewall_is_told_with_the_peers_address_once_its_card_is_there(run, file):
    first = run()
    assert first["firewall"][0] == "west reaches east at 192.0.2.10, TCP 8188 (discovery) and TCP 15443 (services)"
    assert {tuple(row["to"]) for row in first["firewall_rules"]} == {("192.0.2.10",), ()}
    card = {
        **first["cards"][0],
        "mesh": "west",
        "audience": "east",
        "ingress": {"addresses": ["198.51.100.7"], "discovery_port": 30188, "service_port": 31443},
    }
    file.with_name("west-for-east.json").write_text(json.dumps(card), encoding="utf-8")
    second = run()
    assert {row["port"] for row in second["firewall_rules"] if row["to"] == ["198.51.100.7"]} == {30188, 31443}
    file.with_name("west-for-east.json").write_text("no card at all", encoding="utf-8")
    assert run()["firewall"] == first["firewall"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_load_balancers_name_that_does_not_resolve_is_told_and_fails_nothing(run, cluster, monkeypatch, check_mode):
    live = service()
    live["status"]["loadBalancer"]["ingress"] = [{"hostname": "lb.example.com"}]
    cluster.put(live)
    monkeypatch.setattr(_cards, "resolved", lambda names: {name: [] for name in names})
    result = run(check_mode=check_mode)
    assert [note.partition(":")[0] for note in result["firewall_notes"]] == ["lb.example.com does not resolve here yet"]


def test_a_card_is_made_without_a_write_to_the_cluster(run, cluster):
    run()
    assert cluster.writes == []


def gateways_in(cluster):
    return cluster.get(kinds.CONTROL_PLANE, SPACE, "basic")["spec"].get("gateways") or {}


def test_the_gateways_are_kept_in_the_same_call_when_that_is_asked(run, cluster):
    assert run()["changes"] == [] and gateways_in(cluster) == {}
    first = run(keep_gateways=True)
    assert first["changed"] and "spec.gateways.additionalIngress.west-ingress.enabled" in first["changes"][0]["fields"]
    assert sorted(gateways_in(cluster)["additionalIngress"]) == ["west-ingress"]
    assert run(keep_gateways=True)["changed"] is False


def test_check_mode_shows_gateways_and_cards_and_writes_neither(run, cluster, file):
    planned = run(check_mode=True, keep_gateways=True)
    assert [change["kind"] for change in planned["changes"]] == ["ServiceMeshControlPlane"]
    assert (gateways_in(cluster), file.exists()) == ({}, False)
    assert [entry["after_header"] for entry in planned["diff"]][-1] == str(file)


def test_gateways_that_are_kept_elsewhere_are_only_compared(run, cluster):
    with pytest.raises(FederationError, match="FED406"):
        run(keep_gateways=True, managed=False)
    assert gateways_in(cluster) == {}


def test_gateways_of_former_peers_are_named(run):
    run(keep_gateways=True)
    assert run(keep_gateways=True, peers=["north"])["leftovers"] == ["west"]


WEST_BY_HAND = {
    "name": "west",
    "kubectl": {"namespace": "west-mesh-system", "control_plane": "basic", "imports": [{"namespace": "shop"}]},
}


def test_a_letter_goes_with_each_card_when_it_is_asked_for_and_is_kept_up_to_date_after_that(run, cluster, file):
    letter = file.with_suffix(".md")
    assert run()["letters"] == [] and not letter.exists()
    first = run(letters=True)
    assert (first["changed"], first["letters"], first["halves"]) == (True, [str(letter)], [])
    assert (
        first["recipients"][-1]
        == "with east-for-west.json goes east-for-west.md: what the administrator of west does next"
    )
    assert run(letters=True)["changed"] is False
    cluster.put(service("192.0.2.99"))
    run()
    assert "192.0.2.99" in letter.read_text(encoding="utf-8")


def test_neither_a_letter_nor_a_half_says_what_is_compared_by_voice(run, file):
    result = run(letters=True, peers=[WEST_BY_HAND])
    texts = [path.read_text(encoding="utf-8") for path in (file.with_suffix(".md"), file.with_suffix("") / "README.md")]
    said = [result["fingerprint"], *result["fingerprints"], *(row["identity"] for row in result["identities"])]
    assert not [
        word
        for word in said
        for text in texts
        if word.replace("-", "") in text.upper().replace("-", "").replace(":", "")
    ]
    assert all("openssl x509" in text and "-fingerprint -sha256" in text for text in texts)


def test_check_mode_shows_a_letter_and_writes_none(run, file):
    planned = run(check_mode=True, letters=True)
    assert planned["letters"] == [str(file.with_suffix(".md"))] and not file.parent.exists()


def test_what_stands_in_a_letters_place_and_is_not_ours_is_not_shown(run, file):
    run()
    file.with_suffix(".md").write_text("somebody's notes", encoding="utf-8")
    (shown,) = [entry for entry in run(letters=True)["diff"] if entry["after_header"].endswith(".md")]
    assert "somebody" not in shown["before"]


def test_a_peer_without_ansible_gets_what_its_own_federate_would_write(run, file):
    result = run(letters=True, peers=[WEST_BY_HAND])
    folder = file.with_suffix("")
    assert result["halves"] == [str(folder)]
    texts = {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*.*")}
    assert {name for name in texts if name.startswith("peering/")} == {
        "peering/1-configmap.yaml",
        "peering/2-servicemeshpeer.yaml",
        "peering/3-exportedserviceset.yaml",
        "peering/4-importedserviceset.yaml",
        "peering/kustomization.yaml",
    }
    peer = yaml.safe_load(texts["peering/2-servicemeshpeer.yaml"])
    assert (peer["metadata"]["name"], peer["metadata"]["namespace"]) == ("east", "west-mesh-system")
    assert peer["spec"]["remote"]["addresses"] == ["192.0.2.10"]
    assert peer["spec"]["security"]["clientID"] == "east.local/ns/east-mesh-system/sa/west-egress-service-account"
    (rule,) = yaml.safe_load(texts["peering/4-importedserviceset.yaml"])["spec"]["importRules"]
    assert rule["nameSelector"] == {"name": "*", "namespace": "shop"}


def test_every_command_that_writes_is_server_side_and_names_our_field_manager(run, file):
    run(letters=True, peers=[WEST_BY_HAND])
    readme = (file.with_suffix("") / "README.md").read_text(encoding="utf-8")
    writing = [line.strip() for line in readme.splitlines() if " apply " in line and line.strip().startswith("kubectl")]
    assert len(writing) == 5
    assert all("--server-side --field-manager=ossm.federation" in line for line in writing)
    assert "--field-manager=ossm.federation/gateways/east -f gateways/1-servicemeshcontrolplane.yaml" in readme
    assert not [
        line
        for line in readme.splitlines()
        if line.startswith("kubectl") and any(f" {verb} " in line for verb in ("create", "patch", "delete"))
    ]


def peered(connected):
    """Return west's ServiceMeshPeer, with the moment of its last connection to us."""
    remote = {"source": "192.0.2.7", "connected": True, "lastConnected": connected.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return {
        "apiVersion": "federation.maistra.io/v1",
        "kind": "ServiceMeshPeer",
        "metadata": {"name": "west", "namespace": SPACE, "labels": {"ossm.federation/mesh": "east"}},
        "spec": {
            "remote": {"addresses": ["192.0.2.7"]},
            "gateways": {"ingress": {"name": "west-ingress"}, "egress": {"name": "west-egress"}},
        },
        "status": {"discoveryStatus": {"active": [{"pod": "istiod-1", "remotes": [remote]}]}},
    }


LATER = timedelta(hours=1)


@pytest.fixture
def moved(run, cluster, file):
    """A mesh whose card was handed over once, and whose address has changed since."""
    assert run()["hand_over"] == []
    cluster.put(service("192.0.2.11"))
    return f"hand over {file}: address 192.0.2.10 → 192.0.2.11 (until it connects again)"


def test_a_changed_address_is_to_be_handed_over_until_a_newer_connection_is_seen(run, cluster, moved):
    assert run(NOW + LATER)["hand_over"] == [moved]
    cluster.put(peered(NOW))
    again = run(NOW + 2 * LATER)
    assert (again["hand_over"], again["changed"]) == ([moved], False)
    cluster.put(peered(NOW + 3 * LATER))
    seen = run(NOW + 4 * LATER)
    assert (seen["hand_over"], seen["changed"]) == ([], False)
    cluster.put(peered(NOW))
    assert run(NOW + 5 * LATER)["hand_over"] == []


def test_the_status_says_what_an_earlier_run_left_to_be_handed_over(run, cluster, moved, file):
    def told(**params):
        options = {key: option.get("default") for key, option in federation_info.OPTIONS.items()}
        given = {
            **options,
            "mesh": "east",
            "namespace": None,
            "control_plane": "basic",
            "peers": ["west"],
            "cards_dir": str(file.parent),
            **params,
        }
        result = federation_info.run(SimpleNamespace(params=given, check_mode=False), cluster, NOW + 2 * LATER)
        assert result["hand_over"] == [] or result["lines"][-1:] == result["hand_over"]
        return result["hand_over"]

    assert told() == [], "the card that was handed over is the one that lies there"
    run(NOW + LATER)
    assert told() == [moved]
    assert told(cards_dir=str(file.parent / "nowhere")) == told(cards_dir=None) == told(leaving=True) == []
    cluster.put(peered(NOW + 3 * LATER))
    assert told() == []


def test_check_mode_says_what_is_to_be_handed_over_and_remembers_nothing(run, moved, file):
    assert run(NOW + LATER, check_mode=True)["hand_over"] == [moved]
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_an_address_that_comes_back_needs_no_handing_over(run, cluster, moved):
    run(NOW + LATER)
    cluster.put(service("192.0.2.10"))
    assert run(NOW + 2 * LATER)["hand_over"] == []


def test_a_peer_of_this_run_takes_its_card_from_there(run, moved):
    assert run(NOW + LATER, in_run=["east", "west"])["hand_over"] == []
    assert run(NOW + 2 * LATER)["hand_over"] == []


def test_a_changed_root_is_to_be_handed_over_until_its_card_is_named(run, cluster, file):
    run()
    cluster.put({**ROOT, "data": {"root-cert.pem": root("east") + root("next")}})
    (line,) = run(NOW + LATER)["hand_over"]
    named = line.rpartition("=")[2].rstrip(")")
    assert f"hand over {file}: root " in line and f"(done: federation_handed_over=west={named})" in line
    cluster.put(peered(NOW + 3 * LATER))
    assert run(NOW + 4 * LATER)["hand_over"] == [line], "a connection does not show that the peer knows the new root"
    assert run(NOW + 5 * LATER, handed_over=[f"west={'0' * 32}"])["hand_over"] == [line]
    assert run(NOW + 6 * LATER, handed_over=[f"west={named.lower()}"])["hand_over"] == []
    assert run(NOW + 7 * LATER)["hand_over"] == []


def test_changes_that_come_one_after_the_other_are_told_against_what_the_peer_has(run, cluster, moved):
    run(NOW + LATER)
    cluster.put(service("192.0.2.12"))
    assert "192.0.2.10 → 192.0.2.12 (" in run(NOW + 2 * LATER)["hand_over"][0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"handed_over": ["west"]}, "FED351 federation_handed_over: names west without the digits"),
        ({"handed_over": ["west=3F9A"]}, "FED351 federation_handed_over: names west without the digits"),
        ({"handed_over": [f"wst={'0' * 32}"], "known_in_run": ["north"]}, "FED302 federation_handed_over: names wst"),
    ],
)
def test_what_would_be_said_of_no_card_or_of_nobody_is_refused(run, given, said):
    with pytest.raises(FederationError, match=said):
        run(**given)


def test_what_somebody_put_in_the_place_of_our_note_says_nothing(run, moved, file):
    file.with_suffix(".handed-over").write_text("{", encoding="utf-8")
    assert run(NOW + LATER)["hand_over"] == [moved]


def test_a_link_in_the_place_of_our_note_is_refused_before_anything_is_written(run, moved, file, tmp_path):
    before = file.read_bytes()
    file.with_suffix(".handed-over").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FederationError, match=r"FED201 Card .*east-for-west\.handed-over: is a link"):
        run(NOW + LATER)
    assert file.read_bytes() == before and not (tmp_path / "elsewhere").exists()


@pytest.fixture
def noted(run, cluster, tmp_path, monkeypatch):
    """Gateways and cards that are as they shall be, and what the module before has read of the control plane."""
    run(keep_gateways=True)
    monkeypatch.setattr(_notes, "folder", str(tmp_path))
    cluster.reads.clear()
    cluster.writes.clear()
    identity = RunInMemory(
        federation_info.OPTIONS, mesh="east", namespace=None, control_plane="basic", until="reachable"
    )
    federation_info.run(identity, cluster, NOW)
    assert cluster.reads == [f"list ServiceMeshControlPlane {SPACE}"]
    return cluster


def test_a_control_plane_that_was_read_before_is_not_read_again_where_its_gateways_are_as_they_shall_be(noted, run):
    result = run(keep_gateways=True)
    assert (result["changed"], [read for read in noted.reads if "ControlPlane" in read]) == (False, noted.reads[:1])
    assert len(noted.reads) == len(set(noted.reads)), "each once"
    left = remembering.noted(asked(Path("cards"), keep_gateways=True).params)
    assert left is not None and f"list maistra.io/v2 servicemeshcontrolplanes {SPACE}" in left.answers


def test_gateways_are_compared_with_the_control_plane_as_it_stands_now_before_they_are_written(noted, run):
    noted.merge_patch(
        kinds.CONTROL_PLANE, SPACE, "basic", {"spec": {"gateways": {"additionalEgress": {"mine": {"enabled": True}}}}}
    )
    assert run(keep_gateways=True, peers=["west", "north"])["changed"]
    assert set(gateways_in(noted)["additionalEgress"]) == {"mine", "west-egress", "north-egress"}
    assert [read for read in noted.reads if "list ServiceMeshControlPlane" in read][1:], "read again"


def test_what_is_refused_by_notes_is_looked_at_again(noted, run):
    with pytest.raises(FederationError, match=r"trust domain|trust_domain"):
        run(keep_gateways=True, trust_domain="another.local")
    noted.merge_patch(
        kinds.CONTROL_PLANE, SPACE, "basic", {"spec": {"security": {"trust": {"domain": "another.local"}}}}
    )
    assert run(keep_gateways=True, trust_domain="another.local")["cards"][0]["trust_domain"] == "another.local"


def test_no_notes_are_left_while_an_address_is_missing(noted, run):
    _notes.forget(asked(Path("cards")).params)
    noted.put(service())
    assert run(keep_gateways=True)["pending"]
    assert remembering.noted(asked(Path("cards")).params) is None
