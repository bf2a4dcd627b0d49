# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shows what wasm_extension waits for."""

from __future__ import annotations

from ansible_collections.ossm.federation.plugins.modules import wasm_extension as module
from ansible_collections.ossm.federation.plugins.plugin_utils.waiting import WaitingAction


class ActionModule(WaitingAction):
    """Wait until all proxies run their extensions."""

    MODULE = module

    def _wait(self, arguments: dict, task_vars: dict | None) -> dict:
        # The first slice only looks, and it must see what the proxies say.
        return super()._wait({**arguments, "ask_proxies": True}, task_vars)
