# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Mixer does in a mesh, and what takes its place, as a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..control_plane.live import ControlPlane
from ..control_plane.mixer import (
    VERSION_WITHOUT,
    Heir,
    Limits,
    actions_of,
    adapter_of,
    heirs,
    heirs_of_control_plane,
    limits_of,
)
from ..extensions.keeping import key_of
from ..extensions.rendering import text_of
from ..extensions.selecting import Proxy
from ..plain.data import at, mapping
from ..threescale.from_mixer import ADAPTER, Draft, Workload, draft_of


def has_threescale(objects: Sequence[Mapping]) -> bool:
    """Return whether Mixer speaks with 3scale; then it matters which proxies run."""
    return any(adapter_of(each) == ADAPTER for each in objects)


def report(
    control_plane: ControlPlane, objects: Sequence[Mapping], proxies: Sequence[Proxy], unknown: Sequence[str]
) -> dict:
    """Return as data and for people what Mixer's ``objects`` do, and what of them a version without Mixer can have."""
    spec = mapping(at(control_plane.live, "status", "appliedSpec")) or mapping(control_plane.live.get("spec"))
    found = [*heirs_of_control_plane(spec), *heirs(objects)]
    limits = limits_of(objects, control_plane.name)
    draft = _threescale_of(objects, proxies, mapping(at(spec, "addons", "3scale")))
    return {
        "objects": [heir.as_data() for heir in found],
        "rate_limits": dict(limits.spec) if limits else None,
        "threescale": dict(draft.description) if draft else None,
        "findings": [finding.as_data() for finding in draft.findings] if draft else [],
        "lines": _lines(control_plane, found, limits, draft, unknown),
        "unknown": list(unknown),
    }


def _threescale_of(objects: Sequence[Mapping], proxies: Sequence[Proxy], addon: Mapping) -> Draft | None:
    """Return 3scale as Mixer has it."""
    by_key = {key_of(each): each for each in objects}
    handlers = {key: each for key, each in by_key.items() if key[0] == "handler" and adapter_of(each) == ADAPTER}
    uses = [
        (rule, handler, [by_key[instance] for instance in instances if instance in by_key])
        for key, rule in sorted(by_key.items())
        if key[0] == "rule"
        for handler, instances in actions_of(rule)
    ]
    return draft_of(handlers, uses, [Workload(proxy.namespace, proxy.labels) for proxy in proxies], addon)


def _lines(
    control_plane: ControlPlane,
    found: Sequence[Heir],
    limits: Limits | None,
    draft: Draft | None,
    unknown: Sequence[str],
) -> list[str]:
    """Return the report as lines for people; what the control plane made itself is counted, since it takes it along."""
    own = [heir for heir in found if not heir.is_of_operator]
    head = (
        f"{control_plane.place} {control_plane.version_text}: {len(own) or 'no'} object{'' if len(own) == 1 else 's'}"
        " of Mixer's"
    )
    taken = len(found) - len(own)
    result = [
        f"{head}, which {VERSION_WITHOUT} does not look"
        f" at{f'; {taken} more belong to the control plane itself and go with it' if taken else ''}"
    ]
    result += [heir.text for heir in own]
    if limits:
        result += [
            "rate limits, for mesh_control_plane_spec:",
            *_indented(limits.spec),
            *(f"  needs: {note}" for note in limits.notes),
        ]
    if draft:
        result += [
            "3scale, a draft of mesh_threescale:",
            *_indented(draft.description),
            *(f"  {each.text}" for each in draft.findings),
        ]
    return [*result, *(f"unknown: {gap}" for gap in unknown)]


def _indented(data: Mapping) -> list[str]:
    return [f"  {line}" for line in text_of(dict(data)).splitlines()]
