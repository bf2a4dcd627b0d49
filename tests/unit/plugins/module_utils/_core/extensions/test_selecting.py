# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which proxies run which extensions, and in which order."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.plan import plan
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.selecting import (
    Proxy,
    orders,
    proxy_of,
    selected_by,
)

from .meshes import described, ground

ROOT = "east-mesh-system"
CART, DESK, TILL = (
    Proxy("shop", "cart-1", {"app": "cart"}),
    Proxy("desk", "desk-1", {"app": "cart"}),
    Proxy("shop", "till-1", {"app": "till"}),
)
PROXIES = [CART, DESK, TILL]


def planned(minor, *fields):
    return plan([described(name=f"e{number}", **each) for number, each in enumerate(fields)], ground(minor))


@pytest.mark.parametrize("minor", [1, 4])
def test_an_extension_selects_in_its_namespace_and_the_root_in_the_whole_mesh(minor):
    (own,) = planned(minor, {})
    (wide,) = planned(minor, {"namespace": ROOT})
    (everybody,) = planned(minor, {"selector": "all"})
    assert selected_by(own, PROXIES, ROOT) == [CART]
    assert selected_by(wide, PROXIES, ROOT) == [CART, DESK]
    assert selected_by(everybody, PROXIES, ROOT) == [CART, TILL]


@pytest.mark.parametrize("minor", [1, 4])
def test_the_higher_priority_runs_first_and_none_last(minor):
    (order,) = orders(planned(minor, {}, {"priority": -1}, {"priority": 5}, {"phase": "AUTHN"}), PROXIES, ROOT)
    assert (order.extensions, order.ties, order.proxies) == (("shop/e2", "shop/e1", "shop/e0"), (), ("shop/cart-1",))


def test_equal_priorities_are_ties_and_pods_with_one_extension_have_no_order():
    (order,) = orders(planned(4, {"priority": 1}, {"priority": 1, "selector": "all"}), PROXIES, ROOT)
    assert (order.ties, order.proxies) == (("shop/e0", "shop/e1"), ("shop/cart-1",))
    assert "order not said" in order.text


@pytest.mark.parametrize(
    ("pod", "found"),
    [
        ({"spec": {"containers": [{"name": "istio-proxy", "args": ["proxy", "sidecar"]}]}}, (False,)),
        ({"spec": {"containers": [{"name": "istio-proxy", "args": ["proxy", "router"]}]}}, (True,)),
        ({"spec": {"initContainers": [{"name": "istio-proxy"}]}}, (False,)),
        ({"spec": {"containers": [{"name": "app"}]}}, ()),
        ({"spec": {"containers": [{"name": "istio-proxy"}]}, "status": {"phase": "Succeeded"}}, ()),
        ({"spec": None}, ()),
    ],
)
def test_a_pod_that_runs_a_proxy_counts(pod, found):
    proxy = proxy_of({"metadata": {"name": "p", "namespace": "shop"}, **pod})
    assert (() if proxy is None else (proxy.is_gateway,)) == found
