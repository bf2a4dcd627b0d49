# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tests of what an API server's refusals mean."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._cluster.messages import Request
from ansible_collections.ossm.federation.plugins.module_utils._cluster.refusals import ROWS, Refused, meaning_of
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.answers import Answer
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import CONTROL_PLANE, PEER, POD

CONFLICT = {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl"', "field": ".spec.replicas"}
GONE = {"field": "metadata.uid"}


def refused(status, message="", kind=PEER, asked=PEER, verb="patch", **details):
    body = {"kind": "Status", "message": message, "details": details} if status >= 400 else None
    return Refused(
        Request.of(verb, "PATCH", asked, "east-mesh-system", "west"), Answer(status, body, "<html>", None), kind
    )


@pytest.mark.parametrize(
    ("given", "code", "what"),
    [
        (refused(403, 'admission webhook "a" denied the request: no'), "FED106", "refused: no"),
        (refused(401, "Unauthorized"), "FED101", "does not accept the credentials: Unauthorized"),
        (
            refused(403, "u cannot patch it"),
            "FED104",
            "may not patch servicemeshpeers.federation.maistra.io in namespace east-mesh-system: u cannot",
        ),
        (refused(403), "FED104", "in namespace east-mesh-system"),
        (refused(403, "quota"), "FED106", "answered 403: quota"),
        (refused(409, "conflict", causes=[CONFLICT]), "FED107", ".spec.replicas is set by the field manager kubectl"),
        (refused(409, "uid mismatch"), "FED109", "removed or replaced meanwhile: uid mismatch"),
        (refused(422, "invalid", causes=[GONE]), "FED109", "removed or replaced meanwhile"),
        (refused(404, "not found"), "FED108", "does not serve ServiceMeshPeer"),
        (refused(404, "not found", kind=None), "FED106", "answered 404: not found"),
        (refused(404, "not found", name="west"), "FED106", "answered 404: not found"),
        (refused(302), "FED106", "answered 302 with something that is not the Kubernetes API's JSON"),
        (refused(418, "teapot"), "FED106", "answered 418: teapot"),
    ],
)
def test_a_refusal_is_told_by_the_first_row_that_fits(given, code, what):
    row = meaning_of(given)
    assert row.code == code
    assert what in row.what(given)
    assert row.fix(given)
    assert all(given.fact(name) is not None for name in row.facts)


def test_the_last_row_fits_every_refusal():
    assert ROWS[-1].fits(refused(200))


def test_only_credentials_are_a_matter_of_the_whole_server():
    assert [row.code for row in ROWS if row.is_of_server] == ["FED101"]


@pytest.mark.parametrize(
    ("kind", "advice"), [(CONTROL_PLANE, "Install the OpenShift Service Mesh operator"), (PEER, "Its CRD comes with")]
)
def test_a_kind_that_is_not_served_is_told_by_what_brings_it(kind, advice):
    given = refused(404, kind=kind)
    assert meaning_of(given).fix(given).startswith(advice)


def test_a_right_that_is_only_for_restarts_may_be_left_out_on_purpose():
    given = refused(403, "u cannot delete it", asked=POD, verb="delete")
    assert "restarts: false" in meaning_of(given).fix(given)
