# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Be ansible-lint, whose syntax checks are one run of ansible-playbook: alone it starts one for each playbook, role and
import.

Where that run fails, ansible-lint checks each on its own, as it always does, and says what is wrong and where. Run it
with the Python of the venv "newest" and ansible-lint's own words.
"""

from __future__ import annotations

import pathlib
import subprocess
import tempfile
from collections.abc import Callable
from typing import Any

from ansible_compat.runtime import Runtime
from ansiblelint import __main__ as ansible_lint
from ansiblelint.runner import Runner

PLAY = "- name: Check a role\n  hosts: localhost\n  tasks:\n    - ansible.builtin.import_role:\n        name: {role}\n"

one_by_one = Runner._map_syntax_check_workers
is_right = Runtime.has_playbook
known_right: set[pathlib.Path] = set()


def all_at_once(runner: Runner, worker: Callable[..., Any], files: list[Any]) -> list[Any]:
    """Return what ansible-lint finds in the syntax of these ``files``."""
    playbooks = sorted(str(file.path) for file in files if file.kind == "playbook")
    roles = sorted(str(file.path) for file in files if file.kind == "role")
    env = {
        **runner.app.runtime.environ,
        "PYTHONWARNINGS": "ignore",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "False",
    }
    with tempfile.NamedTemporaryFile("w", suffix=".yml", encoding="utf-8") as of_roles:
        of_roles.write("---\n" + "".join(PLAY.format(role=role) for role in roles))
        of_roles.flush()
        words = ["ansible-playbook", "--syntax-check", *playbooks, *([of_roles.name] if roles else [])]
        done = subprocess.run(
            words, check=False, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    print(
        f"The syntax of {len(playbooks)} playbooks and {len(roles)} roles is"
        f" {'wrong' if done.returncode else 'right'}.",
        flush=True,
    )
    if done.returncode:
        return one_by_one(runner, worker, files)
    known_right.update(pathlib.Path(playbook).resolve() for playbook in playbooks)
    return []


def has_playbook(runtime: Runtime, playbook: str, **where: Any) -> bool:
    """Return whether an imported playbook is there and its syntax is right; ansible-lint asks at each place that
    imports it.
    """
    return pathlib.Path(playbook).resolve() in known_right or is_right(runtime, playbook, **where)


if __name__ == "__main__":
    Runner._map_syntax_check_workers, Runtime.has_playbook = all_at_once, has_playbook
    ansible_lint._run_cli_entrypoint()
