# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each module's documentation says is what the module takes."""

from __future__ import annotations

import functools
import importlib
from pathlib import Path

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.described import Extension
from ansible_collections.ossm.federation.plugins.module_utils._core.install.subjects import PARTS
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh import given
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.described import LOCALITY, Gateways
from ansible_collections.ossm.federation.plugins.module_utils._core.traffic import wanted
from ansible_collections.ossm.federation.plugins.module_utils._described import DESCRIBED
from ansible_collections.ossm.federation.plugins.module_utils._options import (
    CARDS,
    CLUSTER,
    FORCE,
    MESH,
    OLM,
    PROMETHEUS,
    REGISTRY,
    WAITING,
)
from ansible_collections.ossm.federation.plugins.plugin_utils.specs import SPECS as ROLES
from ansible_collections.ossm.federation.tests.unit.yaml_texts import loaded

ROOT = "ansible_collections.ossm.federation.plugins"
MODULES = sorted(path.stem for path in Path(__file__).parents[4].joinpath("plugins", "modules").glob("*.py"))
SPECS = {
    "cluster": CLUSTER,
    "mesh": MESH,
    "described": {**MESH, **DESCRIBED},
    "cards": CARDS,
    "force": FORCE,
    "prometheus": PROMETHEUS,
    "registry": REGISTRY,
    "waiting": WAITING,
    "olm": OLM,
}


def module_of(name):
    return importlib.import_module(f"{ROOT}.modules.{name}")


@functools.cache
def documented(name):
    """Return the options that a module documents, its fragments' included, and the fragments' names."""
    documentation = loaded(module_of(name).DOCUMENTATION)
    fragments = [text.rpartition(".")[2] for text in documentation.get("extends_documentation_fragment", [])]
    options = dict(documentation.get("options", {}))
    for fragment in fragments:
        told = importlib.import_module(f"{ROOT}.doc_fragments.{fragment}").ModuleDocFragment
        options.update(loaded(told.DOCUMENTATION).get("options", {}))
    return options, fragments


def spec_of(name):
    _options, fragments = documented(name)
    return {
        key: option
        for part in (*(SPECS[fragment] for fragment in fragments), module_of(name).OPTIONS)
        for key, option in part.items()
    }


@pytest.mark.parametrize("name", MODULES)
def test_an_attribute_is_no_more_than_its_support_and_what_it_means(name):
    """A description with a comma that nobody quoted becomes a key of its own."""
    attributes = loaded(module_of(name).DOCUMENTATION)["attributes"]
    assert [key for key, told in attributes.items() if set(told) - {"support", "description", "details"}] == []


@pytest.mark.parametrize("name", MODULES)
def test_the_documented_options_are_those_that_the_module_takes(name):
    options, _fragments = documented(name)
    assert sorted(options) == sorted(spec_of(name))


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("said", ["type", "elements", "default", "choices", "required"])
def test_an_option_is_documented_as_it_is(name, said):
    options, _fragments = documented(name)
    spec = spec_of(name)
    told = {key: option.get(said) for key, option in options.items()}
    assert told == {key: option.get(said) for key, option in spec.items()}


@pytest.mark.parametrize("name", MODULES)
def test_an_example_gives_only_options_that_exist_and_all_that_are_required(name):
    options, _fragments = documented(name)
    tasks = [task for task in loaded(module_of(name).EXAMPLES) if f"ossm.federation.{name}" in task]
    assert tasks
    for task in tasks:
        given = set(task[f"ossm.federation.{name}"])
        assert given <= set(options)
        assert {key for key, option in options.items() if option.get("required")} <= given


OF_ONE_PEER = {"ingress", "egress", "node_ports", "load_balancer_ip"}
# What is inside an option, by what reads it: the role and its option, the module and its option, each with the path
# inside, and the keys.
INSIDE = [
    ("words.mesh_peers", "federation.peers", {"name", *given.PEER_ENTRY}),
    ("words.mesh_peers.gateways", "federation.peers.gateways", set(Gateways.__dataclass_fields__)),
    ("words.mesh_peers.gateways.node_ports", "federation.peers.gateways.node_ports", {"discovery", "service"}),
    ("words.mesh_peers.kubectl", "federation.peers.kubectl", set(given.KUBECTL)),
    ("words.mesh_peers.kubectl.exports", "federation.peers.kubectl.exports", set(given.EXPORT_RULE)),
    ("words.mesh_peers.locality", "federation.peers.locality", set(LOCALITY)),
    ("words.mesh_gateways", "federation.gateways", set(Gateways.__dataclass_fields__) - OF_ONE_PEER),
    (
        "words.mesh_gateways.disruption_budget",
        "federation.gateways.disruption_budget",
        {"min_available", "max_unavailable"},
    ),
    ("words.mesh_exports", "federation.exports", set(given.EXPORT_RULE)),
    ("words.mesh_exports.alias", "federation.exports.alias", set(given.ALIAS)),
    ("words.mesh_imports", "federation.imports", set(given.IMPORT_RULE)),
    ("words.mesh_locality", "mesh_traffic.locality", set(LOCALITY)),
    ("words.mesh_traffic", "mesh_traffic.traffic", set(wanted.RULE)),
    ("words.mesh_traffic.outlier", "mesh_traffic.traffic.outlier", set(wanted.OUTLIER)),
    ("words.mesh_traffic.callers", "mesh_traffic.traffic.callers", set(wanted.CALLERS)),
    ("words.mesh_traffic.retries", "mesh_traffic.traffic.retries", set(wanted.RETRIES)),
    ("extensions.mesh_extensions", "wasm_extension.extensions", set(Extension.__dataclass_fields__)),
    ("operator.cluster_operators", "mesh_operator.operators", set(OLM["operators"]["options"])),
    ("words.mesh_admins", "mesh_tenants.tenants.admins", {*PARTS, "restarts"}),
]


@pytest.mark.parametrize(("in_role", "in_module", "keys"), INSIDE)
def test_what_is_inside_an_option_is_described_for_roles_and_modules_as_it_is_read(in_role, in_module, keys):
    (role, variable, *inside), (module, option, *within) = in_role.split("."), in_module.split(".")
    told = next(entry[variable] for entry in ROLES[role].values() if variable in entry)["options"]
    documented_inside = documented(module)[0][option]["suboptions"]
    for word in inside:
        told = told[word]["options"]
    for word in within:
        documented_inside = documented_inside[word]["suboptions"]
    assert set(told) == set(documented_inside) == keys


@pytest.mark.parametrize("name", MODULES)
def test_what_is_returned_has_a_description_a_type_and_a_sample(name):
    for key, value in loaded(module_of(name).RETURN).items():
        assert {"description", "returned", "type", "sample"} <= set(value), key
