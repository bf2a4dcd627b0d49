# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shows what mesh_operator waits for."""

from __future__ import annotations

from ansible_collections.ossm.federation.plugins.plugin_utils.waiting import WaitingAction


class ActionModule(WaitingAction):
    """Wait until all operators are installed."""

    def missing(self, result: dict) -> list[str]:
        """Return what OLM has yet to do."""
        return list(result.get("waiting_for") or [])
