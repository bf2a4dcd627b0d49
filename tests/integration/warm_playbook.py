# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""ansible-playbook for many runs: what it imports is imported once, and each run is a fork.

More than half of the work of a short run is importing Ansible and this collection. All else is as ansible-playbook does
it: its own ``main`` reads the words, in the folder, the environment and the configuration of that run. Tests that look
at signals, terminals or installations start the real program.

As a program it reads requests from its standard input, one JSON object a line, and answers each with the exit code. It
ends when its input does.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib
import json
import marshal
import os
import pkgutil
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MOST_KEPT = 3


# What differs between the folders of two administrators; Ansible's settings are read again for each run.
OF_A_FOLDER = ("ANSIBLE_HOME", "ANSIBLE_LOCAL_TEMP")


class Warm:
    """One process that has imported all, for runs whose environments differ in ``OF_A_FOLDER`` alone."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen([sys.executable, __file__], cwd=folder, env=env, text=True, **streams)
        self._one_at_a_time = threading.Lock()

    def run(self, words: list[str], folder: Path, env: Mapping[str, str], output: Path) -> int | None:
        """Return the exit code of ansible-playbook with these words, or None when this process has ended: it could not
        import all.

        ``output`` has what it printed.
        """
        own = {name: env[name] for name in OF_A_FOLDER if name in env}
        request = json.dumps({"words": words, "folder": str(folder), "env": own, "output": str(output)})
        with self._one_at_a_time:
            try:
                print(request, file=self._process.stdin, flush=True)
            except BrokenPipeError:
                return None
            answer = self._process.stdout.readline()
        return int(answer) if answer else None

    def end(self) -> None:
        """End it; nothing of it runs afterwards."""
        with self._one_at_a_time:
            self._process.communicate()


_KEPT: OrderedDict[tuple, Warm] = OrderedDict()
_CHOOSING = threading.Lock()


def play(words: list[str], folder: Path, env: Mapping[str, str]) -> tuple[int, str]:
    """Run ansible-playbook with ``words`` in ``folder`` and return its exit code and all that it printed."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8", errors="replace") as output:
        # What is installed is tried as it is started by those who have installed it.
        code = (
            None
            if "OSSM_FEDERATION_INSTALLED" in env
            else _warm(folder, env).run(words, folder, env, Path(output.name))
        )
        if code is not None:
            return code, output.read()
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(["ansible-playbook", *words], check=False, cwd=folder, env=env, text=True, **streams)
    return done.returncode, done.stdout


def _warm(folder: Path, env: Mapping[str, str]) -> Warm:
    settings = folder / "ansible.cfg"
    shared = tuple(sorted((name, text) for name, text in env.items() if name not in OF_A_FOLDER))
    # Some settings, such as a log's path, are read by imports alone.
    key = (shared, (folder, settings.read_bytes()) if settings.exists() else None)
    with _CHOOSING:
        if key not in _KEPT:
            if len(_KEPT) == MOST_KEPT:
                _KEPT.popitem(last=False)[1].end()
            _KEPT[key] = Warm(folder, env)
        _KEPT.move_to_end(key)
        return _KEPT[key]


@atexit.register
def _end_all() -> None:
    while _KEPT:
        _KEPT.popitem()[1].end()


def _import_all() -> None:
    """Import Ansible and this collection, and leave no trace that its own start would find."""
    from ansible import constants
    from ansible.utils.collection_loader import AnsibleCollectionConfig
    from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

    importlib.import_module("ansible.cli.playbook")
    finder = _AnsibleCollectionFinder(constants.COLLECTIONS_PATHS, False)
    finder._install()
    plugins = importlib.import_module("ansible_collections.ossm.federation.plugins")
    importlib.import_module(f"{plugins.__name__}.plugin_utils.waiting")
    # A run imports the modules that it has tasks for; all of them are at hand here, for whichever run it is.
    for _finder, name, _is_package in pkgutil.iter_modules(
        importlib.import_module(f"{plugins.__name__}.modules").__path__
    ):
        importlib.import_module(f"{plugins.__name__}.modules.{name}")
    finder._remove()
    AnsibleCollectionConfig._collection_finder = None


def _compile_once(folder: str) -> None:
    """Keep what Jinja makes of a template in ``folder``: every task of every run is a process that would compile the
    same again.

    A fifth of a run's work. What a template is compiled to depends on its text and on these settings alone.
    """
    try:
        context = importlib.import_module("ansible._internal._templating._jinja_bits")._TemplateCompileContext
    except (ImportError, AttributeError):
        return  # another version of Ansible, whose compiling depends on what is not known here
    import jinja2

    compile_anew = jinja2.Environment.compile
    settings = (
        "block_start_string",
        "variable_start_string",
        "comment_start_string",
        "trim_blocks",
        "lstrip_blocks",
        "newline_sequence",
        "optimized",
    )

    def compiled(
        self: Any, source: Any, name: Any = None, filename: Any = None, raw: bool = False, defer_init: bool = False
    ) -> Any:
        if raw or not isinstance(source, str):
            return compile_anew(self, source, name, filename, raw, defer_init)
        parts = (
            type(self),
            source,
            name,
            filename,
            defer_init,
            *(getattr(self, word) for word in settings),
            context.current(optional=True),
        )
        kept = Path(folder, hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest())
        try:
            return marshal.loads(kept.read_bytes())
        except FileNotFoundError:
            code = compile_anew(self, source, name, filename, raw, defer_init)
        part = kept.with_suffix(f".{os.getpid()}")
        part.write_bytes(marshal.dumps(code))
        part.rename(kept)
        return code

    jinja2.Environment.compile = compiled


def _be_playbook(words: list[str], folder: str, env: Mapping[str, str], output: str) -> None:
    """Be one run of ansible-playbook, and end as it does."""
    from ansible import constants
    from ansible.cli.playbook import main

    nothing, printed = os.open(os.devnull, os.O_RDONLY), os.open(output, os.O_WRONLY | os.O_APPEND)
    for given, wanted in ((nothing, 0), (printed, 1), (printed, 2)):
        os.dup2(given, wanted)
    os.chdir(folder)
    os.environ.update(env)
    importlib.reload(constants)  # it reads all settings, and makes a folder for temporary files
    sys.argv = [str(Path(sys.executable).parent / "ansible-playbook"), *words]
    code = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        shutil.rmtree(constants.DEFAULT_LOCAL_TMP, ignore_errors=True)
        os._exit(code)


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    _import_all()
    # Apart from where a run keeps its files: tests look there for what must not be written, and a template may hold it.
    with tempfile.TemporaryDirectory(
        prefix="compiled-", dir=next(filter(os.path.isdir, ("/dev/shm", "/var/tmp")))
    ) as folder:
        _compile_once(folder)
        for line in sys.stdin:
            request = json.loads(line)
            child = os.fork()
            if not child:
                _be_playbook(**request)
            _pid, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


if __name__ == "__main__":
    _serve()
