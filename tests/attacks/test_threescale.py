# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""3scale under attack: tokens that must be shown nowhere, portals that lie or stall, and objects of odd shapes."""

from __future__ import annotations

import base64
import copy
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from attacks.api import ApiInMemory, serving
from attacks.attack import call, call_each
from attacks.conftest import CONTROL_PLANE
from attacks.portal import ACCESS, PortalOfTests, answering
from attacks.test_identity import config_map
from integration.administrators import Administrator
from unit.cluster_in_memory import ClusterInMemory
from unit.pem import root

SPACE = "east-mesh-system"
SERVICE_TOKEN, WRITTEN_TOKEN = "service-token-that-is-secret", "written-token-that-is-secret"
RULES = [{"http_method": "GET", "pattern": "/", "metric_system_name": "hits", "delta": 1, "position": 1, "last": False}]
SERVICE = {"id": "7", "authorities": ["*"], "credentials": {"user_key": [{"header": {"keys": ["x-user-key"]}}]}}
PATH = "/admin/api/services/7/proxy/configs/production/latest.json"
ADAPTER = {
    "name": "cart",
    "namespace": SPACE,
    "selector": {"app": "cart"},
    "pull_secret": "red-hat",
    "services": [SERVICE],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with serving(tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture(scope="module")
def running_portal(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with answering(tmp_path_factory.mktemp("portal")) as running:
        yield running


@pytest.fixture
def portal(running_portal: PortalOfTests) -> PortalOfTests:
    running_portal.answers.clear()
    running_portal.asked.clear()
    running_portal.seconds_per_byte = 0
    running_portal.tell("7", SERVICE_TOKEN, RULES)
    return running_portal


def standing(server: ApiInMemory, *objects: dict) -> None:
    """Let a mesh of 2.5 stand, with these objects as they are."""
    plane = copy.deepcopy(CONTROL_PLANE)
    plane["spec"]["version"] = "v2.5"
    server.store = ClusterInMemory(datetime.now(timezone.utc))
    for number, live in enumerate(copy.deepcopy([plane, *objects])):
        live["metadata"].setdefault("uid", f"uid-{number}")
        server.store._objects[(live["kind"], SPACE, live["metadata"]["name"])] = live


def asking(server: ApiInMemory, portal: PortalOfTests, token: str = ACCESS, **adapter: Any) -> dict:
    """Return options of a module that fetches what it needs from the portal."""
    described = {
        "backend": {"url": "https://su1.3scale.net"},
        "portal": {"url": portal.url, "token": token, "ca_cert": str(portal.ca_file)},
        "adapters": [{**ADAPTER, **adapter}],
    }
    return {**server.access, "mesh": "east", "threescale": described}


def test_no_token_is_shown_whatever_goes_wrong(collections: str, server: ApiInMemory, portal: PortalOfTests) -> None:
    standing(server)
    written = {
        **SERVICE,
        "token": WRITTEN_TOKEN,
        "mapping_rules": [{"method": "GET", "pattern": "/", "usages": [{"name": "hits", "delta": 1}]}],
    }
    good, own = asking(server, portal), asking(server, portal, services=[written])
    rows = [
        (good, None),
        (own, None),
        (asking(server, portal, system={"ttl": 300}), None),
        (asking(server, portal, token="wrong-token-that-is-secret"), "FED891"),
        (asking(server, portal, services=[{**SERVICE, "id": "8"}]), "FED892"),
        (asking(server, portal, services=[{**written, "authorities": [7]}]), "FED880"),
        (asking(server, portal, services=[{**written, "token": "short-1"}]), "FED880"),
        ({**good, "tests": [{"request": {"host": "a", "path": "/"}, "expect": {"status": None}}]}, "FED889"),
        ({**good, "state": "absent"}, None),
    ]
    outcomes = call_each(collections, "threescale_adapter", [options for options, _code in rows], shown=True)
    assert [outcome.code for outcome in outcomes] == [code for _options, code in rows]
    printed = "".join(outcome.printed for outcome in outcomes)
    secrets = [ACCESS, SERVICE_TOKEN, WRITTEN_TOKEN, "wrong-token-that-is-secret", "short-1"]
    coded = [base64.b64encode(f"{each}:".encode()).decode() for each in secrets]
    assert [each for each in (*secrets, *coded) if each in printed] == []
    assert all("token" not in path and login for path, login in portal.asked)


def test_a_second_run_asks_the_portal_again_and_changes_nothing(
    collections: str, server: ApiInMemory, portal: PortalOfTests
) -> None:
    standing(server)
    first, again = call_each(collections, "threescale_adapter", [asking(server, portal)] * 2)
    assert (first.result["changed"], again.result["changed"], again.result["diff"]) == (True, False, [])
    (plugin,) = server.store.list(type("Of", (), {"name": "WasmPlugin"}), "")
    assert SERVICE_TOKEN in json.dumps(plugin) and ACCESS not in json.dumps(plugin)


HOSTILE: dict[str, tuple[int, dict[str, str], bytes]] = {
    "redirection": (302, {"Location": "https://127.0.0.1:1/elsewhere"}, b""),
    "error": (500, {}, b"trace: access-token-of-the-portal"),
    "text": (200, {}, b"<html>"),
    "deep": (200, {}, b"[" * 200_000),
    "flood": (200, {}, b" " * (5 << 20)),
    "number": (200, {}, b"7"),
    "other service": (200, {}, json.dumps({"proxy_config": {"content": {"id": 8}}}).encode()),
}


def test_a_hostile_portal_is_refused_in_bounded_memory(
    collections: str, server: ApiInMemory, portal: PortalOfTests
) -> None:
    standing(server)
    codes = {}
    for name, answer in HOSTILE.items():
        portal.answers[PATH] = answer
        ended = call(collections, "threescale_adapter", asking(server, portal))
        codes[name] = ended.code
        assert ended.peak_mib < 300 and ACCESS not in ended.printed, name
    assert codes == {**dict.fromkeys(HOSTILE, "FED890"), "number": "FED892", "other service": "FED892"}
    assert server.writes == []


ODD_RULES: list[Any] = [
    "text",
    [None, {"http_method": None}],
    [{**RULES[0], "pattern": "/(a+)+$"}],
    [{**RULES[0], "delta": -1}],
    [{**RULES[0], "pattern": "/\u202e\x1b[2J"}],
    [{**RULES[0], "position": "x"}, RULES[0]],
    RULES * 1001,
]


def test_rules_of_an_odd_shape_are_refused_or_taken_and_never_crash(
    collections: str, server: ApiInMemory, portal: PortalOfTests
) -> None:
    standing(server)
    for rules in ODD_RULES:
        portal.tell("7", SERVICE_TOKEN, rules)
        ended = call(collections, "threescale_adapter", asking(server, portal), check=True)
        assert ended.result and ended.code != "FED115", f"{rules!r:.60}: {ended.printed[-2000:]}"
        assert "\x1b" not in ended.printed and "\u202e" not in ended.printed


def test_a_portal_that_another_authority_vouches_for_gets_no_token(
    collections: str, server: ApiInMemory, portal: PortalOfTests
) -> None:
    standing(server)
    options = asking(server, portal)
    options["threescale"]["portal"]["ca_cert"] = str(server.access["ca_cert"])
    assert call(collections, "threescale_adapter", options).code == "FED890" and portal.asked == []


ODD = [None, "text", [], {"a": {"b": []}}]
LIVE = [
    (
        "WasmPlugin",
        "extensions.istio.io/v1alpha1",
        {"url": "oci://r.example/3scale-auth-wasm:1", "selector": {"matchLabels": {"app": "cart"}}},
    ),
    ("ServiceEntry", "networking.istio.io/v1beta1", {"hosts": ["su1.3scale.net"]}),
    ("DestinationRule", "networking.istio.io/v1beta1", {"host": "su1.3scale.net"}),
    ("RequestAuthentication", "security.istio.io/v1beta1", {"jwtRules": []}),
]


def odd_objects(value: Any) -> list[dict]:
    """Return one object of each kind for each of its fields, with a value in it that does not belong there."""
    found = []
    for kind, api, spec in LIVE:
        for number, key in enumerate(("spec", *spec, "labels", "managedFields")):
            live: dict = {
                "apiVersion": api,
                "kind": kind,
                "metadata": {"name": f"odd-{number}", "namespace": SPACE},
                "spec": dict(spec),
            }
            place = live if key == "spec" else live["spec" if key in spec else "metadata"]
            place[key] = value
            found.append(live)
    return found


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_objects_of_odd_shapes_are_taken_or_refused_and_never_crash(
    collections: str, server: ApiInMemory, portal: PortalOfTests, value: Any
) -> None:
    standing(server, *odd_objects(value))
    ended = call(collections, "threescale_adapter", asking(server, portal), check=True)
    assert ended.code != "FED115" and ended.result, ended.printed[-2000:]


def test_the_playbook_shows_what_it_found_and_no_token(
    collections: str, server: ApiInMemory, portal: PortalOfTests, tmp_path: Path
) -> None:
    standing(server, config_map("istio-ca-root-cert", {"root-cert.pem": root("east")}))
    west = {"name": "west", "gateways": {"addresses": ["192.0.2.30"]}}
    request = {"host": "cart", "path": "/products", "headers": {"x-user-key": "k"}}
    variables = {
        "mesh_threescale": asking(server, portal)["threescale"],
        "mesh_imports": [{"name": "till", "namespace": "shop"}],
        "mesh_traffic": [{"service": "shop/till", "timeout": "2s"}],
        "threescale_tests": [
            {"name": "reading", "request": request, "expect": {"service": "7", "usages": {"hits": 1}}}
        ],
    }
    east = Administrator(tmp_path, collections, {"east": {**server.variables, "mesh_peers": [west], **variables}})
    drifted = east.play("drift", "-vvvv", must_pass=False)
    assert (
        "threescale would create ServiceEntry east-mesh-system/3scale-su1.3scale.net" in drifted.output
        and server.writes == []
    )
    assert "traffic would create VirtualService east-mesh-system/federation.till.shop.west" in " ".join(
        drifted.output.split()
    )
    played = east.play("threescale", "-vvvv", "--diff")
    assert played.changed("east") == 1
    assert "reading: met; east-mesh-system/cart asks 3scale for service 7 with user_key, hits +1" in played.output
    assert [each for each in (ACCESS, SERVICE_TOKEN) if each in drifted.output + played.output] == []
