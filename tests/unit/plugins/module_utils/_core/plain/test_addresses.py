# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which addresses lead to another cluster's gateway, and which lead back to who calls."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.addresses import (
    is_address,
    is_cluster_internal,
    special_kind,
    unfit,
)

HOME = "east-mesh-system"


@pytest.mark.parametrize(
    "address",
    [
        "192.0.2.7",
        "2001:db8::7",
        "::1",
        "gw.example.com",
        "gw.example.com.",
        "gateway",
        "a-b.c1",
        "xn--bcher-kva.example",
    ],
)
def test_an_address_is_an_ip_address_or_a_dns_name(address):
    assert is_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        ".",
        "-a.b",
        "a..b",
        "a_b.example",
        "192.0.2.7:8188",
        "https://a",
        "a/b",
        "a b",
        "192.0.2",
        "192.0.2.256",
        "1234",
        "fe80::1%eth0",
        "[::1]",
    ]
    + [
        "{{ a }}",
        "a\n",
        "gw.exam\u0440le.com",
        "\uff11\uff19\uff12.0.2.7",
        "a" * 64,
        ".".join(["abc"] * 64),
        None,
        7,
        ["192.0.2.7"],
    ]
    + [
        "0x7f000001",
        "0x7f.0.0.1",
        "127.0.0.0x1",
        "127.1",
        "2130706433",
        "0177.0.0.1",
        "017700000001",
        "0x",
        "1.2.3.0x",
        "127.0.0.1.",
    ],
)
def test_anything_else_is_no_address(address):
    assert not is_address(address)


INTERNAL = [
    "gw.ns.svc",
    "gw.ns.svc.cluster.local",
    "gw.ns.svc.other.domain.",
    "1-2-3-4.ns.pod.cluster.local",
    "1-2-3-4.ns.pod",
    "a.b.c.svc",
    "x.cluster.local",
]


@pytest.mark.parametrize("address", INTERNAL)
def test_a_service_s_name_is_internal_to_its_cluster(address):
    assert is_cluster_internal(address)
    assert unfit(address, loopback=False, same_cluster=False).code == "FED221"
    assert unfit(address, loopback=True, same_cluster=False).code == "FED221", "a testbed's addresses are no Services"


@pytest.mark.parametrize(
    "address",
    [
        "192.0.2.7",
        "gw.svc.example.com",
        "gw.example.com",
        "svc.example.com",
        "::1",
        "gateway",
        "cluster.local.example.com",
    ],
)
def test_other_addresses_are_not_internal_to_a_cluster(address):
    assert not is_cluster_internal(address)


SPECIAL = {
    "the unspecified address": ["0.0.0.0", "::", "::ffff:0.0.0.0"],
    "a loopback address": [
        "127.0.0.1",
        "127.255.255.254",
        "::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:db8::5efe:127.0.0.1",
    ],
    "a link-local address": [
        "169.254.169.254",
        "169.254.0.1",
        "fe80::1",
        "febf::1",
        "::ffff:169.254.169.254",
        "64:ff9b:1:a9fe:a9:fe00::",
    ],
    "a multicast address": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1", "::ffff:224.0.0.1"],
    "a reserved address": ["240.0.0.1", "255.255.255.255", "::ffff:255.255.255.255"],
    "an address of this network only": ["0.0.0.1", "0.255.255.255", "::ffff:0.1.2.3"],
    "a platform's metadata service": [
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "metadata.google.internal",
        "metadata.google.internal.",
    ],
    "a name of the machine itself": [
        "localhost",
        "localhost.",
        "a.b.localhost",
        "ip6-localhost",
        "localhost.localdomain",
        "localhost.example.com",
    ],
}


@pytest.mark.parametrize(("kind", "address"), [(kind, address) for kind, found in SPECIAL.items() for address in found])
def test_what_leads_back_to_who_calls_is_refused_but_on_testbeds(kind, address):
    assert special_kind(address).removesuffix(" inside IPv6") == kind
    reason = unfit(address, loopback=False, same_cluster=False)
    assert reason.code == "FED219" and kind in reason.what and "federation_loopback" in reason.fix
    assert unfit(address, loopback=False, same_cluster=True).code == "FED219"
    assert unfit(address, loopback=True, same_cluster=False) is None


@pytest.mark.parametrize(
    "name", ["kubernetes.default", "istiod-basic", "north-ingress", "gateway.", "example.com", "a.b."]
)
def test_a_name_that_the_search_path_completes_is_refused_but_on_testbeds(name):
    assert unfit(name, loopback=False, same_cluster=False).code == "FED221"
    assert unfit(name, loopback=True, same_cluster=False) is None


FIT = [
    "192.0.2.7",
    "10.0.0.7",
    "100.64.0.1",
    "2001:db8::7",
    "fd12:3456::1",
    "::ffff:192.0.2.7",
    "64:ff9b::192.0.2.7",
    "64:ff9b:1::192.0.2.7",
    "64:ff9b:1:c000:2:700::",
]


@pytest.mark.parametrize("address", [*FIT, "gw.example.com", "gw.example.com.", "lb-0a1b.elb.eu-west-1.amazonaws.com"])
def test_addresses_of_other_machines_are_taken(address):
    for loopback in (True, False):
        for same_cluster in (True, False):
            assert unfit(address, loopback=loopback, same_cluster=same_cluster, home=HOME) is None


@pytest.mark.parametrize(
    "name",
    [
        "north-ingress.north-mesh-system.svc",
        "north-ingress.north-mesh-system.svc.corp.local",
        "north-ingress.north-mesh-system",
    ],
)
def test_in_one_cluster_a_service_may_be_the_gateway(name):
    assert unfit(name, loopback=False, same_cluster=True, home=HOME) is None


@pytest.mark.parametrize(
    "name",
    [
        "kubernetes.default.svc.cluster.local",
        "kubernetes.default",
        "dns.openshift-dns.svc",
        f"istiod-basic.{HOME}.svc.cluster.local",
        f"istiod-basic.{HOME}",
    ]
    + ["istiod-basic", "10-0-0-1.kube-system.pod.cluster.local", f"a.b.{HOME}.svc"],
)
def test_in_one_cluster_neither_the_platform_nor_our_own_control_plane_is_the_peer_s_gateway(name):
    assert unfit(name, loopback=False, same_cluster=True, home=HOME).code == "FED221"
