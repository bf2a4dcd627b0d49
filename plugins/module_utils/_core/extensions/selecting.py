# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which proxies run which extensions, and in which order within a phase.

Source: maistra/istio, ``pilot/pkg/model/extensions.go``: an object in the control plane's namespace is for the whole
mesh, any other for its own namespace; the higher priority runs first, none at all last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..plain.data import at, items, mapping, some
from ..plain.kinds import EXTENSION
from .phases import LAST_PHASE, PHASES, new_phase

PROXY = "istio-proxy"


@dataclass(frozen=True)
class Proxy:
    """One pod with a proxy in it; ``is_ready`` is what its status says."""

    namespace: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    is_gateway: bool = False
    is_ready: bool = field(default=False, compare=False)

    @property
    def place(self) -> str:
        """Return it as people name it."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Order:
    """Proxies that run the same extensions in one phase, first to last; ``ties`` have no defined order."""

    phase: str
    extensions: tuple[str, ...]
    ties: tuple[str, ...]
    proxies: tuple[str, ...]

    def as_data(self) -> dict:
        """Return it as JSON-friendly data."""
        return {
            "phase": self.phase,
            "extensions": list(self.extensions),
            "ties": list(self.ties),
            "pods": list(self.proxies),
        }

    @property
    def text(self) -> str:
        """Return it as one line for people."""
        told = f"{self.phase}: {' → '.join(self.extensions)} in {some(self.proxies, 3)}"
        return f"{told}; order not said: {', '.join(self.ties)}" if self.ties else told


def proxy_of(pod: Mapping) -> Proxy | None:
    """Return the proxy in a pod that runs; None where there is none."""
    metadata = mapping(pod.get("metadata"))
    if at(pod, "status", "phase") in ("Succeeded", "Failed") or metadata.get("deletionTimestamp"):
        return None
    containers = [*items(at(pod, "spec", "containers")), *items(at(pod, "spec", "initContainers"))]
    own = next((each for each in containers if each.get("name") == PROXY), None)
    if own is None:
        return None
    labels = {str(key): str(value) for key, value in mapping(metadata.get("labels")).items()}
    is_ready = any(
        each.get("type") == "Ready" and each.get("status") == "True" for each in items(at(pod, "status", "conditions"))
    )
    return Proxy(
        str(metadata.get("namespace")), str(metadata.get("name")), labels, "router" in (own.get("args") or []), is_ready
    )


def selected_by(live: Mapping, proxies: Iterable[Proxy], root: str) -> list[Proxy]:
    """Return the proxies that an object of either kind selects; ``root`` is the control plane's namespace."""
    namespace = at(live, "metadata", "namespace")
    path = (
        ("spec", "workloadSelector", "labels")
        if live.get("kind") == EXTENSION.name
        else ("spec", "selector", "matchLabels")
    )
    wanted = mapping(at(live, *path))
    return [
        proxy
        for proxy in proxies
        if namespace in (root, proxy.namespace) and all(proxy.labels.get(key) == value for key, value in wanted.items())
    ]


def orders(objects: Sequence[Mapping], proxies: Sequence[Proxy], root: str) -> list[Order]:
    """Return where several extensions run in one phase, and in which order: one entry for each order that there is."""
    running: dict[tuple[str, str], list[tuple[tuple, str]]] = {}
    for live in objects:
        phase, name = phase_of(live), f"{at(live, 'metadata', 'namespace')}/{at(live, 'metadata', 'name')}"
        for proxy in selected_by(live, proxies, root):
            running.setdefault((phase, proxy.place), []).append((_rank(live), name))
    alike: dict[tuple, list[str]] = {}
    for (phase, place), found in running.items():
        if len(found) > 1:
            alike.setdefault((phase, tuple(sorted(found))), []).append(place)
    result = []
    for (phase, found), places in alike.items():
        ranks = [rank for rank, _name in found]
        ties = tuple(name for rank, name in found if ranks.count(rank) > 1)
        result.append(Order(phase, tuple(name for _rank_of, name in found), ties, tuple(sorted(places))))
    return sorted(result, key=lambda order: (PHASES.index(order.phase), order.extensions))


def phase_of(live: Mapping) -> str:
    """Return an object's phase in WasmPlugin's words."""
    if live.get("kind") == EXTENSION.name:
        return new_phase(at(live, "spec", "phase") or at(live, "status", "phase")) or LAST_PHASE
    phase = at(live, "spec", "phase")
    return str(phase) if phase in PHASES else LAST_PHASE


def _rank(live: Mapping) -> tuple:
    """Return what sorts an object among others of its phase: the higher priority first, none last."""
    priority = at(live, "spec", "priority")
    priority = (
        priority if priority is not None or live.get("kind") != EXTENSION.name else at(live, "status", "priority")
    )
    is_said = isinstance(priority, int) and not isinstance(priority, bool)
    return (0, -priority) if is_said else (1, 0)
