# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What leaves a module: its result, its failure, what it logs, and an error that nobody expected."""

from __future__ import annotations

import json
import sys

import pytest
from ansible.module_utils import basic
from ansible_collections.ossm.federation.plugins.module_utils import _notes
from ansible_collections.ossm.federation.plugins.module_utils._options import CLUSTER
from ansible_collections.ossm.federation.plugins.module_utils._reads import remembering
from ansible_collections.ossm.federation.plugins.module_utils._run import Module, run_module
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW

SECRET = "a-secret-of-the-tests"
SHORT = "Qz9Kw"
KEY = f"-----BEGIN PRIVATE KEY-----\n{SECRET[::-1]}\n-----END PRIVATE KEY-----"
USER = {
    "token": SECRET,
    "exec": {"command": "x", "args": [f"--secret={SECRET}"], "env": [{"name": "A", "value": SECRET}]},
}


@pytest.fixture
def module(monkeypatch):
    """Return a maker of modules with the arguments given, at -vvvv."""

    def make(**arguments):
        given = json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_verbosity": 4}}).encode()
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", given)
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        monkeypatch.setattr(sys, "argv", ["federation_info"])
        return Module({**CLUSTER, "mesh": {"type": "str"}})

    return make


@pytest.fixture
def logged(monkeypatch):
    """What Ansible writes to the system's log."""
    lines = []
    monkeypatch.setattr(basic.AnsibleModule, "log", lambda _self, msg, log_args=None: lines.append(f"{msg} {log_args}"))
    return lines


def ended(capsys, end, code):
    """Return what a module printed at its end."""
    with pytest.raises(SystemExit) as caught:
        end()
    assert caught.value.code == code
    printed = capsys.readouterr().out
    assert SECRET not in printed and SHORT not in printed and SECRET[::-1] not in printed
    return json.loads(printed)


def test_the_systems_log_has_no_secret(module, logged):
    module(
        kubeconfig={"users": [{"name": "u", "user": USER}]},
        proxy=f"http://anna:{SHORT}@proxy.example:3128",
        api_key=SECRET,
        context="here",
    )
    (line,) = logged
    assert SECRET not in line and SHORT not in line
    assert "proxy.example:3128" in line
    assert "context=here" in line


def test_a_result_has_no_secret_and_keeps_what_only_looks_like_a_short_one(module, capsys):
    made = module(api_key=SECRET, password="1", username="anna", host=f"https://anna:{SHORT}@api.example")
    result = ended(capsys, lambda: made.exit_json(seen=[f"what is {SECRET}?", KEY, "mesh-1"]), 0)
    assert result["seen"][0] == "what is ********?"
    assert result["seen"][2] == "mesh-1"


@pytest.mark.parametrize("limit", [None, 0], ids=["as ever", "where a library forbids tracebacks"])
def test_an_error_that_nobody_expected_is_told_by_its_place_and_not_by_its_text(module, capsys, monkeypatch, limit):
    monkeypatch.setattr(sys, "tracebacklimit", limit, raising=False)

    def run(_module, _cluster, _now):
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise ValueError(f"Invalid header value {SECRET}") from error

    made = module(mesh="east")
    result = ended(capsys, lambda: run_module(made, run, needs_cluster=False), 1)
    assert result["code"] == "FED115"
    assert "an unexpected ValueError, because of KeyError at test_run.py:" in result["msg"]
    assert result["facts"]["way"][-1].endswith(" run")


@pytest.mark.parametrize(
    "wrong",
    [{"api_timeout": "soon"}, {"nobody": 1}, {"proxy_headers": f"anna:{SECRET}"}],
    ids=["type", "unknown", "text"],
)
def test_what_ansible_refuses_is_told_without_secrets(module, capsys, wrong):
    given = {
        "kubeconfig": {"users": [{"name": "u", "user": USER}]},
        "proxy": f"http://anna:{SHORT}@proxy.example",
        **wrong,
    }
    assert ended(capsys, lambda: module(**given), 1)["failed"]


@pytest.mark.parametrize("end", ["well", "refused"])
@pytest.mark.parametrize("has_written", [True, False])
def test_what_was_noted_before_a_module_wrote_anything_is_forgotten(
    module, capsys, monkeypatch, tmp_path, end, has_written
):
    monkeypatch.setattr(_notes, "folder", str(tmp_path))

    def run(run, _cluster, _now):
        if has_written:
            run.journal.done.append("apply ConfigMap east-mesh-system/west-ca-root-cert")
        if end == "refused":
            raise remembering.FederationError("FED107", where="here", what="is held", fix="Ask")
        return {}

    made = module(mesh="east")
    remembering.note(made.params, remembering.Remembered(ClusterInMemory(NOW)))
    ended(capsys, lambda: run_module(made, run, needs_cluster=False), 0 if end == "well" else 1)
    assert (remembering.noted(made.params) is None) is has_written
