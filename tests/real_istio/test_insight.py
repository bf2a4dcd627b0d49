# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the modules of insight make of a real istiod's pages, real Envoys' dumps and real access logs, by real
port-forwards and logs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from real_istio.conftest import DESCRIBED, is_allowed, local

from testbed.real_istio import HOME, RealIstio

MESH = {key: DESCRIBED[key] for key in ("mesh", "namespace")}


def test_health_finds_istiod_well_and_every_proxy_in_sync(mesh: RealIstio, module: Callable) -> None:
    told = module("mesh_health_info", **MESH, again=2).result
    rows = {row["proxy"].partition("/")[2]: row for row in told["proxies"]}
    assert set(mesh.proxies) <= set(rows), told["lines"]
    assert {row["state"] for row in rows.values()} == {"SYNCED"}, told["proxies"]
    istiod = [one for one in told["components"] if "istiod" in one["component"]]
    assert istiod and all(one["state"] == "healthy" for one in istiod), istiod


def test_a_pod_has_what_istiod_would_send_it(mesh: RealIstio, module: Callable) -> None:
    told = module("proxy_config_info", **MESH, of="shop/web-1", against="istiod").result
    assert told["equal"], told["lines"][:60]


def test_two_pods_differ_in_ports_of_this_machine_and_in_no_way_out(mesh: RealIstio, module: Callable) -> None:
    told = module(
        "proxy_config_info", **MESH, of="shop/web-1", against="shop/other-1", sections=["clusters", "routes"]
    ).result
    (compared,) = told["comparisons"]
    assert compared["compared"] > 10, told["lines"]
    ours = [one for one in compared["differences"] if str(one["name"]).startswith(("outbound|", "8000"))]
    assert ours == [], ours


def test_a_real_access_log_has_every_call_with_its_status(mesh: RealIstio, module: Callable, tmp_path: Path) -> None:
    caller = mesh.caller("web-1")
    paths = {f"/logged-{number}" for number in range(5)}
    assert {caller.call(local("till"), path).status for path in paths} == {200}

    def logged() -> set[str]:
        module(
            "mesh_logs_info",
            **MESH,
            of=["shop/web-1"],
            containers=["istio-proxy"],
            file=str(tmp_path / "log"),
            format="json",
            path="/logged-",
        )
        rows = [json.loads(line) for line in (tmp_path / "log").read_text(encoding="utf-8").splitlines()]
        return {row["fields"]["path"] for row in rows if row.get("fields", {}).get("response_code") == "200"}

    mesh.wait_until(lambda: logged() == paths, 20, "lines of the access log")


def test_few_pods_are_asked_at_once_each_dump_is_made_once_and_nothing_is_asked_that_is_not_listed(
    mesh: RealIstio, module: Callable
) -> None:
    asked = mesh.recorder.requests
    for run in (
        lambda: module("mesh_health_info", **MESH, again=2),
        lambda: module("proxy_config_info", **MESH, of="shop/web-1", against="shop/other-1"),
        lambda: module("federation_diagnosis_info", **DESCRIBED, client="shop/web"),
    ):
        before = len(asked)
        run()
        mine = asked[before:]
        dumps = [(one.pod, one.target) for one in mine if one.target.startswith("/config_dump")]
        assert mine and all(map(is_allowed, mine)) and len(dumps) == len(set(dumps)), mine
        assert max(one.at_once for one in mine) <= 4, mine


def test_a_pod_of_istiod_answers_with_its_page(mesh: RealIstio) -> None:
    assert HOME in mesh.debug("/debug/syncz")
