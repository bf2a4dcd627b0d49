# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each module's documentation says is what the module takes."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils._described import DESCRIBED
from ansible_collections.ossm.federation.plugins.module_utils._options import CLUSTER, FORCE, MESH, OLM, WAITING

ROOT = "ansible_collections.ossm.federation.plugins"
MODULES = sorted(path.stem for path in Path(__file__).parents[4].joinpath("plugins", "modules").glob("*.py"))
SPECS = {"cluster": CLUSTER, "mesh": MESH, "described": {**MESH, **DESCRIBED}, "force": FORCE, "waiting": WAITING, "olm": OLM}


def module_of(name):
    return importlib.import_module(f"{ROOT}.modules.{name}")


def documented(name):
    """Return the options that a module documents, its fragments' included, and the fragments' names."""
    documentation = yaml.safe_load(module_of(name).DOCUMENTATION)
    fragments = [text.rpartition(".")[2] for text in documentation.get("extends_documentation_fragment", [])]
    options = dict(documentation.get("options", {}))
    for fragment in fragments:
        told = importlib.import_module(f"{ROOT}.doc_fragments.{fragment}").ModuleDocFragment
        options.update(yaml.safe_load(told.DOCUMENTATION).get("options", {}))
    return options, fragments


def spec_of(name):
    _options, fragments = documented(name)
    return {key: option for part in (*(SPECS[fragment] for fragment in fragments), module_of(name).OPTIONS) for key, option in part.items()}


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
    tasks = [task for task in yaml.safe_load(module_of(name).EXAMPLES) if f"ossm.federation.{name}" in task]
    assert tasks
    for task in tasks:
        given = set(task[f"ossm.federation.{name}"])
        assert given <= set(options)
        assert {key for key, option in options.items() if option.get("required")} <= given


@pytest.mark.parametrize("name", MODULES)
def test_what_is_returned_has_a_description_a_type_and_a_sample(name):
    for key, value in yaml.safe_load(module_of(name).RETURN).items():
        assert {"description", "returned", "type", "sample"} <= set(value), key
