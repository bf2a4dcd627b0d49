# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a request meets on its way, and what is told of it: against a scripted server on loopback."""

from __future__ import annotations

import base64
import datetime
import http.server
import ipaddress
import json
import os
import socket
import ssl
import sys
import threading
import time
import types
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._cluster import client as _cluster
from ansible_collections.ossm.federation.plugins.module_utils._cluster.client import Cluster
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import (
    CONFIG_MAP,
    CONTROL_PLANE,
    DEPLOYMENT,
    NAMESPACE,
    PEER,
    SECRET,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from unit.kubeconfigs import pump

TOKEN = "a-token-that-nobody-may-see"
BUNDLE = {"metadata": {"namespace": "east", "name": "west-ca-root-cert"}, "data": {"root-cert.pem": "…"}}
STORED = {**BUNDLE, "apiVersion": "v1", "kind": "ConfigMap"}


@dataclass
class Reply:
    """What the server answers; ``wait`` is an event that it waits for before."""

    status: int = 200
    body: object = None
    headers: dict = field(default_factory=dict)
    wait: threading.Event | None = None


def failure(status, message, reason="", **details):
    """Return a Kubernetes Status as an answer."""
    return Reply(
        status,
        {
            "kind": "Status",
            "status": "Failure",
            "code": status,
            "message": message,
            "reason": reason,
            "details": details,
        },
    )


def missing(kind, name):
    return failure(404, f'{kind} "{name}" not found', "NotFound", kind=kind, name=name)


@dataclass
class Received:
    method: str
    path: str
    query: dict
    headers: object
    body: object
    at: float


class ScriptedServer:
    """Answers with one reply after the other, the last one for ever, and keeps what it received."""

    def __init__(self, certificate=None):
        self.certificate = certificate
        self.replies, self.received = [Reply(body=STORED)], []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length) if length else b""
                parts = urlsplit(self.path)
                is_json = "json" in (self.headers.get("Content-Type") or "") or "yaml" in (
                    self.headers.get("Content-Type") or ""
                )
                outer.received.append(
                    Received(
                        self.command,
                        parts.path,
                        parse_qs(parts.query),
                        self.headers,
                        json.loads(body) if is_json else body,
                        time.monotonic(),
                    )
                )
                reply = outer.replies.pop(0) if len(outer.replies) > 1 else outer.replies[0]
                if reply.wait:
                    reply.wait.wait(20)
                if reply.status == 0:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send_response_only(reply.status)
                for name, value in {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(content)),
                    **reply.headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PATCH = do_DELETE = do_POST = answer

            def log_message(self, *_words):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request, client_address):
                """A client that has gone is what some tests are about."""

        self._server = Server(("127.0.0.1", 0), Handler)
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def access(self):
        return {"host": self.url, "api_key": TOKEN, "ca_cert": str(self.certificate)}

    def will(self, *replies):
        self.replies = list(replies)

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("K8S_AUTH_") or name.lower().endswith("_proxy") or name == "KUBECONFIG":
            monkeypatch.delenv(name)
    # A fifth of the real pauses.
    monkeypatch.setattr(_cluster, "FIRST_PAUSE", 0.1)


@pytest.fixture
def server(certificate):
    scripted = ScriptedServer(certificate)
    yield scripted
    scripted.stop()


@pytest.fixture
def in_the_clear():
    """A server, or a proxy, without TLS."""
    scripted = ScriptedServer()
    yield scripted
    scripted.stop()


@pytest.fixture
def cluster(server):
    return Cluster.connect({**server.access, "api_timeout": 5})


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A self-signed certificate of 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("server") / "server.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


def hurried(server, seconds=1, **options):
    return Cluster.connect({**server.access, "api_timeout": seconds, **options})


def openly(url, seconds=5):
    """Return the cluster at an ``http://`` URL, which gets no credentials."""
    there = {
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "contexts": [{"name": "c", "context": {"cluster": "c"}}],
    }
    return Cluster.connect({"kubeconfig": {**there, "current-context": "c"}, "api_timeout": seconds})


def kubeconfig_of(server, **user):
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "here", "cluster": {"server": server.url, "certificate-authority": str(server.certificate)}},
            {"name": "there", "cluster": {"server": "https://127.0.0.1:1"}},
        ],
        "users": [{"name": "us", "user": user or {"token": TOKEN}}],
        "contexts": [
            {"name": "here", "context": {"cluster": "here", "user": "us"}},
            {"name": "there", "context": {"cluster": "there", "user": "us"}},
        ],
        "current-context": "here",
    }


@contextmanager
def proxying(port):
    """Run a proxy that connects everybody with ``port`` on loopback; ``asked`` holds the first line and the headers of
    each request.
    """
    asked = []

    def serve(connection):
        with connection:
            text = b""
            while b"\r\n\r\n" not in text and (part := connection.recv(65536)):
                text += part
            line, *headers = text.decode().split("\r\n\r\n")[0].split("\r\n")
            asked.append((line, {name.lower(): value for name, value in (header.split(": ", 1) for header in headers)}))
            with socket.create_connection(("127.0.0.1", port)) as onward:
                connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                back = threading.Thread(target=pump, args=(onward, connection), daemon=True)
                back.start()
                pump(connection, onward)

    def accept(listening):
        while True:
            try:
                connection, _address = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, args=(listening,), daemon=True).start()
        yield types.SimpleNamespace(url=f"http://127.0.0.1:{listening.getsockname()[1]}", asked=asked)


@contextmanager
def refused(code, *words):
    with pytest.raises(FederationError) as caught:
        yield caught
    assert caught.value.code == code
    for word in words:
        assert word in str(caught.value)
    assert TOKEN not in f"{caught.value} {caught.value.facts}"


# Connecting


def test_without_options_nothing_is_used_though_kubeconfig_home_and_pod_offer_credentials(
    server, monkeypatch, tmp_path
):
    config = tmp_path / ".kube" / "config"
    config.parent.mkdir()
    config.write_text(json.dumps(kubeconfig_of(server)))
    monkeypatch.setenv("KUBECONFIG", str(config))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", server.url.rpartition(":")[2])
    with refused("FED101", "no credentials are given", "KUBECONFIG"):
        Cluster.connect(dict.fromkeys(("kubeconfig", "host", "api_key", "context")))
    assert server.received == []


@pytest.mark.parametrize(
    "given",
    [
        {"context": "here"},
        {"host": "https://127.0.0.1:1"},
        {"api_key": "x"},
        {"host": "https://127.0.0.1:1", "username": "admin"},
        {"ca_cert": "/ca"},
    ],
    ids="+".join,
)
def test_half_of_what_is_needed_is_refused_and_named(given):
    with refused("FED101", "only", *given):
        Cluster.connect(given)


def test_a_kubeconfig_is_taken_as_a_mapping(server):
    cluster = Cluster.connect({"kubeconfig": kubeconfig_of(server)})
    assert cluster.server == server.url
    assert cluster.get(CONFIG_MAP, "east", "west-ca-root-cert") == STORED
    assert server.received[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_kubeconfig_is_taken_as_a_path_with_a_context(server, tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(kubeconfig_of(server)))
    assert Cluster.connect({"kubeconfig": str(path)}).server == server.url
    assert Cluster.connect({"kubeconfig": str(path), "context": "there"}).server == "https://127.0.0.1:1"


def test_a_kubeconfig_with_a_program_that_gives_the_token_runs_it(server):
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": TOKEN}}
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": ["-c", f"print({json.dumps(json.dumps(answer))})"],
            "interactiveMode": "Never",
        }
    }
    Cluster.connect({"kubeconfig": kubeconfig_of(server, **user)}).get(CONFIG_MAP, "east", "west-ca-root-cert")
    assert server.received[0].headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ["does not exist"]),
        (f"token: {TOKEN}\n  - [}}", []),
        ("only text", ["is not a kubeconfig"]),
        ("", []),
        (json.dumps({"current-context": "nowhere", "contexts": []}), ["nowhere"]),
    ],
    ids=["missing", "broken", "text", "empty", "context"],
)
def test_a_kubeconfig_that_cannot_be_read_is_refused_without_showing_it(content, words, tmp_path):
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    with refused("FED101", str(path), *words):
        Cluster.connect({"kubeconfig": str(path)})


@pytest.mark.parametrize("name", ["ca_cert", "client_cert", "client_key"])
def test_a_certificate_file_that_is_not_there_is_named_by_its_option(name):
    with refused("FED101", name, "/nowhere/file.pem"):
        Cluster.connect({"host": "https://127.0.0.1:1", "api_key": TOKEN, name: "/nowhere/file.pem"})


def test_a_host_that_is_no_url_is_refused():
    with refused("FED101", "host", "https://"):
        Cluster.connect({"host": "api.example.com:6443", "api_key": TOKEN})


def test_options_fall_back_to_their_variables(server, monkeypatch):
    monkeypatch.setenv("K8S_AUTH_HOST", server.url)
    monkeypatch.setenv("K8S_AUTH_API_KEY", TOKEN)
    monkeypatch.setenv("K8S_AUTH_SSL_CA_CERT", str(server.certificate))
    monkeypatch.setenv("K8S_AUTH_IMPERSONATE_USER", "anna")
    monkeypatch.setenv("K8S_AUTH_IMPERSONATE_GROUPS", "one,two")
    Cluster.connect({}).get(CONFIG_MAP, "east", "west-ca-root-cert")
    (received,) = server.received
    assert received.headers["Authorization"] == f"Bearer {TOKEN}"
    assert received.headers["Impersonate-User"] == "anna"
    assert received.headers.get_all("Impersonate-Group") == ["one", "two"]


def test_a_tasks_kubeconfig_is_not_mixed_with_a_host_or_token_of_the_environment(server, monkeypatch):
    monkeypatch.setenv("K8S_AUTH_HOST", "https://127.0.0.1:1")
    monkeypatch.setenv("K8S_AUTH_API_KEY", "another-token")
    Cluster.connect({"kubeconfig": kubeconfig_of(server)}).get(CONFIG_MAP, "east", "west-ca-root-cert")
    assert server.received[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_tasks_host_is_not_completed_by_a_kubeconfig_of_the_environment(server, monkeypatch):
    monkeypatch.setenv("K8S_AUTH_KUBECONFIG", "/somebody/elses/kubeconfig")
    with refused("FED101", "only host"):
        Cluster.connect({"host": server.url})


def test_impersonation_is_sent_with_each_group_on_its_own(server):
    hurried(server, impersonate_user="anna", impersonate_groups=["one", "two"]).get(
        CONFIG_MAP, "east", "west-ca-root-cert"
    )
    assert server.received[0].headers["Impersonate-User"] == "anna"
    assert server.received[0].headers.get_all("Impersonate-Group") == ["one", "two"]


@pytest.fixture
def proxy(server):
    """A proxy that connects everybody with the server, whatever they asked for."""
    with proxying(int(server.url.rpartition(":")[2])) as running:
        yield running


def test_a_proxy_is_used_only_when_given(server, proxy, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert hurried(server).get(CONFIG_MAP, "east", "west-ca-root-cert") == STORED
    assert proxy.asked == []
    through = hurried(server, host="https://127.0.0.9:6443", proxy=proxy.url, validate_certs=False)
    assert through.get(CONFIG_MAP, "east", "west-ca-root-cert") == STORED
    assert [line.split()[:2] for line, _headers in proxy.asked] == [["CONNECT", "127.0.0.9:6443"]]


@pytest.mark.parametrize(
    "options",
    [
        {"proxy": "http://anna:p%40ss@{at}"},
        {"proxy": "http://anna:p@ss@{at}"},
        {"proxy": "http://{at}", "proxy_headers": {"proxy_basic_auth": "anna:p@ss"}},
        {"proxy": "http://other:login@{at}", "proxy_headers": {"proxy_basic_auth": "anna:p@ss"}},
    ],
    ids=["in the URL", "in the URL as it is", "as an option", "option first"],
)
def test_a_proxy_gets_its_own_log_in(server, proxy, options):
    given = {**options, "proxy": options["proxy"].format(at=proxy.url.partition("//")[2])}
    hurried(server, **given).get(CONFIG_MAP, "east", "west-ca-root-cert")
    ((_line, headers),) = proxy.asked
    assert headers["proxy-authorization"] == "Basic " + base64.b64encode(b"anna:p@ss").decode()
    assert "authorization" not in headers
    assert "Proxy-Authorization" not in server.received[0].headers


@pytest.mark.parametrize("no_proxy", ["127.0.0.1", "10.0.0.0/8, 127.0.0.0/8", "*", "x,127.0.0.1:{port}"])
def test_no_proxy_leaves_the_proxy_out(server, no_proxy):
    port = server.url.rpartition(":")[2]
    assert (
        hurried(server, proxy="http://127.0.0.1:1", no_proxy=no_proxy.format(port=port)).get(
            CONFIG_MAP, "east", "west-ca-root-cert"
        )
        == STORED
    )


def test_tls_is_verified_against_the_ca_that_is_given(server):
    options = {"host": server.url, "api_key": TOKEN, "api_timeout": 5}
    started = time.monotonic()
    with refused("FED105", server.url, "certificate verify failed", "ca_cert", "mesh_ca_cert"):
        Cluster.connect(options).get(CONFIG_MAP, "east", "west-ca-root-cert")
    assert time.monotonic() - started < 10, "a certificate does not become better by waiting"
    assert Cluster.connect(server.access).unverified == ""
    assert Cluster.connect(server.access).get(CONFIG_MAP, "east", "west-ca-root-cert") == STORED
    unverified = Cluster.connect({**options, "validate_certs": False})
    assert unverified.get(CONFIG_MAP, "east", "west-ca-root-cert") == STORED
    assert "validate_certs" in unverified.unverified


def test_a_missing_library_is_named_with_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "urllib3"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "urllib3", None)
    with refused("FED110", "(urllib3)", "pip install"):
        Cluster.connect({"host": "https://127.0.0.1:1", "api_key": TOKEN})


def log_in_of(server):
    return (
        Reply(body={"authorization_endpoint": f"{server.url}/authorize", "token_endpoint": f"{server.url}/token"}),
        Reply(302, headers={"Location": f"{server.url}/done?code=a-code&state=1"}),
        Reply(body={"access_token": TOKEN, "expires_in": 86400, "scope": "user:full", "token_type": "Bearer"}),
        Reply(body=STORED),
    )


def by_password(server, **options):
    return Cluster.connect(
        {"host": server.url, "ca_cert": str(server.certificate), "username": "anna", "password": "right", **options}
    )


def test_user_and_password_become_a_token_of_openshifts_oauth_server(server):
    server.will(*log_in_of(server))
    by_password(server).get(CONFIG_MAP, "east", "west-ca-root-cert")
    assert [received.path for received in server.received[:3]] == [
        "/.well-known/oauth-authorization-server",
        "/authorize",
        "/token",
    ]
    assert server.received[1].headers["Authorization"] == "Basic " + base64.b64encode(b"anna:right").decode()
    assert server.received[1].query["client_id"] == ["openshift-challenging-client"]
    assert b"code=a-code" in server.received[2].body
    assert server.received[3].headers["Authorization"] == f"Bearer {TOKEN}"


def test_the_log_in_takes_the_way_that_the_task_names_and_nothing_of_the_environment(
    server, proxy, monkeypatch, tmp_path
):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login eve password eves")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    server.will(*log_in_of(server))
    by_password(server, proxy=proxy.url).get(CONFIG_MAP, "east", "west-ca-root-cert")
    assert proxy.asked
    assert server.received[1].headers["Authorization"] == "Basic " + base64.b64encode(b"anna:right").decode()


def test_a_wrong_password_is_told_without_showing_it(server):
    server.will(log_in_of(server)[0], Reply(401))
    with refused("FED101", "username, password", "401") as caught:
        by_password(server, password="wrong")
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize(
    "replies",
    [
        [Reply(404)],
        [Reply(body=b"<html>")],
        [Reply(body=[])],
        [
            Reply(
                body={"authorization_endpoint": "http://127.0.0.1:1/authorize", "token_endpoint": "https://127.0.0.1:1"}
            )
        ],
        [Reply(body={"authorization_endpoint": "https://[", "token_endpoint": "https://["})],
    ],
    ids=["none", "page", "list", "in the clear", "no URL"],
)
def test_an_oauth_server_that_is_none_gets_no_password(server, replies):
    server.will(*replies)
    with refused("FED101", "username, password"):
        by_password(server, password="a-long-password")
    assert not any("Authorization" in received.headers for received in server.received)


def test_an_oauth_server_that_hangs_is_given_up(server):
    released = threading.Event()
    server.will(Reply(body={}, wait=released))
    try:
        with refused("FED101", "username, password"):
            by_password(server, api_timeout=1)
    finally:
        released.set()


# Reading


def test_get_gives_the_object_or_none(server, cluster):
    server.will(Reply(body=STORED), missing("configmaps", "x"))
    assert cluster.get(CONFIG_MAP, "east", "west-ca-root-cert") == STORED
    assert cluster.get(CONFIG_MAP, "east", "west-ca-root-cert") is None
    assert server.received[0].path == "/api/v1/namespaces/east/configmaps/west-ca-root-cert"
    assert cluster.requests == 2


def test_an_outline_is_asked_for_without_the_objects_content(server, cluster):
    server.will(Reply(body={"kind": "PartialObjectMetadata", "metadata": {"name": "x"}}), missing("secrets", "x"))
    assert cluster.outline(SECRET, "east", "x") == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "x", "namespace": "east"},
    }
    assert cluster.outline(SECRET, "east", "x") is None
    for received in server.received:
        assert received.path == "/api/v1/namespaces/east/secrets/x"
        assert received.headers["Accept"] == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


def test_list_gives_items_with_their_kind_page_by_page(server, cluster):
    server.will(
        Reply(body={"items": [{"metadata": {"name": "a"}}], "metadata": {"continue": "more"}}),
        Reply(body={"items": [{"metadata": {"name": "b"}}], "metadata": {}}),
    )
    assert cluster.list(PEER, "east", selector="a=b") == [
        {"apiVersion": PEER.api_version, "kind": "ServiceMeshPeer", "metadata": {"name": name, "namespace": "east"}}
        for name in "ab"
    ]
    assert [received.query for received in server.received] == [
        {"labelSelector": ["a=b"], "limit": ["500"]},
        {"labelSelector": ["a=b"], "limit": ["500"], "continue": ["more"]},
    ]


def test_list_starts_again_when_its_pages_have_expired(server, cluster):
    server.will(
        Reply(body={"items": [{"metadata": {"name": "a"}}], "metadata": {"continue": "more"}}),
        failure(410, "The provided continue parameter is too old", "Expired"),
        Reply(body={"items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}], "metadata": {}}),
    )
    assert [item["metadata"]["name"] for item in cluster.list(PEER, "east")] == ["a", "b"]
    assert "limit" not in server.received[2].query


@pytest.mark.parametrize(
    ("kind", "words"),
    [(PEER, ["first ServiceMeshControlPlane"]), (CONTROL_PLANE, ["Install the OpenShift Service Mesh operator"])],
    ids=["peer", "control-plane"],
)
@pytest.mark.parametrize(
    "reply",
    [Reply(404, b"404 page not found\n"), failure(404, "the server could not find the requested resource", "NotFound")],
    ids=["group", "resource"],
)
def test_a_kind_that_is_not_served_is_told_with_what_brings_it(server, cluster, kind, words, reply):
    server.will(reply)
    for look in (lambda: cluster.list(kind, "east"), lambda: cluster.get(kind, "east", "x")):
        with refused("FED108", kind.name, *words):
            look()
    assert cluster.requests == 2


def test_schema_gives_the_document_of_a_group_and_none_without_it(server, cluster):
    server.will(Reply(body={"openapi": "3.0.0"}), Reply(404, b"404 page not found\n"))
    assert cluster.schema("maistra.io/v2") == {"openapi": "3.0.0"}
    assert cluster.schema("maistra.io/v3") is None
    assert [received.path for received in server.received] == [
        "/openapi/v3/apis/maistra.io/v2",
        "/openapi/v3/apis/maistra.io/v3",
    ]


def test_now_is_the_api_servers_clock_once_it_has_answered(server, cluster):
    before = cluster.now
    assert abs((before - datetime.datetime.now(datetime.timezone.utc)).total_seconds()) < 5
    server.will(
        Reply(body=STORED, headers={"Date": "Tue, 03 Jan 2023 04:05:06 GMT"}),
        Reply(body=STORED, headers={"Date": "soon"}),
    )
    for _again in range(2):
        cluster.get(CONFIG_MAP, "east", "west-ca-root-cert")
        assert cluster.now == datetime.datetime(2023, 1, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)


# Writing


def test_apply_is_one_strict_server_side_apply_as_its_manager(server, cluster):
    assert cluster.apply(CONFIG_MAP, BUNDLE, "ossm.federation") == STORED
    (received,) = server.received
    assert (received.method, received.path) == ("PATCH", "/api/v1/namespaces/east/configmaps/west-ca-root-cert")
    assert received.headers["Content-Type"] == "application/apply-patch+yaml"
    assert received.query == {"fieldManager": ["ossm.federation"], "fieldValidation": ["Strict"]}
    assert received.body == STORED


def test_apply_with_force_says_so(server, cluster):
    cluster.apply(CONFIG_MAP, BUNDLE, "ossm.federation", force=True)
    assert server.received[0].query["force"] == ["true"]


def test_a_conflict_of_field_managers_names_the_other_and_is_not_tried_again(server, cluster):
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "team-gitops" using maistra.io/v2',
            "field": ".spec.version",
        },
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl" using maistra.io/v2 at 2026-01-01T00:00:00Z',
            "field": ".spec.mode",
        },
    ]
    server.will(failure(409, "Apply failed with 2 conflicts", "Conflict", causes=causes), Reply(body=STORED))
    with refused("FED107", ".spec.mode, .spec.version", "kubectl, team-gitops", "force: true") as caught:
        cluster.apply(CONFIG_MAP, BUNDLE, "ossm.federation")
    assert cluster.requests == 1
    assert caught.value.facts["conflicts"] == [
        {"manager": "team-gitops", "field": ".spec.version"},
        {"manager": "kubectl", "field": ".spec.mode"},
    ]


@pytest.mark.parametrize(
    "reply",
    [
        failure(
            409,
            'Operation cannot be fulfilled on configmaps "b": uid mismatch: the provided object specified uid x, and no'
            " existing object was found",
        ),
        failure(
            422,
            'ConfigMap "a" is invalid: metadata.uid: field is immutable',
            "Invalid",
            causes=[{"field": "metadata.uid"}],
        ),
    ],
    ids=["removed", "replaced"],
)
def test_applying_to_an_object_that_is_another_now_asks_to_run_again(server, cluster, reply):
    server.will(reply)
    with refused("FED109", "Run again"):
        cluster.apply(CONFIG_MAP, BUNDLE, "ossm.federation")
    assert cluster.requests == 1


def test_delete_is_bound_to_the_uid_and_tells_whether_there_was_one(server, cluster):
    server.will(Reply(body={"kind": "Status", "status": "Success"}), missing("configmaps", "x"))
    assert cluster.delete(CONFIG_MAP, "east", "x", "a-uid") is True
    assert cluster.delete(CONFIG_MAP, "east", "x", "a-uid") is False
    assert server.received[0].method == "DELETE"
    assert server.received[0].body["preconditions"] == {"uid": "a-uid"}


@pytest.mark.parametrize(
    "message",
    [
        (
            'Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (x) does not match the UID in'
            " record (y)"
        ),
        "Precondition failed: UID in precondition: x, UID in object meta: y",
    ],
)
def test_an_object_that_has_taken_the_name_is_not_deleted(server, cluster, message):
    server.will(failure(409, message, "Conflict"))
    with refused("FED109", "Run again"):
        cluster.delete(CONFIG_MAP, "east", "x", "a-uid")
    assert cluster.requests == 1


def test_a_namespace_that_is_not_there_is_none_and_no_failure(server, cluster):
    server.will(failure(404, 'namespaces "shop" not found', "NotFound", kind="namespaces", name="shop"))
    assert cluster.get(NAMESPACE, "", "shop") is None


def test_a_merge_bound_to_what_was_read_is_not_tried_again_once_that_has_changed(server, cluster):
    server.will(
        failure(
            409,
            'Operation cannot be fulfilled on configmaps "x": the object has been modified; please apply your changes',
            "Conflict",
        )
    )
    with refused("FED109", "Run again"):
        cluster.merge_patch(CONFIG_MAP, "east", "x", {"metadata": {"resourceVersion": "7"}, "data": {}})
    assert cluster.requests == 1
    server.will(missing("configmaps", "x"))
    with refused("FED106", "not found"):
        cluster.merge_patch(CONFIG_MAP, "east", "x", {"metadata": {"resourceVersion": "7"}, "data": {}})


def test_merge_patch_sends_what_changes(server, cluster):
    assert cluster.merge_patch(CONFIG_MAP, "east", "west-ca-root-cert", {"data": {"a": None}}) == STORED
    assert server.received[0].headers["Content-Type"] == "application/merge-patch+json"
    assert server.received[0].body == {"data": {"a": None}}


# What passes


@pytest.mark.parametrize(
    "reply",
    [
        failure(409, 'Operation cannot be fulfilled on configmaps "x": the object has been modified', "Conflict"),
        failure(429, "too many requests", "TooManyRequests"),
        failure(
            500,
            'Internal error occurred: failed calling webhook "smcp.mutation.maistra.io": connect: connection refused',
            "InternalError",
        ),
        failure(502, ""),
        failure(503, "apiserver is shutting down", "ServiceUnavailable"),
        failure(504, "request did not complete within requested timeout", "Timeout"),
        Reply(503, b"<html>a load balancer</html>"),
        Reply(0),
    ],
    ids=["409", "429", "500-webhook", "502", "503", "504", "503-html", "reset"],
)
def test_what_passes_is_tried_again(server, cluster, reply):
    server.will(reply, reply, Reply(body=STORED))
    assert cluster.apply(CONFIG_MAP, BUNDLE, "ossm.federation") == STORED
    assert cluster.requests == 3


def test_pauses_double_from_try_to_try_up_to_the_longest(server, cluster, monkeypatch):
    pauses = []
    monkeypatch.setattr(_cluster.time, "sleep", pauses.append)
    monkeypatch.setattr(_cluster, "LONGEST_PAUSE", 0.5)
    server.will(*[failure(503, "")] * 5, Reply(body=STORED))
    cluster.get(CONFIG_MAP, "east", "west-ca-root-cert")
    assert pauses == [0.1, 0.2, 0.4, 0.5, 0.5]


def test_retry_after_is_waited_for(server, cluster):
    server.will(Reply(429, {"message": "slow down"}, {"Retry-After": "1"}), Reply(body=STORED))
    assert cluster.get(CONFIG_MAP, "east", "west-ca-root-cert") == STORED
    assert server.received[1].at - server.received[0].at >= 1


def test_retry_after_beyond_the_deadline_is_not_waited_for(server):
    server.will(Reply(429, {"message": "slow down"}, {"Retry-After": "3600"}))
    started = time.monotonic()
    with refused("FED106", "429", "slow down"):
        hurried(server).get(CONFIG_MAP, "east", "west-ca-root-cert")
    assert time.monotonic() - started < 10, "the server asked for an hour; the deadline is a second"


# What does not


def test_a_server_that_stays_broken_is_given_up_at_the_deadline(server):
    server.will(failure(503, "etcd has no leader"))
    started = time.monotonic()
    with refused(
        "FED106", "kept answering 503 for 1 s", "etcd has no leader", "get ConfigMap east/west-ca-root-cert", server.url
    ) as caught:
        hurried(server).get(CONFIG_MAP, "east", "west-ca-root-cert")
    assert 0.5 < time.monotonic() - started < 10
    assert caught.value.facts["status"] == 503


def test_a_server_that_hangs_in_the_last_moment_is_told_by_what_it_answered_before(server):
    server.will(failure(503, "etcd has no leader"))
    cluster = hurried(server)
    tried = cluster._try
    cluster._try = lambda request, seconds: tried(request, seconds) if seconds > 0.1 else "no answer within 0.05 s"
    with refused("FED106", "kept answering 503 for 1 s", "etcd has no leader"):
        cluster.get(CONFIG_MAP, "east", "west-ca-root-cert")


def test_a_server_that_hangs_is_given_up_at_the_deadline(server):
    released = threading.Event()
    server.will(Reply(body=STORED, wait=released))
    started = time.monotonic()
    try:
        with refused("FED105", server.url, "tried for 1 s", "no answer within"):
            hurried(server).get(CONFIG_MAP, "east", "west-ca-root-cert")
        assert time.monotonic() - started < 10
    finally:
        released.set()


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n" + b" " * 100000


@pytest.mark.parametrize(
    "sent_at_once", [0, 20, ANSWER.index(b" " * 9)], ids=["nothing", "half a header", "the headers"]
)
def test_a_server_that_drips_its_answer_is_given_up_at_the_deadline(sent_at_once):
    ended = threading.Event()

    def drip(listening):
        connection, _address = listening.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(ANSWER[:sent_at_once])
            at = sent_at_once
            while not ended.wait(0.02):
                connection.sendall(ANSWER[at : at + 1])
                at += 1

    with socket.create_server(("127.0.0.1", 0)) as listening:
        dripping = threading.Thread(target=drip, args=(listening,))
        dripping.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        started = time.monotonic()
        try:
            with refused("FED105", url, "no whole answer within"):
                openly(url, 1).get(CONFIG_MAP, "east", "west-ca-root-cert")
            assert time.monotonic() - started < 10
        finally:
            ended.set()
            dripping.join()


def test_a_server_that_is_not_there_is_given_up_at_the_deadline():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        cluster = openly(url, 1)
        with refused("FED105", url, "without a proxy", "tried for 1 s", "Connection refused"):
            cluster.get(CONFIG_MAP, "east", "west-ca-root-cert")
    assert cluster.requests > 1


def test_credentials_that_are_not_accepted_are_told_at_once(server, cluster):
    server.will(failure(401, "Unauthorized", "Unauthorized"))
    with refused("FED101", server.url, "does not accept the credentials"):
        cluster.get(CONFIG_MAP, "east", "west-ca-root-cert")
    assert cluster.requests == 1


def test_a_missing_right_is_told_with_verb_resource_namespace_and_the_role_to_ask_for(server, cluster):
    message = (
        'User "anna" cannot patch resource "servicemeshpeers" in API group "federation.maistra.io" in the namespace'
        ' "east"'
    )
    server.will(failure(403, message, "Forbidden"))
    with refused(
        "FED104", "patch servicemeshpeers.federation.maistra.io in namespace east", "anna", "docs/rights.md"
    ) as caught:
        cluster.apply(PEER, {"metadata": {"namespace": "east", "name": "west"}}, "ossm.federation")
    assert cluster.requests == 1
    assert (caught.value.facts["verb"], caught.value.facts["namespace"]) == ("patch", "east")


def test_a_restart_that_is_forbidden_names_the_option_that_leaves_this_right_out(server, cluster):
    server.will(failure(403, 'User "anna" cannot patch resource "deployments" in API group "apps"', "Forbidden"))
    with refused("FED104", "patch deployments.apps", "restarts: false", "docs/rights.md"):
        cluster.merge_patch(DEPLOYMENT, "east", "istiod-basic", {"metadata": {"annotations": {}}})


@pytest.mark.parametrize("status", [400, 403, 500])
def test_what_an_admission_webhook_says_is_told_without_its_preface(server, cluster, status):
    said = "only one service mesh may be installed per project/namespace"
    server.will(failure(status, f'admission webhook "smcp.validation.maistra.io" denied the request: {said}'))
    with refused("FED106", f": refused: {said}. "):
        cluster.apply(CONTROL_PLANE, {"metadata": {"namespace": "east", "name": "basic"}}, "ossm.federation")
    assert cluster.requests == 1


@pytest.mark.parametrize(
    "reply",
    [
        failure(400, "bad request"),
        failure(403, "exceeded quota", "Forbidden"),
        failure(410, "gone"),
        failure(422, "ConfigMap is invalid", "Invalid", causes=[{"field": "data"}]),
        failure(500, "failed to create typed patch object (east/a): .spec.nope: field not declared in schema"),
        failure(404, 'namespaces "east" not found', "NotFound", kind="namespaces", name="east"),
    ],
    ids=["400", "403-quota", "410", "422", "500-schema", "404-namespace"],
)
def test_a_refusal_is_told_at_once_in_the_servers_words(server, cluster, reply):
    server.will(reply)
    with refused("FED106", reply.body["message"], "patch ConfigMap east/west-ca-root-cert"):
        cluster.apply(CONFIG_MAP, BUNDLE, "ossm.federation")
    assert cluster.requests == 1


@pytest.mark.parametrize(
    "reply", [Reply(200, b"<html>log in</html>"), Reply(302, b"", {"Location": "/login"})], ids=["page", "redirect"]
)
def test_a_server_that_is_no_api_server_is_told(server, cluster, reply):
    server.will(reply)
    with refused("FED106", "not the Kubernetes API's JSON"):
        cluster.get(CONFIG_MAP, "east", "west-ca-root-cert")
    assert cluster.requests == 1


# Secrets


@pytest.mark.parametrize("status", [400, 401, 403, 409, 422, 429, 503])
def test_a_token_that_an_answer_repeats_is_not_shown(server, status):
    server.will(failure(status, f"cannot use Bearer {TOKEN}"))
    with pytest.raises(FederationError) as caught:
        hurried(server).get(CONFIG_MAP, "east", "west-ca-root-cert")
    assert TOKEN not in f"{caught.value} {caught.value.facts}"


def test_a_token_of_a_kubeconfig_is_not_shown_either(server):
    server.will(failure(400, f"what is {TOKEN}?"))
    with refused("FED106", "what is ********?"):
        Cluster.connect({"kubeconfig": kubeconfig_of(server)}).get(CONFIG_MAP, "east", "west-ca-root-cert")


def test_user_and_password_in_a_url_are_neither_shown_nor_needed(server):
    url = server.url.replace("//", "//anna:secret@")
    cluster = Cluster.connect({**server.access, "host": url})
    assert cluster.server == server.url
    assert cluster.get(CONFIG_MAP, "east", "west-ca-root-cert") == STORED
    server.will(failure(400, f"not from {url}"))
    with pytest.raises(FederationError) as caught:
        cluster.get(CONFIG_MAP, "east", "west-ca-root-cert")
    assert "secret" not in f"{caught.value} {caught.value.facts}"
