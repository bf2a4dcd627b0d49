# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """The peers' cards, however they are carried."""

    DOCUMENTATION = r"""
options:
  cards:
    description: Cards of peers as data, each a mapping or a JSON text. Those for other meshes are passed over.
    type: list
    elements: raw
    default: []
  cards_from:
    description:
      - The name of a variable with such cards. It is passed unevaluated, so that nothing in a card is ever evaluated as
        a template; O(cards) wins over it.
      - It may also be one expression of at most 1024 characters that names variables and takes parts of them.
    type: str
  cards_in_run:
    description: Cards that were made in the same run; they win over carried ones.
    type: list
    elements: raw
    default: []
  cards_dir:
    description: A folder with cards as files named C(<peer>-for-<mesh>.json). It must be there.
    type: path
"""
