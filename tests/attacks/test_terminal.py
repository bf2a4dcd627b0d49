# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text of others that moves a cursor, turns a line, hides, or floods: none of it reaches a result, a warning or an
error as it is (M10).
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from attacks.api import ApiInMemory
from attacks.attack import Outcome, attack, call
from attacks.conftest import CONTROL_PLANE
from unit.pem import root

NASTY = (
    "a\x1b[2Kb\x1b]0;t\x07c\x9b31md\re\x08f\x00g\x7fh\u202ei\u2066j\u200fk\u200bl\u2060m\ufeffn\u2028o\u2029p\x85q\x0br\ud800s\u00adt"
    "\U000e0041u\u3164v\u2800w" + "e" + "\u0301" * 40 + "x\ufe0fy\u180ez\u00a0\n\tend"
)
LEGIT = "Größe überschritten: 日本語"


def texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a result, with the key that it stands under."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield key, name
            yield from texts(below, name)
    elif isinstance(value, list):
        for below in value:
            yield from texts(below, key)
    elif isinstance(value, str):
        yield key, value


def unfit(outcome: Outcome) -> list[str]:
    """The texts of a result that do something to a terminal, or hide; certificates and diffs may have lines."""
    found = []
    for key, text in texts({name: value for name, value in outcome.result.items() if name != "invocation"}):
        signs = text.replace("\n", "") if key in ("pem", "before", "after") else text
        hidden = any(sign in "\u3164\u2800\ufe0f" or not sign.isprintable() for sign in signs)
        flood = any(all(unicodedata.combining(sign) for sign in signs[at : at + 3]) for at in range(len(signs) - 2))
        found += [ascii(text)] if hidden or flood else []
    return found


def live(kind: str, name: str, namespace: str = "east-mesh-system", **rest: Any) -> dict:
    metadata = {"name": name, "namespace": namespace, "uid": f"{kind}-{name}", **rest.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **rest}


def status(code: int, message: str, **details: Any) -> Any:
    return lambda _asked: (code, {}, json.dumps({"kind": "Status", "message": message, "details": details}).encode())


CONFLICT = [{"reason": "FieldManagerConflict", "field": f".spec.{NASTY}", "message": f'conflict with "{NASTY}"'}]
ANSWERS = [
    attack("server", "the reason of a failure", "federation_info", status(500, f"denied the request: {NASTY} {LEGIT}")),
    attack("server", "the reason of a refusal", "federation_info", status(403, f"cannot {NASTY} {LEGIT}")),
    attack(
        "server",
        "a reason that is no JSON",
        "federation_info",
        lambda _asked: (422, {}, NASTY.encode("utf-8", "replace") + LEGIT.encode()),
    ),
    attack(
        "webhook",
        "a denial",
        "federation_gateways",
        status(400, f'admission webhook "x" denied the request: {NASTY} {LEGIT}'),
    ),
    attack(
        "server",
        "the names of field managers",
        "federation_gateways",
        status(409, f"Apply failed {LEGIT}", causes=CONFLICT),
    ),
    attack(
        "server",
        "another kind",
        "federation_info",
        lambda _asked: (200, {}, json.dumps({"kind": NASTY[:60], "items": []}).encode()),
    ),
]


@pytest.mark.parametrize(("module", "answer"), ANSWERS)
def test_what_a_server_says_is_shown_and_does_nothing(
    api: ApiInMemory, collections: str, module: str, answer: Any
) -> None:
    writes = module == "federation_gateways"
    api.hostile = lambda asked: answer(asked) if asked.method == ("PATCH" if writes else "GET") else None
    outcome = call(collections, module, {**api.access, "api_timeout": 1, "mesh": "east", "peers": ["west"]})
    assert outcome.code, outcome.printed
    assert unfit(outcome) == []
    assert LEGIT.split()[0] in outcome.result["msg"] or outcome.code in ("FED107", "FED119")
    assert len(outcome.result["msg"]) < 20_000


def test_what_stands_on_a_cluster_is_shown_and_does_nothing(api: ApiInMemory, collections: str) -> None:
    remote = {"watch": {"connected": False, "lastDisconnectStatus": NASTY}, "source": NASTY}
    status = {"discoveryStatus": {"inactive": [{"pod": NASTY, "remotes": [remote], "watch": remote["watch"]}]}}
    api.store.put(
        live(
            "ServiceMeshPeer",
            "west",
            spec={"remote": {"addresses": [NASTY]}, "gateways": {"ingress": {"name": NASTY}}},
            status=status,
        )
    )
    condition = {"type": "Ready", "status": "False", "reason": NASTY, "message": f"{NASTY} {LEGIT}"}
    api.store.put({**CONTROL_PLANE, "status": {"conditions": [condition], "chartVersion": NASTY}})
    ingress = [{"hostname": NASTY}]
    api.store.put(
        live(
            "Service",
            "west-ingress",
            spec={"ports": [{"name": NASTY, "port": 1}]},
            status={"loadBalancer": {"ingress": ingress}},
        )
    )
    for module, more in (
        ("federation_info", {"peers": ["west"]}),
        ("preflight_info", {"peers": ["west"]}),
        ("federation", {"peers": ["west"]}),
        ("mesh_card", {"peers": ["west"], "roots": root("east")}),
        ("upgrade_plan_info", {"to": "v2.4"}),
        ("data_plane", {}),
    ):
        outcome = call(collections, module, {**api.access, "mesh": "east", **more})
        assert outcome.result, outcome.printed
        assert unfit(outcome) == [], module


def test_what_a_tenant_writes_is_shown_and_does_nothing(api: ApiInMemory, collections: str) -> None:
    roll = live("ServiceMeshMemberRoll", "default", status={"configuredMembers": ["shop"]})
    marks = {"labels": {"maistra-version": NASTY}, "annotations": {"sidecar.istio.io/status": "{}"}}
    owners = [{"kind": NASTY, "name": NASTY, "controller": True}]
    api.store.put(roll)
    api.store.put({**CONTROL_PLANE, "status": {"chartVersion": "2.3.5"}})
    pod = live(
        "Pod",
        "p",
        "shop",
        metadata={**marks, "ownerReferences": owners},
        spec={"containers": [{"name": "istio-proxy"}]},
    )
    api.store.put(pod)
    outcome = call(collections, "data_plane", {**api.access, "mesh": "east"})
    assert outcome.result["left_alone"] and unfit(outcome) == [], outcome.printed
