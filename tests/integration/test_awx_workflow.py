# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What extensions/awx brings into an AWX: checked against awx.awx, as a graph, and walked on the testbed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from integration.administrators import ON_ONE_MACHINE, TREE, Administrator, clear, federation_of
from integration.awx_in_memory import SOURCE, STREAMS, Awx, Dumper, Job, marked, run

from testbed import Testbed

MESHES = ("east", "west")
# Which kind of object each option names; what it names must have been loaded before.
REFERENCES = {
    "project": "project",
    "source_project": "project",
    "inventory": "inventory",
    "credential_type": "credential_type",
    "execution_environment": "execution_environment",
    "default_environment": "execution_environment",
    "credentials": "credential",
    "credential": "credential",
    "notification_templates_error": "notification_template",
    "notification_templates_approvals": "notification_template",
    "job_templates": "job_template",
    "workflows": "workflow_job_template",
    "unified_job_template": "job_template",
    "workflow_job_template": "workflow_job_template",
    "success_nodes": "workflow_job_template_node",
    "failure_nodes": "workflow_job_template_node",
    "always_nodes": "workflow_job_template_node",
}
# What AWX has from the beginning.
ELSEWHERE = {"Source Control"}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, collections: str) -> dict[str, str]:
    """The environment of every command here, without a way to any cluster."""
    return Administrator(tmp_path_factory.mktemp("home"), collections, {}).env


@pytest.fixture(scope="module")
def settings(bed: Testbed, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What somebody with the testbed's two meshes writes into their own file."""
    reader = tmp_path_factory.mktemp("rights") / "mesh-reader.yml"
    shipped = (TREE / "playbooks" / "files" / "mesh-reader.yml").read_text(encoding="utf-8")
    reader.write_text(shipped.replace("east-mesh-system", bed.meshes["west"].namespace), encoding="utf-8")
    return {
        "awx_kubeconfigs": {name: bed.meshes[name].kubeconfig for name in MESHES},
        "awx_reading_kubeconfigs": {
            "west": bed.meshes["west"].service_account_kubeconfig("mesh-reader", bed.meshes["west"].namespace, [reader])
        },
        "awx_teams": {"approve": ["Security"], "run": ["Mesh"], "read": ["Operations"]},
        "awx_credentials": [
            {"name": "Git", "credential_type": "Source Control", "inputs": {"username": "meshes", "password": "word"}}
        ],
        "awx_project_credential": "Git",
        "awx_instance_groups": {"west": ["dmz-west"]},
        "awx_notifications": [
            {
                "name": "On call",
                "notification_type": "webhook",
                "notification_configuration": {"url": "https://chat.example.com/hook"},
            }
        ],
    }


@pytest.fixture(scope="module")
def awx(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str], settings: dict) -> Awx:
    """An AWX with everything that ``load.yml`` brings in."""
    return Awx.loaded(tmp_path_factory.mktemp("awx"), environment, settings)


def test_a_template_is_for_a_playbook_and_each_job_has_the_credential_of_its_own_mesh(awx: Awx) -> None:
    templates = awx.named("job_template")
    assert not any(mesh in name for name in templates for mesh in MESHES)
    for name, taken in templates.items():
        # Nobody has said for which mesh, so there is no way to any; fleet_plan asks none.
        assert taken["limit"] == ("all" if name == "fleet_plan" else "ask")
        assert "credentials" not in taken
    jobs = [
        *awx.nodes.values(),
        *replace(awx, workflow="Look for drift").nodes.values(),
        *awx.named("schedule").values(),
    ]
    for prompts in (prompts for prompts in jobs if "limit" in prompts):
        mesh = prompts["limit"]
        assert [name.removeprefix("Reading k").removeprefix("K") for name in prompts["credentials"]] == [
            f"ubeconfig of {mesh}"
        ]
        assert prompts.get("instance_groups") == {"west": ["dmz-west"]}.get(mesh)
        assert awx.prompted(prompts)["limit"] == mesh


def test_a_second_load_changes_nothing_and_reads_the_inventory_of_nothing_new(
    awx: Awx, environment: dict[str, str], settings: dict
) -> None:
    again = awx.loaded_again(environment, settings)
    assert awx.changed == 13 and again.changed == 0
    assert awx.named("inventory_source_update") and not again.named("inventory_source_update")


def test_a_mesh_that_went_leaves_nothing_and_secrets_are_written_again_when_asked(
    environment: dict[str, str], settings: dict, tmp_path: Path
) -> None:
    changed = {
        "awx_meshes": ["east"],
        "awx_removed_meshes": ["west"],
        "awx_rotate": True,
        "awx_cards_dir": "/runner/project/cards",
    }
    data = data_of({**settings, **changed, "awx_remove_old_templates": True}, environment, tmp_path)
    objects = [one for kind in data.values() for one in kind] + [
        node for one in data["workflows"] for node in one["simplified_workflow_nodes"]
    ]
    gone = {one.get("name") or one["identifier"] for one in objects if one.get("state") == "absent"}
    assert {name for name in gone if name.endswith(" west") and ":" not in name} == {
        *(f"{what} west" for what in ("publish", "federate", "confirm", "make", "drift")),
        *(f"{what} of west" for what in ("status", "preflight", "Kubeconfig", "Reading kubeconfig")),
    }
    assert {"publish east", "make east", "west: confirm", "east: federate"} < gone
    assert {one["name"]: one["update_secrets"] for one in data["credentials"] if "inputs" in one} == dict.fromkeys(
        ["Git", "Kubeconfig of east"], True
    )
    assert {str(one["extra_vars"].get("federation_cards_dir")) for one in data["templates"] if "state" not in one} == {
        "/runner/project/cards"
    }


def test_a_workflow_and_schedules_that_are_no_longer_asked_for_go(environment: dict[str, str], tmp_path: Path) -> None:
    fleet = {"awx_kubeconfigs": {}, "awx_cards_dir": "/runner/project/cards", "awx_fleet_plan": "/plans/plan.json"}
    asked = data_of(fleet, environment, tmp_path)
    assert not [one["name"] for kind in asked.values() for one in kind if one.get("state") == "absent"]
    over = data_of({**fleet, "awx_fleet_plan": "", "awx_when": {"status": "FREQ=DAILY"}}, environment, tmp_path)
    gone = {one["name"] for kind in over.values() for one in kind if one.get("state") == "absent"}
    assert gone == {"Federate what has changed", "preflight of east", "preflight of west", "Drift"}


def test_project_and_image_take_the_collection_from_where_it_is_said(
    environment: dict[str, str], tmp_path: Path
) -> None:
    source = {"type": "url", "name": "https://files.example.com/ossm-federation.tar.gz"}
    told = {
        "prepare_dir": str(tmp_path / "meshes"),
        "prepare_source": source,
        "ansible_python_interpreter": sys.executable,
    }
    (tmp_path / "meshes" / "project" / "inventory").mkdir(parents=True)
    (tmp_path / "meshes" / "project" / "inventory" / "meshes.yml").write_text("meshes: {}\n", encoding="utf-8")
    run(["ansible-playbook", "-i", "localhost,", SOURCE / "prepare.yml", "-e", json.dumps(told)], tmp_path, environment)
    for folder in ("project/collections", "execution-environment"):
        assert yaml.safe_load((tmp_path / "meshes" / folder / "requirements.yml").read_text(encoding="utf-8")) == {
            "collections": [source]
        }
    written = {path.name for path in (tmp_path / "meshes" / "project" / "playbooks").iterdir()}
    assert written == {path.name for path in (SOURCE / "project" / "playbooks").iterdir()}
    assert {path.name for path in (tmp_path / "meshes" / "execution-environment").iterdir()} == {
        path.name for path in (SOURCE / "execution-environment").iterdir()
    }
    assert (tmp_path / "meshes" / "project" / "inventory" / "meshes.yml").read_text(encoding="utf-8") == "meshes: {}\n"


def test_those_who_only_read_may_use_no_credential_that_writes(awx: Awx) -> None:
    given = [taken for module, taken in awx.calls if module == "role" and taken["teams"] == ["Operations"]]
    assert [taken["credentials"] for taken in given if "credentials" in taken] == [["Reading kubeconfig of west"]]
    (may,) = [taken["job_templates"] for taken in given if taken["role"] == "execute" and "job_templates" in taken]
    assert not {"federate", "publish_cards", "unfederate", "verify", "traffic"} & set(may) and "status" in may


def test_more_meshes_than_a_workflow_carries_cards_of_are_refused_with_the_way_out(
    environment: dict[str, str], tmp_path: Path
) -> None:
    meshes = [f"mesh-{number}" for number in range(21)]
    words = ["ansible-playbook", "-i", "localhost,", SOURCE / "load.yml", "-e", json.dumps({"awx_meshes": meshes})]
    done = subprocess.run(
        [str(word) for word in words], check=False, cwd=tmp_path, env=dict(environment), text=True, **STREAMS
    )
    said = " ".join(done.stdout.split())
    assert done.returncode == 2 and "FED360 awx_meshes: 21 meshes" in said and "set awx_cards_dir" in said, said


def data_of(settings: dict, environment: dict[str, str], folder: Path) -> dict[str, list]:
    """Return what ``data/`` says for these settings, as an estate that includes its files sees it."""
    names = sorted(path.name for path in (SOURCE / "data").glob("*.yml"))
    kinds = (
        "credential_types",
        "credentials",
        "templates",
        "workflows",
        "schedules",
        "roles",
        "notifications",
        "projects",
    )
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars_files": [str(SOURCE / "data" / name) for name in names],
        "tasks": [
            {
                "ansible.builtin.copy": {
                    "dest": str(folder / "data.json"),
                    "content": "{{ {" + ", ".join(f"'{kind}': controller_{kind}" for kind in kinds) + "} | to_json }}",
                }
            }
        ],
    }
    (folder / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    words = ["ansible-playbook", "-i", "localhost,", "-c", "local", folder / "play.yml", "-e", json.dumps(settings)]
    run([*words, "-e", f"ansible_python_interpreter={sys.executable}"], folder, environment)
    return json.loads((folder / "data.json").read_text(encoding="utf-8"))


def test_every_key_of_the_data_reaches_a_module(
    awx: Awx, environment: dict[str, str], settings: dict, tmp_path: Path
) -> None:
    data = data_of(settings, environment, tmp_path)
    for kind, module in (
        ("templates", "job_template"),
        ("schedules", "schedule"),
        ("credentials", "credential"),
        ("projects", "project"),
    ):
        assert awx.named(module) == {
            one["name"]: {key: value for key, value in one.items() if value != ""} for one in data[kind]
        }
    for workflow in data["workflows"]:
        nodes = {one["identifier"]: one for one in workflow.pop("simplified_workflow_nodes")}
        known = {"workflow_job_template": workflow["name"], "organization": "Default"}
        assert replace(awx, workflow=workflow["name"]).nodes == {name: {**one, **known} for name, one in nodes.items()}
        assert awx.named("workflow_job_template")[workflow["name"]] == workflow


def test_everything_that_is_named_has_been_loaded_before(awx: Awx) -> None:
    known: dict[str, set[str]] = {kind: set() for kind in REFERENCES.values()}
    for module, taken in awx.calls:
        for option, kind in REFERENCES.items():
            named = taken.get(option) or []
            kind = "workflow_job_template" if named == "Look for drift" else kind
            assert set([named] if isinstance(named, str) else named) <= known[kind] | ELSEWHERE, (module, option)
        known.setdefault(module, set()).add(taken.get("identifier") or taken.get("name"))


def test_every_playbook_of_a_job_is_in_the_project_and_is_one_of_ours(awx: Awx) -> None:
    for taken in awx.named("job_template").values():
        (play,) = yaml.safe_load((SOURCE / "project" / taken["playbook"]).read_text(encoding="utf-8"))
        name = play["ansible.builtin.import_playbook"].removeprefix("ossm.federation.")
        assert (TREE / "playbooks" / f"{name}.yml").is_file()


def test_the_graph_has_no_cycle_and_nobody_federates_before_the_approval(awx: Awx) -> None:
    parents = {name: {parent for parent, _kind in links} for name, links in awx.parents().items()}

    def ancestors(name: str, below: tuple[str, ...] = ()) -> set[str]:
        assert name not in below, f"a cycle: {below}"
        return parents[name].union(*(ancestors(parent, (*below, name)) for parent in parents[name]))

    assert {name for name in parents if not parents[name]} == {f"publish {mesh}" for mesh in MESHES}
    for mesh in MESHES:
        assert parents[f"federate {mesh}"] == {"approve"}, "there is no way past the approval"
        assert awx.nodes[f"federate {mesh}"]["unified_job_template"] == "federate"
        assert ancestors(f"federate {mesh}") == {"approve", *(f"publish {other}" for other in MESHES)}
    assert {kind for _parent, kind in awx.parents()["federate east"]} == {"success_nodes"}
    assert awx.nodes["approve"]["all_parents_must_converge"]
    assert set(awx.nodes["approve"]["approval_node"]) == {"name", "description", "timeout"}


def test_a_survey_asks_only_for_variables_that_exist(awx: Awx) -> None:
    choices = {
        name: set(said["choices"])
        for path in TREE.glob("roles/*/meta/argument_specs.yml")
        for name, said in specs_of(path)
        if said.get("choices")
    }
    described = {option for path in TREE.glob("roles/*/meta/argument_specs.yml") for option in options_of(path)}
    named = set(
        re.findall(r"\b([a-z]\w+)", "".join(path.read_text(encoding="utf-8") for path in TREE.glob("playbooks/*.yml")))
    )
    surveys = [
        taken["survey_spec"]
        for kind in ("job_template", "workflow_job_template")
        for taken in awx.named(kind).values()
        if taken.get("survey_spec")
    ]
    assert len(surveys) > 5
    for question in (question for survey in surveys for question in survey["spec"]):
        assert question["variable"] in described | named
        assert {"question_name", "type", "required", "default"} <= set(question)
        assert question["type"] in ("text", "multiplechoice")
        assert question["type"] == "text" or question["default"] in question["choices"]
        if question["variable"] in choices and question["type"] == "multiplechoice":
            assert set(question["choices"]) <= choices[question["variable"]]


def test_the_job_that_leaves_peers_leaves_nobody_unless_its_survey_is_filled_in(awx: Awx) -> None:
    surveys = [taken["survey_spec"] for name, taken in awx.named("job_template").items() if name == "unfederate"]
    questions = [
        question for survey in surveys for question in survey["spec"] if question["variable"] == "unfederate_peers"
    ]
    assert len(questions) == 1
    for question in questions:
        assert question["required"] and question["default"]
        assert not re.fullmatch(r"[a-z0-9,-]+", question["default"]), "what nobody has filled in must be refused"


def test_the_job_that_shows_where_a_call_goes_asks_for_all_that_it_needs(awx: Awx) -> None:
    (survey,) = (taken["survey_spec"] for name, taken in awx.named("job_template").items() if name == "routes")
    assert {question["variable"] for question in survey["spec"] if question["required"]} == {
        "routes_service",
        "routes_from",
    }


def options_of(path: Path) -> list[str]:
    """Return the options of all entry points of a role."""
    return [name for name, _said in specs_of(path)]


def specs_of(path: Path) -> list[tuple[str, dict]]:
    """Return the options of all entry points of a role, with what is said of each."""
    specs = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
    return [(name, said) for spec in specs.values() for name, said in (spec.get("options") or {}).items()]


def ended(node: str, status: str = "successful", **artifacts: object) -> Job:
    return Job(node, status, artifacts=artifacts)


def test_who_does_not_approve_keeps_everybody_from_federating(awx: Awx) -> None:
    jobs = awx.walk(lambda _jobs: False, lambda node, _variables: ended(node))
    assert {name: job.status for name, job in jobs.items()} == {
        "publish east": "successful",
        "publish west": "successful",
        "approve": "failed",
    }


def test_a_mesh_that_fails_to_publish_keeps_nobody_else_from_federating(awx: Awx) -> None:
    given: dict[str, dict] = {}

    def launch(node: str, variables: dict) -> Job:
        given[node] = variables
        what, _space, mesh = node.partition(" ")
        cards = {f"federation_cards_of_{mesh}": [mesh]} if what == "publish" and mesh == "east" else {}
        return ended(node, "failed" if node == "publish west" else "successful", **cards)

    asked: list[dict] = []
    jobs = awx.walk(lambda so_far: not asked.append(so_far), launch)
    assert asked[0]["publish west"].status == "failed", "who approves sees it"
    assert {name for name in jobs if name.startswith(("federate", "confirm"))} == {
        f"{what} {mesh}" for what in ("federate", "confirm") for mesh in MESHES
    }
    assert given["federate west"] == {"federation_cards_of_east": ["east"]}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Awx:
    """An AWX of two meshes whose cards come by Git; nobody answers where their clusters should be, so a job that asks
    one fails.
    """
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "cards").mkdir()
    cluster = {"server": "https://127.0.0.1:9", "insecure-skip-tls-verify": True}
    config = {"clusters": [{"name": "c", "cluster": cluster}], "users": [{"name": "u", "user": {"token": "t"}}]}
    config |= {
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
        "apiVersion": "v1",
        "kind": "Config",
    }
    (folder / "kubeconfig").write_text(json.dumps(config), encoding="utf-8")
    said = {
        "awx_kubeconfigs": dict.fromkeys(MESHES, str(folder / "kubeconfig")),
        "awx_cards_dir": str(folder / "cards"),
    }
    loaded = Awx.loaded(
        folder, environment, {**said, "awx_fleet_plan": str(folder / "plan.json"), "awx_teams": {"run": ["Mesh"]}}
    )
    return replace(loaded, workflow="Federate what has changed")


def test_only_meshes_that_the_plan_names_get_a_job_that_asks_a_cluster(fleet: Awx, environment: dict[str, str]) -> None:
    assert [parent for parent, _kind in fleet.parents()["keep the plan"]] == [
        "federate changed east",
        "federate changed west",
    ]
    assert {kind for links in fleet.parents().values() for _parent, kind in links} == {"success_nodes"}, (
        "who fails is named again"
    )
    given: dict[str, dict] = {}

    def launch(node: str, variables: dict) -> Job:
        given[node] = variables
        if node in ("plan", "keep the plan"):
            return fleet.launch(node, variables, environment)
        return ended(node)

    jobs = fleet.walk(lambda so_far: so_far["plan"].artifacts["fleet_changed"] == list(MESHES), launch, fleet.answers())
    assert {name: job.status for name, job in jobs.items()} == dict.fromkeys(fleet.nodes, "successful"), jobs[
        "keep the plan"
    ].output
    again = fleet.launch("plan", fleet.answers(), environment)
    assert (again.artifacts["fleet_changed"], again.artifacts["fleet_limit"]) == ([], "all:!all"), again.output

    named = {**given["federate changed east"], "fleet_changed": ["east"], "fleet_limit": "east"}
    left = fleet.launch("federate changed west", named, environment)
    assert left.status == "successful" and "ok=0" in left.output.partition("PLAY RECAP")[2], left.output
    asked = fleet.launch("federate changed east", {**named, "mesh_api_timeout": 1}, environment)
    assert asked.status == "failed" and "FED105" in asked.output, asked.output
    assert fleet.walk(lambda _jobs: False, lambda node, _variables: ended(node, fleet_changed=["east"])).keys() == {
        "plan",
        "approve",
    }


@pytest.mark.parametrize(
    "hostile",
    [
        None,
        "all:!west",
        ["east", "localhost"],
        {"east": "cards"},
        ["{{ lookup('ansible.builtin.pipe', 'touch broken') }}"],
    ],
    ids=repr,
)
def test_what_another_job_says_has_changed_is_no_pattern_and_no_expression(
    hostile: object, environment: dict[str, str], tmp_path: Path
) -> None:
    hosts = {
        "east": {"mesh_kubeconfig": "nowhere", "mesh_peers": ["west"]},
        "west": {"mesh_kubeconfig": "nowhere", "mesh_peers": ["east"]},
    }
    (tmp_path / "meshes.yml").write_text(yaml.safe_dump({"meshes": {"hosts": hosts}}), encoding="utf-8")
    given = tmp_path / "extravars"
    given.write_text(
        yaml.dump({} if hostile is None else marked({"fleet_changed": hostile}), Dumper=Dumper), encoding="utf-8"
    )
    words = ["ansible-playbook", "-i", "meshes.yml", "ossm.federation.federate_changed", "-e", f"@{given}"]
    done = subprocess.run(words, check=False, cwd=tmp_path, env=environment, text=True, **STREAMS)
    assert done.returncode == 2 and "FED366 fleet_changed:" in done.stdout and not (tmp_path / "broken").exists(), (
        done.stdout
    )
    assert "FED1" not in done.stdout and "FED4" not in done.stdout, "refused before a kubeconfig is read"


def test_the_execution_environment_is_one_that_ansible_builder_takes() -> None:
    definition = yaml.safe_load(
        (SOURCE / "execution-environment" / "execution-environment.yml").read_text(encoding="utf-8")
    )
    # Only the newest venv has ansible-builder, and the oldest has to collect this file too.
    from ansible_builder.ee_schema import validate_schema

    validate_schema(definition)
    wanted = yaml.safe_load(
        (SOURCE / "execution-environment" / definition["dependencies"]["galaxy"]).read_text(encoding="utf-8")
    )
    address = yaml.safe_load((TREE / "galaxy.yml").read_text(encoding="utf-8"))["repository"]
    assert [(entry["name"], entry["type"]) for entry in wanted["collections"]] == [(address, "git")], (
        "no Galaxy has the collection"
    )
    own = yaml.safe_load((TREE / "meta" / "execution-environment.yml").read_text(encoding="utf-8"))
    assert (TREE / own["dependencies"]["python"]).is_file(), "the collection brings its Python packages along"


def test_the_workflow_federates_two_meshes_by_jobs_that_have_one_credential_each(
    awx: Awx, environment: dict[str, str], bed: Testbed, administrator: Callable[..., Administrator]
) -> None:
    seen: dict[str, list] = {}

    def approve(jobs: dict[str, Job]) -> bool:
        seen["cards"] = sorted(key for job in jobs.values() for key in job.artifacts)
        seen["peers"] = [
            name for mesh in MESHES for name in federation_of(bed, mesh) if name.startswith("ServiceMeshPeer")
        ]
        assert {job.status for job in jobs.values()} == {"successful"}, "\n".join(job.output for job in jobs.values())
        fingerprints = [re.search(r"root ((?:[0-9A-F]{4}-){7}[0-9A-F]{4}) of", job.output)[1] for job in jobs.values()]
        seen["fingerprints"] = sorted(set(fingerprints))
        return True

    jobs = awx.walk(
        approve, lambda node, variables: awx.launch(node, {**variables, **ON_ONE_MACHINE}, environment), awx.answers()
    )
    try:
        assert {name: job.status for name, job in jobs.items()} == dict.fromkeys(awx.nodes, "successful"), "\n".join(
            job.output for job in jobs.values()
        )
        assert seen["cards"] == ["federation_cards_of_east", "federation_cards_of_west"]
        assert seen["peers"] == [], "nothing is federated before the approval"
        assert len(seen["fingerprints"]) == 2
        for name, other in (("east", "west"), ("west", "east")):
            assert re.search(rf"{other} +connected +connected", jobs[f"confirm {name}"].output), jobs[
                f"confirm {name}"
            ].output
            server = re.search(r"server: (\S+)", Path(bed.meshes[other].kubeconfig).read_text(encoding="utf-8"))[1]
            for what in ("publish", "federate", "confirm"):
                assert server not in jobs[f"{what} {name}"].given + jobs[f"{what} {name}"].output + json.dumps(
                    jobs[f"{what} {name}"].artifacts
                )
        assert bed.meshes["west"].call("cart.shop.svc.east-imports.local").json["mesh"] == "east"
        assert bed.meshes["west"].call("ledger.shop.svc.east-imports.local").status is None
        assert awx.launch("status of west", ON_ONE_MACHINE, environment).status == "successful"
        bed.meshes["west"].kube.delete("ServiceMeshPeer", "east", bed.meshes["west"].namespace)
        broken = awx.launch("status of west", ON_ONE_MACHINE, environment)
        assert broken.status == "failed" and re.search("east +absent +absent", broken.output), broken.output
        assert awx.named("job_template")["status"]["notification_templates_error"] == ["On call"]
    finally:
        clear(bed)
