# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real registry (distribution's) on loopback, as the proxies of a mesh pull from: open, with passwords, or with
tokens of another server.
"""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from .addresses import Addresses
from .certificates import ClusterAuthority
from .processes import Processes

PORT, SECONDS = 5000, 30
USER, PASSWORD = "builder", "correct-horse-battery"
# Of that password, by bcrypt, which the registry reads and Python does not write.
_HASH = "$2b$05$abcdefghijklmnopqrstuuSnF5tLPqPFqc0z9CY0HcSLFbSRlL67u"
_ISSUER, _SERVICE = "tokens of tests", "registry of tests"


@dataclass
class RealRegistry:
    """A running registry: its ``host`` with its port, the file of its authority ("" for plain HTTP), and the bearer
    tokens that it was given.
    """

    host: str
    ca_file: str
    tokens: list[str] = field(default_factory=list)
    token_host: str = ""
    login: str = ""


@contextmanager
def real_registry(program: Path, folder: Path, *, tls: bool = True, login: str = "") -> Iterator[RealRegistry]:
    """Run a registry whose images are gone with it; ``login`` is "", "password" or "token".

    Tokens are given by a server of this process, on another address; user and password are ``USER`` and ``PASSWORD``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as kept:
        addresses = Addresses()
        kept.callback(addresses.release)
        address = addresses.for_key("registry")
        authority = ClusterAuthority(folder, "authority of the registry")
        registry = RealRegistry(f"{address}:{PORT}", str(authority.file) if tls else "", login=login)
        settings: dict[str, object] = {
            "version": "0.1",
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"inmemory": {}},
            "http": {"addr": registry.host},
        }
        if tls:
            certificate, key = authority.serving("registry", [address])
            settings["http"] = {"addr": registry.host, "tls": {"certificate": str(certificate), "key": str(key)}}
        if login == "password":
            (folder / "users").write_text(f"{USER}:{_HASH}\n", encoding="utf-8")
            settings["auth"] = {"htpasswd": {"realm": "tests", "path": str(folder / "users")}}
        if login == "token":
            registry.token_host = addresses.for_key("tokens")
            realm = kept.enter_context(_token_server(folder, authority, registry))
            settings["auth"] = {
                "token": {"realm": realm, "service": _SERVICE, "issuer": _ISSUER, "rootcertbundle": str(authority.file)}
            }
        # JSON is YAML.
        (folder / "registry.yml").write_text(json.dumps(settings), encoding="utf-8")
        processes = Processes()
        words = [program, "serve", folder / "registry.yml"]
        process = processes.start("registry", words, folder / "registry.log", {"OTEL_TRACES_EXPORTER": "none"})
        kept.callback(process.stop)
        process.wait_until(lambda: _answers(registry), SECONDS)
        yield registry


def _answers(registry: RealRegistry) -> bool:
    scheme, context = (
        ("https", ssl.create_default_context(cafile=registry.ca_file)) if registry.ca_file else ("http", None)
    )
    try:
        with urllib.request.urlopen(f"{scheme}://{registry.host}/v2/", timeout=1, context=context):
            return True
    except urllib.error.HTTPError as answer:
        return answer.code == 401
    except OSError:
        return False


@contextmanager
def _token_server(folder: Path, authority: ClusterAuthority, registry: RealRegistry) -> Iterator[str]:
    """Give tokens to who has the password, for all that is asked for; without one, tokens that may do nothing. Yield
    where.
    """
    certificate, key = authority.serving("tokens", [registry.token_host])
    signer = serialization.load_pem_private_key(key.read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    chain = [
        base64.b64encode(
            x509.load_pem_x509_certificate(certificate.read_bytes()).public_bytes(serialization.Encoding.DER)
        ).decode()
    ]
    expected = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            """Keep the tests' output to the tests."""

        def do_GET(self) -> None:
            asked = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            said = self.headers.get("Authorization", "")
            if said and said != expected:
                self.send_error(401)
                return
            kind, name, actions = asked["scope"][0].split(":")
            access = [{"type": kind, "name": name, "actions": actions.split(",")}] if said else []
            token = _token(signer, chain, access)
            registry.tokens.append(token)
            body = json.dumps({"token": token}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer((registry.token_host, 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"https://{registry.token_host}:{server.server_port}/token"
    finally:
        server.shutdown()
        server.server_close()


def _token(signer: ec.EllipticCurvePrivateKey, chain: list[str], access: list[dict]) -> str:
    """Return a JSON Web Token as distribution's "Token Authentication Implementation" has it (RFC 7515, 7518)."""
    now = int(time.time())
    claims = {
        "iss": _ISSUER,
        "sub": USER,
        "aud": _SERVICE,
        "iat": now - 60,
        "nbf": now - 60,
        "exp": now + 600,
        "jti": str(now),
        "access": access,
    }
    said = ".".join(
        _encoded(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ES256", "x5c": chain}, claims)
    )
    first, second = decode_dss_signature(signer.sign(said.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{said}.{_encoded(first.to_bytes(32, 'big') + second.to_bytes(32, 'big'))}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
