# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The preflight: everything about one mesh that would be skipped in silence, from intent, cards and live objects."""

from __future__ import annotations

from collections.abc import Iterable

from . import (
    export_findings,
    gateway_findings,
    import_findings,
    member_findings,
    peer_findings,
    platform_findings,
    pull_findings,
    releases,
    rule_findings,
)
from .checks import Check, Refusal, found_in, refused_reads, unknown_of
from .estate import Estate
from .findings import Finding, Unknown, in_order

CHECKS: tuple[Check, ...] = (
    *platform_findings.CHECKS,
    *member_findings.CHECKS,
    *pull_findings.CHECKS,
    *gateway_findings.CHECKS,
    *releases.CHECKS,
    *peer_findings.CHECKS,
    *rule_findings.CHECKS,
    *export_findings.CHECKS,
    *import_findings.CHECKS,
)


def look(estate: Estate, refusals: Iterable[Refusal] = ()) -> tuple[list[Finding], list[Unknown]]:
    """Return what is found in an estate, each once, in order, and what could not be looked at for what was refused."""
    refused = list(refusals)
    checks = [one for one in CHECKS if estate.is_thorough or not one.is_thorough]
    unread = refused_reads(refused, checks, estate.namespace)
    return in_order(found_in(estate, checks, unread)), unknown_of(refused, checks, estate.namespace)
