# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Credentials go where they belong and nowhere else: not to another mesh, not in the clear, not into a file, and
nothing is added to them.
"""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from attacks.api import TOKEN, ApiInMemory, Asked, serving
from attacks.attack import attack, call
from attacks.conftest import CONTROL_PLANE
from integration.administrators import Administrator

from testbed.certificates import ClusterAuthority

EAST = {"mesh": "east", "peers": ["west"], "api_timeout": 1}


@pytest.fixture
def other(tmp_path: Path) -> Iterator[ApiInMemory]:
    """The API server of somebody else."""
    with serving(tmp_path / "other", CONTROL_PLANE) as running:
        yield running


def kubeconfig_of(api: ApiInMemory, user: dict | None = None, **cluster: Any) -> dict[str, Any]:
    """Return a kubeconfig with a second context, whose user is an administrator."""
    known = {"server": api.url, "certificate-authority": str(api.ca_file), **cluster}
    contexts = [{"name": name, "context": {"cluster": "c", "user": name}} for name in ("viewer", "administrator")]
    users = [
        {"name": "viewer", "user": {"token": TOKEN, **(user or {})}},
        {"name": "administrator", "user": {"token": "an-administrators"}},
    ]
    return {
        "current-context": "viewer",
        "contexts": contexts,
        "clusters": [{"name": "c", "cluster": known}],
        "users": users,
    }


def authorizations(*apis: ApiInMemory) -> set[str | None]:
    return {asked.headers.get("authorization") for api in apis for asked in api.asked}


OF_EAST = {"K8S_AUTH_API_KEY": "of-east"}
HALVES = [
    attack("a run of two", "each mesh has a host alone", {"host": True}, OF_EAST, "status", "mesh"),
    attack("a run of two", "each cluster has a host alone", {"host": True}, OF_EAST, "tenants", "cluster"),
    attack(
        "a run of two",
        "each has a context alone",
        {"context": "viewer"},
        {"K8S_AUTH_KUBECONFIG": "kubeconfig"},
        "control_plane",
        "mesh",
    ),
    attack(
        "a run of two",
        "each has an empty kubeconfig and a host",
        {"kubeconfig": "", "host": True},
        OF_EAST,
        "uninstall",
        "mesh",
    ),
    attack(
        "a run of two", "each has nothing", {}, {**OF_EAST, "K8S_AUTH_HOST": "https://127.0.0.1:1"}, "preflight", "mesh"
    ),
]


@pytest.mark.parametrize(("named", "environment", "playbook", "word"), HALVES)
def test_no_credential_of_the_environment_goes_to_two_of_a_run(
    api: ApiInMemory,
    other: ApiInMemory,
    collections: str,
    tmp_path: Path,
    named: dict,
    environment: dict,
    playbook: str,
    word: str,
) -> None:
    hosts = {}
    for host, server in (("east", api), ("west", other)):
        known = {"host": server.url, "ca_cert": str(server.ca_file)}
        own = {f"{word}_{name}": known[name] if value is True else value for name, value in named.items()}
        hosts[host] = {**own, f"{word}_api_timeout": 1, **({"mesh_peers": ["north"]} if word == "mesh" else {})}
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig_of(api)), encoding="utf-8")
    clusters = {"clusters": hosts} if word == "cluster" else {}
    both = Administrator(tmp_path, collections, {} if word == "cluster" else hosts, environment, **clusters)
    seen = both.play(playbook, must_pass=False)
    assert seen.output.count("FED102 ") >= 2, seen.output
    assert authorizations(api, other) <= {None}


FOREIGN = {
    "context": {"K8S_AUTH_CONTEXT": "administrator"},
    "user": {"K8S_AUTH_IMPERSONATE_USER": "system:admin", "K8S_AUTH_IMPERSONATE_GROUPS": "system:masters"},
    "proxy": {
        "K8S_AUTH_PROXY": "http://127.0.0.1:1",
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "https_proxy": "http://127.0.0.1:1",
    },
    "CA": {"K8S_AUTH_SSL_CA_CERT": "/etc/hostname"},
    "certificate": {"K8S_AUTH_CERT_FILE": "/nowhere/c.pem", "K8S_AUTH_KEY_FILE": "/nowhere/k.pem"},
    "token and host": {"K8S_AUTH_API_KEY": "of-another", "K8S_AUTH_HOST": "https://127.0.0.1:1"},
    "log-in": {"K8S_AUTH_USERNAME": "eve", "K8S_AUTH_PASSWORD": "of-eve"},
    "kubeconfig": {"K8S_AUTH_KUBECONFIG": "/nowhere/kubeconfig", "KUBECONFIG": "/nowhere/kubeconfig"},
    "log-in at the proxy": {
        "K8S_AUTH_PROXY_HEADERS_BASIC_AUTH": "eve:of-eve",
        "K8S_AUTH_PROXY_HEADERS_PROXY_BASIC_AUTH": "eve:of-eve",
    },
}
WHOLE: dict[str, Callable[[ApiInMemory], dict]] = {
    "a kubeconfig": lambda api: {"kubeconfig": kubeconfig_of(api)},
    "a host with a token": lambda api: api.access,
}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("whole", WHOLE.values(), ids=WHOLE)
def test_nothing_of_the_environment_is_added_to_what_a_task_names(
    api: ApiInMemory, collections: str, whole: Callable, foreign: dict
) -> None:
    outcome = call(collections, "federation_info", {**whole(api), **EAST}, environment=foreign)
    assert outcome.code is None, outcome.printed
    assert authorizations(api) == {f"Bearer {TOKEN}"}
    assert not [name for asked in api.asked for name in asked.headers if name.startswith(("impersonate", "proxy"))]


@pytest.mark.parametrize("whole", WHOLE.values(), ids=WHOLE)
def test_verification_is_not_ended_by_the_environment(
    api: ApiInMemory, other: ApiInMemory, collections: str, whole: Callable
) -> None:
    options = whole(api)
    if "kubeconfig" in options:
        options = {"kubeconfig": kubeconfig_of(api, **{"certificate-authority": str(other.ca_file)})}
    else:
        options = {**options, "ca_cert": str(other.ca_file)}
    outcome = call(collections, "federation_info", {**options, **EAST}, environment={"K8S_AUTH_VERIFY_SSL": "false"})
    assert outcome.code == "FED105", outcome.printed
    assert "mesh_ca_cert" in outcome.result["msg"]
    assert api.asked == []


@pytest.mark.parametrize("named", ["context", "proxy", "impersonate_user", "ca_cert", "validate_certs", "host"])
def test_what_is_not_enough_is_not_completed_by_the_environment(api: ApiInMemory, collections: str, named: str) -> None:
    values = {
        "context": "viewer",
        "proxy": "http://127.0.0.1:1",
        "impersonate_user": "anna",
        "ca_cert": str(api.ca_file),
        "validate_certs": True,
        "host": api.url,
    }
    environment = {"K8S_AUTH_HOST": api.url, "K8S_AUTH_API_KEY": TOKEN, "K8S_AUTH_SSL_CA_CERT": str(api.ca_file)}
    outcome = call(collections, "federation_info", {named: values[named], **EAST}, environment=environment)
    assert outcome.code == "FED101"
    assert named in outcome.result["what"]
    assert api.asked == []


def test_the_environment_as_a_whole_serves_a_task_that_names_nothing(api: ApiInMemory, collections: str) -> None:
    environment = {
        "K8S_AUTH_HOST": api.url,
        "K8S_AUTH_API_KEY": TOKEN,
        "K8S_AUTH_SSL_CA_CERT": str(api.ca_file),
        "K8S_AUTH_IMPERSONATE_USER": "anna",
    }
    outcome = call(collections, "federation_info", EAST, environment=environment)
    assert outcome.code is None, outcome.printed
    assert {(asked.headers["authorization"], asked.headers["impersonate-user"]) for asked in api.asked} == {
        (f"Bearer {TOKEN}", "anna")
    }


# Who acts


def test_whom_a_kubeconfig_says_to_act_as_is_acted_as(api: ApiInMemory, collections: str) -> None:
    user = {"as": "mesh-viewer", "as-groups": ["readers"]}
    outcome = call(collections, "federation_info", {"kubeconfig": kubeconfig_of(api, user), **EAST})
    assert outcome.code is None, outcome.printed
    assert {(asked.headers["impersonate-user"], asked.headers["impersonate-group"]) for asked in api.asked} == {
        ("mesh-viewer", "readers")
    }


@pytest.mark.parametrize(
    "option", [{"impersonate_user": "anna"}, {"impersonate_groups": ["all"]}], ids=["user", "groups"]
)
def test_two_who_say_whom_to_act_as_are_refused(api: ApiInMemory, collections: str, option: dict) -> None:
    outcome = call(
        collections, "federation_info", {"kubeconfig": kubeconfig_of(api, {"as": "mesh-viewer"}), **option, **EAST}
    )
    assert outcome.code == "FED114"
    assert api.asked == []


def test_a_token_of_the_task_is_not_used_with_the_kubeconfigs_certificate(
    api: ApiInMemory, collections: str, tmp_path: Path
) -> None:
    certificate, key = ClusterAuthority(tmp_path / "client", "somebody").serving("administrator", [])
    administrators = {
        "token": None,
        "client-certificate": str(certificate),
        "client-key": str(key),
        "exec": {"command": "/bin/false"},
    }
    outcome = call(
        collections, "federation_info", {"kubeconfig": kubeconfig_of(api, administrators), "api_key": TOKEN, **EAST}
    )
    assert outcome.code in (None, "FED114"), outcome.printed
    assert authorizations(api) <= {f"Bearer {TOKEN}"}


# In the clear


@pytest.fixture
def in_the_clear() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A server without TLS: its URL, and the headers of what it is asked."""
    asked: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append({name.lower(): value for name, value in self.headers.items()})
            content = json.dumps(
                {"items": [CONTROL_PLANE] if "controlplanes" in self.path else [], "metadata": {}}
            ).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: object) -> None:
            """Keep the tests' output to the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


CLEAR: dict[str, Callable[[ApiInMemory, str], dict]] = {
    "a token": lambda api, url: {"host": url, "api_key": TOKEN},
    "a token, and no verification": lambda api, url: {"host": url, "api_key": TOKEN, "validate_certs": False},
    "a password": lambda api, url: {"host": url, "username": "anna", "password": "of-anna"},
    "a kubeconfig with a token": lambda api, url: {"kubeconfig": kubeconfig_of(api, server=url)},
    "a kubeconfig with a password": lambda api, url: {
        "kubeconfig": kubeconfig_of(api, {"token": None, "username": "a", "password": "b"}, server=url)
    },
    "a kubeconfig, and another host": lambda api, url: {"kubeconfig": kubeconfig_of(api), "host": url},
    "the scheme in capitals": lambda api, url: {"host": url.replace("http", "HTTP"), "api_key": TOKEN},
    "a space before it": lambda api, url: {"host": f" {url}", "api_key": TOKEN},
}


@pytest.mark.parametrize("options", CLEAR.values(), ids=CLEAR)
def test_no_credential_is_sent_in_the_clear(
    api: ApiInMemory, in_the_clear: tuple, collections: str, options: Callable
) -> None:
    url, asked = in_the_clear
    outcome = call(collections, "federation_info", {**options(api, url), **EAST})
    assert outcome.code == "FED116", outcome.printed
    assert asked == []


def test_a_server_without_tls_is_asked_without_credentials(
    api: ApiInMemory, in_the_clear: tuple, collections: str
) -> None:
    url, asked = in_the_clear
    outcome = call(
        collections,
        "federation_info",
        {"kubeconfig": kubeconfig_of(api, {"token": None}, server=url), "mesh": "east", "until": "reachable"},
    )
    assert outcome.code is None, outcome.printed
    assert asked
    assert not [headers for headers in asked if "authorization" in headers]


# Verification that has ended


UNVERIFIED: dict[str, Callable[[ApiInMemory], tuple[dict, dict]]] = {
    "option": lambda api: ({"host": api.url, "api_key": TOKEN, "validate_certs": False}, {}),
    "environment": lambda api: ({}, {"K8S_AUTH_HOST": api.url, "K8S_AUTH_API_KEY": TOKEN, "K8S_AUTH_VERIFY_SSL": "no"}),
    "kubeconfig": lambda api: (
        {"kubeconfig": kubeconfig_of(api, **{"certificate-authority": None, "insecure-skip-tls-verify": True})},
        {},
    ),
}


@pytest.mark.parametrize("make", UNVERIFIED.values(), ids=UNVERIFIED)
def test_it_is_told_where_the_api_server_is_not_verified(api: ApiInMemory, collections: str, make: Callable) -> None:
    options, environment = make(api)
    outcome = call(collections, "federation_info", {**options, **EAST}, environment=environment)
    assert outcome.code is None, outcome.printed
    assert [warning for warning in outcome.warnings if warning.startswith(f"FED117 east: {api.url}")], outcome.warnings


def test_nothing_is_told_of_a_server_that_is_verified(api: ApiInMemory, collections: str) -> None:
    assert call(collections, "federation_info", {**api.access, **EAST}).warnings == []


# Proxies


@pytest.mark.parametrize("where", ["option", "kubeconfig", "none"])
def test_it_is_told_whether_a_proxy_was_used(api: ApiInMemory, collections: str, where: str) -> None:
    proxy = "http://anna:of-anna@127.0.0.1:1"
    options = {
        "option": {**api.access, "proxy": proxy},
        "kubeconfig": {"kubeconfig": kubeconfig_of(api, **{"proxy-url": proxy})},
        "none": {**api.access, "host": "https://127.0.0.1:1"},
    }[where]
    outcome = call(collections, "federation_info", {**options, **EAST})
    assert outcome.code == "FED105", outcome.printed
    assert ("without a proxy" if where == "none" else "through the proxy http://127.0.0.1:1,") in outcome.result["msg"]
    assert api.asked == []


# What stays


@pytest.mark.parametrize("source", ["kubeconfig", "program"])
def test_a_module_that_is_killed_leaves_no_key_behind(
    api: ApiInMemory, collections: str, tmp_path: Path, source: str
) -> None:
    reached = threading.Event()

    def hang(_asked: Asked) -> None:
        reached.set()
        threading.Event().wait(5)

    api.hostile = hang
    certificate, key = ClusterAuthority(tmp_path / "client", "somebody").serving("client", [])
    texts = {
        "clientCertificateData": certificate.read_text(encoding="utf-8"),
        "clientKeyData": key.read_text(encoding="utf-8"),
    }
    given = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": texts}
    (tmp_path / "given").write_text(json.dumps(given), encoding="utf-8")
    user = {
        "kubeconfig": {
            name: base64.b64encode(file.read_bytes()).decode()
            for name, file in (("client-certificate-data", certificate), ("client-key-data", key))
        },
        "program": {
            "exec": {
                "apiVersion": given["apiVersion"],
                "interactiveMode": "Never",
                "command": "cat",
                "args": [str(tmp_path / "given")],
            }
        },
    }[source]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    options = {"kubeconfig": kubeconfig_of(api, {"token": None, **user}), **EAST, "api_timeout": 60}
    with pytest.raises(subprocess.TimeoutExpired):
        call(collections, "federation_info", options, environment={"TMPDIR": str(temporary)}, seconds=3)
    assert reached.is_set(), "the module was killed before it had connected"
    assert not list(temporary.rglob("*"))
