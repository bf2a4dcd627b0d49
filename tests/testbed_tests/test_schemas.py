# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The testbed's own kinds know the fields that the genuine ones know, release by release, and no others."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from testbed.cluster import crds_in, own_crds
from testbed.schemas import control_plane_spec, roll_spec

TREE = Path(__file__).parents[2]
GENUINE = Path(os.environ.get("OSSM_FEDERATION_CRDS") or TREE.parent / "shared" / "crds")
OPEN = "x-kubernetes-preserve-unknown-fields"


def field(schema: Mapping[str, Any], path: str) -> Mapping[str, Any] | None:
    """Return the schema of one field, such as ``gateways.additionalIngress.west.enabled``; None when it is not
    declared.
    """
    found: Mapping[str, Any] | None = schema
    for part in path.split("."):
        if found is None or found.get(OPEN):
            return found
        found = found.get("items", found)
        found = found.get("properties", {}).get(part) or found.get("additionalProperties")
    return found


@pytest.mark.parametrize(
    ("path", "in_2_3", "in_2_5"),
    [
        ("version", True, True),
        ("techPreview.controlPlaneMode", True, True),
        ("security.jwksResolverCA", True, True),
        ("security.certificateAuthority.cert-manager.address", True, True),
        ("gateways.ingress.routeConfig.enabled", True, True),
        ("gateways.additionalIngress.west-ingress.routeConfig.enabled", False, True),
        ("gateways.additionalEgress.west-egress.routeConfig", False, False),
        ("gateways.additionalIngress.west-ingress.requestedNetworkView", False, False),
        ("gateways.additionalEgress.west-egress.requestedNetworkView", True, True),
        ("mode", False, True),
        ("meshConfig.extensionProviders.zipkin.service", False, True),
        ("runtime.components.pilot.container.env.PILOT_X", True, True),
        ("runtime.components.pilot.container.envs", False, False),
        ("proxy.networking.protocol.autoDetect.inbound", True, True),
        ("proxy.networking.protocol.autodetect", False, False),
        ("addons.kiali.enable", False, False),
        ("tracing.samplings", False, False),
        ("policy.typ", False, False),
        ("telemetry.mixer.adapters.stdio.enabled", True, True),
        ("general.logging.componentLevels.default", True, True),
        ("cluster.multiCluster.meshNetworks.west.endpoints.fromRegistry", True, True),
        ("secuirty", False, False),
    ],
)
def test_a_control_plane_has_the_fields_of_its_release(path: str, in_2_3: bool, in_2_5: bool) -> None:
    assert (field(control_plane_spec("2.3"), path) is not None, field(control_plane_spec("2.5"), path) is not None) == (
        in_2_3,
        in_2_5,
    )


def test_a_member_roll_selects_by_label_from_2_4_on() -> None:
    assert field(roll_spec("2.3"), "memberSelectors") is None
    assert field(roll_spec("2.5"), "memberSelectors.matchExpressions.operator") == {"type": "string"}


def test_ports_are_merged_by_their_number() -> None:
    ports = field(control_plane_spec("2.3"), "gateways.additionalIngress.x.service.ports")
    assert (
        ports is not None and ports["x-kubernetes-list-map-keys"] == ["port"] and ports["items"]["required"] == ["port"]
    )


def fields(schema: Mapping[str, Any], at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Give the path of every field below a schema that is declared one by one."""
    yield at
    for name, below in {
        **schema.get("properties", {}),
        **({"[]": schema["items"]} if "items" in schema else {}),
    }.items():
        yield from fields(below, (*at, name))
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield from fields(schema["additionalProperties"], (*at, "*"))


def spec_of(texts: list[dict[str, Any]], kind: str) -> Mapping[str, Any]:
    (found,) = (text for text in texts if text["spec"]["names"]["kind"] == kind)
    version = next(version for version in found["spec"]["versions"] if version["storage"])
    return version["schema"]["openAPIV3Schema"]["properties"]["spec"]


@pytest.mark.skipif(
    not GENUINE.is_dir(), reason="optional: set OSSM_FEDERATION_CRDS to a folder with genuine definitions by version"
)
@pytest.mark.parametrize("release", ["2.3", "2.5"])
@pytest.mark.parametrize("kind", ["ServiceMeshControlPlane", "ServiceMeshMemberRoll"])
def test_ours_are_the_genuine_fields_but_for_what_ours_leave_open(kind: str, release: str) -> None:
    ours, genuine = spec_of(own_crds(release), kind), spec_of(crds_in(GENUINE / release), kind)
    own = set(fields(ours))
    left_open = {path for path in own if path and (field_at(ours, path) or {}).get(OPEN)}
    there = {path for path in fields(genuine) if not any(path[: len(each)] == each for each in left_open)}
    assert own - left_open == there


@lru_cache(maxsize=1)
def genuine_kinds() -> dict[str, dict[str, Any]]:
    """Return the genuine definitions by kind; of those that every release has, the newest."""
    return {
        text["spec"]["names"]["kind"]: text for folder in ("2.1", "2.5", "istio") for text in crds_in(GENUINE / folder)
    }


@pytest.mark.skipif(
    not GENUINE.is_dir(), reason="optional: set OSSM_FEDERATION_CRDS to a folder with genuine definitions by version"
)
@pytest.mark.parametrize("text", own_crds("2.5"), ids=lambda text: text["spec"]["names"]["kind"])
def test_ours_of_every_kind_declare_nothing_that_the_genuine_ones_do_not(text: dict[str, Any]) -> None:
    kind, genuine = text["spec"]["names"]["kind"], genuine_kinds()[text["spec"]["names"]["kind"]]
    assert genuine["spec"]["group"] == text["spec"]["group"]
    served, known = (
        {version["name"] for version in one["spec"]["versions"] if version["served"]} for one in (text, genuine)
    )
    assert served <= known
    ours, theirs = spec_of([text], kind), spec_of([genuine], kind)
    own = set(fields(ours))
    left_open = {path for path in own if (field_at(ours, path) or {}).get(OPEN)}
    there = set(fields(theirs))
    assert own <= there
    assert {path for path in there - own if not any(path[: len(each)] == each for each in left_open)} == set()


def field_at(schema: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any] | None:
    for part in path:
        if part == "[]":
            schema = schema["items"]
        else:
            schema = schema["additionalProperties"] if part == "*" else schema["properties"][part]
    return schema
