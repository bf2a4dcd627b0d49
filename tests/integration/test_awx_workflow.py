# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What extensions/awx brings into an AWX: checked against awx.awx, as a graph, and walked on the testbed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from integration.administrators import ON_ONE_MACHINE, TREE, Administrator, clear, federation_of
from integration.awx_in_memory import SOURCE, Awx, Job

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
    "unified_job_template": "job_template",
    "workflow_job_template": "workflow_job_template",
    "success_nodes": "workflow_job_template_node",
    "failure_nodes": "workflow_job_template_node",
    "always_nodes": "workflow_job_template_node",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, collections: str) -> dict[str, str]:
    """The environment of every command here, without a way to any cluster."""
    return Administrator(tmp_path_factory.mktemp("home"), collections, {}).env


@pytest.fixture(scope="module")
def awx(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str], bed: Testbed) -> Awx:
    """An AWX with everything that ``load.yml`` brings in, with the testbed's two meshes."""
    kubeconfigs = {name: bed.meshes[name].kubeconfig for name in MESHES}
    return Awx.loaded(tmp_path_factory.mktemp("awx"), environment, {"awx_kubeconfigs": kubeconfigs})


def test_a_job_has_the_credential_of_its_own_mesh_and_none_of_another(awx: Awx) -> None:
    templates = awx.named("job_template")
    assert len(templates) == 12
    for name, taken in templates.items():
        mesh = name.partition(":")[0]
        assert taken["credentials"] == [f"Kubeconfig of {mesh}"]
        assert taken["limit"] == mesh
        assert "ask_credential_on_launch" not in taken and "ask_limit_on_launch" not in taken


def test_everything_that_is_named_has_been_loaded_before(awx: Awx) -> None:
    known: dict[str, set[str]] = {kind: set() for kind in REFERENCES.values()}
    for module, taken in awx.calls:
        for option, kind in REFERENCES.items():
            named = taken.get(option) or []
            assert set([named] if isinstance(named, str) else named) <= known[kind], (module, option)
        known.setdefault(module, set()).add(taken.get("identifier") or taken["name"])


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
        assert awx.nodes[f"federate {mesh}"]["unified_job_template"] == f"{mesh}: federate"
        assert ancestors(f"federate {mesh}") == {"approve", *(f"publish {other}" for other in MESHES)}
    assert {kind for _parent, kind in awx.parents()["federate east"]} == {"success_nodes"}
    assert awx.nodes["approve"]["all_parents_must_converge"]
    assert set(awx.nodes["approve"]["approval_node"]) == {"name", "description", "timeout"}


def test_a_survey_asks_only_for_variables_that_exist(awx: Awx) -> None:
    described = {option for path in TREE.glob("roles/*/meta/argument_specs.yml") for option in options_of(path)}
    named = set(re.findall(r"\b([a-z]\w+)", "".join(path.read_text(encoding="utf-8") for path in TREE.glob("playbooks/*.yml"))))
    surveys = [taken["survey_spec"] for kind in ("job_template", "workflow_job_template") for taken in awx.named(kind).values() if taken.get("survey_spec")]
    assert len(surveys) == 3
    for question in (question for survey in surveys for question in survey["spec"]):
        assert question["variable"] in described | named
        assert {"question_name", "type", "required", "default"} <= set(question)
        assert question["type"] in ("text", "multiplechoice")
        assert question["type"] == "text" or question["default"] in question["choices"]


def test_the_job_that_leaves_peers_leaves_nobody_unless_its_survey_is_filled_in(awx: Awx) -> None:
    surveys = [taken["survey_spec"] for name, taken in awx.named("job_template").items() if name.endswith(": unfederate")]
    questions = [question for survey in surveys for question in survey["spec"] if question["variable"] == "unfederate_peers"]
    assert len(questions) == len(MESHES)
    for question in questions:
        assert question["required"] and question["default"]
        assert not re.fullmatch(r"[a-z0-9,-]+", question["default"]), "what nobody has filled in must be refused"


def options_of(path: Path) -> list[str]:
    """Return the options of all entry points of a role."""
    specs = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
    return [name for spec in specs.values() for name in spec.get("options") or {}]


def ended(template: str, status: str = "successful", **artifacts: object) -> Job:
    return Job(template, status, artifacts=artifacts)


def test_who_does_not_approve_keeps_everybody_from_federating(awx: Awx) -> None:
    jobs = awx.walk(lambda _jobs: False, lambda template, _variables: ended(template))
    assert {name: job.status for name, job in jobs.items()} == {"publish east": "successful", "publish west": "successful", "approve": "failed"}


def test_a_mesh_that_fails_to_publish_keeps_nobody_else_from_federating(awx: Awx) -> None:
    given: dict[str, dict] = {}

    def launch(template: str, variables: dict) -> Job:
        given[template] = variables
        mesh, _colon, what = template.partition(": ")
        cards = {f"federation_cards_of_{mesh}": [mesh]} if what == "publish" and mesh == "east" else {}
        return ended(template, "failed" if template == "west: publish" else "successful", **cards)

    asked: list[dict] = []
    jobs = awx.walk(lambda so_far: not asked.append(so_far), launch)
    assert asked[0]["publish west"].status == "failed", "who approves sees it"
    assert {name for name in jobs if name.startswith(("federate", "confirm"))} == {f"{what} {mesh}" for what in ("federate", "confirm") for mesh in MESHES}
    assert given["west: federate"] == {"federation_cards_of_east": ["east"]}


def test_the_execution_environment_is_one_that_ansible_builder_takes() -> None:
    definition = yaml.safe_load((SOURCE / "execution-environment" / "execution-environment.yml").read_text(encoding="utf-8"))
    # Only the newest venv has ansible-builder, and the oldest has to collect this file too.
    from ansible_builder.ee_schema import validate_schema

    validate_schema(definition)
    wanted = yaml.safe_load((SOURCE / "execution-environment" / definition["dependencies"]["galaxy"]).read_text(encoding="utf-8"))
    assert [entry["name"] for entry in wanted["collections"]] == ["ossm.federation"]
    own = yaml.safe_load((TREE / "meta" / "execution-environment.yml").read_text(encoding="utf-8"))
    assert (TREE / own["dependencies"]["python"]).is_file(), "the collection brings its Python packages along"


def test_the_workflow_federates_two_meshes_by_jobs_that_have_one_credential_each(
    awx: Awx, environment: dict[str, str], bed: Testbed, administrator: Callable[..., Administrator]
) -> None:
    seen: dict[str, list] = {}

    def approve(jobs: dict[str, Job]) -> bool:
        seen["cards"] = sorted(key for job in jobs.values() for key in job.artifacts)
        seen["peers"] = [name for mesh in MESHES for name in federation_of(bed, mesh) if name.startswith("ServiceMeshPeer")]
        assert {job.status for job in jobs.values()} == {"successful"}, "\n".join(job.output for job in jobs.values())
        fingerprints = [re.search(r"root ((?:[0-9A-F]{4}-){7}[0-9A-F]{4}) of", job.output)[1] for job in jobs.values()]
        seen["fingerprints"] = sorted(set(fingerprints))
        return True

    jobs = awx.walk(approve, lambda template, variables: awx.launch(template, {**variables, **ON_ONE_MACHINE}, environment), awx.answers())
    try:
        assert {name: job.status for name, job in jobs.items()} == dict.fromkeys(awx.nodes, "successful"), "\n".join(job.output for job in jobs.values())
        assert seen["cards"] == ["federation_cards_of_east", "federation_cards_of_west"]
        assert seen["peers"] == [], "nothing is federated before the approval"
        assert len(seen["fingerprints"]) == 2
        for name, other in (("east", "west"), ("west", "east")):
            assert re.search(rf"{other} +connected +connected", jobs[f"confirm {name}"].output), jobs[f"confirm {name}"].output
            server = re.search(r"server: (\S+)", Path(bed.meshes[other].kubeconfig).read_text(encoding="utf-8"))[1]
            for what in ("publish", "federate", "confirm"):
                assert server not in jobs[f"{what} {name}"].given + jobs[f"{what} {name}"].output + json.dumps(jobs[f"{what} {name}"].artifacts)
        assert bed.meshes["west"].call("cart.shop.svc.east-imports.local").json["mesh"] == "east"
        assert bed.meshes["west"].call("ledger.shop.svc.east-imports.local").status is None
    finally:
        clear(bed)
