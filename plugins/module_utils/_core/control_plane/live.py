# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a live ServiceMeshControlPlane says about its mesh."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ..card.trust import Root
from ..plain.data import at, items, mapping
from ..plain.errors import FederationError
from ..plain.kinds import CLUSTER_DOMAIN, DEFAULT_TRUST_DOMAIN, ROOT_CONFIG_MAP, is_trust_domain

OLDEST = (2, 1)


@dataclass(frozen=True)
class ControlPlane:
    """One control plane as far as federation needs it.

    ``version`` and ``operator`` are (major, minor), None while unknown; ``generation`` is that of the object.
    """

    name: str
    namespace: str
    uid: str
    version: tuple[int, int] | None
    operator: tuple[int, int] | None
    trust_domain: str
    additional_domains: tuple[str, ...]
    cluster_domain: str
    cluster_name: str
    root_config_map: str
    is_ready: bool
    condition: str
    live: Mapping

    @classmethod
    def read(cls, live: Mapping) -> ControlPlane:
        """Return what the object says; profiles count by ``status.appliedSpec`` where ``spec`` is silent."""
        spec, status = mapping(live.get("spec")), mapping(live.get("status"))
        applied = mapping(status.get("appliedSpec"))

        def said(*path: str) -> object:
            return next((found for found in (at(spec, *path), at(applied, *path)) if found is not None), None)

        version = _minor(said("version")) or _minor(status.get("chartVersion"))
        authority = said("security", "certificateAuthority", "type")
        named_root = said("security", "certificateAuthority", "cert-manager", "rootCAConfigMapName")
        is_ready, condition = readiness(live)
        metadata = live["metadata"]
        return cls(
            name=metadata["name"],
            namespace=metadata["namespace"],
            uid=str(metadata.get("uid") or ""),
            version=version,
            operator=_minor(status.get("operatorVersion")),
            trust_domain=str(said("security", "trust", "domain") or DEFAULT_TRUST_DOMAIN),
            additional_domains=_aliases(spec, applied),
            cluster_domain=str(said("proxy", "networking", "clusterDomain") or CLUSTER_DOMAIN),
            cluster_name=str(said("cluster", "name") or "Kubernetes"),
            root_config_map=str(named_root) if authority == "cert-manager" and named_root else ROOT_CONFIG_MAP,
            is_ready=is_ready,
            condition=condition,
            live=live,
        )

    @property
    def place(self) -> str:
        """Return how people name the object: kind and namespace/name."""
        return f"ServiceMeshControlPlane {self.namespace}/{self.name}"

    @property
    def own_domains(self) -> frozenset[str]:
        """Return the trust domains of this mesh, lower case: the wanted one, and that which its proxies still have."""
        domains = (self.trust_domain, at(self.live, "status", "appliedSpec", "security", "trust", "domain"))
        return frozenset(str(domain).strip().lower() for domain in domains if domain)

    @property
    def own_config_maps(self) -> frozenset[str]:
        """Return the names of the ConfigMaps that contain this mesh's own root; they are not the bundle of any peer."""
        return frozenset({ROOT_CONFIG_MAP, self.root_config_map})

    @property
    def version_text(self) -> str:
        """Return the version as the object writes it: ``v2.3``, or ``unknown``."""
        return f"v{self.version[0]}.{self.version[1]}" if self.version else "unknown"

    def said(self, *path: str) -> object:
        """Return what the spec says at a path; its profiles count where the spec is silent."""
        found = at(self.live, "spec", *path)
        return found if found is not None else at(self.live, "status", "appliedSpec", *path)

    def as_data(self, roots: Iterable[Root] = (), now: datetime | None = None) -> dict:
        """Return it, and the roots of its mesh, as JSON-friendly data for a module's result."""
        return {
            "name": self.name,
            "namespace": self.namespace,
            "uid": self.uid,
            "version": self.version_text,
            "ready": self.is_ready,
            "condition": self.condition,
            "trust_domain": self.trust_domain,
            "cluster_domain": self.cluster_domain,
            "roots": [root.as_data(now) for root in roots],
        }

    def check(self, wanted_trust_domain: str | None = None) -> None:
        """Refuse a control plane that cannot federate.

        Raises ``FederationError``: FED402 older than 2.1, FED403 no trust domain of its own, FED404 another trust
        domain than ``wanted_trust_domain``.
        """
        if self.version and self.version < OLDEST:
            raise FederationError(
                "FED402",
                where=self.place,
                what=f"is {self.version_text}; federation came with v2.1",
                fix="Upgrade the control plane first",
            )
        if self.trust_domain == DEFAULT_TRUST_DOMAIN:
            raise FederationError(
                "FED403",
                where=self.place,
                what=f"has no trust domain of its own (it uses {DEFAULT_TRUST_DOMAIN}, like every mesh that sets none)",
                fix="Set spec.security.trust.domain to a name of this mesh alone; its workloads then need a restart",
            )
        if not is_trust_domain(self.trust_domain):
            raise FederationError(
                "FED403",
                where=self.place,
                what=f"has the trust domain {self.trust_domain}, which is not a name that a SPIFFE identity can have",
                fix="Set spec.security.trust.domain to lower-case letters, digits, dots, hyphens and underscores",
            )
        if wanted_trust_domain and wanted_trust_domain != self.trust_domain:
            raise FederationError(
                "FED404",
                where=self.place,
                what=f"has the trust domain {self.trust_domain}, mesh_trust_domain says {wanted_trust_domain}",
                fix="Correct mesh_trust_domain; changing the mesh's own would change every identity in it",
            )

    def writes_route_config(self, is_in_schema: bool) -> bool:
        """Return whether gateways carry ``routeConfig``: the CRD must know it, and an operator that keeps it.

        Operators up to 2.3 drop the field without a word where a newer CRD lets it pass.
        """
        return is_in_schema and self.keeps_route_config

    @property
    def keeps_route_config(self) -> bool:
        """Return whether its operator keeps ``routeConfig`` of gateways."""
        return (self.operator or self.version or OLDEST) >= (2, 4)

    @property
    def shows_route_config(self) -> bool:
        """Return whether one of its gateways already has ``routeConfig``: then the CRD knows the field, and need not be
        read.
        """
        ingresses = mapping(at(self.live, "spec", "gateways", "additionalIngress"))
        return any("routeConfig" in mapping(ingress) for ingress in ingresses.values())


def readiness(live: Mapping) -> tuple[bool, str]:
    """Return whether a control plane has finished its present generation, and what its operator last said.

    Done is: Reconciled and Ready True, ``observedGeneration`` current, and the charts of the wanted version. For
    more than a second after a change the conditions still speak of the old generation.
    """
    status, metadata = mapping(live.get("status")), live["metadata"]
    conditions = {str(c.get("type")): c for c in items(status.get("conditions"))}
    reconciled, ready = mapping(conditions.get("Reconciled")), mapping(conditions.get("Ready"))
    version = _minor(mapping(live.get("spec")).get("version"))
    is_current = status.get("observedGeneration") == metadata.get("generation")
    is_version = version is None or _minor(status.get("chartVersion")) == version
    is_done = is_current and is_version and reconciled.get("status") == "True" and ready.get("status") == "True"
    spoken = ready if reconciled.get("status") == "True" else reconciled
    if not spoken:
        return False, "has no status yet"
    said = f"{spoken.get('reason', 'Unknown')}: {spoken.get('message', '')}".strip(": ")
    return is_done, said if is_current else f"{said} (about an earlier generation)"


PERMANENT = ("ValidationError", "ErrMultipleSMCPs", "DependencyMissingError")


def unready(live: Mapping) -> list[str]:
    """Return in words what a control plane still lacks, with how many components are up; empty when it is ready."""
    is_done, condition = readiness(live)
    if is_done:
        return []
    lists = mapping(mapping(mapping(live.get("status")).get("readiness")).get("components"))
    parts = {state: [str(name) for name in lists.get(state) or []] for state in ("ready", "unready", "pending")}
    waiting = [f"{state}: {', '.join(names)}" for state, names in parts.items() if names and state != "ready"]
    up = [f"{len(parts['ready'])} of {sum(map(len, parts.values()))} components ready"] if any(parts.values()) else []
    return ["; ".join([*up, *waiting, condition])]


def permanent_reason(live: Mapping) -> str:
    """Return the operator's words when it has given up until the spec or the cluster changes; "" while it may still
    work.
    """
    for condition in mapping(live.get("status")).get("conditions") or []:
        if (
            isinstance(condition, Mapping)
            and condition.get("type") == "Reconciled"
            and condition.get("reason") in PERMANENT
        ):
            return f"{condition['reason']}: {condition.get('message', '')}".rstrip(": ")
    return ""


def missing(namespace: str, name: str, others: list[str]) -> FederationError:
    """Return the error for a control plane that is not there, naming those that are."""
    found = f"found there: {', '.join(sorted(others))}" if others else "the namespace has none"
    return FederationError(
        "FED401",
        where=f"ServiceMeshControlPlane {namespace}/{name}",
        what=f"does not exist; {found}",
        fix="Correct mesh_namespace and mesh_control_plane, or install the control plane first",
    )


def has_route_config(schema: Mapping | None) -> bool:
    """Return whether the OpenAPI document of maistra.io/v2 knows ``routeConfig`` on additional ingress gateways."""
    for definition in mapping(at(mapping(schema), "components", "schemas")).values():
        kinds = definition.get("x-kubernetes-group-version-kind") or []
        if any(kind.get("kind") == "ServiceMeshControlPlane" for kind in kinds):
            gateways = at(definition, "properties", "spec", "properties", "gateways", "properties")
            ingress = at(mapping(gateways), "additionalIngress", "additionalProperties", "properties")
            return "routeConfig" in mapping(ingress)
    return False


def parse_version(text: str | None) -> tuple[int, int] | None:
    """Return (major, minor) of ``v2.3``, ``2.3`` or ``2.3.11``; None when it is no version."""
    return _minor(text)


def _aliases(spec: Mapping, applied: Mapping) -> tuple[str, ...]:
    """Return the trust domains whose identities count as this mesh's own, wherever they are written."""
    places = (("security", "trust", "additionalDomains"), ("techPreview", "meshConfig", "trustDomainAliases"))
    found = [at(body, *path) for body in (spec, applied) for path in places]
    # The CRD leaves techPreview open, so one domain may stand there as a text.
    lists = [[domains] if isinstance(domains, str) else domains for domains in found]
    return tuple(
        dict.fromkeys(str(domain) for domains in lists if isinstance(domains, (list, tuple)) for domain in domains)
    )


def _minor(text: object) -> tuple[int, int] | None:
    found = re.match(r"v?([0-9]{1,6})\.([0-9]{1,6})(?![0-9])", str(text or ""))
    return (int(found[1]), int(found[2])) if found else None
