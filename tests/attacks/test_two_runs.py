# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two runs at once over one mesh, with different descriptions: no mixture of the two that both call done.

The other run does all of its work at one moment of the first: just before it writes, or just before it looks again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attacks.api import ApiInMemory, Asked, serving
from attacks.attack import Outcome, attack, call
from attacks.test_identity import card

SPACE = "east-mesh-system"
MESH = {"mesh": "east", "namespace": SPACE}
WEST = {"name": "west", "gateways": {"service_type": "ClusterIP", "addresses": ["192.0.2.3"]}}
NODE_PORT = {"service_type": "NodePort", "addresses": ["192.0.2.4"], "discovery_port": 30001, "service_port": 30002}
BOTH = [WEST, {**WEST, "name": "north"}]
CARDS = [card("west"), card("north")]


def described(**spec: Any) -> dict[str, Any]:
    return {**MESH, "version": "v2.3", "trust_domain": "east.local", "spec": spec}


def within(
    api: ApiInMemory, collections: str, folder: Path, first: tuple[str, dict], other: tuple[str, dict], moment: str
) -> tuple[Outcome, Outcome | None]:
    """Return how both ended; ``moment`` is ``write 2`` or ``look 2``, each counted from the first run's first write."""
    kind, _space, number = moment.partition(" ")
    with serving(folder / "door") as door:
        door.store, ended, seen = api.store, [], {"write": 0, "look": 0}

        def other_first(asked: Asked) -> None:
            is_write = asked.method in ("PATCH", "DELETE", "POST")
            seen["write"] += is_write
            seen["look"] += not is_write and seen["write"] > 0 and not ended
            if not ended and seen[kind] == int(number) and (kind == "write") == is_write:
                # By another path, so that it is run by another process than the one that waits.
                ended.append(call(f"{collections}/", other[0], {**door.access, **other[1]}))

        api.hostile = other_first
        outcome = call(collections, first[0], {**api.access, **first[1]})
        api.hostile = None
    return outcome, ended[0] if ended else None


PLANES = ("control_plane", described(proxy={"accessLogging": {"file": {"name": "/one"}}}))
OTHER_PLANES = ("control_plane", described(proxy={"accessLogging": {"file": {"name": "/two"}}}))
ROLL = ("member_roll", {**MESH, "members": ["shop", "desk"]})
OTHER_ROLL = ("member_roll", {**MESH, "members": ["lab"]})
GATES = ("federation_gateways", {**MESH, "peers": BOTH})
OTHER_GATES = ("federation_gateways", {**MESH, "peers": [{**one, "gateways": NODE_PORT} for one in BOTH]})
NO_GATES = ("federation_gateways", {**MESH, "peers": BOTH, "state": "absent"})
LEAVING = ("federation", {**MESH, "peers": BOTH, "state": "absent", "leave_when": "always", "wait_timeout": 5})
STAYING = ("federation", {**MESH, "peers": BOTH, "cards": CARDS})
PEER = ("mesh_peer", {**MESH, "peer": WEST, "card": card("west")})
OTHER_PEER = ("mesh_peer", {**MESH, "peer": WEST, "card": card("west", address="192.0.2.66")})


@pytest.mark.parametrize(
    ("first", "other", "moment", "standing"),
    [
        attack("second run", "writes the control plane first", PLANES, OTHER_PLANES, "write 1", "/one"),
        attack("second run", "writes the control plane afterwards", PLANES, OTHER_PLANES, "look 1", "/two"),
        attack("second run", "writes the roll first", ROLL, OTHER_ROLL, "write 1", "shop"),
        attack("second run", "writes the roll afterwards", ROLL, OTHER_ROLL, "look 1", "lab"),
        attack("second run", "writes the gateways first", GATES, OTHER_GATES, "write 1", "ClusterIP"),
        attack("second run", "writes the gateways in between", GATES, OTHER_GATES, "write 2", ""),
        attack("second run", "writes the gateways afterwards", GATES, OTHER_GATES, "look 1", "NodePort"),
        attack("second run", "takes the gateways away afterwards", GATES, NO_GATES, "look 1", ""),
        attack("second run", "writes the peer in between", PEER, OTHER_PEER, "write 2", ""),
        attack("second run", "writes the peer afterwards", PEER, OTHER_PEER, "look 1", "192.0.2.66"),
        attack("second run", "federates while imports are emptied", LEAVING, STAYING, "write 2", ""),
        attack("second run", "federates while peers are removed", LEAVING, STAYING, "write 5", ""),
        attack("second run", "federates once peers are emptied", LEAVING, STAYING, "look 1", ""),
    ],
)
def test_no_mixture_of_two_runs_is_called_done(
    api: ApiInMemory, collections: str, tmp_path: Path, first: tuple, other: tuple, moment: str, standing: str
) -> None:
    """The first is refused (FED515, or for what it meets), or what it described stands as a whole."""
    if first is LEAVING:
        made = call(collections, STAYING[0], {**api.access, **STAYING[1]})
        assert made.code is None, made.printed
    outcome, ended = within(api, collections, tmp_path, first, other, moment)
    assert ended is not None and ended.code is None, (outcome.printed[-2000:], ended and ended.printed[-2000:])
    stands = {key: live for key, live in api.store._objects.items() if key[0].startswith(("ServiceMesh", "Exp", "Imp"))}
    if moment.startswith("look") and first is not LEAVING:
        assert outcome.code == "FED515", outcome.printed
    if standing:
        assert standing in json.dumps([live.get("spec") for live in stands.values()]), stands
    if outcome.code is None and first is LEAVING:
        assert not [key for key in stands if key[0] != "ServiceMeshControlPlane"], (sorted(stands), outcome.printed)
    assert outcome.code in (None, "FED109", "FED502", "FED515"), outcome.printed
