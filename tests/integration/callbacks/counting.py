# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Counts, for each host, the tasks that Ansible ran, skipped or included for it; tests read the file."""

from __future__ import annotations

import json
import os
from collections import Counter

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: counting
type: aggregate
short_description: Count the tasks of each host
description: [For tests; writes to the file that OSSM_FEDERATION_COUNTED names.]
"""


class CallbackModule(CallbackBase):
    """Counts what happened, by host."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "counting"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *_arguments: object, **_named: object) -> None:
        super().__init__()
        self.tasks: Counter[str] = Counter()

    def _count(self, result: object) -> None:
        self.tasks[result._host.get_name()] += 1

    def v2_runner_on_ok(self, result: object) -> None:
        self._count(result)

    def v2_runner_on_failed(self, result: object, ignore_errors: bool = False) -> None:
        self._count(result)

    def v2_runner_on_skipped(self, result: object) -> None:
        self._count(result)

    def v2_runner_on_unreachable(self, result: object) -> None:
        self._count(result)

    def v2_playbook_on_include(self, included_file: object) -> None:
        self.tasks.update(host.get_name() for host in included_file._hosts)

    def v2_playbook_on_stats(self, stats: object) -> None:
        with open(os.environ["OSSM_FEDERATION_COUNTED"], "w", encoding="utf-8") as counted:
            json.dump(self.tasks, counted)
