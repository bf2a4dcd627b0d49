# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs federation_page without packing it, where that is the same."""

from __future__ import annotations

from ansible_collections.ossm.federation.plugins.modules import federation_page as module
from ansible_collections.ossm.federation.plugins.plugin_utils.here import PlainAction


class ActionModule(PlainAction):
    """Run the module of the same name."""

    MODULE = module
    IS_LAST = True
