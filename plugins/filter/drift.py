# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filter ``drift``; documented in the YAML file beside this one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..module_utils._core.peering.foretelling import drift_of
from ..module_utils._core.plain.data import listed, mapping, some
from ..module_utils._core.plain.errors import FederationError
from ..module_utils._core.plain.words import shown


def drift(results: Iterable[Mapping], mesh: str, others: Mapping[str, object] | None = None) -> dict:
    """Return what registered results of a run in check mode say that would change: lines for people, and a refusal.

    ``others`` are results of further playbooks by their names; what was skipped says nothing.
    """
    known = [result for result in results if isinstance(result, Mapping)]
    beside = {name: [result] for name, result in (others or {}).items() if "changes" in mapping(result)}
    looked = {name: _changed(each) for name, each in {"federate": known, **beside}.items()}
    found = {name: lines for name, lines in looked.items() if lines}
    if not found:
        return {"lines": [f"√ {mesh}: {listed(looked)} would change nothing"], "refusal": ""}
    error = FederationError(
        "FED631",
        where=f"Mesh {mesh}",
        what="; ".join(f"{name} would {some(lines)}" for name, lines in found.items()),
        fix=f"Run {listed(found)} to bring the cluster to the description, or correct the description",
    )
    lines = []
    for name, changes in found.items():
        lines.append(f"× {mesh}: {name} would change {len(changes)} object{'s' if len(changes) != 1 else ''}")
        lines += [f"  {line}" for line in [*changes, *(_planned(known) if name == "federate" else ())]]
    return {"lines": lines, "refusal": f"{error} Nothing was written.  ({error.reference})"}


def _changed(results: Sequence[Mapping]) -> list[str]:
    """Return in words what results say that would change."""
    changes = [change for result in results for change in result.get("changes") or []]
    files = [path for result in results for path in result.get("files_changed") or []]
    return [shown(line) for line in drift_of(changes, files)]


def _planned(results: Sequence[Mapping]) -> list[str]:
    """Return the lines of the plans in results, without their heads."""
    return [shown(str(line).strip()) for result in results for line in (result.get("plan") or [])[1:]]


class FilterModule:
    """The filter by name."""

    def filters(self) -> dict:
        """Return the filter by name."""
        return {"drift": drift}
