# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What makes a cluster an OpenShift, as far as the collection looks: what the cluster says of itself, and
DeploymentConfigs.

DeploymentConfigs have a request of their own, ``instantiate``, which a CRD cannot have. So they are served as OpenShift
serves them: by an API of their own behind the API server, which judges who may ask. Their pods are made by
ReplicationControllers, and so by kube-controller-manager.
"""

from __future__ import annotations

import base64
import copy
import json
import ssl
import threading
import uuid
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from .cluster import Cluster
from .conditions import delete_if_there, now
from .kube import Kube, KubeError

GROUP, VERSION, PLURAL = "apps.openshift.io", "v1", "deploymentconfigs"
_ROOT = f"/apis/{GROUP}/{VERSION}"
_NAMESPACE, _SERVICE = "openshift-apiserver", "api"
_KIND = "DeploymentConfig"
_LOOK_SECONDS = 0.3
_FACTS: tuple[dict[str, Any], ...] = (
    {
        "apiVersion": "config.openshift.io/v1",
        "kind": "ClusterVersion",
        "metadata": {"name": "version"},
        "spec": {"clusterID": "2f9b1c52-0000-4000-8000-000000000000", "channel": "stable-4.14"},
        "status": {
            "desired": {"version": "4.14.30"},
            "history": [{"state": "Completed", "version": "4.14.30"}],
            "conditions": [
                {"type": "Available", "status": "True"},
                {"type": "Progressing", "status": "False", "message": "Cluster version is 4.14.30"},
            ],
        },
    },
    {
        "apiVersion": "config.openshift.io/v1",
        "kind": "Network",
        "metadata": {"name": "cluster"},
        "spec": {"networkType": "OVNKubernetes"},
        "status": {
            "networkType": "OVNKubernetes",
            "clusterNetwork": [{"cidr": "10.128.0.0/14", "hostPrefix": 23}],
            "serviceNetwork": ["172.30.0.0/16"],
            "clusterNetworkMTU": 1400,
        },
    },
    {
        "apiVersion": "config.openshift.io/v1",
        "kind": "Infrastructure",
        "metadata": {"name": "cluster"},
        "spec": {"platformSpec": {"type": "None"}},
        "status": {
            "infrastructureName": "testbed-x7k2p",
            "platformStatus": {"type": "None"},
            "controlPlaneTopology": "HighlyAvailable",
        },
    },
)


def tell_facts(kube: Kube) -> None:
    """Make the objects in which a cluster says what it is: 4.14 with OVN-Kubernetes."""
    for fact in _FACTS:
        kube.create(fact)
        if fact["kind"] != "Network":  # the others have a status of its own
            kube.merge(fact["kind"], fact["metadata"]["name"], None, {"status": fact["status"]}, "status")


class DeploymentConfigs:
    """Serves DeploymentConfigs of one cluster and rolls them out, as long as it runs."""

    def __init__(self, cluster: Cluster, log: Callable[[str], None]) -> None:
        self._cluster, self._kube, self._log = cluster, cluster.client("openshift-controller-manager"), log
        self._lock = threading.RLock()
        self._stored: dict[tuple[str, str], dict] = {}
        self._version = 0
        self._stopping = threading.Event()
        name = f"{_SERVICE}.{_NAMESPACE}.svc"
        certificate, key = cluster.authority.serving("deployment-configs", ["127.0.0.1"], [name, "localhost"])
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.configs = self
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._threads = [
            threading.Thread(target=self._server.serve_forever, args=(0.1,), name="deployment-configs", daemon=True),
            threading.Thread(target=self._roll, name="deployment-configs-roll", daemon=True),
        ]

    def start(self) -> None:
        """Serve, and have the API server pass on what concerns it."""
        for thread in self._threads:
            thread.start()
        self._cluster.ensure_namespace(_NAMESPACE)
        port = self._server.server_address[1]
        # A name that leads to this machine: the API server asks whoever stands behind the Service.
        spec = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]}
        self._kube.create(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": _SERVICE, "namespace": _NAMESPACE},
                "spec": spec,
            }
        )
        trust = base64.b64encode(Path(self._cluster.authority.file).read_bytes()).decode()
        behind = {"name": _SERVICE, "namespace": _NAMESPACE, "port": port}
        rank = {"groupPriorityMinimum": 2000, "versionPriority": 10}
        self._kube.create(
            {
                "apiVersion": "apiregistration.k8s.io/v1",
                "kind": "APIService",
                "metadata": {"name": f"{VERSION}.{GROUP}"},
                "spec": {"group": GROUP, "version": VERSION, "service": behind, "caBundle": trust, **rank},
            }
        )

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()

    # what the API offers: each returns the HTTP status and the body

    def discovery(self) -> tuple[int, dict]:
        """Return which resources there are."""
        verbs = ["create", "delete", "get", "list", "patch"]
        own = {"name": PLURAL, "singularName": "deploymentconfig", "namespaced": True, "kind": _KIND, "verbs": verbs}
        below = {
            "name": f"{PLURAL}/instantiate",
            "singularName": "",
            "namespaced": True,
            "kind": "DeploymentRequest",
            "verbs": ["create"],
        }
        return 200, {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": f"{GROUP}/{VERSION}",
            "resources": [own, below],
        }

    def listed(self, namespace: str | None) -> tuple[int, dict]:
        """Return all of a namespace, or of all."""
        with self._lock:
            items = [
                copy.deepcopy(live)
                for (space, _name), live in sorted(self._stored.items())
                if namespace in (None, space)
            ]
            return 200, {
                "kind": f"{_KIND}List",
                "apiVersion": f"{GROUP}/{VERSION}",
                "metadata": {"resourceVersion": str(self._version)},
                "items": items,
            }

    def one(self, namespace: str, name: str) -> tuple[int, dict]:
        """Return one."""
        with self._lock:
            live = self._stored.get((namespace, name))
            return (200, copy.deepcopy(live)) if live else _missing(name)

    def create(self, namespace: str, manifest: dict) -> tuple[int, dict]:
        """Store a new one; its first rollout begins, as its trigger ConfigChange has it."""
        name = manifest["metadata"]["name"]
        with self._lock:
            if (namespace, name) in self._stored:
                return _status(409, "AlreadyExists", f'deploymentconfigs.apps.openshift.io "{name}" already exists')
            own = {"namespace": namespace, "uid": str(uuid.uuid4()), "creationTimestamp": now(), "generation": 1}
            live = {
                **manifest,
                "apiVersion": f"{GROUP}/{VERSION}",
                "kind": _KIND,
                "metadata": {**manifest["metadata"], **own},
            }
            live["status"] = {"latestVersion": 1, "observedGeneration": 0}
            self._keep(live)
            return 201, copy.deepcopy(live)

    def merge(self, namespace: str, name: str, patch: dict) -> tuple[int, dict]:
        """Merge a patch into one (RFC 7396)."""
        with self._lock:
            live = self._stored.get((namespace, name))
            if live is None:
                return _missing(name)
            wanted = (patch.get("metadata") or {}).get("resourceVersion")
            if wanted and wanted != live["metadata"]["resourceVersion"]:
                return _status(
                    409,
                    "Conflict",
                    "the object has been modified; please apply your changes to the latest version and try again",
                )
            merged = _merged(live, patch)
            if merged["spec"] != live["spec"]:
                merged["metadata"]["generation"] += 1
            self._keep(merged)
            return 200, copy.deepcopy(merged)

    def delete(self, namespace: str, name: str) -> tuple[int, dict]:
        """Remove one; what it owns goes with it."""
        with self._lock:
            live = self._stored.pop((namespace, name), None)
        if live is None:
            return _missing(name)
        for number in range(1, live["status"]["latestVersion"] + 1):
            delete_if_there(self._kube, "ReplicationController", f"{name}-{number}", namespace)
        return _status(200, "", "", "Success")

    def instantiate(self, namespace: str, name: str, request: Mapping[str, Any]) -> tuple[int, dict]:
        """Begin another rollout, also of the same template, as ``oc rollout latest`` asks for; refused while one is
        under way or it is paused.
        """
        with self._lock:
            live = self._stored.get((namespace, name))
            if live is None:
                return _missing(name)
            if request.get("name") != name or request.get("kind") != "DeploymentRequest":
                return _status(400, "BadRequest", "the request names another DeploymentConfig")
            if live["spec"].get("paused"):
                return _status(422, "Invalid", f'cannot deploy a paused deployment config "{name}"')
            if _is_under_way(live):
                return _status(409, "Conflict", f'a rollout of "{name}" is under way')
            live = copy.deepcopy(live)
            live["status"]["latestVersion"] += 1
            live["metadata"]["generation"] += 1
            self._keep(live)
            return 201, copy.deepcopy(live)

    def _keep(self, live: dict) -> None:
        self._version += 1
        live["metadata"]["resourceVersion"] = str(self._version)
        self._stored[live["metadata"]["namespace"], live["metadata"]["name"]] = live

    # rolling out

    def _roll(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            with self._lock:
                waiting = [copy.deepcopy(live) for live in self._stored.values()]
            for live in waiting:
                try:
                    self._step(live)
                except (KubeError, requests.RequestException) as error:
                    self._log(f"deployment config {live['metadata']['name']}: {error}")

    def _step(self, live: dict) -> None:
        """Bring one rollout a step on: the new ReplicationController up, then the former ones down, then the status."""
        namespace, name, latest = (
            live["metadata"]["namespace"],
            live["metadata"]["name"],
            live["status"]["latestVersion"],
        )
        replicas = live["spec"].get("replicas", 1)
        controller = self._kube.get("ReplicationController", f"{name}-{latest}", namespace)
        if controller is None:
            self._kube.create(_controller(live))
            controller = {}
        ready = (controller.get("status") or {}).get("readyReplicas", 0)
        is_up = bool(controller) and ready >= replicas
        if is_up:
            for number in range(1, latest):
                former = self._kube.get("ReplicationController", f"{name}-{number}", namespace)
                if former and former["spec"]["replicas"]:
                    self._kube.merge("ReplicationController", f"{name}-{number}", namespace, {"spec": {"replicas": 0}})
        reason = "NewReplicationControllerAvailable" if is_up else "ReplicationControllerUpdated"
        status = {
            "latestVersion": latest,
            "observedGeneration": live["metadata"]["generation"],
            "replicas": replicas,
            "updatedReplicas": ready,
            "availableReplicas": ready,
            "conditions": [
                {
                    "type": "Progressing",
                    "status": "True",
                    "reason": reason,
                    "lastUpdateTime": now(),
                    "lastTransitionTime": now(),
                }
            ],
        }
        with self._lock:
            stored = self._stored.get((namespace, name))
            if stored is None or stored["status"]["latestVersion"] != latest or _same(stored["status"], status):
                return
            changed = copy.deepcopy(stored)
            changed["status"] = status
            self._keep(changed)


def _same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether two states differ in moments only."""

    def told(status: Mapping[str, Any]) -> dict:
        return {
            **status,
            "conditions": [
                (entry["type"], entry["status"], entry["reason"]) for entry in status.get("conditions") or []
            ],
        }

    return told(before) == told(after)


def _is_under_way(live: Mapping[str, Any]) -> bool:
    conditions = live["status"].get("conditions") or []
    return not conditions or conditions[0]["reason"] != "NewReplicationControllerAvailable"


def _controller(live: Mapping[str, Any]) -> dict:
    metadata, latest = live["metadata"], live["status"]["latestVersion"]
    name = f"{metadata['name']}-{latest}"
    own = {"deployment": name, "deploymentconfig": metadata["name"]}
    template = copy.deepcopy(live["spec"]["template"])
    template["metadata"] = {
        **template.get("metadata", {}),
        "labels": {**template.get("metadata", {}).get("labels", {}), **own},
    }
    owner = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": _KIND,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
    }
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": name, "namespace": metadata["namespace"], "labels": own, "ownerReferences": [owner]},
        "spec": {"replicas": live["spec"].get("replicas", 1), "selector": own, "template": template},
    }


def _merged(live: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    result = dict(live) if isinstance(live, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return copy.deepcopy(result)


def _status(code: int, reason: str, message: str, word: str = "Failure") -> tuple[int, dict]:
    return code, {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": word,
        "reason": reason,
        "message": message,
        "code": code,
    }


def _missing(name: str) -> tuple[int, dict]:
    code, body = _status(404, "NotFound", f'{PLURAL}.{GROUP} "{name}" not found')
    return code, {**body, "details": {"name": name, "group": GROUP, "kind": PLURAL}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    configs: DeploymentConfigs

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that went away is no event here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        place = self._place()
        if self.path.partition("?")[0] == _ROOT:
            self._answer(*self.server.configs.discovery())
        elif place is None:
            self._answer(*_status(404, "NotFound", "the server could not find the requested resource"))
        else:
            namespace, name, _below = place
            self._answer(*(self.server.configs.one(namespace, name) if name else self.server.configs.listed(namespace)))

    def do_POST(self) -> None:
        namespace, name, below = self._place() or (None, None, None)
        if namespace and below == "instantiate":
            self._answer(*self.server.configs.instantiate(namespace, name, self._body()))
        else:
            self._answer(*self.server.configs.create(namespace, self._body()))

    def do_PATCH(self) -> None:
        namespace, name, _below = self._place() or ("", "", "")
        self._answer(*self.server.configs.merge(namespace, name, self._body()))

    def do_DELETE(self) -> None:
        namespace, name, _below = self._place() or ("", "", "")
        self._body()
        self._answer(*self.server.configs.delete(namespace, name))

    def _place(self) -> tuple[str | None, str, str] | None:
        """Return namespace, name and subresource that the path names; None for another path."""
        path = self.path.partition("?")[0]
        parts = path.removeprefix(f"{_ROOT}/").split("/")
        if not path.startswith(f"{_ROOT}/"):
            return None
        namespace = None
        if parts[0] == "namespaces" and len(parts) > 2:
            namespace, parts = parts[1], parts[2:]
        if parts[0] != PLURAL:
            return None
        return namespace, "".join(parts[1:2]), "".join(parts[2:3])

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")

    def _answer(self, code: int, content: Mapping[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:  # pylint: disable=redefined-builtin
        """Keep quiet."""
