# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Credentials as options and kubeconfigs give them: what they say, and what a header can carry."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .errors import FederationError
from .kubeconfig import Said


def typed(text: str, wanted: str) -> object:
    """Return what a variable says, as the type of an option."""
    if wanted == "bool":
        return text.strip().lower() not in ("0", "false", "no", "off", "n", "f")
    if wanted == "list":
        return [part for part in text.split(",") if part]
    return text


def are_complete(options: Mapping[str, Any]) -> bool:
    """Whether an address and credentials are given that need no kubeconfig."""
    ways = (("api_key",), ("client_cert", "client_key"), ("username", "password"))
    return bool(options.get("host")) and any(all(options.get(name) for name in way) for way in ways)


def impersonating(said: Said, user: str | None, groups: Sequence[str]) -> Said:
    if not user and not groups:
        return said
    if said.impersonation:
        raise FederationError(
            "FED114",
            where=f"{said.place}, as",
            what="is given together with impersonate_user or impersonate_groups",
            fix="Name the user to act as in one place",
        )
    named = [("Impersonate-User", user)] if user else []
    return replace(said, impersonation=(*named, *(("Impersonate-Group", group) for group in groups)))


def visible(text: str, where: str) -> str:
    """Return a token that a header can carry, without spaces around it. Raises ``FederationError`` FED101, which does
    not quote it.
    """
    token = text.strip()
    # A list or a mapping in a token's place comes here as a text.
    if all("!" <= char <= "~" for char in token) and token[:1] not in ("[", "{", "'", '"'):
        return token
    what = "has characters that no token has (spaces, line ends, quotes and brackets, or letters beyond ASCII)"
    if token.lower().startswith("bearer "):
        what = "begins with the word Bearer"
    raise FederationError("FED101", where=where, what=what, fix="Give only the token, as it was issued")


def header_of(value: str, place: str, name: str) -> str:
    """Return a header's value as it is sent: UTF-8, one byte for each character."""
    if not isinstance(value, str) or not value.isprintable() or value != value.strip():
        raise FederationError(
            "FED101",
            where=f"{place}, {name}",
            what="has characters that no name has",
            fix="Correct the name to act as",
        )
    return value.encode("utf-8", "replace").decode("latin-1")


def who_verifies_not(said: Said, options: Mapping[str, Any]) -> str:
    if options.get("validate_certs") is None:
        return f"insecure-skip-tls-verify of {said.place}"
    return "validate_certs, or K8S_AUTH_VERIFY_SSL"


def basic(login: str) -> str:
    return f"Basic {base64.b64encode(login.encode('utf-8', 'replace')).decode()}"
