# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was asked of logs and is not there, or not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..catalogue.findings import Finding
from ..plain.data import some
from .choosing import Source
from .filtering import Wanted
from .lines import Stream
from .showing import Tally


def missed(sources: Sequence[Source], streams: Sequence[Stream]) -> list[str]:
    """Say what was asked for and is not there."""
    met = {(stream.namespace, stream.peer) for stream in streams if stream.peer}
    plain = [source for source in sources if not source.peer]
    missing = sorted({source.words for source in sources if source.peer and (source.namespace, source.peer) not in met})
    missing += [source.words for source in plain if not any(stream.namespace == source.namespace for stream in streams)]
    return [f"No pod was found of {some(missing)}"] if missing else []


def uncertain(tally: Tally, wanted: Wanted) -> list[str]:
    notes = []
    if tally.unparsed and wanted.asks_fields:
        notes.append(
            f"{tally.unparsed:,} lines of proxies have no known format, so the filter cannot be applied to them: they "
            "are left out. Give the format as logs_formats, or remove the filter"
        )
    return notes


def cut_short(sizes: Mapping[str, int]) -> list[Finding]:
    """Return FED933 for each log that has more than was read of it; ``sizes`` are the bytes read, by the log's name."""
    return [
        Finding(
            "FED933", name, f"its log has more than the {size >> 20:,} MiB that were read, so later lines are missing"
        )
        for name, size in sizes.items()
    ]
