# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Many of one kind, made by whoever may make them: what else there is to tell is still told, and the rest is counted.

With OSSM_FEDERATION_SOAK=1 there are ten times as many.
"""

from __future__ import annotations

import copy
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from attacks.api import serving
from attacks.attack import attack, call
from attacks.conftest import CONTROL_PLANE

HOME, SHOP = "east-mesh-system", "shop"
MANY = 20_000 if os.environ.get("OSSM_FEDERATION_SOAK") else 2_000
OURS = {"ossm.federation/mesh": "east", "ossm.federation/peer": "west"}


def thing(version: str, kind: str, name: str, namespace: str, **body: Any) -> dict[str, Any]:
    metadata = {
        "name": name,
        "namespace": namespace,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": OURS if namespace == HOME else {},
    }
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **body}


def services(ports: list[dict]) -> list[dict]:
    spec = {"type": "ClusterIP", "clusterIP": "10.0.0.1", "ports": ports}
    return [thing("v1", "Service", f"s{number:05}", SHOP, spec=spec) for number in range(MANY)]


def mesh() -> list[dict]:
    """Return a mesh that exports all of a member's namespace; its peer lacks a client's identity."""
    maistra, by_all = (
        "federation.maistra.io/v1",
        {
            "type": "NameSelector",
            "nameSelector": {"namespace": SHOP, "name": "*"},
        },
    )
    members = {"configuredMembers": [SHOP], "members": [SHOP], "observedGeneration": 1}
    return [
        copy.deepcopy(CONTROL_PLANE),
        thing("maistra.io/v1", "ServiceMeshMemberRoll", "default", HOME, spec={"members": [SHOP]}, status=members),
        thing(
            maistra,
            "ServiceMeshPeer",
            "west",
            HOME,
            spec={"remote": {"addresses": ["192.0.2.1"]}, "security": {"trustDomain": "west.local"}},
        ),
        thing(maistra, "ExportedServiceSet", "west", HOME, spec={"exportRules": [by_all]}),
    ]


@pytest.mark.parametrize("module", ["federation", "preflight_info"])
@pytest.mark.parametrize(
    "ports",
    [
        attack(
            "member",
            "makes Services of two ports",
            [{"name": "http", "port": 80}, {"name": "http-admin", "port": 8080}],
        ),
        attack(
            "member",
            "makes Services whose ports say no protocol",
            [{"name": "a", "port": 80}, {"name": "b", "port": 8080}],
        ),
    ],
)
def test_a_flood_of_services_drowns_nothing(module: str, ports: list[dict], collections: str, tmp_path: Path) -> None:
    with serving(tmp_path, *mesh(), *services(ports)) as api:
        outcome = call(
            collections,
            module,
            {**api.access, "mesh": "east", "peers": ["west"], "exports": [{"namespace": SHOP}]},
            check=True,
        )
    assert not outcome.result.get("failed"), outcome.printed[:2000]
    told = [text for text in (*outcome.warnings, *outcome.result.get("lines", [])) if f"{MANY:,} findings" in text]
    assert any("FED761" in text and f"s00004 … and {MANY - 5:,} more" in text for text in told), told
    codes = Counter(finding["code"] for finding in outcome.result["findings"])
    assert max(codes.values()) == 100 and outcome.result["findings_left_out"]["FED761"] == MANY - 100
    assert len(outcome.warnings) + len(outcome.result.get("lines", [])) < 60
    assert len(outcome.printed) < 400_000
    assert "FED731" in codes, "what is rare is still there"
    if module == "preflight_info":
        assert outcome.result["counts"]["warnings"] >= MANY
