# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a module's connection options is secret, and how those options look where they are shown.

A secret of fewer than ``LONG`` characters is masked where it stands and nowhere else: as a word of its own it could be
part of any name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ._core.extensions.registries import has_login
from ._core.plain.kubeconfig import TOKEN_LIKE
from ._core.plain.secrets import (
    HIDDEN,
    content_of,
    is_content,
    login_secrets,
    shown_url,
    tokens_in,
    without_parts,
    without_tokens,
)
from ._options import CLUSTER, PROMETHEUS, REGISTRY

NAMED = frozenset(
    {
        "token",
        "password",
        "secret",
        "client-key-data",
        "access-token",
        "refresh-token",
        "id-token",
        "client-secret",
    }
)
OPTIONS = {alias: name for name, spec in CLUSTER.items() for alias in (name, *spec.get("aliases", ()))}
# What of descriptions is never repeated: what Wasm modules are told, and what callers of 3scale's tests bring.
TOLD: Mapping[str, frozenset[str]] = {
    "extensions": frozenset({"config", "env"}),
    "tests": frozenset({"request", "expect"}),
}
# Keys of what Wasm modules are told, 3scale's among them.
OF_EXTENSIONS = re.compile(
    r"token|secret|passw|passphrase|pwd|credential|private|auth|bearer|cookie|signature|jwt|[a-z][_-]?key$",
    re.IGNORECASE,
)


def secrets_of(options: Mapping[str, Any]) -> set[str]:
    """Return the secrets that stand in connection options, also in a kubeconfig that is given as a mapping
    or a text.
    """
    named = {options.get(name) for name, spec in {**CLUSTER, **PROMETHEUS, **REGISTRY}.items() if spec.get("no_log")}
    headers = options.get("proxy_headers")
    logins = (
        [headers.get(name) for name, spec in CLUSTER["proxy_headers"]["options"].items() if spec.get("no_log")]
        if isinstance(headers, Mapping)
        else []
    )
    found = {text for text in named if isinstance(text, str)}
    for login in logins:
        found |= login_secrets(login) if isinstance(login, str) else set()
    for name in ("host", "proxy"):
        found |= url_secrets(options.get(name))
    key = options.get("client_key")
    found |= {key} if isinstance(key, str) and is_content(key) else set()
    found |= _inside(content_of(options.get("kubeconfig"))) | _of_extensions(options.get("extensions"))
    found |= tokens_in(options.get("threescale"))
    return {text for text in found if text.strip()}


def _of_extensions(value: object, depth: int = 0, *, is_secret: bool = False) -> set[str]:
    """Return the texts in descriptions of Wasm extensions that stand under a key which names a secret."""
    if isinstance(value, str):
        return {value} if is_secret else set()
    if depth > 20:
        return set()
    if isinstance(value, Mapping):
        # The name of a pull secret is a name.
        parts = [
            (child, is_secret or bool(OF_EXTENSIONS.search(str(key))))
            for key, child in value.items()
            if key != "pull_secret"
        ]
        # An environment variable is named by its value.
        parts += (
            [(value.get("value"), True)] if OF_EXTENSIONS.search(str(value.get("name"))) and "value" in value else []
        )
        return url_secrets(value.get("image")).union(
            *(_of_extensions(child, depth + 1, is_secret=told) for child, told in parts)
        )
    if isinstance(value, (list, tuple)):
        return set().union(*(_of_extensions(child, depth + 1, is_secret=is_secret) for child in value))
    return set()


def _inside(value: object, depth: int = 0) -> set[str]:
    """Return the secrets below ``value``; what programs are told is secret as well."""
    if depth > 20:
        return set()
    if isinstance(value, list):
        return set().union(*(_inside(child, depth + 1) for child in value))
    if not isinstance(value, Mapping):
        return set()
    found: set[str] = set()
    for name, child in value.items():
        if name in NAMED and isinstance(child, str):
            found |= {child, child.strip()}
        elif name in ("server", "proxy-url"):
            found |= url_secrets(child)
        else:
            found |= _inside(child, depth + 1)
    return found


def url_secrets(url: object) -> set[str]:
    """Return the password of a URL's user information, as written and as meant, and as a log-in's header has it."""
    if not isinstance(url, str) or "@" not in url:
        return set()
    login = url.partition("//")[2].rpartition("@")[0] or url.rpartition("@")[0]
    return login_secrets(login) | login_secrets(unquote(login))


def shown_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a module's arguments as they may be shown: connection options without what is secret in them, the rest as
    it is.
    """
    shown = {
        name: _shown(OPTIONS[name], value) if name in OPTIONS and value else value for name, value in arguments.items()
    }
    shown |= {
        name: HIDDEN for name, spec in {**PROMETHEUS, **REGISTRY}.items() if spec.get("no_log") and shown.get(name)
    }
    shown |= {name: HIDDEN for name in ("pull", "push") if has_login(shown.get(name))}
    for name, parts in TOLD.items():
        shown |= {name: without_parts(shown[name], parts)} if shown.get(name) else {}
    return {**shown, **({"threescale": without_tokens(shown["threescale"])} if "threescale" in shown else {})}


def _shown(name: str, value: Any) -> Any:
    spec = CLUSTER[name]
    if spec.get("no_log") or (name in ("kubeconfig", "proxy_headers") and not isinstance(value, str)):
        return HIDDEN
    if not isinstance(value, str):
        return value
    if name in ("host", "proxy") and "@" in value:
        return shown_url(value)
    # A token, a key or a whole kubeconfig may stand where something else is meant.
    return HIDDEN if name == "proxy_headers" or is_content(value) or TOKEN_LIKE.search(value) else value
