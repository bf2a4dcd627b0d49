# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an administrator reads with the callback brief: the fact first, few lines, and what others wrote moves no
cursor.
"""

from __future__ import annotations

import os
import signal
from datetime import datetime, timezone
from pathlib import Path

from attacks.api import ApiInMemory
from attacks.test_identity import SPACE, card, config_map
from integration.administrators import TREE, Administrator, until
from unit.pem import root

NASTY = "503 \x1b[2J\u202eno peering\nfor us"
SERVICES = ("cart", "ledger", "book")
BRIEF = {"ANSIBLE_CONFIG": str(TREE / "examples" / "one-run" / "ansible.cfg")}


def carried(mesh: str, address: str) -> dict:
    port = {"name": "http", "number": 80, "protocol": "HTTP"}
    names = SERVICES if mesh == "west" else ()
    exports = [{"name": f"{name}.shop.svc.east-exports.local", "ports": [port]} for name in names]
    return card(mesh, address=address, exports=exports)


def connected(api: ApiInMemory, mesh: str, **said: object) -> None:
    """Have istiod say of a peer that it is connected both ways; ``said`` of the watch instead."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    up = {"connected": True, "lastConnected": now, "lastFullSync": now}
    entry = {"pod": "istiod-1", "watch": {**up, **said}, "remotes": [{**up, "source": "192.0.2.9"}]}
    api.store.set_status("ServiceMeshPeer", SPACE, mesh, {"discoveryStatus": {"active": [entry]}})


def lines(output: str) -> list[str]:
    """Return what was shown, blank lines between tables included."""
    return output.rstrip("\n").split("\n")


def test_a_status_takes_fifteen_lines_a_federate_that_changes_nothing_twenty_and_a_refusal_four(
    api: ApiInMemory, collections: str, tmp_path: Path
) -> None:
    given = [
        {"name": name, "gateways": {"addresses": [f"192.0.2.{number}0"]}}
        for number, name in enumerate(("west", "north"), start=3)
    ]
    imports = [{"name": name, "namespace": "shop", "from": ["west"]} for name in SERVICES]
    api.store.put(config_map("istio-ca-root-cert", {"root-cert.pem": root("east")}))
    east = Administrator(
        tmp_path, collections, {"east": {**api.variables, "mesh_peers": given, "mesh_imports": imports}}, BRIEF
    )
    cards = {"federation_cards": [carried("west", "192.0.2.1"), carried("north", "192.0.2.2")]}
    first = lines(east.play("federate", variables=cards).output)
    assert (
        "  east imports cart.shop from west as cart.shop.svc.west-imports.local" in first
        and first[-1] == "changed: east"
    )

    for mesh in ("west", "north"):
        connected(api, mesh)
    taken = [(f"{name}.shop.svc.east-exports.local", f"{name}.shop.svc.west-imports.local") for name in SERVICES]
    rows = [{"exportedName": exported, "localService": {"hostname": imported}} for exported, imported in taken]
    api.store.set_status("ImportedServiceSet", SPACE, "west", {"importedServices": rows})
    for playbook, most in (("status", 15), ("federate", 20)):
        shown = lines(east.play(playbook, variables=cards).output)
        assert len(shown) <= most, "\n".join(shown)
        assert shown[-2:] == ["√ east: 2 peers connected both ways", "unchanged: east"]
        assert any(line.startswith("book.shop.svc.west-imports.local ") for line in shown)
        assert not any(line.startswith(("TASK", "PLAY", "ok:", "skipping:")) for line in shown)

    connected(api, "west", connected=False, lastDisconnectStatus=NASTY)
    red = east.play("status", variables=cards, must_pass=False)
    shown = lines(red.output)
    refusal = shown[next(number for number, line in enumerate(shown) if "FED630" in line) : -1]
    assert red.returncode and len(refusal) <= 4 and refusal[-1].endswith("/codes/fed630.html"), red.output
    assert "\x1b" not in red.output and "\u202e" not in red.output and "\nfor us" not in red.output
    assert "\\x1b[2J" in red.output, "what the peer had a hand in is shown, and moves nothing"


def test_a_run_that_is_stopped_while_it_waits_says_what_is_written_and_how_to_look(
    api: ApiInMemory, collections: str, tmp_path: Path
) -> None:
    api.store.put(config_map("istio-ca-root-cert", {"root-cert.pem": root("east")}))
    peer = {"name": "west", "gateways": {"addresses": ["192.0.2.30"]}}
    described = {**api.variables, "mesh_peers": [peer], "federation_cards": [carried("west", "192.0.2.1")]}
    east, output = Administrator(tmp_path, collections, {"east": described}, BRIEF), tmp_path / "output"
    run = east.start("federate", output=output)
    until(lambda: "/10 s · west OUT unknown" in output.read_text(encoding="utf-8"), "the run waits")
    os.killpg(run.pid, signal.SIGINT)
    assert run.wait(60)
    shown = output.read_text(encoding="utf-8")
    assert "stopped before the end · changed by then: update ServiceMeshControlPlane east-mesh-system/basic" in shown, (
        shown
    )
    assert "ServiceMeshPeer east-mesh-system/west" in shown and "ossm.federation.status shows how it stands" in shown
