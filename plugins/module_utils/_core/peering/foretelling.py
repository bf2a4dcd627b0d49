# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What changes mean for people: which names come and go, and how many objects change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..plain.data import some
from ..plain.diff import Change
from ..plain.kinds import EXPORTS, IMPORTS
from .live import Peering
from .names import exported_names, imported_names, short_host

MOST_LINES = 20
# What is done to objects, by the action of a change: to be done, and done.
_VERBS = {"create": ("create", "created"), "delete": ("delete", "deleted")}
_CHANGE = ("change", "changed")


@dataclass(frozen=True)
class Names:
    """The names of one peering under its present rules and under the new ones: exported hosts to services, exported
    hosts to imported ones.
    """

    exports: tuple[Mapping[str, str], Mapping[str, str]]
    imports: tuple[Mapping[str, str], Mapping[str, str]]

    @classmethod
    def of(
        cls,
        peer: str,
        changes: Iterable[Change],
        live: Peering,
        services: Callable[[], list],
        hosts: Sequence[str],
        domain: str,
    ) -> Names:
        """Return the names that ``changes`` of one peering's rules are about; ``services`` is asked only when export
        rules change.
        """
        exports: list[dict[str, str]] = [{}, {}]
        imports: list[dict[str, str]] = [{}, {}]
        for change in changes:
            specs = (live.live(change.kind.name) or {}).get("spec"), (change.manifest or {}).get("spec")
            for side, spec in enumerate(specs):
                if change.kind is EXPORTS:
                    rows = exported_names(services(), spec, peer)
                    exports[side] = {
                        row["exported"]: f"{row['namespace']}/{row['name']}" for row in rows if row["exported"]
                    }
                if change.kind is IMPORTS:
                    rows = imported_names(list(hosts), spec, peer, domain)
                    imports[side] = {row["host"]: row["imported"] for row in rows if row["imported"]}
        return cls((exports[0], exports[1]), (imports[0], imports[1]))

    def as_diff(self, peer: str) -> list[dict]:
        """Return them as an item of a diff; none when no rule changes a name."""
        sides = [
            [
                *(f"{service} exported as {host}" for host, service in self.exports[side].items()),
                *(f"{host} imported as {imported}" for host, imported in self.imports[side].items()),
            ]
            for side in (0, 1)
        ]
        if sides[0] == sides[1]:
            return []
        header = f"names for {peer}, predicted"
        before, after = ("".join(f"{line}\n" for line in side) for side in sides)
        return [{"before_header": header, "after_header": header, "before": before, "after": after}]

    def told(self, mesh: str, peer: str) -> list[str]:
        """Return in words which names ``peer`` gains and loses, and which ``mesh`` takes from it and takes no more."""
        before, after = self.exports
        lines = [
            f"{peer} gains {short_host(host)}{_of(host, after[host])}"
            for host in after
            if before.get(host) != after[host]
        ]
        lines += [f"{peer} loses {short_host(host)}, which it can import now" for host in before if host not in after]
        before, after = self.imports
        lines += [
            f"{mesh} imports {short_host(host)} from {peer} as {after[host]}"
            for host in after
            if before.get(host) != after[host]
        ]
        return lines + [
            f"{mesh} no longer imports {short_host(host)} from {peer}" for host in before if host not in after
        ]


def _of(host: str, service: str) -> str:
    namespace, _slash, name = service.partition("/")
    return "" if f"{name}.{namespace}" == short_host(host) else f" ({name}.{namespace})"


def counted(actions: Iterable[str], *, is_planned: bool) -> str:
    """Return how many objects change: ``1 object to change``, or ``2 objects created, 1 changed``; "" for none."""
    found = Counter(_VERBS.get(action, _CHANGE)[0 if is_planned else 1] for action in actions)
    if not found:
        return ""
    parts = [
        f"{number} {'to ' if is_planned else ''}{verb}"
        for verb, number in sorted(found.items(), key=lambda entry: entry[0], reverse=True)
    ]
    first = next(iter(parts)).partition(" ")
    return ", ".join([f"{first[0]} object{'' if first[0] == '1' else 's'} {first[2]}", *parts[1:]])


def plan_block(mesh: str, changes: Sequence[Change], told: Sequence[str], *, is_planned: bool) -> list[str]:
    """Return what a run changes, or would, as a block of lines; empty where it changes nothing."""
    if not changes:
        return []
    more = [f"  and {len(told) - MOST_LINES} more names"] if len(told) > MOST_LINES else []
    objects = counted((change.action for change in unique(changes)), is_planned=is_planned)
    return [f"{mesh} · {objects}", *(f"  {line}" for line in told[:MOST_LINES]), *more]


def unique(changes: Iterable[Change]) -> list[Change]:
    """Return one change per object, the first."""
    return list({change.place: change for change in reversed(list(changes))}.values())


def drift_of(changes: Iterable[Mapping], files: Iterable[str]) -> list[str]:
    """Return in words what a run would change: ``changes`` are summaries, ``files`` the paths of cards."""
    lines = [
        f"{_VERBS.get(change['action'], _CHANGE)[0]} {change['kind']} {change['namespace']}/{change['name']}"
        + _fields(change.get("fields") or [])
        for change in changes
    ]
    return [*lines, *(f"write {path}" for path in files)]


def _fields(fields: Sequence[str]) -> str:
    return f": {some(fields, 3)}" if fields else ""
