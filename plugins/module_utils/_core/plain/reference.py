# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the documentation of this version explains a code: the one place that knows its address."""

from __future__ import annotations

# As galaxy.yml says them, which an installed collection does not have; a test compares them.
DOCUMENTATION = "https://example.com/ossm/federation/docs"
VERSION = "0.2.0"


def link_to(code: str) -> str:
    """Return the address of the page that explains a code, such as FED204."""
    return f"{DOCUMENTATION}/{VERSION}/codes/{code.lower()}.html"
