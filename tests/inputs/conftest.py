# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What inputs are given to: an API server in memory with the control plane of east."""

from __future__ import annotations

from attacks import conftest as on_an_api_in_memory
from unit import conftest as on_a_checkout

# Fixtures are found by their names here.
api, collections = on_an_api_in_memory.api, on_an_api_in_memory.collections
# What makes the collection importable; the tests of variables ask its checks themselves.
TREE = on_a_checkout.TREE
