# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""From connection options to a connection pool: which source names the cluster, what a kubeconfig says, TLS, proxies,
and log-ins.

What a task names is complete: nothing of the environment is added to it. The library ``kubernetes`` is not asked,
because what it reads of a kubeconfig depends on its version; ``urllib3`` alone makes the connections.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import os
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from .._core.plain.content import Unusable
from .._core.plain.content import data_of as json_of
from .._core.plain.credentials import are_complete, basic, header_of, impersonating, typed, visible, who_verifies_not
from .._core.plain.errors import FederationError
from .._core.plain.kubeconfig import Document, Pem, Plugin, Said, data_of, what_is_said
from .._core.plain.moments import time_of
from .._core.plain.secrets import is_content, login_secrets, shown_path
from .._files import NoFile, own_content
from .._options import CLUSTER, CLUSTER_ENVIRONMENT, PROXY_HEADERS_ENVIRONMENT
from .._secrets import secrets_of, url_secrets
from .answers import CutOff, content_of

PLUGIN_SECONDS = 60.0
"""How long a program that gives credentials may take."""
LARGEST_FILE = 4 << 20
OPTIONS = "Connection options"
CREDENTIALS = ("api_key", "username", "password", "client_cert", "client_key")
TOGETHER = (("username", "password"), ("client_cert", "client_key"))
_BY_HAND = "Run kubectl with the same kubeconfig, which shows the program's output; it must run without a terminal"
PATHS = ("ca_cert", "client_cert", "client_key")
NAMING = tuple(name for name in CLUSTER if name != "api_timeout")
PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


@dataclass
class Access:
    """How one API server is reached and as whom: its URL without anything secret, the connections, and what a request
    is sent with.
    """

    server: str
    pool: Any
    authorization: Callable[[], Mapping[str, str]]
    headers: tuple[tuple[str, str], ...]
    is_compressed: bool
    via: str
    """The proxy that is used, without its log-in; empty without one."""
    unverified: str
    """The option or the kubeconfig that turns off the verification of the API server's certificate; empty when it is
    verified.
    """
    context: str = ""
    """The kubeconfig's context that is used; empty without one."""
    others: tuple[str, ...] = ()
    """The contexts that could have been meant as well, where only the kubeconfig's current-context chose."""
    secrets: set[str] = field(default_factory=set)


def open_access(params: Mapping[str, Any], environment: Mapping[str, str], seconds: float) -> Access:
    """Return the access that connection options name; no request is sent yet, but for a log-in.

    Raises ``FederationError`` FED101 without credentials or with some that cannot be read, FED110 when a Python library
    is missing, FED114 for what is named and not obeyed, FED116 for credentials that would be sent in the clear.
    """
    urllib3 = _library("urllib3")
    options = options_of(params, environment)
    _check(options)
    said = _said(options)
    server = _server(
        said,
        "host" if options.get("host") else f"{said.place}, server",
        is_secret=said.has_credentials or bool(options.get("username")),
    )
    token = _token(said, options)
    secrets = secrets_of(options) | {token, said.password} | url_secrets(said.proxy)
    secrets |= login_secrets(f"{said.username}:{said.password}") if said.password else set()
    context = _tls(said) if server.startswith("https:") else None
    route = _route(said, options, server)
    pool = _pool(urllib3, route, context, said)
    login = Login(said, token, context, pool)
    if options.get("username") and options.get("password") and not options.get("api_key"):
        login.token = _oauth_token(urllib3, pool, server, options["username"], options["password"], seconds)
    secrets |= {login.token}
    return Access(
        server=server,
        pool=pool,
        authorization=login.headers,
        headers=tuple((name, header_of(value, said.place, name)) for name, value in said.impersonation),
        is_compressed=said.is_compressed,
        via=route.url if route else "",
        unverified=who_verifies_not(said, options) if context is not None and said.is_insecure else "",
        context=said.context,
        others=said.others,
        secrets={secret for secret in secrets if secret},
    )


def options_of(params: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the connection options of a task; those of the K8S_AUTH_* variables when it names none at all."""
    options = {name: params[name] for name in NAMING if params.get(name) not in (None, "", [], {})}
    headers = options.get("proxy_headers")
    if isinstance(headers, Mapping) and not any(headers.values()):
        del options["proxy_headers"]
    return options or _of_environment(environment)


def _of_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, variables in CLUSTER_ENVIRONMENT.items():
        text = next((environment[variable] for variable in variables if environment.get(variable)), None)
        if text is not None:
            found[name] = typed(text, CLUSTER[name]["type"])
    headers = {header: environment[name] for header, name in PROXY_HEADERS_ENVIRONMENT.items() if environment.get(name)}
    return {**found, **({"proxy_headers": headers} if headers else {})}


def _check(options: Mapping[str, Any]) -> None:
    """Refuse options that name no cluster, and files that are not there."""
    if not options.get("kubeconfig") and not are_complete(options):
        given = ", ".join(name for name in NAMING if name in options)
        raise FederationError(
            "FED101",
            where=OPTIONS,
            what=(
                f"only {given} is given, which is not enough to connect; K8S_AUTH_* variables are not combined with "
                "options of a task"
                if given
                else "no credentials are given"
            ),
            fix=(
                "Give kubeconfig (in an inventory mesh_kubeconfig), or host with api_key (or client_cert and"
                " client_key), or the K8S_AUTH_* variables; KUBECONFIG, ~/.kube/config and a pod's service account are"
                " not used, so that no cluster is changed by accident"
            ),
        )
    for name in PATHS:
        given = options.get(name)
        if not given:
            continue
        path = os.path.expanduser(str(given))
        if is_content(path):
            raise FederationError(
                "FED101",
                where=name,
                what="is a text that is not a path",
                fix="Write it to a file and give the file's path",
            )
        if not os.access(path, os.R_OK) or os.path.isdir(path):
            raise FederationError(
                "FED101",
                where=name,
                what=f"the file {shown_path(path)} cannot be read",
                fix="Give the path of a file that is there and readable",
            )
    for pair in TOGETHER:
        if sum(bool(options.get(name)) for name in pair) == 1:
            raise FederationError("FED101", where=", ".join(pair), what="only one of the two is given", fix="Give both")


def _said(options: Mapping[str, Any]) -> Said:
    """Return what options and the kubeconfig say together; what an option says replaces what the kubeconfig
    says of it.
    """
    said = (
        Said(OPTIONS, "")
        if are_complete(options)
        else what_is_said(_documents(options["kubeconfig"]), options.get("context"), time.time())
    )
    paths = {name: os.path.expanduser(str(options.get(name) or "")) for name in PATHS}
    if options.get("host"):
        said = replace(said, server=str(options["host"]))
    if any(options.get(name) for name in CREDENTIALS):
        certificate, key = Pem(paths["client_cert"]), Pem(paths["client_key"])
        token = str(options.get("api_key") or "")
        said = replace(
            said, token=token, token_file="", username="", password="", plugin=None, certificate=certificate, key=key
        )
    if paths["ca_cert"]:
        said = replace(said, authority=Pem(paths["ca_cert"]), is_insecure=False)
    if options.get("validate_certs") is not None:
        said = replace(said, is_insecure=not options["validate_certs"])
    if options.get("proxy"):
        said = replace(said, proxy=str(options["proxy"]))
    said = impersonating(said, options.get("impersonate_user"), options.get("impersonate_groups") or ())
    if not said.has_credentials and not options.get("username") and said.server.startswith("https:"):
        raise FederationError(
            "FED101", where=said.place, what="names no credentials", fix="Give a token or a certificate for its user"
        )
    return said


def _documents(kubeconfig: object) -> list[Document]:
    """Return the kubeconfigs behind an option: a mapping, a text, a path, or paths with colons between."""
    fix = "Give the path of a kubeconfig, or its content as a mapping or a text"
    if isinstance(kubeconfig, Mapping):
        # Ansible's own kinds of mappings and texts become plain ones.
        return [Document("kubeconfig", "", json.loads(json.dumps(kubeconfig)))]
    if not isinstance(kubeconfig, str):
        raise FederationError("FED101", where="kubeconfig", what="is not a path, a mapping or a text", fix=fix)
    if is_content(kubeconfig):
        return [Document("kubeconfig (a text)", "", data_of(kubeconfig, "kubeconfig (a text)"))]
    paths = [os.path.expanduser(path) for path in kubeconfig.split(os.pathsep) if path]
    there = [path for path in paths if os.path.exists(path)]
    where = f"kubeconfig {shown_path(kubeconfig)}"
    if not there:
        raise FederationError("FED101", where=where, what="does not exist", fix=fix)
    documents = []
    for path in there:
        place = f"kubeconfig {shown_path(path)}"
        data = data_of(_content(path, place), place)
        if data is not None or len(there) == 1:
            documents.append(Document(place, os.path.dirname(os.path.abspath(path)), data))
    if not documents:
        raise FederationError("FED101", where=where, what="is empty", fix=fix)
    return documents


def _content(path: str, place: str) -> bytes:
    """Return what a file holds; it is read once, and what has no end is not read to it."""
    try:
        content = own_content(path, LARGEST_FILE + 1)
    except OSError as error:
        raise FederationError(
            "FED101",
            where=place,
            what=str(error.strerror) if isinstance(error, NoFile) else f"cannot be read ({error.strerror})",
            fix="Give a file that is there and readable",
        ) from None
    if len(content) > LARGEST_FILE:
        raise FederationError(
            "FED101", where=place, what=f"is larger than {LARGEST_FILE >> 20} MB", fix="Give the right file"
        )
    return content


def _server(said: Said, where: str, is_secret: bool) -> str:
    """Return the URL of the API server without user, query and a slash at its end."""
    parts = _url(
        said.server,
        ("https", "http"),
        where,
        "is not the URL of an API server",
        "Give it as in https://api.example.com:6443",
    )
    if parts.scheme == "http" and is_secret:
        raise FederationError(
            "FED116",
            where=where,
            what="is an http:// URL, and credentials would be sent in the clear",
            fix="Give the https:// URL of the API server",
        )
    return urlunsplit(
        parts._replace(netloc=parts.netloc.rpartition("@")[2], path=parts.path.rstrip("/"), query="", fragment="")
    )


def _url(text: str, schemes: tuple[str, ...], where: str, what: str, fix: str) -> Any:
    """Return the parts of a URL. What is wrong with one is told without it: it may hold a password."""
    from urllib3.exceptions import HTTPError
    from urllib3.util import parse_url

    try:
        parts = urlsplit(text.strip())
        is_fine = (
            parts.scheme in schemes
            and bool(parts.hostname)
            and parts.port != 0
            and text.strip().isprintable()
            and " " not in text.strip()
        )
        is_fine = is_fine and bool(parse_url(text.strip()).host)
    except (ValueError, HTTPError):
        is_fine = False
    if not is_fine or "@" in f"{parts.path}{parts.query}{parts.fragment}":
        if "@" in text:
            fix += "; in a password, write # as %23, / as %2F, ? as %3F, @ as %40, : as %3A and % as %25"
        raise FederationError("FED101", where=where, what=what, fix=fix)
    return parts


def _token(said: Said, options: Mapping[str, Any]) -> str:
    """Return the token, from its file if there is one, without the line end that most files have."""
    where = "api_key (mesh_api_key, cluster_api_key)" if options.get("api_key") else f"{said.place}, token"
    text = said.token
    if said.token_file:
        where = f"{said.place}, tokenFile"
        text = _content(said.token_file, where).decode("utf-8", "replace")
    return visible(text, where)


# TLS


def _tls(said: Said) -> ssl.SSLContext:
    """Return the context for the API server. Neither certificates nor keys are left in a file."""
    context = _context(said)
    if said.certificate:
        _load_certificate(context, said.certificate, said.key, said.place)
    return context


def _context(said: Said) -> ssl.SSLContext:
    from urllib3.util.ssl_ import create_urllib3_context

    context = create_urllib3_context()
    if said.is_insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    try:
        if said.authority.path:
            with _as_file(said.authority, f"{said.place}, CA certificate") as path:
                context.load_verify_locations(cafile=path)
        elif said.authority.text:
            context.load_verify_locations(cadata=said.authority.text.decode("utf-8", "replace"))
        else:
            context.load_default_certs()
    except (OSError, ValueError) as error:
        reason = _reason(error) or "it has no readable certificate"
        raise FederationError(
            "FED101",
            where=f"{said.place}, CA certificate",
            what=f"cannot be used ({reason})",
            fix="Give the CA certificate of the API server, in PEM",
        ) from None
    return context


def _reason(error: OSError | ValueError) -> str:
    """Return what the system says of a file; "" where its content is wrong."""
    return str(error.strerror) if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else ""


def _load_certificate(context: ssl.SSLContext, certificate: Pem, key: Pem, place: str) -> None:
    try:
        where = f"{place}, client certificate and key"
        with _as_file(certificate, where) as certificate_path, _as_file(key, where) as key_path:
            # The password is asked for on a terminal, if nothing is given.
            context.load_cert_chain(certificate_path, key_path, password=lambda: "")
    except (OSError, ValueError) as error:
        reason = _reason(error) or "they are not PEM, encrypted, or of two pairs"
        raise FederationError(
            "FED101",
            where=f"{place}, client certificate and key",
            what=f"cannot be used ({reason})",
            fix="Give a certificate and its own key, unencrypted",
        ) from None


@contextmanager
def _as_file(pem: Pem, place: str) -> Iterator[str]:
    """Give the path of a file with certificates or a key. One that is made here lives in memory, or else for a moment.

    A file that is there is read here to a bound, since the TLS library reads what has no end to it.
    """
    text = _content(pem.path, place) if pem.path else pem.text
    memory = os.memfd_create("pem") if hasattr(os, "memfd_create") else -1
    path = f"/proc/self/fd/{memory}"
    if memory >= 0 and os.path.exists(path):
        with os.fdopen(memory, "wb") as file:
            file.write(text)
            file.flush()
            yield path
        return
    if pem.path:
        yield pem.path
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(pem.text)
        file.flush()
        yield file.name


# Proxies


@dataclass(frozen=True)
class Route:
    """A proxy: its URL, its log-in, the headers that it gets, and how it is shown."""

    url: str
    username: str
    password: str
    headers: Mapping[str, str]


def _route(said: Said, options: Mapping[str, Any], server: str) -> Route | None:
    """Return the proxy to go through, if there is one. HTTPS_PROXY and its like are not looked at."""
    if not said.proxy:
        return None
    where = "proxy" if options.get("proxy") else f"{said.place}, proxy-url"
    fix = "Give it as in http://proxy.example.com:3128"
    parts = _url(said.proxy, PROXY_SCHEMES, where, "is not the URL of an http, https or socks5 proxy", fix)
    if _goes_past(server, str(options.get("no_proxy") or "")):
        return None
    # The proxy finds the API server by its name, as kubectl has it.
    scheme = "socks5h" if parts.scheme == "socks5" else parts.scheme
    url = f"{scheme}://{parts.netloc.rpartition('@')[2]}"
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    headers: dict[str, str] = {}
    if username or password:
        headers["Proxy-Authorization"] = basic(f"{username}:{password}")
    given = options.get("proxy_headers") or {}
    if given.get("proxy_basic_auth"):
        headers["Proxy-Authorization"] = basic(given["proxy_basic_auth"])
    if given.get("basic_auth"):
        headers["Authorization"] = basic(given["basic_auth"])
    if given.get("user_agent"):
        headers["User-Agent"] = header_of(given["user_agent"], "proxy_headers", "user_agent")
    return Route(url, username, password, headers)


def _goes_past(server: str, no_proxy: str) -> bool:
    """Return whether ``no_proxy`` names the API server: by its name, a domain, an address, or a network."""
    parts = urlsplit(server)
    host = (parts.hostname or "").lower()
    for entry in (part.strip().lower() for part in no_proxy.split(",")):
        name = entry.lstrip("*").lstrip(".")
        if entry == "*" or (name and (host == name or host.endswith(f".{name}") or parts.netloc.lower() == name)):
            return True
        try:
            if ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False):
                return True
        except ValueError:
            continue
    return False


def _pool(urllib3: Any, route: Route | None, context: ssl.SSLContext | None, said: Said) -> Any:
    """Return the connection pool."""
    settings: dict[str, Any] = {"maxsize": 4}
    if context is not None:
        settings |= {"ssl_context": context, "cert_reqs": context.verify_mode}
        if said.tls_server_name:
            settings["server_hostname"] = said.tls_server_name
        if said.is_insecure:
            settings["assert_hostname"] = False
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    if route is None:
        return urllib3.PoolManager(**settings)
    if route.url.startswith("socks"):
        try:
            from urllib3.contrib.socks import SOCKSProxyManager
        except ImportError as error:
            raise missing("PySocks", "PySocks", "socks") from error
        return SOCKSProxyManager(
            route.url, username=route.username or None, password=route.password or None, **settings
        )
    if route.url.startswith("https:"):
        # It is trusted for what the API server is trusted for, and gets no certificate of ours.
        settings["proxy_ssl_context"] = _context(said)
    return urllib3.ProxyManager(route.url, proxy_headers=route.headers, **settings)


# Log-ins


class Login:
    """Who we are to an API server: the header that says it, renewed when a program's credentials expire."""

    def __init__(self, said: Said, token: str, context: ssl.SSLContext | None, pool: Any) -> None:
        self.token = token
        self._said = said
        self._context = context
        self._pool = pool
        self._expires: float | None = None
        if said.plugin:
            self._renew(said.plugin)

    def headers(self) -> dict[str, str]:
        """Return the header that authenticates; none with a certificate."""
        if self._said.plugin and self._expires is not None and time.time() >= self._expires:
            self._renew(self._said.plugin)
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        if self._said.username or self._said.password:
            return {"Authorization": basic(f"{self._said.username}:{self._said.password}")}
        return {}

    def _renew(self, plugin: Plugin) -> None:
        place = f"{self._said.place}, exec"
        status = _asked(plugin, self._said, place)
        token, certificate, key = (
            status.get(name) or "" for name in ("token", "clientCertificateData", "clientKeyData")
        )
        if not all(isinstance(text, str) for text in (token, certificate, key)) or not (token or (certificate and key)):
            raise FederationError(
                "FED101",
                where=place,
                what="its program returns neither a token nor a certificate with its key",
                fix=_BY_HAND,
            )
        self.token = visible(token, place)
        if certificate and key and self._context is not None:
            _load_certificate(self._context, Pem(text=certificate.encode()), Pem(text=key.encode()), place)
            self._pool.clear()
        expires = time_of(status.get("expirationTimestamp"))
        self._expires = expires.timestamp() if expires else None


def _asked(plugin: Plugin, said: Said, place: str) -> Mapping[str, Any]:
    """Run a program that gives credentials and return the status that it prints. Nothing that it says is quoted."""
    told: dict[str, Any] = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": {"interactive": False}}
    if plugin.cluster is not None:
        file = (
            {"certificate-authority-data": base64.b64encode(_content(said.authority.path, place)).decode()}
            if said.authority.path
            else {}
        )
        told["spec"]["cluster"] = {**plugin.cluster, **file}
    try:
        # Ansible's own run_command belongs to a module, and needs a text of its own to go on.
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            plugin.words,
            env={**os.environ, **plugin.environment, "KUBERNETES_EXEC_INFO": json.dumps(told)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=PLUGIN_SECONDS,
        )
    except subprocess.TimeoutExpired:
        what = f"its program does not answer within {PLUGIN_SECONDS:.0f} s"
    except (OSError, ValueError) as error:
        what = f"its program cannot be run ({getattr(error, 'strerror', None) or type(error).__name__})"
    else:
        what = (
            f"its program ended with {done.returncode}"
            if done.returncode
            else "its program gives no ExecCredential of the version that was asked for"
        )
        try:
            given = json.loads(done.stdout)
        except (ValueError, RecursionError):
            given = None
        if not done.returncode and isinstance(given, Mapping) and given.get("apiVersion") == plugin.api_version:
            status = given.get("status")
            if given.get("kind") == "ExecCredential" and isinstance(status, Mapping):
                return status
    raise FederationError("FED101", where=place, what=what, fix=_BY_HAND)


def _oauth_token(urllib3: Any, pool: Any, server: str, username: str, password: str, seconds: float) -> str:
    """Return a token that OpenShift's OAuth server gives for user name and password, by its flow for command lines."""
    status: list[int] = []

    deadline = time.monotonic() + seconds

    def ask(method: str, url: str, expected: int, **rest: Any) -> tuple[Mapping, bytearray]:
        timeout = urllib3.Timeout(connect=seconds, read=seconds)
        answer = pool.request(
            method, url, retries=False, redirect=False, preload_content=False, timeout=timeout, **rest
        )
        content = content_of(answer, deadline)
        if answer.status != expected:
            status.append(answer.status)
            raise ValueError
        return answer.headers, content

    def log_in() -> str:
        found = json_of(ask("GET", f"{server}/.well-known/oauth-authorization-server", 200)[1])[0]
        authorize, give = str(found["authorization_endpoint"]), str(found["token_endpoint"])
        if not authorize.startswith("https://") or not give.startswith("https://"):
            raise ValueError
        question = {
            "response_type": "code",
            "client_id": "openshift-challenging-client",
            "state": "1",
            "code_challenge_method": "S256",
        }
        named = {"X-Csrf-Token": "1", "Authorization": basic(f"{username}:{password}")}
        sent_to = ask("GET", f"{authorize}?{urlencode(question)}", 302, headers=named)[0]["Location"]
        answer = {**dict(parse_qsl(urlsplit(sent_to).query)), "grant_type": "authorization_code"}
        as_client = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": basic("openshift-challenging-client:"),
        }
        return str(json_of(ask("POST", give, 200, headers=as_client, body=urlencode(answer))[1])[0]["access_token"])

    try:
        return visible(within(seconds, log_in), "username, password")
    except (
        urllib3.exceptions.HTTPError,
        CutOff,
        Unusable,
        OSError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        why = f"it answered {status[0]}" if status else type(error).__name__
        raise FederationError(
            "FED101",
            where="username, password",
            what=f"OpenShift's OAuth server at {server} gives no token ({why})",
            fix="Give another user name or password, or a token as api_key",
        ) from None


def within(seconds: float, work: Callable[[], Any]) -> Any:
    """Return what ``work`` returns, for a library that would wait for ever. Raises ``TimeoutError`` when it takes
    longer.
    """
    outcome: Future[Any] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return outcome.result(seconds)
    except FutureTimeout:
        raise TimeoutError(f"no whole answer within {seconds:.0f} s") from None


def _library(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError as error:
        raise missing(name, "kubernetes>=31", name) from error


def missing(library: str, requirement: str, imported: str) -> FederationError:
    """Return the refusal for a Python library that is not installed."""
    from ansible.module_utils.basic import missing_required_lib

    return FederationError(
        "FED110",
        where=f"Python library {imported}",
        what=missing_required_lib(library).rstrip("."),
        fix=f"Install it for that Python: pip install '{requirement}'",
    )
