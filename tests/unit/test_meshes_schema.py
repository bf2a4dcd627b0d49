# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The inventory's published JSON schema and the table of variables are what the argument specs make, and take what runs
take.
"""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.plugin_utils.unknown import OF_PLAYBOOKS
from ansible_collections.ossm.federation.tests.inputs.right import OTHER_PEOPLES, inventories

# Agreement does not depend on the Python version; the pins of the newest Ansible bring the library.
jsonschema = pytest.importorskip("jsonschema")

TREE = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((TREE / "docs" / "meshes.schema.json").read_text(encoding="utf-8"))
WHOLE = jsonschema.Draft7Validator(SCHEMA)
VARIABLES = jsonschema.Draft7Validator({"$ref": "#/definitions/variables", "definitions": SCHEMA["definitions"]})
LINE = re.compile(r"^# yaml-language-server: \$schema=(\S+)$", re.MULTILINE)
INVENTORIES = sorted(
    [*TREE.glob("examples/**/meshes.yml"), TREE / "examples" / "from-bare-clusters" / "after-upgrade.yml"]
)
INVENTORIES = [path for path in INVENTORIES if "group_vars" not in path.parts]


class Tagged(yaml.SafeLoader):
    """Takes Ansible's tags for texts, as editors do."""


for tag in ("!vault", "!unsafe"):
    Tagged.add_constructor(tag, lambda loader, node: loader.construct_scalar(node))


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("specs_pages", TREE / "tools" / "specs_pages.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(text: str) -> object:
    return yaml.load(text, Loader=Tagged)


def test_what_is_made_from_the_specs_is_up_to_date(tool: ModuleType) -> None:
    specs = tool.read_specs()
    assert tool.schema(specs) == SCHEMA, "run python tools/specs_pages.py"
    assert tool.table(specs) == (TREE / "docs" / "variables.md").read_text(encoding="utf-8"), (
        "run python tools/specs_pages.py"
    )


def test_variables_that_no_spec_describes_are_told_as_well(tool: ModuleType) -> None:
    assert set(tool.OF_PLAYBOOKS) == set(OF_PLAYBOOKS)


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", INVENTORIES, ids=lambda path: "-".join(path.relative_to(TREE / "examples").parts))
def test_every_example_is_right_by_the_schema_that_it_names(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    (named,) = LINE.findall(text)
    assert (path.parent / named).resolve() == TREE / "docs" / "meshes.schema.json"
    assert not list(WHOLE.iter_errors(read(text)))


@pytest.mark.parametrize("path", sorted(TREE.glob("examples/**/group_vars/*.yml")), ids=lambda path: path.stem)
def test_variables_beside_an_example_are_right(path: Path) -> None:
    assert not list(VARIABLES.iter_errors(read(path.read_text(encoding="utf-8"))))


def test_every_inventory_in_the_documentation_is_right() -> None:
    seen = 0
    for page in (TREE / "README.md", *sorted((TREE / "docs").glob("*.md"))):
        for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            found = read(block) if re.search(r"^(meshes|clusters):", block, re.MULTILINE) else None
            if isinstance(found, dict):
                seen += 1
                assert not [f"{page.name}: {error.message}" for error in WHOLE.iter_errors(found)]
    assert seen > 3


def test_what_runs_take_is_right_also_among_other_peoples_variables() -> None:
    for variables in inventories(7, 40):
        # Only a run knows what federation_ignore_variables lets pass.
        ours = {
            name: value
            for name, value in variables.items()
            if name not in ("mesh_of_wire", "federation_united_of_planets")
        }
        assert not [error.message for error in VARIABLES.iter_errors({**OTHER_PEOPLES, **ours})]


@pytest.mark.parametrize(
    "text",
    [
        "mesh_peers: '{{ others }}'",
        "federation_prune: '{{ prune | default(false) }}'",
        "mesh_exports: '{% if x %}[]{% endif %}'",
        "mesh_api_timeout: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162",
        "mesh_api_key: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162",
        "mesh_gateways: {service_type: '{{ kind }}', replicas: '{{ 2 }}'}",
        "mesh_traffic: [{service: shop/cart, callers: {from_mesh: [west], local: nobody}, retries: {attempts: 2}}]",
        (
            "mesh_extensions: [{name: a, namespace: shop, selector: all, image: 'registry.example/a:1', phase: STATS,"
            " ports: [80]}]"
        ),
    ],
)
def test_an_expression_or_an_encrypted_text_may_stand_for_any_value(text: str) -> None:
    assert not [error.message for error in VARIABLES.iter_errors(read(text))]


@pytest.mark.parametrize(
    "text",
    [
        "mesh_export: []",
        "federation_pruning: true",
        "unfederate_peer: west",
        "mesh_exports: {name: cart}",
        "mesh_exports: [{nam: cart}]",
        "mesh_exports: [{name: cart, to: west}]",
        "mesh_imports: [{name: cart, import_as_local: perhaps}]",
        "mesh_peers: [{local_name: west}]",
        "mesh_peers: [{name: west, kubectl: {namespace: mesh}}]",
        "mesh_peers: [{name: west, gateways: {service_typ: NodePort}}]",
        "mesh_gateways: {ingress: one-for-all}",
        "mesh_gateways: {service_type: Loadbalancer}",
        "federation_prune: perhaps",
        "mesh_api_timeout: soon",
        "unfederate_when: never",
        "mesh_version: 2.5",
        "mesh_traffic: [{failover_to: west}]",
        "mesh_traffic: [{service: shop/cart, outlier: {interval: [10]}}]",
        "mesh_extensions: [{name: a, namespace: shop, image: a}]",
        "mesh_extensions: [{name: a, namespace: shop, image: a, selector: all, phase: LATE}]",
    ],
)
def test_what_a_run_would_refuse_is_wrong_in_an_editor_already(text: str) -> None:
    assert list(VARIABLES.iter_errors(read(text)))


@pytest.mark.parametrize(
    "text", ["- east", "meshes: [east]", "meshes: {host: {east: {}}}", "meshes: {hosts: {east: {mesh_peer: [west]}}}"]
)
def test_what_is_no_inventory_is_wrong(text: str) -> None:
    assert list(WHOLE.iter_errors(read(text)))
