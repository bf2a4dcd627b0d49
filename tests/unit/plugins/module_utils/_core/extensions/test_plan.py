# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One description, and what it becomes in each version of the mesh."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.plan import (
    INBOUND_ONLY,
    objections,
    plan,
)

from .meshes import IMAGE, described, ground

EVERYTHING = {
    "phase": "AUTHZ",
    "priority": 10,
    "config": {"header": "x"},
    "pull_secret": "registry",
    "pull_policy": "Always",
}


def spec_in(minor, **fields):
    (manifest,) = plan([described(**fields)], ground(minor))
    return manifest["kind"], manifest["spec"]


def codes(minor, is_told=True, **fields):
    return [
        (each.code, each.path[-1])
        for each in objections([described(**fields)], ground(minor, is_inbound_only=is_told and minor == 3))
    ]


def test_one_description_is_each_versions_own_kind():
    assert spec_in(1, **EVERYTHING) == (
        "ServiceMeshExtension",
        {
            "image": IMAGE,
            "workloadSelector": {"labels": {"app": "cart"}},
            "phase": "PreAuthZ",
            "priority": 10,
            "config": {"header": "x"},
            "imagePullPolicy": "Always",
            "imagePullSecrets": [{"name": "registry"}],
        },
    )
    plugin = {
        "url": f"oci://{IMAGE}",
        "selector": {"matchLabels": {"app": "cart"}},
        "phase": "AUTHZ",
        "priority": 10,
        "pluginConfig": {"header": "x"},
        "imagePullPolicy": "Always",
        "imagePullSecret": "registry",
    }
    assert spec_in(3, **EVERYTHING) == ("WasmPlugin", plugin)
    assert spec_in(4, **EVERYTHING) == ("WasmPlugin", {**plugin, "match": [{"mode": "SERVER"}]})
    assert [spec_in(minor)[0] for minor in (1, 2, 6)] == ["ServiceMeshExtension", "WasmPlugin", "WasmPlugin"]


def test_every_workload_is_no_selector_at_all():
    assert "selector" not in spec_in(3, selector="all")[1]
    assert "workloadSelector" not in spec_in(1, selector="all")[1]


def test_priority_zero_is_said_and_none_is_left_out():
    assert spec_in(3, priority=0)[1]["priority"] == 0 and "priority" not in spec_in(3)[1]


@pytest.mark.parametrize(
    ("minor", "fields", "match"),
    [
        (4, {"traffic": "both"}, [{"mode": "CLIENT_AND_SERVER"}]),
        (
            4,
            {"traffic": "outbound", "ports": [443, 80]},
            [{"mode": "CLIENT", "ports": [{"number": 80}, {"number": 443}]}],
        ),
        (4, {"traffic": "gateway"}, None),
        (4, {"traffic": "gateway", "ports": [8443]}, [{"ports": [{"number": 8443}]}]),
        (2, {}, None),
    ],
)
def test_a_plugin_sees_the_calls_that_it_is_for(minor, fields, match):
    assert spec_in(minor, **fields)[1].get("match") == match


@pytest.mark.parametrize("minor", [1, 2, 3, 4, 5, 6])
def test_what_every_kind_can_say_is_taken_by_every_version(minor):
    assert codes(minor, phase="STATS", priority=1, config={"a": 1}) == []


@pytest.mark.parametrize(
    ("minor", "fields", "found"),
    [
        (1, {"sha256": "a" * 64}, [("FED802", "sha256")]),
        (1, {"env": [{"name": "A", "value": "b"}]}, [("FED802", "env")]),
        (1, {"fail": "open"}, [("FED802", "fail")]),
        (1, {"ports": [80]}, [("FED802", "ports")]),
        (1, {"plugin_name": "other"}, [("FED802", "plugin_name")]),
        (1, {"plugin_name": "header_root"}, []),
        (1, {"image": "https://host/x.wasm"}, [("FED802", "image")]),
        (1, {"image": "header:1.2"}, [("FED802", "image")]),
        (1, {"image": "registry.example/header"}, [("FED802", "image")]),
        (1, {"image": "registry.example:5000/header"}, [("FED802", "image")]),
        (1, {"kind": "WasmPlugin"}, [("FED804", "kind")]),
        (3, {"kind": "ServiceMeshExtension"}, [("FED804", "kind")]),
        (2, {"kind": "ServiceMeshExtension", "pull_secret": "registry"}, []),
        (2, {"pull_secret": "registry"}, [("FED802", "pull_secret")]),
        (2, {"pull_policy": "Always"}, [("FED802", "pull_policy")]),
        (3, {"pull_policy": "Never"}, [("FED802", "pull_policy")]),
        (1, {"pull_policy": "Never"}, []),
        (2, {"env": [{"name": "A", "value": "b"}]}, [("FED802", "env")]),
        (3, {"env": [{"name": "A", "value": "b"}]}, []),
        (3, {"ports": [80]}, [("FED802", "ports")]),
        (5, {"fail": "open"}, [("FED802", "fail")]),
        (6, {"fail": "open"}, []),
        (4, {"namespace": "elsewhere"}, [("FED803", "namespace")]),
        (4, {"namespace": "east-mesh-system"}, []),
        (2, {"traffic": "both"}, [("FED805", "traffic")]),
        (1, {"traffic": "outbound"}, [("FED805", "traffic")]),
        (3, {"traffic": "outbound"}, [("FED805", "traffic")]),
        (3, {"traffic": "both"}, [("FED805", "traffic")]),
        (3, {"traffic": "gateway"}, []),
    ],
)
def test_what_a_version_cannot_say_is_refused_with_the_field(minor, fields, found):
    assert codes(minor, **fields) == found


def test_a_plugin_of_2_3_would_see_outbound_calls_unless_istiod_is_told():
    (problem,) = objections([described()], ground(3))
    assert problem.code == "FED805" and INBOUND_ONLY in problem.fix
    assert codes(3, is_told=False, traffic="both") == []


def test_an_old_extension_needs_the_cacher():
    (problem,) = objections([described()], ground(1, has_cacher=False))
    assert problem.code == "FED806"
    assert objections([described()], ground(4, has_cacher=False)) == []
