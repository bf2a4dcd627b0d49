# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ``tenants`` may be made to give away, and to take away: nothing outside the namespaces of the mesh.

The attackers are a mesh's own administrator, whose variables stand in the inventory of the cluster's, the owner of a
namespace, who may put any label and field manager on what is in it, and a mistake. The module runs as a process against
an API server in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from attacks.api import ApiInMemory, serving
from attacks.attack import Outcome, attack, call, call_each
from integration.administrators import Administrator

NAME, FACTS = "ossm-federation-mesh-administrator", "ossm-federation-facts"
MESH, HOME = "ossm.federation/mesh", "ossm.federation/control-plane"
MANAGER = "ossm.federation"
RBAC = "rbac.authorization.k8s.io"
MALLORY = {"users": ["mallory"]}
LAB: dict[str, Any] = {"mesh": "lab", "members": ["lab-one"], "admins": MALLORY}
USE = {"apiGroups": ["maistra.io"], "resources": ["servicemeshcontrolplanes"], "verbs": ["get", "use"]}


def thing(kind: str, name: str, namespace: str = "", labels: Mapping[str, str] | None = None, **body: Any) -> dict:
    """Return one object; its API version follows from its kind."""
    group = {
        "Role": f"{RBAC}/v1",
        "RoleBinding": f"{RBAC}/v1",
        "ClusterRole": f"{RBAC}/v1",
        "ClusterRoleBinding": f"{RBAC}/v1",
        "ServiceMeshControlPlane": "maistra.io/v2",
        "ServiceMeshMemberRoll": "maistra.io/v1",
        "ServiceMeshMember": "maistra.io/v1",
        "OperatorGroup": "operators.coreos.com/v1",
    }.get(kind, "v1")
    place = {"namespace": namespace} if namespace else {}
    return {
        "apiVersion": group,
        "kind": kind,
        "metadata": {"name": name, **place, **({"labels": dict(labels)} if labels else {})},
        **body,
    }


def binding(name: str, role: str, *subjects: Mapping, namespace: str = "", kind: str = "", **labels: Any) -> dict:
    is_of = "Role" if namespace else "ClusterRole"
    told = {
        "roleRef": {"apiGroup": RBAC, "kind": kind or is_of, "name": role},
        "subjects": [dict(subject) for subject in subjects],
    }
    return thing(f"{is_of}Binding", name, namespace, **labels, **told)


def put(api: ApiInMemory, *objects: dict) -> None:
    """Let somebody make objects in their own way."""
    for one in objects:
        api.store.put(one)


def give(api: ApiInMemory, *objects: dict, manager: str = MANAGER) -> None:
    """Let objects be applied by a field manager, as this collection does; anybody may call themselves so."""
    for one in objects:
        api.store.apply(SimpleNamespace(name=one["kind"]), one, manager)
    api.store.writes.clear()


def given_before(mesh: str, home: str, *members: str, user: str = "anna", labelled: bool = True) -> list[dict]:
    """Return the rights of a mesh as ``tenants`` gave them, without the label of a control plane as it was first."""
    labels = {MESH: mesh, **({HOME: home} if labelled else {})}
    anna = {"apiGroup": RBAC, "kind": "User", "name": user}
    found = [
        thing("ClusterRole", f"{FACTS}-{mesh}", labels=labels, rules=[]),
        binding(f"{FACTS}-{mesh}", f"{FACTS}-{mesh}", anna, labels=labels),
    ]
    for space in (home, *members):
        rules = [USE] if space == home else [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
        found += [
            thing("Role", NAME, space, labels, rules=rules),
            binding(NAME, NAME, anna, namespace=space, labels=labels),
        ]
    return found


def tenants(api: ApiInMemory, collections: str, *meshes: Mapping, state: str = "present", **options: Any) -> Outcome:
    return call(
        collections,
        "mesh_tenants",
        {**api.access, "tenants": [dict(mesh) for mesh in meshes], "state": state, **options},
    )


def who(api: ApiInMemory, namespace: str) -> set[str]:
    """Return who has rights of ours in a namespace."""
    live = api.store.get(SimpleNamespace(name="RoleBinding"), namespace, NAME)
    return {subject["name"] for subject in (live or {}).get("subjects", ())}


def names(api: ApiInMemory, kind: str) -> set[str]:
    found = api.store.list(SimpleNamespace(name=kind), "")
    return {f"{live['metadata'].get('namespace', '')}/{live['metadata']['name']}" for live in found}


EAST = (
    thing("ServiceMeshControlPlane", "basic", "east-mesh-system", {MESH: "east"}, spec={"version": "v2.3"}),
    *(thing("Namespace", name) for name in ("east-mesh-system", "shop", "payments")),
)


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[ApiInMemory]:
    """An API server with the namespace of east, whose control plane is kept as east, and two others."""
    with serving(tmp_path / "api", *EAST) as api:
        yield api


ADMIN = "mesh administrator"
FORMS = [
    attack(ADMIN, "the namespace of the cluster's own controllers", {"namespace": "kube-system"}, "FED426"),
    attack(ADMIN, "the platform's configuration", {"namespace": "openshift-config"}, "FED426"),
    attack(ADMIN, "the namespace without limits on pods", {"namespace": "default"}, "FED426"),
    attack(ADMIN, "the same as a member", {"members": ["default"]}, "FED426"),
    attack(ADMIN, "the operators' namespace as a member", {"members": ["openshift-operators"]}, "FED426"),
    attack(ADMIN, "another path in a namespace", {"namespace": ".."}, "FED426"),
    attack(ADMIN, "another path in a member", {"members": [".."]}, "FED426"),
    attack(ADMIN, "two names in a namespace", {"namespace": "a/b"}, "FED426"),
    attack(ADMIN, "a namespace with a newline", {"namespace": "lab\n"}, "FED426"),
    attack(ADMIN, "a pattern of members", {"members": ["lab-.*"]}, "FED426"),
    attack(ADMIN, "a name that leaves the ClusterRole's", {"mesh": "../east", "namespace": "lab"}, "FED303"),
    attack(ADMIN, "a name of 64 characters", {"mesh": "l" * 64, "namespace": "lab"}, "FED303"),
    attack(ADMIN, "everybody with an account", {"admins": {"groups": ["system:authenticated"]}}, "FED450"),
    attack(ADMIN, "everybody", {"admins": {"groups": ["system:unauthenticated"]}}, "FED450"),
    attack(ADMIN, "all pods of the cluster", {"admins": {"groups": ["system:serviceaccounts"]}}, "FED450"),
    attack(ADMIN, "an anonymous user beside others", {"admins": {"users": ["anna", "system:anonymous"]}}, "FED450"),
    attack(ADMIN, "a star", {"admins": {"users": ["*"]}}, "FED450"),
    attack(ADMIN, "an account by a path", {"admins": {"service_accounts": ["../x"]}}, "FED450"),
    attack(
        ADMIN, "an account of no namespace, as a user", {"admins": {"users": ["system:serviceaccount:a/b:x"]}}, "FED450"
    ),
    attack("mistake", "an empty name", {"admins": {"groups": [""]}}, "FED450"),
    attack("mistake", "a name with a space before it", {"admins": {"groups": [" mesh"]}}, "FED450"),
    attack(ADMIN, "a name that clears the screen", {"admins": {"users": ["anna\x1b[2J"]}}, "FED450"),
    attack("mistake", "restarts with nothing behind it", {"admins": {**MALLORY, "restarts": None}}, "FED450"),
    attack("mistake", "restarts that nobody can read", {"admins": {**MALLORY, "restarts": "perhaps"}}, "FED450"),
]


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory, collections: str) -> Iterator[tuple[ApiInMemory, list[Outcome]]]:
    """An API server and how the module ended for each row of ``FORMS``."""
    with serving(tmp_path_factory.mktemp("api")) as api:
        options = [{**api.access, "tenants": [{**LAB, **row.values[0]}]} for row in FORMS]
        yield api, call_each(collections, "mesh_tenants", options)


@pytest.mark.parametrize(
    ("number", "code"), [pytest.param(at, row.values[1], id=row.id) for at, row in enumerate(FORMS)]
)
def test_a_mesh_that_is_described_so_gets_nothing(
    refused: tuple[ApiInMemory, list[Outcome]], number: int, code: str
) -> None:
    api, outcomes = refused
    outcome = outcomes[number]
    assert (outcome.code, api.writes) == (code, []), outcome.printed
    assert "\x1b" not in outcome.result["msg"]


CLUSTER_ADMIN = binding("ci", "cluster-admin", {"kind": "ServiceAccount", "name": "jenkins", "namespace": "payments"})
PLACES = [
    attack(ADMIN, "the namespace of another mesh's control plane", {"namespace": "east-mesh-system"}, [], "FED451"),
    attack(ADMIN, "a control plane as a member", {"members": ["east-mesh-system"]}, [], "FED451"),
    attack(
        ADMIN,
        "a control plane that was made by hand",
        {"namespace": "payments"},
        [thing("ServiceMeshControlPlane", "basic", "payments", spec={"version": "v2.5"})],
        "FED451",
    ),
    attack(
        ADMIN,
        "a member roll that was made by hand",
        {"namespace": "payments"},
        [thing("ServiceMeshMemberRoll", "default", "payments", spec={"members": ["desk"]})],
        "FED451",
    ),
    attack(
        ADMIN,
        "rights of another mesh, in whose namespace nothing else stands",
        {"namespace": "payments"},
        given_before("pay", "payments"),
        "FED451",
    ),
    attack(
        ADMIN,
        "rights of another mesh, from before there was a label",
        {"members": ["shop"]},
        given_before("east", "east-mesh-system", "shop", labelled=False),
        "FED451",
    ),
    attack(
        ADMIN,
        "a namespace that another roll lists and that has no label yet",
        {"members": ["payments"]},
        [thing("ServiceMeshMemberRoll", "default", "east-mesh-system", {MESH: "east"}, spec={"members": ["payments"]})],
        "FED426",
    ),
    attack(
        ADMIN,
        "a control plane's namespace that another roll waits for",
        {"namespace": "payments"},
        [
            thing(
                "ServiceMeshMemberRoll",
                "default",
                "east-mesh-system",
                {MESH: "east"},
                spec={},
                status={"pendingMembers": ["payments"]},
            )
        ],
        "FED426",
    ),
    attack(
        ADMIN,
        "a namespace that joined another mesh by itself",
        {"members": ["payments"]},
        [
            thing(
                "ServiceMeshMember",
                "default",
                "payments",
                spec={"controlPlaneRef": {"name": "basic", "namespace": "east-mesh-system"}},
            )
        ],
        "FED426",
    ),
    attack(
        ADMIN,
        "the namespace of operators, under a name of its own",
        {"members": ["payments"]},
        [thing("OperatorGroup", "all", "payments", spec={})],
        "FED426",
    ),
    attack(
        ADMIN,
        "a namespace with an account that has the whole cluster",
        {"members": ["payments"]},
        [CLUSTER_ADMIN],
        "FED457",
    ),
    attack(
        ADMIN,
        "the same by the group of a namespace's accounts",
        {"namespace": "payments"},
        [binding("all", "cluster-admin", {"kind": "Group", "name": "system:serviceaccounts:payments"})],
        "FED457",
    ),
    attack(
        ADMIN,
        "the name of another mesh",
        {"mesh": "east", "namespace": "payments"},
        given_before("east", "east-mesh-system"),
        "FED456",
    ),
    attack(
        ADMIN,
        "the same, with rights from before there was a label",
        {"mesh": "east", "namespace": "payments"},
        given_before("east", "east-mesh-system", labelled=False),
        "FED456",
    ),
    attack(
        ADMIN,
        "the namespace of operators whose group names all namespaces by the empty name",
        {"members": ["payments"]},
        [thing("OperatorGroup", "all", "payments", spec={"targetNamespaces": [""]})],
        "FED426",
    ),
    attack(
        ADMIN,
        "any namespace, where every service account has the whole cluster",
        {"members": ["payments"]},
        [binding("all", "cluster-admin", {"kind": "Group", "name": "system:serviceaccounts"})],
        "FED457",
    ),
    attack(
        ADMIN,
        "an account that has the whole cluster, bound as a user",
        {"members": ["payments"]},
        [binding("one", "cluster-admin", {"kind": "User", "name": "system:serviceaccount:payments:jenkins"})],
        "FED457",
    ),
    attack(
        "owner of a namespace",
        "a binding of our name for himself, to more than our Role",
        {"members": ["payments"]},
        [binding(NAME, "admin", {"kind": "User", "name": "owner"}, namespace="payments", kind="ClusterRole")],
        "FED455",
    ),
    attack(
        "mistake",
        "an aggregated ClusterRole of our name",
        {},
        [thing("ClusterRole", f"{FACTS}-lab", aggregationRule={"clusterRoleSelectors": [{}]}, rules=[])],
        "FED455",
    ),
]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, collections: str) -> Iterator[list[tuple[ApiInMemory, Outcome]]]:
    """For each row of ``PLACES`` an API server where that stands, and how the module ended there."""
    with ExitStack() as servers:
        apis = [servers.enter_context(serving(tmp_path_factory.mktemp("api"), *EAST)) for _row in PLACES]
        for api, row in zip(apis, PLACES):
            ours = [
                one
                for one in row.values[1]
                if MESH in one["metadata"].get("labels", {}) and one["kind"] != "ServiceMeshMemberRoll"
            ]
            give(api, *ours)
            put(api, *(one for one in row.values[1] if one not in ours))
        options = [{**api.access, "tenants": [{**LAB, **row.values[0]}]} for api, row in zip(apis, PLACES)]
        yield list(zip(apis, call_each(collections, "mesh_tenants", options)))


@pytest.mark.parametrize(
    ("number", "code"), [pytest.param(at, row.values[2], id=row.id) for at, row in enumerate(PLACES)]
)
def test_what_is_somebody_elses_is_refused(guarded: list[tuple[ApiInMemory, Outcome]], number: int, code: str) -> None:
    api, outcome = guarded[number]
    assert (outcome.code, api.writes) == (code, []), outcome.printed


def test_a_host_that_calls_itself_like_another_mesh_does_not_take_its_rights(
    quiet: ApiInMemory, collections: str
) -> None:
    east = {"mesh": "east", "admins": {"users": ["anna"]}}
    outcome = tenants(quiet, collections, east, {**east, "admins": MALLORY})
    assert (outcome.code, quiet.writes) == ("FED111", []), outcome.printed


def test_what_the_cluster_administrator_says_lets_a_mesh_have_a_control_plane_made_by_hand_once(
    quiet: ApiInMemory, collections: str
) -> None:
    put(quiet, thing("ServiceMeshControlPlane", "basic", "payments", spec={"version": "v2.5"}))
    lab = {**LAB, "namespace": "payments", "members": []}
    assert tenants(quiet, collections, {**lab, "adopt": True}).result.get("changed"), "said once"
    again = tenants(quiet, collections, lab)
    assert again.code is None and again.result["changed"] is False, again.printed


def test_without_the_right_to_restart_an_account_with_the_whole_cluster_is_out_of_reach(
    quiet: ApiInMemory, collections: str
) -> None:
    put(quiet, CLUSTER_ADMIN)
    done = tenants(quiet, collections, {**LAB, "members": ["payments"], "admins": {**MALLORY, "restarts": False}})
    assert done.code is None, done.printed
    rules = quiet.store.get(SimpleNamespace(name="Role"), "payments", NAME)["rules"]
    changing = {
        (name, verb)
        for rule in rules
        for name in rule["resources"]
        for verb in rule["verbs"]
        if verb in ("patch", "update", "create")
    }
    workloads = {
        "pods",
        "deployments",
        "statefulsets",
        "daemonsets",
        "deploymentconfigs",
        "deploymentconfigs/instantiate",
    }
    assert not {name for name, _verb in changing} & workloads
    assert not [rule for rule in rules if "serving.knative.dev" in rule["apiGroups"] and "patch" in rule["verbs"]]


STRANGERS = [
    thing("Role", "own", "payments", {MESH: "lab", HOME: "lab-mesh-system"}, rules=[]),
    binding(
        "their-" + NAME,
        "view",
        {"kind": "User", "name": "x"},
        namespace="payments",
        kind="ClusterRole",
        labels={MESH: "lab"},
    ),
    binding("nightly-backup", "backup", {"kind": "User", "name": "x"}, labels={MESH: "lab", HOME: "lab-mesh-system"}),
    thing("ClusterRole", "ossm-federation-facts-lab2", labels={MESH: "lab"}, rules=[]),
    thing("ServiceAccount", "robot", "payments", {MESH: "lab", HOME: "lab-mesh-system"}),
    thing("Role", f"{NAME}-x7k2p", "lab-one", {MESH: "lab", HOME: "lab-mesh-system"}, rules=[]),
]


@pytest.mark.parametrize("manager", ["kubectl", MANAGER])
def test_nothing_is_deleted_for_its_label(quiet: ApiInMemory, collections: str, manager: str) -> None:
    give(quiet, *STRANGERS, manager=manager)
    before = {
        kind: names(quiet, kind)
        for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "ServiceAccount")
    }
    gone = tenants(quiet, collections, LAB, state="absent")
    assert gone.code is None and quiet.writes == [], gone.printed
    assert before == {kind: names(quiet, kind) for kind in before}
    assert len(gone.result["left_alone"]) == len(STRANGERS) and "FED458" in "".join(gone.warnings)


def test_a_mesh_of_the_same_name_elsewhere_loses_nothing(quiet: ApiInMemory, collections: str) -> None:
    give(quiet, *given_before("prod", "one", "one-shop"))
    for state, code in (("absent", None), ("present", "FED456")):
        outcome = tenants(quiet, collections, {"mesh": "prod", "namespace": "two", "admins": MALLORY}, state=state)
        assert (outcome.code, quiet.writes) == (code, []), outcome.printed


def test_names_that_run_into_each_other_are_two_meshes(quiet: ApiInMemory, collections: str) -> None:
    first, second = (
        {"mesh": "a", "namespace": "b-c", "admins": MALLORY},
        {
            "mesh": "a-b",
            "namespace": "c",
            "admins": {"users": ["anna"]},
        },
    )
    assert tenants(quiet, collections, first, second).code is None
    assert tenants(quiet, collections, first, state="absent").result["changed"]
    assert (who(quiet, "b-c"), who(quiet, "c")) == (set(), {"anna"})
    assert names(quiet, "ClusterRoleBinding") == {"/ossm-federation-facts-a-b"}


def test_rights_from_before_there_was_a_label_are_known_labelled_and_taken_away(
    quiet: ApiInMemory, collections: str
) -> None:
    lab = {"mesh": "lab", "members": ["lab-one"], "admins": {"users": ["anna"]}}
    give(quiet, *given_before("lab", "lab-mesh-system", "lab-one", "lab-two", labelled=False))
    put(quiet, *(thing("Namespace", name) for name in ("lab-mesh-system", "lab-one", "lab-two")))
    done = tenants(quiet, collections, lab)
    assert done.code is None, done.printed
    assert (who(quiet, "lab-one"), who(quiet, "lab-two")) == ({"anna"}, set()), "lab-two is no longer a member"
    changed = {
        change["kind"]: change["fields"]
        for change in done.result["changes"]
        if change["namespace"] == "lab-mesh-system"
    }
    assert changed["RoleBinding"] == [f'metadata.labels["{HOME}"]'], "who has the right is not touched"
    assert tenants(quiet, collections, lab).result["changed"] is False
    tenants(quiet, collections, lab, state="absent")
    assert (
        not names(quiet, "RoleBinding")
        | names(quiet, "Role")
        | names(quiet, "ClusterRole")
        | names(quiet, "ClusterRoleBinding")
    )


def test_rights_that_should_never_have_been_given_can_be_taken_away(quiet: ApiInMemory, collections: str) -> None:
    give(quiet, *given_before("lab", "kube-system", user="mallory", labelled=False))
    wrong = {"mesh": "lab", "namespace": "kube-system", "admins": {"groups": ["system:authenticated"]}}
    assert tenants(quiet, collections, wrong).code == "FED426"
    assert "tenants_state" in tenants(quiet, collections, LAB).result["fix"]
    assert tenants(quiet, collections, wrong, state="absent").result["changed"]
    assert who(quiet, "kube-system") == set()


def test_a_role_of_ours_with_more_in_it_is_put_back(quiet: ApiInMemory, collections: str) -> None:
    assert tenants(quiet, collections, LAB).code is None
    live = quiet.store.get(SimpleNamespace(name="Role"), "lab-one", NAME)
    kept = live["rules"]
    live["rules"] = [*kept, {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
    put(quiet, live)
    assert tenants(quiet, collections, LAB).result["changed"]
    assert quiet.store.get(SimpleNamespace(name="Role"), "lab-one", NAME)["rules"] == kept


def test_an_account_that_was_there_before_is_neither_labelled_nor_deleted(quiet: ApiInMemory, collections: str) -> None:
    put(
        quiet,
        thing("Namespace", "lab-mesh-system"),
        thing("ServiceAccount", "pipeline", "lab-mesh-system", secrets=[{"name": "x"}]),
    )
    lab = {**LAB, "admins": {"service_accounts": ["pipeline", "nightly"]}}
    assert tenants(quiet, collections, lab).code is None
    assert tenants(quiet, collections, lab, state="absent").result["changed"]
    assert names(quiet, "ServiceAccount") == {"lab-mesh-system/pipeline"}


def test_a_namespace_that_is_replaced_in_between_is_not_given_to_anybody(quiet: ApiInMemory, collections: str) -> None:
    put(quiet, thing("Namespace", "lab-mesh-system"), thing("Namespace", "lab-one"))

    def replace(asked: Any) -> None:
        if asked.method == "PATCH" and "/namespaces/lab-one/roles/" in asked.target:
            quiet.store.put({**thing("Namespace", "lab-one"), "metadata": {"name": "lab-one", "uid": "another"}})

    quiet.hostile = replace
    outcome = tenants(quiet, collections, LAB)
    assert outcome.code == "FED109" and "lab-one" in outcome.result["where"], outcome.printed
    assert (who(quiet, "lab-one"), who(quiet, "lab-mesh-system")) == (set(), {"mallory"})


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_run_within_a_run_leaves_no_mixture_that_both_call_done(
    quiet: ApiInMemory, collections: str, tmp_path: Path, at: int
) -> None:
    """The other run does all of its work just before write number ``at`` of this one."""
    carl, anna, bert = ({**LAB, "admins": {"users": [name]}} for name in ("carl", "anna", "bert"))
    assert tenants(quiet, collections, carl).code is None
    with serving(tmp_path / "door") as door:
        door.store, ended, seen = quiet.store, [], [0]

        def other_first(asked: Any) -> None:
            seen[0] += asked.method == "PATCH"
            if asked.method == "PATCH" and seen[0] == at and not ended:
                # By another path, so that it is run by another process than the one that waits.
                ended.append(call(f"{collections}/", "mesh_tenants", {**door.access, "tenants": [bert]}))

        quiet.hostile = other_first
        outcome = tenants(quiet, collections, anna)
    quiet.hostile = None
    left = {user for space in ("lab-mesh-system", "lab-one") for user in who(quiet, space)}
    assert ended and ended[0].code is None, ended
    assert (outcome.code, left) == (None, {"anna"}) or outcome.code == "FED515", (outcome.printed, left)
    assert tenants(quiet, collections, anna).code is None
    assert tenants(quiet, collections, anna).result["changed"] is False


def test_in_a_playbook_the_cluster_adopts_a_control_plane_and_the_mesh_does_not(
    quiet: ApiInMemory, collections: str, tmp_path: Path
) -> None:
    put(quiet, thing("ServiceMeshControlPlane", "basic", "payments", spec={"version": "v2.5"}))
    lab = {"mesh_cluster": "one", "mesh_namespace": "payments", "mesh_admins": MALLORY, "tenants_adopt": ["lab"]}
    cluster = {key.replace("mesh_", "cluster_"): value for key, value in quiet.variables.items()}
    owner = Administrator(tmp_path, collections, {"lab": lab}, clusters={"one": cluster})
    refused = owner.play("tenants", must_pass=False)
    assert "FED451" in refused.output and "tenants_adopt=lab" in refused.output and not quiet.writes
    assert owner.play("tenants", variables={"tenants_adopt": "lab"}).changed("one") == 1
    assert who(quiet, "payments") == {"mallory"}
