# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The commands themselves, run against servers on this machine; a program that is not here is skipped."""

from __future__ import annotations

import http.server
import json
import shutil
import socket
import subprocess
import threading
from dataclasses import replace

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.verification.programs import (
    Ran,
    curl,
    python3,
    said_by,
    wget,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.verification.targets import Target

HERE = Target("west", "localhost", 0, "HTTP")


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if self.path == "/busy" else 302)
        self.send_header("Location", "http://localhost:1/elsewhere")
        self.send_header("X-Envoy-Upstream-Service-Time", "3")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(b"x" * 5000)

    do_HEAD = do_GET

    def log_message(self, *_args):
        """Keep the tests' output to the tests."""


@pytest.fixture(scope="module")
def port():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def run(program, target, seconds=2):
    command = program(target, seconds)
    if not shutil.which("wget" if program is wget else command[0]):
        pytest.skip(f"{program.__name__} is not on this machine")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        stdout, stderr = process.stdout.read(), process.stderr.read()
    causes = {"causes": [{"reason": "ExitCode", "message": str(process.returncode)}]}
    ended = {"status": "Failure", "details": causes} if process.returncode else {"status": "Success"}
    return said_by(program, target, Ran(stdout, stderr, json.dumps(ended)))


@pytest.mark.parametrize("program", [curl, python3, wget])
def test_the_first_answer_is_read_with_its_headers(program, port):
    said = run(program, replace(HERE, port=port))
    assert (said.outcome, said.status) == ("answered", 302)
    if program is not wget:
        said = run(program, replace(HERE, port=port, method="GET", path="/busy"))
        assert (said.status, said.body) == (503, "x" * 2048)
    assert said.headers["x-envoy-upstream-service-time"] == "3"


def close_next(listener):
    connection, _address = listener.accept()
    connection.close()


@pytest.mark.parametrize("program", [curl, python3])
def test_connections_that_are_refused_closed_or_open_are_told_apart(program):
    tcp = replace(HERE, protocol="TCP", host="127.0.0.1")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        at = replace(tcp, port=listener.getsockname()[1])
        assert run(program, at).outcome == "no way"
        assert run(program, replace(at, protocol="HTTP")).outcome == "no way"
        listener.listen()
        assert run(program, at, 1).outcome == "open"
        listener.accept()[0].close()
        closing = threading.Thread(target=close_next, args=[listener])
        closing.start()
        assert run(program, at).outcome == "closed"
        closing.join()
    assert run(program, replace(at, host="no-such-name.invalid")).outcome == "no name"
