# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A small client of one API server, dict in and dict out, and a cache that follows it."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

_REQUEST_SECONDS = 30
_WATCH_SECONDS = 280
_RETRY_SECONDS = 0.3


@dataclass(frozen=True)
class Resource:
    """Where objects of one kind live in the API: ``api_version`` such as ``apps/v1``, and the plural name in paths."""

    api_version: str
    plural: str
    is_namespaced: bool = True

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """Return the path of one object, or of the list of them when ``name`` is None (of all namespaces when
        ``namespace`` is None).
        """
        parts = ["", "api" if "/" not in self.api_version else "apis", self.api_version]
        if self.is_namespaced and namespace:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join(parts)


_CLUSTER_WIDE = False
KINDS = {
    "ConfigMap": Resource("v1", "configmaps"),
    "Endpoints": Resource("v1", "endpoints"),
    "Event": Resource("v1", "events"),
    "Namespace": Resource("v1", "namespaces", _CLUSTER_WIDE),
    "Node": Resource("v1", "nodes", _CLUSTER_WIDE),
    "Pod": Resource("v1", "pods"),
    "Secret": Resource("v1", "secrets"),
    "Service": Resource("v1", "services"),
    "ServiceAccount": Resource("v1", "serviceaccounts"),
    "DaemonSet": Resource("apps/v1", "daemonsets"),
    "Deployment": Resource("apps/v1", "deployments"),
    "ReplicationController": Resource("v1", "replicationcontrollers"),
    "ReplicaSet": Resource("apps/v1", "replicasets"),
    "StatefulSet": Resource("apps/v1", "statefulsets"),
    "EndpointSlice": Resource("discovery.k8s.io/v1", "endpointslices"),
    "HorizontalPodAutoscaler": Resource("autoscaling/v2", "horizontalpodautoscalers"),
    "NetworkPolicy": Resource("networking.k8s.io/v1", "networkpolicies"),
    "PodDisruptionBudget": Resource("policy/v1", "poddisruptionbudgets"),
    "Lease": Resource("coordination.k8s.io/v1", "leases"),
    "Role": Resource("rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": Resource("rbac.authorization.k8s.io/v1", "rolebindings"),
    "ClusterRole": Resource("rbac.authorization.k8s.io/v1", "clusterroles", _CLUSTER_WIDE),
    "ClusterRoleBinding": Resource("rbac.authorization.k8s.io/v1", "clusterrolebindings", _CLUSTER_WIDE),
    "SubjectAccessReview": Resource("authorization.k8s.io/v1", "subjectaccessreviews", _CLUSTER_WIDE),
    "SelfSubjectAccessReview": Resource("authorization.k8s.io/v1", "selfsubjectaccessreviews", _CLUSTER_WIDE),
    "CustomResourceDefinition": Resource("apiextensions.k8s.io/v1", "customresourcedefinitions", _CLUSTER_WIDE),
    "MutatingWebhookConfiguration": Resource(
        "admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations", _CLUSTER_WIDE
    ),
    "ValidatingWebhookConfiguration": Resource(
        "admissionregistration.k8s.io/v1", "validatingwebhookconfigurations", _CLUSTER_WIDE
    ),
    "ServiceMeshControlPlane": Resource("maistra.io/v2", "servicemeshcontrolplanes"),
    "ServiceMeshMemberRoll": Resource("maistra.io/v1", "servicemeshmemberrolls"),
    "ServiceMeshMember": Resource("maistra.io/v1", "servicemeshmembers"),
    "ServiceMeshExtension": Resource("maistra.io/v1", "servicemeshextensions"),
    "WasmPlugin": Resource("extensions.istio.io/v1alpha1", "wasmplugins"),
    "ServiceMeshPeer": Resource("federation.maistra.io/v1", "servicemeshpeers"),
    "ExportedServiceSet": Resource("federation.maistra.io/v1", "exportedservicesets"),
    "ImportedServiceSet": Resource("federation.maistra.io/v1", "importedservicesets"),
    "AuthorizationPolicy": Resource("security.istio.io/v1beta1", "authorizationpolicies"),
    "DestinationRule": Resource("networking.istio.io/v1beta1", "destinationrules"),
    "APIService": Resource("apiregistration.k8s.io/v1", "apiservices", _CLUSTER_WIDE),
    "ClusterVersion": Resource("config.openshift.io/v1", "clusterversions", _CLUSTER_WIDE),
    "Network": Resource("config.openshift.io/v1", "networks", _CLUSTER_WIDE),
    "Infrastructure": Resource("config.openshift.io/v1", "infrastructures", _CLUSTER_WIDE),
    "ClusterNetwork": Resource("network.openshift.io/v1", "clusternetworks", _CLUSTER_WIDE),
    "DeploymentConfig": Resource("apps.openshift.io/v1", "deploymentconfigs"),
    "Route": Resource("route.openshift.io/v1", "routes"),
    "CatalogSource": Resource("operators.coreos.com/v1alpha1", "catalogsources"),
    "PackageManifest": Resource("packages.operators.coreos.com/v1", "packagemanifests"),
    "ClusterServiceVersion": Resource("operators.coreos.com/v1alpha1", "clusterserviceversions"),
    "InstallPlan": Resource("operators.coreos.com/v1alpha1", "installplans"),
    "OperatorGroup": Resource("operators.coreos.com/v1", "operatorgroups"),
    "Subscription": Resource("operators.coreos.com/v1alpha1", "subscriptions"),
    "Gateway": Resource("networking.istio.io/v1beta1", "gateways"),
    "ServiceEntry": Resource("networking.istio.io/v1beta1", "serviceentries"),
    "Sidecar": Resource("networking.istio.io/v1beta1", "sidecars"),
    "VirtualService": Resource("networking.istio.io/v1beta1", "virtualservices"),
}
"""The kinds that go by their name alone. Others are given as ``group/version/plural``."""


class KubeError(Exception):
    """The API server refused: its HTTP ``status``, the ``reason`` word and the ``message`` of its answer."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


def resource_of(kind: str) -> Resource:
    """Return where a kind lives, by its name or as ``group/version/plural``. Raises ``LookupError`` on a name that is
    not known.
    """
    if kind in KINDS:
        return KINDS[kind]
    group_version, slash, plural = kind.rpartition("/")
    if not slash:
        raise LookupError(f"kind '{kind}' is not known here; give it as group/version/plural")
    return Resource(group_version, plural)


def _resource_of_object(manifest: Mapping[str, Any]) -> Resource:
    known = KINDS.get(manifest["kind"])
    if known is None:
        raise LookupError(f"kind '{manifest['kind']}' is not known here")
    return Resource(manifest.get("apiVersion", known.api_version), known.plural, known.is_namespaced)


class Kube:
    """A client of the API server at ``server``, for use by any number of threads.

    It knows the server by the authorities in ``ca_file`` and is known by a bearer ``token`` or a ``cert``, which is a
    pair of certificate file and key file. ``agent`` names the program, and so the field manager of writes that name
    none. Refusals raise ``KubeError``; a server that does not answer raises ``requests.RequestException``. Proxies from
    the environment are ignored.
    """

    def __init__(
        self,
        server: str,
        ca_file: str,
        token: str | None = None,
        cert: tuple[str, str] | None = None,
        agent: str = "testbed",
    ) -> None:
        self.agent = agent
        self.server = server
        self.ca_file = str(ca_file)
        self.token = token
        self.cert = cert
        self._sessions = threading.local()

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict | None:
        """Return one object, or None when there is none."""
        try:
            return self.request("GET", resource_of(kind).path(namespace, name))
        except KubeError as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind: str, namespace: str | None = None, selector: str | None = None) -> list[dict]:
        """Return the objects of one kind in a namespace, or in all; ``selector`` is a label selector such as
        ``app=cart``.
        """
        return self.list_with_version(kind, namespace, selector)[0]

    def list_with_version(
        self, kind: str, namespace: str | None = None, selector: str | None = None
    ) -> tuple[list[dict], str]:
        """Return the objects as ``list`` does, and the resourceVersion to watch from."""
        resource = resource_of(kind)
        answer = self.request("GET", resource.path(namespace), {"labelSelector": selector} if selector else None)
        own = {"apiVersion": answer["apiVersion"], "kind": answer["kind"].removesuffix("List")}
        return [{**own, **item} for item in answer.get("items") or []], answer["metadata"]["resourceVersion"]

    def create(self, manifest: Mapping[str, Any]) -> dict:
        """Create an object and return it as stored."""
        metadata = manifest.get("metadata") or {}
        return self.request("POST", _resource_of_object(manifest).path(metadata.get("namespace")), None, manifest)

    def replace(self, manifest: Mapping[str, Any]) -> dict:
        """Replace an object and return it as stored; a resourceVersion in it makes a stale write fail with
        status 409.
        """
        return self.request("PUT", self._path(manifest), None, manifest)

    def update_status(self, manifest: Mapping[str, Any]) -> dict:
        """Replace an object's status and return the object as stored."""
        return self.request("PUT", self._path(manifest, "status"), None, manifest)

    def apply(self, manifest: Mapping[str, Any], manager: str, force: bool = False) -> dict:
        """Apply an object server-side as field manager ``manager`` and return it as stored; ``force`` takes fields of
        other managers.
        """
        query = {"fieldManager": manager, "force": "true" if force else "false"}
        return self.request("PATCH", self._path(manifest), query, manifest, "application/apply-patch+yaml")

    def merge(
        self, kind: str, name: str, namespace: str | None, patch: Mapping[str, Any], subresource: str | None = None
    ) -> dict:
        """Apply a JSON merge patch (RFC 7386) and return the object as stored."""
        return self.request(
            "PATCH", resource_of(kind).path(namespace, name, subresource), None, patch, "application/merge-patch+json"
        )

    def delete(self, kind: str, name: str, namespace: str | None = None) -> dict:
        """Delete an object; a pod at once, since there is no kubelet on its node that would say when it has ended."""
        query = {"gracePeriodSeconds": "0"} if kind == "Pod" else None
        return self.request("DELETE", resource_of(kind).path(namespace, name), query)

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Any:
        """Send one request and return the JSON of its answer, or its text when it is not JSON."""
        headers = {"Accept": "application/json", "Content-Type": content_type}
        data = None if body is None else json.dumps(body)
        answer = self._session().request(
            method, self.server + path, params=query, data=data, headers=headers, timeout=_REQUEST_SECONDS
        )
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        content = answer.json() if is_json else answer.text
        if answer.status_code >= 400:
            refused = content if isinstance(content, dict) else {}
            raise KubeError(
                answer.status_code, refused.get("reason") or answer.reason, refused.get("message") or answer.text
            )
        return content

    def watch_connection(self, path: str) -> tuple[http.client.HTTPSConnection, http.client.HTTPResponse]:
        """Open a watch of ``path`` (with its query) and return its connection and the answer, of which each line is an
        event.
        """
        place = urllib.parse.urlsplit(self.server)
        tls = ssl.create_default_context(cafile=self.ca_file)
        if self.cert:
            tls.load_cert_chain(*self.cert)
        connection = http.client.HTTPSConnection(
            place.hostname, place.port, context=tls, timeout=_WATCH_SECONDS + _REQUEST_SECONDS
        )
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        connection.request("GET", path, headers=headers)
        return connection, connection.getresponse()

    def _path(self, manifest: Mapping[str, Any], subresource: str | None = None) -> str:
        metadata = manifest["metadata"]
        return _resource_of_object(manifest).path(metadata.get("namespace"), metadata["name"], subresource)

    def _session(self) -> requests.Session:
        session = getattr(self._sessions, "session", None)
        if session is None:
            session = self._sessions.session = requests.Session()
            session.trust_env = False
            session.verify = self.ca_file
            session.cert = self.cert
            session.headers["User-Agent"] = self.agent
            if self.token:
                session.headers["Authorization"] = f"Bearer {self.token}"
        return session


Callback = Callable[[str, dict, "dict | None"], None]


class Store:
    """A cache of all objects of some ``kinds`` of a cluster, kept fresh by one watch each.

    What it hands out are the cached dicts themselves: read them, never change them.
    """

    def __init__(self, kube: Kube, kinds: Sequence[str]) -> None:
        self._watchers = {kind: _Watcher(kube, kind) for kind in dict.fromkeys(kinds)}

    def start(self) -> None:
        """Begin to list and watch."""
        for watcher in self._watchers.values():
            watcher.start()

    def stop(self) -> None:
        """End the watches; what is cached stays readable."""
        for watcher in self._watchers.values():
            watcher.stop()
        for watcher in self._watchers.values():
            watcher.join()

    def wait_synced(self, seconds: float = 30) -> None:
        """Return once every kind has been listed. Raises ``TimeoutError`` when that takes longer than ``seconds``."""
        for kind, watcher in self._watchers.items():
            if not watcher.synced.wait(seconds):
                raise TimeoutError(f"{kind} could not be listed within {seconds} s: {watcher.problem}")

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict | None:
        """Return one object, or None when there is none."""
        return self._watchers[kind].objects().get((namespace, name))

    def list(
        self, kind: str, namespace: str | None = None, selector: Mapping[str, str] | str | None = None
    ) -> list[dict]:
        """Return the objects of a kind in a namespace, or in all; ``selector`` is a dict of labels, or ``a=b,c=d``."""
        wanted = _labels(selector)
        return [
            found
            for (place, _name), found in self._watchers[kind].objects().items()
            if namespace in (None, place) and wanted.items() <= (found["metadata"].get("labels") or {}).items()
        ]

    def subscribe(self, kind: str, callback: Callback) -> None:
        """Have ``callback(event, object, object before)`` called on each later change; events are ADDED, MODIFIED and
        DELETED.

        It is called from the watch's own thread and must not block.
        """
        self._watchers[kind].callbacks.append(callback)

    def unsubscribe(self, kind: str, callback: Callback) -> None:
        """Have ``callback`` not called any more. Raises ``ValueError`` when it was not subscribed."""
        self._watchers[kind].callbacks.remove(callback)


def _labels(selector: Mapping[str, str] | str | None) -> Mapping[str, str]:
    if isinstance(selector, str):
        return dict(part.split("=", 1) for part in selector.replace("==", "=").split(","))
    return selector or {}


class _Watcher:
    """Lists one kind and follows its changes; lists again whenever the watch cannot go on."""

    def __init__(self, kube: Kube, kind: str) -> None:
        self._kube = kube
        self._kind = kind
        self._objects: dict[tuple[str | None, str], dict] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._connection: http.client.HTTPSConnection | None = None
        self._thread = threading.Thread(target=self._follow, name=f"watch-{kind}", daemon=True)
        self.synced = threading.Event()
        self.problem: Exception | None = None
        self.callbacks: list[Callback] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        with self._lock:
            connection = self._connection
        if connection is not None and connection.sock is not None:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended by itself

    def join(self) -> None:
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def objects(self) -> dict[tuple[str | None, str], dict]:
        with self._lock:
            return dict(self._objects)

    def _follow(self) -> None:
        version = None
        while not self._stopping.is_set():
            try:
                if version is None:
                    version = self._relist()
                for event in self._events(version):
                    if event["type"] == "ERROR":
                        version = None
                        break
                    version = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        self._take(event["type"], event["object"])
            except (KubeError, requests.RequestException, OSError, http.client.HTTPException, ValueError) as error:
                # the server is away or ended the stream in the middle of a line: what was missed is found by listing
                self.problem = error
                version = None
                self._stopping.wait(_RETRY_SECONDS)

    def _relist(self) -> str:
        found, version = self._kube.list_with_version(self._kind)
        listed = {_key(item): item for item in found}
        for key, gone in self.objects().items():
            if key not in listed:
                self._take("DELETED", gone)
        for item in listed.values():
            self._take("ADDED", item)
        self.synced.set()
        return version

    def _events(self, version: str) -> Iterator[dict]:
        query = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        path = f"{resource_of(self._kind).path(None)}?{urllib.parse.urlencode(query)}"
        connection, answer = self._kube.watch_connection(path)
        with self._lock:
            self._connection = connection
        try:
            if self._stopping.is_set():
                return
            if answer.status != 200:
                raise KubeError(answer.status, answer.reason, answer.read().decode(errors="replace"))
            for line in answer:
                yield json.loads(line)
        finally:
            with self._lock:
                self._connection = None
            connection.close()

    def _take(self, event: str, item: dict) -> None:
        key = _key(item)
        with self._lock:
            old = self._objects.get(key)
            if event == "DELETED":
                self._objects.pop(key, None)
            else:
                self._objects[key] = item
        if event == "ADDED" and old is not None:
            if old["metadata"]["resourceVersion"] == item["metadata"]["resourceVersion"]:
                return
            event = "MODIFIED"
        for callback in list(self.callbacks):
            callback(event, item, old)


def _key(item: Mapping[str, Any]) -> tuple[str | None, str]:
    return item["metadata"].get("namespace"), item["metadata"]["name"]
