# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shows what data_plane waits for."""

from __future__ import annotations

from ansible_collections.ossm.federation.plugins.plugin_utils.waiting import WaitingAction


class ActionModule(WaitingAction):
    """Wait until all sidecars are new."""

    def missing(self, result: dict) -> list[str]:
        """Return which roll-outs are under way."""
        return list(result.get("waiting_for") or [])
