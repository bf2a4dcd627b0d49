# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The objects that the operator makes of a control plane, as plain manifests: gateways, istiod, what members get."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .releases import OperatorRelease, minor

MANAGED_BY = "maistra-istio-operator"
MEMBER_OF = "maistra.io/member-of"
OWNER, OWNER_NAME = "maistra.io/owner", "maistra.io/owner-name"
CREATED_BY = "maistra.io/created-by"
ROLL_CONTROLLER, MEMBER_CONTROLLER = "servicemeshmemberroll-controller", "servicemeshmember-controller"
GATEWAY_KINDS = ("Service", "Deployment", "ServiceAccount", "NetworkPolicy")

OWN_DEPLOYMENTS = {
    "istio-policy": "istio-policy",
    "istio-telemetry": "istio-telemetry",
    "3scale": "3scale-istio-adapter",
    "wasm-extensions": "wasm-cacher-{}",
}
"""The components with a Deployment beside istiod and the gateways, and its name with the control plane's."""

_BASE_PROFILE: dict[str, Any] = {
    "gateways": {
        "enabled": True,
        "ingress": {"enabled": True, "service": {"type": "ClusterIP"}},
        "egress": {"enabled": True},
        "openshiftRoute": {"enabled": True},
    },
    "policy": {"type": "None"},
    "telemetry": {"type": "Istiod"},
    "proxy": {
        "injection": {"autoInject": False},
        "networking": {"protocol": {"autoDetect": {"inbound": False, "outbound": False}}},
    },
    "security": {"identity": {"type": "Kubernetes"}, "trust": {"domain": "cluster.local"}},
}
_DEFAULT_PORTS = [
    {"name": "status-port", "port": 15021},
    {"name": "http2", "port": 80, "targetPort": 8080},
    {"name": "https", "port": 443, "targetPort": 8443},
]
_SERVICE_FIELDS = (
    "clusterIP externalIPs externalTrafficPolicy healthCheckNodePort loadBalancerIP loadBalancerSourceRanges "
    "publishNotReadyAddresses sessionAffinity sessionAffinityConfig"
).split()


@dataclass(frozen=True)
class Gateway:
    """One gateway that a control plane asks for; ``settings`` is its part of the spec."""

    name: str
    namespace: str
    is_ingress: bool
    settings: Mapping[str, Any]


def applied_spec(smcp: Mapping[str, Any]) -> dict:
    """Return the control plane's spec as it is after its profiles: the base profile under what the user wrote."""
    return _merged(_BASE_PROFILE, smcp.get("spec") or {})


def trust_domain(smcp: Mapping[str, Any]) -> str:
    """Return the trust domain of a control plane, ``cluster.local`` when it names none."""
    return applied_spec(smcp)["security"]["trust"]["domain"]


def gateways_of(smcp: Mapping[str, Any]) -> list[Gateway]:
    """Return the gateways to run: the two default ones unless switched off, additional ones where ``enabled`` is
    literally true.
    """
    gateways = applied_spec(smcp)["gateways"]
    home = smcp["metadata"]["namespace"]
    if gateways["enabled"] is False:
        return []
    asked = [("istio-ingressgateway", True, gateways["ingress"]), ("istio-egressgateway", False, gateways["egress"])]
    for place, is_ingress in (("additionalIngress", True), ("additionalEgress", False)):
        asked += [(name, is_ingress, settings or {}) for name, settings in sorted((gateways.get(place) or {}).items())]
    return [
        Gateway(name, settings.get("namespace") or home, is_ingress, settings)
        for name, is_ingress, settings in asked
        if settings.get("enabled") is True
    ]


def components_of(smcp: Mapping[str, Any]) -> list[str]:
    """Return the names of the components that the control plane consists of, in the order of their installation."""
    spec = applied_spec(smcp)
    version = minor(spec["version"])
    components = ["istio-discovery", "mesh-config", "telemetry-common", "istio-ingress", "istio-egress"]
    addons = spec.get("addons") or {}
    components += [name for name in ("prometheus", "grafana", "kiali") if (addons.get(name) or {}).get("enabled")]
    if version == 0:
        components += [
            f"istio-{name}" for name in ("policy", "telemetry") if (spec.get(name) or {}).get("type") == "Mixer"
        ]
        components += ["3scale"] if (addons.get("3scale") or {}).get("enabled") else []
    if version in (1, 2):
        components.append("wasm-extensions")
    return components


def labels(smcp: Mapping[str, Any], release: OperatorRelease, component: str) -> dict[str, str]:
    """Return the labels of everything that the operator makes for one component."""
    namespace, name = smcp["metadata"]["namespace"], smcp["metadata"]["name"]
    return {
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/instance": namespace,
        "app.kubernetes.io/managed-by": MANAGED_BY,
        "app.kubernetes.io/name": component,
        "app.kubernetes.io/part-of": "istio",
        "app.kubernetes.io/version": release.charts[smcp["spec"]["version"]],
        "maistra-version": release.charts[smcp["spec"]["version"]],
        OWNER: namespace,
        OWNER_NAME: name,
        "release": "istio",
    }


def gateway_objects(smcp: Mapping[str, Any], gateway: Gateway, release: OperatorRelease) -> list[dict]:
    """Return ServiceAccount, Deployment and Service of one gateway, and an ingress gateway's NetworkPolicy."""
    service = gateway.settings.get("service") or {}
    given = service.get("metadata") or {}
    selector = {
        "app": gateway.name,
        "istio": "ingressgateway" if gateway.is_ingress else "egressgateway",
        **(given.get("labels") or {}),
    }
    component = "istio-ingress" if gateway.is_ingress else "istio-egress"
    own = {**labels(smcp, release, component), "istio.io/rev": smcp["metadata"]["name"], **selector}

    def metadata(name: str, annotations: Mapping[str, str] | None = None) -> dict:
        return _metadata(smcp, release, name, gateway.namespace, own, annotations)

    account = f"{gateway.name}-service-account"
    objects = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(account)},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata(gateway.name),
            "spec": {
                "replicas": (((gateway.settings.get("runtime") or {}).get("deployment") or {}).get("replicas")) or 1,
                "selector": {"matchLabels": selector},
                "template": _gateway_template(smcp, gateway, release, selector, account),
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(gateway.name, given.get("annotations")),
            "spec": {
                "type": service.get("type") or "ClusterIP",
                "selector": selector,
                "ports": [_service_port(port) for port in service.get("ports") or _DEFAULT_PORTS],
                **{field: service[field] for field in _SERVICE_FIELDS if service.get(field) is not None},
            },
        },
    ]
    if gateway.is_ingress:
        objects.append(_network_policy(metadata(gateway.name), {"matchLabels": selector}, [{}]))
    return objects


def _gateway_template(
    smcp: Mapping[str, Any], gateway: Gateway, release: OperatorRelease, selector: Mapping[str, str], account: str
) -> dict:
    domain, runtime = trust_domain(smcp), gateway.settings.get("runtime") or {}
    env = {"TRUST_DOMAIN": domain, "ISTIO_META_MESH_ID": domain, "ISTIO_META_CLUSTER_ID": _cluster_id(smcp)}
    if not gateway.is_ingress and gateway.settings.get("requestedNetworkView"):
        env["ISTIO_META_REQUESTED_NETWORK_VIEW"] = ",".join(gateway.settings["requestedNetworkView"])
    if gateway.settings.get("routerMode"):
        env["ISTIO_META_ROUTER_MODE"] = gateway.settings["routerMode"]
    env |= (runtime.get("container") or {}).get("env") or {}
    pod = runtime.get("pod") or {}
    return {
        "metadata": {
            "labels": {
                **selector,
                "istio.io/rev": smcp["metadata"]["name"],
                "maistra-version": release.charts[smcp["spec"]["version"]],
                "maistra.io/gateway": f"{gateway.name}.{gateway.namespace}",
                "service.istio.io/canonical-name": gateway.name,
                "service.istio.io/canonical-revision": "latest",
            },
            "annotations": {"sidecar.istio.io/inject": "false"},
        },
        "spec": {
            "serviceAccountName": account,
            **{field: pod[field] for field in ("nodeSelector", "tolerations", "priorityClassName") if pod.get(field)},
            "containers": [
                {
                    "name": "istio-proxy",
                    "image": proxy_image(smcp, release),
                    "env": [{"name": name, "value": str(value)} for name, value in sorted(env.items())],
                }
            ],
        },
    }


def _service_port(port: Mapping[str, Any]) -> dict:
    # a stored targetPort of 0 stands for the port itself
    return {**port, "protocol": port.get("protocol") or "TCP", "targetPort": port.get("targetPort") or port["port"]}


def istiod_objects(smcp: Mapping[str, Any], release: OperatorRelease) -> list[dict]:
    """Return ServiceAccount, mesh ConfigMap, Service, Deployment and NetworkPolicies of a control plane's istiod."""
    namespace, name = smcp["metadata"]["namespace"], smcp["metadata"]["name"]
    selector = {"app": "istiod", "istio.io/rev": name}
    own = {**labels(smcp, release, "istio-discovery"), **selector, "istio": "pilot"}
    account, istiod, domain = f"istiod-service-account-{name}", f"istiod-{name}", trust_domain(smcp)

    def metadata(object_name: str) -> dict:
        return _metadata(smcp, release, object_name, namespace, own)

    ports = {"grpc-xds": 15010, "https-dns": 15012, "http-monitoring": 15014, "https-discovery": 8188}
    meshed = [{"from": [{"namespaceSelector": {"matchLabels": {MEMBER_OF: namespace}}}]}]
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(account)},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata(f"istio-{name}"),
            "data": {"mesh": f"rootNamespace: {namespace}\ntrustDomain: {domain}\n"},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(istiod),
            "spec": {
                "selector": selector,
                "ports": (
                    [{"name": "https-webhook", "port": 443, "protocol": "TCP", "targetPort": 15017}]
                    + [_service_port({"name": port_name, "port": number}) for port_name, number in ports.items()]
                ),
            },
        },
        _network_policy(metadata(f"istio-istiod-{name}"), {"matchLabels": selector}, [{}]),
        *(_network_policy(metadata(policy), pods, rules) for policy, pods, rules in _mesh_policies(name, meshed)),
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata(istiod),
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": selector},
                "template": {
                    "metadata": {
                        "labels": {**selector, "istio": "istiod", "maistra-control-plane": namespace},
                        "annotations": {"sidecar.istio.io/inject": "false"},
                    },
                    "spec": {
                        "serviceAccountName": account,
                        "containers": [
                            {
                                "name": "discovery",
                                "image": f"registry.test/pilot:{release.charts[smcp['spec']['version']]}",
                                "env": [
                                    {"name": "CLUSTER_ID", "value": _cluster_id(smcp)},
                                    {"name": "PILOT_ENABLE_FEDERATION", "value": "true"},
                                    {"name": "TRUST_DOMAIN", "value": domain},
                                ],
                            }
                        ],
                    },
                },
            },
        },
    ]


def component_objects(smcp: Mapping[str, Any], release: OperatorRelease) -> list[dict]:
    """Return the Deployments of the components that have one beside istiod and the gateways."""
    namespace, name = smcp["metadata"]["namespace"], smcp["metadata"]["name"]
    objects = []
    for component in components_of(smcp):
        if component not in OWN_DEPLOYMENTS:
            continue
        own = OWN_DEPLOYMENTS[component].format(name)
        selector, image = {"app": own}, f"registry.test/{component}:{release.charts[smcp['spec']['version']]}"
        template = {"metadata": {"labels": selector}, "spec": {"containers": [{"name": component, "image": image}]}}
        objects.append(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": _metadata(smcp, release, own, namespace, {**labels(smcp, release, component), **selector}),
                "spec": {"replicas": 1, "selector": {"matchLabels": selector}, "template": template},
            }
        )
    return objects


def member_objects(smcp: Mapping[str, Any], namespace: str, release: OperatorRelease) -> list[dict]:
    """Return what a namespace gets when it becomes a member: a ServiceMeshMember, NetworkPolicies and a RoleBinding."""
    home, name = smcp["metadata"]["namespace"], smcp["metadata"]["name"]
    own = {MEMBER_OF: home}
    meshed = [{"from": [{"namespaceSelector": {"matchLabels": {MEMBER_OF: home}}}]}]
    role = f"istiod-clusterrole-{name}-{home}"
    return [
        *(
            _network_policy({"name": policy, "namespace": namespace, "labels": own}, pods, rules)
            for policy, pods, rules in _mesh_policies(name, meshed)
        ),
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": role, "namespace": namespace, "labels": own},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": f"istiod-service-account-{name}", "namespace": home}],
        },
    ]


def roll_made_member(smcp: Mapping[str, Any], namespace: str) -> dict:
    """Return the ServiceMeshMember that the operator makes in a namespace that a member roll lists."""
    return {
        "apiVersion": "maistra.io/v1",
        "kind": "ServiceMeshMember",
        "metadata": {"name": "default", "namespace": namespace, "annotations": {CREATED_BY: ROLL_CONTROLLER}},
        "spec": {"controlPlaneRef": {"namespace": smcp["metadata"]["namespace"], "name": smcp["metadata"]["name"]}},
    }


def operator_objects(release: OperatorRelease, namespace: str) -> list[dict]:
    """Return the operator's own Namespace, ServiceAccount and Deployment."""
    own = {"name": "istio-operator"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "istio-operator", "namespace": namespace}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "istio-operator", "namespace": namespace, "labels": own},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": own},
                "template": {
                    "metadata": {"labels": own},
                    "spec": {
                        "serviceAccountName": "istio-operator",
                        "containers": [
                            {"name": "istio-operator", "image": f"registry.test/istio-operator:{release.version}"}
                        ],
                    },
                },
            },
        },
    ]


def cni_daemon_sets(release: OperatorRelease, namespace: str) -> list[dict]:
    """Return the DaemonSets that set up pods' networks: one for all control planes up to 2.2, and one for each later
    minor version.
    """
    minors = [int(version.rpartition(".")[2]) for version in release.charts]
    oldest = "istio-node" if max(minors) < 2 else "istio-cni-node"
    names = dict.fromkeys(oldest if minor < 3 else f"istio-cni-node-v2-{minor}" for minor in minors)
    image = f"registry.test/istio-cni:{release.version}"
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": name, "namespace": namespace, "labels": {"istio": "cni"}},
            "spec": {
                "selector": {"matchLabels": {"k8s-app": name}},
                "template": {
                    "metadata": {"labels": {"k8s-app": name, "istio": "cni"}},
                    "spec": {
                        "containers": [{"name": "install-cni", "image": image}],
                        "nodeSelector": {"kubernetes.io/os": "linux"},
                    },
                },
            },
        }
        for name in names
    ]


def proxy_image(smcp: Mapping[str, Any], release: OperatorRelease) -> str:
    """Return the image of the proxies of a control plane."""
    return f"registry.test/proxyv2:{release.charts[smcp['spec']['version']]}"


def _mesh_policies(name: str, meshed: list[dict]) -> list[tuple[str, dict, list[dict]]]:
    exposed = {"matchLabels": {"maistra.io/expose-route": "true"}}
    routers = [{"from": [{"namespaceSelector": {"matchLabels": {"network.openshift.io/policy-group": "ingress"}}}]}]
    return [(f"istio-mesh-{name}", {}, meshed), (f"istio-expose-route-{name}", exposed, routers)]


def _network_policy(metadata: dict, pods: dict, ingress: list[dict]) -> dict:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {"podSelector": pods, "ingress": ingress, "policyTypes": ["Ingress"]},
    }


def _cluster_id(smcp: Mapping[str, Any]) -> str:
    return ((smcp["spec"].get("cluster")) or {}).get("name") or "Kubernetes"


def _metadata(
    smcp: Mapping[str, Any],
    release: OperatorRelease,
    name: str,
    namespace: str,
    own_labels: Mapping[str, str],
    annotations: Mapping[str, str] | None = None,
) -> dict:
    result = {
        "name": name,
        "namespace": namespace,
        "labels": dict(own_labels),
        "annotations": {
            **(annotations or {}),
            "maistra.io/mesh-generation": release.reconciled_version(smcp["metadata"]["generation"]),
        },
    }
    if namespace == smcp["metadata"]["namespace"]:
        result["ownerReferences"] = [
            {
                "apiVersion": "maistra.io/v2",
                "kind": "ServiceMeshControlPlane",
                "name": smcp["metadata"]["name"],
                "uid": smcp["metadata"]["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    return result


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict:
    """Return ``over`` completed by what only ``under`` has; neither is changed."""
    result = copy.deepcopy(dict(under))
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = _merged(result[key], value)
        elif value is not None:
            result[key] = copy.deepcopy(value)
    return result
