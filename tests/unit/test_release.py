# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The tool that makes a release's commit: what it refuses, and that the version stands where it says."""

from __future__ import annotations

import pathlib
import re
import shutil
import sys

import pytest
import yaml

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(TREE / "tools"))
import release  # noqa: E402 - a program of tools/, which is no package

VERSION = yaml.safe_load((TREE / "galaxy.yml").read_text(encoding="utf-8"))["version"]


@pytest.mark.parametrize("version", ["", "0.2", "v0.2.0", "0.2.0-rc1", "0.2.0.1", "00.2.0", "next"])
def test_only_three_numbers_are_a_version_of_a_release(version):
    with pytest.raises(release.Refused):
        release.refuse_version(version, [])


def test_a_release_comes_after_all_others():
    release.refuse_version("0.10.0", ["0.2.0", "0.9.9"])
    for version in ("0.9.9", "0.9.0"):
        with pytest.raises(release.Refused, match="0.9.9 is released already"):
            release.refuse_version(version, ["0.2.0", "0.9.9"])


def test_nothing_was_added_in_a_version_that_is_still_to_come(tmp_path):
    module = tmp_path / "plugins" / "modules" / "some.py"
    module.parent.mkdir(parents=True)
    module.write_text("    version_added: 0.3.0\n", encoding="utf-8")
    with pytest.raises(release.Refused, match=r"some\.py says version_added: 0\.3\.0"):
        release.refuse_additions_of_later_versions("0.2.9", tmp_path)
    release.refuse_additions_of_later_versions("0.3.0", tmp_path)


@pytest.fixture
def copied(tmp_path):
    for name, _pattern in release.PLACES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TREE / name, tmp_path / name)
    return tmp_path


def test_all_places_of_the_version_agree_and_are_written_together(copied):
    for name, pattern in release.PLACES:
        assert set(re.findall(pattern, (TREE / name).read_text(encoding="utf-8"), re.MULTILINE)) == {VERSION}, name
    release.write_version("77.0.1", copied)
    for name, pattern in release.PLACES:
        assert set(re.findall(pattern, (copied / name).read_text(encoding="utf-8"), re.MULTILINE)) == {"77.0.1"}, name


def test_no_link_to_a_code_has_a_version_that_a_release_would_leave():
    linking = {
        str(path.relative_to(TREE))
        for folder in ("plugins", "playbooks", "roles", "docs", "extensions")
        for path in (TREE / folder).rglob("*")
        if path.suffix in (".py", ".yml", ".md", ".j2")
        and re.search(r"/docs/[0-9][^/\s]*/codes/", path.read_text(encoding="utf-8"))
    }
    assert len(linking) > 3 and linking <= {name for name, _pattern in release.PLACES}


def test_where_a_place_has_gone_nothing_is_written(copied):
    lost = copied / release.PLACES[-1][0]
    lost.write_text("nothing\n", encoding="utf-8")
    with pytest.raises(release.Refused, match=f"{lost.name} has no line with the version"):
        release.write_version("77.0.1", copied)
    assert VERSION in (copied / "galaxy.yml").read_text(encoding="utf-8")
