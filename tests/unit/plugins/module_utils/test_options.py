# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Our connection options are kubernetes.core's: compared with that collection itself, which the stages of `make test`
provide.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.doc_fragments.cluster import ModuleDocFragment
from ansible_collections.ossm.federation.plugins.module_utils._options import (
    CLUSTER,
    CLUSTER_ENVIRONMENT,
    PROXY_HEADERS_ENVIRONMENT,
)

DOCUMENTED = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
OWN = {"api_timeout"}


def file_of_kubernetes_core(name):
    """Return a module of kubernetes.core, loaded from its file alone."""
    # ansible-test provides no other collection; the stage `unit` and the last pytest session of `make test` do.
    if "OSSM_FEDERATION_BESIDE" not in os.environ:
        pytest.skip("kubernetes.core is provided by `make test` (OSSM_FEDERATION_BESIDE)")
    path = Path(os.environ["OSSM_FEDERATION_BESIDE"], "ansible_collections/kubernetes/core/plugins", name)
    spec = importlib.util.spec_from_file_location(f"kubernetes_core_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shape(options):
    """Return what options mean, of a spec or as documented: types, elements, aliases, suboptions."""
    return {
        name: (
            option.get("type", "str"),
            option.get("elements"),
            sorted(option.get("aliases", [])),
            shape(option.get("options") or option.get("suboptions") or {}),
        )
        for name, option in options.items()
    }


def secret_options(spec):
    return {name for name, option in spec.items() if option.get("no_log")}


def variables_in(text):
    """Return the K8S_AUTH variables that a description, a text or a list of texts, names."""
    return set(re.findall(r"K8S_AUTH_\w+", json.dumps(text)))


def without_own(options):
    return {name: option for name, option in options.items() if name not in OWN}


def our_variables():
    return {
        *PROXY_HEADERS_ENVIRONMENT.values(),
        *(variable for variables in CLUSTER_ENVIRONMENT.values() for variable in variables),
    }


def test_the_options_are_those_of_kubernetes_core_and_our_deadline():
    theirs = file_of_kubernetes_core("module_utils/args_common.py").AUTH_ARG_SPEC
    assert set(CLUSTER) == {*theirs, *OWN}
    assert shape(without_own(CLUSTER)) == shape(theirs)
    assert secret_options(CLUSTER) == secret_options(theirs)
    assert secret_options(CLUSTER["proxy_headers"]["options"]) == secret_options(theirs["proxy_headers"]["options"])


def test_the_documented_options_are_those_of_kubernetes_core_and_our_deadline():
    theirs = yaml.safe_load(
        file_of_kubernetes_core("doc_fragments/k8s_auth_options.py").ModuleDocFragment.DOCUMENTATION
    )["options"]
    assert set(DOCUMENTED) == {*theirs, *OWN}
    assert shape(without_own(DOCUMENTED)) == shape(theirs)


def test_each_option_falls_back_to_the_variables_of_kubernetes_core():
    theirs = file_of_kubernetes_core("module_utils/args_common.py")
    expected = {name: {f"K8S_AUTH_{name.upper()}"} for name in theirs.AUTH_ARG_SPEC if name != "proxy_headers"}
    for alias, name in theirs.AUTH_ARG_MAP.items():
        if name != "proxy_headers":
            expected[name].add(f"K8S_AUTH_{alias.upper()}")
    assert {name: set(variables) for name, variables in CLUSTER_ENVIRONMENT.items()} == expected
    assert set(PROXY_HEADERS_ENVIRONMENT) == set(theirs.AUTH_PROXY_HEADERS_SPEC)


def test_the_variables_that_kubernetes_core_documents_are_ours():
    theirs = file_of_kubernetes_core("doc_fragments/k8s_auth_options.py").ModuleDocFragment.DOCUMENTATION
    assert variables_in(theirs) <= our_variables()


def test_the_documentation_says_what_the_spec_does():
    assert shape(DOCUMENTED) == shape(CLUSTER)
    assert DOCUMENTED["api_timeout"]["default"] == CLUSTER["api_timeout"]["default"]


def test_the_documentation_names_a_variable_of_each_option():
    assert variables_in(DOCUMENTED) - {"K8S_AUTH_"} <= our_variables()
    for name, variables in CLUSTER_ENVIRONMENT.items():
        assert variables_in(DOCUMENTED[name]["description"]) & set(variables), name
    for name, variable in PROXY_HEADERS_ENVIRONMENT.items():
        assert variable in variables_in(DOCUMENTED["proxy_headers"]["suboptions"][name]["description"])
