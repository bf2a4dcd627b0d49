# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A module gives one and the same result in a process forked from Ansible's own and packed for a Python of its own."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.modules import federation_info
from ansible_collections.ossm.federation.plugins.plugin_utils import here

TREE = Path(__file__).absolute().parents[4]
FORKED = "in a process forked from Ansible's own"
CARD = {"apiVersion": "federation.ossm/v1", "kind": "MeshCard", "mesh": "west"}


CALLED = {"ossm.federation.mesh_card_info": {"card": CARD}}
TASKS = {
    "plain": CALLED,
    "in the background": {**CALLED, "async": 60, "poll": 1},
    "that warns": {"ossm.federation.mesh_card_info": {"card": CARD, "loopback": True}},
    "with a number in its environment": {**CALLED, "environment": {"NUMBER": 5}},
}


def played(
    folder: Path, tasks_of: Mapping[str, Mapping[str, dict]], **environment: str
) -> Callable[..., tuple[dict, str]]:
    """Run tasks with ``mesh_card_info`` on something that is no card: those ``here`` on the same Python, those
    ``elsewhere`` on another.

    Returns a function that gives what the module said in one of them, and all that was printed of it at ``-vvv``.
    """
    link = folder / "collections" / "ansible_collections" / "ossm" / "federation"
    link.parent.mkdir(parents=True)
    link.symlink_to(TREE)
    (folder / "python").symlink_to(sys.executable)
    plays = []
    for host, tasks in tasks_of.items():
        # Shown by an action that runs no module.
        shown = {"name": "result", "ansible.builtin.debug": {"msg": "{{ seen | to_json | b64encode }}"}}
        each = [
            [{"name": name, "register": "seen", "ignore_errors": True, **task}, shown] for name, task in tasks.items()
        ]
        plays.append({"hosts": host, "gather_facts": False, "tasks": [one for pair in each for one in pair]})
    (folder / "play.yml").write_text(yaml.safe_dump(plays), encoding="utf-8")
    pythons = {"here": sys.executable, "elsewhere": str(folder / "python")}
    hosts = {
        host: {"ansible_connection": "local", "ansible_python_interpreter": python} for host, python in pythons.items()
    }
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}), encoding="utf-8")
    env = {
        **{key: text for key, text in os.environ.items() if not key.startswith("ANSIBLE_")},
        "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
        "ANSIBLE_HOME": str(folder / ".ansible"),
        # By default it lies below ~, which is HOME to one of the two that use it, and the user's home to the other.
        "ANSIBLE_ASYNC_DIR": str(folder / "async"),
        "ANSIBLE_REMOTE_TMP": str(folder / "tmp"),
        **environment,
    }
    words = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "hosts.yml", "play.yml", "-vvv"]
    done = subprocess.run(
        words,
        cwd=folder,
        env=env,
        check=False,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout

    parts = re.split(r"^(?=PLAY |TASK )", done.stdout, flags=re.MULTILINE)

    def told(name: str, host: str = "here") -> tuple[dict, str]:
        (at,) = (at for at, part in enumerate(parts) if part.startswith(f"TASK [{name}]") and f"[{host}]" in part)
        return json.loads(base64.b64decode(re.findall(r'"msg": "([\w+/=]+)"', parts[at + 1])[0])), parts[at]

    return told


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[dict, str]]:
    return played(tmp_path_factory.mktemp("told"), {"here": TASKS, "elsewhere": {"plain": CALLED}})


def test_a_module_runs_in_a_fork_where_it_would_run_on_the_same_python(told: Callable[..., tuple[dict, str]]) -> None:
    result, printed = told("plain")
    assert FORKED in printed and "AnsiballZ_mesh_card_info" not in printed
    assert result["failed"] and result["code"].startswith("FED") and CARD["mesh"] not in result.get("exception", "")


def test_a_warning_of_a_forked_module_is_shown_and_stands_in_its_result(told: Callable[..., tuple[dict, str]]) -> None:
    result, printed = told("that warns")
    assert FORKED in printed and "FED324" in printed.partition("WARNING")[2], printed
    assert [warning for warning in result["warnings"] if "FED324" in str(warning)], result


@pytest.mark.parametrize("elsewhere", ["its files are kept", "it runs in the background", "another Python"])
def test_a_module_is_packed_where_anything_is_different_and_says_the_same(
    tmp_path: Path, told: Callable[..., tuple[dict, str]], elsewhere: str
) -> None:
    if elsewhere == "its files are kept":
        result, printed = played(tmp_path, {"here": {"plain": CALLED}}, ANSIBLE_KEEP_REMOTE_FILES="1")("plain")
    else:
        result, printed = (
            told("in the background") if elsewhere == "it runs in the background" else told("plain", "elsewhere")
        )
    assert FORKED not in printed and "AnsiballZ_mesh_card_info" in printed
    keys = ("code", "msg", "where", "what", "fix", "failed", "changed")
    assert {key: result.get(key) for key in keys} == {key: told("plain")[0].get(key) for key in keys}


def test_a_task_s_environment_may_hold_more_than_texts(told: Callable[..., tuple[dict, str]]) -> None:
    result, printed = told("with a number in its environment")
    assert FORKED in printed and result["code"].startswith("FED")


def test_a_module_that_is_killed_is_a_failure_that_does_not_claim_to_have_written_nothing() -> None:
    killed = SimpleNamespace(__name__="killed", main=lambda: os.kill(os.getpid(), signal.SIGKILL))
    result = here._ran(killed, "{}", {})
    assert result["failed"] and result["code"] == "FED115" and "(-9)" in result["what"]
    assert "Nothing was written" not in result["msg"] and "What it had written by then is not known." in result["msg"]


def test_a_silent_api_server_is_told_of_while_the_module_still_asks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here.client, "QUIET_SECONDS", 0.2)
    shown: list[str] = []
    monkeypatch.setattr(here.display, "display", lambda text, *_arguments, **_named: shown.append(text))
    # Nobody listens there.
    options = {"host": "https://127.0.0.1:9", "api_key": "a-token-of-the-tests", "api_timeout": 1, "mesh": "east"}
    result = here._ran(federation_info, json.dumps({"ANSIBLE_MODULE_ARGS": options}), {}, "east")
    assert (result["failed"], result["code"], result["verdict"]) == (True, "FED105", "error")
    assert shown == [
        "east: https://127.0.0.1:9 has given no good answer for 0.2 s; it is asked again until 1 s have passed"
    ]


@pytest.mark.parametrize(
    ("played", "are_noted"),
    [
        (("ossm.federation.federate",), True),
        (("ossm.federation.status", "ossm.federation.federate"), True),
        (("play.yml",), False),
        (("ossm.federation.federate", "play.yml"), False),
        (("another.collection.federate",), False),
        (("federate.yml",), False),
        ((), False),
    ],
)
def test_modules_leave_each_other_notes_only_where_nobody_else_s_tasks_come_between(
    monkeypatch: pytest.MonkeyPatch, played: tuple[str, ...], are_noted: bool
) -> None:
    monkeypatch.setattr(here.context, "CLIARGS", {"args": played})
    action = here.HereAction.__new__(here.HereAction)
    assert action._is_in_our_playbooks() is are_noted
    folder = str(here.constants.DEFAULT_LOCAL_TMP)
    saying = SimpleNamespace(__name__="saying", main=lambda: print(json.dumps({"folder": here._notes.folder})))
    assert here._ran(saying, "{}", {}, "", folder if are_noted else "") == {"folder": folder if are_noted else ""}
    assert here._notes.folder == "", "the process that all modules are forked from has none"
