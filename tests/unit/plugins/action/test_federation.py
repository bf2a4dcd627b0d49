# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Carried cards reach the module as they stand: real ansible-playbook runs with Jinja in a card."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from ansible_collections.ossm.federation.plugins.action.federation import handed_on, refuse_calls
from ansible_collections.ossm.federation.plugins.module_utils._core.errors import FederationError

TREE = pathlib.Path(__file__).resolve().parents[4]
INVENTORY = {"meshes": {"hosts": {"east": {"mesh_peers": ["west"], "mesh_trust_domain": "east.local", "mesh_version": "v2.3"}}}}


def rendered(folder: pathlib.Path, variables: dict) -> subprocess.CompletedProcess:
    """Run the playbook render, which asks no cluster, with these extra variables."""
    (folder / "inventory.json").write_text(json.dumps(INVENTORY), encoding="utf-8")
    (folder / "extra.json").write_text(json.dumps(variables), encoding="utf-8")
    link = folder / "ansible_collections" / "ossm" / "federation"
    link.parent.mkdir(parents=True)
    link.symlink_to(TREE)
    program = shutil.which("ansible-playbook", path=os.path.dirname(sys.executable)) or "ansible-playbook"
    command = [program, "-i", "inventory.json", "-e", "@extra.json", "ossm.federation.render"]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON", "K8S_AUTH_"))},
        "ANSIBLE_COLLECTIONS_PATH": str(folder),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
    }
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(lambda evil: {"federation_cards": [{"mesh": "west", "audience": "east", "issued": evil}]}, id="list-of-mappings"),
        pytest.param(lambda evil: {"federation_cards": [json.dumps({"mesh": "west", "audience": evil})]}, id="list-of-texts"),
        pytest.param(lambda evil: {"federation_cards": evil, "card": "x"}, id="no-list"),
        pytest.param(
            lambda evil: {"card_of_west": {"mesh": "west", "audience": "east", "issued": evil}, "federation_cards": "{{ [card_of_west] }}"},
            id="named-variable",
        ),
        pytest.param(lambda evil: {"federation_cards": evil[2:]}, id="whole-text"),
        pytest.param(lambda evil: {"federation_cards": f"{{{{ [{evil[5:-3]}] }}}}"}, id="expression-that-calls"),
        pytest.param(lambda evil: {"federation_cards": json.dumps([{"mesh": "west", "audience": evil}])}, id="list-in-one-text"),
        pytest.param(lambda evil: {"federation_cards_of_west": [{"mesh": "west", "audience": "east", "issued": evil}]}, id="artifact"),
        pytest.param(lambda evil: {"federation_cards_of_west": evil[2:]}, id="artifact-that-is-an-expression"),
    ],
)
def test_an_expression_in_a_card_is_never_evaluated(tmp_path, shape):
    marker = tmp_path / "evaluated"
    evil = f"x {{{{ lookup('ansible.builtin.pipe', 'touch {marker}') }}}}"
    run = rendered(tmp_path, shape(evil))
    assert run.returncode == 2, run.stdout + run.stderr
    assert "FED2" in run.stdout + run.stderr
    assert not marker.exists()


def test_no_cards_at_all_are_no_error(tmp_path):
    run = rendered(tmp_path, {"federation_cards": []})
    assert run.returncode == 0, run.stdout + run.stderr
    assert "waits for card west-for-east.json" in run.stdout


def test_a_workflows_cards_are_taken_from_the_other_meshes_variables_and_those_for_this_mesh_only():
    ours, others = {"mesh": "west", "audience": "my-mesh"}, {"mesh": "west", "audience": "north"}
    variables = {
        "federation_cards_of_west": [others, ours],
        "federation_cards_of_my_mesh": [{"mesh": "my-mesh", "audience": "west"}],
        "federation_cards_dir": "cards",
        "cards_of_north": [{"mesh": "north", "audience": "my-mesh"}],
    }
    assert handed_on("federation_cards", "my-mesh", variables) == [ours]
    variables["federation_cards_of_west"] = json.dumps([others, ours])
    assert handed_on("federation_cards", "my-mesh", variables) == [ours]


def test_what_is_no_card_is_handed_on_to_be_refused():
    variables = {"federation_cards_of_west": ["x"], "federation_cards_of_north": [{"audience": 7}]}
    assert handed_on("federation_cards", "east", variables) == [{"audience": 7}, "x"]


@pytest.mark.parametrize(("text", "code"), [("{{ x }}", "FED201"), ("[" * 20 + "]" * 20, "FED202"), ("x" * (1 << 21), "FED202")])
def test_a_workflows_text_that_is_no_card_is_refused_unevaluated(text, code):
    with pytest.raises(FederationError, match=code):
        handed_on("federation_cards", "east", {"federation_cards_of_west": text})


@pytest.mark.parametrize(
    "expression",
    [
        "{{ [card_of_west, card_of_north] }}",
        "{{card}}\n",
        " {{ [cards.west, cards['north']] + more | default([]) }}",
        "{{ cards.values() | list }}",
        "{{ names | map('extract', cards) | list }}",
        "{{ parts | ansible.builtin.flatten | selectattr('audience', 'eq', 'east') }}",
    ],
)
def test_an_expression_may_name_what_is_there(expression):
    refuse_calls(expression, "federation_cards")


@pytest.mark.parametrize(
    "expression",
    [
        "{{ lookup('ansible.builtin.pipe', 'id') }}",
        "{{ [card_of_west, query('ansible.builtin.pipe', 'id')] }}",
        "{{ card_of_west }} {{ card_of_north }}",
        "{{ card }}{% set x = lookup('pipe', 'id') %}",
        "{{ 'a' * 99999999999 }}",
        "{{ cards.__class__.__mro__ }}",
        "{{ ['id'] | map('community.general.run') }}",
        "{{ ['x'] | map(attribute=lookup('pipe', 'id')) }}",
        "{{ cards.values(lookup('pipe', 'id')) }}",
        "{{ card | ansible.builtin.password_hash }}",
        "{{ [] if lookup('pipe', 'id') else [] }}",
        "{{",
        "{{ " + "[" * 5000 + "]" * 5000 + " }}",
        "{{ " + "[" * 1500 + "]" * 1500 + " }}",
        "{{ a" + " + a" * 100_000 + " }}",
    ],
    ids=lambda text: text[:50],
)
def test_an_expression_that_does_more_is_refused(expression):
    with pytest.raises(FederationError, match="FED230"):
        refuse_calls(expression, "federation_cards")
