# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules of traffic by way of the playbook: written once, never over what somebody else made, and never half."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attacks.api import ApiInMemory, serving
from attacks.attack import call_each
from integration.administrators import Administrator
from unit.traffic_in_memory import EXPORTS, IMPORTS, LOCALITY, PEERS, account, control_plane, pod, roll, routes, service

TRAFFIC = [
    {"service": "shop/cart", "failover_to": "west"},
    {"service": "shop/till", "split": {"local": "80", "west": 20}},
    {"service": "shop/checkout", "callers": {"from_mesh": ["west"], "local": ["shop/web"]}},
]


@pytest.fixture
def east(tmp_path: Path) -> Iterator[ApiInMemory]:
    objects = [control_plane(), roll("shop"), service("cart"), service("till"), service("checkout"), account("web")]
    with serving(tmp_path / "api", *objects) as running:
        yield running


@pytest.fixture
def owner(tmp_path: Path, collections: str, east: ApiInMemory) -> Administrator:
    folder = tmp_path / "owner"
    folder.mkdir()
    described = {
        "mesh_peers": PEERS,
        "mesh_exports": EXPORTS,
        "mesh_imports": IMPORTS,
        "mesh_locality": LOCALITY,
        "mesh_traffic": TRAFFIC,
    }
    return Administrator(folder, collections, {"east": {**east.variables, **described}})


def test_the_playbook_keeps_the_rules_once_with_few_tasks_and_all_or_none_of_them(
    owner: Administrator, east: ApiInMemory
) -> None:
    assert owner.play("traffic").changed("east") == 1
    assert [name for _verb, _kind, name in east.writes] == ["federation.cart", "federation.till", "federation.checkout"]
    again = owner.play("traffic")
    assert (again.changed("east"), len(east.writes), again.tasks("east") <= 5) == (0, 3, True)
    assert "shop/till: split between two hosts, local 80 : west 20" in again.output
    east.store.put(pod("web-1", "web", account="web"))
    shown = owner.play("routes", variables={"routes_service": "shop/till", "routes_from": "shop/web"}).output
    assert " 80.0 %  till.shop.svc.cluster.local: no endpoint, calls fail with 503" in shown, shown
    goal = {"mesh_traffic": [{"service": "shop/till", "split": {"local": 0, "west": 100}}], "shift_pause": 0}
    moved = owner.play("shift", variables={**goal, "shift_check": "approve"})
    assert "shop/till: local 80 : west 20 → local 76 : west 24" in moved.output, moved.output
    stays = owner.play("traffic", variables={"mesh_traffic": [*TRAFFIC[::2], *goal["mesh_traffic"]]})
    assert (stays.changed("east"), "FED876" in stays.output) == (0, True)
    gone = owner.play("shift", variables={**goal, "shift_abort": True})
    assert "shop/till: local 80 : west 20 stands again" in gone.output, gone.output
    del east.writes[3:]
    east.store.put(routes("till", name="by-hand"))
    refused = owner.play(
        "traffic", variables={"mesh_traffic": [*TRAFFIC[1:], {**TRAFFIC[0], "timeout": "1s"}]}, must_pass=False
    )
    assert "FED859 mesh_traffic, shop/till: routes till.shop.svc.cluster.local" in " ".join(refused.output.split())
    assert len(east.writes) == 3


def test_the_token_of_a_prometheus_is_shown_nowhere(collections: str, east: ApiInMemory) -> None:
    token = "token-of-prometheus-that-is-secret"
    options = {
        name.removeprefix("mesh_"): value
        for name, value in east.variables.items()
        if name in ("mesh_host", "mesh_api_key", "mesh_ca_cert")
    }
    asked = {
        "mesh": "east",
        "peers": PEERS,
        "imports": IMPORTS,
        "traffic": TRAFFIC[1:2],
        "check": "prometheus",
        **options,
    }
    asked |= {
        "prometheus_token": token,
        "prometheus_url": "https://127.0.0.1:9",
        "prometheus_ca_cert": "/nowhere/ca.pem",
    }
    for ended in call_each(
        collections, "traffic_shift", [asked, {**asked, "prometheus_url": f"https://{token}@127.0.0.1:9"}], shown=True
    ):
        assert (ended.code, token in ended.printed, east.writes) == ("FED875", False, []), ended.printed
