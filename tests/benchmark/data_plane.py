# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the survey of sidecars grows with their number: requests, time and memory per pod, as ratios within one run.

A server on loopback hands pods out in pages, as an API server does. Prints a table; run it as
``ANSIBLE_COLLECTIONS_PATH=… python tests/benchmark/data_plane.py``; `make benchmark` does.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import tempfile
import threading
import time
import tracemalloc
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
try:
    from ansible_collections.ossm.federation.plugins.module_utils._cluster.client import Cluster
except ModuleNotFoundError:
    sys.exit("Run it by `make benchmark`, or with the collection on PYTHONPATH")
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.data_plane import Newest
from ansible_collections.ossm.federation.plugins.modules.data_plane import Surveyor

from testbed.certificates import ClusterAuthority

IS_SMALLEST = bool(os.environ.get("OSSM_FEDERATION_SMALLEST"))
COUNTS = (10, 20) if IS_SMALLEST else (200, 2000)
REPEATS = 1 if IS_SMALLEST else 5
NEWEST = Newest("2.2.13")
# As much as a pod that was injected carries: the proxy's arguments, environment and volumes make most of it.
FILLING = [{"name": f"SETTING_{number}", "value": "x" * 60} for number in range(60)]


def pod(number: int) -> dict:
    """Return a pod; every tenth has an old sidecar."""
    version = "2.1.6" if number % 10 == 0 else "2.2.13"
    references = [{"kind": "ReplicaSet", "name": f"app-{number // 10}-abc", "controller": True}]
    metadata = {
        "name": f"app-{number}",
        "namespace": "shop",
        "uid": str(number),
        "labels": {"maistra-version": version},
    }
    metadata |= {
        "annotations": {"sidecar.istio.io/status": "{}"},
        "ownerReferences": references,
        "creationTimestamp": "2026-01-31T12:00:00Z",
    }
    return {
        "metadata": metadata,
        "spec": {"containers": [{"name": "istio-proxy", "env": FILLING}]},
        "status": {"phase": "Running"},
    }


class Handler(BaseHTTPRequestHandler):
    """Hands out ``server.pods`` page by page, and no other object."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer a LIST."""
        parts = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(parts.query)
        objects = self.server.pods if parts.path.endswith("/pods") else []
        begin, limit = int(query.get("continue", ["0"])[0]), int(query.get("limit", ["500"])[0])
        more = {"continue": str(begin + limit)} if begin + limit < len(objects) else {}
        body = json.dumps({"metadata": more, "items": objects[begin : begin + limit]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # pylint: disable=redefined-builtin
        """Say nothing."""


def serving(folder: Path) -> tuple[ThreadingHTTPServer, str]:
    """Return a server that runs, with its certificate's authority as a file in ``folder``."""
    authority = ClusterAuthority(folder, "benchmark")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.serving("pods", ["127.0.0.1"]))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, str(authority.file)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ossm-federation-") as folder:
        measure(*serving(Path(folder)))


def measure(server: ThreadingHTTPServer, authority: str) -> None:
    rows = []
    for count in COUNTS:
        server.pods = [pod(number) for number in range(count)]
        cluster = Cluster.connect(
            {
                "host": f"https://127.0.0.1:{server.server_port}",
                "ca_cert": authority,
                "api_key": "none",
                "api_timeout": 30,
            }
        )
        surveyor = Surveyor(cluster, ["shop"], NEWEST)
        surveyor.look()
        before, times = cluster.requests, []
        for _repeat in range(REPEATS):
            begun = time.perf_counter()
            found = surveyor.look()
            times.append(time.perf_counter() - begun)
        assert (
            sum(found.sidecars.values()) == count
            and sum(len(workload.pods) for workload in found.workloads) == count // 10
        )
        requests = (cluster.requests - before) // REPEATS
        tracemalloc.start()
        surveyor.look()
        peak = tracemalloc.get_traced_memory()[1] / (1 << 20)
        tracemalloc.stop()
        rows.append((count, requests, min(times) / count * 1e6, peak))
    server.shutdown()
    print(f"{'pods':>6} {'requests':>9} {'µs per pod':>11} {'MiB at once':>12}")
    for count, requests, each, peak in rows:
        print(f"{count:>6} {requests:>9} {each:>11.0f} {peak:>12.1f}")
    (_few, _r, slow, small), (_many, _s, fast, large) = rows
    print(f"ten times the pods: {fast / slow:.2f} × the time per pod, {large / small:.2f} × the memory")


if __name__ == "__main__":
    main()
