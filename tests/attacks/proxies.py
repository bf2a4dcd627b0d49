# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real proxies as judges of certificates: which bundles Envoy loads, and which workloads Envoy and OpenSSL verify by
them.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from testbed.addresses import Addresses
from testbed.authority import Authority, Identity
from testbed.gateways import BUNDLES, DISCOVERY_PORT, DiscoveryIn, Envoy, Gateway, Programme
from testbed.processes import Processes
from testbed.programs import find_envoy

TRUST_DOMAIN = "west.local"
TYPES = "type.googleapis.com/envoy"
BATCH = 200


class Verifiers:
    """Envoy, started on configurations of this folder: each bundle is that of one trust domain of one listener's filter
    chain.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._own = Authority(folder / "authority", "east.local").identity("shop", "cart")

    def refused(self, bundles: Mapping[str, str]) -> list[str]:
        """Return the names of the bundles that Envoy does not load, found by halves."""
        names = list(bundles)
        found = []
        for at in range(0, len(names), BATCH):
            found += self._refused(bundles, names[at : at + BATCH])
        return found

    def _refused(self, bundles: Mapping[str, str], names: Sequence[str]) -> list[str]:
        # One bundle of all: a certificate that cannot be loaded takes the others with it, as it does in a mesh.
        chains = [self._chain("all", "".join(bundles[name] for name in names))]
        self._write(chains, 0)
        words = [find_envoy(), "--mode", "validate", "-c", self._folder / "envoy.json", "--log-level", "error"]
        if (
            subprocess.run(
                words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=60
            ).returncode
            == 0
        ):
            return []
        if len(names) == 1:
            return list(names)
        half = len(names) // 2
        return self._refused(bundles, names[:half]) + self._refused(bundles, names[half:])

    def unverified(self, bundles: Mapping[str, str], workloads: Mapping[str, Path]) -> dict[str, str]:
        """Return by name why Envoy does not take a workload's certificate by its bundle; ``workloads`` are files of
        chain and key.
        """
        found = {}
        names = list(bundles)
        for at in range(0, len(names), BATCH):
            with self._running({name: bundles[name] for name in names[at : at + BATCH]}) as address:
                for name in names[at : at + BATCH]:
                    why = echoed(address, f"{name}.test", workloads[name])
                    if why:
                        found[name] = why
        return found

    @contextmanager
    def _running(self, bundles: Mapping[str, str]) -> Iterator[tuple[str, int]]:
        addresses = Addresses()
        address = (addresses.for_key("verifier"), DISCOVERY_PORT)
        self._write([self._chain(name, text) for name, text in bundles.items()], *reversed(address))
        processes = Processes()
        try:
            words = [
                find_envoy(),
                "-c",
                self._folder / "envoy.json",
                "--use-dynamic-base-id",
                "--disable-hot-restart",
                "--concurrency",
                "1",
            ]
            process = processes.start("envoy", [*words, "--log-level", "error"], self._folder / "envoy.log")
            process.wait_until(lambda: is_listening(address), 30)
            yield address
        finally:
            processes.stop()
            addresses.release()

    def _write(self, chains: list[dict], port: int, address: str = "127.0.0.1") -> None:
        inspector = {"@type": f"{TYPES}.extensions.filters.listener.tls_inspector.v3.TlsInspector"}
        listener = {
            "name": "verifier",
            "address": {"socket_address": {"address": address, "port_value": port}},
            "listener_filters": [{"name": "envoy.filters.listener.tls_inspector", "typed_config": inspector}],
            "filter_chains": chains,
        }
        (self._folder / "envoy.json").write_text(
            json.dumps({"static_resources": {"listeners": [listener]}}), encoding="utf-8"
        )

    def _chain(self, name: str, bundle: str) -> dict:
        validator = {
            "@type": f"{TYPES}.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig",
            "trust_domains": [{"name": TRUST_DOMAIN, "trust_bundle": {"inline_string": bundle}}],
        }
        own = {"certificate_chain": {"inline_string": self._own.chain}, "private_key": {"inline_string": self._own.key}}
        context = {
            "@type": f"{TYPES}.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "require_client_certificate": True,
            "common_tls_context": {
                "tls_certificates": [own],
                "validation_context": {
                    "custom_validator_config": {"name": "envoy.tls.cert_validator.spiffe", "typed_config": validator}
                },
            },
        }
        echo = {
            "name": "envoy.filters.network.echo",
            "typed_config": {"@type": f"{TYPES}.extensions.filters.network.echo.v3.Echo"},
        }
        return {
            "filter_chain_match": {"server_names": [f"{name}.test"]},
            "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": context},
            "filters": [echo],
        }


def is_listening(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, 1).close()
    except OSError:
        return False
    return True


def _as_client(workload: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # there the server says at once what it thinks of the client
    context.load_cert_chain(workload)
    return context


def echoed(address: tuple[str, int], server_name: str, workload: Path) -> str:
    """Return why a server that echoes does not take a workload's certificate, "" when it does."""
    try:
        with _as_client(workload).wrap_socket(
            socket.create_connection(address, 5), server_hostname=server_name
        ) as line:
            line.sendall(b"?")
            return "" if line.recv(1) == b"?" else "the connection ended"
    except OSError as error:
        return str(error)


def openssl_refuses(bundle: str, workload: Path) -> str:
    """Return why OpenSSL, as client and as server, does not verify a workload by a bundle, "" when it does."""
    try:
        contexts = [ssl.SSLContext(protocol) for protocol in (ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER)]
        contexts[0].check_hostname = False
        for context in contexts:
            context.verify_mode = ssl.CERT_REQUIRED
            context.verify_flags = ssl.VERIFY_DEFAULT  # as proxies do; Python's own default is stricter
            context.load_verify_locations(cadata=bundle)
            context.load_cert_chain(workload)
        one, other = ssl.MemoryBIO(), ssl.MemoryBIO()
        ends = [contexts[0].wrap_bio(one, other), contexts[1].wrap_bio(other, one, server_side=True)]
        for _round in range(8):
            for end in tuple(ends):
                try:
                    end.do_handshake()
                    ends.remove(end)
                except ssl.SSLWantReadError:
                    pass
    except ssl.SSLError as error:
        return str(error)
    return "the handshake does not end" if ends else ""


class HonestMesh:
    """The ingress gateway of east in an Envoy that runs, for its honest peer north; the bundles of others are what a
    test says.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._addresses = Addresses()
        east, north = (Authority(folder / name, f"{name}.local") for name in ("east", "north"))
        identity = north.identity("north-mesh-system", "east-egress-service-account")
        self._caller = _file_of(identity, folder / "north.pem")
        address = self._addresses.for_key("gateway")
        self._istiod = ThreadingHTTPServer((self._addresses.for_key("istiod"), 0), _Istiod)
        threading.Thread(target=self._istiod.serve_forever, args=(0.05,), daemon=True).start()
        self._gateway = (address, DISCOVERY_PORT)
        self._programme = Programme(
            istiod=self._istiod.server_address[:2],
            gateways=(Gateway("north-ingress", address, {DISCOVERY_PORT: (DISCOVERY_PORT,)}),),
            discovery_in=(DiscoveryIn("north-ingress", "north", identity.uri.removeprefix("spiffe://")),),
            bundles={"east.local": east.root(), "north.local": north.root()},
            identities={"north-ingress": east.identity("east-mesh-system", "north-ingress-service-account")},
        )
        self._envoy = Envoy(find_envoy(), folder / "envoy", self._addresses.for_key("administration"))

    def __enter__(self) -> HonestMesh:
        self._envoy.start(self._programme)
        _until(lambda: is_listening(self._gateway), 30)
        return self

    def __exit__(self, *_ended: object) -> None:
        self._envoy.stop()
        self._istiod.shutdown()
        self._istiod.server_close()
        self._addresses.release()

    def trust(self, bundle: str) -> None:
        """Give all proxies of east a bundle for west besides those it has, and wait until Envoy has taken or refused
        it.
        """
        before = self.updates()
        bundles = {**self._programme.bundles, **({TRUST_DOMAIN: bundle} if bundle else {})}
        changed = self._envoy.programme.bundles != bundles
        self._envoy.follow(Programme(**{**vars(self._programme), "bundles": bundles}))
        if changed:
            _until(lambda: sum(self.updates()) > sum(before), 10)

    def updates(self) -> tuple[int, int]:
        """Return how many times Envoy has taken the bundles, and refused them."""
        administration = (self._folder / "envoy" / "admin.txt").read_text(encoding="utf-8").strip()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{administration}/stats?filter=sds.{BUNDLES}.update_", timeout=5) as answer:
            counted = answer.read().decode()
        return tuple(sum(map(int, re.findall(rf"update_{what}: (\d+)", counted))) for what in ("success", "rejected"))

    def serves_its_peer(self) -> bool:
        """Return whether north's gateway, in a handshake of its own, is let through to istiod."""
        line = http.client.HTTPSConnection(*self._gateway, context=_as_client(self._caller), timeout=5)
        try:
            line.request("GET", "/v1/services/east")
            return line.getresponse().status == 200
        except OSError:
            return False
        finally:
            line.close()


class _Istiod(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *arguments: object) -> None:  # pylint: disable=redefined-builtin
        pass


def _file_of(identity: Identity, path: Path) -> Path:
    path.write_text(identity.chain + identity.key, encoding="utf-8")
    path.chmod(0o600)
    return path


def _until(is_so: object, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s"
        time.sleep(0.01)
