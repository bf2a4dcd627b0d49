# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What makes a host's credentials its own, and the refusal of a host that has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError

# Each of these is access to a cluster by itself; an address or a context alone is none.
WAYS = (("kubeconfig",), ("host", "api_key"), ("host", "username"), ("host", "client_cert"))


def are_own(options: Mapping[str, Any]) -> bool:
    """Return whether connection options name credentials, so that none are taken from the environment."""
    return any(all(options.get(name) for name in way) for way in WAYS)


def borrowed(whose: str, host: str, count: int, name: str = "") -> FederationError:
    """Return the refusal for a host that has no credentials of its own in a run with others; ``whose`` is mesh or
    cluster.

    ``name`` is what the host's mesh is called, where that is known.
    """
    return FederationError(
        "FED102",
        where=f"{whose.capitalize()} {name or host}",
        what=f"has no credentials of its own, and one environment cannot serve the {count} hosts of this run",
        fix=f"Set {whose}_kubeconfig, or {whose}_host with {whose}_api_key, or run for one at a time (--limit {host})",
    )
