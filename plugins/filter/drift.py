# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filter ``drift``; documented in the YAML file beside this one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..module_utils._core.peering.foretelling import drift_of
from ..module_utils._core.plain.data import some
from ..module_utils._core.plain.errors import FederationError
from ..module_utils._core.plain.words import shown


def drift(results: Iterable[Mapping], mesh: str) -> dict:
    """Return what registered results of a run in check mode say that would change: lines for people, and a refusal."""
    known = [result for result in results if isinstance(result, Mapping)]
    changes = [change for result in known for change in result.get("changes") or []]
    files = [path for result in known for path in result.get("files_changed") or []]
    plan = [str(line).strip() for result in known for line in (result.get("plan") or [])[1:]]
    found = [shown(line) for line in drift_of(changes, files)]
    if not found:
        return {"lines": [f"√ {mesh}: federate would change nothing"], "refusal": ""}
    error = FederationError(
        "FED631",
        where=f"Mesh {mesh}",
        what=f"federate would {some(found)}",
        fix="Run federate to bring the cluster to the description, or correct the description",
    )
    lines = [f"× {mesh}: federate would change {len(found)} object{'s' if len(found) != 1 else ''}"]
    return {"lines": [*lines, *(f"  {line}" for line in [*found, *map(shown, plan)])], "refusal": f"{error} Nothing was written.  ({error.reference})"}


class FilterModule:
    """The filter by name."""

    def filters(self) -> dict:
        """Return the filter by name."""
        return {"drift": drift}
