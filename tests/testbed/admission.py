# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The operator's admission webhooks: what it refuses and what it adds to objects that users write.

The rules are plain functions over an ``Incoming`` request, so that they can be read and tested without a server.
``AdmissionServer`` answers the API server with them.
"""

from __future__ import annotations

import base64
import copy
import datetime
import ipaddress
import json
import random
import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .releases import OperatorRelease, minor
from .spec_rules import refusals

OPERATOR_NAMESPACE = "openshift-operators"
CONFIGURATION_NAME = f"{OPERATOR_NAMESPACE}.servicemesh-resources.maistra.io"
GROUP = "maistra.io"
DEFAULT_GATEWAYS = ("istio-ingressgateway", "istio-egressgateway")
_VERSION = re.compile(r"v\d+\.\d+")
_OLD_VERSIONS = ("v1.0", "v1.1")
_BAD_REQUEST, _FORBIDDEN, _INTERNAL = 400, 403, 500


class Refusal(Exception):
    """A request is denied: ``code`` is the HTTP status, the text the reason that the user reads."""

    def __init__(self, message: str, code: int = _BAD_REQUEST) -> None:
        super().__init__(message)
        self.code = code


class ClusterView(Protocol):
    """What the rules need to know about the rest of the cluster."""

    def list(self, kind: str, namespace: str | None = None) -> list[dict]:
        """Return the objects of one kind; none when the cluster does not know the kind."""

    def may(
        self, user: Mapping[str, Any], verb: str, group: str, resource: str, namespace: str | None, name: str | None
    ) -> bool:
        """Say whether ``user`` (an admission request's userInfo) has a right; namespace None means in the whole
        cluster.
        """


@dataclass(frozen=True)
class Incoming:
    """One admission request: what is asked, by whom, and the object before and after (either may be None)."""

    operation: str
    namespace: str
    name: str
    user: Mapping[str, Any]
    new: dict | None
    old: dict | None

    @property
    def is_create(self) -> bool:
        """Whether the object is new."""
        return self.operation == "CREATE"


# ServiceMeshControlPlane


def completed_control_plane(request: Incoming, release: OperatorRelease) -> dict:
    """Return the control plane with what the operator adds before it is stored.

    The newest version when a new one names none and the old version when an update drops it; ``targetPort: 0`` in every
    gateway port without one; on an update also ``profiles: [default]`` (a new object gets its profiles from the
    controller's first write, which is why it starts at generation 2); from v2.5 on no OpenShift routes for new meshes.
    """
    smcp = copy.deepcopy(request.new)
    if smcp["metadata"].get("deletionTimestamp"):
        return smcp
    spec = smcp["spec"] = smcp.get("spec") or {}
    if not spec.get("version"):
        spec["version"] = (((request.old or {}).get("spec") or {}).get("version")) or release.newest
    if not request.is_create and not spec.get("profiles"):
        spec["profiles"] = ["default"]
    if (
        request.is_create
        and _VERSION.fullmatch(spec["version"])
        and spec["version"] in release.charts
        and minor(spec["version"]) >= 5
    ):
        gateways = spec["gateways"] = spec.get("gateways") or {}
        gateways.setdefault("openshiftRoute", {"enabled": False})
    for gateway in _gateways(spec).values():
        for port in (gateway.get("service") or {}).get("ports") or []:
            port.setdefault("targetPort", 0)
    return smcp


def check_control_plane(request: Incoming, release: OperatorRelease, cluster: ClusterView) -> None:
    """Raise ``Refusal`` for a control plane that the operator would not take."""
    if request.operation == "DELETE" or request.new["metadata"].get("deletionTimestamp"):
        return
    if request.namespace == OPERATOR_NAMESPACE:
        raise Refusal("service mesh may not be installed in the same project/namespace as the operator")
    version = request.new["spec"]["version"]
    _check_version(version, release)
    if request.is_create:
        _check_place(request, cluster)
    reasons = [*refusals(request.new["spec"], minor(version)), *_gateway_clashes(request.new)]
    if reasons:
        raise Refusal(reasons[0] if len(reasons) == 1 else f"[{', '.join(reasons)}]")
    if not request.is_create:
        _check_upgrade(request, cluster)


def _check_version(version: str, release: OperatorRelease) -> None:
    if version in _OLD_VERSIONS:
        raise Refusal(f"Only '[{' '.join(release.supported)}]' versions are supported")
    if version not in release.charts:
        # the operator keeps its versions in a map, so their order differs from call to call
        shuffled = random.sample(release.supported, len(release.supported))
        raise Refusal(f"invalid Version specified; supported versions are: [{' '.join(shuffled)}]")


def _check_place(request: Incoming, cluster: ClusterView) -> None:
    others = [
        smcp for smcp in cluster.list("ServiceMeshControlPlane") if _key(smcp) != (request.namespace, request.name)
    ]
    if any(smcp["metadata"]["namespace"] == request.namespace for smcp in others):
        raise Refusal("only one service mesh may be installed per project/namespace")
    if others and _is_cluster_wide(request.new["spec"]):
        raise Refusal("a cluster-scoped SMCP may only be created when no other SMCPs exist")
    if any(_is_cluster_wide(smcp.get("spec") or {}) for smcp in others):
        raise Refusal("no other SMCPs may be created when a cluster-scoped SMCP exists")


def _is_cluster_wide(spec: Mapping[str, Any]) -> bool:
    return (
        spec.get("mode") == "ClusterWide" or (spec.get("techPreview") or {}).get("controlPlaneMode") == "ClusterScoped"
    )


def _gateways(spec: Mapping[str, Any]) -> dict[tuple[str, str], dict]:
    """Return every gateway of a control plane's spec by (map it stands in, its name)."""
    gateways = spec.get("gateways") or {}
    found = {}
    for default, name in zip(("ingress", "egress"), DEFAULT_GATEWAYS):
        if gateways.get(default):
            found[default, name] = gateways[default]
    for additional in ("additionalIngress", "additionalEgress"):
        for name, gateway in (gateways.get(additional) or {}).items():
            if gateway is not None:
                found[additional, name] = gateway
    return found


def _gateway_clashes(smcp: Mapping[str, Any]) -> list[str]:
    reasons, seen = [], set()
    for (place, name), gateway in _gateways(smcp["spec"]).items():
        key = f"{gateway.get('namespace') or smcp['metadata']['namespace']}/{name}"
        if place.startswith("additional") and name in DEFAULT_GATEWAYS:
            reasons.append(f'cannot define additional gateway named "{name}"')
        elif key in seen:
            reasons.append(f'multiple gateways defined for "{key}"')
        seen.add(key)
    return reasons


def _check_upgrade(request: Incoming, cluster: ClusterView) -> None:
    before = ((request.old.get("spec") or {}).get("version")) or ""
    after = request.new["spec"]["version"]
    if not _VERSION.fullmatch(before) or not minor(before) < 3 <= minor(after):
        return
    namespaces = {request.namespace}
    for roll in cluster.list("ServiceMeshMemberRoll", request.namespace):
        namespaces.update((roll.get("spec") or {}).get("members") or [])
        namespaces.update((roll.get("status") or {}).get("configuredMembers") or [])
    for extension in cluster.list("ServiceMeshExtension"):
        namespace, name = _key(extension)
        if namespace in namespaces:
            raise Refusal(
                f"cannot upgrade control plane from version {before} to {after}: found a ServiceMeshExtension '{name}'"
                f" in namespace '{namespace}'. ServiceMeshExtension support has been removed; please migrate existing"
                " ServiceMeshExtensions to WasmPlugin"
            )


# ServiceMeshMemberRoll and ServiceMeshMember


def completed_member_roll(request: Incoming) -> dict:
    """Return the member roll without its own control plane's namespace, which the operator silently drops."""
    roll = copy.deepcopy(request.new)
    members = (roll.get("spec") or {}).get("members")
    if members and request.namespace in members:
        roll["spec"]["members"] = [member for member in members if member != request.namespace]
    return roll


def check_member_roll(request: Incoming, cluster: ClusterView) -> None:
    """Raise ``Refusal`` for a member roll with a wrong name, a namespace of another mesh, or one beyond the user's
    rights.
    """
    if request.operation == "DELETE" or request.new["metadata"].get("deletionTimestamp"):
        return
    if request.name != "default":
        raise Refusal("ServiceMeshMemberRoll must be named 'default'")
    members = _members(request.new)
    if OPERATOR_NAMESPACE in members:
        raise Refusal(
            "one or more members are reserved: the operator's own project/namespace can not be a member of a service"
            " mesh"
        )
    if len(members) > 1 and "*" in members:
        raise Refusal("the wildcard '*' must be the only member")
    for roll in cluster.list("ServiceMeshMemberRoll"):
        if _key(roll) != (request.namespace, request.name) and set(members) & set(_members(roll)):
            raise Refusal("one or more members are already defined in another ServiceMeshMemberRoll")
    added = [member for member in members if member not in _members(request.old)]
    if not added or cluster.may(request.user, "update", "", "pods", None, None):
        return
    for namespace in added:
        if namespace == "*" or not cluster.may(request.user, "update", "", "pods", namespace, None):
            raise Refusal(
                f"user '{request.user.get('username')}' does not have permission to access namespace '{namespace}'",
                _FORBIDDEN,
            )


def check_member(request: Incoming, cluster: ClusterView) -> None:
    """Raise ``Refusal`` for a member with a wrong name, a moved reference, or one whose creator may not use the control
    plane.
    """
    if request.operation == "DELETE" or request.new["metadata"].get("deletionTimestamp"):
        return
    if request.name != "default":
        raise Refusal('the ServiceMeshMember resource must be named "default"')
    reference = (request.new.get("spec") or {}).get("controlPlaneRef") or {}
    if not request.is_create:
        if reference != (request.old.get("spec") or {}).get("controlPlaneRef"):
            raise Refusal("ServiceMeshMember's spec.controlPlaneRef cannot be changed")
        return
    namespace, name = reference.get("namespace"), reference.get("name")
    if not cluster.may(request.user, "use", GROUP, "servicemeshcontrolplanes", namespace, name):
        raise Refusal(
            f"user '{request.user.get('username')}' does not have permission to use ServiceMeshControlPlane"
            f" {namespace}/{name}",
            _FORBIDDEN,
        )


def _members(roll: Mapping[str, Any] | None) -> list[str]:
    return ((roll or {}).get("spec") or {}).get("members") or []


def _key(resource: Mapping[str, Any]) -> tuple[str, str]:
    return resource["metadata"]["namespace"], resource["metadata"]["name"]


# The server


@dataclass(frozen=True)
class Hook:
    """One webhook: its name within the configuration, the path it is served at, and its rule.

    ``rule`` gets the request and returns the completed object of a mutating hook, None of a validating one, or of one
    that changes nothing. ``fields`` are those that it may complete, ``group`` is the resource's API group.
    """

    name: str
    path: str
    resource: str
    api_version: str
    rule: Callable[[Incoming], dict | None]
    group: str = GROUP
    fields: tuple[str, ...] = ("spec",)

    @property
    def is_mutating(self) -> bool:
        """Whether the hook changes what it lets pass."""
        return ".mutation." in self.name


def operator_hooks(release: OperatorRelease, cluster: ClusterView) -> list[Hook]:
    """Return the hooks that an operator of ``release`` serves."""
    return [
        Hook(
            "smcp.mutation.maistra.io",
            "/mutate-smcp",
            "servicemeshcontrolplanes",
            "v2",
            lambda asked: completed_control_plane(asked, release),
        ),
        Hook("smmr.mutation.maistra.io", "/mutate-smmr", "servicemeshmemberrolls", "v1", completed_member_roll),
        Hook(
            "smcp.validation.maistra.io",
            "/validate-smcp",
            "servicemeshcontrolplanes",
            "v2",
            lambda asked: check_control_plane(asked, release, cluster),
        ),
        Hook(
            "smmr.validation.maistra.io",
            "/validate-smmr",
            "servicemeshmemberrolls",
            "v1",
            lambda asked: check_member_roll(asked, cluster),
        ),
        Hook(
            "smm.validation.maistra.io",
            "/validate-smm",
            "servicemeshmembers",
            "v1",
            lambda asked: check_member(asked, cluster),
        ),
    ]


class AdmissionServer:
    """An HTTPS server on loopback that answers AdmissionReviews by ``hooks``.

    It keeps its port for its whole life. While ``is_down()`` is true it does not listen, so that the API server's calls
    are refused as they are by an operator that is starting up. Each hook that has been asked at least once stands in
    ``asked``. ``name`` is that of its configurations.
    """

    def __init__(
        self,
        hooks: Sequence[Hook],
        directory: Path,
        is_down: Callable[[], bool],
        log: Callable[[str], None],
        name: str = CONFIGURATION_NAME,
    ) -> None:
        self._name = name
        self._hooks = {hook.path: hook for hook in hooks}
        self._is_down = is_down
        self._log = log
        self._stopping = threading.Event()
        self._ca_pem, self._tls = _tls_context(directory)
        # bound but not listening: connections are refused and nobody else can take the port
        self._placeholder = _bound_socket(0)
        self.port = self._placeholder.getsockname()[1]
        self._server: _Server | None = None
        self.asked: set[str] = set()
        self._thread = threading.Thread(target=self._serve, name=f"admission-{self.port}", daemon=True)

    def start(self) -> None:
        """Begin to serve; who calls after this returned is answered, unless ``is_down()``."""
        if not self._is_down():
            self._listen()
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and release the port."""
        self._stopping.set()
        self._thread.join()
        self._placeholder.close()

    def configurations(self) -> list[dict]:
        """Return the MutatingWebhookConfiguration and the ValidatingWebhookConfiguration that lead the API
        server here.
        """
        return [
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": kind,
                "metadata": {"name": self._name},
                "webhooks": [
                    self._registration(hook) for hook in self._hooks.values() if hook.is_mutating == (kind[0] == "M")
                ],
            }
            for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
        ]

    def _registration(self, hook: Hook) -> dict:
        return {
            "name": hook.name,
            "clientConfig": {
                "url": f"https://127.0.0.1:{self.port}{hook.path}",
                "caBundle": base64.b64encode(self._ca_pem).decode(),
            },
            "rules": [
                {
                    "apiGroups": [hook.group],
                    "apiVersions": [hook.api_version],
                    "resources": [hook.resource],
                    "operations": ["CREATE", "UPDATE"],
                    "scope": "*",
                }
            ],
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "timeoutSeconds": 10,
        }

    def _listen(self) -> None:
        self._server = _Server(self._tls, self.port, self.answer, self._log)
        self._placeholder.close()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            is_down = self._is_down()
            if self._server is None:
                if is_down:
                    self._stopping.wait(_Server.timeout)
                else:
                    self._listen()
            elif is_down:
                self._server.server_close()
                self._server = None
                self._placeholder = _bound_socket(self.port)
            else:
                self._server.handle_request()  # returns after its timeout at the latest
        if self._server is not None:
            self._server.server_close()

    def answer(self, path: str, review: Mapping[str, Any]) -> dict:
        """Return the AdmissionReview that answers ``review``, which was sent to ``path``."""
        hook, request = self._hooks[path], review["request"]
        incoming = Incoming(
            operation=request["operation"],
            namespace=request.get("namespace") or "",
            name=request.get("name") or ((request.get("object") or {}).get("metadata") or {}).get("name") or "",
            user=request.get("userInfo") or {},
            new=request.get("object"),
            old=request.get("oldObject"),
        )
        response: dict[str, Any] = {"uid": request["uid"], "allowed": True}
        try:
            completed = hook.rule(incoming)
        except Refusal as refusal:
            self._log(f"{hook.name} refused {incoming.operation} {incoming.namespace}/{incoming.name}: {refusal}")
            reason = {_BAD_REQUEST: "BadRequest", _FORBIDDEN: "Forbidden"}.get(refusal.code, "InternalError")
            response |= {"allowed": False, "status": {"code": refusal.code, "reason": reason, "message": str(refusal)}}
        else:
            if completed is not None and completed != incoming.new:
                patch = [
                    {
                        "op": "replace" if field in incoming.new else "add",
                        "path": f"/{field}",
                        "value": completed[field],
                    }
                    for field in hook.fields
                ]
                response |= {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}
        self.asked.add(hook.name)
        return {"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": response}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    timeout = 0.05

    def __init__(
        self,
        tls: ssl.SSLContext,
        port: int,
        answer: Callable[[str, Mapping[str, Any]], dict],
        log: Callable[[str], None],
    ) -> None:
        self.answer = answer
        self.log = log
        self._tls = tls
        super().__init__(("127.0.0.1", port), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        connection.settimeout(10)
        # the handshake belongs to the connection's own thread: a silent client must not block the others
        return self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        self.log(f"admission: a connection from {client_address} broke")


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps(self.server.answer(self.path.partition("?")[0], review)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:  # pylint: disable=redefined-builtin
        """Keep quiet: refusals are logged where they are made."""


def _bound_socket(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _tls_context(directory: Path) -> tuple[bytes, ssl.SSLContext]:
    """Make a certificate for 127.0.0.1 in ``directory``; return its PEM, which is its own authority, and the server's
    context.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "maistra-admission-controller")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    directory.mkdir(parents=True, exist_ok=True)
    certificate_file, key_file = directory / "admission.crt", directory / "admission.key"
    certificate_file.write_bytes(pem)
    key_file.touch(mode=0o600)
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    return pem, context
