# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Waiting that people can watch: a module's wait in slices, with a line between them that says what it waits for."""

from __future__ import annotations

import time

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.display import Display
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.words import shown
from ansible_collections.ossm.federation.plugins.plugin_utils.here import HereAction

SLICE = 10
REPEAT = 30
# A line that is read at a glance, whatever others wrote.
LONGEST = 200


class WaitingAction(HereAction):
    """Run the module of the same name. With ``wait`` it runs several times for a few seconds each, until it is done.

    The last call is the module's own: what it returns, or how it fails at the deadline, is the task's result.
    """

    def act(self, variables: dict) -> dict:
        """Return the module's result; ``changed``, ``changes``, ``diff`` and ``warnings`` are those of all slices
        together.
        """
        arguments = dict(self._task.args)
        if self._task.check_mode or not boolean(arguments.get("wait") or False, strict=False):
            return self._execute_module(module_args=arguments, task_vars=variables)
        return self._wait(arguments, variables)

    def missing(self, result: dict) -> list[str]:
        """Return in words what a slice still missed."""
        return list(result.get("waiting_for") or [])

    def _wait(self, arguments: dict, task_vars: dict | None) -> dict:
        started = time.monotonic()
        progress = Progress(str(arguments.get("mesh") or (task_vars or {}).get("inventory_hostname") or ""))
        before = int(arguments.get("waited") or 0)
        together, is_last, limit = Together(), False, 0
        # The first call only looks, and tells how long a wait like this may take.
        part: dict = {"wait": False}
        while True:
            found = self._execute_module(module_args={**arguments, **part}, task_vars=task_vars)
            together.add(found)
            missing = [] if found.get("failed") else self.missing(found)
            waited = int(time.monotonic() - started)
            if is_last or not missing:
                return {
                    **found,
                    **({"polled_seconds": waited} if "polled_seconds" in found else {}),
                    **together.told(found),
                }
            limit = limit or int(found["wait_limit"])
            left = limit - waited
            if left > 1:
                progress.show(waited, limit, list(found.get("progress") or missing))
            is_last = left <= SLICE
            part = {
                "wait_timeout": max(1, min(left, SLICE)),
                "waited": before + waited,
                **({} if is_last else {"soft": True}),
            }
            # What a failure at the deadline says was written, the first call has written.
            part |= {"wrote": found["written"]} if found.get("written") else {}


class Together:
    """What the slices of one wait have changed, told as if they had been one call."""

    def __init__(self) -> None:
        self._changed = False
        self._changes: list = []
        self._diffs: list = []
        self._warnings: list = []

    def add(self, found: dict) -> None:
        """Count what a slice has changed."""
        self._changed = self._changed or bool(found.get("changed"))
        self._changes += found.get("changes") or []
        self._diffs += _as_list(found.get("diff"))
        self._warnings += [each for each in found.get("warnings") or [] if each not in self._warnings]

    def told(self, last: dict) -> dict:
        """Return what the last slice's result says of changes and doubts, for all of them."""
        changes = {"changes": self._changes} if "changes" in last else {}
        more = {"diff": self._diffs, "warnings": self._warnings}
        return {**changes, "changed": self._changed, **{name: value for name, value in more.items() if value}}


class Progress:
    """The lines that a waiting task shows: when what is missing changes, and else every half minute."""

    def __init__(self, mesh: str) -> None:
        self._mesh = mesh
        self._display = Display()
        self._shown: list[str] = []
        self._shown_at = 0

    def show(self, waited: int, limit: int, missing: list[str]) -> None:
        """Show one line, unless the same was said less than ``REPEAT`` seconds ago."""
        is_same = missing == self._shown
        if is_same and waited - self._shown_at < REPEAT:
            return
        self._shown, self._shown_at = missing, waited
        self._display.display(line(self._mesh, waited, limit, [] if is_same else missing))


def line(mesh: str, waited: int, limit: int, missing: list[str]) -> str:
    """Return one line of progress; without anything missing one that says no more than the last. A peer may have had a
    hand in the text.
    """
    head = f"{shown(mesh)} {waited}/{limit} s · "
    if not missing:
        return f"{head}still the same"
    more = f" · and {len(missing) - 3} more" if len(missing) > 3 else ""
    return f"{head}{shown(' · '.join(missing[:3]), longest=LONGEST)}{more}"


def _as_list(diff: object) -> list:
    if not diff:
        return []
    return list(diff) if isinstance(diff, (list, tuple)) else [diff]
