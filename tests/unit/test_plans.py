# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whole plans against files that a reviewer can read: ``plans/<case>/topology.yml`` beside ``expected.yml``."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import Card, Ingress
from ansible_collections.ossm.federation.plugins.module_utils._core.card.trust import Root
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.live import parse_version
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.parse import parse_mesh
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.plan import plan_gateways, plan_peering
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.diff import change_to
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import MANAGER

CASES = sorted(Path(__file__).with_name("plans").iterdir())
NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def card_of(name: str, audience: str) -> Card:
    """Return a card whose root is a placeholder: a plan only passes it on."""
    root = Root(pem=f"(root of {name})\n", fingerprint="0" * 64, subject=name, not_after=NOW, is_self_signed=True)
    return Card(
        mesh=name,
        audience=audience,
        issued=NOW,
        trust_domain=f"{name}.local",
        roots=(root,),
        ingress=Ingress(("192.0.2.1",)),
        client_id=f"{name}.local/ns/{name}-mesh-system/sa/{audience}-egress-service-account",
        exports=(),
    )


def plan_of(case: Path) -> list[dict]:
    """Return all manifests of a case in the order in which they would be applied."""
    told = yaml.safe_load((case / "topology.yml").read_text(encoding="utf-8"))
    mesh = parse_mesh(**told["mesh"])
    version = parse_version(told["version"])
    gateways = [
        plan_gateways(mesh, peer, version=version, has_route_config=told.get("route_config", False))
        for peer in mesh.peers
    ]
    peerings = [
        plan_peering(mesh, peer, card_of(peer.name, mesh.name)) for peer in mesh.peers if peer.name in told["cards"]
    ]
    return [*gateways, *(manifest for peering in peerings for manifest in peering)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_plan_is_what_its_file_says(case: Path) -> None:
    assert plan_of(case) == yaml.safe_load((case / "expected.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_plan_that_stands_asks_for_no_change(case: Path) -> None:
    for manifest in plan_of(case):
        live = {**manifest, "metadata": {**manifest["metadata"], "uid": "1"}}
        assert change_to(live, manifest, MANAGER) is None
