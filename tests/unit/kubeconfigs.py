# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kubeconfigs, what kubectl 1.32 sends with each of them, and a server over TLS and a proxy that note what they are
sent.

A row's ``kubectl`` is what kubectl was seen to send, None where it refuses. ``ours`` is the code of our refusal and the
word that it names, None where we send the same as kubectl.
"""

from __future__ import annotations

import base64
import json
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PATH = "/api/v1/namespaces/east/configmaps"
NOTED = ("authorization", "accept-encoding")
V1, V1BETA1, V1ALPHA1 = (f"client.authentication.k8s.io/{version}" for version in ("v1", "v1beta1", "v1alpha1"))
# Prints the credential of its first word, and refuses to if what it is told is not what the others say.
PROGRAM = """
import json, os, sys
told = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
wanted = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
cluster = sorted(told["spec"].get("cluster", {}))
seen = {"interactive": told["spec"]["interactive"], "env": os.environ.get("OWN"), "cluster": cluster}
assert all(seen[name] == value for name, value in wanted.items()), seen
status = json.loads(sys.argv[1])
status = {name: open(value[1:]).read() if value.startswith("@") else value for name, value in status.items()}
print(json.dumps({"apiVersion": told["apiVersion"], "kind": "ExecCredential", "status": status}))
"""


@dataclass
class Sent:
    """What arrived: the path, who it says it is from, whom it acts as, and how it came."""

    path: str = PATH
    authorization: str = ""
    acting: list[tuple[str, str]] = field(default_factory=list)
    is_compressed: bool = True
    name: str = ""
    certificate: bool = False
    proxy: str = ""
    proxy_authorization: str = ""


@dataclass
class Place:
    """Where a row's server, proxy and files are."""

    folder: Path
    server: str
    proxy: str
    certificate: Path
    key: Path
    noted: list[Sent] = field(default_factory=list)

    def kubeconfig(self, user: Any = None, cluster: dict | None = None, **rest: Any) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "east"}}],
            "clusters": [
                {
                    "name": "c",
                    "cluster": {
                        "server": self.server,
                        "certificate-authority": str(self.certificate),
                        **(cluster or {}),
                    },
                }
            ],
            "users": [{"name": "u", "user": {"token": "a-token"} if user is None else user}],
            **rest,
        }

    def plugin(self, status: dict, wanted: dict | None = None, **rest: Any) -> dict[str, Any]:
        """Return a user whose program gives ``status``; a row can take a key out by naming it None."""
        words = ["-c", PROGRAM, json.dumps(status), json.dumps(wanted or {})]
        entry = {"apiVersion": V1, "interactiveMode": "Never", "command": sys.executable, "args": words, **rest}
        return {"exec": {key: value for key, value in entry.items() if value is not None}}


@dataclass
class Row:
    """One kubeconfig, or several files of one, by what they are about."""

    about: str
    write: Callable[[Place], Any]
    kubectl: Sent | None = None
    ours: tuple[str, str] | None = None


def encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def id_token(expires: int) -> str:
    return ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=")
        for part in (b"{}", json.dumps({"exp": expires}).encode(), b"x")
    )


def oidc(**config: str) -> dict[str, Any]:
    return {
        "auth-provider": {
            "name": "oidc",
            "config": {"client-id": "x", "idp-issuer-url": "https://127.0.0.1:1", **config},
        }
    }


def two(first: dict, second: dict) -> list[dict]:
    return [first, second]


def second_user(place: Place, token: str) -> dict:
    """Return a kubeconfig whose current context has a user of its own, and whose user ``u`` is another than
    elsewhere.
    """
    users = [{"name": "u", "user": {"token": "not-this-one", "as": "nobody"}}, {"name": "v", "user": {"token": token}}]
    contexts = [{"name": "d", "context": {"cluster": "c", "user": "v"}}]
    return place.kubeconfig(**{"current-context": "d", "contexts": contexts, "users": users})


TOKEN = Sent(authorization="Bearer a-token")
BASIC = f"Basic {base64.b64encode(b'anna:pass').decode()}"
ACTING = [
    ("as", "viewer"),
    ("as-uid", "7"),
    ("as-groups", ["readers", "all"]),
    ("as-user-extra", {"Scopes/x": ["a", "b"], "y%": ["ü"]}),
]
ACTED = [
    ("impersonate-extra-scopes%2fx", "a"),
    ("impersonate-extra-scopes%2fx", "b"),
    ("impersonate-extra-y%25", "Ã¼"),
    ("impersonate-group", "all"),
    ("impersonate-group", "readers"),
    ("impersonate-uid", "7"),
    ("impersonate-user", "viewer"),
]

ROWS = [
    Row("a token", lambda here: here.kubeconfig(), TOKEN),
    Row(
        "a token that ends in a line, which kubectl cannot send",
        lambda here: here.kubeconfig({"token": "a-token\n"}),
        None,
        ("SENT", "Bearer a-token"),
    ),
    Row("a token that is a number", lambda here: here.kubeconfig({"token": 12345678}), None, ("FED114", "token")),
    Row(
        "a token in a file beside the kubeconfig",
        lambda here: here.kubeconfig({"tokenFile": "token"}),
        Sent(authorization="Bearer of-a-file"),
    ),
    Row(
        "a token, and another in a file",
        lambda here: here.kubeconfig({"token": "a-token", "tokenFile": "token"}),
        Sent(authorization="Bearer of-a-file"),
    ),
    Row(
        "a token's file that is not there",
        lambda here: here.kubeconfig({"tokenFile": "nowhere"}),
        None,
        ("FED101", "tokenFile"),
    ),
    Row(
        "user and password",
        lambda here: here.kubeconfig({"username": "anna", "password": "pass"}),
        Sent(authorization=BASIC),
    ),
    Row(
        "a password and a token",
        lambda here: here.kubeconfig({"username": "anna", "password": "pass", "token": "x"}),
        None,
        ("FED114", "token"),
    ),
    Row(
        "a certificate in files beside it",
        lambda here: here.kubeconfig({"client-certificate": "c.pem", "client-key": "k.pem"}),
        Sent(certificate=True),
    ),
    Row(
        "a certificate in it",
        lambda here: here.kubeconfig(
            {"client-certificate-data": encoded(here.certificate), "client-key-data": encoded(here.key)}
        ),
        Sent(certificate=True),
    ),
    Row(
        "a certificate in it and its key in a file",
        lambda here: here.kubeconfig({"client-certificate-data": encoded(here.certificate), "client-key": "k.pem"}),
        Sent(certificate=True),
    ),
    Row(
        "a certificate without a key",
        lambda here: here.kubeconfig({"client-certificate": "c.pem"}),
        None,
        ("FED114", "client-key"),
    ),
    Row(
        "a key that is not base64",
        lambda here: here.kubeconfig({"client-certificate": "c.pem", "client-key-data": "%"}),
        None,
        ("FED114", "client-key-data"),
    ),
    Row("no credentials", lambda here: here.kubeconfig({}), None, ("FED101", "no credentials")),
    Row(
        "a program",
        lambda here: here.kubeconfig(here.plugin({"token": "of-it"}, {"interactive": False, "cluster": []})),
        Sent(authorization="Bearer of-it"),
    ),
    Row(
        "a program with a variable and the cluster",
        lambda here: here.kubeconfig(
            here.plugin(
                {"token": "of-it"},
                {"env": "mine", "cluster": ["certificate-authority-data", "config", "server"]},
                provideClusterInfo=True,
                env=[{"name": "OWN", "value": "mine"}],
            ),
            {"extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"a": 1}}]},
        ),
        Sent(authorization="Bearer of-it"),
    ),
    Row(
        "a program of v1beta1 that says nothing of a terminal",
        lambda here: here.kubeconfig(here.plugin({"token": "of-it"}, apiVersion=V1BETA1, interactiveMode=None)),
        Sent(authorization="Bearer of-it"),
    ),
    Row(
        "a program that gives a certificate",
        lambda here: here.kubeconfig(
            here.plugin({"clientCertificateData": f"@{here.certificate}", "clientKeyData": f"@{here.key}"})
        ),
        Sent(certificate=True),
    ),
    Row("a program that gives nothing", lambda here: here.kubeconfig(here.plugin({})), None, ("FED101", "exec")),
    Row(
        "a program that fails",
        lambda here: here.kubeconfig(here.plugin({}, {"env": "x"})),
        None,
        ("FED101", "ended with 1"),
    ),
    Row(
        "a program that needs a terminal",
        lambda here: here.kubeconfig(here.plugin({}, interactiveMode="Always")),
        None,
        ("FED114", "interactiveMode"),
    ),
    Row(
        "a program of v1 that says nothing of a terminal",
        lambda here: here.kubeconfig(here.plugin({}, interactiveMode=None)),
        None,
        ("FED114", "interactiveMode"),
    ),
    Row(
        "a program of v1alpha1",
        lambda here: here.kubeconfig(here.plugin({}, apiVersion=V1ALPHA1)),
        None,
        ("FED114", "apiVersion"),
    ),
    Row(
        "a token beside a program",
        lambda here: here.kubeconfig({"token": "a-token", **here.plugin({"token": "of-it"})}),
        TOKEN,
    ),
    Row(
        "an id-token of OpenID",
        lambda here: here.kubeconfig(oidc(**{"id-token": id_token(9999999999)})),
        Sent(authorization=f"Bearer {id_token(9999999999)}"),
    ),
    Row(
        "an id-token that has expired",
        lambda here: here.kubeconfig(oidc(**{"id-token": id_token(1)})),
        None,
        ("FED101", "auth-provider"),
    ),
    Row(
        "a provider of old",
        lambda here: here.kubeconfig({"auth-provider": {"name": "gcp"}}),
        None,
        ("FED114", "auth-provider"),
    ),
    Row(
        "whom to act as",
        lambda here: here.kubeconfig({"token": "a-token", **dict(ACTING)}),
        Sent(authorization="Bearer a-token", acting=ACTED),
    ),
    Row(
        "groups without a user to act as",
        lambda here: here.kubeconfig({"token": "a-token", "as-groups": ["readers"]}),
        None,
        ("FED114", "as"),
    ),
    Row(
        "a server behind a path",
        lambda here: here.kubeconfig(cluster={"server": f"{here.server}/k8s/c-1/"}),
        Sent(authorization="Bearer a-token", path=f"/k8s/c-1{PATH}"),
    ),
    Row(
        "a server without https://",
        lambda here: here.kubeconfig(cluster={"server": here.server.partition("//")[2]}),
        None,
        ("FED101", "server"),
    ),
    Row(
        "a server with user and password, which kubectl prefers to the token",
        lambda here: here.kubeconfig(cluster={"server": here.server.replace("//", "//anna:pass@")}),
        Sent(authorization=BASIC),
        ("FED114", "server"),
    ),
    Row(
        "the CA in it",
        lambda here: here.kubeconfig(
            cluster={"certificate-authority": None, "certificate-authority-data": encoded(here.certificate)}
        ),
        TOKEN,
    ),
    Row("the CA in a file beside it", lambda here: here.kubeconfig(cluster={"certificate-authority": "c.pem"}), TOKEN),
    Row("no CA", lambda here: here.kubeconfig(cluster={"certificate-authority": None}), None, ("FED105", "ca_cert")),
    Row(
        "a CA that is none",
        lambda here: here.kubeconfig(cluster={"certificate-authority": "token"}),
        None,
        ("FED101", "CA certificate"),
    ),
    Row(
        "a CA twice",
        lambda here: here.kubeconfig(cluster={"certificate-authority-data": encoded(here.certificate)}),
        None,
        ("FED114", "certificate-authority"),
    ),
    Row(
        "no verification",
        lambda here: here.kubeconfig(cluster={"certificate-authority": None, "insecure-skip-tls-verify": True}),
        TOKEN,
    ),
    Row(
        "no verification, and a CA",
        lambda here: here.kubeconfig(cluster={"insecure-skip-tls-verify": True}),
        None,
        ("FED114", "insecure-skip-tls-verify"),
    ),
    Row(
        "no verification, as a text",
        lambda here: here.kubeconfig(cluster={"insecure-skip-tls-verify": "true"}),
        None,
        ("FED114", "insecure-skip-tls-verify"),
    ),
    Row(
        "another name for TLS",
        lambda here: here.kubeconfig(cluster={"tls-server-name": "api.inner.example"}),
        Sent(authorization="Bearer a-token", name="api.inner.example"),
    ),
    Row(
        "a name for TLS that the certificate has not",
        lambda here: here.kubeconfig(cluster={"tls-server-name": "api.other"}),
        None,
        ("FED105", "api.other"),
    ),
    Row(
        "no compression",
        lambda here: here.kubeconfig(cluster={"disable-compression": True}),
        Sent(authorization="Bearer a-token", is_compressed=False),
    ),
    Row(
        "a proxy with a log-in",
        lambda here: here.kubeconfig(cluster={"proxy-url": here.proxy.replace("//", "//anna:p%61ss@")}),
        Sent(authorization="Bearer a-token", proxy="CONNECT", proxy_authorization=BASIC),
    ),
    Row(
        "a proxy without http://",
        lambda here: here.kubeconfig(cluster={"proxy-url": here.proxy.partition("//")[2]}),
        None,
        ("FED101", "proxy-url"),
    ),
    Row("two files: the first says who", lambda here: two(here.kubeconfig(), second_user(here, "other")), TOKEN),
    Row(
        "two files, turned round",
        lambda here: two(second_user(here, "other"), here.kubeconfig()),
        Sent(authorization="Bearer other"),
    ),
    Row(
        "two files, the first without entries",
        lambda here: two({"apiVersion": "v1", "kind": "Config"}, here.kubeconfig()),
        TOKEN,
    ),
    Row(
        "a context that is not there",
        lambda here: here.kubeconfig(**{"current-context": "d"}),
        None,
        ("FED101", "context d"),
    ),
    Row("no context", lambda here: here.kubeconfig(**{"current-context": ""}), None, ("FED101", "current-context")),
    Row("a user that is not there", lambda here: here.kubeconfig(users=[]), None, ("FED101", "user")),
    Row(
        "a user twice",
        lambda here: here.kubeconfig(users=[{"name": "u", "user": {"token": each}} for each in ("a", "b")]),
        None,
        ("FED101", "users"),
    ),
    Row("neither kind nor version", lambda here: here.kubeconfig(kind=None, apiVersion=None), TOKEN),
    Row("another kind", lambda here: here.kubeconfig(kind="ConfigMap"), None, ("FED101", "kind")),
    Row(
        "a key that nobody knows, which kubectl leaves out",
        lambda here: here.kubeconfig({"token": "a-token", "as-group": "x"}),
        TOKEN,
        ("FED114", "as-group"),
    ),
    Row(
        "a key of the cluster that nobody knows",
        lambda here: here.kubeconfig(cluster={"proxy_url": "x"}),
        TOKEN,
        ("FED114", "proxy_url"),
    ),
]


@contextmanager
def noting(folder: Path, certificate: Path, key: Path) -> Iterator[Place]:
    """Run a server over TLS and a proxy to it until the block ends, and note what arrives."""
    place = Place(folder, "", "", certificate, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_OPTIONAL
    names: dict[int, str] = {}
    context.sni_callback = lambda connection, name, _context: names.update({id(connection): name or ""}) and None
    asked: list[dict[str, str]] = []

    class Server(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = [(name.lower(), value) for name, value in self.headers.items()]
            first = dict(reversed(headers))
            came = asked[-1] if asked else {}
            place.noted.append(
                Sent(
                    path=self.path.partition("?")[0],
                    authorization=first.get("authorization", ""),
                    acting=sorted(pair for pair in headers if pair[0].startswith("impersonate-")),
                    is_compressed="gzip" in first.get("accept-encoding", ""),
                    name=names.get(id(self.connection), ""),
                    certificate=bool(self.connection.getpeercert()),
                    proxy=came.get("method", ""),
                    proxy_authorization=came.get("proxy-authorization", ""),
                )
            )
            body = b'{"kind":"ConfigMapList","apiVersion":"v1","metadata":{},"items":[]}'
            self.send_response(200)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Keep the tests' output to the tests."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_args: object) -> None:
            """A client that goes away is what some rows are about."""

    class Proxy(Server):
        def do_CONNECT(self) -> None:
            asked.append({"method": "CONNECT", **{name.lower(): value for name, value in self.headers.items()}})
            self.send_response(200)
            self.end_headers()
            with socket.create_connection(("127.0.0.1", api.server_port)) as onward:
                back = threading.Thread(target=pump, args=(onward, self.connection), daemon=True)
                back.start()
                pump(self.connection, onward)
            self.close_connection = True

    api, proxy = Quiet(("127.0.0.1", 0), Server), Quiet(("127.0.0.1", 0), Proxy)
    # The handshake belongs to the connection's own thread.
    api.socket = context.wrap_socket(api.socket, server_side=True, do_handshake_on_connect=False)
    place.server, place.proxy = f"https://127.0.0.1:{api.server_port}", f"http://127.0.0.1:{proxy.server_port}"
    for server in (api, proxy):
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield place
    finally:
        for server in (api, proxy):
            server.shutdown()
            server.server_close()


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Send on all that comes, until one of the two ends."""
    try:
        while part := source.recv(65536):
            sink.sendall(part)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return
