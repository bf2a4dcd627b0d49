# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """Taking fields from another field manager."""

    DOCUMENTATION = r"""
options:
  force:
    description: Take over fields that another field manager owns. Without it such a field stops the run and names the
      manager.
    type: bool
    default: false
"""
