# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Ansible passes over in silence before the first task: options that leave out tasks, words that set no variable,
and files of variables that are for nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ansible.parsing.splitter import parse_kv
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.plugin_utils.unknown import PLAYBOOKS

COLLECTION = "ossm.federation."
FOLDER = Path(__file__).resolve().parents[2] / "playbooks"
# Each of them takes up tasks that have no tag, as all of ours are.
WITHOUT_TAGS = {"all", "untagged"}
# The suffixes of files that Ansible reads beside an inventory; a folder has none.
SUFFIXES = ("", ".yml", ".yaml", ".json")
NEAR = 0.7


def refuse_parts(said: Mapping[str, Any]) -> None:
    """Refuse a command line that plays nothing but playbooks of this collection, and not all of their tasks: FED334.

    ``said`` is what Ansible has read of it. Each task needs what those before it have found. Playbooks of others may
    import ours and give them tags.
    """
    played = [str(each) for each in said.get("args") or ()]
    if not played or not all(_is_ours(each) for each in played):
        return
    if said.get("start_at_task"):
        _refuse("--start-at-task", "skips the tasks that check who is who and what has failed")
    if not WITHOUT_TAGS & set(said.get("tags") or ("all",)):
        _refuse("--tags", "selects nothing, because no task of these playbooks has a tag")
    if WITHOUT_TAGS & set(said.get("skip_tags") or ()):
        _refuse("--skip-tags", "leaves out every task")


def _is_ours(said: str) -> bool:
    name = said.removeprefix(COLLECTION)
    return (name != said and name in PLAYBOOKS) or Path(said).resolve().parent == FOLDER


def _refuse(option: str, what: str) -> None:
    fix = "Run the playbook without it; --limit chooses meshes, and other playbooks do a part of the work"
    raise FederationError("FED334", where=option, what=what, fix=fix)


def refuse_words(given: Iterable[str]) -> None:
    """Refuse what is ``given`` by -e and sets no variable, as ``name = value`` does: FED335. It may be a secret."""
    for text in map(str, given):
        if not text.startswith(("@", "/", ".", "{", "[")) and "_raw_params" in parse_kv(text):
            raise FederationError(
                "FED335",
                where="-e",
                what="has words that are no name=value, which Ansible leaves out",
                fix="Write no space around =, put a value with spaces in quotes, or give JSON",
            )


def files_of_nobody(sources: Iterable[str], groups: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, str]]:
    """Give files of ``host_vars`` and ``group_vars`` beside the inventories that are for no host and no group, and whom
    each is probably for: somebody who is called nearly so and has no file.
    """
    known = {"host_vars": set(groups.get("all", ())), "group_vars": {*groups, "all", "ungrouped"}}
    for source in map(Path, sources):
        for room, names in known.items():
            folder = (source if source.is_dir() else source.parent) / room
            files = [path for path in folder.glob("*") if path.suffix in SUFFIXES or path.name in names]
            named = {path.name if path.name in names else path.stem for path in files}
            for path in files:
                stem = path.name if path.is_dir() else path.stem
                near = get_close_matches(stem, sorted(names - named), 1, NEAR)
                if stem not in names and path.name not in names and near:
                    yield f"{room}/{path.name}", near[0]
