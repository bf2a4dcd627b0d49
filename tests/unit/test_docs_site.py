# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The documentation's site is laid out whole: no page without a place, no link that leads nowhere, a page per playbook
and code.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import xml.etree.ElementTree
from pathlib import Path
from types import ModuleType

import pytest

TREE = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_site", TREE / "tools" / "docs_site.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(site: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    site.lay_out(TREE, target)
    return target


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the site is made of."""
    copy = tmp_path / "tree"
    copy.mkdir()
    for folder in ("docs", "playbooks", "roles", "plugins", "examples", "extensions"):
        shutil.copytree(TREE / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("README.md", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "LICENSE", "CHANGELOG.rst", "galaxy.yml"):
        shutil.copy(TREE / file, copy)
    return copy


def test_there_is_a_page_for_each_code_and_each_playbook(pages: Path) -> None:
    codes = re.findall(r"^### (FED\d+)$", (TREE / "docs" / "codes.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(codes) > 200
    assert {path.stem for path in (pages / "codes").glob("*.md")} == {code.lower() for code in codes}
    assert {path.stem for path in (pages / "playbooks").glob("*.md")} == {
        path.stem for path in (TREE / "playbooks").glob("*.yml")
    }
    assert "{ref}`identity <ansible_collections.ossm.federation.identity_role>`" in (
        pages / "playbooks" / "federate.md"
    ).read_text(encoding="utf-8")


def test_every_link_between_pages_leads_to_a_file(pages: Path) -> None:
    seen = 0
    for page in pages.rglob("*.md"):
        for link in re.findall(r"\]\(([^)\s#]+)[^)\s]*\)", page.read_text(encoding="utf-8")):
            if "://" in link or link.startswith(("mailto:", "reference/")):
                continue
            seen += 1
            assert (page.parent / link).exists(), f"{page.relative_to(pages)} links to {link}"
    assert seen > 300


def test_a_page_that_the_first_page_does_not_name_is_refused(site: ModuleType, tree: Path, tmp_path: Path) -> None:
    (tree / "docs" / "lost.md").write_text("# Lost\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="nowhere where these pages belong: lost.md"):
        site.lay_out(tree, tmp_path / "site")


def test_a_link_to_what_is_not_there_is_refused(site: ModuleType, tree: Path, tmp_path: Path) -> None:
    with (tree / "docs" / "card.md").open("a", encoding="utf-8") as page:
        page.write("\n[gone](../examples/gone)\n")
    with pytest.raises(SystemExit, match="docs/card.md links to ../examples/gone"):
        site.lay_out(tree, tmp_path / "site")


def test_a_playbook_that_the_table_does_not_name_is_refused(site: ModuleType, tree: Path, tmp_path: Path) -> None:
    shutil.copy(tree / "playbooks" / "status.yml", tree / "playbooks" / "another.yml")
    with pytest.raises(SystemExit, match="differ in: another"):
        site.lay_out(tree, tmp_path / "site")


@pytest.mark.parametrize("picture", sorted(path.name for path in (TREE / "docs" / "pictures").glob("*.svg")))
def test_a_picture_says_in_words_what_it_shows_and_loads_nothing(picture: str) -> None:
    text = (TREE / "docs" / "pictures" / picture).read_text(encoding="utf-8")
    root = xml.etree.ElementTree.fromstring(text)
    names = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert names.count("title") == 1 and names.count("desc") == 1
    assert not {"image", "script", "use", "foreignObject"} & set(names) and "url(http" not in text
