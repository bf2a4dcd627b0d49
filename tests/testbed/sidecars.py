# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real sidecars and gateways: Istio's pilot-agent with an Envoy below it, and small applications beside them."""

from __future__ import annotations

import functools
import http.client
import http.server
import itertools
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from .processes import Process, Processes
from .programs import Istio

CLUSTER_ID = "Kubernetes"
# Outgoing connections take ports above 32768. Each process begins elsewhere, so that two testbeds do not race for one.
_LOW_PORTS = itertools.count(20000 + os.getpid() % 200 * 60)
_HIGHEST = 32767
_READY_SECONDS = 60
_ASK_SECONDS = 0.3  # each time that it is asked too early it writes a line


def low_port(address: str = "127.0.0.1") -> int:
    """Return a port that this process has not given out yet, that nobody listens on, and that no outgoing connection
    takes.
    """
    for port in _LOW_PORTS:
        if port > _HIGHEST:
            break
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return port
    raise OSError(f"no port below {_HIGHEST + 1} is free on {address}")


class Application:
    """A server of HTTP/1.1 on loopback that answers with who it is; ``fails`` makes each answer a 500."""

    def __init__(self, mesh: str, name: str) -> None:
        self.port = low_port()
        self.fails = False
        self.calls = 0
        self._who = {"mesh": mesh, "name": name}
        self._server: http.server.ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Listen, and answer in threads of its own."""
        application = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else each answer waits for the other side's delayed acknowledgement
            wbufsize = -1

            def do_HEAD(self) -> None:
                application.calls += 1
                self.send_response(200)
                self.end_headers()

            def do_GET(self) -> None:
                application.calls += 1
                headers = {key.lower(): ",".join(self.headers.get_all(key) or ()) for key in self.headers}
                answer = {**application._who, "host": self.headers.get("Host", ""), "path": self.path}
                body = json.dumps({**answer, "headers": headers}).encode()
                self.send_response(500 if application.fails else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *words: object) -> None:
                """Keep quiet."""

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        """Listen no more."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


# The agent keeps fetched modules in one folder, whose name stands in its code. So each has a mount there of its own, in
# a namespace of its
# own; what else is in /var/lib is hidden from it.
_OWN_DATA = """
    test -d /var/lib/istio/data || { mount -t tmpfs tmpfs /var/lib && mkdir -p /var/lib/istio/data; } || exit
    mount --bind "$0" /var/lib/istio/data && exec "$@"
"""


@functools.cache
def _may_mount() -> bool:
    """Return whether this user may mount in a namespace of its own."""
    probe = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/var/lib"]
    return (
        shutil.which("unshare") is not None and subprocess.run(probe, check=False, capture_output=True).returncode == 0
    )


@dataclass(frozen=True)
class Answered:
    """What a call came back with; ``mesh`` is who answered, empty where no application did."""

    status: int
    mesh: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


class Caller:
    """Calls services by way of one sidecar, over one connection as long as it holds."""

    def __init__(self, address: str, port: int) -> None:
        self._place = address, port
        self._connection: http.client.HTTPConnection | None = None

    def call(self, host: str, path: str = "/", headers: Mapping[str, str] | None = None) -> Answered:
        """Call ``host`` once and return how that ended; status 0 where the sidecar itself did not answer."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(*self._place, timeout=10)
        try:
            self._connection.request("GET", path, headers={"Host": host, **(headers or {})})
            answer = self._connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Answered(0, body=str(error))
        try:
            mesh = json.loads(text)["mesh"]
        except (ValueError, KeyError, TypeError):
            mesh = ""
        return Answered(answer.status, mesh, {key.lower(): value for key, value in answer.getheaders()}, text)

    def close(self) -> None:
        """Close the connection."""
        if self._connection:
            self._connection.close()
            self._connection = None


class Proxy:
    """One pilot-agent and its Envoy, in a working folder of their own: a pod's ``istio-proxy``."""

    def __init__(
        self, name: str, namespace: str, account: str, address: str, folder: Path, is_gateway: bool = False
    ) -> None:
        self.name, self.namespace, self.account, self.address = name, namespace, account, address
        self.folder = folder
        self.is_gateway = is_gateway
        self.log = folder / "istio-proxy.log"
        self.admin_port, self.status_port = low_port(), low_port()
        self.process: Process | None = None
        self.has_own_data = _may_mount()

    def start(
        self,
        processes: Processes,
        programs: Istio,
        envoy: Path,
        token: str,
        control_plane: Mapping[str, str],
        labels: Mapping[str, str],
    ) -> None:
        """Start the agent; ``control_plane`` has its address, its name in certificates, its root's file, and the trust
        domain.
        """
        tokens = self.folder / "var" / "run" / "secrets" / "tokens"
        tokens.mkdir(parents=True, mode=0o700, exist_ok=True)
        (self.folder / "data").mkdir(exist_ok=True)
        with os.fdopen(
            os.open(tokens / "istio-token", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as written:
            written.write(token)
        bootstrap = self.folder / "bootstrap.json"
        # The agent's own template listens everywhere.
        bootstrap.write_text(
            programs.bootstrap.read_text(encoding="utf-8").replace("{{ .wildcard }}", "127.0.0.1"), encoding="utf-8"
        )
        config = {
            "binaryPath": str(envoy),
            "configPath": str(self.folder / "etc"),
            "discoveryAddress": control_plane["address"],
            "statusPort": self.status_port,
            "proxyAdminPort": self.admin_port,
            "concurrency": 1,
            "terminationDrainDuration": "1s",
        }
        environment = {
            "HOME": str(self.folder),
            "PROXY_CONFIG": yaml.safe_dump(config),
            "POD_NAME": self.name,
            "POD_NAMESPACE": self.namespace,
            "INSTANCE_IP": self.address,
            "SERVICE_ACCOUNT": self.account,
            "TRUST_DOMAIN": control_plane["trust_domain"],
            "ISTIOD_SAN": control_plane["name"],
            "XDS_ROOT_CA": control_plane["root"],
            "CA_ROOT_CA": control_plane["root"],
            "ISTIO_BOOTSTRAP": str(bootstrap),
            "ENVOY_PROMETHEUS_PORT": str(low_port()),
            "ENVOY_STATUS_PORT": str(low_port()),
            "ISTIO_META_CLUSTER_ID": CLUSTER_ID,
            "ISTIO_META_INTERCEPTION_MODE": "NONE",
            "ISTIO_META_DNS_CAPTURE": "false",
            "ISTIO_METAJSON_LABELS": json.dumps(dict(labels)),
            "ISTIO_META_WORKLOAD_NAME": labels.get("app", self.name),
            "MINIMUM_DRAIN_DURATION": "1s",
            "WASM_INSECURE_REGISTRIES": "*",
            "GOMAXPROCS": "1",
        }
        role = "router" if self.is_gateway else "sidecar"
        words = [
            *(
                ["unshare", "--map-root-user", "--mount", "sh", "-c", _OWN_DATA, self.folder / "data"]
                if self.has_own_data
                else []
            ),
            "env",
            "--chdir",
            self.folder,
            programs.agent,
            "proxy",
            role,
            "--domain",
            f"{self.namespace}.svc.cluster.local",
        ]
        words += ["--proxyLogLevel=warning", "--log_output_level=default:warn"]
        self.process = processes.start(f"{self.namespace}/{self.name}", words, self.log, environment)

    def wait_ready(self) -> None:
        """Return once the agent calls its proxy ready. Raises ``ProcessError``."""
        assert self.process is not None

        def is_ready() -> bool:
            time.sleep(_ASK_SECONDS)
            return self._asks(self.status_port, "/healthz/ready")[0] == 200

        self.process.wait_until(is_ready, _READY_SECONDS)

    def admin(self, path: str) -> str:
        """Return what Envoy's administration port says."""
        return self._asks(self.admin_port, path)[1]

    def agent_metrics(self) -> str:
        """Return the agent's own statistics and those of its Envoy."""
        return self._asks(self.status_port, "/stats/prometheus")[1]

    def rejected(self) -> dict[str, int]:
        """Return how many updates Envoy has rejected, by kind; none where it has taken all."""
        text = self.admin("/stats?filter=update_rejected")
        counts = (line.rpartition(":") for line in text.splitlines() if ":" in line)
        return {name: int(count) for name, _colon, count in counts if int(count)}

    def _asks(self, port: int, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()
