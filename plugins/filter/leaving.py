# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters that say whom a run leaves, and what is wrong with that; documented in the YAML files beside this one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ansible.errors import AnsibleFilterError

from ..module_utils._core.plain.data import some
from ..module_utils._core.plain.errors import FederationError
from ..module_utils._core.plain.words import printable
from .mesh_names import mesh_names, peers_named

EVERYBODY = "all"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_HOW_TO_SAY_IT = (
    "Name the peers, such as unfederate_peers=west,north, or leave every peer of mesh_peers with unfederate_peers=all"
)
_MOST_SHOWN = 30


def peers_leaving(peers: object, names: object = "", own: str = "") -> list[dict]:
    """Return the peers that are meant by ``names`` in as many words as leaving takes."""
    try:
        wanted = _wanted(names)
    except FederationError as error:
        raise AnsibleFilterError(_told(error)) from None
    chosen = list(peers) if wanted == [EVERYBODY] else peers_named(peers, [name for name in wanted if name != own])
    entries = [entry if isinstance(entry, Mapping) else {"name": str(entry)} for entry in chosen]
    return [_shortened(entry) for entry in entries]


def leaving_refused(names: object) -> str:
    """Return why ``names`` do not say whom to leave, as a message with its code; empty when they do."""
    try:
        _wanted(names)
    except FederationError as error:
        return _told(error)
    return ""


def leaving_unknown(hosts: object, hostvars: Mapping, names: object) -> str:
    """Return which of ``names`` no host of the run knows, as a message with its code; empty when each is known to one.

    Each host has noted in ``__peers_known`` whom it describes and of whom anything stands on its cluster. While one of
    them has not come so far, nobody can say that it does not know a name.
    """
    wanted, of_run = _wanted(names), mesh_names(hosts, hostvars)
    told = [hostvars[host].get("__peers_known") for host in hosts]
    if wanted == [EVERYBODY] or None in told:
        return ""
    known = {str(name) for found in told for name in found}
    unknown = [name for name in wanted if name not in known | set(of_run if len(of_run) > 1 else ())]
    if not unknown:
        return ""
    error = FederationError(
        "FED302",
        where="unfederate_peers",
        what=(
            f"names {some(unknown, _MOST_SHOWN)}, which no mesh of this run describes "
            "and of which nothing stands on a cluster"
        ),
        fix=f"Correct the name; known peers are {some(sorted(known), _MOST_SHOWN) or 'none'}",
    )
    return _told(error)


def names_in_run(hosts: object, hostvars: Mapping) -> list[str]:
    """Return the names that hosts of the run are known to know: meshes, whom they made cards for, and whose gateways
    are left.

    Empty while one of them has made no cards: then nobody can say that it does not know a name.
    """
    raw = getattr(hostvars, "raw_get", hostvars.__getitem__)
    made = [raw(host).get("card_made") for host in hosts]
    if not all(isinstance(found, Mapping) and isinstance(found.get("cards"), list) for found in made):
        return []
    found = set(mesh_names(hosts, hostvars))
    for one in made:
        found |= {str(card.get("audience")) for card in one["cards"]}
        found |= {str(row.get("peer")) for row in one.get("identities") or []}
        found |= {str(name) for name in one.get("leftovers") or []}
    return sorted(found)


def _wanted(names: object) -> list[str]:
    """Return the names as a list, ``[EVERYBODY]`` for every peer. Raises ``FederationError`` FED322."""
    entries = _entries(names)
    if not entries or all(entry in (None, "") for entry in entries):
        raise _unsaid("names nobody, and nothing does not mean everybody")
    for entry in entries:
        if entry in (None, ""):
            raise _unsaid("holds an empty name")
        if not isinstance(entry, str) or not _NAME.fullmatch(entry):
            raise _unsaid(f"holds {printable(repr(str(entry)), 80)}, which cannot be a peer's name")
    if EVERYBODY in entries and len(set(entries)) > 1:
        raise _unsaid(f"holds {EVERYBODY} beside other names")
    return list(dict.fromkeys(str(entry) for entry in entries))


def _entries(names: object) -> list:
    """Return what names were given as, one by one: a text is read as a list, with brackets and quotes or without."""
    if isinstance(names, str):
        text = names.strip()
        if text.startswith("[") and text.endswith("]"):
            text = text[1:-1]
        return [part.strip().strip("'\"") for part in text.split(",")]
    if isinstance(names, Iterable) and not isinstance(names, (bytes, Mapping)):
        return list(names)
    return [] if names is None else [names]


def _unsaid(what: str) -> FederationError:
    return FederationError("FED322", where="unfederate_peers", what=what, fix=_HOW_TO_SAY_IT)


def _told(error: FederationError) -> str:
    return f"{error} Nothing was written.  ({error.reference})"


def _shortened(entry: Mapping) -> dict:
    gateways = entry.get("gateways") or {}
    kept = {
        kind: gateways[kind] for kind in ("ingress", "egress") if isinstance(gateways, Mapping) and gateways.get(kind)
    }
    names = {"name": entry.get("name"), "local_name": entry.get("local_name") or entry.get("name")}
    return {**names, "gateways": kept} if kept else names


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict:
        """Return the filters by name."""
        return {
            "leaving_refused": leaving_refused,
            "leaving_unknown": leaving_unknown,
            "names_in_run": names_in_run,
            "peers_leaving": peers_leaving,
        }
