# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that a run writes for people: those that differ, once all have been looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ._files import NOT_OURS, Place, read, write
from ._run import Run

LARGEST = 16 << 20


def kept_files(run: Run, texts: Mapping[Place, str], largest: int, mode: int) -> list[Place]:
    """Write the files that differ, once all have been looked at, and return them; in check mode nothing is written.

    Raises ``FederationError`` for what is not a file that could be replaced, or has more than ``largest`` bytes.
    """
    changed = [place for place, text in texts.items() if read(place, largest) != text.encode("utf-8", "replace")]
    _write(run, texts, changed, mode)
    return changed


def _write(run: Run, texts: Mapping[Place, str], changed: Iterable[Place], mode: int) -> None:
    for place in () if run.check_mode else changed:
        write(place, texts[place], mode)
        run.journal.done.append(f"file {place.path}")


def written_down(
    run: Run, folder: str, texts: Mapping[str, str], is_ours: Callable[[str], bool]
) -> tuple[list[str], list[dict]]:
    """Write the files that differ, once all have been looked at; return all files and a diff of those that change.

    ``texts`` are by their paths below ``folder``. A diff shows what stood there only where it ``is_ours``. In check
    mode nothing is written. Raises ``FederationError`` FED235 for what is not a file that could be replaced.
    """
    changed, diffs, places = [], [], {Place(folder, name): text for name, text in texts.items()}
    for place, text in places.items():
        before = read(place, LARGEST)
        if before == text.encode():
            continue
        former = (before or b"").decode("utf-8", "replace")
        shown_before = former if before is None or is_ours(former) else NOT_OURS
        diffs.append({"before_header": place.path, "after_header": place.path, "before": shown_before, "after": text})
        changed.append(place)
    _write(run, places, changed, 0o644)
    return [place.path for place in places], diffs
