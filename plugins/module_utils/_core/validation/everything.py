# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""All checks of a validation in their order, and what they come to as a module's result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..catalogue.code import ERROR
from ..catalogue.findings import as_data, in_order, lines
from ..plain.data import listed
from ..plain.errors import FederationError
from .kiali import FAILED, KIALI, shown_with
from .looking import Look
from .policies import check_policies, mutual_tls
from .registry import Objects
from .routing import check_routing

KINDS = ("error", "warning", "unknown")
"""What ``validate_fail_on`` may name."""


def validated(mesh: str, objects: Objects) -> dict:
    """Return what is wrong with the Istio configuration of a mesh, what could not be decided, and mutual TLS by
    namespace.
    """
    look = Look()
    check_routing(objects, look)
    check_policies(objects, look)
    found = in_order(look.findings)
    errors = sum(one.severity == ERROR for one in found)
    counted = len(objects.standing.rules) + sum(
        len(part)
        for part in (objects.entries, objects.gateways, objects.sidecars, objects.authentications, objects.requests)
    )
    rows = mutual_tls(objects)
    head = (
        f"{mesh} · {counted} object{'s' if counted != 1 else ''} in {len(objects.spaces)}"
        f" namespace{'s' if len(objects.spaces) != 1 else ''}"
    )
    data = as_data(found)
    data["findings"] = [{**row, "kiali": list(KIALI.get(row["code"], ()))} for row in data["findings"]]
    also = {code: shown_with(code) for code in KIALI}
    return {
        "changed": False,
        **data,
        "counts": {"errors": errors, "warnings": len(found) - errors, "unknown": len(look.unknown)},
        "unknown": [gap.as_data() for gap in look.unknown],
        "mutual_tls": rows,
        "lines": [*lines(head, found, look.unknown, also), *_told(rows)],
    }


def _told(rows: Sequence[Mapping]) -> list[str]:
    """Return mutual TLS in a line per mode."""
    modes = dict.fromkeys(row["mode"] for row in rows)
    return [
        f"mutual TLS {mode}: {listed([row['namespace'] for row in rows if row['mode'] == mode], 10)}"
        for mode in sorted(modes)
    ]


def refusal(mesh: str, result: Mapping, fail_on: Sequence[str]) -> FederationError | None:
    """Return the failure of a validation that has found what ``fail_on`` names: FED972; None where it has not."""
    counts = result["counts"]
    seen = {"error": counts["errors"], "warning": counts["warnings"], "unknown": counts["unknown"]}
    told = [
        f"{seen[kind]} {kind}{'s' if seen[kind] > 1 and kind != 'unknown' else ''}"
        for kind in KINDS
        if kind in fail_on and seen[kind]
    ]
    if not told:
        return None
    codes = listed(dict.fromkeys(row["code"] for row in result["findings"]), 10)
    return FederationError(
        FAILED,
        where=f"The Istio configuration of {mesh}",
        what=f"has {listed(told)}{f': {codes}' if codes else ''}",
        fix="Look at the lines above; validate_fail_on: [] shows the same without failing",
        result=dict(result),
    )
