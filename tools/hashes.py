# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The digests of tools/hashes.txt, in the form in which pip holds each package to them. Needs nothing but the standard
library.
"""

from __future__ import annotations

import re
import sys

from places import TREE

FILE = TREE / "tools" / "hashes.txt"
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;#]+)(?P<marker>\s*;[^#]*)?")


def normal(name: str) -> str:
    """Return a package's name as indexes spell it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def known() -> dict[str, list[str]]:
    """Return the SHA-256 of each file that may be installed, by ``name==version``."""
    found: dict[str, list[str]] = {}
    package = ""
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):
            found[package].append(line.split()[0])
        elif not line.startswith("#"):
            package = line
            found[package] = []
    return found


def with_hashes(requirements: str) -> str:
    """Return the lines of a requirements file, each with the digests that pip must hold the package to.

    Ends the program at a package that has none: it would be installed unseen.
    """
    digests, lines = known(), []
    for line in requirements.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        pin = PIN.fullmatch(line.strip())
        name = f"{normal(pin['name'])}=={pin['version']}" if pin else line
        if not pin or not digests.get(name):
            sys.exit(
                f"tools/hashes.txt has no digest for {name}: run python tools/hash_pins.py and read what it changes"
            )
        options = " ".join(f"--hash=sha256:{digest}" for digest in digests[name])
        lines.append(f"{pin['name']}=={pin['version']}{pin['marker'] or ''} {options}")
    return "\n".join(lines) + "\n"
