# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a rulebook runs with: an API server in memory, and a collections folder with this checkout."""

from __future__ import annotations

from attacks import conftest as attacked

# Fixtures are found by their names here.
api, collections = attacked.api, attacked.collections
