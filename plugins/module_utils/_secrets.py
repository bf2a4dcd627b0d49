# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a module's connection options is secret, and how those options look where they are shown.

A secret of fewer than ``LONG`` characters is masked where it stands and nowhere else: as a word of its own it could be part of any name.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from ._core.extensions.registries import DIGEST
from ._core.plain.kubeconfig import TOKEN_LIKE
from ._options import CLUSTER, PROMETHEUS, REGISTRY

LONG = 8
HIDDEN = "********"
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
# Greedy: a password may hold all that an URL must not.
USERINFO = re.compile(r"(?<=//).*@|^(?!.*//).*@", re.DOTALL)
PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
OPTIONS = {alias: name for name, spec in CLUSTER.items() for alias in (name, *spec.get("aliases", ()))}
LONGEST_PATH = 1024
# What of descriptions is never repeated: what Wasm modules are told, and what callers of 3scale's tests bring.
TOLD: Mapping[str, frozenset[str]] = {"extensions": frozenset({"config", "env"}), "tests": frozenset({"request", "expect"})}
# Keys of what Wasm modules are told, 3scale's among them.
OF_EXTENSIONS = re.compile(r"token|secret|passw|passphrase|pwd|credential|private|auth|bearer|cookie|signature|jwt|[a-z][_-]?key$", re.IGNORECASE)


def secrets_of(options: Mapping[str, Any]) -> set[str]:
    """Return the secrets that stand in connection options, also in a kubeconfig that is given as a mapping or a text."""
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
        parts = [(child, is_secret or bool(OF_EXTENSIONS.search(str(key)))) for key, child in value.items() if key != "pull_secret"]
        # An environment variable is named by its value.
        parts += [(value.get("value"), True)] if OF_EXTENSIONS.search(str(value.get("name"))) and "value" in value else []
        return url_secrets(value.get("image")).union(*(_of_extensions(child, depth + 1, is_secret=told) for child, told in parts))
    if isinstance(value, (list, tuple)):
        return set().union(*(_of_extensions(child, depth + 1, is_secret=is_secret) for child in value))
    return set()


def tokens_in(value: object, depth: int = 0) -> set[str]:
    """Return the tokens in what is described for 3scale: the texts under the key ``token``."""
    if depth > 20:
        return set()
    if isinstance(value, Mapping):
        own = {child for key, child in value.items() if key == "token" and isinstance(child, str)}
        return own.union(*(tokens_in(child, depth + 1) for child in value.values()))
    return set().union(*(tokens_in(child, depth + 1) for child in value)) if isinstance(value, (list, tuple)) else set()


def without_tokens(value: Any, depth: int = 0) -> Any:
    """Return what is described for 3scale without its tokens, also those that are too short to be masked elsewhere."""
    if depth > 20:
        return HIDDEN
    if isinstance(value, Mapping):
        return {key: HIDDEN if key == "token" else without_tokens(child, depth + 1) for key, child in value.items()}
    return [without_tokens(child, depth + 1) for child in value] if isinstance(value, (list, tuple)) else value


def content_of(kubeconfig: object) -> object:
    """Return the data of a kubeconfig that is given as a mapping or a text; None for a path, or for what cannot be read."""
    if not isinstance(kubeconfig, str):
        return kubeconfig
    if not is_content(kubeconfig):
        return None
    import yaml

    try:
        return yaml.safe_load(kubeconfig)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


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


def login_secrets(login: str) -> set[str]:
    """Return what of ``user:password`` is secret, and the same as a header has it."""
    return {login.partition(":")[2], base64.b64encode(login.encode("utf-8", "replace")).decode()} - {""}


def has_login(image: object) -> bool:
    """Return whether user and password may stand in the name of an image: something else than a digest after an @."""
    _name, at, rest = image.partition("@") if isinstance(image, str) else ("", "", "")
    return bool(at) and not DIGEST.fullmatch(rest)


def is_content(text: str) -> bool:
    """Return whether a text is no path: a kubeconfig or certificate itself, or something else that must not be quoted."""
    return len(text) > LONGEST_PATH or bool(re.search(r"[\n\r{]|: |-----|\x00", text))


def shown_path(path: str) -> str:
    """Return a path for a message; what may be a secret that was given in its place is not quoted."""
    return "(not shown: it does not look like a path)" if is_content(path) or TOKEN_LIKE.search(path) else path


def shown_url(url: str) -> str:
    """Return a URL without user and password."""
    return USERINFO.sub(f"{HIDDEN}@", url)


def shown_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a module's arguments as they may be shown: connection options without what is secret in them, the rest as it is."""
    shown = {name: _shown(OPTIONS[name], value) if name in OPTIONS and value else value for name, value in arguments.items()}
    shown |= {name: HIDDEN for name, spec in {**PROMETHEUS, **REGISTRY}.items() if spec.get("no_log") and shown.get(name)}
    shown |= {name: HIDDEN for name in ("pull", "push") if has_login(shown.get(name))}
    for name, parts in TOLD.items():
        shown |= {name: _without_parts(shown[name], parts)} if shown.get(name) else {}
    return {**shown, **({"threescale": without_tokens(shown["threescale"])} if "threescale" in shown else {})}


def _without_parts(value: Any, parts: frozenset[str]) -> Any:
    """Return descriptions without some of their parts, whatever stands in these."""
    if not isinstance(value, (list, tuple)):
        return HIDDEN
    return [_without_part(one, parts) if isinstance(one, Mapping) else HIDDEN for one in value]


def _without_part(told: Mapping, parts: frozenset[str]) -> dict:
    shown = {key: HIDDEN if key in parts and child else child for key, child in told.items()}
    return {key: shown_url(child) if key == "image" and isinstance(child, str) and "//" in child else child for key, child in shown.items()}


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


def to_mask(secrets: Iterable[str]) -> set[str]:
    """Return the secrets that are masked wherever they stand, each also line by line."""
    lines = {line.strip() for secret in secrets for line in secret.splitlines()}
    return {text for text in {*secrets, *lines} if len(text) >= LONG}


def without(secrets: Iterable[str], text: str) -> str:
    """Return ``text`` without the secrets that are long enough, and without private keys."""
    for secret in sorted(to_mask(secrets), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return PRIVATE_KEY.sub(HIDDEN, text)


def without_keys(value: Any) -> Any:
    """Return a result without private keys, which have no business in one, wherever they come from."""
    if isinstance(value, str):
        return PRIVATE_KEY.sub(HIDDEN, value) if "PRIVATE KEY-----" in value else value
    if isinstance(value, Mapping):
        return {name: without_keys(child) for name, child in value.items()}
    return [without_keys(child) for child in value] if isinstance(value, (list, tuple)) else value
