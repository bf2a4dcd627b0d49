# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two meshes in one cluster, prepared once by its administrator and then run by administrators of their own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from attacks.attack import call, call_each
from integration.administrators import Administrator

from testbed import MeshSpec, Testbed
from testbed.client import kube_of
from testbed.kube import Kube, KubeError

ACCOUNT = "mesh-administrator"
NAME, RBAC = "ossm-federation-mesh-administrator", "rbac.authorization.k8s.io"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    """A cluster with an operator; of the tenants only the control planes' namespaces are there."""
    meshes = [
        MeshSpec(name, cluster="one", version="v2.3", members=[], services={}, control_plane_present=False)
        for name in ("east", "lab")
    ]
    with Testbed.start(tmp_path_factory.mktemp("tenants"), meshes=meshes, clock_scale=0.05) as running:
        yield running


ANNA, MALLORY = ("anna", ()), ("mallory", ("mall-admins",))
OWN, MEMBER = "desk-mesh-system", "desk-shop"
OTHERS = ("mall-mesh-system", "mall-shop", "kube-system", "default", "openshift-config", "openshift-operators")
KINDS = (
    *(
        ("", name)
        for name in ("pods", "pods/exec", "pods/log", "secrets", "configmaps", "services", "serviceaccounts/token")
    ),
    *(("apps", "deployments"), ("apps", "replicasets"), ("batch", "jobs")),
    *(("rbac.authorization.k8s.io", name) for name in ("roles", "rolebindings")),
    *(("maistra.io", name) for name in ("servicemeshcontrolplanes", "servicemeshmemberrolls", "servicemeshmembers")),
    *(("federation.maistra.io", "servicemeshpeers"), ("security.istio.io", "authorizationpolicies")),
)
VERBS = ("get", "list", "create", "update", "patch", "delete")

# What anna may do, once tenants has run: verb, resource, namespace; with "restarts" only where these are not left out.
ALWAYS, WITH_RESTARTS, NEVER = "always", "restarts", "never"
TABLE = [
    ("use", "maistra.io", "servicemeshcontrolplanes", OWN, ALWAYS),
    ("delete", "maistra.io", "servicemeshcontrolplanes", OWN, ALWAYS),
    ("update", "", "configmaps", OWN, ALWAYS),
    ("get", "", "pods/log", OWN, ALWAYS),
    ("create", "federation.maistra.io", "servicemeshpeers", OWN, ALWAYS),
    ("patch", "security.istio.io", "authorizationpolicies", MEMBER, ALWAYS),
    ("get", "apps", "deployments", MEMBER, ALWAYS),
    ("patch", "apps", "deployments", OWN, WITH_RESTARTS),
    ("patch", "apps", "deployments", MEMBER, WITH_RESTARTS),
    ("patch", "apps", "statefulsets", MEMBER, WITH_RESTARTS),
    ("update", "", "pods", MEMBER, WITH_RESTARTS),
    ("delete", "", "pods", MEMBER, WITH_RESTARTS),
    ("create", "apps.openshift.io", "deploymentconfigs/instantiate", MEMBER, WITH_RESTARTS),
    ("patch", "serving.knative.dev", "services", MEMBER, WITH_RESTARTS),
    ("get", "", "secrets", OWN, NEVER),
    ("list", "", "secrets", MEMBER, NEVER),
    ("create", "", "pods", OWN, NEVER),
    ("create", "", "pods/exec", MEMBER, NEVER),
    ("create", "", "serviceaccounts/token", OWN, NEVER),
    ("update", "", "configmaps", MEMBER, NEVER),
    ("get", "", "pods/log", MEMBER, NEVER),
    ("create", "federation.maistra.io", "servicemeshpeers", MEMBER, NEVER),
    ("create", "rbac.authorization.k8s.io", "rolebindings", OWN, NEVER),
    ("escalate", "rbac.authorization.k8s.io", "roles", OWN, NEVER),
    ("bind", "rbac.authorization.k8s.io", "roles", MEMBER, NEVER),
    ("delete", "", "namespaces", OWN, NEVER),
    ("list", "", "namespaces", "", NEVER),
    ("create", "", "namespaces", "", NEVER),
    ("list", "", "nodes", "", NEVER),
    ("impersonate", "", "users", "", NEVER),
    ("create", "rbac.authorization.k8s.io", "clusterrolebindings", "", NEVER),
    ("get", "config.openshift.io", "infrastructures", "", NEVER),
]


def may(
    root: Kube, who: tuple[str, Sequence[str]], verb: str, group: str, resource: str, namespace: str, name: str = ""
) -> bool:
    """Return what the API server answers when it is asked whether an account may do something."""
    resource, _slash, below = resource.partition("/")
    attributes = {
        "verb": verb,
        "group": group,
        "resource": resource,
        "subresource": below,
        "namespace": namespace,
        "name": name,
    }
    spec = {"user": who[0], "groups": [*who[1], "system:authenticated"], "resourceAttributes": attributes}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    return bool(root.create(review)["status"]["allowed"])


def allowed(root: Kube, who: tuple[str, Sequence[str]]) -> set[tuple[str, str, str]]:
    """Return which rows of the table an account may do."""
    return {
        (verb, resource, namespace)
        for verb, group, resource, namespace, _when in TABLE
        if may(root, who, verb, group, resource, namespace)
    }


def rows(*when: str) -> set[tuple[str, str, str]]:
    return {(verb, resource, namespace) for verb, _group, resource, namespace, then in TABLE if then in when}


def elsewhere(root: Kube, who: tuple[str, Sequence[str]]) -> set[tuple[str, str, str]]:
    """Return what an account may do in namespaces that are not desk's."""
    asked = [(verb, group, name, space) for verb in VERBS for group, name in KINDS for space in OTHERS]
    return {(verb, name, space) for verb, group, name, space in asked if may(root, who, verb, group, name, space)}


def test_the_rights_are_these_and_no_others_before_during_and_after(collections: str, cluster: Testbed) -> None:
    root, access = cluster.meshes["east"].kube, {"kubeconfig": cluster.meshes["east"].kubeconfig}
    desk = {"mesh": "desk", "members": [MEMBER], "admins": {"users": [ANNA[0]]}}
    mall = {"mesh": "mall", "members": ["mall-shop"], "admins": {"groups": [*MALLORY[1]]}}
    for name in ("kube-system", "default", "openshift-config", "openshift-operators"):
        root.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, "testbed")
    assert not allowed(root, ANNA) and not allowed(root, MALLORY), "nobody may anything before"

    done = call_each(
        collections, "mesh_tenants", [{**access, "tenants": [desk, mall]}, {**access, "tenants": [desk, mall]}]
    )
    assert [one.result.get("changed") for one in done] == [True, False], done[0].printed
    assert allowed(root, ANNA) == rows(ALWAYS, WITH_RESTARTS)
    assert not elsewhere(root, ANNA), "nothing outside of the namespaces of the mesh"
    assert not allowed(root, MALLORY) and may(
        root, MALLORY, "use", "maistra.io", "servicemeshcontrolplanes", "mall-mesh-system"
    )
    for nobody in (
        ("system:anonymous", ["system:unauthenticated"]),
        (f"system:serviceaccount:{MEMBER}:default", ["system:serviceaccounts"]),
    ):
        assert not allowed(root, nobody)
    for name, is_told in (("cluster", True), ("other", False)):
        assert may(root, ANNA, "get", "config.openshift.io", "infrastructures", "", name) is is_told

    attacks = [
        {**mall, "namespace": "kube-system"},
        {**mall, "namespace": OWN},
        {**mall, "members": [MEMBER]},
        {**mall, "admins": {"groups": ["system:authenticated"]}},
        {**mall, "mesh": "desk", "namespace": "mall-two", "members": []},
    ]
    refused = call_each(collections, "mesh_tenants", [{**access, "tenants": [one]} for one in attacks])
    assert [one.code for one in refused] == ["FED426", "FED451", "FED451", "FED450", "FED456"], [
        one.result.get("msg") for one in refused
    ]
    assert not allowed(root, MALLORY) and not elsewhere(root, ("bert", ()))

    quiet = {**desk, "admins": {**desk["admins"], "restarts": False}}
    assert call(collections, "mesh_tenants", {**access, "tenants": [quiet, mall]}).result["changed"]
    assert allowed(root, ANNA) == rows(ALWAYS)

    gone = call_each(collections, "mesh_tenants", [{**access, "tenants": [desk], "state": "absent"}] * 2)
    assert [one.result.get("changed") for one in gone] == [True, False], gone[0].printed
    assert not allowed(root, ANNA) and not may(
        root, ANNA, "get", "config.openshift.io", "infrastructures", "", "cluster"
    )
    assert may(root, MALLORY, "use", "maistra.io", "servicemeshcontrolplanes", "mall-mesh-system"), (
        "the other mesh keeps its own"
    )


def test_the_owner_of_a_namespace_gains_nothing_by_what_is_there_before_and_keeps_nothing_afterwards(
    collections: str, cluster: Testbed
) -> None:
    root, access = cluster.meshes["east"].kube, {"kubeconfig": cluster.meshes["east"].kubeconfig}
    attic = {"mesh": "attic", "members": ["attic-shop"], "admins": {"users": ["anna"]}}
    owner = {"apiGroup": RBAC, "kind": "User", "name": "owner"}
    labels = {"ossm.federation/mesh": "attic", "ossm.federation/control-plane": "attic-mesh-system"}
    root.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "attic-shop"}}, "testbed")

    def planted(kind: str, manager: str, **body: Any) -> None:
        metadata = {"name": NAME, "namespace": "attic-shop", "labels": labels}
        root.apply({"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": metadata, **body}, manager)

    more = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    reference = {"apiGroup": RBAC, "kind": "Role", "name": NAME}
    run = {**access, "tenants": [attic]}
    # Under our own field manager it is put back; under another's the run stops and names it; another role is refused.
    planted("Role", "ossm.federation", rules=more)
    planted("RoleBinding", "ossm.federation", roleRef=reference, subjects=[owner])
    assert call(collections, "mesh_tenants", run).result["changed"]
    assert not may(root, ("owner", ()), "get", "", "secrets", "attic-shop") and not may(
        root, ("owner", ()), "get", "", "pods", "attic-shop"
    )
    assert not may(root, ANNA, "get", "", "secrets", "attic-shop") and may(root, ANNA, "get", "", "pods", "attic-shop")

    root.merge("Role", NAME, "attic-shop", {"rules": more})
    assert call(collections, "mesh_tenants", run).code == "FED107"
    assert call(collections, "mesh_tenants", {**run, "force": True}).result["changed"]
    assert not may(root, ANNA, "get", "", "secrets", "attic-shop")

    root.delete("RoleBinding", NAME, "attic-shop")
    planted(
        "RoleBinding",
        "ossm.federation",
        roleRef={**reference, "kind": "ClusterRole", "name": "admin"},
        subjects=[owner],
    )
    assert call(collections, "mesh_tenants", {**run, "force": True}).code == "FED455"
    root.delete("RoleBinding", NAME, "attic-shop")
    assert call(collections, "mesh_tenants", run).result["changed"]

    # What is not ours does not go, whatever it is labelled; what is ours goes, whoever has changed it since.
    metadata = {"name": "cleaner", "namespace": "attic-shop", "labels": labels}
    root.apply(
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": reference,
            "subjects": [owner],
        },
        "kubectl",
    )
    root.merge("RoleBinding", NAME, "attic-shop", {"subjects": [owner]})
    gone = call(collections, "mesh_tenants", {**run, "state": "absent"})
    assert gone.result["left_alone"] == ["RoleBinding attic-shop/cleaner"] and "FED458" in "".join(gone.warnings)
    assert not may(root, ("owner", ()), "get", "", "pods", "attic-shop")
    assert [live["metadata"]["name"] for live in root.list("RoleBinding", "attic-shop")] == ["cleaner"]


def test_an_administrator_of_a_mesh_makes_it_and_reaches_no_other(
    tmp_path: Path, collections: str, cluster: Testbed
) -> None:
    meshes = {
        name: {
            "mesh_cluster": "one",
            "mesh_version": "v2.3",
            "mesh_trust_domain": f"{name}.local",
            "mesh_members": [f"{name}-shop"],
            "mesh_admins": {"service_accounts": [ACCOUNT]},
        }
        for name in cluster.meshes
    }
    root = cluster.meshes["east"].kube
    owner = Administrator(
        tmp_path, collections, meshes, clusters={"one": {"cluster_kubeconfig": cluster.meshes["east"].kubeconfig}}
    )
    planned = owner.play("tenants", "--check", "--diff")
    assert planned.changed("one") == 1 and "ossm-federation-mesh-administrator" in planned.output
    assert "east-shop" not in [live["metadata"]["name"] for live in root.list("Namespace")]
    owner.play("tenants")
    assert owner.play("tenants").changed("one") == 0

    nothing = tmp_path / "nothing.yml"
    nothing.write_text("---\n", encoding="utf-8")
    for name, mesh in cluster.meshes.items():
        meshes[name]["mesh_kubeconfig"] = mesh.service_account_kubeconfig(ACCOUNT, mesh.namespace, [nothing])
    (tmp_path / "own").mkdir()
    tenants = Administrator(tmp_path / "own", collections, meshes)
    made = tenants.play("control_plane")
    assert made.output.count("v2.3, ready") == 2
    assert tenants.play("control_plane").changed("east") == 0

    own = kube_of(meshes["east"]["mesh_kubeconfig"])
    assert own.list("ServiceMeshMemberRoll", cluster.meshes["east"].namespace)
    for kind, namespace in (
        ("ServiceMeshControlPlane", "lab-mesh-system"),
        ("Pod", "lab-shop"),
        ("Secret", "east-mesh-system"),
        ("Namespace", ""),
    ):
        with pytest.raises(KubeError) as refused:
            own.list(kind, namespace or None)
        assert refused.value.status == 403, f"{kind} in {namespace or 'the cluster'}"

    meshes["east"]["mesh_members"] = ["east-shop", "lab-shop"]
    refused = tenants.play("control_plane", "--limit", "east", must_pass=False)
    assert refused.returncode and root.get("ServiceMeshMemberRoll", "default", "east-mesh-system")["spec"][
        "members"
    ] == ["east-shop"]
    assert "FED451" in owner.play("tenants", must_pass=False).output


def test_the_owner_of_a_namespace_joins_a_mesh_and_leaves_it(
    tmp_path: Path, collections: str, cluster: Testbed
) -> None:
    mesh = cluster.meshes["east"]
    mesh.kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "desk"}}, "testbed")
    task = {
        "ossm.federation.mesh_member": {
            "kubeconfig": mesh.kubeconfig,
            "mesh": "east",
            "member": "desk",
            "wait": True,
            "state": "{{ state }}",
        }
    }
    play = {
        "name": "Join",
        "hosts": "meshes",
        "connection": "local",
        "gather_facts": False,
        "tasks": [{"name": "Join", **task}],
    }
    play["vars"] = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    (tmp_path / "join.yml").write_text(json.dumps([play]), encoding="utf-8")
    owner = Administrator(tmp_path, collections, {"east": {}})
    assert owner.play("join.yml", "-e", "state=present").changed("east") == 1
    assert mesh.kube.get("Namespace", "desk")["metadata"]["labels"]["maistra.io/member-of"] == mesh.namespace
    assert owner.play("join.yml", "-e", "state=present").changed("east") == 0

    # Beside it the roll is kept as before: nothing is fought over, and everybody is told.
    described = {"mesh_version": "v2.3", "mesh_trust_domain": "east.local", "mesh_members": ["east-shop"]}
    (tmp_path / "own").mkdir()
    east = Administrator(tmp_path / "own", collections, {"east": {"mesh_kubeconfig": mesh.kubeconfig, **described}})

    def roll() -> dict:
        return mesh.kube.get("ServiceMeshMemberRoll", "default", mesh.namespace)

    kept = east.play("control_plane")
    assert kept.changed("east") == 0 and "joined by themselves: desk" in kept.output
    assert (roll()["spec"]["members"], roll()["status"]["configuredMembers"]) == (["east-shop"], ["desk", "east-shop"])
    seen = east.play("status", variables={"federation_report": "report.json"})
    assert "members: east-shop · joined by themselves: desk" in seen.output
    report = json.loads((east.folder / "report.json").read_text(encoding="utf-8"))
    assert report["east"]["members"] == {"configured": ["desk", "east-shop"], "joined": ["desk"], "pending": []}
    refused = east.play("uninstall", variables={"federation_force": True}, must_pass=False)
    assert "FED427" in refused.output and "has members that joined by themselves, desk" in refused.output
    assert "Nothing was written" in refused.output and "deletionTimestamp" not in roll()["metadata"]

    assert owner.play("join.yml", "-e", "state=absent").changed("east") == 1
    assert owner.play("join.yml", "-e", "state=absent").changed("east") == 0
    assert roll()["status"]["configuredMembers"] == ["east-shop"]


def test_a_namespace_of_the_roll_that_does_not_exist_is_told_and_not_waited_for(
    tmp_path: Path, collections: str, cluster: Testbed
) -> None:
    mesh = cluster.meshes["east"]
    described = {"mesh_version": "v2.3", "mesh_trust_domain": "east.local", "mesh_members": ["east-shop", "later"]}
    east = Administrator(tmp_path, collections, {"east": {"mesh_kubeconfig": mesh.kubeconfig, **described}})
    started = time.monotonic()
    told = " ".join(east.play("control_plane").output.split())
    assert time.monotonic() - started < 40
    assert "FED610 ServiceMeshMemberRoll east-mesh-system/default: later does not exist" in told
    again = east.play("control_plane")
    assert again.changed("east") == 0 and "FED610" in again.output
    mesh.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "later"}})
    joined = east.play("control_plane")
    assert joined.changed("east") == 0 and "FED610" not in joined.output
    assert mesh.kube.get("ServiceMeshMemberRoll", "default", mesh.namespace)["status"]["configuredMembers"] == [
        "east-shop",
        "later",
    ]
