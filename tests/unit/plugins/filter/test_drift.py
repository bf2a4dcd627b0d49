# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the playbook drift says of results in check mode."""

from __future__ import annotations

from ansible_collections.ossm.federation.plugins.filter.drift import drift

CHANGED = {
    "action": "apply",
    "kind": "ServiceMeshPeer",
    "namespace": "mesh",
    "name": "west",
    "fields": ["spec.remote.addresses"],
}


def test_where_nothing_would_change_nothing_is_refused():
    assert drift([{"changes": [], "files_changed": []}, {"changes": [], "plan": []}], "east") == {
        "lines": ["√ east: federate would change nothing"],
        "refusal": "",
    }


def test_what_would_change_is_named_with_its_fields_its_names_and_the_cards():
    card = {"changes": [], "files_changed": ["cards/east-for-west.json"]}
    found = drift(
        [card, {"changes": [CHANGED], "plan": ["east · 1 object to change", "  west gains book.shop"]}], "east"
    )
    assert found["lines"] == [
        "× east: federate would change 2 objects",
        "  change ServiceMeshPeer mesh/west: spec.remote.addresses",
        "  write cards/east-for-west.json",
        "  west gains book.shop",
    ]
    assert found["refusal"].startswith(
        "FED631 Mesh east: federate would change ServiceMeshPeer mesh/west: spec.remote.addresses, write cards/"
    )
    assert "Nothing was written." in found["refusal"]


def test_a_name_that_others_gave_moves_no_cursor():
    found = drift([{"changes": [{**CHANGED, "name": "we\x1b[2Jst"}]}], "east")
    assert "\x1b" not in found["refusal"] + "".join(found["lines"])


def test_what_other_playbooks_would_change_is_told_of_under_their_names():
    plugin = {
        **CHANGED,
        "action": "create",
        "kind": "WasmPlugin",
        "namespace": "shop",
        "name": "cart",
        "fields": ["spec.url"],
    }
    skipped = {"skipped": True, "changed": False}
    quiet = drift([{"changes": []}], "east", {"extend": {"changes": []}, "threescale": skipped})
    assert quiet == {"lines": ["√ east: federate and extend would change nothing"], "refusal": ""}
    found = drift([{"changes": []}], "east", {"extend": skipped, "threescale": {"changes": [plugin]}})
    assert found["lines"] == ["× east: threescale would change 1 object", "  create WasmPlugin shop/cart: spec.url"]
    assert "Run threescale to bring the cluster to the description" in found["refusal"]
