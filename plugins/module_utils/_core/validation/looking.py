# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Collects what checks find, and what they could not decide: by reason, each code and a few examples once."""

from __future__ import annotations

from collections.abc import Mapping

from ..catalogue.findings import Finding, Unknown
from ..plain.data import at, mapping, place_of, some

MOST_NAMED = 3


class Look:
    """One validation: its ``findings``, and by reason what stays unknown."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self._unknown: dict[str, tuple[dict[str, None], dict[str, None]]] = {}

    def found(self, code: str, live: Mapping, seen: str, cure: str = "", field: str = "") -> None:
        """Note a finding about an object, at a field of it."""
        self.findings.append(Finding(code, f"{place_of(live)}{f', {field}' if field else ''}", seen, cure))

    def unsure(self, code: str, what: str, because: str) -> None:
        """Note that a check could not decide about something."""
        whats, codes = self._unknown.setdefault(because, ({}, {}))
        whats[what] = None
        codes[code] = None

    @property
    def unknown(self) -> list[Unknown]:
        """Return what stays unknown, an entry per reason."""
        return [
            Unknown(some(sorted(whats), MOST_NAMED), because, tuple(sorted(codes)))
            for because, (whats, codes) in sorted(self._unknown.items())
        ]


def namespace_of(live: Mapping) -> str:
    """Return an object's namespace."""
    return str(at(live, "metadata", "namespace") or "")


def name_of(live: Mapping) -> str:
    return str(live["metadata"]["name"])


def pod_labels(live: Mapping) -> Mapping:
    return mapping(at(live, "spec", "template", "metadata", "labels"))
