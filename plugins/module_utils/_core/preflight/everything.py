# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The preflight: everything about one mesh that would be skipped in silence, from intent, cards and live objects."""

from __future__ import annotations

from collections.abc import Iterable

from ..catalogue.findings import Finding, Unknown, in_order
from ..plain.refusals import Refusal
from . import exports, gateways, imports, issues, members, peers, platform, policies, pulls, rules
from .checks import Check, found_in, refused_reads, unknown_of
from .estate import Estate

CHECKS: tuple[Check, ...] = (
    *platform.CHECKS,
    *members.CHECKS,
    *pulls.CHECKS,
    *gateways.CHECKS,
    *issues.CHECKS,
    *peers.CHECKS,
    *rules.CHECKS,
    *exports.CHECKS,
    *policies.CHECKS,
    *imports.CHECKS,
)


def look(estate: Estate, refusals: Iterable[Refusal] = ()) -> tuple[list[Finding], list[Unknown]]:
    """Return what is found in an estate, each once, in order, and what could not be looked at for what was refused."""
    refused = list(refusals)
    checks = [one for one in CHECKS if estate.is_thorough or not one.is_thorough]
    unread = refused_reads(refused, checks, estate.namespace)
    return in_order(found_in(estate, checks, unread)), unknown_of(refused, checks, estate.namespace)
