# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The only file that speaks to a Kubernetes API server: dicts in, dicts out, every request bounded in time."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn
from urllib.parse import urlencode, urlsplit

from ansible.module_utils.parsing.convert_bool import boolean

from ._arguments import ENVIRONMENT, PROXY_ENVIRONMENT
from ._core.errors import FederationError
from ._core.kinds import Kind

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
LONGEST_PAUSE = 8.0
PAGE = 500
_RETRIED = (408, 429, 500, 502, 503, 504)
_DENIED = "denied the request: "


class Cluster:
    """One API server, reached with the credentials of one module call."""

    def __init__(self, configuration: Any, *, headers: Mapping[str, str], api_timeout: int) -> None:
        from kubernetes.client.rest import RESTClientObject

        self.server = _without_login(configuration.host)
        self.requests = 0
        self._host = configuration.host.rstrip("/")
        self._headers = dict(headers)
        self._login = configuration.auth_settings
        self._timeout = api_timeout
        self._skew = None
        configuration.retries = False
        self._pool = RESTClientObject(configuration).pool_manager

    @classmethod
    def connect(cls, params: Mapping[str, Any]) -> Cluster:
        """Return the cluster that the connection options name; nothing is sent yet.

        An option that is absent falls back to its ``K8S_AUTH_*`` variable. Raises ``FederationError``: FED101 without
        any credentials (neither ``~/.kube/config`` nor the pod's own account are used), FED110 without a library.
        """
        access = {**params, **_from_environment(params)}
        if not access.get("kubeconfig") and not access.get("host"):
            raise FederationError(
                "FED101",
                where="Access to the cluster",
                what="is not given: neither kubeconfig nor host is set, and the configuration of whoever runs this is never used unasked",
                mend="Set mesh_kubeconfig (option kubeconfig), or mesh_host with mesh_api_key, or K8S_AUTH_KUBECONFIG",
            )
        configuration = _configuration(access)
        _set_transport(configuration, access)
        headers = {"User-Agent": "ossm.federation", "Accept": "application/json"}
        if access.get("impersonate_user"):
            headers["Impersonate-User"] = access["impersonate_user"]
        cluster = cls(configuration, headers=headers, api_timeout=access.get("api_timeout") or 60)
        cluster._groups = list(access.get("impersonate_groups") or ())
        return cluster

    _groups: list[str] = []

    @property
    def now(self) -> datetime:
        """Return the time by the API server's clock, as its latest answer told it; ours before the first answer."""
        here = datetime.now(timezone.utc)
        return here if self._skew is None else here + self._skew

    def get(self, kind: Kind, namespace: str, name: str) -> dict | None:
        """Return one object, or None when it does not exist."""
        return self._send("GET", kind.path(namespace, name), what=f"{kind.name} {namespace}/{name}", absent_is_none=True)

    def list(self, kind: Kind, namespace: str, selector: str | None = None) -> list[dict]:
        """Return all objects of a kind in a namespace, each with apiVersion and kind, read in pages of 500.

        Raises ``FederationError`` FED108 when the API server does not serve the kind.
        """
        found: list[dict] = []
        query = {"limit": str(PAGE), **({"labelSelector": selector} if selector else {})}
        while True:
            what = f"{kind.plural} in namespace {namespace}"
            page = self._send("GET", f"{kind.path(namespace)}?{urlencode(query)}", what=what, absent_is_none=True)
            if page is None:
                raise FederationError(
                    "FED108",
                    where=self.server,
                    what=f"does not serve {kind.plural} of {kind.api_version}",
                    mend="Its custom resource definitions come with the operator and its first control plane; wait until that is ready",
                )
            found += ({**item, "apiVersion": kind.api_version, "kind": kind.name} for item in page.get("items") or ())
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return found
            query["continue"] = token

    def apply(self, kind: Kind, manifest: Mapping, manager: str, force: bool = False) -> dict:
        """Apply one manifest on the server's side as ``manager`` and return the object.

        Raises ``FederationError``: FED107 another manager holds a field, FED109 the object was replaced since it was
        read, FED106 refused. Source: Kubernetes documentation, "Server-Side Apply".
        """
        metadata = manifest["metadata"]
        query = urlencode({"fieldManager": manager, "force": "true" if force else "false", "fieldValidation": "Strict"})
        return self._send(
            "PATCH",
            f"{kind.path(metadata['namespace'], metadata['name'])}?{query}",
            what=f"{kind.name} {metadata['namespace']}/{metadata['name']}",
            body=manifest,
            content_type="application/apply-patch+yaml",
        )

    def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> bool:
        """Delete the object that has ``uid``; False when it was already gone or another has its name."""
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        try:
            done = self._send(
                "DELETE", kind.path(namespace, name), what=f"{kind.name} {namespace}/{name}", body=body, absent_is_none=True
            )
        except FederationError as error:
            if error.code == "FED109":
                return False
            raise
        return done is not None

    def schema(self, api_version: str) -> dict | None:
        """Return the OpenAPI v3 document of a group version, or None where the server does not publish it."""
        return self._send("GET", f"/openapi/v3/apis/{api_version}", what=f"the schema of {api_version}", absent_is_none=True)

    def _send(
        self,
        verb: str,
        path: str,
        *,
        what: str,
        body: Mapping | None = None,
        content_type: str = "application/json",
        absent_is_none: bool = False,
    ) -> Any:
        deadline, pause = time.monotonic() + self._timeout, 0.5
        while True:
            status, text, retry_after, failure = self._try(verb, path, body, content_type, deadline)
            if failure is None and status < 300:
                return json.loads(text) if text else {}
            if failure is None:
                answer = _answer(text)
                if status == 404 and absent_is_none:
                    return None
                if not _is_retried(status, answer):
                    self._refuse(verb, what, status, answer)
            pause_now = min(retry_after or pause, LONGEST_PAUSE)
            if time.monotonic() + pause_now >= deadline:
                self._give_up(verb, what, failure, None if failure else (status, answer))
            time.sleep(pause_now)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _try(
        self, verb: str, path: str, body: Mapping | None, content_type: str, deadline: float
    ) -> tuple[int, str, float | None, str | None]:
        """Send one request; return status, text, Retry-After, and the failure when there was no answer."""
        from urllib3 import HTTPHeaderDict, Timeout
        from urllib3.exceptions import HTTPError

        headers = HTTPHeaderDict(self._headers)
        for group in self._groups:
            headers.add("Impersonate-Group", group)
        for setting in self._login().values():
            headers[setting["key"]] = setting["value"]
        encoded = None
        if body is not None:
            headers["Content-Type"] = content_type
            encoded = json.dumps(body).encode()
        left = max(0.1, deadline - time.monotonic())
        self.requests += 1
        try:
            response = self._pool.request(
                verb,
                self._host + path,
                headers=headers,
                body=encoded,
                retries=False,
                redirect=False,
                timeout=Timeout(connect=min(CONNECT_SECONDS, left), read=min(READ_SECONDS, left)),
            )
        except (HTTPError, OSError) as reason:
            return 0, "", None, _plain(reason)
        self._note_time(response.headers.get("Date"))
        return response.status, response.data.decode("utf-8", "replace"), _seconds(response.headers.get("Retry-After")), None

    def _note_time(self, date: str | None) -> None:
        if date:
            try:
                self._skew = parsedate_to_datetime(date) - datetime.now(timezone.utc)
            except (TypeError, ValueError):
                return
            if abs(self._skew.total_seconds()) < 2:  # the header has whole seconds only
                self._skew = None

    def _refuse(self, verb: str, what: str, status: int, answer: Mapping) -> NoReturn:
        message = str(answer.get("message") or f"HTTP {status}")
        where = f"{verb} {what} on {self.server}"
        if status == 401:
            raise FederationError(
                "FED101", where=where, what="the API server does not accept the credentials", mend="Log in again, or give a new token"
            )
        if status == 403 and _DENIED not in message:
            raise FederationError(
                "FED104",
                where=where,
                what=f"is not allowed: {message}",
                mend="Ask a cluster administrator for the Role in docs/rights.md",
            )
        causes = [c for c in (answer.get("details") or {}).get("causes") or [] if c.get("reason") == "FieldManagerConflict"]
        if causes:
            named = "; ".join(f"{cause.get('field')} ({cause.get('message')})" for cause in causes[:5])
            raise FederationError(
                "FED107",
                where=where,
                what=f"another field manager holds what we want otherwise: {named}",
                mend="Change it where that manager keeps it, or take the fields with force: true",
                facts={"conflicts": [dict(cause) for cause in causes]},
            )
        if status == 409 or (status == 404 and verb == "PATCH"):
            raise FederationError(
                "FED109", where=where, what=f"the object was replaced since it was read ({message})", mend="Run again"
            )
        refusal = message.split(_DENIED, 1)[-1]
        raise FederationError("FED106", where=where, what=f"was refused: {refusal}", mend="Correct what it names and run again")

    def _give_up(self, verb: str, what: str, failure: str | None, answered: tuple[int, Mapping] | None) -> NoReturn:
        if failure is not None:
            raise FederationError(
                "FED105",
                where=f"API server {self.server}",
                what=f"did not answer {verb} {what} within {self._timeout} s ({failure})",
                mend="Check mesh_kubeconfig or mesh_host, the network and mesh_proxy, then run again",
            )
        status, answer = answered
        raise FederationError(
            "FED106",
            where=f"{verb} {what} on {self.server}",
            what=f"failed for {self._timeout} s, last with HTTP {status}: {answer.get('message') or 'no reason given'}",
            mend="The API server or a webhook behind it is not serving; run again when it is",
        )


def _from_environment(params: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for option, variable in ENVIRONMENT.items():
        text = os.environ.get(variable)
        if params.get(option) is None and text:
            if option in ("validate_certs", "persist_config"):
                found[option] = boolean(text)
            else:
                found[option] = text.split(",") if option == "impersonate_groups" else text
    headers = {
        option: (params.get("proxy_headers") or {}).get(option) or os.environ.get(variable)
        for option, variable in PROXY_ENVIRONMENT.items()
    }
    if any(headers.values()):
        found["proxy_headers"] = headers
    # A mesh's own access is whole: what the environment says of a cluster belongs to another one.
    own = [option for option in ("kubeconfig", "host") if params.get(option)]
    return {option: value for option, value in found.items() if not own or option in ("proxy", "no_proxy", "proxy_headers")}


def _configuration(access: Mapping[str, Any]) -> Any:
    try:
        from kubernetes.client import Configuration
        from kubernetes.config import ConfigException
        from kubernetes.config.kube_config import load_kube_config, load_kube_config_from_dict
    except ImportError as reason:
        raise FederationError(
            "FED110", where="Python library kubernetes", what=f"is missing ({reason.name})", mend="pip install kubernetes"
        ) from None
    configuration = Configuration()
    configuration.proxy, configuration.no_proxy = None, None
    kubeconfig = access.get("kubeconfig")
    if kubeconfig:
        options = {
            "context": access.get("context"),
            "client_configuration": configuration,
            "persist_config": bool(access.get("persist_config")),
        }
        try:
            if isinstance(kubeconfig, Mapping):
                load_kube_config_from_dict(dict(kubeconfig), **options)
            else:
                load_kube_config(config_file=os.path.expanduser(str(kubeconfig)), **options)
        except (ConfigException, OSError, ValueError, TypeError, AttributeError, KeyError) as reason:
            name = "kubeconfig" if isinstance(kubeconfig, Mapping) else f"kubeconfig {kubeconfig}"
            raise FederationError(
                "FED101", where=name, what=f"cannot be used ({_plain(reason)})", mend="Give the path of a kubeconfig and a context in it"
            ) from None
    if access.get("host"):
        configuration.host = access["host"]
    if access.get("username") and access.get("password") and not access.get("api_key"):
        configuration.api_key = {"authorization": f"Bearer {_oauth_token(access, configuration)}"}
    if access.get("api_key"):
        configuration.api_key = {"authorization": f"Bearer {access['api_key']}"}
    return configuration


def _oauth_token(access: Mapping[str, Any], configuration: Any) -> str:
    """Return the token that OpenShift's OAuth server gives for a user's password."""
    try:
        from openshift.helper.userpassauth import OCPLoginConfiguration, OCPLoginException
    except ImportError:
        raise FederationError(
            "FED110",
            where="Python library openshift",
            what="is missing, and a login by username and password goes through OpenShift's OAuth server",
            mend="pip install openshift, or give api_key",
        ) from None
    login = OCPLoginConfiguration(host=configuration.host, ocp_username=access["username"], ocp_password=access["password"])
    login.verify_ssl = access.get("validate_certs") is not False
    login.ssl_ca_cert = access.get("ca_cert") or configuration.ssl_ca_cert
    try:
        login.get_token()
    except (OCPLoginException, OSError, KeyError, ValueError) as reason:
        raise FederationError(
            "FED101",
            where=f"Login of {access['username']} at {_without_login(configuration.host)}",
            what=f"failed ({type(reason).__name__})",
            mend="Check username and password, or give api_key",
        ) from None
    return login.token["access_token"]


def _set_transport(configuration: Any, access: Mapping[str, Any]) -> None:
    if access.get("validate_certs") is not None:
        configuration.verify_ssl = access["validate_certs"]
    for option, attribute in (("ca_cert", "ssl_ca_cert"), ("client_cert", "cert_file"), ("client_key", "key_file")):
        if access.get(option):
            setattr(configuration, attribute, os.path.expanduser(access[option]))
    if not configuration.verify_ssl:
        import urllib3

        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    if access.get("proxy"):
        configuration.proxy = access["proxy"]
        configuration.no_proxy = access.get("no_proxy")
    if access.get("proxy_headers"):
        from urllib3.util import make_headers

        configuration.proxy_headers = make_headers(**{k: v for k, v in access["proxy_headers"].items() if v})


def _is_retried(status: int, answer: Mapping) -> bool:
    """Whether the same request may succeed a little later."""
    if status == 409:
        causes = (answer.get("details") or {}).get("causes") or []
        message = str(answer.get("message") or "")
        is_precondition = "uid" in message.lower() or "precondition" in message.lower()
        return not is_precondition and not any(cause.get("reason") == "FieldManagerConflict" for cause in causes)
    return status in _RETRIED


def _answer(text: str) -> Mapping:
    try:
        answer = json.loads(text)
    except ValueError:
        return {"message": text.strip()[:300]}
    return answer if isinstance(answer, Mapping) else {}


def _seconds(text: str | None) -> float | None:
    return float(text) if text and re.fullmatch(r"\d{1,4}", text) else None


def _plain(reason: BaseException) -> str:
    """Return an error in one line without object addresses, and without anything that could be a secret."""
    text = re.sub(r"<[^>]*object at 0x[0-9a-f]+>,?:? ?", "", str(reason))
    return re.sub(r"//[^/@\s]*@", "//", f"{type(reason).__name__}: {text}")[:300]


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return url.replace(f"{parts.username}:{parts.password}@", "").replace(f"{parts.username}@", "") if parts.username else url
