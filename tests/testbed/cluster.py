# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One cluster: etcd and kube-apiserver as processes, its credentials, and the kinds that it knows."""

from __future__ import annotations

import base64
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests
import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from .addresses import Addresses, free_port
from .certificates import ClusterAuthority, write_key
from .kube import Kube, KubeError
from .processes import Process, Processes
from .schemas import control_plane_spec, roll_spec

ADMIN = "admin"
"""The user of the kubeconfigs that are handed out; the testbed itself goes by another name, and is left out of the
audit log.
"""

_TESTBED_USER = "testbed"
_START_SECONDS = 60
_CRD_SECONDS = 30
_CRD_FOLDER = Path(__file__).parent / "crds"
_POLL_SECONDS = 0.05

_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "users": [_TESTBED_USER, "system:apiserver", "system:anonymous"]},
        {"level": "Metadata"},
    ],
}


class Cluster:
    """An API server with RBAC, of which ``kube`` is a client that may do everything.

    ``files`` lists what users get of it: ``server``, ``ca_file``, ``kubeconfig`` and ``audit_log``. ``lent`` is what
    ``lending`` says of one that runs elsewhere: this is that one then, under another name; it is neither started nor
    ended here, and has ``kinds``, each a text of ``crds_word`` or a folder of ours.
    """

    def __init__(
        self,
        name: str,
        directory: Path,
        addresses: Addresses,
        processes: Processes,
        etcd: str,
        kube_apiserver: str,
        lent: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.directory = directory
        self._processes = processes
        self._etcd, self._kube_apiserver = etcd, kube_apiserver
        self._running: list[Process] = []
        self.kinds: tuple[str, ...] = tuple(lent["kinds"]) if lent is not None else ()
        self._is_lent = lent is not None
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if lent is not None:
            self._home, self.address, self.server, self.etcd_url = (
                Path(lent["home"]),
                lent["address"],
                lent["server"],
                lent["etcd_url"],
            )
            self._tokens = dict(lent["tokens"])
        else:
            self._home, self.address, self.etcd_url = directory, addresses.for_key("api-server", name), ""
            self.server = f"https://{self.address}:{free_port(self.address)}"
            self._tokens = {ADMIN: secrets.token_urlsafe(24), _TESTBED_USER: secrets.token_urlsafe(24)}
        self.authority = ClusterAuthority(self._home, f"{name}-ca")
        self.kubeconfig = directory / "kubeconfig"
        self.audit_log = self._home / "audit.log"
        self.account_key = self._home / "service-accounts.key"
        self.kube = self.client(_TESTBED_USER)

    def lending(self) -> dict[str, Any]:
        """Return what another process needs in order to have this cluster as its own; it holds the tokens of who may do
        everything.
        """
        place = {"home": str(self._home), "address": self.address, "server": self.server, "etcd_url": self.etcd_url}
        return {**place, "tokens": self._tokens, "kinds": self.kinds}

    @property
    def files(self) -> dict[str, str]:
        """What to tell users about the cluster."""
        return {
            "server": self.server,
            "ca_file": str(self.authority.file),
            "kubeconfig": str(self.kubeconfig),
            "audit_log": str(self.audit_log),
        }

    def client(self, agent: str) -> Kube:
        """Return a client that may do everything and writes as the program ``agent``."""
        return Kube(self.server, str(self.authority.file), self._tokens[_TESTBED_USER], agent=agent)

    def start(self) -> None:
        """Start both processes unless they are there, and return when the API server is ready. Raises ``ProcessError``
        when it does not get so.
        """
        if not self._is_lent:
            self.etcd_url = self._start_etcd()
            self._start_api_server(self.etcd_url).wait_until(self._is_ready, _START_SECONDS)
        write_kubeconfig(self.kubeconfig, self.name, self.server, self.authority.pem, self._tokens[ADMIN])

    def stop(self) -> None:
        """End both processes; nothing of the cluster is to be kept, so they are not asked twice."""
        for process in reversed(self._running):
            process.kill()

    @property
    def is_running(self) -> bool:
        """Whether both processes that were started here run."""
        return bool(self._running) and all(process.is_running for process in self._running)

    def load_crds(self, release: str, folder: Path | None = None) -> None:
        """Load our own texts of all kinds, with the control plane like that of ``release`` (2.3 or 2.5), and wait until
        they are served.

        The texts in ``folder`` take the place of ours of the same name. Raises ``TimeoutError`` when the server does
        not take them.
        """
        if crds_word(release, folder) in self.kinds:
            return
        texts = {text["metadata"]["name"]: text for text in own_crds(release)}
        if folder is not None:
            texts.update({text["metadata"]["name"]: text for text in crds_in(folder)})
        self._serve(texts)
        self.kinds += (crds_word(release, folder),)

    def load_only(self, folder: Path, *names: str) -> None:
        """Load of the texts in ``folder`` those of ``names`` alone and wait until they are served; raises as
        ``load_crds``.
        """
        self._serve({text["metadata"]["name"]: text for text in crds_in(folder) if text["metadata"]["name"] in names})

    def load_olm(self) -> None:
        """Load the kinds of OLM and wait until they are served; raises as ``load_crds``."""
        self._load("olm")

    def load_openshift(self) -> None:
        """Load kinds of OpenShift and wait until they are served; raises as ``load_crds``."""
        self._load("openshift")

    def _load(self, folder: str) -> None:
        if folder not in self.kinds:
            self._serve({text["metadata"]["name"]: text for text in crds_in(_CRD_FOLDER / folder)})
            self.kinds += (folder,)

    def _serve(self, texts: Mapping[str, dict]) -> None:
        for text in texts.values():
            self.kube.apply(text, _TESTBED_USER, force=True)
        deadline = time.monotonic() + _CRD_SECONDS
        while waiting := [name for name in texts if not self._is_served(name)]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"cluster {self.name} does not serve {', '.join(waiting)}")
            time.sleep(_POLL_SECONDS)

    def ensure_namespace(self, name: str) -> None:
        """Make a namespace unless it is there."""
        try:
            self.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        except KubeError as error:
            if error.reason != "AlreadyExists":
                raise

    def write_kubeconfig(self, path: Path, name: str, server: str) -> None:
        """Write an administrator's kubeconfig for another way to this cluster, such as a proxy whose certificate is of
        the same authority.
        """
        write_kubeconfig(path, name, server, self.authority.pem, self._tokens[ADMIN])

    def _start_etcd(self) -> str:
        client, peer = (f"http://{self.address}:{free_port(self.address)}" for _role in range(2))
        words = [
            self._etcd,
            "--name=testbed",
            f"--data-dir={self.directory / 'etcd'}",
            "--unsafe-no-fsync",
            "--log-level=warn",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=testbed={peer}",
        ]
        self._running.append(self._processes.start(f"etcd of {self.name}", words, self.directory / "etcd.log"))
        return client

    def _start_api_server(self, etcd_url: str) -> Process:
        certificate, key = self.authority.serving(
            "apiserver", [self.address, "10.0.0.1"], ["localhost", "kubernetes.default.svc"]
        )
        write_key(self.account_key, ec.generate_private_key(ec.SECP256R1()))
        tokens = self.directory / "tokens.csv"
        with os.fdopen(os.open(tokens, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as written:
            for user, token in self._tokens.items():
                written.write(f'{token},{user},{user},"system:masters"\n')
        policy = self.directory / "audit-policy.json"
        policy.write_text(json.dumps(_AUDIT_POLICY), encoding="utf-8")
        self.audit_log.touch(mode=0o600)  # a file that is there is appended to, so that it may be emptied meanwhile
        words = [
            self._kube_apiserver,
            f"--etcd-servers={etcd_url}",
            f"--bind-address={self.address}",
            f"--advertise-address={self.address}",
            f"--secure-port={self.server.rpartition(':')[2]}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--client-ca-file={self.authority.file}",
            f"--token-auth-file={tokens}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.account_key}",
            f"--service-account-signing-key-file={self.account_key}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/16",
            "--endpoint-reconciler-type=none",
            # without a controller-manager no namespace gets the ServiceAccount that this would demand of Pods
            "--disable-admission-plugins=ServiceAccount",
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self.audit_log}",
            "--profiling=false",
            f"--cert-dir={self.directory}",
        ]
        process = self._processes.start(f"kube-apiserver of {self.name}", words, self.directory / "kube-apiserver.log")
        self._running.append(process)
        return process

    def _is_ready(self) -> bool:
        try:
            self.kube.request("GET", "/readyz")
        except (KubeError, requests.RequestException):
            return False
        return True

    def _is_served(self, name: str) -> bool:
        crd = self.kube.get("CustomResourceDefinition", name)
        if not any(
            entry["type"] == "Established" and entry["status"] == "True"
            for entry in (crd.get("status") or {}).get("conditions") or []
        ):
            return False
        names = crd["spec"]["names"]
        for version in crd["spec"]["versions"]:
            if version["served"]:
                try:
                    # Established is written a moment before the paths are there
                    self.kube.request(
                        "GET", f"/apis/{crd['spec']['group']}/{version['name']}/{names['plural']}", {"limit": "1"}
                    )
                except KubeError as error:
                    if error.status != 404:
                        raise
                    return False
        return True


def crds_word(release: str, folder: Path | None = None) -> str:
    """Return the text that stands in ``Cluster.kinds`` for ``load_crds`` with these words."""
    return f"{release} with {folder}" if folder is not None else release


def own_crds(release: str) -> list[dict]:
    """Return our CRD texts, with the control plane like that of ``release``."""
    texts = crds_in(_CRD_FOLDER)
    specs = {"ServiceMeshControlPlane": control_plane_spec(release), "ServiceMeshMemberRoll": roll_spec(release)}
    for text in texts:
        kind = text["spec"]["names"]["kind"]
        if kind in specs:
            (served,) = (version for version in text["spec"]["versions"] if version["served"])
            served["schema"]["openAPIV3Schema"]["properties"]["spec"] = specs[kind]
    return texts


def crds_in(folder: Path) -> list[dict]:
    """Return the CustomResourceDefinitions in a folder's YAML files."""
    return list(_crds_of(sorted(folder.glob("*.yaml"))))


def _crds_of(paths: Iterable[Path]) -> Iterator[dict]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for path in paths:
        for text in yaml.load_all(path.read_text(encoding="utf-8"), loader):
            if text and text.get("kind") == "CustomResourceDefinition":
                # what a file says of its status is not for us to write
                text.pop("status", None)
                yield text


def write_kubeconfig(
    path: Path, name: str, server: str, authority: str, token: str, namespace: str = "default"
) -> None:
    """Write a kubeconfig with one context called ``name`` that shows a bearer token."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": name,
                "cluster": {
                    "server": server,
                    "certificate-authority-data": base64.b64encode(authority.encode()).decode(),
                },
            }
        ],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
        "current-context": name,
    }
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as written:
        yaml.safe_dump(content, written, sort_keys=False)


def service_account(kube: Kube, name: str, namespace: str, grants: Sequence[Mapping[str, Any]]) -> str:
    """Make a ServiceAccount with exactly ``grants`` and return a token of it.

    A grant is a Role or ClusterRole manifest. A Role without a namespace is made in the account's; a Role is bound
    where it stands, a ClusterRole in the whole cluster.
    """
    kube.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}},
        _TESTBED_USER,
    )
    for grant in grants:
        place = {} if grant["kind"] == "ClusterRole" else {"namespace": grant["metadata"].get("namespace") or namespace}
        own = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": grant["metadata"]["name"], **place}}
        kube.apply({**own, "kind": grant["kind"], "rules": grant["rules"]}, _TESTBED_USER, force=True)
        kube.apply(
            {
                "apiVersion": own["apiVersion"],
                "kind": f"{grant['kind']}Binding",
                "metadata": {"name": f"{grant['metadata']['name']}-{namespace}-{name}", **place},
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": grant["kind"],
                    "name": grant["metadata"]["name"],
                },
                "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
            },
            _TESTBED_USER,
            force=True,
        )
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 24 * 3600},
    }
    return kube.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", None, request)[
        "status"
    ]["token"]
