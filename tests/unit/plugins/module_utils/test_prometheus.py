# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prometheus over HTTP on loopback: what is asked of it, and answers that are none."""

from __future__ import annotations

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.ossm.federation.plugins.module_utils import _asking
from ansible_collections.ossm.federation.plugins.module_utils._asking import LARGEST
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._prometheus import Prometheus
from ansible_collections.ossm.federation.plugins.module_utils._secrets import secrets_of, shown_arguments


@pytest.fixture(scope="module")
def server():
    """Run a Prometheus that answers each query with the body that a test keeps for it."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_args):
            """Keep the tests' output to the tests."""

        def do_GET(self):
            parts = urlsplit(self.path)
            running.asked.append((parts.path, parse_qs(parts.query), self.headers.get("Authorization")))
            self.send_response(running.status)
            self.end_headers()
            if running.body is None:
                running.ended.wait(5)
                return
            self.wfile.write(running.body)

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads, running.block_on_close = True, False
    running.asked, running.ended = [], threading.Event()
    threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield running
    running.ended.set()
    running.shutdown()
    running.server_close()


def ask(server, body, status=200, seconds=5.0):
    server.body, server.status = (json.dumps(body).encode() if isinstance(body, dict) else body), status
    return Prometheus(f"http://127.0.0.1:{server.server_port}/prom/", seconds=seconds).ask("up == 1")


def test_an_instant_query_gives_its_rows(server):
    row = {"metric": {"app": "web"}, "value": [1700000000.1, "0.25"]}
    assert ask(server, {"status": "success", "data": {"resultType": "vector", "result": [row]}}) == [
        ({"app": "web"}, 0.25)
    ]
    assert server.asked[-1] == ("/prom/api/v1/query", {"query": ["up == 1"]}, None)
    assert ask(server, {"status": "success", "data": {"resultType": "scalar", "result": [1, "7"]}}) == [({}, 7.0)]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<html>", 200),
        (b"[" * 100_000, 200),
        ({"status": "error", "error": "bad query"}, 200),
        ({"status": "success", "data": {"resultType": "matrix", "result": []}}, 200),
        ({"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, {}]}]}}, 200),
        ({"status": "success", "data": {"resultType": "vector", "result": ["x"]}}, 200),
        ({}, 302),
        ({}, 401),
        ({}, 503),
        (b" " * (LARGEST + 2), 200),
    ],
)
def test_an_answer_that_is_none_is_refused(server, body, status):
    with pytest.raises(FederationError, match="FED875"):
        ask(server, body, status)


ROW = {"metric": {}, "value": [1, "0.25"]}
NO_STORE = "No StoreAPIs matched for this query"


@pytest.mark.parametrize(
    ("rows", "warnings", "is_whole"),
    [
        ([ROW], [], True),
        ([ROW], ["remote_read: error sending request"], False),
        ([], ["receive series from Addr: 10.0.0.7:10901: context deadline exceeded"], False),
        ([ROW], ['PromQL info: metric might not be a counter: "up"'], True),
        ([ROW], [NO_STORE], True),
        ([], [NO_STORE], False),
        ([ROW], [NO_STORE, "another store is away"], False),
    ],
)
def test_an_answer_of_a_part_is_none(server, rows, warnings, is_whole):
    body = {"status": "success", "data": {"resultType": "vector", "result": rows}, "warnings": warnings}
    if is_whole:
        assert ask(server, body) == [({}, 0.25)]
    else:
        with pytest.raises(FederationError, match=f"FED875.*answers in part only: {re.escape(warnings[-1])}"):
            ask(server, body)


def test_a_question_that_is_refused_is_told_in_the_words_of_who_refuses(server):
    with pytest.raises(FederationError, match="FED875.*refuses the question: 1:9: parse error: unclosed left brace"):
        ask(
            server,
            {"status": "error", "errorType": "bad_data", "error": "1:9: parse error: unclosed left brace"},
            status=400,
        )
    with pytest.raises(FederationError) as refused:
        ask(server, {"status": "error", "error": "x" * 5000}, status=422)
    assert len(refused.value.what) < 400


def test_a_prometheus_that_never_answers_is_given_up_in_time(server):
    started = time.monotonic()
    with pytest.raises(FederationError, match="has not answered within 0.2 s"):
        ask(server, None, seconds=0.2)
    assert time.monotonic() - started < 3


def test_a_bound_that_the_socket_notices_first_is_told_the_same(server, monkeypatch):
    def timed_out(*_words, **_more):
        raise TimeoutError("timed out")

    monkeypatch.setattr(_asking.socket, "create_connection", timed_out)
    with pytest.raises(FederationError, match="has not answered within 5 s"):
        ask(server, None)


@pytest.mark.parametrize(
    ("url", "token", "ca_cert"),
    [
        ("prometheus", "", ""),
        ("ftp://prometheus", "", ""),
        ("https://me:word@prometheus", "", ""),
        ("https://prometheus/?query=1", "", ""),
        ("https://prometheus:notaport", "", ""),
        ("http://prometheus", "a-token-that-is-secret", ""),
        ("https://prometheus", "", "/nowhere/ca.pem"),
    ],
)
def test_a_prometheus_that_is_named_wrongly_is_refused_before_it_is_asked(url, token, ca_cert):
    with pytest.raises(FederationError) as error:
        Prometheus(url, token, ca_cert, word="shift_prometheus_url")
    assert error.value.code == "FED875" and "secret" not in str(error.value) and "word@" not in str(error.value)


def test_the_token_is_a_secret_wherever_arguments_are_shown():
    given = {"prometheus_url": "https://prometheus", "prometheus_token": "a-token-that-is-secret"}
    assert secrets_of(given) == {"a-token-that-is-secret"}
    assert shown_arguments(given) == {"prometheus_url": "https://prometheus", "prometheus_token": "********"}


def test_a_token_from_a_block_of_yaml_is_the_token_without_its_end():
    given = {"prometheus_url": "https://127.0.0.1:1", "prometheus_ca_cert": None}
    with pytest.raises(FederationError, match="cannot be asked") as refused:
        Prometheus.of({**given, "prometheus_token": "sha256~token-of-prometheus\n"}, "x").ask("up")
    assert "ValueError" not in str(refused.value)
    for odd in ("sha256~token of-prometheus", "sha256~token\nof-prometheus", "sha256~t\u00f6ken-of-prometheus"):
        with pytest.raises(FederationError, match="FED875.*token with signs") as refused:
            Prometheus.of({**given, "prometheus_token": odd}, "x")
        assert "prometheus-token" not in str(refused.value) and odd not in str(refused.value)
