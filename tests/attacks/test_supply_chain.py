# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is fetched is what this repository names, whoever answers."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from attacks.attack import attack
from integration.administrators import TREE

IMAGE = TREE / "extensions" / "awx" / "execution-environment"
HELD = (
    "import sys; sys.path.insert(0, 'tools'); from hashes import with_hashes; print(with_hashes(sys.argv[1]), end='')"
)


def held(line: str) -> subprocess.CompletedProcess:
    """Run our own writing of a requirement with its digests."""
    return subprocess.run([sys.executable, "-c", HELD, line], cwd=TREE, check=False, capture_output=True, text=True)


def wheel(folder: Path, name: str, version: str) -> None:
    """Write a wheel that pip would gladly install."""
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}/__init__.py", "raise SystemExit('executed')\n")
        archive.writestr(
            f"{name}-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(
            f"{name}-{version}.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{name}-{version}.dist-info/RECORD", "")


def test_a_package_that_an_index_replaced_is_not_installed(tmp_path: Path) -> None:
    version = re.search(
        r"^idna==(\S+)", (TREE / "tools" / "requirements-newest.txt").read_text(encoding="utf-8"), re.MULTILINE
    )[1]
    wheel(tmp_path, "idna", version)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(held(f"idna=={version}").stdout, encoding="utf-8")
    words = [
        "install",
        "--dry-run",
        "--ignore-installed",
        "--no-index",
        f"--find-links={tmp_path}",
        "--require-hashes",
        "-r",
        str(requirements),
    ]
    done = subprocess.run([sys.executable, "-m", "pip", *words], check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        attack("somebody who adds a pin", "without its digest", "left-pad==1.0.0"),
        attack("somebody who adds a pin", "without a version", "idna"),
        attack("somebody who adds a pin", "with a range", "idna>=3"),
        attack("somebody who adds a pin", "from a URL", "idna @ https://example.com/idna-3.20-py3-none-any.whl"),
        attack("somebody who adds a pin", "with an index of its own", "--extra-index-url=https://example.com/simple"),
    ],
)
def test_a_pin_that_is_bound_to_no_digest_is_refused(line: str) -> None:
    done = held(line)
    assert done.returncode != 0
    assert "tools/hashes.txt has no digest for" in done.stderr


@pytest.mark.parametrize("name", ["newest", "oldest", "demo", "image"])
def test_every_pin_has_its_digests(name: str) -> None:
    done = held((TREE / "tools" / f"requirements-{name}.txt").read_text(encoding="utf-8"))
    assert done.returncode == 0, done.stderr
    assert all("--hash=sha256:" in line for line in done.stdout.splitlines())


@pytest.mark.parametrize("name", ["builder.txt", "requirements.txt"])
def test_the_execution_environment_takes_packages_by_their_digests_alone(name: str) -> None:
    text = (IMAGE / name).read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"\n(?=\S)", text) if not entry.startswith("#")]
    assert entries and all(re.match(r"\S+==\S+ \\\n  --hash=sha256:[0-9a-f]{64}", entry) for entry in entries)
    definition = (IMAGE / "execution-environment.yml").read_text(encoding="utf-8")
    assert re.search(rf"--require-hashes -r \S+/{name}", definition)


NOTHING_ELSE = """
import stages

stages.programs = stages.build = stages.docs = stages._installed = print
stages.release_check("what else is checked")
"""


def test_a_release_with_a_base_image_that_somebody_may_replace_is_told_first_and_refused_at_last(
    tmp_path: Path,
) -> None:
    shutil.copytree(TREE / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    definition = tmp_path / IMAGE.relative_to(TREE) / "execution-environment.yml"
    definition.parent.mkdir(parents=True)
    bare = re.sub(r"^(    name: [^\s@]+)\S*", r"\1", (IMAGE / definition.name).read_text(encoding="utf-8"), flags=re.M)
    named = re.search(r"^    name: (\S+)", bare, re.MULTILINE)[1]

    def checked(text: str) -> subprocess.CompletedProcess[str]:
        definition.write_text(text, encoding="utf-8")
        words = [sys.executable, "-c", NOTHING_ELSE]
        return subprocess.run(words, cwd=tmp_path / "tools", check=False, capture_output=True, text=True)

    done = checked(bare)
    first, *others = done.stdout.splitlines()
    assert f"{named} without a digest" in first and len(others) == 5, "the rest is checked as well"
    assert done.returncode != 0 and f"{named} without a digest" in done.stderr
    done = checked(bare.replace(named, f"{named}@sha256:{'0' * 64}"))
    assert (done.returncode, done.stderr) == (0, "") and "digest" not in done.stdout
