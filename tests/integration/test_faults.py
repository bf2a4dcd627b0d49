# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Estates go wrong: API servers that stumble, addresses that do not come, identities that do not fit, runs that die."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from integration.administrators import Administrator, clear, federation_of, versions_of

from testbed import Testbed

Make = Callable[..., Administrator]


@pytest.fixture(autouse=True)
def nothing_left(bed: Testbed) -> Iterator[None]:
    """Every test leaves both meshes without a federation and without a fault."""
    yield
    clear(bed)


@pytest.mark.parametrize("status", [409, 429, 500, 503])
def test_an_api_server_that_stumbles_only_delays(bed: Testbed, administrator: Make, status: int) -> None:
    both = administrator("east", "west")
    both.meshes["east"]["mesh_kubeconfig"] = bed.meshes["east"].proxied_kubeconfig
    bed.meshes["east"].fault("api-errors", status=status, count=3)
    both.play("federate")
    assert bed.meshes["west"].call("cart.shop.svc.east-imports.local").status == 200


@pytest.mark.parametrize("fault", ["api-refuse", "api-hang"])
def test_an_api_server_that_does_not_answer_stops_its_own_mesh_only(
    bed: Testbed, administrator: Make, fault: str
) -> None:
    both = administrator("east", "west")
    both.meshes["east"].update(mesh_kubeconfig=bed.meshes["east"].proxied_kubeconfig, mesh_api_timeout=2)
    bed.meshes["east"].fault(fault)
    refused = both.play("federate", must_pass=False)
    assert "FED105" in refused.output
    assert refused.failed("west") == 0
    assert "ServiceMeshPeer/east" not in federation_of(bed, "west")


def test_an_operator_that_starts_up_is_waited_for(bed: Testbed, administrator: Make) -> None:
    both = administrator("east", "west")
    bed.meshes["east"].fault("webhook-down")
    running = both.start("federate")
    time.sleep(6)
    bed.meshes["east"].heal("webhook-down")
    assert running.wait(timeout=120) == 0


def test_an_address_that_stays_pending_is_named_with_its_gateway(bed: Testbed, administrator: Make) -> None:
    east = administrator("east")
    bed.meshes["east"].fault("no-address")
    refused = east.play(
        "publish_cards", variables={"federation_cards_dir": "cards", "federation_timeout": 3}, must_pass=False
    )
    assert "FED601" in refused.output and "west-ingress" in refused.output
    assert not list(east.folder.glob("cards/*.json"))


@pytest.mark.parametrize("fault", ["wrong-root", "wrong-client-id", "peer-unreachable"])
def test_a_peer_that_is_not_who_its_card_says_is_not_connected(bed: Testbed, administrator: Make, fault: str) -> None:
    both = administrator("east", "west")
    both.play("federate")
    assert bed.meshes["west"].call("cart.shop.svc.east-imports.local").status == 200
    bed.meshes["east" if fault == "peer-unreachable" else "west"].fault(fault)
    deadline = time.monotonic() + 30
    while (
        status := bed.meshes["west"].call("cart.shop.svc.east-imports.local").status
    ) == 200 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert status != 200


def test_a_run_that_dies_is_finished_by_the_next(bed: Testbed, administrator: Make) -> None:
    both = administrator("east", "west")
    for seconds in (4.0, 5.5, 6.5):
        running = both.start("federate")
        time.sleep(seconds)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        for name in bed.meshes:
            found = federation_of(bed, name)
            peers = [spec for kind, spec in found.items() if kind.startswith("ServiceMeshPeer")]
            assert not peers or any(kind.startswith("ConfigMap") for kind in found), "a peer without its roots"
            assert all(spec["security"]["clientID"] for spec in peers)
    both.play("federate")
    assert bed.meshes["west"].call("cart.shop.svc.east-imports.local").status == 200
    assert both.play("federate").changed("east") == 0


def test_a_changed_root_stops_the_run_until_it_is_accepted(bed: Testbed, administrator: Make) -> None:
    both = administrator("east", "west")
    both.play("federate")
    mesh = bed.meshes["west"]
    another = mesh.kube.get("ConfigMap", "istio-ca-root-cert", mesh.namespace)["data"]["root-cert.pem"]
    both.meshes["east"]["mesh_extra_roots"] = another
    before = federation_of(bed, "west")
    refused = both.play("federate", must_pass=False)
    assert "FED217" in refused.output
    assert federation_of(bed, "west") == before
    accepted = both.play("federate", "--diff", variables={"federation_accept_changes": refused.to_accept})
    assert accepted.changed("west") == 1
    bundle = mesh.kube.get("ConfigMap", "east-ca-root-cert", mesh.namespace)["data"]["root-cert.pem"]
    assert bundle == before["ConfigMap/east-ca-root-cert"]["root-cert.pem"] + another
    assert bed.meshes["west"].call("cart.shop.svc.east-imports.local").status == 200


def test_a_field_that_another_manager_holds_is_named_with_its_manager(bed: Testbed, administrator: Make) -> None:
    both = administrator("east", "west")
    both.play("federate")
    mesh = bed.meshes["west"]
    mesh.kube.merge("ServiceMeshPeer", "east", mesh.namespace, {"spec": {"remote": {"addresses": ["192.0.2.1"]}}})
    before = versions_of(bed, "west")
    refused = both.play("federate", must_pass=False)
    assert re.search(
        r"FED107 ServiceMeshPeer .*spec.remote.addresses belongs to the field manager testbed", refused.output
    )
    assert versions_of(bed, "west") == before
    assert both.play("federate", variables={"federation_force": True}).changed("west") == 1
    assert bed.meshes["west"].call("cart.shop.svc.east-imports.local").status == 200


def test_what_was_made_by_hand_is_left_alone(bed: Testbed, administrator: Make) -> None:
    both = administrator("east", "west")
    mesh = bed.meshes["east"]
    by_hand = {
        "apiVersion": "federation.maistra.io/v1",
        "kind": "ServiceMeshPeer",
        "metadata": {"name": "west", "namespace": mesh.namespace},
        "spec": {"remote": {"addresses": ["192.0.2.1"]}},
    }
    mesh.kube.create(by_hand)
    done = both.play("federate", variables={"federation_timeout": 3}, must_pass=False)
    printed = " ".join(done.output.split())
    assert "was made by hand and is left alone; adopt: true takes it over. There is no card for it" in printed
    assert "FED601" not in printed, "nobody is about to make the gateway, so it is not waited for"
    assert federation_of(bed, "east")["ServiceMeshPeer/west"] == by_hand["spec"]


def test_nothing_is_written_on_a_read_only_folder_by_accident(
    bed: Testbed, administrator: Make, tmp_path: Path
) -> None:
    east = administrator("east")
    cards = tmp_path / "file-not-folder"
    cards.write_text("", encoding="utf-8")
    refused = east.play("publish_cards", variables={"federation_cards_dir": str(cards)}, must_pass=False)
    assert "FED201" in refused.output
