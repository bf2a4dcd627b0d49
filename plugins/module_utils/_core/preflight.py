# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The preflight: everything about one mesh that would be skipped in silence, from intent, cards and live objects."""

from __future__ import annotations

from .estate import Estate
from .export_findings import export_findings
from .findings import Finding, in_order
from .gateway_findings import gateway_findings
from .import_findings import import_findings
from .peer_findings import peer_findings
from .platform_findings import platform_findings
from .pull_findings import pull_findings
from .releases import release_findings
from .rule_findings import rule_findings

CHECKS = (platform_findings, pull_findings, gateway_findings, release_findings, peer_findings, rule_findings, export_findings, import_findings)


def findings_in(estate: Estate) -> list[Finding]:
    """Return what is found in an estate, each once, in order."""
    return in_order(found for check in CHECKS for found in check(estate))
