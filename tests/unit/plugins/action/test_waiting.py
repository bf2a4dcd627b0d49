# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The action plugins that wait, against a module that is only pretended."""

from __future__ import annotations

from unittest import mock

import pytest
from ansible_collections.ossm.federation.plugins.action import federation_info, istiod, mesh_card
from ansible_collections.ossm.federation.plugins.plugin_utils import waiting


class Module:
    """A pretended module that misses the things of ``missing`` until mesh time ``ready_at``; each call
    costs a second.
    """

    def __init__(self, ready_at: float, missing: str = "west: outbound pending", limit: int = 600) -> None:
        self.ready_at, self.missing, self.limit = ready_at, missing, limit
        self.clock = 0.0
        self.calls: list[dict] = []

    def __call__(self, module_args: dict, task_vars: dict | None = None) -> dict:
        self.calls.append(module_args)
        self.clock += 1
        seconds = module_args.get("wait_timeout") or self.limit
        if module_args.get("wait") and self.clock < self.ready_at:
            self.clock = min(self.clock + seconds, max(self.ready_at, self.clock))
        is_ready = self.clock >= self.ready_at
        if not is_ready and module_args.get("wait") and not module_args.get("soft"):
            return {"failed": True, "msg": f"still waiting after {module_args['waited']} s and more"}
        return {
            "changed": False,
            "waiting_for": [] if is_ready else [self.missing],
            "pending": [] if is_ready else [{"peer": "west", "reason": self.missing}],
            "polled_seconds": 0,
            "wait_limit": module_args.get("wait_timeout") or self.limit,
        }


@pytest.fixture(name="run")
def run_of(monkeypatch):
    def run(module, arguments, action=federation_info.ActionModule, check_mode=False, variables=None):
        task = mock.MagicMock(args=arguments, check_mode=check_mode, async_val=0)
        display = mock.MagicMock()
        monkeypatch.setattr(waiting.time, "monotonic", lambda: module.clock)
        monkeypatch.setattr(waiting, "Display", lambda: display)
        plugin = action(task, mock.MagicMock(), mock.MagicMock(), mock.MagicMock(), mock.MagicMock(), mock.MagicMock())
        monkeypatch.setattr(plugin, "_execute_module", module)
        result = plugin.run(task_vars=variables or {})
        return result, [call.args[0] for call in display.display.call_args_list]

    return run


def test_a_look_without_wait_is_one_call_as_asked(run):
    module = Module(ready_at=100)
    result, shown = run(module, {"mesh": "east"})
    assert module.calls == [{"mesh": "east"}]
    assert result["waiting_for"] and not shown


def test_what_is_there_already_costs_one_call_and_says_nothing(run):
    module = Module(ready_at=0)
    _result, shown = run(module, {"mesh": "east", "wait": True})
    assert len(module.calls) == 1
    assert not shown


def test_in_check_mode_nothing_waits(run):
    module = Module(ready_at=100)
    run(module, {"mesh": "east", "wait": True}, check_mode=True)
    assert len(module.calls) == 1


def test_a_wait_says_what_it_waits_for_when_that_changes_and_every_half_minute(run):
    module = Module(ready_at=75)
    result, shown = run(module, {"mesh": "east", "wait": "yes"})
    assert result["waiting_for"] == []
    assert shown[0] == "east 1/600 s · west: outbound pending"
    assert shown[1:] == ["east 34/600 s · still the same", "east 67/600 s · still the same"]
    assert result["polled_seconds"] == 75


def test_at_the_deadline_the_module_fails_itself_and_knows_the_whole_time(run):
    module = Module(ready_at=1000)
    result, _shown = run(module, {"mesh": "east", "wait": True, "wait_timeout": "25"})
    assert result["failed"]
    assert module.calls[-1]["waited"] + module.calls[-1]["wait_timeout"] == 25
    assert [call.get("soft") for call in module.calls[1:]] == [True] * (len(module.calls) - 2) + [None]


def test_a_soft_wait_stays_soft_to_the_end(run):
    module = Module(ready_at=1000)
    result, _shown = run(module, {"mesh": "east", "wait": True, "wait_timeout": 20, "soft": True})
    assert not result.get("failed")
    assert result["waiting_for"]


def test_a_failing_look_ends_the_wait(run):
    class Failing(Module):
        def __call__(self, module_args, task_vars=None):
            self.calls.append(module_args)
            return {"failed": True, "msg": "FED101"}

    module = Failing(ready_at=0)
    result, shown = run(module, {"mesh": "east", "wait": True})
    assert result["msg"] == "FED101"
    assert len(module.calls) == 1 and not shown


def test_cards_that_change_in_any_slice_count_as_changed(run):
    class Writing(Module):
        def __call__(self, module_args, task_vars=None):
            found = super().__call__(module_args, task_vars)
            is_first = len(self.calls) == 1
            return {
                **found,
                "changed": is_first,
                "changes": ["gateways"] * is_first,
                "diff": [{"after": "card"}] if is_first else [],
            }

    module = Writing(ready_at=15, missing="west-ingress has no address")
    result, shown = run(module, {"mesh": "east", "wait": True}, action=mesh_card.ActionModule)
    assert result["changed"]
    assert (result["changes"], result["diff"]) == (["gateways"], [{"after": "card"}])
    assert "west-ingress has no address" in shown[0]


def test_what_any_slice_warns_of_is_said_once(run):
    class Doubting(Module):
        def __call__(self, module_args, task_vars=None):
            found = super().__call__(module_args, task_vars)
            return {
                **found,
                "warnings": ["is open until it is fetched", "always"] if len(self.calls) == 1 else ["always"],
            }

    result, _shown = run(Doubting(ready_at=15), {"mesh": "east", "wait": True})
    assert result["warnings"] == ["is open until it is fetched", "always"]


def test_a_failure_at_the_deadline_knows_what_the_first_call_wrote(run):
    class Writing(Module):
        def __call__(self, module_args, task_vars=None):
            written = [*module_args.get("wrote", []), *([] if self.calls else ["create ServiceMeshControlPlane"])]
            return {**super().__call__(module_args, task_vars), "written": written}

    module = Writing(ready_at=1000)
    result, _shown = run(module, {"mesh": "east", "wait": True, "wait_timeout": 25})
    assert result["failed"] and result["written"] == ["create ServiceMeshControlPlane"]


def test_a_line_of_progress_spells_control_characters():
    assert waiting.line("east", 1, 30, ["a\x1b[2Jb\nc"]) == "east 1/30 s · a\\x1b[2Jb\\x0ac"


def test_a_line_of_progress_names_the_first_three():
    assert waiting.line("east", 1, 30, list("abcde")) == "east 1/30 s · a · b · c · and 2 more"


def test_a_host_that_is_a_cluster_is_named_as_the_inventory_does_and_the_short_words_are_taken(run):
    class Short(Module):
        def __call__(self, module_args, task_vars=None):
            found = super().__call__(module_args, task_vars)
            return {**found, "progress": ["west OUT pending (503) · 0 of 1 imports"] if found["waiting_for"] else []}

    _result, shown = run(Short(ready_at=15), {"wait": True}, variables={"inventory_hostname": "cluster-1"})
    assert shown == ["cluster-1 1/600 s · west OUT pending (503) · 0 of 1 imports"]


class Istiod(Module):
    """A pretended istiod: a call restarts it when it is older than ``since``, or when there is no ``since``."""

    def __init__(self, ready_at, started="2026-01-31T10:00:00Z"):
        super().__init__(ready_at, "istiod: 0 of 1 pods are new", 300)
        self.started, self.restarts, self.asked = started, 0, None

    def __call__(self, module_args, task_vars=None):
        since = module_args.get("since")
        is_due = since is None or (self.started < since and not (self.asked and self.asked >= since))
        if is_due:
            self.restarts += 1
            self.asked = f"2026-01-31T12:00:{self.restarts:02}Z"
        result = super().__call__(module_args, task_vars)
        return {
            **result,
            "changed": is_due and not result.get("failed"),
            "restarted_at": self.asked,
            "diff": [{"after": "x"}] if is_due else [],
        }


@pytest.mark.parametrize(
    "arguments",
    [{}, {"since": "2026-01-31T11:00:00Z"}, {"since": "2099-01-31T11:00:00Z"}],
    ids=["always", "since", "in the future"],
)
def test_istiod_is_restarted_once_however_long_it_is_waited_for(run, arguments):
    module = Istiod(ready_at=60)
    result, shown = run(module, {"mesh": "east", **arguments}, istiod.ActionModule)
    assert module.restarts == 1 and result["changed"] and result["diff"] == [{"after": "x"}] and shown


def test_an_istiod_that_is_young_enough_is_not_restarted(run):
    module = Istiod(ready_at=0)
    result, _shown = run(module, {"mesh": "east", "since": "2026-01-31T09:00:00Z"}, istiod.ActionModule)
    assert module.restarts == 0 and result["changed"] is False


def test_a_restart_that_is_not_waited_for_is_one_call(run):
    module = Istiod(ready_at=100)
    result, _shown = run(module, {"mesh": "east", "wait": False}, istiod.ActionModule)
    assert len(module.calls) == 1 and result["changed"]
