# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""3scale's adapters on their way: which of them all proxies run by now, and which do not load."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..extensions.keeping import is_hidden
from ..extensions.plan import Ground
from ..plain.diff import Change
from ..threescale.described import Adapter
from .loading import Loading, readiness, summary


@dataclass(frozen=True)
class Heard:
    """The adapters that are ``done``, those that ``failed`` and stand beside an old one, and ``why`` one is not known
    to run, by adapter.
    """

    done: tuple[Adapter, ...]
    failed: tuple[Adapter, ...]
    why: Mapping[str, str]


def heard_of(
    waiting: Sequence[Adapter], told: Mapping[str, Sequence[Loading]], ground: Ground, unread: Sequence[str]
) -> Heard:
    """Return what proxies ``told`` of the adapters that wait for them, by place; ``unread`` are namespaces whose pods
    nobody may read.
    """
    return Heard(
        done=tuple(
            each for each in waiting if readiness(told[each.place]) and not is_hidden(each.extension, ground, unread)
        ),
        failed=tuple(
            each for each in waiting if each.switch == "overlap" and any(one.is_missing for one in told[each.place])
        ),
        why={place: summary(each) for place, each in told.items() if each},
    )


def went_back(failed: Iterable[Adapter], changes: Iterable[Change]) -> tuple[str, ...]:
    """Return the places of those of the adapters that these changes take away again."""
    places = {(change.namespace, change.name) for change in changes}
    return tuple(each.place for each in failed if each.extension.key in places)


def counted_twice(done: Iterable[Adapter], seconds: int) -> tuple[str, ...]:
    """Return in words for how long two adapters counted each request."""
    both = (each.place for each in done if each.switch == "overlap")
    return tuple(f"{place}: both ran for about {seconds} s, and each request was counted twice" for place in both)
