# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A description in which something is wrong: what of it can be used all the same, and all that is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..catalogue.findings import Finding, finding_of
from ..mesh.described import Mesh
from ..mesh.parse import described_mesh
from ..mesh.rules import LEFT_OUT
from ..plain.errors import FederationError

_RULE = re.compile(r"mesh_(?P<option>exports|imports), rule (?P<number>[0-9]+)")
_PEER = re.compile(r"mesh_peers, (?:entry (?P<number>[0-9]+)|(?P<name>[^,]+))")


def describe(params: Mapping[str, Any]) -> tuple[Mesh | None, list[Finding]]:
    """Return the mesh that a module's options describe, without what is wrong in them, and all of that as findings.

    None when the mesh itself is wrong. An entry that is refused is left out and the rest read again, so that every
    entry is judged; entries and rules keep their numbers.
    """
    options = Described(params)
    findings: list[Finding] = []
    while True:
        try:
            # Who offers and takes nothing may have no peers: everything else is looked at all the same.
            is_alone = not (options.params["exports"] or options.params["imports"])
            return described_mesh(options.params, allow_no_peers=is_alone or bool(options.dropped)), findings
        except FederationError as error:
            if not options.is_innocent(error):
                findings.append(options.finding(error))
            if not options.leave_out(error.where):
                return None, findings


class Described:
    """A module's options about a mesh, of which entries that are refused are left out one by one."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = {**params, **{key: list(params.get(key) or []) for key in ("peers", "exports", "imports")}}
        self.dropped: set[str] = set()
        self._numbers = list(range(1, len(self.params["peers"]) + 1))

    def is_innocent(self, error: FederationError) -> bool:
        """Return whether a rule is refused only because a peer that it names was refused before."""
        rule = _RULE.match(error.where)
        if not rule or error.code != "FED302":
            return False
        named = self._rule(rule).get("to" if rule["option"] == "exports" else "from")
        return isinstance(named, (list, tuple)) and bool(self.dropped & {str(name) for name in named})

    def finding(self, error: FederationError) -> Finding:
        """Return an error as a finding, its entry counted as the user does."""
        entry = _PEER.match(error.where)
        if not entry or not entry["number"] or int(entry["number"]) > len(self._numbers):
            return finding_of(error)
        told = f"mesh_peers, entry {self._numbers[int(entry['number']) - 1]}"
        return replace(finding_of(error), place=f"{told}{error.where[entry.end() :]}")

    def leave_out(self, where: str) -> bool:
        """Leave out the entry that an error names; False when it names none."""
        rule, entry = _RULE.match(where), _PEER.match(where)
        if rule:
            # A rule for nobody keeps the numbers of those that follow.
            is_new = self._rule(rule) is not LEFT_OUT
            self.params[rule["option"]][int(rule["number"]) - 1] = LEFT_OUT
            return is_new
        names = [_name(peer) for peer in self.params["peers"]]
        if not entry:
            return False
        # Of two entries that exclude each other the later one goes.
        found = [at_index for at_index, name in enumerate(names) if name == entry["name"]]
        index = int(entry["number"]) - 1 if entry["number"] else max(found, default=-1)
        if not 0 <= index < len(names):
            return False
        self.dropped |= _names_of(self.params["peers"][index])
        del self.params["peers"][index], self._numbers[index]
        return True

    def _rule(self, rule: re.Match) -> Mapping:
        found = self.params[rule["option"]][int(rule["number"]) - 1]
        return found if isinstance(found, Mapping) else {}


def _name(entry: object) -> str:
    return str(entry.get("name")) if isinstance(entry, Mapping) else str(entry)


def _names_of(entry: object) -> set[str]:
    return {_name(entry), str(entry.get("local_name"))} if isinstance(entry, Mapping) else {_name(entry)}
