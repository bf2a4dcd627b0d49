# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs checks and writes down what they touch and yield, to be compared with what they declare."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ansible_collections.ossm.federation.plugins.module_utils._core.catalogue.findings import Finding
from ansible_collections.ossm.federation.plugins.module_utils._core.preflight.checks import Check, Read, reads_of
from ansible_collections.ossm.federation.plugins.module_utils._core.preflight.estate import Platform


class Recording:
    """Checks that write down which reads they touch and which codes they yield, by their number."""

    def __init__(self, checks: tuple[Check, ...]) -> None:
        self.touched: dict[int, set[Read]] = defaultdict(set)
        self.yielded: dict[int, set[str]] = defaultdict(set)
        self.checks = tuple(replace(one, find=self._recorded(number, one)) for number, one in enumerate(checks))

    def compare(self) -> None:
        """Fail where a check has touched or yielded anything else than it declares, or has not done all of it."""
        for number, one in enumerate(self.checks):
            assert self.yielded[number] == set(one.codes), one.codes
            assert self.touched[number] == set(one.reads), (one.codes, self.touched[number] ^ set(one.reads))

    def _recorded(self, number: int, one: Check) -> Any:
        def find(estate: Any) -> Iterator[Finding]:
            for found in one.find(watched(estate, self.touched[number])):
                self.yielded[number].add(found.code)
                yield found

        return find


def watched(estate: Any, touched: set[Read]) -> Any:
    """Return the same estate, which notes in ``touched`` what is looked at."""
    reads = reads_of(estate)

    class Watched(type(estate)):
        def __getattribute__(self, name: str) -> Any:
            touched.update(reads.get(name, ()))
            value = object.__getattribute__(self, name)
            return watched(value, touched) if isinstance(value, Platform) else value

    copy = object.__new__(Watched)
    copy.__dict__.update(estate.__dict__)
    return copy
