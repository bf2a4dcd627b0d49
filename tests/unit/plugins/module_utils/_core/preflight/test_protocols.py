# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which name a port is advised to have, and whether the one that it has tells what it speaks."""

from __future__ import annotations

import re

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.preflight.protocols import (
    _TCP,
    advised_name,
    says_protocol,
)


@pytest.mark.parametrize(
    ("port", "service", "expected"),
    [
        ({"port": 5432}, "ledger", "tcp-postgres"),
        ({"port": 5432, "name": "db"}, "ledger", "tcp-postgres"),
        ({"port": 6379, "name": "main"}, "cache", "tcp-redis"),
        ({"port": 9092}, "events", "tcp-kafka"),
        ({"port": 15432, "name": "postgres"}, "ledger", "tcp-postgres"),
        ({"port": 15432}, "postgres-ledger", "tcp-postgres"),
        ({"port": 80, "name": "web"}, "cart", "http"),
        ({"port": 80}, "redis-console", "http"),
        ({"port": 50051, "name": "api"}, "cart", "grpc"),
        ({"port": 7777, "name": "grpcapi"}, "cart", "grpc"),
        ({"port": 7777, "name": "main"}, "cart", ""),
        ({"port": "5432"}, "cart", ""),
        ({}, "", ""),
    ],
)
def test_a_name_is_advised_by_what_the_port_most_likely_speaks(port, service, expected):
    assert advised_name(port, service) == expected


def test_every_advised_name_is_one_that_a_port_may_have_and_says_its_protocol():
    for number in _TCP:
        name = advised_name({"port": number})
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?", name) and says_protocol({"name": name}), name


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ({"name": "http-web"}, True),
        ({"name": "GRPC-WEB-api"}, True),
        ({"name": "postgres"}, False),
        ({"name": "postgres", "appProtocol": "tcp"}, True),
        ({"name": "dns", "protocol": "UDP"}, True),
        ({}, False),
    ],
)
def test_a_port_says_its_protocol_by_its_name_or_by_app_protocol(port, expected):
    assert says_protocol(port) is expected
