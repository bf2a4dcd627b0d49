# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filter that says whom a run leaves; documented in the YAML file beside this one."""

from __future__ import annotations

from collections.abc import Mapping

from .mesh_names import peers_named


def peers_leaving(peers: object, names: object = "", own: str = "") -> list[dict]:
    """Return the peers that are meant by ``names``, or all, in as many words as leaving takes; see the filter's documentation."""
    if isinstance(names, str):
        names = [part.strip() for part in names.strip("[] ").split(",") if part.strip()]
    chosen = peers_named(peers, [str(name) for name in names if name != own]) if names else list(peers)
    entries = [entry if isinstance(entry, Mapping) else {"name": str(entry)} for entry in chosen]
    return [_shortened(entry) for entry in entries]


def _shortened(entry: Mapping) -> dict:
    gateways = entry.get("gateways") or {}
    kept = {kind: gateways[kind] for kind in ("ingress", "egress") if isinstance(gateways, Mapping) and gateways.get(kind)}
    return {"name": entry.get("name"), "local_name": entry.get("local_name") or entry.get("name"), "gateways": kept}


class FilterModule:
    """The filter by name."""

    def filters(self) -> dict:
        """Return the filter by name."""
        return {"peers_leaving": peers_leaving}
