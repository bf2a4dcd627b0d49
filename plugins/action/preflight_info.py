# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hands carried cards to the preflight as they stand, as to the module federation."""

from __future__ import annotations

from ansible_collections.ossm.federation.plugins.action.federation import ActionModule as WithCards
from ansible_collections.ossm.federation.plugins.modules import preflight_info as module


class ActionModule(WithCards):
    """Run the module with the cards of the variable that ``cards_from`` names."""

    MODULE = module
