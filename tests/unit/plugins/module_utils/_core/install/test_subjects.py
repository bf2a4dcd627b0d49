# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who may be named as the administrators of a mesh."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.install.subjects import LONGEST, MOST, Admins
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError

MANY = ("authenticated", "authenticated:oauth", "unauthenticated", "masters", "nodes", "cluster-admins")


def described(**admins):
    return Admins.described("lab", "lab-mesh-system", admins)


@pytest.mark.parametrize(
    "admins",
    [
        {"users": ["anna", "anna@example.com", "Jürgen Klöß", "https://sso.example/#4711", "u" * LONGEST]},
        {"users": ["system:serviceaccount:ci:robot"]},
        {"groups": ["CN=Mesh Admins,OU=IT,DC=example", "oidc:mesh", "systems:mesh"]},
        {"service_accounts": ["pipeline", "openshift-gitops/argocd-application-controller", "ci/a.b-c", "n" * 253]},
    ],
    ids=["users", "an-account-as-a-user", "groups", "accounts"],
)
def test_names_that_a_cluster_has_are_taken_as_they_are(admins):
    read = described(**admins)
    assert list(read.users) == admins.get("users", []) and list(read.groups) == admins.get("groups", [])
    assert len(read.service_accounts) == len(admins.get("service_accounts", []))


@pytest.mark.parametrize(
    ("part", "name"),
    [
        *(("groups", f"system:{name}") for name in MANY),
        *(("groups", f"system:serviceaccounts{name}") for name in ("", ":lab-mesh-system", ":kube-system")),
        *(
            ("users", f"system:{name}")
            for name in ("anonymous", "admin", "node:one", "serviceaccount:ci", "serviceaccount:ci:a:b")
        ),
        *(("users", name) for name in ("*", "mesh-*", "", " ", "anna ", "an\nna", "an\u202ena", "an\u200bna", "\x00")),
        *(("users", "u" * (LONGEST + 1)), ("service_accounts", "n" * 254), ("service_accounts", "s" * 64 + "/x")),
        *(("service_accounts", name) for name in ("../x", "a/b/c", "/x", "x/", "a/..", "Robot", "ci/robot\n", "a..b")),
        ("service_accounts", "system:serviceaccount:ci:robot"),
    ],
)
def test_a_name_that_stands_for_many_or_for_nobody_is_refused(part, name):
    with pytest.raises(FederationError) as refused:
        described(**{part: ["anna" if part != "service_accounts" else "pipeline", name]})
    assert refused.value.code == "FED450" and part.rstrip("s").replace("_", " ").split()[0] in str(refused.value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("names", ["anna", {"anna": True}, 5, [5], [None], [["anna"]], ["anna"] * (MOST + 1)], ids=repr)
def test_what_is_no_list_of_names_is_refused(names):
    with pytest.raises(FederationError, match="FED450"):
        described(users=names)


def test_a_name_said_twice_is_one_subject():
    read = described(users=["anna", "anna"], service_accounts=["pipeline", "lab-mesh-system/pipeline"])
    assert (read.users, read.service_accounts) == (("anna",), (("lab-mesh-system", "pipeline"),))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        *((said, True) for said in (True, "true", "Yes", 1)),
        *((said, False) for said in (False, "false", "no", "False", 0)),
    ],
)
def test_restarts_is_read_as_ansible_reads_booleans(said, meant):
    assert described(users=["anna"], restarts=said).restarts is meant


@pytest.mark.parametrize("said", [None, "", "perhaps", 2, [], {}, "{{ x }}"])
def test_restarts_that_nobody_can_read_is_refused_and_not_guessed(said):
    with pytest.raises(FederationError, match="FED450 mesh_admins of lab: has restarts"):
        described(users=["anna"], restarts=said)


def test_without_a_word_restarts_are_allowed_as_ever():
    assert described(users=["anna"]).restarts is True
