# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make a venv of pinned packages outside the tree and print its folder: ``python venv.py
newest|oldest|demo|docs|rulebook``.

The folder's name holds a hash of the pins and of the interpreter that runs this program, so a venv is made once and a
change of either gives a new one. pip takes only files whose SHA-256 stands in tools/hashes.txt, whatever its index
gives. Needs nothing but the standard library.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from hashes import with_hashes
from places import CACHE, TREE, locked

FINISHED = "finished"


def folder_of(name: str, pins: bytes) -> pathlib.Path:
    """Return the folder of the venv ``name`` with the text ``pins`` as its requirements, for this interpreter."""
    key = hashlib.sha256(
        b"\0".join([pins, sys.version.encode(), os.path.realpath(sys.executable).encode()])
    ).hexdigest()[:12]
    return CACHE / "venvs" / f"{name}-{key}"


def make(folder: pathlib.Path, requirements: pathlib.Path) -> None:
    """Make the venv ``folder`` with all of ``requirements``. A half-made one is made anew."""
    if importlib.util.find_spec("ensurepip") is None:
        version = ".".join(map(str, sys.version_info[:2]))
        sys.exit(
            f"Python {version} at {sys.executable} cannot make a venv: ensurepip is missing. On Debian and Ubuntu: apt"
            f" install python{version}-venv"
        )
    checked = with_hashes(requirements.read_text(encoding="utf-8"))
    count = checked.count("==")
    print(
        f"Making the venv {folder} (once, up to two minutes): pip fetches the {count} packages of"
        f" tools/{requirements.name}, each held to its SHA-256 in tools/hashes.txt",
        file=sys.stderr,
        flush=True,
    )
    shutil.rmtree(folder, ignore_errors=True)
    # pip obeys its user's index, certificates and proxies, but installs into this venv only.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON")
        and name not in ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV")
    }
    subprocess.run([sys.executable, "-I", "-m", "venv", folder], check=True, env=environment, stdout=sys.stderr)
    # What a source is built with would be fetched unseen, so it is the pinned setuptools, which comes first.
    builder = "".join(f"{line}\n" for line in checked.splitlines() if line.startswith("setuptools=="))
    for lines, option in (
        (builder, "--only-binary=:all:"),
        (checked, "--no-build-isolation" if builder else "--only-binary=:all:"),
    ):
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as listed:
            listed.write(lines)
            listed.flush()
            words = ["install", "--quiet", "--disable-pip-version-check", "--require-hashes", option, "-r", listed.name]
            subprocess.run(
                [folder / "bin" / "python", "-m", "pip", *words], check=True, env=environment, stdout=sys.stderr
            )
    (folder / FINISHED).touch()


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} newest|oldest|demo|docs|rulebook")
    requirements = TREE / "tools" / f"requirements-{sys.argv[1]}.txt"
    folder = folder_of(sys.argv[1], requirements.read_bytes())
    with locked(folder):
        if not (folder / FINISHED).exists():
            try:
                make(folder, requirements)
            except subprocess.CalledProcessError as error:
                sys.exit(
                    f"The venv {folder} could not be made: a command ended with {error.returncode}, the lines above say"
                    " why. Fix it and run this again."
                )
    print(folder)


if __name__ == "__main__":
    main()
