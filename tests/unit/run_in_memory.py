# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A module's run without a module: for tests of what modules do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.ossm.federation.plugins.module_utils._run import Run


class RunInMemory(Run):
    """A run with the defaults of some ``options`` and what a test asks for; what it is warned of is kept.

    One that ``is_quiet`` fails the test at the first warning.
    """

    def __init__(
        self, *options: Mapping[str, Mapping], check_mode: bool = False, is_quiet: bool = False, **asked: Any
    ) -> None:
        defaults = {name: option.get("default") for group in options for name, option in group.items()}
        self.warnings: list[str] = []
        super().__init__({**defaults, **asked}, _refused if is_quiet else self.warnings.append, check_mode)


def _refused(text: str) -> None:
    raise AssertionError(text)
