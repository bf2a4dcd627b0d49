# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shows what the restart of istiod waits for."""

from __future__ import annotations

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.ossm.federation.plugins.modules import istiod as module
from ansible_collections.ossm.federation.plugins.plugin_utils.waiting import WaitingAction


class ActionModule(WaitingAction):
    """Restart once, then wait in slices until the new pods are there."""

    MODULE = module

    def act(self, variables: dict) -> dict:
        """Return the module's result. Waiting is what people expect of a restart, so it is on unless it is switched
        off.
        """
        self._task.args["wait"] = boolean(self._task.args.get("wait", True), strict=False)
        return super().act(variables)

    def _wait(self, arguments: dict, task_vars: dict | None) -> dict:
        asked = self._execute_module(module_args={**arguments, "wait": False}, task_vars=task_vars)
        if asked.get("failed") or not asked.get("changed"):
            return asked if asked.get("failed") else super()._wait(arguments, task_vars)
        # What follows waits for this restart and asks for no other.
        found = super()._wait(
            {**arguments, "since": asked["restarted_at"], "wrote": asked.get("written") or []}, task_vars
        )
        return {**found, "changed": True, "diff": asked.get("diff") or []}
