# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stays readable in a dump: a dump in which everything is hidden helps nobody. What is hidden is searched for in
tests/attacks/test_gather.py.
"""

from __future__ import annotations

import time

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.gathering.dump import (
    Dump,
    file_name,
    index,
    logs_of,
    wanted,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.gathering.redacting import (
    HIDDEN,
    redacted,
    redacted_text,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import CONFIG_MAP, SERVICE
from ansible_collections.ossm.federation.tests.unit.pem import NOW


@pytest.mark.parametrize(
    "value",
    [
        {"spec": {"security": {"trust": {"domain": "west.local"}, "certificateAuthority": {"type": "Istiod"}}}},
        {"valueFrom": {"secretKeyRef": {"name": "cacerts", "key": "ca-cert.pem", "optional": True}}},
        {"imagePullSecrets": [{"name": "registry"}], "automountServiceAccountToken": False},
        {"volumes": [{"name": "certs", "secret": {"secretName": "cacerts", "defaultMode": 420}}]},
        {"tls": {"mode": "SIMPLE", "credentialName": "front-tls"}},
        {
            "env": [
                {"name": "PILOT_ENABLE_STATUS", "value": "true"},
                {"name": "ISTIO_META_DNS_CAPTURE", "value": "true"},
            ]
        },
        {"data": {"root-cert.pem": "-----BEGIN CERTIFICATE-----\nTUlJRGV6\n-----END CERTIFICATE-----\n"}},
        {
            "rules": [{"resources": ["secrets"], "verbs": ["get"]}],
            "image": "registry.example.com/proxy@sha256:" + "a" * 64,
        },
        {"message": "no token was sent; the secret cacerts was not found", "count": 3, "nothing": None},
    ],
)
def test_what_is_no_secret_stays(value):
    assert redacted(value) == value


def test_what_is_known_as_a_secret_is_hidden_also_in_names_of_keys():
    assert redacted({"x-unlikely-1": ["is unlikely-1"], "short": "abc"}, ["unlikely-1", "abc"]) == {
        f"x-{HIDDEN}": [f"is {HIDDEN}"],
        "short": "abc",
    }


def test_what_is_nested_without_end_ends():
    value: dict = {}
    for _depth in range(500):
        value = {"a": value}
    assert HIDDEN in str(redacted(value))


def test_a_hostile_text_costs_no_time():
    started = time.process_time()
    for text in (
        "token" * 20_000,
        "-----BEGIN PRIVATE KEY" * 5_000,
        "://" * 30_000,
        "a@" * 50_000,
        "password:" * 10_000,
        "token:\n- a" * 10_000,
        "secret: |\n  " * 10_000,
        "eyJ." * 25_000,
    ):
        redacted_text(text, of_log=True)
    assert time.process_time() - started < 8


@pytest.mark.parametrize("time", ["", "2026-01-31T12:00:00.123456789Z "])
def test_a_block_or_a_list_is_hidden_whole_and_what_follows_it_stays(time):
    for lines in (("password: |", "  alpha", "  beta", "next: 1"), ("tokens:", "- alpha", "- beta", "next: 1")):
        found = redacted_text("".join(f"{time}{line}\n" for line in lines), of_log=True)
        assert "alpha" not in found and "beta" not in found and f"{time}next: 1" in found


def test_a_lone_line_of_base64_is_hidden_in_a_log_only():
    line = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoKQUJDREVGR0hJ"
    time = "2026-01-31T12:00:00.123456789Z "
    assert redacted_text(f"a\n{line}\n{time}{line}\nb", of_log=True) == f"a\n{HIDDEN}\n{time}{HIDDEN}\nb"
    assert redacted_text(line) == line


def test_an_index_says_what_is_there_and_what_is_not():
    dump = Dump("east")
    dump.add_objects(SERVICE, "shop", [{"metadata": {"name": f"s{number}"}} for number in range(301)])
    dump.add("logs/x.log", "x" * (1 << 21), "logs")
    text = index(dump, NOW, ["east \x1b[2J stands"], {"control plane": "v2.3"})
    assert (
        "| 300 | Service in shop |" in text
        and "- 1 more of Service in shop" in text
        and "- logs/x.log: it has 2,097,152 bytes" in text
    )
    assert "\x1b" not in text and "Nothing." in text


def test_of_config_maps_only_what_is_asked_for_is_written_and_names_are_made_safe():
    assert not wanted(CONFIG_MAP, {"metadata": {"name": "app-settings"}}, None)
    assert wanted(CONFIG_MAP, {"metadata": {"name": "west-ca-root-cert"}}, None)
    assert (
        file_name("cart-1.shop") == "cart-1.shop"
        and file_name("../x").startswith("name-")
        and file_name("a..b").startswith("name-")
    )
    pods = [
        {"metadata": {"name": f"p{number:02}"}, "spec": {"containers": [{"name": "istio-proxy"}, {"name": "x"}]}}
        for number in range(30)
    ]
    left_out: list[str] = []
    assert len(logs_of(pods, left_out)) == 24 and left_out == ["logs of 6 more containers"]
