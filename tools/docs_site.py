# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lay out the documentation's site for Sphinx: ``docs_site.py TREE TARGET`` writes all pages but those that
antsibull-docs makes.

The pages are the files of ``docs/`` as they stand. ``docs/index.md`` is the first page and says in four lists where
each has its place. One page per code is taken out of ``docs/codes.md``, one per playbook out of the table of
``docs/usage.md`` and the playbook. A link to what is no page leads to the repository, whose address stands in
``galaxy.yml``; one to what is not there ends the program.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import sys
import zlib
from collections.abc import Iterator

import yaml

LINK = re.compile(r"(!?\[[^\]]*\])\(([^)\s]+)\)")
ENTRY = re.compile(r"^- \[([^\]]*)\]\(([^)#\s]+)\)", re.MULTILINE)
CODE = re.compile(r"^### (FED\d+)\n\n(.*?)(?=^### |^## |\Z)", re.MULTILINE | re.DOTALL)
CODE_NAMES = re.compile(r"^### (FED\d+)$", re.MULTILINE)
ROW = re.compile(r"^\| `ossm\.federation\.(\w+)` \| (.+?) \| (.+?) \|$", re.MULTILINE)
# Pages of other folders, and where they stand in the site.
ELSEWHERE = {"README.md": "readme.md", "CONTRIBUTING.md": "contributing.md", "CODE_OF_CONDUCT.md": "code-of-conduct.md"}
PLAYBOOKS = "playbooks.md"
# What the pages of plugins lead to in Ansible's own documentation: title and place of each label. Looked up here, not
# on the network.
ANSIBLE = {
    "ansible_collections.ansible.builtin.default_callback": (
        "default callback",
        "collections/ansible/builtin/default_callback.html",
    ),
    "action_plugins": ("Action plugins", "plugins/action.html#action-plugins"),
    "ansible_configuration_settings": (
        "Ansible configuration settings",
        "reference_appendices/config.html#ansible-configuration-settings",
    ),
    "callback_plugins": ("Callback plugins", "plugins/callback.html#callback-plugins"),
    "common_return_values": (
        "Common return values",
        "reference_appendices/common_return_values.html#common-return-values",
    ),
}
# And variables of the environment that it has a place for.
ENVIRONMENT = ("ANSIBLE_NOCOLOR", "ANSIBLE_STDOUT_CALLBACK")
# Folders whose pages are made: the first page leads to those pages rather than to the files.
MADE = {"playbooks": PLAYBOOKS, "plugins": "reference/index.rst"}


class Missing(SystemExit):
    """A page or link of the documentation leads nowhere."""


class Site:
    """The pages of a site below ``target``, made from the checkout ``tree``."""

    def __init__(self, tree: pathlib.Path, target: pathlib.Path) -> None:
        self.tree, self.target = tree, target
        self.repository = yaml.safe_load((tree / "galaxy.yml").read_text(encoding="utf-8"))["repository"]
        self.pages = {f"docs/{path.name}": path.name for path in sorted((tree / "docs").glob("*.md"))} | ELSEWHERE
        self.codes = set(CODE_NAMES.findall((tree / "docs" / "codes.md").read_text(encoding="utf-8")))

    def lay_out(self) -> None:
        """Write every page."""
        for source, page in self.pages.items():
            text = self._linked((self.tree / source).read_text(encoding="utf-8"), source, page)
            if page == "codes.md":
                text = self._with_pages_of_codes(text)
            if page == "index.md":
                text += self._navigation(text)
            self._write(page, text)
        self._write_playbooks()
        (self.target / "ansible.inv").write_bytes(_inventory(ANSIBLE))
        shutil.copytree(self.tree / "docs" / "pictures", self.target / "pictures")
        for schema in (self.tree / "docs").glob("*.json"):
            shutil.copy(schema, self.target)

    def _write(self, page: str, text: str) -> None:
        path = self.target / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def _linked(self, text: str, source: str, page: str) -> str:
        """Return the text of the file ``source`` with its links as they must be on ``page``."""

        def link(match: re.Match[str]) -> str:
            return f"{match[1]}({self._leads_to(match[2], source, page)})"

        return LINK.sub(link, text)

    def _leads_to(self, link: str, source: str, page: str) -> str:
        if link.startswith(("https://", "http://", "mailto:", "#")):
            return link
        path, _sharp, anchor = link.partition("#")
        path = os.path.normpath(os.path.join(os.path.dirname(source), path))
        if path == "docs/codes.md" and anchor.upper() in self.codes:
            return _relative(f"codes/{anchor}.md", page)
        if path in MADE and page == "index.md":
            return MADE[path]
        if path in self.pages:
            return _relative(self.pages[path], page) + (f"#{anchor}" if anchor else "")
        if not (self.tree / path).exists():
            raise Missing(f"{source} links to {link}, and there is no {path}")
        if path.startswith("docs/"):
            return _relative(path.removeprefix("docs/"), page)
        return f"{self.repository}/tree/main/{path}"

    def _navigation(self, text: str) -> str:
        """Return the site's navigation: the lists of the first page, a part for each of its headings. No page may be
        without a place.
        """
        parts = {part.partition("\n")[0]: ENTRY.findall(part) for part in text.split("\n## ")[1:]}
        listed = {page for entries in parts.values() for _title, page in entries}
        lost = set(self.pages.values()) - listed - {"index.md"}
        if lost:
            raise Missing(f"docs/index.md says nowhere where these pages belong: {', '.join(sorted(lost))}")
        trees = {caption: [f"{title} <{_name(page)}>" for title, page in entries] for caption, entries in parts.items()}
        return "".join("\n" + _toctree(names, f":caption: {caption}") for caption, names in trees.items() if names)

    def _with_pages_of_codes(self, text: str) -> str:
        """Write a page for each code, and return the page of all codes with a link to each in place of its text.

        The page of all codes is their place. In the navigation, which each page carries, there are too many of them.
        """

        def line(match: re.Match[str]) -> str:
            code, body = match[1], match[2].strip()
            title, _stop, rest = body.removeprefix("**").partition("**. ")
            name = f"codes/{code.lower()}.md"
            told = self._linked(rest, "docs/codes.md", name)
            self._write(name, f"---\norphan: true\n---\n\n# {code}: {title}\n\n{told}\n\n[All codes](../codes.md)\n")
            return f"- [{code}]({name}): {title}\n"

        return CODE.sub(line, text)

    def _write_playbooks(self) -> None:
        """Write a page for each playbook, and one that lists them."""
        rows = {
            name: (what, writes)
            for name, what, writes in ROW.findall((self.tree / "docs" / "usage.md").read_text(encoding="utf-8"))
        }
        there = {path.stem for path in (self.tree / "playbooks").glob("*.yml")}
        if rows.keys() != there:
            raise Missing(
                f"the table of docs/usage.md and playbooks/ differ in: {', '.join(sorted(rows.keys() ^ there))}"
            )
        lines = []
        for name, (what, writes) in rows.items():
            page = f"playbooks/{name}.md"
            plays = yaml.safe_load((self.tree / "playbooks" / f"{name}.yml").read_text(encoding="utf-8"))
            roles = sorted(set(_roles_of(plays, self.tree / "playbooks")))
            told = self._linked(what, "docs/usage.md", page)
            text = [
                f"# ossm.federation.{name}\n",
                f"{told[0].upper()}{told[1:]}.\n",
                "```console",
                f"ansible-playbook -i meshes.yml ossm.federation.{name} --check --diff",
                f"ansible-playbook -i meshes.yml ossm.federation.{name}",
                "```\n",
                f"Writes to: {writes}.\n",
                "## What it does, in order\n",
                *(f"1. {play.get('name', 'The plays of another playbook')}{_about(play)}" for play in plays),
                "\n## Its roles\n",
                "What each reads from the inventory stands on its page.\n",
                *(f"- {{ref}}`{role} <ansible_collections.ossm.federation.{role}_role>`" for role in roles),
            ]
            self._write(page, "\n".join(text) + "\n")
            lines.append(f"- [{name}]({page}): {self._linked(what, 'docs/usage.md', PLAYBOOKS)}\n")
        self._write(
            PLAYBOOKS, "# Playbooks\n\n" + "".join(lines) + "\n" + _toctree([f"playbooks/{name}" for name in rows])
        )


def _about(play: dict) -> str:
    if "hosts" not in play:
        return f": those of `{play.get('ansible.builtin.import_playbook', '')}`"
    return " (group `clusters`)" if "clusters" in str(play["hosts"]) else " (group `meshes`)"


def _roles_of(found: object, folder: pathlib.Path) -> Iterator[str]:
    """Yield the collection's roles that plays, blocks and the files they import name."""
    if isinstance(found, list):
        for part in found:
            yield from _roles_of(part, folder)
    if not isinstance(found, dict):
        return
    for key, value in found.items():
        if key.endswith(("import_role", "include_role")):
            yield str(value["name"]).rpartition(".")[2]
        elif key.endswith(("import_tasks", "import_playbook", "include_tasks")):
            file = folder / str(value.get("file") if isinstance(value, dict) else value)
            if file.is_file():
                yield from _roles_of(yaml.safe_load(file.read_text(encoding="utf-8")), file.parent)
        else:
            yield from _roles_of(value, folder)


def _relative(path: str, page: str) -> str:
    return os.path.relpath(path, os.path.dirname(page) or ".")


def _name(page: str) -> str:
    """Return what Sphinx calls a page."""
    return os.path.splitext(page)[0]


def _toctree(names: list[str], *options: str) -> str:
    return "\n".join(["```{toctree}", ":hidden:", *options, "", *names, "```", ""])


def _inventory(labels: dict[str, tuple[str, str]]) -> bytes:
    """Return the labels as an inventory of Sphinx, version 2: https://sphobjinv.readthedocs.io/en/stable/syntax.html"""
    lines = "".join(f"{label} std:label -1 {place} {title}\n" for label, (title, place) in labels.items())
    lines += "".join(f"{name} std:envvar 1 reference_appendices/config.html#envvar-{name} -\n" for name in ENVIRONMENT)
    head = (
        "# Sphinx inventory version 2\n# Project: Ansible\n# Version: latest\n# The remainder of this file is"
        " compressed using zlib.\n"
    )
    return head.encode() + zlib.compress(lines.encode())


def lay_out(tree: pathlib.Path, target: pathlib.Path) -> None:
    """Write the pages of the checkout ``tree`` below the empty folder ``target``."""
    Site(tree, target).lay_out()


if __name__ == "__main__":
    lay_out(*map(pathlib.Path, sys.argv[1:]))
