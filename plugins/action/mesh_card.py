# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shows which gateway's address mesh_card waits for."""

from __future__ import annotations

from ansible_collections.ossm.federation.plugins.modules import mesh_card as module
from ansible_collections.ossm.federation.plugins.plugin_utils.waiting import WaitingAction


class ActionModule(WaitingAction):
    """Wait for the addresses of gateways."""

    MODULE = module

    def missing(self, result: dict) -> list[str]:
        """Return why cards are not complete yet."""
        return [str(row["reason"]) for row in result.get("pending") or []]
