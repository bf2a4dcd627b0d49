# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shows what member_roll waits for."""

from __future__ import annotations

from ansible_collections.ossm.federation.plugins.modules import member_roll as module
from ansible_collections.ossm.federation.plugins.plugin_utils.waiting import WaitingAction


class ActionModule(WaitingAction):
    """Run the module of the same name."""

    MODULE = module
