# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A peer that takes another's trust domain, where real Envoys show who is trusted: nothing of it reaches them."""

from __future__ import annotations

import hashlib
import json
import ssl
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from attacks.attack import attack
from integration.administrators import Administrator, described, federation_of, until
from integration.crashing import Runner
from unit.pem import root

from testbed import Testbed

CART = "cart.shop.svc.east-imports.local"


def forged(bed: Testbed) -> dict[str, Any]:
    """A card of north for east that takes west's trust domain and brings a root of its own."""
    pem, west = root("mallory"), bed.meshes["west"]
    return {
        "version": 1,
        "mesh": "north",
        "audience": "east",
        "issued": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "trust_domain": west.trust_domain,
        "roots": [{"fingerprint": hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper(), "pem": pem}],
        "ingress": {"addresses": ["192.0.2.66"], "discovery_port": 8188, "service_port": 15443},
        "client_id": f"{west.trust_domain}/ns/{west.namespace}/sa/east-egress-service-account",
        "exports": [],
    }


@pytest.fixture(scope="module")
def federated(bed: Testbed, tmp_path_factory: pytest.TempPathFactory, collections: str) -> Administrator:
    """East and west, federated by one who runs both."""
    meshes = {name: described(bed, name) for name in ("east", "west")}
    both = Administrator(tmp_path_factory.mktemp("both"), collections, meshes)
    both.play("federate")
    until(lambda: bed.meshes["west"].call(CART).status == 200, "cart answers")
    return both


@pytest.fixture(scope="module")
def runner(collections: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    running = Runner(collections, tmp_path_factory.mktemp("runner"))
    yield running
    running.stop()


@pytest.mark.parametrize(
    "options",
    [
        attack(
            "hostile peer",
            "takes the trust domain of a peer that has handed over no card",
            {"peers": ["west", "north"]},
        ),
        attack(
            "hostile peer", "takes that of a suspended peer", {"peers": [{"name": "west", "suspended": True}, "north"]}
        ),
        attack("hostile peer", "takes that of a leftover", {"peers": ["north"]}),
        attack("hostile peer", "takes that of a peer that failed", {"peers": ["west", "north"], "hold": ["west"]}),
    ],
)
def test_nothing_of_a_stolen_trust_domain_is_written(
    bed: Testbed, federated: Administrator, runner: Runner, options: dict
) -> None:
    east, before = bed.meshes["east"], federation_of(bed, "east")
    runner.start(
        [("federation", {"kubeconfig": str(east.kubeconfig), "mesh": "east", "cards": [forged(bed)], **options})]
    )
    assert runner.wait() == 1 and runner.results[-1]["code"] == "FED216", runner.results
    assert federation_of(bed, "east") == before
    assert root("mallory").strip() not in east.bundle_of(bed.meshes["west"].trust_domain)


def test_a_peering_made_by_hand_is_not_robbed_either_and_calls_go_on(
    bed: Testbed, federated: Administrator, tmp_path: Path
) -> None:
    """As the playbook meets it: the card lies in the folder, and what stands for west bears nothing of ours."""
    east = bed.meshes["east"]
    for kind, name in (
        ("ServiceMeshPeer", "west"),
        ("ExportedServiceSet", "west"),
        ("ImportedServiceSet", "west"),
        ("ConfigMap", "west-ca-root-cert"),
    ):
        labels = {"ossm.federation/mesh": None, "ossm.federation/peer": None}
        east.kube.merge(
            kind, name, east.namespace, {"metadata": {"labels": labels, "annotations": None, "managedFields": [{}]}}
        )
    cards = tmp_path / "cards"
    cards.mkdir()
    (cards / "north-for-east.json").write_text(json.dumps(forged(bed)), encoding="utf-8")
    alone = Administrator(
        tmp_path, federated.collections, {"east": {**described(bed, "east"), "mesh_peers": ["west", "north"]}}
    )
    before = federation_of(bed, "east")
    refused = alone.play(
        "federate", variables={"federation_cards_dir": str(cards), "federation_timeout": 5}, must_pass=False
    )
    assert refused.returncode and "FED216" in refused.output, refused.output
    after = federation_of(bed, "east")
    assert {name: spec for name, spec in after.items() if "additional" not in name} == {
        name: spec for name, spec in before.items() if "additional" not in name
    }
    assert root("mallory").strip() not in east.bundle_of(bed.meshes["west"].trust_domain)
    assert bed.meshes["west"].call(CART).status == 200
