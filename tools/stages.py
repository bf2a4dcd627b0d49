# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run the stages of ``make test``, one or all: ``stages.py all`` or ``stages.py NAME...``.

``all`` runs every stage though one before it failed, some at a time, and beside them one pytest session with the unit,
testbed and integration tests. That session also holds one test per stage, its last, which wait for the stages and fail
as they failed, so that the last line of the output speaks for the whole run; a table of the stages stands right before
it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from places import CACHE, TREE, locked

T = TypeVar("T")
STAGES_AT_ONCE = 3  # beside pytest's two, on two cores: what runs on a testbed waits more than it works
NICENESS = 5  # of what only computes: tests on a testbed have bounds in seconds
CASES_ON_THE_OLDEST = 3  # of each unit test
JAVA = 17  # the oldest that ansible-rulebook runs on
SCRATCH = CACHE / "runs"
# Slow ones first. A file's tests share a testbed, so a file stays in one process.
SIDE_BY_SIDE = ("--numprocesses=2", "--dist=loadfile", "--no-loadscope-reorder")
# What takes minutes on a testbed is drawn: two cases of each test, and no test that a cheaper one stands beside. `make
# soak` runs all.
ON_A_TESTBED = ("tests/integration", "tests/testbed_tests")
PYTEST_FOLDERS = (*ON_A_TESTBED, "tests/attacks", "tests/inputs", "tests/unit")
OF_MANY_CASES = (
    "tests/integration",
    "tests/testbed_tests/test_cluster_testbed.py",
    "tests/testbed_tests/test_istiod_federation.py",
)
DRAWN = (
    "-p",
    "pytest_draw",
    "--cases=2",
    *(f"--cases-in={place}" for place in OF_MANY_CASES),
    "-m",
    "not long and not short_flow",
)
# And of the files a share, with each commit another: how many shares there are of what takes longest.
TURNS = {"tests/integration": 6, "tests/testbed_tests": 3, "tests/attacks": 3}

# ansible-test fetches pip's installer from a host that need not answer. It looks for a copy of its own first: this one
# installs the pip that comes with Python, which is as good.
GET_PIP_NAMES = ("get_pip_25_2.py", "get_pip_24_2.py")
GET_PIP = """\
# Written by tools/stages.py of ossm.federation: installs pip without a download.
import subprocess
import sys

wanted = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
sys.exit(subprocess.run([sys.executable, "-m", "pip", "install", "-q", *wanted], check=False).returncode)
"""

# The sanity test "import" forgets what it has imported before each of some 300 files. Its venvs get this: what Ansible
# itself brings
# to every plugin is there before the test begins, which forgets only what came later, and no source is compiled twice.
IMPORT_VENVS = ("sanity", "sanity.import.plugin")
IMPORT_ONCE = """\
# Written by tools/stages.py of ossm.federation.
import builtins
import os

_compile, _compiled = builtins.compile, {}


def compile(source, filename, mode, flags=0, dont_inherit=False, optimize=-1, **others):
    if not dont_inherit or others or not isinstance(source, (bytes, str)):
        return _compile(source, filename, mode, flags, dont_inherit, optimize, **others)
    key = source, filename, mode, flags, optimize
    if key not in _compiled:
        _compiled[key] = _compile(source, filename, mode, flags, True, optimize)
    return _compiled[key]


if "SANITY_IMPORTER_TYPE" in os.environ:
    builtins.compile = compile
if os.environ.get("SANITY_IMPORTER_TYPE") == "plugin":
    import ansible.plugins.action
    import ansible.plugins.callback.default
    import ansible.plugins.lookup
"""


@dataclasses.dataclass(frozen=True)
class Result:
    """How one stage ended: ``seconds`` it took and ``processor`` seconds it used, the text it wrote, and why it was
    ``not_run`` if it was.
    """

    stage: str
    passed: bool
    seconds: float
    output: str
    not_run: str = ""
    processor: float = 0.0


class NotRun(Exception):
    """A stage was left out; the text says why, in the table too."""


@dataclasses.dataclass
class Run:
    """What a stage has at hand: where its output goes, and the venvs that it asks for by name; ``processor`` are the
    seconds that its commands used.

    With ``is_patient`` its commands leave the processor to others. With a ``turn`` a stage that consists of equals runs
    a share of them.
    """

    output: pathlib.Path | None = None
    processor: float = 0.0
    is_patient: bool = False
    turn: int | None = None

    def share(self, equals: Sequence[T], turns: int) -> Sequence[T]:
        """Return those of some equals whose turn it is; all of them when nobody asks for a share."""
        return equals if self.turn is None else equals[self.turn % turns :: turns]

    def command(
        self, *words: object, cwd: pathlib.Path = TREE, env: Mapping[str, str] | None = None, keep_proxies: bool = False
    ) -> None:
        """Run one command in the clean environment, its output joined to the stage's. Raises ``CalledProcessError``
        when it fails.
        """
        clean = [TREE / "tools" / "clean-env.sh", *(["--keep-proxies"] if keep_proxies else [])]
        line = " ".join(str(word) for word in words)
        with contextlib.ExitStack() as stack:
            target = stack.enter_context(open(self.output, "a", encoding="utf-8")) if self.output else sys.stdout
            print(f"$ {line}", file=target, flush=True)
            patient = ["nice", "-n", str(NICENESS)] if self.is_patient else []
            whole = [
                "/usr/bin/env",
                *patient,
                *map(str, clean),
                "env",
                *(f"{name}={value}" for name, value in (env or {}).items()),
                *map(str, words),
            ]
            process = subprocess.Popen(
                whole, cwd=cwd, stdin=subprocess.DEVNULL, stdout=target, stderr=subprocess.STDOUT
            )
            try:
                _pid, status, used = os.wait4(process.pid, 0)
            except BaseException:
                process.kill()
                raise
            process.returncode = os.waitstatus_to_exitcode(status)
            self.processor += used.ru_utime + used.ru_stime
            if process.returncode:
                raise subprocess.CalledProcessError(process.returncode, whole)

    def venv(self, name: str) -> pathlib.Path:
        """Return the folder of the venv ``name``, made if need be."""
        python = _printed_by([TREE / "tools" / "find-python.sh", name], self.output)
        return pathlib.Path(_printed_by([python, TREE / "tools" / "venv.py", name], self.output))

    def beside(self, venv: pathlib.Path) -> str:
        """Return the collections path of kubernetes.core, for comparisons."""
        return _printed_by([venv / "bin" / "python", TREE / "tools" / "kubernetes_core.py"], self.output)


def _printed_by(words: list[object], output: pathlib.Path | None) -> str:
    """Return what a command prints; what it says on stderr goes to the stage's output."""
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(open(output, "a", encoding="utf-8")) if output else None
        done = subprocess.run(
            [str(word) for word in words],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    return done.stdout.strip()


def _version_of(venv: pathlib.Path) -> str:
    """Return the version of a venv's Python as ansible-test takes it, like 3.12."""
    return _printed_by([venv / "bin" / "python", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], None)


def _ansible_of(venv: pathlib.Path) -> str:
    """Return the version of a venv's ansible-core, like 2.21.5."""
    return _printed_by(
        [venv / "bin" / "python", "-c", "from ansible.release import __version__; print(__version__)"], None
    )


@contextlib.contextmanager
def copied_tree() -> Iterator[pathlib.Path]:
    """Give a copy of the checkout's files at ``…/ansible_collections/ossm/federation``, where Ansible's tools want it,
    and remove it afterwards.

    Holds what Git tracks or would track, as it is on disk: changes that are not committed yet are tested too.
    """
    if shutil.which("git") is None:
        raise SystemExit(
            "git is missing: it tells which files belong to the checkout. On Debian and Ubuntu: apt install git"
        )
    # A container's checkout may belong to another user, which Git refuses unless told.
    words = ["git", "-c", f"safe.directory={TREE}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=TREE, check=True, stdout=subprocess.PIPE)
    SCRATCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SCRATCH, prefix="copy-") as scratch:
        copy = pathlib.Path(scratch) / "ansible_collections" / "ossm" / "federation"
        for name in listed.stdout.decode().split("\0"):
            if name and os.path.lexists(TREE / name):
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(TREE / name, copy / name, follow_symlinks=False)
        yield copy


def collections_of(copy: pathlib.Path) -> pathlib.Path:
    """Return the collections path that a copied tree lies in."""
    return copy.parents[2]


def lint(run: Run) -> None:
    """Run ansible-lint with its strictest profile, and shellcheck."""
    venv = run.venv("newest")
    with copied_tree() as copy:
        env = {"ANSIBLE_COLLECTIONS_PATH": str(collections_of(copy)), **_path(venv)}
        # -P: ansible-lint imports its rules by names that files beside its program could bear.
        words = ["-P", "tools/lint.py", "--nocolor", "--offline", "--strict", "--profile=production"]
        run.command(venv / "bin" / "python", *words, cwd=copy, env=env)
        scripts = sorted(
            path.relative_to(copy) for folder in ("tools", "playbooks/files") for path in copy.glob(f"{folder}/*.sh")
        )
        run.command(venv / "bin" / "shellcheck", ".ci/run", *scripts, cwd=copy)


def types(run: Run) -> None:
    """Check the core's types (mypy, strict), and all Python for usual mistakes and its layout (ruff)."""
    venv = run.venv("newest")
    with copied_tree() as copy, tempfile.TemporaryDirectory(dir=SCRATCH, prefix="types-") as cache:
        for check in (("check",), ("format", "--check")):
            words = [*check, "--no-cache", "--config=tools/ruff.toml", "plugins", "tests", "tools", "extensions"]
            run.command(venv / "bin" / "ruff", *words, cwd=copy)
        core = copy.relative_to(collections_of(copy)) / "plugins" / "module_utils" / "_core"
        words = [
            f"--config-file={copy / 'tools' / 'mypy.ini'}",
            f"--cache-dir={cache}",
            f"--python-executable={venv / 'bin' / 'python'}",
        ]
        run.command(venv / "bin" / "mypy", *words, core, cwd=collections_of(copy))


def docs_lint(run: Run) -> None:
    """Check the documentation of plugins and roles, and the pages of docs/docsite."""
    venv = run.venv("newest")
    with copied_tree() as copy:
        env = {"ANSIBLE_COLLECTIONS_PATH": str(collections_of(copy)), **_path(venv)}
        words = [
            "lint-collection-docs",
            "--plugin-docs",
            "--validate-collection-refs=all",
            "--disallow-unknown-collection-refs",
        ]
        run.command(venv / "bin" / "antsibull-docs", *words, ".", cwd=copy, env=env)


def docs(run: Run) -> None:
    """Build the documentation's site as HTML below the cache; every warning is an error, and so is a link that leads
    nowhere.
    """
    venv = run.venv("docs")
    target = CACHE / "docs"
    with locked(target), copied_tree() as copy:
        shutil.rmtree(target, ignore_errors=True)
        pages, reference = target / "pages", target / "pages" / "reference"
        reference.mkdir(parents=True, mode=0o755)
        env = {"ANSIBLE_COLLECTIONS_PATH": str(collections_of(copy)), **_path(venv)}
        run.command(venv / "bin" / "python", copy / "tools" / "docs_site.py", copy, pages)
        words = [
            "collection",
            "--use-current",
            "--squash-hierarchy",
            "--fail-on-error",
            f"--dest-dir={reference}",
            "ossm.federation",
        ]
        run.command(venv / "bin" / "antsibull-docs", *words, env=env)
        shutil.copy(copy / "tools" / "docs_conf.py", pages / "conf.py")
        run.command(
            venv / "bin" / "sphinx-build", "-W", "--keep-going", "-q", "-b", "html", pages, target / "html", env=env
        )
    print(f"{target / 'html' / 'index.html'}", flush=True)


def changelog_lint(run: Run) -> None:
    """Check the changelog and its fragments."""
    venv = run.venv("newest")
    with copied_tree() as copy:
        run.command(venv / "bin" / "antsibull-changelog", "lint", cwd=copy)


@contextlib.contextmanager
def installed_archive(run: Run, venv: pathlib.Path) -> Iterator[tuple[pathlib.Path, pathlib.Path]]:
    """Build the collection's archive and install it into an empty folder, as a user would; give both, and remove them
    afterwards.
    """
    with copied_tree() as copy, tempfile.TemporaryDirectory(dir=SCRATCH, prefix="build-") as made:
        installed = pathlib.Path(made) / "installed"
        env = {**_path(venv), "ANSIBLE_COLLECTIONS_PATH": str(installed)}
        run.command(venv / "bin" / "ansible-galaxy", "collection", "build", "--output-path", made, cwd=copy, env=env)
        (archive,) = pathlib.Path(made).glob("*.tar.gz")
        run.command(
            venv / "bin" / "ansible-galaxy",
            "collection",
            "install",
            "--offline",
            "-p",
            installed,
            archive,
            cwd=copy,
            env=env,
        )
        yield archive, installed


def build(run: Run) -> None:
    """Build the collection's archive, install it, and check it as Galaxy would on import."""
    venv = run.venv("newest")
    with installed_archive(run, venv) as (archive, installed):
        config = archive.parent / "importer.cfg"
        # Its ansible-lint is the stage lint again, cut off after two minutes whatever it found.
        config.write_text(
            "[galaxy-importer]\nRUN_ANSIBLE_TEST = False\nRUN_ANSIBLE_LINT = False\nCHECK_REQUIRED_TAGS = True\n",
            encoding="utf-8",
        )
        env = {**_path(venv), "ANSIBLE_COLLECTIONS_PATH": str(installed), "GALAXY_IMPORTER_CONFIG": str(config)}
        run.command(venv / "bin" / "python", "-m", "galaxy_importer.main", archive, cwd=archive.parent, env=env)


def sanity(run: Run) -> None:
    """Run all of ansible-test's sanity tests on what the archive holds, without an ignore file."""
    venv = run.venv("newest")
    home = CACHE / "home"
    ignores = sorted(path.name for path in TREE.glob("tests/sanity/ignore*"))
    if ignores:
        raise SystemExit(
            f"tests/sanity holds {', '.join(ignores)}: this collection ignores no sanity test. Fix what it hides."
        )
    with locked(home / ".ansible" / "test" / "in-use"), installed_archive(run, venv) as (_archive, installed):
        _prepare_ansible_test(home, venv)
        collection, words = (
            installed / "ansible_collections" / "ossm" / "federation",
            [
                "sanity",
                "--local",
                "--color=no",
                f"--python={_version_of(venv)}",
            ],
        )
        run.command(
            venv / "bin" / "ansible-test",
            *words,
            "--prime-venvs",
            "--test=import",
            cwd=collection,
            env=_path(venv),
            keep_proxies=True,
        )
        for name in IMPORT_VENVS:
            for packages in (home / ".ansible" / "test" / "venv" / name).glob("*/*/lib/python*/site-packages"):
                (packages / "sitecustomize.py").write_text(IMPORT_ONCE, encoding="utf-8")
        # On one processor pylint is one process: on more, it is as many, and each of them works out anew what the files
        # import.
        on_one = ["taskset", "--cpu-list", min(os.sched_getaffinity(0))] if shutil.which("taskset") else []
        run.command(*on_one, venv / "bin" / "ansible-test", *words, cwd=collection, env=_path(venv), keep_proxies=True)


def _prepare_ansible_test(home: pathlib.Path, venv: pathlib.Path) -> None:
    """Write what ansible-test's own pip needs below ``home``: it passes on no environment but HOME and PATH."""
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for name in GET_PIP_NAMES:
        (cache / name).write_text(GET_PIP, encoding="utf-8")
    settings = _printed_by([venv / "bin" / "python", "-m", "pip", "config", "list"], None)
    lines = {}
    for line in settings.splitlines():
        name, _equals, value = line.partition("=")
        option = name.rpartition(".")[2]
        if option not in ("config-file", "user", "target", "prefix"):
            lines[option] = value[1:-1].replace("\\n", "\n  ")
    target = home / ".config" / "pip" / "pip.conf"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(
        "[global]\n" + "".join(f"{option} = {value}\n" for option, value in lines.items()), encoding="utf-8"
    )
    target.chmod(0o600)


def units_oldest(run: Run) -> None:
    """Run each unit test, with a draw of its cases, on the oldest supported Ansible, Python and client, and one file
    with ansible-test.
    """
    venv = run.venv("oldest")
    version = _version_of(venv)
    with copied_tree() as copy:
        env = {**_path(venv), "ANSIBLE_COLLECTIONS_PATH": str(collections_of(copy)), "PYTHONPATH": str(copy / "tools")}
        # What differs between two Pythons or Ansibles differs by statement, which the newest's run of all cases need
        # not repeat here.
        # ansible-test forks for each of thousands of tests, which takes twice the time of the tests themselves.
        run.command(
            venv / "bin" / "python",
            "-m",
            "pytest",
            "-q",
            "-p",
            "pytest_draw",
            f"--cases={CASES_ON_THE_OLDEST}",
            "tests/unit",
            cwd=copy,
            env=env,
        )
        words = ["units", "--local", "--color=no", f"--python={version}", "tests/unit/plugins/module_utils/test_run.py"]
        run.command(venv / "bin" / "ansible-test", *words, cwd=copy, env=_path(venv))


def programs(run: Run) -> None:
    """Fetch or build the testbed's programs (minutes the first time)."""
    venv = run.venv("newest")
    run.command(
        venv / "bin" / "python",
        "-m",
        "testbed",
        "programs",
        "--controllers",
        env={"PYTHONPATH": str(TREE / "tests")},
        keep_proxies=True,
    )


def integration_oldest(run: Run) -> None:
    """Run the playbooks of a federation, from the installed archive, on the oldest supported Ansible, Python and
    client.
    """
    _installed(run, "oldest", "short_flow")


def _installed(run: Run, name: str, mark: str) -> None:
    venv = run.venv(name)
    with installed_archive(run, venv) as (_archive, installed):
        env = {**_path(venv), "OSSM_FEDERATION_INSTALLED": str(installed)}
        run.command(venv / "bin" / "python", "-m", "pytest", "-m", mark, "tests/integration", env=env)


def molecule(run: Run) -> None:
    """Run molecule's scenarios for the testbed: two meshes federated, one upgraded, two made from bare clusters."""
    venv = run.venv("newest")
    with copied_tree() as copy:
        env = {"ANSIBLE_COLLECTIONS_PATH": str(collections_of(copy)), **_path(venv), "NO_COLOR": "1"}
        scenarios = [f"--scenario-name={name}" for name in run.share(("default", "upgrade", "install"), 3)]
        run.command(venv / "bin" / "molecule", "test", *scenarios, cwd=copy, env=env)


def traffic(run: Run) -> None:
    """Have rules of traffic obeyed by a real Istio control plane with real sidecars; builds it the first time
    (minutes).
    """
    _traffic(run)


def _traffic(run: Run, **variables: str) -> None:
    venv = run.venv("newest")
    run.command(
        venv / "bin" / "python",
        "-m",
        "testbed",
        "programs",
        "--istio",
        env={"PYTHONPATH": str(TREE / "tests")},
        keep_proxies=True,
    )
    run.command(venv / "bin" / "python", "-m", "pytest", "-s", "tests/real_istio", env={**_path(venv), **variables})


def traffic_where_built(run: Run) -> None:
    """Run the stage traffic where its programs stand in the cache; nothing is built for it here."""
    words = (
        f"import sys; sys.path.insert(0, {str(TREE / 'tests')!r}); from testbed.programs import has_istio;"
        " print(has_istio())"
    )
    if _printed_by([run.venv("newest") / "bin" / "python", "-c", words], run.output) != "True":
        raise NotRun("Istio's programs are not in the cache; make test-traffic builds them once")
    traffic(run)


def rulebook(run: Run) -> None:
    """Have ansible-rulebook run the rulebook that is shipped, where there is the Java that it needs."""
    if (version := _java_version()) < JAVA:
        found = f"this is Java {version}" if version else "there is no Java"
        raise NotRun(
            f"ansible-rulebook needs Java {JAVA}, and {found}. On Debian and Ubuntu: apt install"
            f" openjdk-{JAVA}-jre-headless"
        )
    program = run.venv("rulebook") / "bin" / "ansible-rulebook"
    venv = run.venv("newest")
    run.command(
        venv / "bin" / "python",
        "-m",
        "pytest",
        "tests/rulebook",
        env={**_path(venv), "OSSM_FEDERATION_RULEBOOK": str(program)},
    )


def _java_version() -> int:
    """Return the major version of the Java on PATH; 0 without one."""
    if shutil.which("java") is None:
        return 0
    told = subprocess.run(
        ["java", "-version"], check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True
    ).stderr
    found = re.search(r'version "(\d+)', told)
    return int(found[1]) if found else 0


def mutations(run: Run) -> None:
    """Break the core in some twenty ways and see that the unit tests notice each."""
    venv = run.venv("newest")
    with copied_tree() as copy:
        env = {**_path(venv), "ANSIBLE_COLLECTIONS_PATH": str(collections_of(copy))}
        run.command(venv / "bin" / "python", "tools/mutations.py", cwd=copy, env=env)


def benchmark(run: Run) -> None:
    """Measure, as ratios within one run; prints tables."""
    _benchmark(run)


def benchmark_smallest(run: Run) -> None:
    """Run every benchmark's code at its smallest size, so that it still runs when it is wanted; its figures mean
    nothing.
    """
    _benchmark(run, OSSM_FEDERATION_SMALLEST="1")


def _benchmark(run: Run, **variables: str) -> None:
    venv = run.venv("newest")
    with copied_tree() as copy:
        paths = os.pathsep.join([str(TREE / "tests"), str(collections_of(copy))])
        env = {**_path(venv), "OSSM_FEDERATION_BESIDE": run.beside(venv), "PYTHONPATH": paths, **variables}
        for program in run.share(sorted((TREE / "tests" / "benchmark").glob("*.py")), 2):
            run.command(venv / "bin" / "python", program, env=env)


def soak(run: Run) -> None:
    """Run every test with all of its cases and long draws: certificates, hostile answers, secrets, faults, crash points
    (hours on two cores).
    """
    venv = run.venv("newest")
    _traffic(run, OSSM_FEDERATION_SOAK="1")
    try:
        rulebook(run)
    except NotRun as left_out:
        print(f"rulebook: NOT RUN: {left_out}", flush=True)
    env = {**_path(venv), "OSSM_FEDERATION_BESIDE": run.beside(venv), "OSSM_FEDERATION_SOAK": "1"}
    run.command(
        venv / "bin" / "python", "-m", "pytest", "--numprocesses=2", "--dist=loadfile", *PYTEST_FOLDERS, env=env
    )


def release_check(run: Run) -> None:
    """Do what comes before a release: the archive, installed and at work on the oldest and newest Ansible; the site;
    the image's base. An unbound base is told at once and fails the check at its end, so the rest is seen as well.
    """
    unbound = _unbound_images()
    if unbound:
        print(f"release-check: will fail at its end: {unbound}", flush=True)
    programs(run)
    build(run)
    for name in ("oldest", "newest"):
        _installed(run, name, "whole_flow")
    docs(run)
    if unbound:
        raise SystemExit(f"All else is in order. {unbound}")


def _unbound_images() -> str:
    """Return what is wrong with an execution environment whose base image another may replace, or ""."""
    folder = TREE / "extensions" / "awx" / "execution-environment"
    text = (folder / "execution-environment.yml").read_text(encoding="utf-8")
    images = re.findall(r"^ *name: *(\S+)", text, re.MULTILINE)
    unbound = [image for image in images if not re.search(r"@sha256:[0-9a-f]{64}$", image)]
    if images and not unbound:
        return ""
    return (
        f"{folder.relative_to(TREE)}/execution-environment.yml names the base image {', '.join(unbound) or 'of none'}"
        " without a digest, so whoever moves its tag decides what runs. Look its digest up (skopeo inspect docker://…)"
        " and write it behind the name: …@sha256:…"
    )


def unit(run: Run) -> None:
    """Run the unit tests on the newest supported Ansible."""
    _pytest(run, "tests/unit")


def integration(run: Run) -> None:
    """Run the testbed's own tests and the integration tests on the newest supported Ansible."""
    _pytest(run, *SIDE_BY_SIDE, *DRAWN, *_shares(_turn()), *ON_A_TESTBED, "tests/attacks", "tests/inputs")


def _pytest(run: Run, *words: str) -> None:
    venv = run.venv("newest")
    env = {**_path(venv), "OSSM_FEDERATION_BESIDE": run.beside(venv), "PYTHONPATH": str(TREE / "tools")}
    run.command(venv / "bin" / "python", "-m", "pytest", *words, env=env)


def _path(venv: pathlib.Path) -> dict[str, str]:
    """Return the environment in which a venv's programs come first."""
    return {"PATH": f"{venv / 'bin'}:{os.environ['PATH']}"}


# Slow ones first; the programs before all, since testbeds need them.
BEFORE_PYTEST: tuple[Callable[[Run], None], ...] = (
    programs,
    integration_oldest,
    sanity,
    molecule,
    traffic_where_built,
    units_oldest,
    benchmark_smallest,
    rulebook,
    build,
    lint,
    mutations,
    types,
    docs_lint,
    changelog_lint,
)
PATIENT = (sanity, units_oldest, build, lint, mutations, types, docs_lint, changelog_lint)
STAGES = {
    stage.__name__.replace("_", "-"): stage
    for stage in (*BEFORE_PYTEST, traffic, unit, integration, docs, benchmark, soak, release_check)
}


def outcome(stage: Callable[[Run], None], folder: pathlib.Path, turn: int | None = None) -> Result:
    """Run one stage, or its share in a ``turn``, to its end and return how it ended; its output is printed at once when
    it failed.
    """
    name = _name_of(stage)
    log = folder / f"{name}.log"
    started, run, not_run, said = time.monotonic(), Run(output=log, is_patient=stage in PATIENT, turn=turn), "", ""
    try:
        stage(run)
    except NotRun as left_out:
        not_run = str(left_out)
    except (Exception, SystemExit) as error:  # whoever waits for this result must get one
        said = f"{type(error).__name__}: {error}\n"
    seconds = time.monotonic() - started
    output = (log.read_text(encoding="utf-8", errors="replace") if log.exists() else "") + said
    if said:
        print(f"\n== {name}: FAILED after {seconds:.0f} s\n{output}== {name}: end of its output", flush=True)
    return Result(name, not said, seconds, output, not_run, run.processor)


def _name_of(stage: Callable[[Run], None]) -> str:
    return stage.__name__.replace("_", "-")


def _kept_outcome(stage: Callable[[Run], None], folder: pathlib.Path, turn: int) -> None:
    """Run one stage and write down how it ended, for the test that waits for it."""
    result = outcome(stage, folder, turn)
    part = folder / f"{result.stage}.part"
    part.write_text(json.dumps(dataclasses.asdict(result)), encoding="utf-8")
    part.rename(folder / f"{result.stage}.json")


def run_all() -> int:
    """Run all stages and pytest beside them; return pytest's exit code, which counts failed stages too."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SCRATCH, prefix="all-") as scratch:
        folder = pathlib.Path(scratch)
        first = Run()
        newest = first.venv("newest")
        first.venv("oldest")
        beside = first.beside(newest)
        turn = _turn()
        version, ansible = _version_of(newest), _ansible_of(newest)
        covered = f"ansible-core {ansible} on Python {version}"
        not_covered = "" if version != "3.11" else "; NOT covered: ansible-core 2.20 and 2.21, which need Python 3.12"
        env = {
            **_path(newest),
            "OSSM_FEDERATION_BESIDE": beside,
            "OSSM_FEDERATION_STAGES": str(folder),
            "OSSM_FEDERATION_STAGE_NAMES": " ".join(map(_name_of, BEFORE_PYTEST)),
            "OSSM_FEDERATION_COVERED": covered + not_covered,
            "PYTHONPATH": str(TREE / "tools"),
        }
        folders = [name for name in PYTEST_FOLDERS if (TREE / name).exists()]
        clean = [str(TREE / "tools" / "clean-env.sh"), "env", *(f"{name}={value}" for name, value in env.items())]
        options = ["--continue-on-collection-errors", "--durations=20"]
        words = [
            *clean,
            str(newest / "bin" / "python"),
            "-m",
            "pytest",
            "-p",
            "pytest_stages",
            *options,
            *SIDE_BY_SIDE,
            *DRAWN,
            *_shares(turn),
            *folders,
        ]
        needed, *others = BEFORE_PYTEST
        _kept_outcome(needed, folder, turn)
        print(
            "== pytest: unit, testbed and integration tests on the newest supported Ansible, and beside them the"
            " stages; one that fails is told",
            flush=True,
        )
        pool = ThreadPoolExecutor(STAGES_AT_ONCE)
        try:
            for stage in others:
                pool.submit(_kept_outcome, stage, folder, turn)
            return subprocess.run(
                words, cwd=TREE, check=False, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT
            ).returncode
        finally:  # pytest has waited for all, unless somebody has interrupted it
            pool.shutdown(cancel_futures=True)


def _turn() -> int:
    """Return whose turn it is: the number of commits, or ``OSSM_FEDERATION_TURN``."""
    count = ["git", "-c", f"safe.directory={TREE}", "-C", str(TREE), "rev-list", "--count", "HEAD"]
    return int(os.environ.get("OSSM_FEDERATION_TURN") or _printed_by(count, None))


def _shares(turn: int) -> list[str]:
    """Return pytest's words for the shares of a turn."""
    return [f"--turn={turn}", *(f"--turns-in={place}={turns}" for place, turns in TURNS.items())]


def main() -> None:
    names = sys.argv[1:]
    if names == ["all"]:
        sys.exit(run_all())
    unknown = [name for name in names if name not in STAGES]
    if unknown or not names:
        sys.exit(f"usage: {sys.argv[0]} all | {' | '.join(STAGES)}")
    for name in names:
        try:
            STAGES[name](Run())
        except subprocess.CalledProcessError as error:
            sys.exit(f"Stage {name} failed: a command ended with {error.returncode}.")
        except NotRun as left_out:
            sys.exit(f"Stage {name} was not run: {left_out}.")


if __name__ == "__main__":
    main()
