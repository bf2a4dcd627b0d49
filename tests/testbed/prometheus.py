# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real Prometheus on loopback that scrapes counters of ours, and remembers a past that we write for it; and a door
that asks for a token.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .addresses import Addresses
from .certificates import ClusterAuthority
from .processes import Processes
from .programs import Prometheus

PORT, SECONDS = 9090, 30
SCRAPED_EVERY = 0.5
"""Seconds between two looks at the counters."""
TOKEN = "sha256~a-token-of-the-tests"


class Counters:
    """Counters as proxies have them: each is there from its first count on, by its name and its labels."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}

    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        """Count."""
        key = (name, tuple(sorted(labels.items())))
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + amount

    def forget(self, **labels: str) -> None:
        """Drop the counters with these labels, as a pod that ends does."""
        with self._lock:
            self._counts = {key: count for key, count in self._counts.items() if not labels.items() <= set(key[1])}

    def text(self) -> str:
        """Return all as Prometheus reads them (text format 0.0.4)."""
        with self._lock:
            return "".join(
                f"{name}{{{labelled(labels)}}} {count!r}\n" for (name, labels), count in self._counts.items()
            )


def labelled(labels: Iterable[tuple[str, str]]) -> str:
    """Return labels as text."""
    return ",".join(f"{name}={json.dumps(value)}" for name, value in labels)


@dataclass
class RealPrometheus:
    """A running Prometheus: its ``url``; ``door``, where the same is had by https with ``TOKEN`` alone and a
    certificate of ``ca_file``; what it scrapes; and what came to the door, as (status, path, length of the whole
    target).
    """

    url: str
    door: str
    ca_file: str
    counters: Counters
    came: list[tuple[int, str, int]] = field(default_factory=list)

    def get(self, path: str, **query: str) -> Any:
        """Return the data of one of its answers."""
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(query)}", timeout=10) as answer:
            return json.load(answer)["data"]

    def value(self, query: str) -> float | None:
        """Return the one number that answers a question; None where there is none."""
        (row,) = self.get("/api/v1/query", query=query)["result"] or [None]
        return float(row["value"][1]) if row else None


@contextmanager
def real_prometheus(
    programs: Prometheus,
    folder: Path,
    *,
    past: str = "",
    rules: Path | None = None,
    settings: Mapping[str, object] | None = None,
) -> Iterator[RealPrometheus]:
    """Run a Prometheus until the block ends. ``past`` is what it has of former days, as OpenMetrics with times;
    ``rules`` a file of rules; ``settings`` stand beside ours.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as kept:
        addresses = Addresses()
        kept.callback(addresses.release)
        address = addresses.for_key("prometheus")
        counters = Counters()
        target = kept.enter_context(
            _serving(addresses.for_key("proxies"), lambda _handler: (200, counters.text().encode()))
        )
        scraped = {
            "job_name": "proxies",
            "scrape_interval": f"{int(1000 * SCRAPED_EVERY)}ms",
            "scrape_timeout": "400ms",
        }
        config = {
            "scrape_configs": [{**scraped, "static_configs": [{"targets": [target.removeprefix("http://")]}]}],
            **({"rule_files": [str(rules)]} if rules else {}),
            **(settings or {}),
        }
        # JSON is YAML.
        (folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")
        if past:
            (folder / "past").write_text(past, encoding="utf-8")
            words = [programs.promtool, "tsdb", "create-blocks-from", "openmetrics", folder / "past", folder / "data"]
            subprocess.run(list(map(str, words)), check=True, capture_output=True)
        running = RealPrometheus(f"http://{address}:{PORT}", "", "", counters)
        processes = Processes()
        words = [
            programs.server,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
        ]
        words += [f"--web.listen-address={address}:{PORT}", "--log.level=warn"]
        process = processes.start("prometheus", words, folder / "prometheus.log", {"GOMAXPROCS": "1"})
        kept.callback(processes.stop)
        process.wait_until(lambda: _is_ready(running), SECONDS)
        authority = ClusterAuthority(folder, "authority of the door")
        running.ca_file = str(authority.file)
        running.door = kept.enter_context(
            _serving(addresses.for_key("door"), lambda handler: _past_the_door(running, handler), authority)
        )
        yield running


def _is_ready(running: RealPrometheus) -> bool:
    try:
        with urllib.request.urlopen(f"{running.url}/-/ready", timeout=1):
            # Its first look at the counters is part of being ready.
            return running.value("up") == 1
    except OSError:
        return False


def _past_the_door(running: RealPrometheus, handler: BaseHTTPRequestHandler) -> tuple[int, bytes]:
    """Pass a request on that has the token, as the proxies in front of a Prometheus of OpenShift do."""
    if handler.headers.get("Authorization") != f"Bearer {TOKEN}":
        status, body = 403, b"<html>Log in</html>"
    else:
        try:
            with urllib.request.urlopen(f"{running.url}{handler.path}", timeout=10) as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            status, body = refused.code, refused.read()
    running.came.append((status, urllib.parse.urlsplit(handler.path).path, len(handler.path)))
    return status, body


@contextmanager
def _serving(address: str, answer: Any, authority: ClusterAuthority | None = None) -> Iterator[str]:
    """Serve GET with what ``answer`` gives, (status, body), and yield where."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            """Keep the tests' output to the tests."""

        def do_GET(self) -> None:
            status, body = answer(self)
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer((address, 0), Handler)
    server.daemon_threads = True
    if authority:
        certificate, key = authority.serving("door", [address])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"{'https' if authority else 'http'}://{address}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
