# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a request came to, by tables: what a program printed and how it ended, and the verdict."""

from __future__ import annotations

import json

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.catalogue.codes import CODES
from ansible_collections.ossm.federation.plugins.module_utils._core.catalogue.findings import Unknown
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.verification import targets, verdicts
from ansible_collections.ossm.federation.plugins.module_utils._core.verification.programs import (
    Ran,
    curl,
    python3,
    said_by,
    wget,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.verification.targets import Client, Target
from ansible_collections.ossm.federation.plugins.module_utils._core.verification.verdicts import (
    Verification,
    judged,
    silent,
)

HTTP = Target("west", "cart.shop.svc.west-imports.local", 8080, "HTTP")
GET = Target("west", HTTP.host, 8080, "HTTP", "/health", "GET")
TCP = Target("west", "till.shop.svc.west-imports.local", 9000, "TCP")
WEB = Client("shop", "web-1", "web", "web")
PASSED = "server: envoy\nx-envoy-upstream-service-time: 3"


def ended(code):
    if code == 0:
        return json.dumps({"status": "Success"})
    causes = [{"reason": "ExitCode", "message": str(code)}]
    return json.dumps({"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": causes}})


def verdict(target, said, program="curl"):
    return judged(target, said, WEB, program)


def of(target, text, code=0, program=curl):
    stderr, stdout = (text.encode(), b"") if program is wget else (b"", text.encode())
    said = said_by(program, target, Ran(stdout, stderr, ended(code)))
    return None if said is None else verdict(target, said).state


@pytest.mark.parametrize(
    ("target", "text", "state"),
    [
        (HTTP, f"HTTP/1.1 200 OK\n{PASSED}\n\n", "reached"),
        (HTTP, f"HTTP/1.1 404 Not Found\n{PASSED}\n\n", "reached"),
        (HTTP, f"HTTP/1.1 100 Continue\n\nHTTP/2 405\n{PASSED}\n\n", "reached"),
        (HTTP, "HTTP/1.1 200 OK\nserver: nginx\n\n", "reached"),
        (HTTP, "HTTP/1.1 503 Service Unavailable\nserver: envoy\n\n", "not reached"),
        (HTTP, "HTTP/1.1 404 Not Found\nserver: envoy\n\n", "not reached"),
        (HTTP, "HTTP/1.1 301 Moved\nserver: envoy\n\n", "unknown"),
        # Without a body nobody can tell the sidecar's word from the service's.
        (HTTP, f"HTTP/1.1 503 Service Unavailable\n{PASSED}\n\n", "unknown"),
        (GET, f"HTTP/1.1 503 Service Unavailable\n{PASSED}\n\nbe back soon", "reached"),
        (
            GET,
            (
                f"HTTP/1.1 503 Service Unavailable\n{PASSED}\n\nupstream connect error or disconnect/reset before"
                " headers. reset"
            ),
            "not reached",
        ),
        (GET, f"HTTP/1.1 403 Forbidden\n{PASSED}\n\nRBAC: access denied", "not reached"),
        (GET, "HTTP/1.1 503 Service Unavailable\nserver: envoy\n\nno healthy upstream", "not reached"),
        # A page that quotes Envoy is no answer of Envoy's.
        (GET, "HTTP/1.1 200 OK\nserver: nginx\n\nno healthy upstream", "reached"),
    ],
)
def test_what_is_answered_is_told_from_what_an_envoy_answers(target, text, state):
    assert of(target, text) == state
    assert of(target, text.replace("\n", "\r\n"), program=python3) == state


@pytest.mark.parametrize(
    ("target", "code", "state"),
    [
        (HTTP, 6, "not reached"),
        (HTTP, 7, "not reached"),
        (HTTP, 28, "not reached"),
        (HTTP, 52, "not reached"),
        (HTTP, 2, "unknown"),
        (TCP, 28, "reached"),
        (TCP, 0, "not reached"),
        (TCP, 56, "not reached"),
        (TCP, 7, "not reached"),
        # A curl that was built without telnet.
        (TCP, 1, "unknown"),
        (HTTP, 127, None),
        (TCP, 255, None),
    ],
)
def test_what_answers_nothing_is_told_by_how_the_program_ended(target, code, state):
    assert of(target, "", code) == state


def test_a_service_that_speaks_first_is_reached_and_one_that_never_started_is_no_program():
    assert of(TCP, "spoke", 0) == "reached"
    assert said_by(curl, HTTP, Ran(b"", b"", json.dumps({"status": "Failure", "reason": "InternalError"}))) is None
    assert said_by(curl, HTTP, Ran(b"", b"", "[" * 100_000)) is None


def test_wget_of_either_kind_is_read_by_what_it_prints_to_stderr():
    gnu = f"Resolving cart... 192.0.2.1\nHTTP request sent, awaiting response... \n  HTTP/1.1 200 OK\n  {PASSED}\n"
    assert of(HTTP, gnu.replace("\nx-", "\n  x-"), 0, wget) == "reached"
    assert (
        of(HTTP, "  HTTP/1.1 503 Service Unavailable\n  server: envoy\n\nwget: server returned error", 1, wget)
        == "not reached"
    )
    assert of(HTTP, "wget: bad address 'cart'", 1, wget) == "unknown"
    assert of(HTTP, "env: can't execute 'wget'", 127, wget) is None


def test_no_program_goes_through_a_shell_or_a_proxy_or_writes_a_file():
    for program in (curl, python3, wget):
        words = program(GET, 15)
        assert all(isinstance(word, str) for word in words) and "sh" not in words
    assert curl(GET, 15)[2:4] == ["--noproxy", "*"] and "-L" not in curl(GET, 15)
    assert wget(HTTP, 15)[:3] == ["env", "-u", "http_proxy"]
    assert curl(TCP, 15)[-1] == f"telnet://{TCP.host}:9000"


ROWS = [
    {"peer": "west", "imports": [{"imported": HTTP.host}, {"imported": "till.shop.svc.cluster.local"}]},
    {"peer": "north", "imports": None},
]


def test_each_host_is_asked_for_at_each_of_its_ports_and_where_a_path_is_named_with_get():
    ports = targets.ports_in(
        [
            {
                "hostname": HTTP.host,
                "ports": [
                    {"port": 8080, "protocol": "HTTP"},
                    {"port": 53, "protocol": "UDP"},
                    {"port": 9, "protocol": "TLS"},
                ],
            },
            {"hostname": "x", "ports": [{"port": "8080"}, {"port": 70000}, None, 5]},
            None,
        ]
    )
    asked = targets.targets_of(ROWS, ports, targets.read_paths({"shop/cart": "/health?deep=1"}))
    assert [(one.host, one.port, one.asked) for one in asked] == [
        (HTTP.host, 8080, "GET /health?deep=1"),
        (HTTP.host, 9, "connecting"),
        ("till.shop.svc.cluster.local", 0, "connecting"),
    ]
    [other, _till] = targets.targets_of(ROWS, {}, targets.read_paths({HTTP.host: ":8081/ready"}))
    assert (other.port, other.url) == (8081, f"http://{HTTP.host}:8081/ready")


@pytest.mark.parametrize(
    "paths",
    [{"shop/cart": "health"}, {"shop/cart": "/a b"}, {"shop/cart": ":0/x"}, {"shop/cart": "/\n"}, {"shop/carts": "/"}],
)
def test_a_path_that_is_none_or_of_no_import_is_refused(paths):
    with pytest.raises(FederationError, match="verify_paths") as refused:
        targets.targets_of(ROWS, {}, targets.read_paths(paths))
    assert refused.value.code == "FED925"


@pytest.mark.parametrize("client", ["web", "shop/web/1", "--shop/../x", "shop/web;id"])
def test_a_pod_that_is_not_namespace_and_name_is_refused(client):
    with pytest.raises(FederationError, match="verify_from"):
        targets.read_client(client)


def test_one_pod_of_each_workload_comes_before_a_second_of_any():
    found = [{"namespace": "shop", "pod": name, "container": "c", "workload": name[0]} for name in ("a1", "a2", "b1")]
    assert [one.pod for one in targets.clients_among(found, "")] == ["a1", "b1", "a2"]
    assert [one.pod for one in targets.clients_among(found, "shop/a")] == ["a1", "a2"]
    assert [one.pod for one in targets.clients_among(found, "shop/a2")] == ["a2"]


def test_a_gate_counts_what_is_not_reached_and_all_counts_what_is_not_known():
    said = said_by(curl, HTTP, Ran(b"", b"", ended(7)))
    found = Verification(
        "east",
        [verdict(HTTP, said), silent(TCP, "nobody could ask")],
        [Unknown("what north gives", "not connected")],
        3,
    )
    assert [len(found.missing(require)) for require in verdicts.REQUIRED] == [4, 1, 0]
    assert found.lines()[0] == "east · 1 not reached, 1 unknown"
    assert found.lines()[-1] == "not asked for: 3 more"
    assert [one.code for one in found.findings()] == ["FED916", "FED917"]
    assert {"FED916", "FED917", "FED918", "FED919", "FED925"} <= set(CODES)
    assert found.verdict_line("none").startswith("‼") and found.verdict_line("all").startswith("×")
    assert Verification("east", []).verdict_line("all") == "√ east: nothing is imported"
