# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logs are others' text: what is in them stays a line, costs no memory, and gives no secret away; nothing of them is in
a result.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from attacks.api import ApiInMemory, Asked, serving
from attacks.attack import attack, call
from integration.administrators import Administrator
from unit.access_lines import REQUEST, http, tcp
from unit.traffic_in_memory import control_plane, pod, roll

STAMP = b"2026-11-23T10:11:13.000000000Z "
SECRET = "a-secret-user-key"


def workload(name: str, app: str, namespace: str = "shop") -> dict:
    live = pod(name, app, namespace)
    live["spec"]["containers"] = [{"name": "istio-proxy"}, {"name": app}]
    return live


@pytest.fixture
def logs() -> dict[tuple[str, str], bytes | Callable[[], Iterator[bytes]]]:
    """What each container has written, by pod and container."""
    return {
        ("web-1", "istio-proxy"): (
            STAMP + http(code="503", flags="UF", path=f"/cart?user_key={SECRET}").encode() + b"\n"
        ),
        ("web-1", "web"): STAMP + b"calling \x1b[2J\xff cart\n",
        ("west-egress-1", "istio-proxy"): STAMP + tcp().encode() + b"\n",
    }


@pytest.fixture
def api(tmp_path: Path, logs: dict) -> Iterator[ApiInMemory]:
    def answered(asked: Asked) -> tuple | None:
        url = urlsplit(asked.target)
        if not url.path.endswith("/log"):
            return None
        name, container = url.path.split("/")[-2], parse_qs(url.query)["container"][0]
        text = logs.get((name, container))
        if text is None:
            said = {
                "kind": "Status",
                "status": "Failure",
                "message": f'container "{container}" is waiting to start',
                "code": 400,
            }
            return 400, {}, json.dumps(said).encode()
        if isinstance(text, int):
            said = {
                "kind": "Status",
                "status": "Failure",
                "message": 'User "u" cannot get resource "pods/log"',
                "code": text,
            }
            return text, {}, json.dumps(said).encode()
        return 200, {"Content-Type": "text/plain"}, text if isinstance(text, bytes) else text()

    live = control_plane(proxy={"accessLogging": {"file": {"name": "/dev/stdout"}}})
    gateway = workload("west-egress-1", "west-egress", "east-mesh-system")
    gateway["spec"]["containers"] = [{"name": "istio-proxy"}]
    with serving(tmp_path / "api", live, roll("shop"), workload("web-1", "web"), gateway, hostile=answered) as running:
        yield running


def options(api: ApiInMemory, folder: Path, **more: object) -> dict:
    asked = {"of": ["shop/web", "west"], "file": str(folder / "out" / "east.log"), "since": "30d"}
    return {**api.access, "mesh": "east", "peers": ["west"], **asked, **more}


def test_lines_go_to_a_file_of_the_owners_in_order_without_secrets_and_never_through_the_result(
    tmp_path: Path, collections: str, api: ApiInMemory
) -> None:
    found = call(collections, "mesh_logs_info", options(api, tmp_path, impersonate_user="auditor"))
    assert found.result["counts"] == {
        "read": 3,
        "written": 3,
        "access": 2,
        "unparsed": 0,
        "codes": {"0": 1, "503": 1},
        "flags": {"UF: the connection to the endpoint failed": 1},
    }, found.printed
    out = tmp_path / "out" / "east.log"
    assert out.stat().st_mode & 0o777 == 0o600
    text = out.read_text(encoding="utf-8")
    assert SECRET not in text + found.printed and "/cart?user_key=********" in text
    assert "calling \\x1b[2J\\xff cart" in text
    assert "/cart" not in found.printed and "calling" not in found.printed
    # Who reads logs is who does everything else.
    assert {asked.headers.get("impersonate-user") for asked in api.asked} == {"auditor"}
    asked = [parse_qs(urlsplit(one.target).query) for one in api.asked if urlsplit(one.target).path.endswith("/log")]
    assert {query["timestamps"][0] for query in asked} == {"true"} and all(
        "sinceTime" in query and "limitBytes" in query for query in asked
    )


def test_new_lines_are_written_as_they_come_and_each_once(
    tmp_path: Path, collections: str, api: ApiInMemory, logs: dict
) -> None:
    first, out = logs["web-1", "web"], tmp_path / "out" / "east.log"
    seen, looks = [], 0

    def growing() -> Iterator[bytes]:
        nonlocal looks
        seen.append(out.read_text(encoding="utf-8") if out.exists() else "")
        looks += 1
        yield first + b"".join(STAMP + b"later %d\n" % number for number in range(1, looks))
        if looks == 3:
            logs["web-1", "web"] = 403

    logs["web-1", "web"] = growing
    found = call(collections, "mesh_logs_info", options(api, tmp_path, follow="7s", containers=["web"]))
    texts = [line.rpartition("/web ")[2] for line in out.read_text(encoding="utf-8").splitlines()]
    assert texts == ["calling \\x1b[2J\\xff cart", "later 1", "later 2"] and out.stat().st_mode & 0o777 == 0o600, (
        found.printed
    )
    assert "later 1" in seen[2] and "later 2" not in seen[2], "who watches the file sees what was written"
    assert [row["what"] for row in found.result["unread"]] == ["log of east/shop/web-1/web"], "told once"
    assert found.result["counts"]["read"] == 3


def test_a_flood_into_a_log_that_is_followed_ends_at_the_bound_of_a_log_and_is_told(
    tmp_path: Path, collections: str, api: ApiInMemory, logs: dict
) -> None:
    looks = 0

    def flooding() -> Iterator[bytes]:
        nonlocal looks
        looks += 1
        stamp = STAMP.replace(b":13.", b":%d." % (13 + looks))
        yield b"".join(stamp + b"%06d %s\n" % (number, b"x" * 600) for number in range(1_000))

    logs["web-1", "web"] = flooding
    found = call(collections, "mesh_logs_info", options(api, tmp_path, follow="9s", containers=["web"], most_mib=1))
    assert [one["code"] for one in found.result["findings"]] == ["FED933"], (looks, found.printed)
    assert looks == 2 and (tmp_path / "out" / "east.log").stat().st_size < 2 << 20


@pytest.mark.parametrize("more", [{"until": "1m"}, {"previous": True}, {"request": REQUEST}, {}])
def test_what_cannot_be_followed_is_refused_and_check_mode_waits_for_nothing(
    tmp_path: Path, collections: str, api: ApiInMemory, more: dict
) -> None:
    for follow in ("5m",) if more else ("soon", "0s", "2h"):
        refused = call(collections, "mesh_logs_info", options(api, tmp_path, follow=follow, **more))
        assert refused.code == "FED931" and "logs_follow" in refused.printed and not (tmp_path / "out").exists(), (
            refused.printed
        )
    if not more:
        assert call(collections, "mesh_logs_info", options(api, tmp_path, follow="1h"), check=True).code is None


def test_one_request_is_shown_on_its_way_and_check_mode_writes_nothing(
    tmp_path: Path, collections: str, api: ApiInMemory
) -> None:
    found = call(collections, "mesh_logs_info", options(api, tmp_path, request=REQUEST), check=True).result
    assert [(hop["role"], hop["certainty"]) for hop in found["hops"]] == [
        ("client", "exact"),
        ("egress gateway", "exact"),
    ]
    assert not (tmp_path / "out").exists() and found["file"] == ""


@pytest.mark.parametrize(
    ("text", "most"),
    [
        attack("a container", "writes 16 MiB of one line", lambda: iter([b"x" * (1 << 20)] * 16), 24),
        attack("a container", "writes 16,000 short lines", lambda: iter([(STAMP + b"{\n") * 2000] * 8), 24),
    ],
)
def test_a_long_log_costs_no_memory(
    tmp_path: Path, collections: str, api: ApiInMemory, logs: dict, text: Callable[[], Iterator[bytes]], most: int
) -> None:
    small = call(collections, "mesh_logs_info", options(api, tmp_path))
    logs["web-1", "web"] = text
    large = call(collections, "mesh_logs_info", options(api, tmp_path, most_mib=most))
    assert large.result["counts"]["read"] > 200, large.printed
    assert large.peak_mib - small.peak_mib < 8, (small.peak_mib, large.peak_mib)


def test_what_may_not_be_read_or_is_cut_is_told_and_the_rest_is_there(
    tmp_path: Path, collections: str, api: ApiInMemory, logs: dict
) -> None:
    logs["web-1", "istio-proxy"] = 403
    logs["web-1", "web"] = (STAMP + b"x" * 200 + b"\n") * 5_000
    found = call(collections, "mesh_logs_info", options(api, tmp_path, most_mib=1))
    assert [row["what"] for row in found.result["unread"]] == ["log of east/shop/web-1/istio-proxy"]
    assert [one["code"] for one in found.result["findings"]] == ["FED933"]
    assert found.result["counts"]["read"] > 4_000


def test_an_access_log_that_is_off_is_a_finding_and_not_an_empty_page(
    tmp_path: Path, collections: str, api: ApiInMemory
) -> None:
    api.store.put(control_plane())
    found = call(collections, "mesh_logs_info", options(api, tmp_path)).result
    assert [one["code"] for one in found["findings"]] == ["FED930"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"codes": ["boom"]}, "FED931"),
        ({"of": ["nobody"]}, "FED931"),
        ({"since": "yesterday"}, "FED931"),
        ({"tail": 0}, "FED931"),
        ({"show": ["/(x+)+/"]}, "FED931"),
        ({"others": ["west=/nowhere/at/all"]}, "FED235"),
        ({"others": ["/dev/zero"]}, "FED235"),
        ({"formats": ["%A%%B%"]}, "FED931"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_written(
    tmp_path: Path, collections: str, api: ApiInMemory, asked: dict, code: str
) -> None:
    assert call(collections, "mesh_logs_info", options(api, tmp_path, **asked)).code == code
    assert not (tmp_path / "out" / "east.log").exists()


def test_a_flood_of_pods_is_refused(tmp_path: Path, collections: str, api: ApiInMemory) -> None:
    for number in range(101):
        api.store.put(workload(f"web-{number}", "web"))
    assert call(collections, "mesh_logs_info", options(api, tmp_path)).code == "FED932"


def test_the_playbook_writes_a_file_per_mesh_and_what_it_wrote_another_reads(
    tmp_path: Path, collections: str, api: ApiInMemory
) -> None:
    owner = Administrator(tmp_path, collections, {"east": {**api.variables, "mesh_peers": ["west"]}})
    asked = {"logs_of": "shop/web,west", "logs_since": "30d", "logs_format": "json", "logs_codes": "5xx"}
    shown = owner.play("logs", variables=asked)
    assert shown.changed("east") == 0 and "1  status 503" in shown.output, shown.output
    (row,) = map(json.loads, (tmp_path / "logs" / "east.jsonl").read_text(encoding="utf-8").splitlines())
    assert (row["fields"]["response_flags"], row["mesh"], SECRET in str(row)) == ("UF", "east", False)
    read = call(
        collections, "mesh_logs_info", options(api, tmp_path, others=[f"west={tmp_path / 'logs' / 'east.jsonl'}"])
    )
    assert read.result["counts"]["read"] == 4
    explained = call(collections, "mesh_logs_info", {"mesh": "east", "explain": http(code="503", flags="UH")})
    assert "UH: no healthy endpoint" in str(explained.result["lines"])
