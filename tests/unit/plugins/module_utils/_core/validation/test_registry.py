# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which hosts a mesh knows, which are missing, and of which nobody can say."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.live import ControlPlane
from ansible_collections.ossm.federation.plugins.module_utils._core.traffic.standing import Standing
from ansible_collections.ossm.federation.plugins.module_utils._core.validation.registry import (
    KNOWN,
    MISSING,
    UNKNOWN,
    Given,
    Objects,
)
from ansible_collections.ossm.federation.tests.unit.traffic_in_memory import SPACE, control_plane, service, thing

ENTRY = thing(
    "networking.istio.io/v1beta1", "ServiceEntry", "shop", "out", spec={"hosts": ["api.example.org", "*.example.com"]}
)
WEST = Given("west", True, frozenset({"till.shop.svc.west-imports.local"}), ("svc.west-imports.local",))
NORTH = Given(
    "north",
    False,
    frozenset({"old.shop.svc.north-imports.local"}),
    ("svc.north-imports.local", "north.example.net"),
    (("desk", "*"),),
)


def objects(*unread):
    live = control_plane()
    live["metadata"]["uid"] = "u"
    standing = Standing(ControlPlane.read(live), frozenset({"shop", "desk"}), {("shop", "cart"): service("cart")})
    return Objects(standing, entries=(ENTRY,), given=(WEST, NORTH), unread=frozenset(unread))


@pytest.mark.parametrize(
    ("host", "state"),
    [
        *(
            (host, KNOWN)
            for host in (
                "cart",
                "CART.shop.svc.cluster.local",
                "cart.shop.svc",
                "api.example.org",
                "www.example.com",
                "*",
                "*.local",
            )
        ),
        *(
            (host, KNOWN)
            for host in ("till.shop.svc.west-imports.local", "*.west-imports.local", "*.shop.svc.cluster.local")
        ),
        *(
            (host, MISSING)
            for host in (
                "chart",
                "gone.shop.svc.west-imports.local",
                "x.y.svc.nobody-imports.local",
                "example.com",
                "*.example.net",
            )
        ),
        *(
            (host, UNKNOWN)
            for host in ("old.shop.svc.north-imports.local", "new.shop.svc.north-imports.local", "a.north.example.net")
        ),
        *((host, UNKNOWN) for host in ("cart.elsewhere.svc.cluster.local", "anything.desk.svc.cluster.local")),
    ],
)
def test_a_host_is_known_missing_or_unknown(host, state):
    assert objects().host_state(host, "shop")[0] == state
    assert bool(objects().host_state(host, "shop")[1]) == (state == UNKNOWN)


def test_what_was_not_read_makes_nothing_missing():
    assert objects(("Service", "shop")).host_state("chart", "shop") == (
        UNKNOWN,
        "Service objects in shop may not be read",
    )
    assert objects(("Service", "shop")).host_state("gone.shop.svc.west-imports.local", "shop")[0] == MISSING
    assert objects(("ServiceEntry", "desk")).host_state("gone.example.org", "shop")[0] == UNKNOWN
    assert objects(("ServiceMeshPeer", SPACE)).host_state("gone.shop.svc.west-imports.local", "shop")[0] == UNKNOWN


def test_a_wildcard_is_known_by_what_it_covers():
    assert objects(("Service", "shop")).host_state("*.other.svc.cluster.local", "shop")[0] == UNKNOWN
