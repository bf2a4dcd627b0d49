# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where answers of a registry may lead, and who may see a login. What is asked of one is tested on a real one, and on
hostile ones.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.secrets import HIDDEN
from ansible_collections.ossm.federation.plugins.module_utils._registry import Bounds
from ansible_collections.ossm.federation.plugins.module_utils._secrets import secrets_of, shown_arguments

PLAIN, TLS = Bounds("127.0.0.1:5000", is_plain=True), Bounds("registry.example")


@pytest.mark.parametrize(
    ("bounds", "location", "url"),
    [
        (TLS, "/v2/x", "https://registry.example/v2/x"),
        (TLS, "https://cdn.example/x?sign=1", "https://cdn.example/x?sign=1"),
        (PLAIN, "http://127.0.0.2/x", "http://127.0.0.2/x"),
        (TLS, "http://cdn.example/x", None),
        (TLS, "file:///etc/passwd", None),
        (TLS, "//user:pass@cdn.example/x", None),
        (TLS, "https://169.254.169.254/latest", None),
        (PLAIN, "http://169.254.169.254:80/", None),
        (TLS, "https://localhost/x", None),
        (TLS, "https://metadata.google.internal/x", None),
        (TLS, "https://[fe80::1]/x", None),
        (TLS, "https://cdn.example:99999/x", None),
        (TLS, "https://[/x", None),
        (TLS, "mailto:x", None),
    ],
)
def test_an_answer_leads_to_tls_elsewhere_and_to_no_machine_of_ours(bounds, location, url):
    if url:
        assert bounds.led_to(urlsplit(f"{bounds.url.geturl()}/v2/a"), location).geturl() == url
        return
    with pytest.raises(FederationError) as refused:
        bounds.led_to(urlsplit(f"{bounds.url.geturl()}/v2/a"), location)
    assert refused.value.code == "FED937"


@pytest.mark.parametrize(
    ("own", "peer", "is_fit"),
    [
        ("93.184.216.34", "151.101.1.1", True),
        ("10.0.0.1", "10.9.9.9", True),
        ("10.0.0.1", "151.101.1.1", True),
        ("127.0.0.1", "127.0.0.2", True),
        ("93.184.216.34", "10.0.0.1", False),
        ("93.184.216.34", "fd00::1", False),
        ("93.184.216.34", "127.0.0.1", False),
        ("10.0.0.1", "127.0.0.1", False),
        ("127.0.0.1", "169.254.169.254", False),
        ("169.254.1.1", "169.254.169.254", False),
        ("10.0.0.1", "fe80::1%eth0", False),
        ("10.0.0.1", "100.100.100.200", False),
        ("", "10.0.0.1", False),
    ],
)
def test_where_a_name_leads_is_no_less_public_than_the_registry(own, peer, is_fit):
    assert (TLS.unfit(own, peer) == "") is is_fit


@pytest.mark.parametrize(
    ("bounds", "url", "may"),
    [
        (TLS, "https://registry.example/token", True),
        (TLS, "https://registry.example:8443/token", True),
        (TLS, "https://auth.example/token", False),
        (Bounds("registry.example", token_host="auth.example"), "https://auth.example/token", True),
        (Bounds("registry.example", token_host="auth.example"), "https://auth.example.evil.example/token", False),
        (Bounds("registry.example", token_host="auth.example"), "http://auth.example/token", False),
        (Bounds("registry-1.docker.io"), "https://auth.docker.io/token", True),
        (TLS, "https://auth.docker.io/token", False),
        (PLAIN, "http://127.0.0.1/token", False),
    ],
)
def test_a_login_goes_to_the_registry_and_to_whom_the_user_names(bounds, url, may):
    assert bounds.may_see_login(urlsplit(url)) is may


def test_a_password_of_a_registry_is_masked_and_so_is_one_in_the_name_of_an_image():
    assert secrets_of({"registry_password": "hunter2-hunter2"}) == {"hunter2-hunter2"}
    shown = shown_arguments(
        {
            "registry_password": "short",
            "pull": "u:pass@registry.example/a:1",
            "push": f"registry.example/a@sha256:{'a' * 64}",
        }
    )
    assert (shown["registry_password"], shown["pull"], shown["push"]) == (
        HIDDEN,
        HIDDEN,
        f"registry.example/a@sha256:{'a' * 64}",
    )
