# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Carried cards reach the module as they stand: real ansible-playbook runs with Jinja in a card."""

from __future__ import annotations

import json
import os
import pathlib
import sys

import pytest
from ansible_collections.ossm.federation.plugins.action.federation import handed_on
from ansible_collections.ossm.federation.plugins.module_utils._core.card.trust import read_roots
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.tests.unit.pem import NOW, root
from integration.warm_playbook import play

TREE = pathlib.Path(__file__).resolve().parents[4]
INVENTORY = {
    "meshes": {"hosts": {"east": {"mesh_peers": ["west"], "mesh_trust_domain": "east.local", "mesh_version": "v2.3"}}}
}


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Give a collections path with this checkout, the same for all runs: they are forks of one process."""
    folder = tmp_path_factory.mktemp("collections")
    link = folder / "ansible_collections" / "ossm" / "federation"
    link.parent.mkdir(parents=True)
    link.symlink_to(TREE)
    return folder


def rendered(collections: pathlib.Path, folder: pathlib.Path, variables: dict) -> tuple[int, str]:
    """Run the playbook render, which asks no cluster, with these extra variables; return its exit code and what it
    printed.
    """
    (folder / "inventory.json").write_text(json.dumps(INVENTORY), encoding="utf-8")
    (folder / "extra.json").write_text(json.dumps(variables), encoding="utf-8")
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ANSIBLE_", "PYTHON", "PYTEST_", "K8S_AUTH_"))
        },
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_REMOTE_TEMP": str(collections / "remote"),
    }
    return play(["-i", "inventory.json", "-e", "@extra.json", "ossm.federation.render"], folder, environment)


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(
            lambda evil: {"federation_cards": [{"mesh": "west", "audience": "east", "issued": evil}]},
            id="list-of-mappings",
        ),
        pytest.param(
            lambda evil: {"federation_cards": [json.dumps({"mesh": "west", "audience": evil})]}, id="list-of-texts"
        ),
        pytest.param(lambda evil: {"federation_cards": evil, "card": "x"}, id="no-list"),
        pytest.param(
            lambda evil: {
                "card_of_west": {"mesh": "west", "audience": "east", "issued": evil},
                "federation_cards": "{{ [card_of_west] }}",
            },
            id="named-variable",
        ),
        pytest.param(lambda evil: {"federation_cards": evil[2:]}, id="whole-text"),
        pytest.param(lambda evil: {"federation_cards": f"{{{{ [{evil[5:-3]}] }}}}"}, id="expression-that-calls"),
        pytest.param(
            lambda evil: {"federation_cards": json.dumps([{"mesh": "west", "audience": evil}])}, id="list-in-one-text"
        ),
        pytest.param(
            lambda evil: {"federation_cards_of_west": [{"mesh": "west", "audience": "east", "issued": evil}]},
            id="artifact",
        ),
        pytest.param(lambda evil: {"federation_cards_of_west": evil[2:]}, id="artifact-that-is-an-expression"),
    ],
)
def test_an_expression_in_a_card_is_never_evaluated(collections, tmp_path, shape):
    marker = tmp_path / "evaluated"
    evil = f"x {{{{ lookup('ansible.builtin.pipe', 'touch {marker}') }}}}"
    variables = shape(evil)
    code, printed = rendered(collections, tmp_path, variables)
    # What one job of a workflow hands on stops nobody but its own mesh.
    assert code == (0 if "federation_cards_of_west" in variables else 2), printed
    assert "FED2" in printed
    assert not marker.exists()


def test_no_cards_at_all_are_no_error(collections, tmp_path):
    code, printed = rendered(collections, tmp_path, {"federation_cards": []})
    assert code == 0, printed
    assert "waits for card west-for-east.json" in printed


def made(mesh, audience, **facts):
    roots = [{"fingerprint": one.fingerprint, "pem": one.pem} for one in read_roots(root(mesh), mesh, NOW)]
    identity = f"{mesh}.local/ns/m/sa/e"
    said = {
        "version": 1,
        "mesh": mesh,
        "audience": audience,
        "issued": "2026-06-15T12:00:00Z",
        "trust_domain": f"{mesh}.local",
        "roots": roots,
    }
    return {**said, "ingress": None, "client_id": identity, "exports": [], **facts}


def test_a_workflows_cards_are_taken_from_the_other_meshes_variables_and_those_for_this_mesh_only():
    ours, others = made("west", "my-mesh"), made("west", "north")
    variables = {
        "federation_cards_of_west": [others, ours],
        "federation_cards_of_my_mesh": [made("my-mesh", "west")],
        "federation_cards_dir": "cards",
        "cards_of_north": [made("north", "my-mesh")],
    }
    assert handed_on("federation_cards", "my-mesh", variables, NOW) == ([ours], [])
    variables["federation_cards_of_west"] = json.dumps([others, ours])
    assert handed_on("federation_cards", "my-mesh", variables, NOW) == ([ours], [])


def test_a_mesh_with_a_hyphen_speaks_from_the_variable_with_an_underscore():
    ours = made("far-west", "east")
    assert handed_on("federation_cards", "east", {"federation_cards_of_far_west": [ours]}, NOW) == ([ours], [])


@pytest.mark.parametrize(
    ("junk", "told"),
    [
        ("x", "FED203"),
        (7, "FED203"),
        ({"audience": 7}, "FED203"),
        ({"mesh": "west", "audience": "east"}, "FED203"),
        (made("north", "east"), "speaks for north, and only cards of west belong there"),
        (made("west", "east", client_id="north.local/ns/a/sa/b"), "FED214"),
        (made("west", "east", version=99), "FED211"),
        (made("west\x1b[31m", "east"), "speaks for west?[31m"),
    ],
    ids=[
        "a text",
        "a number",
        "another audience",
        "hardly a card",
        "another mesh's card",
        "another identity",
        "a later version",
        "a cursor that moves",
    ],
)
def test_what_does_not_belong_into_an_artifact_is_left_out_with_a_note_and_the_rest_is_taken(junk, told):
    ours, norths = made("west", "east"), made("north", "east")
    variables = {"federation_cards_of_west": [junk, ours], "federation_cards_of_north": [norths]}
    cards, notes = handed_on("federation_cards", "east", variables, NOW)
    assert cards == [norths, ours] and len(notes) == 1
    assert notes[0].startswith("federation_cards_of_west, card 1 is left out") and told in notes[0]


@pytest.mark.parametrize(
    ("text", "code"),
    [("{{ x }}", "FED201"), ("[" * 20 + "]" * 20, "FED202"), ("x" * (1 << 21), "FED202")],
    ids=["an expression", "too deep", "too long"],
)
def test_a_workflows_text_that_is_no_card_is_left_out_unevaluated(text, code):
    norths = made("north", "east")
    variables = {"federation_cards_of_west": text, "federation_cards_of_north": json.dumps([norths])}
    cards, notes = handed_on("federation_cards", "east", variables, NOW)
    assert cards == [norths] and len(notes) == 1 and code in notes[0]


def test_cards_of_more_meshes_than_a_workflow_carries_are_refused_with_the_way_out():
    variables = {f"federation_cards_of_mesh_{number}": "[]" for number in range(20)}
    assert handed_on("federation_cards", "east", variables, NOW) == ([], [])
    with pytest.raises(FederationError) as refused:
        handed_on("federation_cards", "east", {**variables, "federation_cards_of_east": "[]"}, NOW)
    assert refused.value.code == "FED360" and "21 meshes" in str(refused.value) and "Git" in str(refused.value)


def test_an_artifact_of_nothing_but_junk_is_told_in_a_few_notes():
    cards, notes = handed_on("federation_cards", "east", {"federation_cards_of_west": ["x"] * 5000}, NOW)
    assert (cards, len(notes)) == ([], 6) and notes[-1] == "4995 more entries of federation_cards_of_west are left out"
