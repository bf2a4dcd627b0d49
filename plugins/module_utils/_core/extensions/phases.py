# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where an extension runs among a proxy's own filters, in the words of both kinds.

Source: maistra/istio, branch 2.2: where each phase puts its filters; the last one's counterpart is the nearest there
is.
"""

from __future__ import annotations

PHASES = ("AUTHN", "AUTHZ", "STATS", "UNSPECIFIED_PHASE")
"""WasmPlugin's words, from the first filter to the last."""
LAST_PHASE = PHASES[-1]
GUARDS = PHASES[:2]
"""Where extensions stand that requests must not pass by."""
NEW_PHASE = {
    "PreAuthN": "AUTHN",
    "PostAuthN": "AUTHZ",
    "PreAuthZ": "AUTHZ",
    "PostAuthZ": "STATS",
    "PreStats": "STATS",
    "PostStats": LAST_PHASE,
}
"""What ServiceMeshExtension's words are in those of WasmPlugin."""
OLD_ORDER = tuple(NEW_PHASE)
OLD_PHASE = {"AUTHN": "PreAuthN", "AUTHZ": "PreAuthZ", "STATS": "PostAuthZ", LAST_PHASE: "PostStats"}
"""What WasmPlugin's words are in those of ServiceMeshExtension: the place that each names."""


def new_phase(word: object) -> str | None:
    """Return WasmPlugin's word for one of ServiceMeshExtension's; None for what is none."""
    return NEW_PHASE.get(word) if isinstance(word, str) else None
