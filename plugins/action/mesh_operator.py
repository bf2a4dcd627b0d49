# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shows what mesh_operator waits for."""

from __future__ import annotations

from ansible_collections.ossm.federation.plugins.modules import mesh_operator as module
from ansible_collections.ossm.federation.plugins.plugin_utils.waiting import WaitingAction


class ActionModule(WaitingAction):
    """Run the module of the same name."""

    MODULE = module
