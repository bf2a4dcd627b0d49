# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a validation knows of a mesh: the objects that were read, the hosts that they make, and what was not read.

A host is missing only where everything that could make it was read. Sources: Istio documentation, "Service Entry" and
"Virtual Service" (how short names are completed); the API reference of ImportedServiceSet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from ..peering import status
from ..peering.live import Peerings
from ..peering.using import full_names
from ..plain.data import at, items, mapping, strings
from ..plain.kinds import MEMBER_ROLL, PEER, SERVICE, SERVICE_ENTRY, Kind
from ..traffic.standing import Standing, covers, is_labelled

KNOWN, MISSING, UNKNOWN = "known", "missing", "unknown"


@dataclass(frozen=True)
class Given:
    """What a peer gives: the ``hosts`` that its set says are imported, where that can be believed because it
    ``is_connected``.

    ``domains`` are those whose hosts it may give, ``local`` (namespace, name) what it may add to this cluster's own
    hosts.
    """

    peer: str
    is_connected: bool
    hosts: frozenset[str] = frozenset()
    domains: tuple[str, ...] = ()
    local: tuple[tuple[str, str], ...] = ()
    trust_domain: str = ""

    def may_give(self, host: str, namespace: str, name: str) -> bool:
        """Return whether a host may come from this peer; ``namespace`` is "" for one outside of this
        cluster's domain.
        """
        is_local = bool(namespace) and any(_fits(ours, name) and _fits(space, namespace) for space, ours in self.local)
        return is_local or any(host.endswith(f".{suffix}") for suffix in self.domains)


@dataclass(frozen=True)
class Objects:
    """All of it. ``standing`` has the rules, Services and pods; ``unread`` are kinds by name and namespaces that may
    not be read.

    ``workloads`` are the labels that Deployments and StatefulSets give their pods, by namespace, where that was asked
    for.
    """

    standing: Standing
    entries: tuple[Mapping, ...] = ()
    gateways: tuple[Mapping, ...] = ()
    sidecars: tuple[Mapping, ...] = ()
    authentications: tuple[Mapping, ...] = ()
    requests: tuple[Mapping, ...] = ()
    given: tuple[Given, ...] = ()
    accounts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    namespaces: frozenset[str] | None = None
    unread: frozenset[tuple[str, str]] = frozenset()
    workloads: Mapping[str, tuple[Mapping, ...]] = field(default_factory=dict)

    @property
    def home(self) -> str:
        """Return the control plane's namespace."""
        return self.standing.home

    @cached_property
    def spaces(self) -> frozenset[str]:
        """Return the namespaces that were looked at."""
        return self.standing.members | {self.home}

    def rules(self, kind: Kind) -> list[Mapping]:
        """Return the VirtualServices, DestinationRules or AuthorizationPolicies."""
        return [live for live in self.standing.rules if live.get("kind") == kind.name]

    def beyond(self, namespace: str) -> str:
        """Return in words why nothing is known of a namespace; "" for one that was looked at."""
        if namespace in self.spaces:
            return ""
        return self.lacks(MEMBER_ROLL, self.home) or f"namespace {namespace} is not a member, and was not checked"

    def lacks(self, kind: Kind, namespace: str | None = None) -> str:
        """Return in words that a kind may not be read, in one namespace or in any; "" where it was."""
        spaces = sorted(self.spaces) if namespace is None else [namespace]
        unread = [space for space in spaces if (kind.name, space) in self.unread]
        return f"{kind.name} objects in {unread[0]} may not be read" if unread else ""

    @cached_property
    def _hosts(self) -> frozenset[str]:
        services = (self.standing.host(namespace, name) for namespace, name in self.standing.services)
        written = (host for live in self.entries for host in strings(at(live, "spec", "hosts")) if "*" not in host)
        imported = (host for one in self.given if one.is_connected for host in one.hosts)
        return frozenset(host.lower() for host in (*services, *written, *imported))

    @cached_property
    def _wildcards(self) -> tuple[str, ...]:
        return tuple(
            host.lower() for live in self.entries for host in strings(at(live, "spec", "hosts")) if "*" in host
        )

    @cached_property
    def _states(self) -> dict[tuple[str, str], tuple[str, str]]:
        return {}

    def host_state(self, name: str, namespace: str) -> tuple[str, str]:
        """Return whether a host, as an object of ``namespace`` writes it, is known, missing or unknown, and for the
        last why.
        """
        if (name, namespace) not in self._states:
            self._states[name, namespace] = self._host_state(name, namespace)
        return self._states[name, namespace]

    def _host_state(self, name: str, namespace: str) -> tuple[str, str]:
        if name == "*":
            return KNOWN, ""
        names = [
            full.rstrip(".").lower() for full in full_names(name, namespace, self.standing.control_plane.cluster_domain)
        ]
        if name.count(".") == 1 and name.partition(".")[2] not in self.spaces:
            # Istio completes no name with a dot: example.com is one outside, and cart.shop is forgiven where there is a
            # namespace shop.
            names = names[:1]
        if any(self._is_known(full) for full in names):
            return KNOWN, ""
        reason = next(filter(None, map(self._why_unknown, names)), "")
        return (UNKNOWN, reason) if reason else (MISSING, "")

    def _is_known(self, host: str) -> bool:
        if host in self._hosts or any(covers(wildcard, host) for wildcard in self._wildcards):
            return True
        return "*" in host and any(covers(host, known) for known in (*self._hosts, *self._wildcards))

    def _why_unknown(self, host: str) -> str:
        lacking = (
            self.lacks(SERVICE_ENTRY) or self.lacks(PEER, self.home) or (self.lacks(SERVICE) if "*" in host else "")
        )
        if lacking:
            return lacking
        domain = f".svc.{self.standing.control_plane.cluster_domain}".lower()
        name, _dot, namespace = host[: -len(domain)].rpartition(".") if host.endswith(domain) else ("", "", "")
        for one in self.given:
            if one.may_give(host, namespace, name) and not one.is_connected:
                return f"peer {one.peer} is not connected, so its exports are not known"
        if not namespace or namespace == "*":
            return ""
        return self.beyond(namespace) or self.lacks(SERVICE, namespace)

    def service_of(self, host: str, namespace: str) -> tuple[str, str] | None:
        """Return namespace and name of the Service of this cluster that a host without wildcards means; None where it
        is none.
        """
        domain = self.standing.control_plane.cluster_domain
        ours = {self.standing.host(*key).lower(): key for key in self.standing.services}
        return next((ours[full.lower()] for full in full_names(host, namespace, domain) if full.lower() in ours), None)

    def is_given(self, host: str) -> bool:
        """Return whether a peer gives, or may give, a host, or hosts of a wildcard that covers none of this cluster's
        own.
        """
        bare, ends = f".{host.lstrip('*').lstrip('.')}", [f".{suffix}" for one in self.given for suffix in one.domains]
        if any(host in one.hosts for one in self.given) or any(bare.endswith(end) for end in ends):
            return True
        is_wide = "*" not in host or f".svc.{self.standing.control_plane.cluster_domain}".endswith(bare)
        return not is_wide and any(end.endswith(bare) for end in ends)

    @cached_property
    def _labels(self) -> dict[str, list[Mapping]]:
        """Return by namespace the labels of pods and of what makes pods, each once: the pods of a workload have the
        same.
        """
        found: dict[str, list[Mapping]] = {}
        for space in self.spaces:
            own = (mapping(at(pod, "metadata", "labels")) for pod in self.standing.pods.get(space, ()))
            texts = {
                tuple(sorted((str(key), str(value)) for key, value in labels.items()))
                for labels in (*own, *self.workloads.get(space, ()))
            }
            found[space] = [dict(pairs) for pairs in sorted(texts)]
        return found

    def labels_in(self, space: str) -> list[Mapping]:
        """Return the labels that workloads of a namespace have."""
        return self._labels.get(space, [])

    def is_selected(self, labels: Mapping, spaces: Sequence[str]) -> bool:
        """Return whether anything in some namespaces has all of these labels."""
        return any(
            is_labelled({"metadata": {"labels": found}}, labels) for space in spaces for found in self.labels_in(space)
        )


def _fits(pattern: str, value: str) -> bool:
    return pattern in ("*", value)


def given_by(peerings: Peerings, now: datetime, version: tuple[int, int] | None) -> tuple[Given, ...]:
    """Return what each peer of a mesh gives, and whether its set's status can be believed."""
    found = []
    for name in sorted({*peerings.peers, *peerings.imports}):
        peer, live = peerings.peers.get(name), peerings.imports.get(name)
        is_up = status.outbound(peer, now, version).state == status.CONNECTED
        spec = mapping(at(live, "spec"))
        rules = list(items(spec.get("importRules")))
        suffixes = [
            str(rule.get("domainSuffix") or spec.get("domainSuffix") or f"svc.{name}-imports.local") for rule in rules
        ]
        local = [mapping(at(rule, "nameSelector", "alias")) for rule in rules if rule.get("importAsLocal")]
        hosts = frozenset(str(row["imported"]).lower() for row in status.imported(live) if row["imported"])
        found.append(
            Given(
                peer=name,
                is_connected=is_up,
                hosts=hosts,
                domains=tuple(dict.fromkeys([f"svc.{name}-imports.local", *(suffix.lower() for suffix in suffixes)])),
                local=tuple((str(alias.get("namespace") or "*"), str(alias.get("name") or "*")) for alias in local),
                trust_domain=str(at(peer, "spec", "security", "trustDomain") or ""),
            )
        )
    return tuple(found)
