# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Variables that look like ours and that nothing here reads: a misspelled name would be passed over in silence.

What begins as ours do (``mesh_``, ``federation_``, ``unfederate_``) is ours, so a name that no spec knows is wrong.
Other words that our variables begin with (``cluster_``, and the names of playbooks and roles) belong to everybody: only
a name that is close to one of ours counts as misspelled. What a run's own command line says under the name of its
playbook (``gather -e gather_folder=...``) was meant for that playbook, however far it is from any of its names; an
inventory that has such a name is only warned of.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NoReturn

from ansible_collections.ossm.federation.plugins.module_utils._core.plain.data import some
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.words import shown

OURS = ("mesh", "federation", "unfederate")
# What playbooks take and roles keep, and no spec describes.
OF_PLAYBOOKS = (
    "federation_cards",
    "fleet_changed",
    "fleet_limit",
    "uninstall_crds",
    "uninstall_leave_sidecars",
    "upgrade_report",
)
# A workflow's jobs hand their cards on in variables that are called after meshes.
HANDED_ON = re.compile(r"federation_cards_of_\w+")
IGNORED = "federation_ignore_variables"
CLOSE = 0.8
NEAR = 0.6
# Two names that differ in one whole word are two names: cluster_api_url is no misspelled cluster_api_key.
SAME_WORD = 0.7
MOST_TOLD = 5
PLAYBOOKS = tuple(path.stem for path in (Path(__file__).resolve().parents[2] / "playbooks").glob("*.yml"))


@dataclass(frozen=True)
class Told:
    """What a run's command line tells: the names of its extra variables, and the playbooks of this collection that it
    plays.
    """

    names: Collection[str] = ()
    playbooks: Collection[str] = ()


NOTHING = Told()


def refuse_unknown(
    names: Iterable[str],
    specs: Mapping[str, Mapping[str, Mapping]],
    ignored: Collection[str] = (),
    told: Told = NOTHING,
) -> list[tuple[str, str]]:
    """Refuse names of variables that were meant for this collection and that none of its ``specs`` knows: FED330.

    ``specs`` are the options by role and entry. ``ignored`` are names, or patterns with ``*``, that belong to somebody
    else. Returns what may be meant for a playbook that is ``told`` and is said elsewhere, each with the nearest name
    that is known.
    """
    known = set(OF_PLAYBOOKS).union(*(options for entries in specs.values() for options in entries.values()))
    shared = {"cluster", *PLAYBOOKS, *specs} - set(OURS)
    others = sorted(
        name for name in names if name not in known and not any(fnmatchcase(name, pattern) for pattern in ignored)
    )
    near_run = {name: near for name in others if (near := _of_the_run(name, known, told)) is not None}
    found = {name: meant for name in others if (meant := _meant(name, known, shared)) is not None}
    found.update({name: near for name, near in near_run.items() if name in told.names and name not in found})
    if found:
        _refuse(sorted(found.items()))
    return sorted(near_run.items())


def _refuse(unknown: list[tuple[str, str]]) -> NoReturn:
    (first, meant), others = unknown[0], unknown[1:]
    told = [f"{name} (nearest: {near})" if near else name for name, near in others]
    more = f"; unknown as well: {some([shown(one, longest=160) for one in told], MOST_TOLD - 1)}" if told else ""
    nearest = f"; the nearest that is known is {meant}" if meant else ""
    raise FederationError(
        "FED330",
        where=shown(first, longest=80),
        what=f"is not a variable that this collection knows{nearest}{more}",
        fix=f"Correct the name, or list it in {IGNORED} where it belongs to somebody else",
    )


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def _of_the_run(name: str, known: Collection[str], told: Told) -> str | None:
    """Return the nearest variable of the playbook that a name is called after; None where that has none, or is not
    played.
    """
    plain = _plain(name)
    first = plain.partition("_")[0]
    if first == plain or all(each.partition("_")[0] != first for each in told.playbooks):
        return None
    own = [each for each in known if each.startswith(f"{first}_")]
    return next(iter(get_close_matches(plain, own, 1, 0.0)), None)


def _meant(name: str, known: Collection[str], shared: Collection[str]) -> str | None:
    """Return the nearest name that is known, "" where none is near; None for a name that is not ours."""
    if name.startswith(("_", "ansible_")) or HANDED_ON.fullmatch(name):
        return None
    plain = _plain(name)
    first = plain.partition("_")[0]
    if plain.startswith(tuple(f"{word}_" for word in OURS)):
        return next(iter(get_close_matches(plain, known, 1, NEAR)), "")
    if get_close_matches(first, OURS, 1, CLOSE):
        return next((near for near in get_close_matches(plain, known, 3, CLOSE) if near.startswith(OURS)), None)
    if not plain.startswith(tuple(f"{word}_" for word in shared)):
        return None
    own = [each for each in known if each.partition("_")[0] == first]
    near = get_close_matches(plain, own, 1, CLOSE)
    return near[0] if near and not _has_another_word(plain, near[0]) else None


def _has_another_word(one: str, other: str) -> bool:
    """Return whether two names have as many words, and one of these is not the other's in another spelling."""
    pairs = list(zip(one.split("_"), other.split("_")))
    is_as_long = one.count("_") == other.count("_")
    return is_as_long and any(SequenceMatcher(None, *pair).ratio() < SAME_WORD for pair in pairs)
