# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shows what data_plane waits for."""

from __future__ import annotations

from ansible_collections.ossm.federation.plugins.modules import data_plane as module
from ansible_collections.ossm.federation.plugins.plugin_utils.waiting import WaitingAction


class ActionModule(WaitingAction):
    """Wait until all sidecars are new."""

    MODULE = module

    def act(self, variables: dict) -> dict:
        """Return the module's result; what was restarted is that of all slices together, and a failure has the report
        as well.
        """
        self._done: dict[str, list] = {"changes": [], "restarted": []}
        result = super().act(variables)
        told = {**(result.pop("facts", None) or {}), **result} if result.get("failed") else result
        return {**told, **self._done} if "lines" in told or self._done["changes"] else told

    def _execute_module(self, *arguments: object, **named: object) -> dict:
        found = super()._execute_module(*arguments, **named)
        for name, earlier in self._done.items():
            earlier += (found.get("facts") or found).get(name) or []
        return found
