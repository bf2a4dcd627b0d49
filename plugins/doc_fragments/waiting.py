# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """A wait in slices, as the action plugins make of it."""

    DOCUMENTATION = r"""
options:
  soft:
    description: After I(wait_timeout) return what is missing instead of failing.
    type: bool
    default: false
  waited:
    description: Seconds that were waited before, by earlier calls of the same wait. They are included in the message of
      a failure.
    type: int
    default: 0
  wrote:
    description: What earlier calls of the same wait wrote. A failure reports it.
    type: list
    elements: str
    default: []
"""
