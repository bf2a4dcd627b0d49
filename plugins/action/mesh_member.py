# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shows what mesh_member waits for."""

from __future__ import annotations

from ansible_collections.ossm.federation.plugins.plugin_utils.waiting import WaitingAction


class ActionModule(WaitingAction):
    """Wait until the namespace has joined or left."""

    def missing(self, result: dict) -> list[str]:
        """Return what the operator has yet to do."""
        return list(result.get("waiting_for") or [])
