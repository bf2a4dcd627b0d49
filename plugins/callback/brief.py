# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: brief
type: stdout
short_description: Show what a run found out, and nothing else
version_added: 0.2.0
author: The ossm.federation authors (@ossm)
description:
  - Shows the tables, plans and sentences of this collection's playbooks, what changed, warnings and failures. Tasks
    without such output, and their names, are not shown.
  - A failure is shown in at most four lines, which are the code with the place and what is wrong there, what to do,
    what was written, and the page that explains the code.
  - With C(-v) or more everything is shown as P(ansible.builtin.default#callback) shows it.
  - The rows of a table are coloured by their state, unless E(ANSIBLE_NOCOLOR) is set.
requirements:
  - Set it as C(stdout_callback) in the section C(defaults) of C(ansible.cfg), or with E(ANSIBLE_STDOUT_CALLBACK).
seealso:
  - plugin: ansible.builtin.default
    plugin_type: callback
extends_documentation_fragment:
  - default_callback
  - result_format_callback
"""

import atexit
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible import constants
from ansible.plugins.callback.default import CallbackModule as Default
from ansible.utils.color import stringc
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.data import some
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.words import shown
from ansible_collections.ossm.federation.plugins.plugin_utils.here import coloured, states_in

MOST_CHANGED = 10
DEBUG = ("debug", "ansible.builtin.debug")
AROUND = re.compile(r"Task failed: .*?plugin '[\w.]+' failed: (?=FED[0-9]{3} )")
HOSTS = re.compile(r" (of|in|for) (\S+, )+\S+$")


def of(result: Any, part: str) -> Any:
    """Return the ``host``, ``task`` or ``result`` of what Ansible hands over. Before ansible-core 2.19 their names are
    private.
    """
    found = getattr(result, part, None)
    return getattr(result, f"_{part}") if found is None else found


class CallbackModule(Default):
    """Shows what people run a playbook for."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "ossm.federation.brief"

    def __init__(self) -> None:
        super().__init__()
        self._states: dict[str, str] = {}
        self._changed: list[str] = []
        self._hosts: dict[bool, set[str]] = {True: set(), False: set()}
        self._has_ended = True
        self._process = os.getpid()

    @property
    def _is_loud(self) -> bool:
        return self._display.verbosity > 0

    def _say(self, lines: Iterable[str], colour: str | None = None) -> None:
        """Show lines as they are: Display folds warnings and errors, and nothing else."""
        told = [stringc(line, colour) if colour else coloured(line, self._states) for line in map(str, lines)]
        if any(told):
            self._display.display("\n".join(told))

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Say nothing, unless the run stops before its end."""
        if self._has_ended:
            atexit.register(self._say_what_stopped)
        self._has_ended = False
        if self._is_loud:
            super().v2_playbook_on_start(playbook)

    def _say_what_stopped(self) -> None:
        """Say what a run that somebody stopped has changed by then, and how to look."""
        if self._has_ended or os.getpid() != self._process:
            return
        self._has_ended = True
        if not (self._play or self._changed):
            return
        changed = shown(some(list(dict.fromkeys(map(str, self._changed))), MOST_CHANGED)) or "nothing"
        self._say(
            [
                f"stopped before the end · changed by then: {changed}",
                (
                    "  ossm.federation.status shows how it stands; run again to finish, nothing has to be taken back"
                    " before"
                ),
            ]
        )

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Remember the play; its name is not shown."""
        self._play = play
        if self._is_loud:
            super().v2_playbook_on_play_start(play)

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """Say nothing of a play that is for none of these hosts; Ansible itself warns of a pattern that matches
        nothing.
        """
        if self._is_loud:
            super().v2_playbook_on_no_hosts_matched()

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Say nothing."""
        if self._is_loud:
            super().v2_playbook_on_task_start(task, is_conditional)

    def v2_playbook_on_cleanup_task_start(self, task: Any) -> None:
        """Say nothing."""
        if self._is_loud:
            super().v2_playbook_on_cleanup_task_start(task)

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """Say nothing."""
        if self._is_loud:
            super().v2_playbook_on_handler_task_start(task)

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """Say nothing."""
        if self._is_loud:
            super().v2_runner_on_start(host, task)

    def v2_playbook_on_include(self, included_file: Any) -> None:
        """Say nothing."""
        if self._is_loud:
            super().v2_playbook_on_include(included_file)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Show the warnings of a skipped task only."""
        if self._is_loud:
            super().v2_runner_on_skipped(result)
            return
        self._handle_warnings(of(result, "result"))

    def v2_runner_item_on_skipped(self, result: Any) -> None:
        """Say nothing."""
        if self._is_loud:
            super().v2_runner_item_on_skipped(result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """Show what one round of a loop says."""
        self.v2_runner_on_ok(result) if not self._is_loud else super().v2_runner_item_on_ok(result)

    def v2_runner_on_ok(self, result: Any) -> None:
        """Show what a task says: a debug task's message, or that something was changed."""
        if self._is_loud:
            super().v2_runner_on_ok(result)
            return
        found, task, host = of(result, "result"), of(result, "task"), of(result, "host").get_name()
        self._handle_warnings(found)
        self._states.update(states_in(found))
        is_check = bool(getattr(task, "check_mode", False))
        if found.get("changed"):
            self._hosts[is_check].add(host)
        if found.get("changed") and not is_check:
            self._changed += found.get("written") or _places(found) or [task.get_name()]
        if task.action in DEBUG:
            self._say(_lines(found))
        elif found.get("changed") and "results" not in found:
            # Names of tasks end with the hosts of the play; this line has its host.
            name = HOSTS.sub("", task.get_name().partition(" : ")[2] or task.get_name())
            self._say([f"{host} · {'would change' if is_check else 'changed'}: {name}"], constants.COLOR_CHANGED)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Show a failure in at most four lines; one that is ignored is none."""
        if self._is_loud:
            super().v2_runner_on_failed(result, ignore_errors)
            return
        found, task = of(result, "result"), of(result, "task")
        self._handle_warnings(found)
        # The items of a loop have been shown as they failed.
        if not ignore_errors and not (task.loop and "results" in found):
            self._say(refusal(of(result, "host").get_name(), found), constants.COLOR_ERROR)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """Show the failure of one round of a loop."""
        if self._is_loud:
            super().v2_runner_item_on_failed(result)
            return
        found = of(result, "result")
        self._handle_warnings(found)
        self._say(refusal(of(result, "host").get_name(), found), constants.COLOR_ERROR)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Show a host that Ansible cannot reach."""
        if self._is_loud:
            super().v2_runner_on_unreachable(result)
            return
        self._say(refusal(of(result, "host").get_name(), of(result, "result")), constants.COLOR_UNREACHABLE)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Show in one line which hosts changed and which failed."""
        self._has_ended = True
        if self._is_loud:
            super().v2_playbook_on_stats(stats)
            return
        told = {}
        for host in sorted(stats.processed):
            counts = stats.summarize(host)
            ended = (
                "failed"
                if counts["failures"] or counts["unreachable"]
                else "would change"
                if counts["changed"] and host in self._hosts[True] - self._hosts[False]
                else "changed"
                if counts["changed"]
                else "unchanged"
            )
            told.setdefault(ended, []).append(host)
        self._say(
            [
                " · ".join(
                    f"{ended}: {', '.join(told[ended])}"
                    for ended in ("failed", "changed", "would change", "unchanged")
                    if ended in told
                )
            ]
        )


def refusal(host: str, found: Mapping) -> list[str]:
    """Return a failure in at most four lines: code, place and what; what to do; what was written; where it is
    explained.
    """
    if not found.get("code") or not found.get("what"):
        # Another module's, or a sentence of ours that has all of it.
        text = " ".join(str(found.get("msg") or found.get("stderr") or "failed").split())
        # What Ansible puts before a sentence of ours is about its own insides.
        coded = AROUND.match(text)
        return [f"× {host}: {shown(text[coded.end() :] if coded else text)}"]
    lines = [f"× {host}: {found['code']} {found.get('where')}: {found['what']}", f"  {found.get('fix')}"]
    written = [str(each) for each in found.get("written") or []]
    if written:
        lines.append(f"  written before that: {some(written, 5)}; run again to finish")
    return [shown(line) for line in [*lines, f"  {found.get('link') or ''}".rstrip()] if line]


def _places(found: Mapping) -> list[str]:
    """Return the objects that a result of ours says were changed."""
    changes = [change for change in found.get("changes") or [] if isinstance(change, Mapping)]
    return [f"{change.get('kind')} {change.get('namespace')}/{change.get('name')}" for change in changes]


def _lines(found: Mapping) -> list[str]:
    """Return what a debug task says, as lines."""
    said = found.get("msg")
    if said is None:
        # It shows a variable, under the variable's name.
        said = [
            f"{key}: {value}"
            for key, value in found.items()
            if key not in ("changed", "failed") and not key.startswith("_")
        ]
    return [shown(str(line)) for line in (said if isinstance(said, (list, tuple)) else str(said).split("\n"))]
