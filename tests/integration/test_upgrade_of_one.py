# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One of two federated meshes goes up while a client of the other calls what it imports from it."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.administrators import SERVICES, Administrator, described

from testbed import MeshSpec, Testbed

CALLED = "cart.shop.svc.east-imports.local"


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Testbed]:
    """Two meshes of 2.1."""
    meshes = [MeshSpec(name, version="v2.1", services=services) for name, services in SERVICES.items()]
    with Testbed.start(tmp_path / "bed", meshes=meshes) as running:
        yield running


class Client(threading.Thread):
    """Calls an imported service again and again, and keeps what came back, with the version that the exporting mesh had
    then.
    """

    def __init__(self, bed: Testbed) -> None:
        super().__init__(daemon=True)
        self._bed, self._ended = bed, threading.Event()
        self.answers: list[tuple[str, str]] = []

    def run(self) -> None:
        """Call until it is ended."""
        east, west = self._bed.meshes["east"], self._bed.meshes["west"]
        while not self._ended.wait(0.05):
            answer = west.call(CALLED, source="checkout.shop")
            status = east.kube.get("ServiceMeshControlPlane", east.control_plane, east.namespace)["status"]
            came = "answered" if answer.status == 200 and answer.mesh == "east" else f"{answer.status}: {answer.error}"
            self.answers.append((status["chartVersion"], came))

    def end(self) -> Counter[tuple[str, str]]:
        """Have it end, and return how often each answer came."""
        self._ended.set()
        self.join()
        return Counter(self.answers)


@pytest.mark.parametrize("upgraded", ["east", pytest.param("west", marks=pytest.mark.long)])
def test_a_client_of_an_imported_service_loses_nothing_while_one_of_two_meshes_goes_up(
    bed: Testbed, tmp_path: Path, collections: str, upgraded: str
) -> None:
    both = {name: {**described(bed, name), "federation_cards_dir": str(tmp_path / "cards")} for name in bed.meshes}
    admin = Administrator(tmp_path, collections, both)
    (tmp_path / "cards").mkdir()
    admin.play("federate")
    peers = {
        name: bed.meshes[name].kube.list("ServiceMeshPeer", bed.meshes[name].namespace)[0]["metadata"]["uid"]
        for name in bed.meshes
    }
    client = Client(bed)
    client.start()
    admin.play("upgrade", "--limit", upgraded, variables={"upgrade_to": "v2.3"})
    time.sleep(1)
    answers = client.end()

    if upgraded == "east":
        assert {version for version, _came in answers} >= {"2.1.6", "2.2.13", "2.3.11"}, "it called at every step"
    lost = {asked: count for asked, count in answers.items() if asked[1] != "answered"}
    print(f"{sum(answers.values())} requests, {sum(lost.values())} lost: {lost}")
    assert not lost
    for name, mesh in bed.meshes.items():
        assert [live["metadata"]["uid"] for live in mesh.kube.list("ServiceMeshPeer", mesh.namespace)] == [peers[name]]
    # What 2.1 alone reads goes with the next run, and then nothing is left to do.
    assert "-spec.gateways.additionalIngress" in admin.play("federate", "--diff").output
    for name in bed.meshes:
        assert admin.play("federate").changed(name) == 0
    shown = admin.play("status").output
    assert re.search(r"west +connected +connected", shown) and re.search(r"east +connected +connected", shown), shown
    assert bed.meshes["west"].call(CALLED, source="checkout.shop").json["mesh"] == "east"
