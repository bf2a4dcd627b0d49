# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which extensions a module is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .described import OPTION, Extension, read_extensions
from .problems import Problem, refuse


def asked_for(params: Mapping[str, Any]) -> list[Extension]:
    """Return the extensions that are described, none with C(state=absent); refused where anything is wrong
    with them.
    """
    if params["state"] == "absent":
        return []
    extensions, problems = read_extensions(params["extensions"])
    if not params["extensions"]:
        fix = "Describe the extensions, or say extensions_state: absent (option state) to remove all that were made"
        problems = [Problem("FED800", (OPTION,), "is empty, which would remove every extension of the mesh", fix)]
    refuse(problems)
    return extensions
