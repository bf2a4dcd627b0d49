# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How messages count what they do not list."""

from __future__ import annotations

from ansible_collections.ossm.federation.plugins.module_utils._core.plain.data import clauses, some


def test_what_is_not_listed_is_counted():
    assert some(["a", "b"], 2) == "a, b" and some(["a", "b", "c"], 2) == "a, b and 1 more"
    assert clauses(["a", "b"], 2) == "a; b" and clauses([], 2) == ""
    assert clauses(["a"] * 1005, 1) == "a; and 1,004 more"
