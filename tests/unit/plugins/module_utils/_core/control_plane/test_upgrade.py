# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way from one version to another: every minor on it, what stops it and what it changes."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.live import ControlPlane
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.upgrade import (
    Found,
    described_without_mixer,
    lines,
    mixer_of,
    plan_upgrade,
    refuse_blocked,
    without_mixer,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.supported import FEATURES

MIXER = {
    "policy": {"type": "Mixer", "mixer": {"sessionAffinity": True}},
    "addons": {"3scale": {"enabled": True}, "kiali": {"enabled": False}},
}


def plane(version="v2.0", operator="2.3.11", spec=None, applied=None, ready="True"):
    conditions = [{"type": kind, "status": ready, "reason": "ComponentsReady"} for kind in ("Reconciled", "Ready")]
    status = {
        "operatorVersion": operator,
        "chartVersion": f"{version[1:]}.1",
        "observedGeneration": 1,
        "conditions": conditions,
    }
    return ControlPlane.read(
        {
            "metadata": {"name": "basic", "namespace": "east-mesh-system", "uid": "u", "generation": 1},
            "spec": {"version": version, **(spec or {})},
            "status": {**status, **({"appliedSpec": applied} if applied else {})},
        }
    )


def stopped(steps):
    return {f"{step.start[1]}-{step.end[1]}": [each.what for each in step.blockers] for step in steps if step.blockers}


def test_every_minor_version_is_a_step():
    steps = plan_upgrade(plane(), "v2.3", Found())
    assert [(step.start, step.end) for step in steps] == [((2, 0), (2, 1)), ((2, 1), (2, 2)), ((2, 2), (2, 3))]
    assert stopped(steps) == {}
    assert plan_upgrade(plane("v2.3"), "v2.3", Found()) == []


@pytest.mark.parametrize(
    ("version", "target"), [("v1.1", "v2.0"), ("v1.1", "v2.1"), ("v2.2", "v2.1"), ("v2.2", "v3.0"), ("v2.2", "newest")]
)
def test_no_way_leads_from_version_1_back_or_to_version_3(version, target):
    with pytest.raises(FederationError) as refused:
        plan_upgrade(plane(version), target, Found())
    assert refused.value.code == "FED430"


@pytest.mark.parametrize("minor", range(7))
@pytest.mark.parametrize("written", ["v2.{}", "2.{}", " v2.{}\n"])
def test_the_version_that_is_there_is_nothing_to_do_on_every_version(minor, written):
    assert plan_upgrade(plane(f"v2.{minor}"), written.format(minor), Found()) == []


@pytest.mark.parametrize(
    ("target", "says", "cure"),
    [
        ("", "upgrade_to is empty", "Say where to go"),
        ("  ", "upgrade_to is empty", "Say where to go"),
        ("v2.3.1", "cannot become v2.3.1", "Write v2.3; its operator brings the patch release"),
        ("2.3.1", "cannot become 2.3.1", "Write v2.3;"),
        ("v2.3-rc1", "cannot become v2.3-rc1", "Write v2.3"),
        ("v2.30", "cannot become v2.30", "Choose one of v2.1 to v2.6"),
        ("v1.1", "cannot become v1.1", "Choose one of v2.1 to v2.6"),
        ("latest", "cannot become latest", "Choose one of v2.1 to v2.6"),
        ("v2.1", "is v2.3; going back to v2.1", "Keep the version"),
        ("2.2", "is v2.3; going back to v2.2", "Keep the version"),
    ],
)
def test_a_target_that_is_not_a_version_above_is_refused_with_what_to_write(target, says, cure):
    with pytest.raises(FederationError) as refused:
        plan_upgrade(plane("v2.3"), target, Found())
    assert refused.value.code == "FED430" and says in refused.value.what and refused.value.fix.startswith(cure)


def test_an_operator_takes_only_its_own_versions():
    steps = plan_upgrade(plane("v2.2"), "v2.4", Found())
    assert stopped(steps) == {"3-4": ["the operator is 2.3 and supports v2.0 to v2.3"]}


def test_the_name_default_stops_the_way_at_2_3():
    live = plane("v2.1", operator="2.4.7")
    live.live["metadata"]["name"] = "default"
    called = ControlPlane.read(live.live)
    assert stopped(plan_upgrade(called, "v2.4", Found())) == {
        "2-3": ["it is called default, and v2.3 fails to deploy under this name (OSSM-2042)"]
    }


def test_extensions_stop_the_way_at_2_2():
    steps = plan_upgrade(plane(), "v2.3", Found(extensions=("shop/hdr",)))
    assert stopped(steps) == {"2-3": ["ServiceMeshExtensions exist: shop/hdr"]}
    with pytest.raises(FederationError) as refused:
        refuse_blocked(plane("v2.2"), steps[-1])
    assert refused.value.code == "FED431" and "WasmPlugins" in refused.value.fix


def test_extensions_that_the_upgrade_converts_do_not_stop_it_and_plugins_that_would_see_more_do():
    told = {
        "runtime": {"components": {"pilot": {"container": {"env": {"APPLY_WASM_PLUGINS_TO_INBOUND_ONLY": "true"}}}}}
    }
    for found in (Found(extensions=("shop/hdr",)), Found(plugins=("shop/hdr",))):
        steps = plan_upgrade(plane("v2.2"), "v2.4", found, converts_extensions=True)
        assert stopped(steps)["2-3"] == ["WasmPlugins would also run on the calls that their workloads make: shop/hdr"]
        assert "2-3" not in stopped(plan_upgrade(plane("v2.2", spec=told), "v2.4", found, converts_extensions=True))


def test_mixer_stops_the_first_step_unless_the_upgrade_takes_it_out():
    live = plane(spec=MIXER)
    assert mixer_of(live) == ["spec.addons.3scale", "spec.policy"]
    assert stopped(plan_upgrade(live, "v2.1", Found())) == {
        "0-1": ["spec.addons.3scale and spec.policy use Mixer, which v2.1 does not have"]
    }
    assert stopped(plan_upgrade(live, "v2.1", Found(), removes_mixer=True)) == {}


def test_mixer_that_a_profile_turned_on_is_seen_too():
    assert mixer_of(plane(applied={"telemetry": {"type": "Mixer"}})) == ["spec.telemetry"]
    assert mixer_of(plane(applied={"telemetry": {"type": "Istiod"}})) == []


def test_taking_mixer_out_leaves_every_other_field():
    assert without_mixer(plane(spec=MIXER).live) == {
        "policy": {"type": "Istiod", "mixer": None},
        "telemetry": {"type": "Istiod"},
        "addons": {"3scale": None},
    }


def test_what_a_version_refuses_stops_the_step_to_it():
    spec = {"mode": "MultiTenant", "techPreview": {"controlPlaneMode": "MultiTenant"}}
    steps = plan_upgrade(plane("v2.3", operator="2.5.1", spec={"techPreview": spec["techPreview"]}), "v2.4", Found())
    assert stopped(steps) == {"3-4": ["spec.techPreview.controlPlaneMode exists on v2.3 only"]}


def test_a_control_plane_that_is_not_ready_is_not_upgraded():
    assert list(stopped(plan_upgrade(plane(ready="False"), "v2.1", Found()))) == ["0-1"]


def test_sidecars_two_minors_behind_stop_the_step():
    found = Found(sidecars={(2, 0): ("shop/cart-1",), (2, 1): ("shop/web-1",)})
    assert stopped(plan_upgrade(plane("v2.1"), "v2.2", found)) == {
        "1-2": ["sidecars would be more than one minor behind: shop/cart-1"]
    }
    assert stopped(plan_upgrade(plane("v2.0"), "v2.1", found)) == {}


def test_the_lines_tell_each_step_its_notes_and_what_is_unknown():
    found = Found(
        envoy_filters=("shop/lua",),
        ip_blocks=("shop/allow",),
        peers=("west",),
        unknown=("Pod objects in shop: no rights",),
    )
    shown = "\n".join(lines(plane(), plan_upgrade(plane(), "v2.1", found), found))
    for part in (
        "v2.0 → v2.1: possible",
        "shop/lua",
        "shop/allow",
        "federated with west",
        "Mixer is removed",
        "unknown: Pod objects in shop",
    ):
        assert part in shown


def test_each_step_tells_what_is_in_preview_or_unsupported_where_it_leads():
    shown = lines(
        plane(), plan_upgrade(plane(spec={"techPreview": {"gatewayAPI": {}, "errored": {}}}), "v2.2", Found()), Found()
    )
    first, second = shown.index("v2.0 → v2.1: possible"), shown.index("v2.1 → v2.2: possible")
    assert any("in preview there" in line and "action CUSTOM" in line for line in shown[first:second])
    assert any("not supported there" in line and "injected gateways" in line for line in shown[second:])
    assert [line for line in shown if "techPreview" in line] == [
        "  note: this control plane sets techPreview.gatewayAPI: without support in every version"
    ]


def test_every_version_that_can_be_reached_has_its_features_listed():
    assert sorted(FEATURES.rows) == [(2, minor) for minor in range(1, 7)]


def test_what_mixer_leaves_behind_is_named_at_the_step_that_ends_it():
    found = Found(mixer_objects=tuple(f"rule shop/limit-{number}" for number in range(7)))
    told = [note for step in plan_upgrade(plane(), "v2.2", found) for note in step.notes if "config.istio.io" in note]
    assert told == [
        "objects of config.istio.io do nothing any more, delete them: "
        "rule shop/limit-0, rule shop/limit-1, rule shop/limit-2, rule shop/limit-3, rule shop/limit-4 and 2 more"
    ]


def test_a_federated_mesh_is_told_that_router_modes_go_with_2_2():
    assert any("routerMode" in note for note in plan_upgrade(plane("v2.1"), "v2.2", Found(peers=("west",)))[0].notes)
    assert not any("routerMode" in note for note in plan_upgrade(plane("v2.1"), "v2.2", Found())[0].notes)


@pytest.mark.parametrize(
    ("described", "left"),
    [
        (MIXER, {"policy": {"type": "Istiod"}, "addons": {"kiali": {"enabled": False}}}),
        ({"telemetry": {"remote": {}}, "addons": {"3scale": {}}}, {}),
        (
            {"policy": {"type": "None"}, "tracing": {"type": "None"}, "addons": {}},
            {"policy": {"type": "None"}, "tracing": {"type": "None"}, "addons": {}},
        ),
        ({}, {}),
    ],
)
def test_a_description_without_mixer_keeps_everything_else(described, left):
    assert described_without_mixer(described) == left


def test_that_3scale_authorizes_nothing_any_more_is_said_where_it_did():
    def told(spec):
        return [
            note
            for note in plan_upgrade(plane(spec=spec), "v2.1", Found(), removes_mixer=True)[0].notes
            if "3scale authorizes" in note
        ]

    assert len(told(MIXER)) == 1
    assert told({"policy": {"type": "Mixer"}}) == []
