# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shows what a control plane still lacks while control_plane waits for it."""

from __future__ import annotations

from ansible_collections.ossm.federation.plugins.plugin_utils.waiting import WaitingAction


class ActionModule(WaitingAction):
    """Wait until the operator has finished."""

    def missing(self, result: dict) -> list[str]:
        """Return what is not ready yet."""
        return list(result.get("waiting_for") or [])
