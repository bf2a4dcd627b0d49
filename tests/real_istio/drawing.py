# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Set-ups of one service drawn by number: where its pods are, how west gives it, and what rules and policies others
wrote for it.

The same number gives the same set-up. Kinds of set-ups take turns, so that any run of as many numbers as there are
kinds has each once.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

HOME, SHOP, PORT = "east-mesh-system", "shop", 8000
OURS, THEIRS = "eu-central", "eu-west"
PODS = {"basket-1": f"{OURS}.a", "basket-2": f"{OURS}.b"}
CLIENTS = {"web": "web-1", "zoned": "zoned-1"}
_NETWORKING, _SECURITY = "networking.istio.io/v1", "security.istio.io/v1"
# Never reached: a set-up is about the order of endpoints, not about which of them fail.
_EJECTION = {"consecutive5xxErrors": 1000, "interval": "1h", "baseEjectionTime": "1s", "maxEjectionPercent": 100}
_CLUSTER = "topology.istio.io/cluster"


@dataclass(frozen=True)
class Draw:
    """One set-up: the service ``name`` has the pods of ``selector``; ``client`` is who calls; ``objects`` are other
    people's.
    """

    name: str
    kind: str
    client: str
    selector: Mapping[str, str]
    as_local: bool
    under_own_name: bool
    objects: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    @property
    def host(self) -> str:
        """Return the service's host in east."""
        return f"{self.name}.{SHOP}.svc.cluster.local"

    def imports(self) -> list[dict]:
        """Return the rules by which east takes the service."""
        local = [{"name": self.name, "namespace": SHOP, "import_as_local": True, "from": ["west"]}]
        other = [{"name": self.name, "namespace": SHOP, "from": ["west"]}]
        return local if self.as_local else other if self.under_own_name else []


def drawn(number: int) -> Draw:
    """Return the set-up of a number."""
    chance = random.Random(f"set-up {number}")
    kind, make = KINDS[number % len(KINDS)]
    pods = chance.choice(
        [{"app": "basket"}, {"app": "basket"}, {"pod": "basket-1"}, {"pod": "basket-2"}, {"app": "nobody"}]
    )
    client = chance.choice(list(CLIENTS))
    return make(chance, f"s{number}", kind, client, pods)


def _thing(version: str, kind: str, namespace: str, name: str, spec: Mapping, **metadata: Any) -> dict:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "spec": dict(spec),
    }


def _rule(name: str, host: str, policy: Mapping, namespace: str = SHOP, **more: Any) -> dict:
    return _thing(
        _NETWORKING, "DestinationRule", namespace, name, {"host": host, "trafficPolicy": dict(policy), **more}
    )


def _balanced(**setting: Any) -> dict:
    return {"loadBalancer": {"localityLbSetting": setting}}


def _without_rules(chance: random.Random, name: str, kind: str, client: str, pods: Mapping[str, str]) -> Draw:
    """No rule for the host, or one that is not visible, or one with subsets alone."""
    host = f"{name}.{SHOP}.svc.cluster.local"
    objects = chance.choice(
        [
            [],
            [_rule(name, host, {"outlierDetection": _EJECTION}, HOME, exportTo=["."])],
            [_rule(name, name, {}, subsets=[{"name": "one", "labels": {"pod": "basket-1"}}])],
            [_rule(name, f"other-{name}", {"outlierDetection": _EJECTION})],
        ]
    )
    return Draw(name, kind, client, pods, chance.random() < 0.6, chance.random() < 0.3, objects)


def _ordered(chance: random.Random, name: str, kind: str, client: str, pods: Mapping[str, str]) -> Draw:
    """Orders of endpoints: by ejection alone, by cluster, by region, switched off, or without the ejection that they
    need.
    """
    setting = chance.choice(
        [
            {},
            {"failoverPriority": [_CLUSTER]},
            {"enabled": True, "failoverPriority": [_CLUSTER]},
            {"failover": [{"from": OURS, "to": THEIRS}]},
            {"failover": [{"from": "us", "to": THEIRS}]},
            {"enabled": False},
        ]
    )
    policy = {
        **(_balanced(**setting) if setting else {}),
        **({"outlierDetection": _EJECTION} if chance.random() < 0.75 else {}),
    }
    host = chance.choice([name, f"{name}.{SHOP}", f"{name}.{SHOP}.svc.cluster.local", f"*.{SHOP}.svc.cluster.local"])
    return Draw(name, kind, client, pods, chance.random() < 0.85, False, [_rule(name, host, policy)])


def _distributed(chance: random.Random, name: str, kind: str, client: str, pods: Mapping[str, str]) -> Draw:
    """Weights of localities: of all, of one alone, of clients elsewhere."""
    weight = chance.randrange(5, 96, 5)
    rule = chance.choice(
        [
            {"from": f"{OURS}/*", "to": {f"{OURS}/*": weight, f"{THEIRS}/*": 100 - weight}},
            {"from": f"{OURS}/*", "to": {f"{OURS}/*": weight, f"{THEIRS}/*": 100 - weight}},
            {"from": f"{OURS}/*", "to": {f"{OURS}/*": 100}},
            {"from": f"{OURS}/*", "to": {f"{OURS}/a/*": weight, f"{OURS}/b/*": 100 - weight}},
            {"from": "us/*", "to": {f"{THEIRS}/*": 100}},
        ]
    )
    policy = {
        **_balanced(enabled=True, distribute=[rule]),
        **({"outlierDetection": _EJECTION} if chance.random() < 0.5 else {}),
    }
    return Draw(
        name,
        kind,
        client,
        {"app": "basket"} if chance.random() < 0.7 else pods,
        True,
        False,
        [_rule(name, name, policy)],
    )


def _several(chance: random.Random, name: str, kind: str, client: str, pods: Mapping[str, str]) -> Draw:
    """Several rules that could count, and settings of a port: which of them does."""
    host = f"{name}.{SHOP}.svc.cluster.local"
    by_cluster = {**_balanced(failoverPriority=[_CLUSTER]), "outlierDetection": _EJECTION}
    objects = chance.choice(
        [
            [_rule(name, f"*.{SHOP}.svc.cluster.local", {}), _rule(name, host, by_cluster, HOME)],
            [_rule(f"{name}-wide", f"*.{SHOP}.svc.cluster.local", by_cluster), _rule(name, name, {})],
            [_rule(name, host, by_cluster, HOME)],
            [_rule(name, "*.local", by_cluster, HOME)],
            [
                _rule(
                    name,
                    name,
                    {
                        **by_cluster,
                        "portLevelSettings": [
                            {"port": {"number": PORT}, "connectionPool": {"http": {"maxRetries": 3}}}
                        ],
                    },
                )
            ],
            [_rule(name, name, {"portLevelSettings": [{"port": {"number": PORT}, **by_cluster}]})],
            [
                _rule(
                    name,
                    name,
                    {
                        **by_cluster,
                        "portLevelSettings": [
                            {"port": {"number": PORT + 1}, "connectionPool": {"http": {"maxRetries": 3}}}
                        ],
                    },
                )
            ],
        ]
    )
    return Draw(name, kind, client, pods, True, False, objects)


def _routed(chance: random.Random, name: str, kind: str, client: str, pods: Mapping[str, str]) -> Draw:
    """VirtualServices: shares between hosts and subsets, what matches something, what is not for sidecars."""
    weight = chance.randrange(0, 101, 5)
    west = f"{name}.{SHOP}.svc.west-imports.local"
    shares = [
        {"destination": {"host": name}, "weight": weight},
        {"destination": {"host": west}, "weight": 100 - weight},
    ]
    subset = {"destination": {"host": name, "subset": "one"}}
    subsets = _rule(name, name, {}, subsets=[{"name": "one", "labels": {"pod": "basket-1"}}])
    matching = {"match": [{"uri": {"prefix": "/elsewhere"}}], "route": [{"destination": {"host": west}}]}
    body, more = chance.choice(
        [
            ({"http": [{"route": shares}]}, []),
            ({"http": [{"route": shares}]}, []),
            ({"http": [{"route": [subset]}]}, [subsets]),
            ({"http": [{"route": [subset]}]}, []),
            ({"http": [{"route": [{**subset, "weight": weight}, {**shares[1]}]}]}, [subsets]),
            ({"http": [matching, {"route": [{"destination": {"host": name}}]}]}, []),
            ({"http": [matching]}, []),
            ({"gateways": ["somewhere"], "http": [{"route": [{"destination": {"host": west}}]}]}, []),
            ({"exportTo": ["."], "http": [{"route": [{"destination": {"host": west}}]}]}, []),
        ]
    )
    spec = {"hosts": [chance.choice([name, f"{name}.{SHOP}.svc.cluster.local"])], **body}
    return Draw(name, kind, client, pods, False, True, [*more, _thing(_NETWORKING, "VirtualService", SHOP, name, spec)])


def _admitted(chance: random.Random, name: str, kind: str, client: str, pods: Mapping[str, str]) -> Draw:
    """Policies on the pods and at the egress gateway: who is let in."""
    principal = f"cluster.local/ns/{SHOP}/sa/{chance.choice(list(CLIENTS))}"
    source = chance.choice(
        [{"principals": [principal]}, {"notPrincipals": [principal]}, {"namespaces": [SHOP]}, {"namespaces": [HOME]}]
    )
    spec: dict[str, Any] = {"action": chance.choice(["ALLOW", "DENY"]), "rules": [{"from": [{"source": source}]}]}
    annotations = {"istio.io/dry-run": "true"} if chance.random() < 0.2 else {}
    where = chance.choice(["pods", "pods", "gateway"])
    if where == "pods":
        spec["selector"] = {"matchLabels": chance.choice([{"app": "basket"}, {"pod": "basket-1"}])}
        policy = _thing(_SECURITY, "AuthorizationPolicy", SHOP, name, spec, annotations=annotations)
    else:
        rule = {
            "from": [{"source": {chance.choice(["principals", "notPrincipals"]): [principal]}}],
            "to": [{"operation": {"ports": ["15443"]}}],
            "when": [{"key": "connection.sni", "values": [f"*.{name}.{SHOP}.svc.cluster.local"]}],
        }
        labels = {"federation.maistra.io/egress-for": "west"}
        spec = {"action": "DENY", "selector": {"matchLabels": labels}, "rules": [rule]}
        policy = _thing(_SECURITY, "AuthorizationPolicy", HOME, name, spec, annotations=annotations)
    return Draw(name, kind, client, pods, chance.random() < 0.7 or where == "gateway", False, [policy])


KINDS = (
    ("without rules", _without_rules),
    ("ordered", _ordered),
    ("distributed", _distributed),
    ("several rules", _several),
    ("routed", _routed),
    ("admitted", _admitted),
)
