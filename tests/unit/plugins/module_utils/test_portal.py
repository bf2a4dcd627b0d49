# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""3scale's portal over real TLS on loopback: what is asked of it, and a portal that never comes to an end."""

from __future__ import annotations

import base64
import time

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._portal import Portal
from attacks.portal import ACCESS, answering


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    with answering(tmp_path_factory.mktemp("portal")) as running:
        running.tell("7", "a-service-token", [])
        yield running


def test_the_token_travels_in_a_header_alone(portal):
    asked = Portal(portal.url, ACCESS, str(portal.ca_file))
    assert asked.get("/admin/api/services/7/proxy/configs/production/latest.json")["proxy_config"]["content"]["id"] == 7
    login = base64.b64encode(f"{ACCESS}:".encode()).decode()
    assert portal.asked[-1] == ("/admin/api/services/7/proxy/configs/production/latest.json", f"Basic {login}")


@pytest.mark.parametrize(("token", "path", "code"), [("wrong-token", "/admin", "FED891"), (ACCESS, "/admin", "FED892")])
def test_what_the_portal_refuses_has_its_own_code(portal, token, path, code):
    with pytest.raises(FederationError) as refused:
        Portal(portal.url, token, str(portal.ca_file)).get(path)
    assert refused.value.code == code and token not in str(refused.value)


def test_a_portal_that_sends_byte_after_byte_is_given_up_in_time(portal):
    portal.answers["/slow"] = (200, {}, b" " * 10_000)
    portal.seconds_per_byte = 0.05
    started = time.monotonic()
    with pytest.raises(FederationError, match="FED890.*has not answered within 0.5 s"):
        Portal(portal.url, ACCESS, str(portal.ca_file), seconds=0.5).get("/slow")
    assert time.monotonic() - started < 5
    portal.seconds_per_byte = 0


def test_a_file_of_certificates_that_is_none_is_refused(tmp_path):
    with pytest.raises(FederationError, match="FED890"):
        Portal("https://localhost:1", ACCESS, str(tmp_path / "nothing"))


def test_a_portal_that_answers_each_question_late_is_given_up_in_time(portal):
    path = "/admin/api/services/7/proxy/configs/production/latest.json"
    asked = Portal(portal.url, ACCESS, str(portal.ca_file), whole=0.3)
    started = time.monotonic()
    with pytest.raises(FederationError, match="FED890.*has not answered"):
        while time.monotonic() - started < 5:
            asked.get(path)
    assert time.monotonic() - started < 2
