# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who administers a mesh: ``mesh_admins`` read, every name of it checked before a right is bound to it.

A name that Kubernetes gives to many accounts at once, or to those of the platform, is refused: a binding to it is a
mistake or an attack. Source: Kubernetes documentation, "Authenticating" (system users and groups) and "Using RBAC
Authorization".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from ..plain.errors import FederationError

PARTS = ("users", "groups", "service_accounts")
KEYS = (*PARTS, "restarts")
# Groups of a directory may be long names; what is longer than this is no name.
LONGEST, MOST = 512, 500
_SPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_ACCOUNT = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_ACCOUNT_AS_USER = re.compile(r"system:serviceaccount:([^:]+):([^:]+)")
_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True)
class Admins:
    """The administrators of one mesh, and whether they may restart workloads; accounts are (namespace, name)."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    service_accounts: tuple[tuple[str, str], ...] = ()
    restarts: bool = True

    @classmethod
    def described(cls, mesh: str, namespace: str, admins: object) -> Admins:
        """Return whom ``mesh_admins`` of a mesh names; an account without a namespace is one of ``namespace``.

        Raises ``FederationError`` FED450 for what cannot be read, for nobody, and for names that stand for many
        accounts.
        """
        if not isinstance(admins, Mapping):
            _refuse(mesh, "is not a mapping", "Give it users, groups and service_accounts, each a list of names")
        unknown = sorted(str(key) for key in admins if key not in KEYS)
        if unknown:
            _refuse(
                mesh,
                f"has {', '.join(map(_shown, unknown))}",
                "It has users, groups and service_accounts, each a list of names, and restarts",
            )
        listed = {part: _names(mesh, part, admins.get(part)) for part in PARTS}
        if not any(listed.values()):
            _refuse(
                mesh, "names no account, so nobody could administer the mesh", "Name users, groups or service_accounts"
            )
        for name in listed["users"]:
            _check_user(mesh, name)
        for name in listed["groups"]:
            _check_group(mesh, name)
        accounts = tuple(dict.fromkeys(_account(mesh, text, namespace) for text in listed["service_accounts"]))
        return cls(listed["users"], listed["groups"], accounts, _restarts(mesh, admins))


def _names(mesh: str, part: str, names: object) -> tuple[str, ...]:
    if names is None:
        return ()
    if isinstance(names, str) or not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        _refuse(mesh, f"has {part} that is not a list of names", f"Write {part}: [name, name]")
    if len(names) > MOST:
        _refuse(mesh, f"has {len(names)} {part}", f"Name {MOST} at most; a group can have any number of members")
    for name in names:
        _check_name(mesh, part, name)
    return tuple(dict.fromkeys(names))


def _check_name(mesh: str, part: str, name: str) -> None:
    """Refuse names that the API server would bind although no user, group or account can have them."""
    if not name.strip():
        _refuse(mesh, f"has an empty name under {part}", "Give the name, or remove the entry")
    if len(name) > LONGEST:
        _refuse(
            mesh,
            f"has a name of {len(name)} characters under {part}",
            f"Give names of {LONGEST} characters at most",
        )
    if name != name.strip() or not name.isprintable():
        _refuse(
            mesh,
            f"has {_shown(name)} under {part}, with a space at an end or a character that cannot be printed",
            "Write the name as the cluster knows it",
        )
    if "*" in name:
        _refuse(
            mesh,
            f"has {_shown(name)} under {part}, and a binding needs names, not patterns",
            "Name each account, or a group of them",
        )


def _check_user(mesh: str, name: str) -> None:
    found = _ACCOUNT_AS_USER.fullmatch(name)
    if found:
        _account(mesh, f"{found[1]}/{found[2]}", "")
    elif name.startswith("system:"):
        _refuse(
            mesh,
            f"has the user {_shown(name)}, which is everybody without an account, or an account of the platform",
            "Name people, their groups, or service accounts",
        )


def _check_group(mesh: str, name: str) -> None:
    if name.startswith("system:"):
        _refuse(
            mesh,
            f"has the group {_shown(name)}, to which the platform adds accounts by itself, possibly everybody",
            "Name a group whose members somebody chooses, or the service accounts one by one",
        )


def _account(mesh: str, text: str, namespace: str) -> tuple[str, str]:
    parts = text.split("/")
    place, name = (namespace, text) if len(parts) == 1 else (parts[0], parts[1])
    is_named = len(name) <= 253 and _ACCOUNT.fullmatch(name) and (len(parts) == 1 or _SPACE.fullmatch(place))
    if len(parts) > 2 or not is_named:
        _refuse(
            mesh,
            f"has the service account {_shown(text)}",
            "Write name, or namespace/name, in lower-case letters, digits and hyphens",
        )
    return place, name


def _restarts(mesh: str, admins: Mapping) -> bool:
    if "restarts" not in admins:
        return True
    said = admins["restarts"]
    meant = _BOOLEANS.get(str(said).lower()) if isinstance(said, (bool, int, str)) else None
    if meant is None:
        _refuse(
            mesh,
            f"has restarts: {_shown(said)}",
            "Write restarts: true or restarts: false, or leave it out, which means true",
        )
    return meant


def _shown(value: object) -> str:
    """Return a word of the user's in ASCII and cut short: it may hold anything."""
    text = ascii(value) if isinstance(value, str) and not (value.isascii() and value.isprintable()) else str(value)
    return f"{text[:60]}…" if len(text) > 61 else text


def _refuse(mesh: str, what: str, fix: str) -> NoReturn:
    raise FederationError("FED450", where=f"mesh_admins of {mesh}", what=what, fix=fix)
