# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""As much of AWX as a workflow needs: what ``load.yml`` brings in, and a walk over the workflow's graph.

``load.yml`` is run as it is. Its modules are stood in for by an action plugin that checks each call with the argument
spec that the real module of awx.awx gives its AnsibleModule, writes the call down, and says changed where the object
was another before; a secret counts where it is to be updated only. The rules of the walk are AWX's: a node starts when
one link into it has fired, or with ``all_parents_must_converge`` when all have; artifacts of all ancestors are merged,
later ones over earlier ones, and reach a job as extra variables whose texts are marked unsafe. A node and a schedule
may say what the template asks for.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from integration.administrators import TREE
from jinja2.sandbox import ImmutableSandboxedEnvironment

SOURCE = TREE / "extensions" / "awx"
PROMPTS = {
    "limit": "ask_limit_on_launch",
    "credentials": "ask_credential_on_launch",
    "instance_groups": "ask_instance_groups_on_launch",
    "job_type": "ask_job_type_on_launch",
}
LINKS = {"success_nodes": ("successful",), "failure_nodes": ("failed",), "always_nodes": ("successful", "failed")}

# Runs where awx.awx lies on the path: each module's main is stopped where it has said what it takes.
SPECS_PROGRAM = """
import importlib, json, sys

class Said(Exception):
    pass

def say(**said):
    raise Said(said)

specs = {}
for name in sys.argv[2:]:
    module = importlib.import_module(f"ansible_collections.awx.awx.plugins.modules.{name}")
    auth = dict(module.ControllerAPIModule.AUTH_ARGSPEC)
    module.ControllerAPIModule = say
    try:
        module.main()
    except Said as said:
        found = said.args[0]
    options = {**auth, **found.pop("argument_spec")}
    found["argument_spec"] = {key: {k: v for k, v in option.items() if k != "fallback"} for key, option in options.items()}
    specs[name] = found
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(specs, file)
"""

ACTION = """
import json
import os

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        name = self._task.action.rpartition(".")[2]
        with open(os.environ["AWX_SPECS"], encoding="utf-8") as file:
            spec = json.load(file)[name]
        given = json.loads(json.dumps(self._task.args))
        checked = ArgumentSpecValidator(spec.pop("argument_spec"), **spec).validate(given)
        if checked.error_messages:
            return {"failed": True, "msg": f"awx.awx.{name}: " + "; ".join(checked.error_messages)}
        taken = {key: checked.validated_parameters[key] for key in given}
        with open(os.environ["AWX_OBJECTS"], "a", encoding="utf-8") as file:
            file.write(json.dumps([name, taken]) + "\\n")
        return {"changed": self.kept(name, taken)}

    def kept(self, name, taken):
        # Whether AWX has another object by now.
        if name.endswith("_update"):
            return True
        path = os.environ["AWX_OBJECTS"] + ".state"
        known = {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                known = json.load(file)
        named = [taken.get(key) for key in ("name", "identifier", "workflow_job_template")]
        key = json.dumps([name, *named, taken if name == "role" else None])
        before = known.pop(key, None)
        if taken.get("state") != "absent":
            fresh = taken.pop("update_secrets", None) is not False
            if before is not None and not fresh:
                taken["inputs"] = before["inputs"]
            known[key] = taken
        with open(path, "w", encoding="utf-8") as file:
            json.dump(known, file)
        return known.get(key) != before or (name == "credential" and key in known and fresh)
"""

# What AWX takes of a job's statistics: those of the run, not those of one host.
CALLBACK = """
import json
import os

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_NAME = "artifacts"
    CALLBACK_TYPE = "aggregate"

    def v2_playbook_on_stats(self, stats):
        with open(os.environ["AWX_ARTIFACTS"], "w", encoding="utf-8") as file:
            json.dump(stats.custom.get("_run", {}), file)
"""


class Unsafe(str):
    """A text that AWX marks ``!unsafe``, so that Ansible never templates it."""


class Dumper(yaml.SafeDumper):
    """Writes extra variables as AWX does."""


Dumper.add_representer(Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text)))


def marked(value: Any) -> Any:
    """Return ``value`` with every text in it marked unsafe."""
    if isinstance(value, str):
        return Unsafe(value)
    if isinstance(value, Mapping):
        return {Unsafe(key): marked(entry) for key, entry in value.items()}
    return [marked(entry) for entry in value] if isinstance(value, list) else value


@dataclass
class Job:
    """A job that ran: its node's name, how it ended, what it printed, its artifacts, and all that it was given."""

    node: str
    status: str
    output: str = ""
    artifacts: dict = field(default_factory=dict)
    given: str = ""


@dataclass(frozen=True)
class Awx:
    """What was loaded, in the order in which it was; and the folder that its jobs run in."""

    calls: list[tuple[str, dict]]
    folder: Path
    changed: int = 0
    workflow: str = "Federate the meshes"

    @classmethod
    def loaded(cls, folder: Path, environment: Mapping[str, str], variables: Mapping[str, Any]) -> Awx:
        """Run ``load.yml`` against the stand-in and return what it brought in. Fails the test when it fails."""
        actions = folder / "ansible_collections" / "awx" / "awx" / "plugins" / "action"
        actions.mkdir(parents=True)
        used = sorted(
            set(re.findall(r"^ +action: .*\.(\w+)\"$", (SOURCE / "load.yml").read_text(encoding="utf-8"), re.MULTILINE))
        )
        for name in used:
            (actions / f"{name}.py").write_text(ACTION, encoding="utf-8")
        beside = os.environ.get("OSSM_FEDERATION_BESIDE", "")
        assert Path(beside, "ansible_collections", "awx", "awx").is_dir(), (
            "awx.awx is provided by `make test` (OSSM_FEDERATION_BESIDE)"
        )
        run(
            [sys.executable, "-c", SPECS_PROGRAM, folder / "specs.json", *used],
            folder,
            {**environment, "PYTHONPATH": beside},
        )
        return cls([], folder).loaded_again(environment, variables)

    def loaded_again(self, environment: Mapping[str, str], variables: Mapping[str, Any]) -> Awx:
        """Run ``load.yml`` once more, and return what it brought in then, with its output."""
        objects = self.folder / "objects.jsonl"
        objects.write_text("", encoding="utf-8")
        env = {
            **environment,
            "ANSIBLE_COLLECTIONS_PATH": str(self.folder),
            "AWX_SPECS": str(self.folder / "specs.json"),
            "AWX_OBJECTS": str(objects),
        }
        output = run(
            ["ansible-playbook", "-i", "localhost,", SOURCE / "load.yml", "-e", json.dumps(variables)], self.folder, env
        )
        lines = objects.read_text(encoding="utf-8").splitlines()
        return Awx(
            [tuple(json.loads(line)) for line in lines], self.folder, int(re.search(r"changed=(\d+)", output)[1])
        )

    def named(self, module: str) -> dict[str, dict]:
        """Return what was loaded by one module, by name or identifier."""
        return {taken.get("identifier") or taken["name"]: taken for name, taken in self.calls if name == module}

    @property
    def nodes(self) -> dict[str, dict]:
        """The workflow's nodes by identifier."""
        nodes = (taken for name, taken in self.calls if name == "workflow_job_template_node")
        return {
            taken["identifier"]: taken
            for taken in nodes
            if taken["workflow_job_template"] == self.workflow and "state" not in taken
        }

    def parents(self) -> dict[str, list[tuple[str, str]]]:
        """Return for each node which nodes lead to it, and by which kind of link."""
        found: dict[str, list[tuple[str, str]]] = {name: [] for name in self.nodes}
        for name in sorted(self.nodes):
            for kind in LINKS:
                for child in self.nodes[name].get(kind) or []:
                    found[child].append((name, kind))
        return found

    def walk(
        self,
        approve: Callable[[dict[str, Job]], bool],
        launch: Callable[[str, dict], Job],
        answers: Mapping | None = None,
    ) -> dict[str, Job]:
        """Run the workflow to its end and return its jobs by node; ``approve`` is asked with those that ran so far.

        ``launch`` runs a node with extra variables: the artifacts of all ancestors, and over them the survey's
        ``answers``.
        """
        jobs: dict[str, Job] = {}
        carried: dict[str, dict] = {}
        parents = self.parents()
        while True:
            ready = [
                name for name in sorted(self.nodes) if name not in jobs and self._is_ready(name, parents[name], jobs)
            ]
            if not ready:
                return jobs
            for name in ready:
                artifacts: dict = {}
                for parent, _kind in parents[name]:
                    if parent in jobs:
                        artifacts.update({**carried[parent], **jobs[parent].artifacts})
                carried[name] = artifacts
                node = self.nodes[name]
                if node.get("approval_node"):
                    jobs[name] = Job(name, "successful" if approve(dict(jobs)) else "failed")
                else:
                    jobs[name] = launch(name, {**artifacts, **(answers or {})})

    def _is_ready(self, name: str, links: list[tuple[str, str]], jobs: Mapping[str, Job]) -> bool:
        fired = [parent in jobs and jobs[parent].status in LINKS[kind] for parent, kind in links]
        return not fired or (all(fired) if self.nodes[name].get("all_parents_must_converge") else any(fired))

    def answers(self) -> dict[str, str]:
        """Return what the workflow's survey gives when nobody changes its answers."""
        workflow = self.named("workflow_job_template")[self.workflow]
        return {question["variable"]: question["default"] for question in workflow["survey_spec"]["spec"]}

    def prompted(self, prompts: Mapping[str, Any]) -> dict:
        """Return the job template of a node or schedule with what that says in its place; it may say what the template
        asks for.
        """
        taken = self.named("job_template")[prompts["unified_job_template"]]
        questions = (taken.get("survey_spec") or {}).get("spec", [])
        for option, asked in PROMPTS.items():
            assert option not in prompts or taken.get(asked), (
                f"AWX ignores {option}, since the template does not ask for it"
            )
        given = prompts.get("extra_data") or {}
        assert set(given) <= {question["variable"] for question in questions}, (
            "AWX ignores variables that no survey asks for"
        )
        answers = {question["variable"]: question["default"] for question in questions if question["default"]}
        return {
            **taken,
            **{option: prompts[option] for option in PROMPTS if option in prompts},
            "answers": {**answers, **given},
        }

    def launch(self, name: str, extra_vars: Mapping[str, Any], environment: Mapping[str, str]) -> Job:
        """Run one node, or one schedule's job, as a process of its own, with a fresh copy of the project and its own
        credentials only.
        """
        prompts = self.nodes.get(name) or self.named("schedule")[name]
        taken = self.prompted(prompts)
        place = self.folder / name.replace(" ", "-")
        shutil.rmtree(place, ignore_errors=True)
        project = place / "project"
        shutil.copytree(SOURCE / "project", project)
        injected = {}
        for credential in taken.get("credentials") or []:
            injected.update(self._injected(credential, place))
        variables = {**taken["extra_vars"], **marked({**taken["answers"], **extra_vars, **injected})}
        text = yaml.dump(variables, Dumper=Dumper, sort_keys=False)
        (place / "extravars").write_text(text, encoding="utf-8")
        (place / "callback").mkdir()
        (place / "callback" / "artifacts.py").write_text(CALLBACK, encoding="utf-8")
        env = {
            **environment,
            "AWX_ARTIFACTS": str(place / "artifacts.json"),
            "ANSIBLE_CALLBACK_PLUGINS": str(place / "callback"),
            "ANSIBLE_HOME": str(place / ".ansible"),
            "ANSIBLE_LOCAL_TEMP": str(place / ".ansible" / "tmp"),
        }
        words = [
            "ansible-playbook",
            "-i",
            "inventory/meshes.yml",
            f"--limit={taken['limit']}",
            "-e",
            f"@{place / 'extravars'}",
            "--diff",
        ]
        words += ["--check"] if taken["job_type"] == "check" else []
        done = subprocess.run([*words, taken["playbook"]], check=False, cwd=project, env=env, text=True, **STREAMS)
        artifacts = (
            json.loads((place / "artifacts.json").read_text(encoding="utf-8"))
            if (place / "artifacts.json").exists()
            else {}
        )
        given = text + "".join(path.read_text(encoding="utf-8") for path in place.glob("env/*"))
        return Job(name, "successful" if done.returncode == 0 else "failed", done.stdout, artifacts, given)

    def _injected(self, credential: str, place: Path) -> dict[str, str]:
        """Return the extra variables of a credential, its files written below ``place``."""
        taken = self.named("credential")[credential]
        kind = self.named("credential_type")[taken["credential_type"]]["injectors"]
        jinja = ImmutableSandboxedEnvironment()
        (place / "env").mkdir()
        files = {}
        for key, template in kind["file"].items():
            path = place / "env" / key.rpartition(".")[2]
            path.write_text(jinja.from_string(template).render(taken["inputs"]), encoding="utf-8")
            files[path.name] = str(path)
        known = {**taken["inputs"], "tower": {"filename": files}}
        return {key: jinja.from_string(template).render(known) for key, template in kind["extra_vars"].items()}


STREAMS: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}


def run(words: list, folder: Path, environment: Mapping[str, str]) -> str:
    """Run one command and return its output; fail the test with it when it fails."""
    done = subprocess.run(
        [str(word) for word in words], check=False, cwd=folder, env=dict(environment), text=True, **STREAMS
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
