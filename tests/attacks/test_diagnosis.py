# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A diagnosis sees one side with the rights that are there: it writes nothing, guesses nothing, and is not led by what
others wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from attacks.api import ApiInMemory, Asked, serving
from attacks.attack import call
from integration.administrators import Administrator
from unit.access_lines import http
from unit.diagnosis.worlds import FAULTS, healthy, with_fault
from unit.pem import root
from unit.traffic_in_memory import pod, roll, service

HOME = "east-mesh-system"
POLL = {
    "path": "/v1/services/",
    "host": "198.51.100.7:8188",
    "cluster": "outbound|8188||discovery.east-mesh-system.svc.west.local",
}
RULES = {"imports": [{"name": "cart", "namespace": "shop"}], "exports": [{"name": "checkout", "namespace": "shop"}]}


def text_of(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def objects_of(world: dict) -> list[dict]:
    """Return the objects of some evidence as they would stand now."""
    now = datetime.now(timezone.utc)
    told = json.dumps({key: world[key] for key in ("control_plane", "peer_object", "exports", "imports", "services")})
    for minute in ("10:00:00", "09:59:50", "09:59:30", "09:59:10", "09:59:09", "09:58:00", "09:55:00", "09:30:00"):
        ago = datetime(2026, 11, 23, 10) - datetime.fromisoformat(f"2026-11-23T{minute}")
        told = told.replace(f"2026-11-23T{minute}Z", text_of(now - ago))
    live = json.loads(told)
    for key, version in (("exports", "federation.maistra.io/v1"), ("imports", "federation.maistra.io/v1")):
        live[key]["apiVersion"] = version
    live["control_plane"]["spec"]["proxy"] = {"accessLogging": {"file": {"name": "/dev/stdout"}}}
    # As the collection itself names them.
    bundle = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "west-ca-root-cert", "namespace": HOME},
        "data": {"root-cert.pem": root()},
    }
    own = {
        **bundle,
        "metadata": {"name": "istio-ca-root-cert", "namespace": HOME},
        "data": {"root-cert.pem": root("east")},
    }
    pods = [pod(f"{app}-1", app, HOME) for app in ("west-ingress", "west-egress", "istiod")]
    web = pod("web-1", "web")
    web["metadata"]["annotations"] = {"sidecar.istio.io/status": "{}"}
    for one in (*pods, web):
        one["spec"]["containers"] = [{"name": "istio-proxy"}]
    rest = [service("checkout"), pod("checkout-1", "checkout"), web, roll("shop"), bundle, own, *pods]
    return [
        live["control_plane"],
        live["peer_object"],
        live["exports"],
        live["imports"],
        *filter(None, live["services"].values()),
        *rest,
    ]


@pytest.fixture
def logs() -> dict[str, bytes | int]:
    """What proxies have written, by pod; a number is a refusal."""
    return {}


@pytest.fixture
def api(tmp_path: Path, logs: dict) -> Iterator[ApiInMemory]:
    def answered(asked: Asked) -> tuple | None:
        path = urlsplit(asked.target).path
        if path.endswith("/portforward"):
            logs["asked"] = logs.get("asked", 0) + 1
            return (
                403,
                {},
                json.dumps({"kind": "Status", "message": "cannot get pods/portforward", "code": 403}).encode(),
            )
        if not path.endswith("/log"):
            return None
        text = logs.get(path.split("/")[-2], b"")
        if isinstance(text, int):
            return text, {}, json.dumps({"kind": "Status", "message": "cannot get pods/log", "code": text}).encode()
        return 200, {}, text

    with serving(tmp_path / "api", *objects_of(healthy()), hostile=answered) as running:
        yield running


def line(text: str) -> bytes:
    return f"{text_of(datetime.now(timezone.utc))} {text}\n".encode()


def asked(api: ApiInMemory, **more: object) -> dict:
    return {**api.access, "mesh": "east", "peers": ["west"], **RULES, "client": "shop/web", **more}


def verdict(collections: str, api: ApiInMemory, **more: object) -> tuple:
    outcome = call(collections, "federation_diagnosis_info", asked(api, **more))
    assert "diagnoses" in outcome.result, outcome.printed
    (found,) = outcome.result["diagnoses"]
    return found["code"], found["rung"], found["side"], found


def break_it(api: ApiInMemory, name: str) -> None:
    for live in objects_of(with_fault(FAULTS[name])):
        api.store.put(live)


def test_a_peering_that_works_raises_no_alarm_and_what_may_not_be_read_is_said(
    collections: str, api: ApiInMemory, logs: dict
) -> None:
    logs["west-egress-1"] = line(http(**POLL))
    code, _rung, _side, found = verdict(collections, api)
    assert code == "", found
    assert any("portforward" in text for text in found["unread"])
    assert {row["rung"]: row["state"] for row in found["rungs"]}["sync"] == "holds"
    assert api.writes == []


def test_the_log_of_our_gateway_tells_a_firewall_from_a_policy_of_ours(
    collections: str, api: ApiInMemory, logs: dict
) -> None:
    break_it(api, "firewall-drops-discovery")
    failed = http(
        **POLL,
        code="503",
        flags="UF",
        failure="-",
        details="upstream_reset_before_response_started{connection_timeout} -",
    )
    logs["west-egress-1"] = line(failed)
    assert verdict(collections, api)[:3] == ("FED947", "tcp-8188", "either")
    deny = {"podSelector": {"matchLabels": {"app": "west-egress"}}, "policyTypes": ["Egress"]}
    api.store.put(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "deny", "namespace": HOME},
            "spec": deny,
        }
    )
    code, rung, side, found = verdict(collections, api)
    assert (code, rung, side) == ("FED947", "tcp-8188", "us") and "deny" in found["cause"]


def test_without_rights_the_same_is_not_certain_and_check_mode_asks_no_proxy(
    collections: str, api: ApiInMemory, logs: dict
) -> None:
    break_it(api, "firewall-drops-discovery")
    logs["west-egress-1"] = 403
    assert verdict(collections, api)[:3] == ("FED956", "discovery", "either")
    before = logs.pop("asked")
    call(collections, "federation_diagnosis_info", asked(api), check=True)
    assert before and "asked" not in logs
    assert not [one for one in api.asked[-20:] if one.target.endswith("/log")]


def test_what_stands_is_enough_for_what_is_ours(collections: str, api: ApiInMemory, logs: dict) -> None:
    rule = {"host": "*.west-imports.local", "trafficPolicy": {"tls": {"mode": "DISABLE"}}}
    made = {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "DestinationRule",
        "metadata": {"name": "off", "namespace": "shop"},
        "spec": rule,
    }
    api.store.put(made)
    assert verdict(collections, api)[:3] == ("FED969", "request", "us")
    api.store.put(
        {
            **made,
            "kind": "AuthorizationPolicy",
            "apiVersion": "security.istio.io/v1beta1",
            "spec": {"selector": {"matchLabels": {"app": "checkout"}}},
        }
    )
    assert verdict(collections, api)[:3] == ("FED967", "target", "us")
    break_it(api, "bundle-older-than-card")
    api.store.put(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "west-ca-root-cert", "namespace": HOME},
            "data": {"root-cert.pem": "odd"},
        }
    )
    assert verdict(collections, api)[:3] == ("FED941", "object", "us")


@pytest.mark.parametrize("wrong", [{"client": "web"}, {"explain": "a/b/c"}, {"peer": "nobody"}, {"since": "soon"}])
def test_what_cannot_be_meant_is_refused(collections: str, api: ApiInMemory, wrong: dict) -> None:
    refused = call(collections, "federation_diagnosis_info", asked(api, **wrong))
    variables = {"client": "diagnose_from", "explain": "explain_service"}
    assert refused.code == "FED931" and all(
        variables.get(name, f"diagnose_{name}") in refused.printed for name in wrong
    ), refused.printed


def test_the_playbooks_show_why_and_explain_a_service(
    tmp_path: Path, collections: str, api: ApiInMemory, logs: dict
) -> None:
    break_it(api, "forbidden-and-no-card-of-ours")
    hostile = api.store.get(type("K", (), {"name": "ServiceMeshPeer"}), HOME, "west")
    hostile["spec"]["security"]["clientID"] = "west.local/ns/x/sa/\x1b[2Jy{{ 7*7 }}"
    api.store.put(hostile)
    described = {"mesh_peers": ["west"], "mesh_imports": RULES["imports"], "mesh_exports": RULES["exports"]}
    owner = Administrator(tmp_path, collections, {"east": {**api.variables, **described}})
    shown = owner.play("diagnose")
    assert shown.changed("east") == 0
    assert (
        "east → west · FED953 answer of the peer's istiod; who must act: not certain: one of the two" in shown.output
    ), shown.output
    assert "\x1b[2J" not in shown.output
    told = owner.play("explain", variables={"explain_service": "shop/checkout"}).output
    assert "exported to west: checkout.shop.svc.west-exports.local" in told and "rule 1 decides" in told
    assert api.writes == []
