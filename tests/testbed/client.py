# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The handle by which tests, molecule, the demo and the command line hold a testbed."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import requests
import yaml

from . import pool
from .cluster import Cluster, crds_word, service_account, write_kubeconfig
from .kube import Kube
from .programs import find_controllers, find_programs
from .releases import release_serving
from .specification import LOG, PROGRESS, SPECIFICATION, STATE, MeshSpec, TestbedSpec

_START_SECONDS = 120
_STOP_SECONDS = 20
_CALL_SECONDS = 60
_POLL_SECONDS = 0.05
_QUIET_SECONDS = 6
_LAST_LINES = 30
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


class TestbedError(Exception):
    """A testbed could not start, is not there, or refused what it was asked."""

    __test__ = False


@dataclass(frozen=True)
class Answer:
    """What a call came back with: the HTTP ``status``, None when there was no HTTP answer; ``error`` then says why."""

    status: int | None
    body: str
    error: str
    mesh: str = ""

    @property
    def json(self) -> Any:
        """The body as data: echo servers tell ``mesh``, ``namespace``, ``service``, ``text``, ``endpoint``, ``port``
        and ``path``.
        """
        return json.loads(self.body)


class Mesh:
    """One mesh of a running testbed."""

    def __init__(self, bed: Testbed, name: str, state: Mapping[str, Any]) -> None:
        self._bed = bed
        self.name = name
        self.cluster: str = state["cluster"]
        self.namespace: str = state["namespace"]
        self.control_plane: str = state["control_plane"]
        self.version: str = state["version"]
        self.trust_domain: str = state["trust_domain"]
        self.kubeconfig: str = state["kubeconfig"]
        self.proxied_kubeconfig: str = state["proxied_kubeconfig"]
        self.proxied_server: str = state["proxied_server"]
        self.audit_log: str = state["audit_log"]
        self.kube = kube_of(self.kubeconfig)

    def service_account_kubeconfig(
        self, name: str, namespace: str, rules_files: Sequence[str | Path], proxied: bool = False
    ) -> str:
        """Make a ServiceAccount that may do what the Roles and ClusterRoles in ``rules_files`` (YAML) allow; return its
        kubeconfig's path.

        A Role that names no namespace is made in the account's. Other documents in the files are passed over.
        """
        grants = [
            document
            for path in rules_files
            for text in yaml.safe_load_all(Path(path).read_text(encoding="utf-8"))
            for document in (text or {}).get("items", [text])
            if document and document.get("kind") in ("Role", "ClusterRole")
        ]
        token = service_account(self.kube, name, namespace, grants)
        path = Path(self.kubeconfig).parent / f"kubeconfig-{namespace}-{name}{'-proxied' if proxied else ''}"
        authority = Path(self.kube.ca_file).read_text(encoding="utf-8")
        write_kubeconfig(
            path, self.name, self.proxied_server if proxied else self.kube.server, authority, token, namespace
        )
        return str(path)

    def echo(
        self,
        namespace: str,
        name: str,
        ports: Sequence[int | Mapping[str, Any]] = (80,),
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        text: str = "",
        is_member: bool = True,
    ) -> None:
        """Make a Service with an echo server behind it; its namespace is made and becomes a member unless ``is_member``
        is false.

        A port is a number, then called ``http`` (``http-<number>`` beside others), or a Service's whole port entry.
        """
        entries = [port if isinstance(port, Mapping) else _port_entry(port, len(ports)) for port in ports]
        asked = {"namespace": namespace, "name": name, "ports": entries, "labels": labels, "annotations": annotations}
        self._bed.ask("/echo", mesh=self.name, **asked, text=text, is_member=is_member)

    def answer(self, namespace: str, name: str, status: int) -> None:
        """Have the echo server of a Service answer with ``status`` from now on; 0 ends it, and the Service stays."""
        self._bed.ask("/answer", mesh=self.name, namespace=namespace, name=name, status=status)

    def unecho(self, namespace: str, name: str) -> None:
        """Take a Service and its echo server away."""
        self._bed.ask("/unecho", mesh=self.name, namespace=namespace, name=name)

    def call(self, host: str, port: int = 80, path: str = "/", source: str = "client.shop", **proof: Any) -> Answer:
        """Call ``host`` as the workload ``<service account>.<namespace>``; ``proof``: principal, force_sni, root_number
        of ``workloads.call``.
        """
        return Answer(**self._bed.ask("/call", mesh=self.name, source=source, host=host, port=port, path=path, **proof))

    def fault(self, name: str, **settings: Any) -> None:
        """Switch a fault on."""
        self._bed.ask("/fault", mesh=self.name, name=name, settings=settings)

    def heal(self, name: str) -> None:
        """Switch a fault off."""
        self._bed.ask("/fault", mesh=self.name, name=name, settings=None)

    def restart_istiod(self) -> None:
        """Restart istiod by its Deployment; return when the new one runs."""
        self._bed.ask("/restart-istiod", mesh=self.name)

    def rotate_root(self, stage: str) -> str:
        """Go on to the next stage of replacing the mesh's root; return the new root, PEM, once gateways and workloads
        follow.

        ``announce`` makes the new root and changes nothing else, ``trust`` publishes it beside the old one, ``sign``
        issues all certificates by it anew, ``drop`` ends the trust in the old one. Connections that are open stay as
        they are.
        """
        return self._bed.ask("/rotate-root", mesh=self.name, stage=stage)["root"]

    def bundle_of(self, trust_domain: str) -> str:
        """Return the roots, PEM, by which the mesh's proxies judge identities of a trust domain now; "" when they know
        none.
        """
        return self._bed.ask("/bundle-of", mesh=self.name, trust_domain=trust_domain)["roots"]

    def move_address(self, gateway: str) -> str:
        """Have a gateway's load balancer change its address; return the new one."""
        return self._bed.ask("/move-address", mesh=self.name, gateway=gateway)["address"]


class Testbed:
    """A running testbed. ``meshes`` are its meshes by name; as a context manager it ends with the block."""

    __test__ = False

    def __init__(
        self,
        directory: Path,
        state: Mapping[str, Any],
        child: subprocess.Popen | None,
        give_back: Callable[[], None] | None = None,
    ) -> None:
        self.directory = directory
        self._give_back = give_back
        self.pid: int = state["pid"]
        self.control: str = state["control"]
        self.clock_scale: float = state["clock_scale"]
        self._child = child
        self._session = requests.Session()
        self._session.trust_env = False
        self.meshes = {name: Mesh(self, name, mesh) for name, mesh in state["meshes"].items()}

    @classmethod
    def start(
        cls,
        directory: str | Path,
        meshes: Sequence[MeshSpec] = (MeshSpec("east"), MeshSpec("west")),
        clock_scale: float = 0.05,
        crds: str | Path | None = None,
        tied: bool = True,
        olm: bool = False,
        controllers: bool = False,
        openshift: bool = False,
        insight: bool = False,
        fresh: bool = False,
        say: Callable[[str], None] = print,
    ) -> Testbed:
        """Start a testbed in ``directory``, which is made, and return it when all its meshes are up.

        ``clock_scale``: real seconds per second of mesh time. ``crds``: a folder of CRD texts to take in place of ours
        of the same name. ``tied``: it ends when this process ends. ``olm``: the clusters have OLM and no operator yet;
        its meshes are made with ``control_plane_present=False``. ``controllers``: workloads really roll, the operator's
        too, and pods are injected as their control plane is at that moment. ``openshift``: the clusters say of
        themselves what OpenShift 4.14 says, and with ``controllers`` they have DeploymentConfigs. ``insight``: proxies
        write access logs, and istiods have debug pages. ``say`` gets progress lines when it takes long. Its clusters
        come from the pool where this process has one (``pool.share``), it is ``tied`` and not ``fresh``. Raises
        ``TestbedError`` when it does not come up, ``ProgramsError`` when its programs cannot be had.
        """
        place = Path(directory).absolute()
        if _running_state(place) is not None:
            raise TestbedError(f"a testbed runs in {place} already: end it first, or use another directory")
        programs = find_programs(say)
        _clear(place)
        spec = TestbedSpec(
            tuple(meshes),
            clock_scale,
            str(Path(crds).absolute()) if crds else None,
            tied,
            str(programs.etcd),
            str(programs.kube_apiserver),
            str(programs.envoy),
            olm,
            [str(path) for path in astuple(find_controllers(say))] if controllers else [],
            openshift,
            insight,
        )
        shared = pool.shared(programs) if tied and not fresh else None
        if shared is not None:
            spec = replace(spec, lent=_lent(shared, spec))

        def give_back() -> None:
            if shared is not None:
                shared.take_back(spec.lent.values())

        with os.fdopen(
            os.open(place / SPECIFICATION, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8"
        ) as written:
            json.dump(spec.as_json(), written, indent=2)
        (place / PROGRESS).touch()
        child = _start_supervisor(place, tied)
        try:
            state = _wait_for_state(place, child, say)
        except BaseException:  # also on Ctrl-C: nothing may stay behind
            _end(child)
            give_back()
            raise
        return cls(place, state, child, give_back)

    @classmethod
    def attach(cls, directory: str | Path) -> Testbed:
        """Return the testbed that runs in ``directory``. Raises ``TestbedError`` when there is none."""
        place = Path(directory).absolute()
        state = _running_state(place)
        if state is None:
            raise TestbedError(f"no testbed runs in {place}")
        return cls(place, state, None)

    def stop(self) -> None:
        """End it and return when nothing of it runs any more. Ending it twice is no error."""
        if _is_supervisor(self.pid, self.directory):
            self._end_supervisor()
        if self._give_back is not None:
            self._give_back()

    def _end_supervisor(self) -> None:
        os.kill(self.pid, signal.SIGTERM)
        if self._child is not None:
            _end(self._child)
            return
        deadline = time.monotonic() + _STOP_SECONDS
        while _is_supervisor(self.pid, self.directory):
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                deadline += _STOP_SECONDS
            time.sleep(_POLL_SECONDS)
        (self.directory / STATE).unlink(missing_ok=True)

    def ask(self, path: str, /, **body: Any) -> Any:
        """Send a request to the control endpoint and return its answer. Raises ``TestbedError`` when it refuses."""
        answer = self._session.post(self.control + path, json=body, timeout=_CALL_SECONDS)
        content = answer.json()
        if answer.status_code != 200:
            raise TestbedError(content["error"])
        return content

    def address(self, *words: str) -> str:
        """Return a loopback address that belongs to ``words``; ``service``, cluster, namespace and name are a
        Service's.
        """
        return self.ask("/address", words=list(words))["address"]

    def name(self, host: str, addresses: Sequence[str]) -> None:
        """Have a host name resolve to addresses in all meshes; needs ``insight``."""
        self.ask("/name", host=host, addresses=list(addresses))

    def state(self) -> dict[str, Any]:
        """Return what the testbed says of itself: clusters, meshes, and faults that are on."""
        return self._session.get(self.control + "/state", timeout=_CALL_SECONDS).json()

    def __enter__(self) -> Testbed:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()


def _lent(shared: pool.Pool, spec: TestbedSpec) -> dict[str, dict[str, Any]]:
    """Return a running cluster for each that a testbed shall have."""
    crds = Path(spec.crds) if spec.crds else None
    found: dict[str, dict[str, Any]] = {}
    versions: dict[str, list[str]] = {}
    for mesh in spec.meshes:
        versions.setdefault(mesh.cluster, []).append(mesh.version)
    wanted: dict[str, list[str]] = {}
    for cluster, asked in versions.items():
        wanted.setdefault(release_serving(*asked).crds, []).append(cluster)
    for release, clusters in wanted.items():

        def load(cluster: Cluster, release: str = release) -> None:
            if spec.openshift:
                cluster.load_openshift()
            if spec.olm:
                cluster.load_olm()
            else:
                cluster.load_crds(release, crds)

        kinds = [*(["openshift"] if spec.openshift else []), "olm" if spec.olm else crds_word(release, crds)]
        found.update(zip(clusters, shared.lend(len(clusters), kinds, load)))
    return found


def kube_of(kubeconfig: str | Path) -> Kube:
    """Return a client for a kubeconfig that the testbed wrote."""
    content = yaml.safe_load(Path(kubeconfig).read_text(encoding="utf-8"))
    cluster = content["clusters"][0]["cluster"]
    authority = Path(f"{kubeconfig}.ca.crt")
    authority.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    return Kube(cluster["server"], str(authority), content["users"][0]["user"]["token"])


def _port_entry(number: int, count: int) -> dict[str, Any]:
    return {"name": "http" if count == 1 else f"http-{number}", "port": number}


def _clear(place: Path) -> None:
    """Empty the directory of what an earlier testbed left; refuse one that holds anything else."""
    if place.exists():
        if any(place.iterdir()) and not (place / SPECIFICATION).exists():
            raise TestbedError(f"{place} is not empty and holds no earlier testbed: use another directory")
        shutil.rmtree(place)
    place.mkdir(parents=True, mode=0o700)


def _start_supervisor(place: Path, tied: bool) -> subprocess.Popen:
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    environment["PYTHONPATH"] = str(Path(__file__).parent.parent)
    with open(place / LOG, "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "testbed.supervisor", str(place)],
            env=environment,
            cwd="/",
            stdin=subprocess.PIPE if tied else subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_for_state(place: Path, child: subprocess.Popen, say: Callable[[str], None]) -> dict[str, Any]:
    started, shown = time.monotonic(), 0
    while not (place / STATE).exists():
        elapsed = time.monotonic() - started
        if child.poll() is not None:
            raise TestbedError(f"the testbed in {place} did not come up.\n{_last_lines(place)}")
        if elapsed > _START_SECONDS:
            raise TestbedError(f"the testbed in {place} was not up within {_START_SECONDS} s.\n{_last_lines(place)}")
        if elapsed > _QUIET_SECONDS:
            lines = (place / PROGRESS).read_text(encoding="utf-8").splitlines()
            for line in lines[shown:]:
                say(line)
            shown = len(lines)
        time.sleep(_POLL_SECONDS)
    return json.loads((place / STATE).read_text(encoding="utf-8"))


def _last_lines(place: Path) -> str:
    told = (place / PROGRESS).read_text(encoding="utf-8").splitlines()
    logged = (place / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([*told, *logged[-_LAST_LINES:]])


def _running_state(place: Path) -> dict[str, Any] | None:
    """Return the state of the testbed that runs in ``place``, or None; what a killed one left does not count."""
    try:
        state = json.loads((place / STATE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return state if _is_supervisor(state["pid"], place) else None


def _is_supervisor(pid: int, place: Path) -> bool:
    """Whether the process ``pid`` lives and is the supervisor of ``place``: numbers are used again."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return os.fsencode(str(place)) in words


def _end(child: subprocess.Popen) -> None:
    if child.poll() is None:
        child.terminate()
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    if child.stdin:
        child.stdin.close()
