# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a test can switch to go wrong, per mesh."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping
from typing import Any

NAMES = {
    "peer-unreachable": "the mesh's federation ingress gateways refuse connections",
    "peer-hang": "the mesh's federation ingress gateways accept connections and never answer",
    "long-watch": "a watch of this mesh by a peer is renewed after {seconds} of mesh time only (an hour), not after 45",
    "wrong-root": "the mesh's certificates come from another root than the published one",
    "wrong-client-id": "the mesh's egress gateways show another service account",
    "certificate": (
        "the mesh's gateway {gateway} shows at {port} a certificate of {uri}, valid from {starts} to {ends} hours from"
        " now on, of root {root}; with {is_whole} it has no other at all"
    ),
    "gateway-down": "the mesh's gateway {gateway} does not listen",
    "denying": "a policy lets nobody through at the mesh's gateway {gateway}, {port}",
    "frozen-proxies": "the mesh's gateways get nothing new from istiod",
    "no-route": "the mesh's egress gateways have no way for imported services",
    "istiod-unreachable": "the mesh's ingress gateways do not reach istiod",
    "lists-refused": "polls of peers for the mesh's list get {status}",
    "former-client": "the mesh's ingress gateways let nobody but {client_id} call services",
    "mute-registry": "istiod does not answer when it is asked for its services",
    "no-such-names": "DNS, as the mesh's pods see it, knows no name",
    "names-failing": "DNS, as the mesh's pods see it, answers nothing but failures",
    "slow-address": "load balancers give an address after {seconds} of mesh time",
    "no-address": "load balancers never give an address",
    "api-errors": (
        "requests through the API proxy get {status}; the first {count} only, and those that {match}, a regular"
        " expression on 'GET /path?query'"
    ),
    "api-slow": "requests through the API proxy, those that {match}, wait {seconds} first (real time)",
    "api-hang": "requests through the API proxy, those that {match}, get no answer",
    "api-cut": (
        "the connection of request number {at} through the API proxy, counting those that {match}, is cut, {when}"
        " ('before' or 'after') the API server has dealt with it; with {lasts} all later ones, too; with {holds} the"
        " caller is kept waiting until the fault is off"
    ),
    "api-refuse": "the API proxy refuses connections",
    "webhook-down": "the operator's webhooks refuse connections",
    "olm-catalog-down": "OLM of the mesh's cluster does not reach its catalog",
    "olm-resolution-failed": "OLM of the mesh's cluster cannot resolve any Subscription",
    "olm-bundle-unpack-failed": "OLM of the mesh's cluster cannot unpack any bundle",
    "olm-plan-failed": "InstallPlans in the mesh's cluster fail",
    "olm-csv-failed": "ClusterServiceVersions in the mesh's cluster fail",
    "olm-extra-csv": "InstallPlans in the mesh's cluster also name {csv}",
    "reconcile-error": "the control plane stays in ReconcileError",
}
"""The faults there are and what each does; words in braces are its settings."""


class Faults:
    """Which faults are on. Thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._on: dict[tuple[str, str], dict[str, Any]] = {}

    def is_on(self, mesh: str, name: str) -> dict[str, Any] | None:
        """Return the settings of a fault that is on, else None."""
        with self._lock:
            settings = self._on.get((mesh, name))
            return None if settings is None else copy.deepcopy(settings)

    def set(self, mesh: str, name: str, settings: Mapping[str, Any] | None) -> None:
        """Switch a fault on with ``settings``, or off with None. Raises ``LookupError`` on a name that is no fault."""
        if name not in NAMES:
            raise LookupError(f"there is no fault '{name}'; there are {', '.join(NAMES)}")
        with self._lock:
            if settings is None:
                self._on.pop((mesh, name), None)
            else:
                self._on[mesh, name] = dict(settings)

    def take_one(self, mesh: str, name: str) -> bool:
        """Use up one of a fault's ``count`` and say whether there was one left; a fault without ``count``
        has no end.
        """
        with self._lock:
            settings = self._on.get((mesh, name))
            if settings is None:
                return False
            if settings.get("count") is None:
                return True
            if settings["count"] <= 0:
                return False
            settings["count"] -= 1
            return True

    def reach(self, mesh: str, name: str) -> bool:
        """Count one request for a fault with ``at`` and say whether it is that one, or a later one of a fault that
        ``lasts``.

        The settings then hold ``seen``, how many were counted.
        """
        with self._lock:
            settings = self._on.get((mesh, name))
            if settings is None:
                return False
            settings["seen"] = settings.get("seen", 0) + 1
            return settings["seen"] == settings["at"] or (
                settings["seen"] > settings["at"] and bool(settings.get("lasts"))
            )

    def note(self, mesh: str, name: str, **found: Any) -> None:
        """Keep what has come of a fault that is on among its settings."""
        with self._lock:
            self._on.get((mesh, name), {}).update(found)

    def all_on(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the settings of all faults that are on, by mesh and name."""
        with self._lock:
            found: dict[str, dict[str, dict[str, Any]]] = {}
            for (mesh, name), settings in self._on.items():
                found.setdefault(mesh, {})[name] = copy.deepcopy(settings)
            return found
