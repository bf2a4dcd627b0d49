# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.ossm.federation.plugins.filter import names
from ansible_collections.ossm.federation.plugins.filter.names import FilterModule

FILTERS = FilterModule().filters()
COLLECTIONS = Path(names.__file__).absolute().parents[5]
CART = {"kind": "Service", "metadata": {"name": "cart", "namespace": "shop"}}
EVERYTHING = {"type": "NameSelector", "nameSelector": {}}


def run_playbook(plays, directory):
    """Run plays as a user does, the collection installed, and return what the playbook printed."""
    playbook = directory / "play.yml"
    playbook.write_text(plays)
    run = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", playbook],
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))},
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_LOCAL_TEMP": str(directory / "tmp"),
            "ANSIBLE_HOME": str(directory / "home"),
            "HOME": str(directory),
            "LC_ALL": "C.UTF-8",
        },
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def documented(name):
    return yaml.safe_load((Path(names.__file__).parent / f"{name}.yml").read_text())


# Through real templating: lazy containers, tagged texts, results of one filter into the other, YAML's dates.
PREDICTING = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    space: shop
    services:
      - kind: Service
        metadata: {name: cart, namespace: "{{ space }}", creationTimestamp: 2026-01-01 10:00:00}
      - kind: ServiceEntry
        metadata: {name: entry, namespace: data}
        spec: {hosts: [db.example], location: MESH_INTERNAL}
    exports: {exportRules: [{type: NameSelector, nameSelector: {namespace: "{{ space }}"}}]}
    imports: {importRules: [{type: NameSelector, importAsLocal: true, nameSelector: {alias: {namespace: till}}}]}
    exported: "{{ services | ossm.federation.exported_names(exports, peer='east') }}"
    offered: "{{ exported | map(attribute='exported') | select }}"
    imported: "{{ offered | ossm.federation.imported_names(imports, peer='west', cluster_domain='corp.local') }}"
  tasks:
    - ansible.builtin.copy:
        dest: "{{ playbook_dir }}/result.json"
        content: "{{ {'exported': exported, 'imported': imported, 'none': services |
          ossm.federation.exported_names(none, peer='east')} | to_json }}"
"""


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Run the playbook above and the documented examples in one; return what it has written, and what each play
    printed, by its name.
    """
    folder = tmp_path_factory.mktemp("played")
    printed = run_playbook("".join([PREDICTING, *(documented(name)["EXAMPLES"] for name in sorted(FILTERS))]), folder)
    return json.loads((folder / "result.json").read_text()), dict(
        re.findall(r"^PLAY \[(.*?)\](.*?)(?=^PLAY )", printed, re.MULTILINE | re.DOTALL)
    )


def test_a_playbook_predicts_exported_and_then_imported_names(played):
    assert played[0] == {
        "exported": [
            {
                "name": "cart",
                "namespace": "shop",
                "exported": "cart.shop.svc.east-exports.local",
                "rule": 0,
                "reason": "exportRules[0] (NameSelector shop/*) comes first",
            },
            {"name": "db.example", "namespace": "data", "exported": None, "rule": None, "reason": "no rule matches"},
        ],
        "imported": [
            {
                "host": "cart.shop.svc.east-exports.local",
                "imported": "cart.till.svc.corp.local",
                "rule": 0,
                "local": True,
                "reason": "importRules[0] (NameSelector */* as till/*) comes first",
            }
        ],
        "none": [
            {
                "name": "cart",
                "namespace": "shop",
                "exported": None,
                "rule": None,
                "reason": "there is no ExportedServiceSet",
            },
            {
                "name": "db.example",
                "namespace": "data",
                "exported": None,
                "rule": None,
                "reason": "there is no ExportedServiceSet",
            },
        ],
    }


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_the_documented_examples_run_and_give_the_documented_values(name, played):
    document = documented(name)
    (example,) = yaml.safe_load(document["EXAMPLES"])
    printed = played[1][example["name"]]
    for name, field in document["RETURN"]["_value"]["contains"].items():
        assert f'"{name}": {json.dumps(field["sample"])}' in printed


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_the_documentation_names_the_arguments_that_the_filter_takes(name):
    code = FILTERS[name].__code__
    given = code.co_varnames[: code.co_argcount]
    assert ["_input", *given[1:]] == list(documented(name)["DOCUMENTATION"]["options"])


@pytest.mark.parametrize(
    "arguments, what",
    [
        (
            ({"resources": [CART]}, None, "east"),
            (
                "the input is a mapping. Give a list of manifests of Service and ServiceEntry: what stands under"
                " 'resources'"
            ),
        ),
        (("cart", None, "east"), "the input is a text"),
        ((None, None, "east"), "the input is a null"),
        ((["cart"], None, "east"), "entry 0 of the input is a text"),
        (([CART], [EVERYTHING], "east"), "spec is a list. Give the 'spec' of the ExportedServiceSet"),
        (([CART], {"kind": "ExportedServiceSet", "spec": {}}, "east"), "spec is a whole object"),
        (([CART], {}, ""), "peer is empty. Give a text, such as peer='east'"),
        (([CART], {}, 7), "peer is a number"),
    ],
)
def test_exported_names_says_which_argument_is_wrong(arguments, what):
    with pytest.raises(AnsibleFilterError) as refusal:
        FILTERS["exported_names"](*arguments)
    assert str(refusal.value).startswith("exported_names: ")
    assert what in str(refusal.value)


@pytest.mark.parametrize(
    "arguments, what",
    [
        (("cart.shop.svc.east-exports.local", {}, "west"), "the input is a text. Give a list of exported host names."),
        (([{"exported": "cart.shop.svc.east-exports.local"}], {}, "west"), "entry 0 of the input is a mapping"),
        (([None], {}, "west"), "entry 0 of the input is a null"),
        (([], True, "west"), "spec is a boolean. Give the 'spec' of the ImportedServiceSet"),
        (([], {}, "west", ""), "cluster_domain is empty. Give a text, such as cluster_domain='cluster.local'"),
    ],
)
def test_imported_names_says_which_argument_is_wrong(arguments, what):
    with pytest.raises(AnsibleFilterError) as refusal:
        FILTERS["imported_names"](*arguments)
    assert what in str(refusal.value)


def test_a_generator_is_as_good_as_a_list():
    rows = FILTERS["exported_names"](iter([CART]), {"exportRules": [EVERYTHING]}, "east")
    assert [row["exported"] for row in rows] == ["cart.shop.svc.east-exports.local"]
