# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shows what federation_info waits for."""

from __future__ import annotations

from ansible_collections.ossm.federation.plugins.plugin_utils.waiting import WaitingAction


class ActionModule(WaitingAction):
    """Wait for connections and imports, or until they are gone."""

    def missing(self, result: dict) -> list[str]:
        """Return what is not there yet, or not gone yet."""
        return list(result.get("waiting_for") or [])
