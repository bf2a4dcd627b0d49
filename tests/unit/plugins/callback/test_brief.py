# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The callback brief, fed with results as Ansible hands them over: what is shown, and what is not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.utils import color
from ansible_collections.ossm.federation.plugins.callback import brief

TABLE = ["east · ready", "PEER  OUT", "west  connected", "north  pending", "× east: north OUT pending (503)"]
STATES = {TABLE[2]: "ok", TABLE[3]: "down", TABLE[4]: "down"}
REFUSED = {
    "failed": True,
    "code": "FED204",
    "where": "Card west-for-east.json, root 1",
    "what": "holds a PRIVATE KEY block",
    "fix": "Give certificates only",
    "link": "https://example.com/codes/fed204.html",
    "written": ["create ConfigMap mesh/west-ca-root-cert"],
    "msg": "FED204 …",
    "invocation": {"module_args": {"kubeconfig": "x"}},
}


class DisplayInMemory:
    """Keeps what is shown, line by line."""

    def __init__(self, verbosity=0):
        self.verbosity, self.lines, self.warned = verbosity, [], []

    def display(self, text, *_arguments, **_named):
        self.lines += text.split("\n")

    def warning(self, text, **_named):
        self.warned.append(text)

    def __getattr__(self, name):
        return lambda *_arguments, **_named: None


@pytest.fixture
def shown(monkeypatch):
    monkeypatch.setattr(color, "ANSIBLE_COLOR", False)
    callback = brief.CallbackModule()
    callback._display = DisplayInMemory()
    return callback


def told(
    found,
    action="ossm.federation.federation",
    name="ossm.federation.peers : Keep this side",
    loop=None,
    *,
    is_old=False,
    is_check=False,
):
    task = SimpleNamespace(
        action=action, get_name=lambda: name, loop=loop, _uuid="1", ignore_unreachable=False, check_mode=is_check
    )
    parts = {"result": dict(found), "task": task, "host": SimpleNamespace(get_name=lambda: "east")}
    return SimpleNamespace(**{f"_{key}" if is_old else key: value for key, value in parts.items()})


def test_a_task_that_says_nothing_is_not_shown(shown):
    shown.v2_playbook_on_task_start(SimpleNamespace(), False)
    shown.v2_runner_on_ok(told({"changed": False, "lines": TABLE}))
    shown.v2_runner_on_skipped(told({"changed": False, "skipped": True}))
    shown.v2_playbook_on_no_hosts_matched()
    assert shown._display.lines == []


@pytest.mark.parametrize("is_old", [False, True])
def test_what_a_task_says_is_shown_line_by_line_and_what_it_changed_in_one(shown, is_old):
    shown.v2_runner_on_ok(told({"msg": ["one", "two"]}, "ansible.builtin.debug", is_old=is_old))
    shown.v2_runner_on_ok(told({"changed": True}, is_old=is_old))
    assert shown._display.lines == ["one", "two", "east · changed: Keep this side"]


@pytest.mark.parametrize("is_old", [False, True])
def test_a_refusal_takes_four_lines_code_place_what_fix_and_link(shown, is_old):
    shown.v2_runner_on_failed(told(REFUSED, is_old=is_old))
    assert shown._display.lines == [
        "× east: FED204 Card west-for-east.json, root 1: holds a PRIVATE KEY block",
        "  Give certificates only",
        "  written before that: create ConfigMap mesh/west-ca-root-cert; run again to finish",
        "  https://example.com/codes/fed204.html",
    ]


def test_a_failure_that_is_ignored_is_none_and_one_of_another_module_is_one_line(shown):
    shown.v2_runner_on_failed(told(REFUSED), ignore_errors=True)
    shown.v2_runner_on_failed(told({"failed": True, "msg": "no\nsuch\x1b[2J file"}, "ansible.builtin.copy"))
    assert shown._display.lines == ["× east: no such\\x1b[2J file"]


def test_what_ansible_puts_before_a_sentence_of_ours_is_left_out(shown):
    around = "Task failed: Finalization of task args for 'x' failed: Error while resolving value for 'api_key': "
    said = "FED101 mesh_api_key: is encrypted. Give the password."
    for text in (f"{around}The lookup plugin 'ossm.federation.connection' failed: {said}", said):
        shown.v2_runner_on_failed(told({"failed": True, "msg": text}))
    shown.v2_runner_on_failed(told({"failed": True, "msg": f"{around}'nope' is undefined"}))
    assert shown._display.lines == [f"× east: {said}", f"× east: {said}", f"× east: {around}'nope' is undefined"]


def test_a_line_of_a_table_has_the_colour_of_its_state_and_none_where_colours_are_off(shown, monkeypatch):
    shown.v2_runner_on_ok(told({"changed": False, "lines": TABLE, "states": STATES}))
    shown.v2_runner_on_ok(told({"msg": TABLE}, "debug"))
    assert shown._display.lines == TABLE
    monkeypatch.setattr(color, "ANSIBLE_COLOR", True)
    shown.v2_runner_on_ok(told({"msg": TABLE}, "debug"))
    plain, coloured = shown._display.lines[:5], shown._display.lines[5:]
    assert [line == other for line, other in zip(plain, coloured)] == [True, True, False, False, False]
    assert coloured[2].startswith("\x1b[0;32m") and coloured[3].startswith("\x1b[0;31m")


def test_a_long_line_is_not_folded(shown):
    shown.v2_runner_on_ok(told({"msg": "x" * 900}, "debug"))
    assert shown._display.lines == ["x" * 900]


def test_the_last_line_says_who_failed_and_who_changed(shown):
    counts = {"east": {"changed": 2}, "west": {"failures": 1}, "north": {}}
    stats = SimpleNamespace(
        processed=dict.fromkeys(counts, 1),
        summarize=lambda host: {"changed": 0, "failures": 0, "unreachable": 0, **counts[host]},
    )
    shown.v2_playbook_on_stats(stats)
    assert shown._display.lines == ["failed: west · changed: east · unchanged: north"]


def test_what_a_check_foretells_is_not_said_to_be_changed(shown, monkeypatch):
    registered = []
    monkeypatch.setattr(brief.atexit, "register", registered.append)
    shown.v2_playbook_on_start(SimpleNamespace())
    registered[0]()
    assert shown._display.lines == [], "before the first play there is nothing to finish"
    shown.v2_playbook_on_start(SimpleNamespace())
    shown.v2_playbook_on_play_start(SimpleNamespace())
    shown.v2_runner_on_ok(told({"changed": True}, is_check=True))
    stats = SimpleNamespace(
        processed={"east": 1}, summarize=lambda _host: {"changed": 1, "failures": 0, "unreachable": 0}
    )
    registered[0]()
    shown.v2_playbook_on_stats(stats)
    assert shown._display.lines[0] == "east · would change: Keep this side"
    assert shown._display.lines[1] == "stopped before the end · changed by then: nothing"
    assert shown._display.lines[-1] == "would change: east"


def test_a_task_named_after_all_hosts_is_shown_without_them(shown):
    shown.v2_runner_on_ok(told({"changed": True}, name="traffic : Keep the rules of traffic of east, west, north"))
    assert shown._display.lines == ["east · changed: Keep the rules of traffic"]


def test_a_run_that_is_stopped_says_what_it_has_changed_and_how_to_look(shown, monkeypatch):
    registered = []
    monkeypatch.setattr(brief.atexit, "register", registered.append)
    shown.v2_playbook_on_start(SimpleNamespace())
    shown.v2_runner_on_ok(told({"changed": True}))
    (at_the_end,) = registered
    shown._display.lines.clear()
    at_the_end()
    assert shown._display.lines[0] == "stopped before the end · changed by then: ossm.federation.peers : Keep this side"
    assert "ossm.federation.status shows how it stands" in shown._display.lines[1]


def test_a_run_that_has_ended_says_nothing_more(shown, monkeypatch):
    registered = []
    monkeypatch.setattr(brief.atexit, "register", registered.append)
    shown.v2_playbook_on_start(SimpleNamespace())
    shown.v2_playbook_on_stats(SimpleNamespace(processed={}))
    registered[0]()
    assert shown._display.lines == []


def test_with_v_everything_is_shown_as_the_default_callback_shows_it(shown, monkeypatch):
    asked = []
    for name in (
        "v2_runner_on_ok",
        "v2_runner_on_failed",
        "v2_runner_on_skipped",
        "v2_playbook_on_task_start",
        "v2_playbook_on_stats",
    ):
        monkeypatch.setattr(brief.Default, name, lambda _self, *_arguments, name=name: asked.append(name))
    shown._display.verbosity = 1
    shown.v2_playbook_on_task_start(SimpleNamespace(), False)
    shown.v2_runner_on_ok(told({"changed": True}))
    shown.v2_runner_on_skipped(told({}))
    shown.v2_runner_on_failed(told(REFUSED))
    shown.v2_playbook_on_stats(SimpleNamespace())
    assert shown._display.lines == [] and len(asked) == 5
