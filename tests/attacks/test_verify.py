# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One real request per import: what pods answer, honest or hostile, and what must come of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from attacks.api import ApiInMemory
from attacks.attack import call
from attacks.test_identity import card
from attacks.tunnels import tunnelling
from integration.administrators import Administrator

HOME = "east-mesh-system"
EAST = {"mesh": "east", "api_timeout": 5, "by_exec": True, "timeout": 2}
CART, TILL = "cart.shop.svc.west-imports.local", "till.shop.svc.cluster.local"
GOOD = b"HTTP/1.1 200 OK\r\nserver: envoy\r\nx-envoy-upstream-service-time: 3\r\n\r\n"


def peering(kind: str, **status: object) -> dict:
    spec = (
        {"remote": {"addresses": ["192.0.2.7"]}, "security": {"trustDomain": "west.local"}}
        if kind == "ServiceMeshPeer"
        else {}
    )
    version = "federation.maistra.io/v1"
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": "west", "namespace": HOME},
        "spec": spec,
        "status": status,
    }


def pod(name: str, namespace: str, owner: str, *containers: str) -> dict:
    running = {"running": {"startedAt": "2026-01-31T12:00:00Z"}}
    owners = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{owner}-abc", "uid": "u", "controller": True}]
    metadata = {"name": name, "namespace": namespace, "labels": {"pod-template-hash": "abc"}, "ownerReferences": owners}
    statuses = [{"name": one, "state": running} for one in containers]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [{"name": one} for one in containers]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": statuses,
        },
    }


def mesh(api: ApiInMemory, *more: dict) -> None:
    roll = {
        "apiVersion": "maistra.io/v1",
        "kind": "ServiceMeshMemberRoll",
        "metadata": {"name": "default", "namespace": HOME},
    }
    watch = {"connected": True, "lastFullSync": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")}
    rows = [
        {"exportedName": f"{host.partition('.')[0]}.shop.svc.east-exports.local", "localService": {"hostname": host}}
        for host in (CART, TILL)
    ]
    for one in (
        {**roll, "spec": {"members": ["shop"]}, "status": {"configuredMembers": ["shop"]}},
        peering("ServiceMeshPeer", discoveryStatus={"active": [{"pod": "istiod", "watch": watch}]}),
        peering("ImportedServiceSet", importedServices=rows),
        pod("istiod-basic-abc-1", HOME, "istiod-basic", "discovery"),
        pod("web-1", "shop", "web", "istio-proxy", "web"),
        *more,
    ):
        api.store.put(one)


def pages(_namespace: str, _pod: str, _port: int, target: str) -> str | None:
    ports = {CART: [8080, "HTTP"], TILL: [9000, "TCP"]}
    told = [
        {"hostname": host, "ports": [{"name": "x", "port": port, "protocol": word}]}
        for host, (port, word) in ports.items()
    ]
    return json.dumps(told) if target == "/debug/registryz" else None


def nothing(*_asked: object) -> None:
    """What an istiod says that does not know the page."""


def saying(http: bytes = GOOD, tcp: int | None = 28, seen: list | None = None) -> Callable:
    """Return what containers answer that have curl and nothing else."""

    def ran(namespace: str, name: str, container: str, command: list[str]) -> tuple[bytes, bytes, int | None]:
        if seen is not None:
            seen.append((namespace, name, container, command))
        if command[0] != "curl":
            return b"", b"", None
        return (b"", b"", tcp) if command[-1].startswith("telnet:") else (http, b"", 0)

    return ran


def verify(api: ApiInMemory, collections: str, commands: Callable, **options: object) -> dict:
    api.hostile = tunnelling(pages, commands)
    return call(collections, "federation_verify_info", {**api.access, **EAST, **options}).result


def states(result: dict) -> dict[str, str]:
    return {row["host"]: row["state"] for row in result["calls"]}


def test_each_import_is_asked_once_from_the_applications_container_as_the_same_user(api, collections):
    mesh(api)
    seen: list = []
    result = verify(api, collections, saying(seen=seen), impersonate_user="auditor", require="all")
    assert states(result) == {CART: "reached", TILL: "reached"}, result
    assert {one[:3] for one in seen} == {("shop", "web-1", "web")}
    [head] = [one[3] for one in seen if "--head" in one[3]]
    assert head[-1] == f"http://{CART}:8080/" and "sh" not in head
    assert {asked.headers.get("impersonate-user") for asked in api.asked} == {"auditor"}
    assert any("/pods/web-1/exec?" in asked.target for asked in api.asked)
    assert api.writes == [] and {asked.method for asked in api.asked} == {"GET"}


def test_without_a_word_nothing_runs_in_a_container_nor_in_check_mode(api, collections):
    mesh(api)
    seen: list = []
    refused = verify(api, collections, saying(seen=seen), by_exec=False)
    assert (refused["failed"], refused["code"]) == (True, "FED918") and not api.asked
    planned = call(collections, "federation_verify_info", {**api.access, **EAST}, check=True).result
    assert set(states(planned).values()) == {"unknown"} and "would ask for 2" in planned["lines"][0]
    assert planned["verdict"] == "ok" and planned["findings"] == [] and not seen


def test_what_envoy_answers_is_not_the_service_and_fails_the_gate(api, collections):
    mesh(api)
    result = verify(
        api,
        collections,
        saying(b"HTTP/1.1 503 Service Unavailable\r\nserver: envoy\r\n\r\n", tcp=0),
        require="no_failure",
    )
    assert (result["failed"], result["code"], result["verdict"]) == (True, "FED919", "down")
    assert states(result) == {CART: "not reached", TILL: "not reached"}
    assert {one["code"] for one in result["findings"]} == {"FED916"}


def test_an_image_without_a_program_leaves_it_unknown_with_the_reason(api, collections):
    mesh(api)
    result = verify(api, collections, lambda *_asked: (b"", b"", None), require="all")
    assert result["code"] == "FED919" and set(states(result).values()) == {"unknown"}
    assert "has one of curl, python3, wget" in result["calls"][0]["evidence"]
    assert {one["code"] for one in result["findings"]} == {"FED917"}


def test_ports_that_istiod_does_not_tell_are_those_of_the_peers_card(api, collections, tmp_path):
    mesh(api)
    ports = [{"name": "http", "number": 8080, "protocol": "HTTP"}]
    (tmp_path / "prod-for-east.json").write_text(
        json.dumps(
            {**card("west"), "mesh": "prod", "exports": [{"name": "cart.shop.svc.east-exports.local", "ports": ports}]}
        ),
        encoding="utf-8",
    )
    api.hostile = tunnelling(nothing, saying())
    said = {**api.access, **EAST, "cards_dir": str(tmp_path), "peers": [{"name": "prod", "local_name": "west"}]}
    result = call(collections, "federation_verify_info", said).result
    assert states(result) == {CART: "reached", TILL: "unknown"}, result
    assert "ports of imports" in str(result["unread"])
    (tmp_path / "prod-for-east.json").write_text("{", encoding="utf-8")
    broken = call(collections, "federation_verify_info", said).result
    assert states(broken) == {CART: "unknown", TILL: "unknown"} and "the card of west" in str(broken["unread"])


def test_a_right_that_is_missing_is_asked_for_once_and_told(api, collections):
    mesh(api, pod("till-1", "shop", "till", "till", "istio-proxy"))
    tunnel = tunnelling(pages)
    told = {
        "kind": "Status",
        "message": 'pods "web-1" is forbidden: User "u" cannot get resource "pods/exec"',
        "code": 403,
    }
    api.hostile = lambda asked: (403, {}, json.dumps(told).encode()) if "/exec" in asked.target else tunnel(asked)
    result = call(collections, "federation_verify_info", {**api.access, **EAST}).result
    assert "may not get pods/exec" in result["calls"][0]["evidence"], result
    assert len([asked for asked in api.asked if "/exec" in asked.target]) == 1


def test_a_hostile_pod_moves_no_cursor_floods_nothing_and_its_body_stays_where_it_is(api, collections):
    mesh(api)
    body = b"\x1b[2Jpl4nted-body " * 100_000
    loud = saying(GOOD.replace(b"envoy\r", b"\x1b[2Jpl4nted\r") + body)
    result = verify(api, collections, loud, paths={"shop/cart": "/health"})
    printed = json.dumps(result, ensure_ascii=False)
    assert states(result)[CART] == "reached", result
    assert "pl4nted" not in printed and "\x1b" not in printed


def test_the_playbook_says_it_in_junit_and_in_the_report(api: ApiInMemory, collections: str, tmp_path: Path):
    mesh(api)
    api.hostile = tunnelling(pages, saying(tcp=7))
    admin = Administrator(
        tmp_path, collections, {"east": {**api.variables, "mesh_peers": ["west"], "verify_exec": True}}
    )
    said = {"federation_report": "verify.json", "federation_report_junit": "verify.xml"}
    run = admin.play("verify", variables=said, must_pass=False)
    assert run.returncode and f"{TILL}:9000 is not reached (no connection to it)" in run.output, run.output
    report = json.loads((tmp_path / "verify.json").read_text(encoding="utf-8"))["east"]
    assert report["verdict"] == "down" and len(report["calls"]) == 2
    junit = (tmp_path / "verify.xml").read_text(encoding="utf-8")
    assert f'name="FED916 {TILL}:9000"><failure' in junit and f'name="call {CART}:8080" />' in junit
