# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters over the hosts of a run."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.ossm.federation.plugins.filter.mesh_names import (
    mesh_cards,
    mesh_names,
    mesh_refusals,
    mesh_report,
    peers_named,
)


def seen(uid: str) -> dict:
    return {"server": "https://east:6443", "control_plane": {"name": "basic", "namespace": "mesh", "uid": uid}}


def test_a_mesh_is_called_as_its_host_unless_it_says_otherwise():
    assert mesh_names(["a", "b"], {"a": {"mesh_name": "east"}, "b": {}}) == ["east", "b"]


def test_a_text_is_no_list_of_hosts():
    with pytest.raises(AnsibleFilterError, match="mesh_names: the input is not a list"):
        mesh_names("meshes", {})


def made(*audiences: str) -> dict:
    return {"card_made": {"cards": [{"mesh": "x", "audience": audience} for audience in audiences]}}


def test_a_mesh_gets_the_cards_that_were_made_for_it_in_the_order_of_the_hosts():
    hostvars = {"c": made("a", "b"), "b": {"card_made": {"failed": True}}, "a": {}, "d": made("b", "a")}
    assert [card["audience"] for card in mesh_cards(["a", "b", "c", "d"], hostvars, "a")] == ["a", "a"]
    assert mesh_cards(["a", "b"], hostvars, "a") == []


def test_cards_are_taken_as_they_were_registered_and_templated_by_nobody():
    class HostVars(dict):
        def __getitem__(self, host):
            raise AssertionError("evaluates all that it gives")

        def raw_get(self, host):
            return made("a") if host == "b" else {}

    assert mesh_cards(["a", "b"], HostVars(), "a") == [{"mesh": "x", "audience": "a"}]


def test_meshes_with_own_credentials_and_names_may_run_together():
    own = {"mesh_host": "https://b", "mesh_api_key": "t"}
    assert mesh_refusals(["a", "b"], {"a": {"mesh_kubeconfig": "a"}, "b": own}) == {}


def test_one_mesh_may_use_the_environments_credentials():
    assert mesh_refusals(["a"], {"a": {}}) == {}


@pytest.mark.parametrize(
    "half",
    [
        {},
        {"mesh_host": "https://b"},
        {"mesh_api_key": "t"},
        {"mesh_context": "b"},
        {"mesh_kubeconfig": "", "mesh_host": "https://b"},
    ],
)
def test_in_a_run_of_two_a_mesh_without_credentials_is_refused_and_the_other_is_not(half):
    refused = mesh_refusals(["a", "b"], {"a": {"mesh_kubeconfig": "a"}, "b": half})
    assert set(refused) == {"b"}
    assert refused["b"].startswith("FED102 Mesh b: has no credentials of its own")
    assert "--limit b" in refused["b"]


def test_without_clusters_credentials_do_not_matter():
    assert mesh_refusals(["a", "b"], {"a": {}, "b": {}}, with_clusters=False) == {}


def test_two_hosts_with_one_name_are_refused_and_a_third_is_not():
    hostvars = {"a": {"mesh_name": "east"}, "b": {"mesh_name": "east"}, "c": {}}
    refused = mesh_refusals(["a", "b", "c"], hostvars, with_clusters=False)
    assert set(refused) == {"a", "b"}
    assert refused["a"].startswith("FED111 mesh_name of the hosts a and b: is east for each of them")


def test_two_hosts_that_are_one_control_plane_are_refused():
    hostvars = {
        host: {"mesh_kubeconfig": host, "__identity_seen": seen(uid)}
        for host, uid in (("a", "1"), ("b", "1"), ("c", "2"))
    }
    refused = mesh_refusals(["a", "b", "c"], hostvars)
    assert set(refused) == {"a", "b"}
    assert refused["b"].startswith("FED103 Meshes a and b: are one and the same control plane, mesh/basic")


def test_what_kept_the_control_plane_in_this_run_tells_which_one_it_is():
    kept = {
        host: {"mesh_kubeconfig": host, "__identity_seen": {"skipped": True}, "control_plane_kept": seen("1")}
        for host in ("a", "b")
    }
    assert set(mesh_refusals(["a", "b"], kept)) == {"a", "b"}


def test_a_mesh_whose_control_plane_is_kept_and_that_has_no_peers_is_no_failure():
    assert mesh_report(["a"], {"a": {"control_plane_kept": {**seen("1"), "changed": False}}}) == {
        "a": {**seen("1"), "peers": [], "verdict": "ok"}
    }


def test_the_report_names_a_control_plane_that_could_not_be_kept():
    failed = {"failed": True, "code": "FED605", "msg": "FED605 ServiceMeshControlPlane a/basic: is not ready"}
    entry = mesh_report(["a"], {"a": {"control_plane_kept": failed}})["a"]
    assert (entry["error"]["code"], entry["peers"]) == ("FED605", [])


def test_a_host_that_could_not_be_reached_is_no_reason_to_refuse_others():
    hostvars = {
        "a": {"mesh_kubeconfig": "x", "__identity_seen": {"failed": True}},
        "b": {"mesh_kubeconfig": "y", "__identity_seen": seen("1")},
    }
    assert mesh_refusals(["a", "b"], hostvars) == {}


def test_the_report_holds_what_each_mesh_said():
    status = {**seen("1"), "peers": [{"peer": "west"}], "lines": ["east"]}
    hostvars = {
        "a": {
            "mesh_name": "east",
            "__status_seen": status,
            "__peers_kept": {"pending": [], "leftovers": ["old"], "peers": []},
        }
    }
    assert mesh_report(["a"], hostvars) == {
        "east": {**seen("1"), "peers": [{"peer": "west"}], "pending": [], "leftovers": ["old"], "verdict": "ok"},
    }


def test_the_report_holds_the_error_of_a_mesh_that_failed_beside_what_was_seen_before():
    waited = {**seen("1"), "peers": [{"peer": "west"}], "lines": ["east"]}
    failed = {"failed": True, "code": "FED602", "msg": "FED602 Mesh east: still waiting"}
    entry = mesh_report(
        ["east"],
        {"east": {"__identity_seen": {**seen("1"), "peers": []}, "__peers_waited": waited, "__peers_insisted": failed}},
    )["east"]
    assert entry["error"] == {"code": "FED602", "message": "FED602 Mesh east: still waiting"}
    assert entry["verdict"] == "down"
    assert entry["peers"] == [{"peer": "west"}]


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        pytest.param({"__status_seen": {"lines": [], "verdict": "ok"}}, "ok", id="connected"),
        pytest.param(
            {"__status_seen": {"failed": True, "code": "FED630", "verdict": "down"}}, "down", id="a peer is down"
        ),
        pytest.param(
            {"__status_seen": {"failed": True, "code": "FED110", "verdict": "error"}}, "error", id="no API server"
        ),
        pytest.param({"__identity_stopped": {"failed": True, "msg": "FED103 Meshes"}}, "error", id="refused"),
        pytest.param({}, "error", id="nothing known"),
        pytest.param(
            {"__preflight_seen": {"lines": [], "counts": {"errors": 1}}}, "error", id="a run would be refused"
        ),
    ],
)
def test_the_report_says_in_one_word_what_a_run_comes_to(known, verdict):
    assert mesh_report(["east"], {"east": known})["east"]["verdict"] == verdict


def test_the_code_of_a_refusal_is_read_from_its_text():
    entry = mesh_report(
        ["east"], {"east": {"__identity_stopped": {"failed": True, "msg": "FED102 Mesh east: has no credentials"}}}
    )["east"]
    assert entry["error"]["code"] == "FED102"
    assert entry["peers"] == []


def test_the_report_names_a_mesh_of_which_nothing_is_known():
    assert mesh_report(["east"], {"east": {}})["east"]["error"]["code"] is None


def test_peers_are_found_by_their_own_and_by_our_name():
    prod = {"name": "prod", "local_name": "west"}
    assert peers_named(["north", prod], ["west", "north"]) == [prod, "north"]
    assert peers_named(["north", prod], "prod, gone") == [prod, "gone"]


@pytest.mark.parametrize("entry", [{"west": {"suspended": True}}, {"local_name": "west"}, None, ""], ids=str)
def test_an_entry_of_which_nobody_can_say_whom_it_is_about_is_refused(entry):
    with pytest.raises(AnsibleFilterError, match="FED303 mesh_peers, entry 2: has no name"):
        peers_named(["north", entry], "west")


def test_a_name_that_several_peers_share_names_none_of_them():
    twice = [{"name": "prod", "local_name": "acme"}, {"name": "prod", "local_name": "globex"}]
    assert peers_named(twice, "globex") == [twice[1]]
    with pytest.raises(AnsibleFilterError, match="FED320.*acme, globex"):
        peers_named(twice, "prod")
