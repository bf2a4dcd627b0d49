# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Turn the checkout into the commit of a release: ``release.py VERSION``, run by ``make release VERSION=0.2.0``.

Writes the version wherever it stands, makes the changelog of the fragments, and takes the fragments away. Nothing is
committed, tagged or sent: docs/releasing.md says what people do before and after.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable

import yaml
from packaging.version import InvalidVersion, Version

from places import TREE
from stages import SCRATCH, collections_of, copied_tree

CHANGES = ("changelogs/changelog.yaml", "CHANGELOG.rst")
# Where the version stands: the file, and what the line looks like around it.
PLACES = (
    ("galaxy.yml", r"^version: (\S+)$"),
    ("plugins/module_utils/_core/plain/reference.py", r'^VERSION = "([^"]+)"$'),
    *(
        (name, r"/docs/([^/\s]+)/codes/")
        for name in (
            "docs/troubleshooting.md",
            "playbooks/federate_changed.yml",
            "playbooks/guards/meshes.yml",
            "playbooks/join_reports.yml",
            "plugins/modules/cluster_preflight_info.py",
            "plugins/modules/mesh_validation_info.py",
            "plugins/modules/preflight_info.py",
        )
    ),
)


class Refused(Exception):
    """Why there is no release of this checkout."""


def released(tree: pathlib.Path) -> list[str]:
    """Return the versions that the changelog knows, oldest first."""
    known = yaml.safe_load((tree / CHANGES[0]).read_text(encoding="utf-8"))
    return sorted(known.get("releases") or {}, key=Version)


def refuse_version(version: str, before: Iterable[str]) -> None:
    """Raise ``Refused`` for what is no version of three numbers, or none that comes after those ``before``."""
    try:
        wanted = Version(version)
    except InvalidVersion:
        raise Refused(f"{version!r} is no version. Give three numbers: make release VERSION=0.2.0") from None
    if str(wanted) != version or not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise Refused(f"{version} is no version of three numbers. Galaxy takes nothing else for a release: 0.2.0, say")
    for other in before:
        if wanted <= Version(other):
            raise Refused(f"{other} is released already, so {version} would not come after it")


def refuse_additions_of_later_versions(version: str, tree: pathlib.Path) -> None:
    """Raise ``Refused`` where documentation says that something was added in a version that is still to come."""
    for path in sorted(
        path for folder in ("plugins", "roles") for path in (tree / folder).rglob("*") if path.suffix in (".py", ".yml")
    ):
        for found in re.findall(r"version_added: *['\"]?([0-9][0-9.]*)", path.read_text(encoding="utf-8")):
            if Version(found) > Version(version):
                raise Refused(f"{path.relative_to(tree)} says version_added: {found}, which comes after {version}")


def write_version(version: str, tree: pathlib.Path) -> list[str]:
    """Write the version at all its places and return the files; raises ``Refused`` where a place is not what it was."""
    texts = {}
    for name, pattern in PLACES:
        text = (tree / name).read_text(encoding="utf-8")
        found = list(re.finditer(pattern, text, re.MULTILINE))
        if not found:
            raise Refused(f"{name} has no line with the version any more: tools/release.py looks for {pattern}")
        for match in reversed(found):
            text = text[: match.start(1)] + version + text[match.end(1) :]
        texts[name] = text
    for name, text in texts.items():
        (tree / name).write_text(text, encoding="utf-8")
    return list(texts)


def make_release(version: str, tree: pathlib.Path) -> list[str]:
    """Write version and changelog in a copy, where Ansible finds the collection, and then bring both here; return the
    files with the version.
    """
    tools = pathlib.Path(sys.executable).parent
    SCRATCH.mkdir(parents=True, exist_ok=True)
    with copied_tree() as copy:
        files = write_version(version, copy)
        env = {
            **os.environ,
            "PATH": f"{tools}:{os.environ['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": str(collections_of(copy)),
        }
        subprocess.run([tools / "antsibull-changelog", "release", "--version", version], cwd=copy, env=env, check=True)
        for name in (*files, *CHANGES):
            shutil.copyfile(copy / name, tree / name)
        for fragment in (tree / "changelogs" / "fragments").glob("*.y*ml"):
            if not (copy / "changelogs" / "fragments" / fragment.name).exists():
                fragment.unlink()
    return files


def refuse_dirty(tree: pathlib.Path) -> None:
    """Raise ``Refused`` where the checkout has changes: a release is made of what is committed."""
    told = subprocess.run(["git", "status", "--porcelain"], cwd=tree, check=True, capture_output=True, text=True).stdout
    if told.strip():
        raise Refused(
            f"the checkout has changes that are not committed:\n{told}Commit or remove them, then say it again"
        )


def main(words: list[str]) -> int:
    """Make the release and say what comes next; 2 where it is refused."""
    try:
        if len(words) != 1 or not words[0]:
            raise Refused("which version? make release VERSION=0.2.0")
        (version,) = words
        refuse_version(version, released(TREE))
        refuse_additions_of_later_versions(version, TREE)
        refuse_dirty(TREE)
        files = make_release(version, TREE)
    except subprocess.CalledProcessError as error:
        print(f"No release: {error}. The checkout is as it was.", file=sys.stderr)
        return 2
    except Refused as refusal:
        print(f"No release: {refusal}.", file=sys.stderr)
        return 2
    print(
        f"{version} stands in {', '.join(files)}, and CHANGELOG.rst has its section. Look at both: git diff. Then, as"
        " docs/releasing.md says:"
    )
    print(
        f"  git add -A && git commit -m 'release: {version}' && make release-check && git tag -a v{version} -m"
        f" {version}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
