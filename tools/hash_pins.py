# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write tools/hashes.txt: the SHA-256 of every file that a pinned Python package may be installed from.

Run it with any Python that has pip after a pin has changed: ``python tools/hash_pins.py``. It asks the index that pip
is set up to use, and looks at no file itself, so read the change: a digest that differs for a version that was there
before is an attack or a mistake. Only files for Linux, for any system, and sources are listed, since the testbed needs
Linux.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from hashes import FILE, PIN, normal, with_hashes
from places import TREE

IMAGE = TREE / "extensions" / "awx" / "execution-environment"
FITTING = re.compile(
    r"(-(cp31[0-4]|py3|py2\.py3|cp3[0-9]+-abi3)[^/]*-(any|(manylinux|musllinux)[^/]*_(x86_64|aarch64))\.whl"
    r"|-abi3-(manylinux|musllinux)[^/]*_(x86_64|aarch64)\.whl|\.tar\.gz)$"
)
HEAD = """\
# The SHA-256 of every file that a pinned package may be installed from; tools/venv.py hands them to pip, which takes no other.
# Made by: python tools/hash_pins.py
"""


def pins() -> list[tuple[str, str]]:
    """Return name and version of all that any requirements file pins, and of the wheels that collections are taken out
    of.
    """
    files = [*sorted((TREE / "tools").glob("requirements-*.txt")), TREE / "tools" / "kubernetes_core.py"]
    found = {(match["name"], match["version"].strip('"')) for file in files for match in _pins_in(file)}
    return sorted(found, key=lambda pin: (normal(pin[0]), pin[1]))


def _pins_in(file: pathlib.Path) -> Iterator[re.Match[str]]:
    for line in file.read_text(encoding="utf-8").splitlines():
        if file.suffix == ".py":
            yield from re.finditer(r"(?P<name>ansible)==(?P<version>[0-9.]+)", line)
        elif not line.startswith("#") and (match := PIN.match(line)):
            yield match


def index() -> str:
    """Return the URL of the index that pip would ask."""
    told = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"], check=False, capture_output=True, text=True
    ).stdout
    if told.strip():
        return told.strip().rstrip("/")
    program = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    return (
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
        .stdout.strip()
        .rstrip("/")
    )


def digests(pin: tuple[str, str], source: str) -> list[str]:
    """Return one line per fitting file of a pinned version: its SHA-256 and its name. Ends the program where there is
    none.
    """
    name, version = pin
    request = urllib.request.Request(
        f"{source}/{normal(name)}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        files = json.load(answer)["files"]
    begins = re.compile(
        rf"{re.sub(r'[-_.]+', '[-_.]+', re.escape(name).replace(chr(92), ''))}-{re.escape(version)}(-|\.tar\.gz)",
        re.IGNORECASE,
    )
    fitting = sorted(
        (file["filename"], file["hashes"]["sha256"])
        for file in files
        if begins.match(file["filename"]) and FITTING.search(file["filename"])
    )
    if not fitting:
        sys.exit(f"{name} {version} has no file for Linux in the index")
    return [f"{digest}  {filename}" for filename, digest in fitting]


def main() -> None:
    source, wanted = index(), pins()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda pin: digests(pin, source), wanted))
    parts = [
        f"{normal(name)}=={version}\n" + "".join(f"  {line}\n" for line in lines)
        for (name, version), lines in zip(wanted, found)
    ]
    FILE.write_text(HEAD + "".join(parts), encoding="utf-8")
    wanted_inside = (TREE / "tools" / "requirements-image.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    for name, is_builder in (("requirements.txt", False), ("builder.txt", True)):
        checked = with_hashes("".join(line for line in wanted_inside if line.startswith("setuptools==") is is_builder))
        head = "# Made from tools/requirements-image.txt by: python tools/hash_pins.py\n"
        (IMAGE / name).write_text(head + checked.replace(" --hash", " \\\n  --hash"), encoding="utf-8")
    print(f"{len(wanted)} packages, {sum(map(len, found))} files: {FILE}")


if __name__ == "__main__":
    main()
