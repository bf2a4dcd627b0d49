# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The API's names, each spelled once: kinds, labels, field managers, ports.

Sources: CRDs of federation.maistra.io/v1 and maistra.io/v2; OpenShift Service Mesh documentation, "Federation".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .supported import V1_EXTENSIONS_FROM, Version

TRUST_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9._-]{0,253}[a-z0-9])?")


@dataclass(frozen=True)
class Kind:
    """One kind of the API: its name, group/version and the plural in its URL; the namespace "" means the
    whole cluster.
    """

    name: str
    api_version: str
    plural: str

    def path(self, namespace: str, name: str | None = None) -> str:
        """Return the URL path of the collection in ``namespace``, or of one object of it."""
        root = "/api/v1" if self.api_version == "v1" else f"/apis/{self.api_version}"
        collection = f"{root}/namespaces/{namespace}/{self.plural}" if namespace else f"{root}/{self.plural}"
        return f"{collection}/{name}" if name else collection

    @property
    def is_optional(self) -> bool:
        """Return whether a cluster may do without the kind: what Kubernetes brings itself is always there."""
        group = self.api_version.partition("/")[0]
        return not (group in ("v1", "apps", "policy") or group.endswith(".k8s.io"))


CONFIG_MAP = Kind("ConfigMap", "v1", "configmaps")
SERVICE = Kind("Service", "v1", "services")
DEPLOYMENT = Kind("Deployment", "apps/v1", "deployments")
STATEFUL_SET = Kind("StatefulSet", "apps/v1", "statefulsets")
DAEMON_SET = Kind("DaemonSet", "apps/v1", "daemonsets")
REPLICA_SET = Kind("ReplicaSet", "apps/v1", "replicasets")
REPLICATION_CONTROLLER = Kind("ReplicationController", "v1", "replicationcontrollers")
DEPLOYMENT_CONFIG = Kind("DeploymentConfig", "apps.openshift.io/v1", "deploymentconfigs")
KNATIVE_SERVICE = Kind("Service", "serving.knative.dev/v1", "services")
NAMESPACE = Kind("Namespace", "v1", "namespaces")
SUBSCRIPTION = Kind("Subscription", "operators.coreos.com/v1alpha1", "subscriptions")
CATALOG_SOURCE = Kind("CatalogSource", "operators.coreos.com/v1alpha1", "catalogsources")
PACKAGE_MANIFEST = Kind("PackageManifest", "packages.operators.coreos.com/v1", "packagemanifests")
INSTALL_PLAN = Kind("InstallPlan", "operators.coreos.com/v1alpha1", "installplans")
CSV = Kind("ClusterServiceVersion", "operators.coreos.com/v1alpha1", "clusterserviceversions")
OPERATOR_GROUP = Kind("OperatorGroup", "operators.coreos.com/v1", "operatorgroups")
MUTATING_WEBHOOK = Kind(
    "MutatingWebhookConfiguration", "admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations"
)
VALIDATING_WEBHOOK = Kind(
    "ValidatingWebhookConfiguration", "admissionregistration.k8s.io/v1", "validatingwebhookconfigurations"
)
SERVICE_ACCOUNT = Kind("ServiceAccount", "v1", "serviceaccounts")
ROLE = Kind("Role", "rbac.authorization.k8s.io/v1", "roles")
ROLE_BINDING = Kind("RoleBinding", "rbac.authorization.k8s.io/v1", "rolebindings")
CLUSTER_ROLE = Kind("ClusterRole", "rbac.authorization.k8s.io/v1", "clusterroles")
CLUSTER_ROLE_BINDING = Kind("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", "clusterrolebindings")
POD = Kind("Pod", "v1", "pods")
EVENT = Kind("Event", "v1", "events")
CONTROL_PLANE = Kind("ServiceMeshControlPlane", "maistra.io/v2", "servicemeshcontrolplanes")
MEMBER_ROLL = Kind("ServiceMeshMemberRoll", "maistra.io/v1", "servicemeshmemberrolls")
MEMBER = Kind("ServiceMeshMember", "maistra.io/v1", "servicemeshmembers")
PEER = Kind("ServiceMeshPeer", "federation.maistra.io/v1", "servicemeshpeers")
EXPORTS = Kind("ExportedServiceSet", "federation.maistra.io/v1", "exportedservicesets")
IMPORTS = Kind("ImportedServiceSet", "federation.maistra.io/v1", "importedservicesets")
SERVICE_ENTRY = Kind("ServiceEntry", "networking.istio.io/v1beta1", "serviceentries")
VIRTUAL_SERVICE = Kind("VirtualService", "networking.istio.io/v1beta1", "virtualservices")
DESTINATION_RULE = Kind("DestinationRule", "networking.istio.io/v1beta1", "destinationrules")
SIDECAR = Kind("Sidecar", "networking.istio.io/v1beta1", "sidecars")
ISTIO_GATEWAY = Kind("Gateway", "networking.istio.io/v1beta1", "gateways")
AUTHORIZATION_POLICY = Kind("AuthorizationPolicy", "security.istio.io/v1beta1", "authorizationpolicies")
PEER_AUTHENTICATION = Kind("PeerAuthentication", "security.istio.io/v1beta1", "peerauthentications")
REQUEST_AUTHENTICATION = Kind("RequestAuthentication", "security.istio.io/v1beta1", "requestauthentications")
ENVOY_FILTER = Kind("EnvoyFilter", "networking.istio.io/v1alpha3", "envoyfilters")
# Mixer's configuration, which stays behind when Mixer goes.
MIXER_KINDS = tuple(
    Kind(name, "config.istio.io/v1alpha2", plural)
    for name, plural in (
        ("handler", "handlers"),
        ("instance", "instances"),
        ("rule", "rules"),
        ("attributemanifest", "attributemanifests"),
        ("adapter", "adapters"),
        ("template", "templates"),
        ("HTTPAPISpec", "httpapispecs"),
        ("HTTPAPISpecBinding", "httpapispecbindings"),
        ("QuotaSpec", "quotaspecs"),
        ("QuotaSpecBinding", "quotaspecbindings"),
    )
)
EXTENSION = Kind("ServiceMeshExtension", "maistra.io/v1", "servicemeshextensions")
# Of 2.0: what a module is told is a text there.
OLD_EXTENSION = Kind("ServiceMeshExtension", "maistra.io/v1alpha1", "servicemeshextensions")
TELEMETRY = Kind("Telemetry", "telemetry.istio.io/v1alpha1", "telemetries")
WASM_PLUGIN = Kind("WasmPlugin", "extensions.istio.io/v1alpha1", "wasmplugins")
ACCESS_REVIEW = Kind("LocalSubjectAccessReview", "authorization.k8s.io/v1", "localsubjectaccessreviews")
SECRET = Kind("Secret", "v1", "secrets")
CRD = Kind("CustomResourceDefinition", "apiextensions.k8s.io/v1", "customresourcedefinitions")
CLUSTER_VERSION = Kind("ClusterVersion", "config.openshift.io/v1", "clusterversions")
NETWORK = Kind("Network", "config.openshift.io/v1", "networks")
AUTHENTICATION = Kind("Authentication", "config.openshift.io/v1", "authentications")
CLUSTER_NETWORK = Kind("ClusterNetwork", "network.openshift.io/v1", "clusternetworks")
NODE = Kind("Node", "v1", "nodes")
DISRUPTION_BUDGET = Kind("PodDisruptionBudget", "policy/v1", "poddisruptionbudgets")
NETWORK_POLICY = Kind("NetworkPolicy", "networking.k8s.io/v1", "networkpolicies")
# What GET /apis/<group> tells: whether another operator's kinds are there.
GROUP = Kind("APIGroup", "v1", "apigroups")

KINDS = {
    kind.name: kind
    for kind in (
        *(
            CONFIG_MAP,
            SERVICE,
            DEPLOYMENT,
            POD,
            CONTROL_PLANE,
            MEMBER_ROLL,
            MEMBER,
            PEER,
            EXPORTS,
            IMPORTS,
            SERVICE_ENTRY,
            DISRUPTION_BUDGET,
        ),
        *(SUBSCRIPTION, INSTALL_PLAN, CSV, OPERATOR_GROUP, MUTATING_WEBHOOK, VALIDATING_WEBHOOK),
        *(STATEFUL_SET, DAEMON_SET, DEPLOYMENT_CONFIG),
        *(EXTENSION, WASM_PLUGIN),
        *(VIRTUAL_SERVICE, DESTINATION_RULE, AUTHORIZATION_POLICY, REQUEST_AUTHENTICATION),
        *(NAMESPACE, SECRET, SERVICE_ACCOUNT, ROLE, ROLE_BINDING, CLUSTER_ROLE, CLUSTER_ROLE_BINDING, CRD),
    )
}


def extension_kind(version: Version | None) -> Kind:
    """Return how a ServiceMeshExtension is written for a version, on v2.0 as v1alpha1; the newer way where none is
    known.
    """
    return OLD_EXTENSION if version is not None and version < V1_EXTENSIONS_FROM else EXTENSION


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    """Return the kind of an object, in the version that it is written in. Raises ``KeyError`` for a kind that is not in
    ``KINDS``.
    """
    is_old = (manifest["kind"], manifest.get("apiVersion")) == (OLD_EXTENSION.name, OLD_EXTENSION.api_version)
    return OLD_EXTENSION if is_old else KINDS[manifest["kind"]]


KIALI_OBJECT = Kind("Kiali", "kiali.io/v1alpha1", "kialis")
JAEGER_OBJECT = Kind("Jaeger", "jaegertracing.io/v1", "jaegers")

# API groups of others beside the mesh: version 3's operator, the community's Istio operator, and companions.
SAIL, COMMUNITY = "sailoperator.io", "install.istio.io"
KIALI, JAEGER = "kiali.io", "jaegertracing.io"

# The annotation of an AuthorizationPolicy that is rehearsed and not enforced.
DRY_RUN = "istio.io/dry-run"
MESH_LABEL = "ossm.federation/mesh"
PEER_LABEL = "ossm.federation/peer"
CONTROL_PLANE_LABEL = "ossm.federation/control-plane"
# What routes traffic carries the name of its service, and as an annotation the peers that it depends on.
TRAFFIC_LABEL = "ossm.federation/traffic"
TRAFFIC_PEERS = "ossm.federation/peers"
# On a rule of somebody else into which fields were merged: for which service, as namespace/name.
TRAFFIC_MERGED = "ossm.federation/merged"
GATEWAY_LABEL = "maistra.io/gateway"
INGRESS_FOR = "federation.maistra.io/ingress-for"
EGRESS_FOR = "federation.maistra.io/egress-for"
RESERVED_GATEWAYS = ("istio-ingressgateway", "istio-egressgateway")
# What a control plane calls other Services and Deployments of its namespace; istiod's name ends in the control plane's.
RESERVED_ADDONS = (
    "grafana",
    "jaeger",
    "jaeger-agent",
    "jaeger-collector",
    "jaeger-query",
    "kiali",
    "prometheus",
    "zipkin",
)
RESERVED_STARTS = ("istiod", "istio-cni", "wasm-cacher")
# Words that stand for peers where a list of them is asked for, and what an empty value looks like as a text.
RESERVED_WORDS = ("all", "none", "null", "true", "false")
NETWORK_LOAD_BALANCER = {"service.beta.kubernetes.io/aws-load-balancer-type": "nlb"}

MANAGER = "ossm.federation"

DISCOVERY_PORT = 8188
SERVICE_PORT = 15443
ROOT_KEY = "root-cert.pem"
ROOT_CONFIG_MAP = "istio-ca-root-cert"
CLUSTER_DOMAIN = "cluster.local"
DEFAULT_TRUST_DOMAIN = "cluster.local"


def home_of(params: Mapping[str, Any]) -> str:
    """Return the namespace of a mesh's control plane, by the options that name it."""
    return params.get("namespace") or f"{params['mesh']}-mesh-system"


def is_of_platform(namespace: str) -> bool:
    """Return whether a namespace is the platform's own: ``default`` has the Service of the API server."""
    return namespace in ("default", "openshift") or namespace.startswith(("kube-", "openshift-"))


def is_label(text: str) -> bool:
    """Return whether a text is a DNS label, which the name of a namespace must be."""
    return re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", text) is not None


def is_below(name: str, domain: str) -> bool:
    """Return whether a DNS name is ``domain`` or lies below it."""
    return name == domain or name.endswith(f".{domain}")


def gateways_manager(peer: str) -> str:
    """Return the field manager that owns one peer's two gateways inside a ServiceMeshControlPlane."""
    return f"{MANAGER}/gateways/{peer}"


def identity_manager(peer: str) -> str:
    """Return the field manager that owns what a ServiceMeshControlPlane remembers of one peer."""
    return f"{MANAGER}/identity/{peer}"


def control_plane_manager() -> str:
    """Return the field manager that owns the body of a ServiceMeshControlPlane that this collection keeps."""
    return f"{MANAGER}/control-plane"


def traffic_manager() -> str:
    """Return the field manager that owns the rules by which traffic goes between meshes."""
    return f"{MANAGER}/traffic"


def merging_manager() -> str:
    """Return the field manager that owns the fields which are merged into other people's DestinationRules."""
    return f"{MANAGER}/traffic-merged"


def is_reserved_gateway(name: str) -> bool:
    """Return whether a control plane itself, or one of its add-ons, may have a Service or Deployment of this name."""
    return name in (*RESERVED_GATEWAYS, *RESERVED_ADDONS) or name.startswith(RESERVED_STARTS)


def bundle_name(peer: str) -> str:
    """Return the name of the ConfigMap that holds a peer's root certificates (default of ServiceMeshPeer)."""
    return f"{peer}-ca-root-cert"


def is_trust_domain(value: object) -> bool:
    """Return whether ``value`` can be a mesh's trust domain. Source: SPIFFE ID specification, section 2.1."""
    return isinstance(value, str) and len(value) <= 253 and bool(TRUST_DOMAIN.fullmatch(value))
