# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lines of the README's section "Install", run as they stand in an empty home; this checkout stands for the address
in Git.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

TREE = Path(__file__).resolve().parents[2]
ADDRESS = str(yaml.safe_load((TREE / "galaxy.yml").read_text(encoding="utf-8"))["repository"])
SECTIONS = re.split(r"^## ", (TREE / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
INSTALL = next(part for part in SECTIONS if part.startswith("Install\n"))
WAYS = dict(zip(("git", "archive", "environment", "checkout"), re.findall(r"```bash\n(.*?)```", INSTALL, re.DOTALL)))

pytestmark = pytest.mark.skipif(
    not (TREE / ".git").exists(), reason="no Git repository: the files did not come by git clone"
)


@pytest.fixture
def followed(tmp_path: Path):
    """Give a way to follow lines of the README in a folder, and how they end; nothing of this machine's
    home is there.
    """
    home = tmp_path / "home"
    home.mkdir()
    # Git refuses a checkout of another user, as a container's may be, unless told.
    (tmp_path / "gitconfig").write_text("[safe]\n  directory = *\n", encoding="utf-8")
    environment = {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LANG": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig"),
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }

    # pip itself is asked once; after that it is enough that it would be given a file that is there.
    stand_in = tmp_path / "bin" / "pip"
    stand_in.parent.mkdir()
    stand_in.write_text('#!/bin/sh\n[ "$1 $2" = "install -r" ] && [ -s "$3" ]\n', encoding="utf-8")
    stand_in.chmod(0o755)

    def follow(lines: str, folder: Path = home, *, with_pip: bool = False) -> str:
        path = environment["PATH"] if with_pip else f"{stand_in.parent}:{environment['PATH']}"
        given = {**environment, "PATH": path}
        done = subprocess.run(
            ["bash", "-euc", lines], cwd=folder, env=given, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return follow


def copied(target: Path) -> Path:
    """Return a copy of this checkout, as far as an archive holds it."""
    shutil.copytree(
        TREE, target, ignore=shutil.ignore_patterns(".git", ".hypothesis", "__pycache__", "tests", "collections")
    )
    return target


def test_the_readme_names_four_ways_and_the_address_of_the_collection() -> None:
    assert len(WAYS) == 4
    assert all(ADDRESS in WAYS[way] for way in ("git", "checkout"))


def test_the_collection_installs_from_git(followed) -> None:
    lines = WAYS["git"].replace(ADDRESS, f"file://{TREE}")
    assert "ossm.federation:" in followed(lines, with_pip=True)


def test_a_checkout_is_found_where_it_is_cloned(followed) -> None:
    lines = WAYS["checkout"].replace(ADDRESS, f"file://{TREE}")
    assert "ossm.federation " in followed(f"{lines}\nansible-galaxy collection list ossm.federation")


def test_the_collection_installs_from_an_archive_of_a_checkout(followed, tmp_path: Path) -> None:
    assert "ossm.federation:" in followed(WAYS["archive"], copied(tmp_path / "checkout"))


def test_the_lines_for_an_execution_environment_give_a_build_context(followed, tmp_path: Path) -> None:
    """No container engine is needed for ``create``, which is all of ``build`` but the engine's own part."""
    lines, tagged = re.subn(
        r"^ansible-builder build .*$", "ansible-builder create", WAYS["environment"], flags=re.MULTILINE
    )
    assert tagged == 1
    checkout = tmp_path / "checkout"
    shutil.copytree(
        TREE / "extensions" / "awx" / "execution-environment", checkout / "extensions" / "awx" / "execution-environment"
    )
    followed(lines, checkout)
    # Its name is Dockerfile where Docker, and no podman, is installed.
    (made,) = (checkout / "extensions" / "awx" / "execution-environment" / "context").glob("*file")
    assert "--require-hashes" in made.read_text(encoding="utf-8")
