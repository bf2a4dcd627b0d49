# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reports that earlier runs wrote: joined with this one's, or compared with it; and the line that says what
came of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from ..plain.data import from_json, some
from ..plain.errors import FederationError
from .since import is_page


def as_json(page: Mapping) -> str:
    """Return a page as JSON."""
    return f"{json.dumps(page, indent=2, sort_keys=True, ensure_ascii=False)}\n"


def joined(report: Mapping, others: Mapping[str, Mapping[str, Mapping]]) -> dict:
    """Return a report with those of others by their paths. Raises ``FederationError`` FED365 for two of one mesh."""
    found, said_by = dict(report), dict.fromkeys(report, "this run")
    for path, meshes in others.items():
        for mesh, entry in meshes.items():
            if mesh in found and found[mesh] != entry:
                raise FederationError(
                    "FED365",
                    where=f"Report {path}, mesh {mesh}",
                    what=f"is another one than that of {said_by[mesh]}, and nothing says which one counts",
                    fix="Leave one of the two out, or give the meshes names of their own",
                )
            found[mesh], said_by[mesh] = entry, path
    return found


def reported(path: str, content: bytes | None) -> Mapping[str, Mapping]:
    """Return the report of a file, its meshes' entries by their names. Raises ``FederationError`` FED364 for what is no
    report.
    """
    data = None if content is None else from_json(content)
    if isinstance(data, Mapping) and data and all(isinstance(entry, Mapping) for entry in data.values()):
        return data
    raise FederationError(
        "FED364",
        where=f"Report {path}",
        what="does not exist" if content is None else "is not a report that federation_report has written as JSON",
        fix=(
            "Name files that federation_report names in the runs of the other meshes; a page's own JSON cannot be"
            " joined"
        ),
    )


def saved(path: str, content: bytes | None) -> Mapping:
    """Return the page that an earlier run saved as JSON in a file. Raises ``FederationError`` FED970 where that is
    none.
    """
    what = "does not exist"
    if content is not None:
        what = "is not a report that playbook report has written as JSON"
        data = from_json(content)
        if is_page(data):
            return data
    raise FederationError(
        "FED970",
        where=f"report_since {path}",
        what=what,
        fix="Name a file that report_json has written, or leave report_since out",
    )


def line_of(page: Mapping, paths: Sequence[str], *, is_written: bool) -> str:
    """Return what was seen in numbers, and where the page is."""
    total = page["summary"]
    number = total["actions"]
    told = [
        "Report",
        f"{total['meshes'] - total['meshes_unknown']} of {total['meshes']} meshes seen",
        f"{total['peerings_ok']} of {total['peerings']} peerings connected",
        f"{number} thing{'s' if number != 1 else ''} to do" if number else "nothing to do",
    ]
    if "changes" in page:
        told.append(
            f"{len(page['changes']['rows']) + page['changes']['left_out']} changes since {page['changes']['since']}"
        )
    return " · ".join([*told, some(paths) if is_written else "not written in check mode"])
