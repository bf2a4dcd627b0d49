# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is secret in texts and data, and how they look where they are shown.

A secret of fewer than ``LONG`` characters is masked where it stands and nowhere else: as a word of its own it could be
part of any name.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any

from .kubeconfig import TOKEN_LIKE

LONG = 8
HIDDEN = "********"
# Greedy: a password may hold all that an URL must not.
USERINFO = re.compile(r"(?<=//).*@|^(?!.*//).*@", re.DOTALL)
PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
LONGEST_PATH = 1024


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
    """Return the data of a kubeconfig that is given as a mapping or a text; None for a path, or for what cannot be
    read.
    """
    if not isinstance(kubeconfig, str):
        return kubeconfig
    if not is_content(kubeconfig):
        return None

    import yaml

    try:
        return yaml.safe_load(kubeconfig)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def login_secrets(login: str) -> set[str]:
    """Return what of ``user:password`` is secret, and the same as a header has it."""
    return {login.partition(":")[2], base64.b64encode(login.encode("utf-8", "replace")).decode()} - {""}


def is_content(text: str) -> bool:
    """Return whether a text is no path: a kubeconfig or certificate itself, or something else that must not
    be quoted.
    """
    return len(text) > LONGEST_PATH or bool(re.search(r"[\n\r{]|: |-----|\x00", text))


def shown_path(path: str) -> str:
    """Return a path for a message; what may be a secret that was given in its place is not quoted."""
    return "(not shown: it does not look like a path)" if is_content(path) or TOKEN_LIKE.search(path) else path


def shown_url(url: str) -> str:
    """Return a URL without user and password."""
    return USERINFO.sub(f"{HIDDEN}@", url)


def without_parts(value: Any, parts: frozenset[str]) -> Any:
    """Return descriptions without some of their parts, whatever stands in these."""
    if not isinstance(value, (list, tuple)):
        return HIDDEN
    return [_without_part(one, parts) if isinstance(one, Mapping) else HIDDEN for one in value]


def _without_part(told: Mapping, parts: frozenset[str]) -> dict:
    shown = {key: HIDDEN if key in parts and child else child for key, child in told.items()}
    return {
        key: shown_url(child) if key == "image" and isinstance(child, str) and "//" in child else child
        for key, child in shown.items()
    }


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
