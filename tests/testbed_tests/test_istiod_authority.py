"""The test mesh's certificate authority, and what its gateways' configuration is made of."""

from __future__ import annotations

import stat

import pytest
from cryptography import x509

from testbed.authority import Authority
from testbed.gateways import DiscoveryIn, DiscoveryOut, Gateway, Programme, ServiceIn, configuration

PORTS = {8188: (8188,), 15443: (15443, 31443)}


@pytest.fixture
def authority(tmp_path) -> Authority:
    return Authority(tmp_path / "ca", "east.local")


def programme(authority, **parts) -> Programme:
    return Programme(
        istiod=("127.0.0.9", 8188),
        gateways=(Gateway("west-ingress", "127.0.0.2", PORTS), Gateway("west-egress", "127.0.0.3", PORTS)),
        identities={name: authority.identity("mesh", name) for name in ("west-ingress", "west-egress")},
        bundles={"east.local": authority.root()},
        **parts,
    )


def addresses_of(listeners: list[dict]) -> set[tuple[str, int]]:
    found = [listener["address"]["socket_address"] for listener in listeners]
    return {(each["address"], each["port_value"]) for each in found}


def test_a_workload_certificate_names_its_spiffe_identity_and_signs_no_other(authority):
    identity = authority.identity("shop", "client")

    certificate = x509.load_pem_x509_certificate(identity.chain.encode())

    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://east.local/ns/shop/sa/client"]
    assert not certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.root().encode()))


def test_roots_outlive_the_authority_and_are_readable_by_their_owner_only(authority, tmp_path):
    again = Authority(tmp_path / "ca", "east.local")

    assert again.root() == authority.root()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "ca").iterdir()} == {0o600}


def test_a_rotated_root_is_another_and_signs_only_when_asked(authority):
    assert authority.root()
    assert authority.rotate() == 1

    old, new = (authority.identity("shop", "client", number).chain.encode() for number in (0, 1))

    for chain, number in ((old, 0), (new, 1)):
        root = x509.load_pem_x509_certificate(authority.root(number).encode())
        x509.load_pem_x509_certificate(chain).verify_directly_issued_by(root)
    assert authority.root(0) != authority.root(1)


def test_a_gateway_listens_only_for_what_it_has_to_do(authority):
    assert configuration(programme(authority))[0] == []

    discovery = DiscoveryIn("west-ingress", "west", "west.local/ns/mesh/sa/egress")
    assert addresses_of(configuration(programme(authority, discovery_in=(discovery,)))[0]) == {("127.0.0.2", 8188)}

    exported = ServiceIn("west-ingress", "cart.shop.svc.west-exports.local", 80, (("127.0.0.7", 80),))
    both = programme(authority, discovery_in=(discovery,), services_in=(exported,))
    ports = {8188, 15443, 31443}
    assert addresses_of(configuration(both)[0]) == {("127.0.0.2", port) for port in ports}


def test_ingress_gateways_that_refuse_do_not_listen_and_egress_gateways_still_do(authority):
    refusing = programme(
        authority,
        discovery_in=(DiscoveryIn("west-ingress", "west", ""),),
        discovery_out=(DiscoveryOut("west-egress", "west", "discovery.mesh.svc.west.local", "1", ()),),
        refusing=True,
    )

    assert addresses_of(configuration(refusing)[0]) == {("127.0.0.3", 8188)}


def test_equal_programmes_give_equal_configurations(authority):
    discovery = DiscoveryIn("west-ingress", "west", "west.local/ns/mesh/sa/egress")

    first, second = (configuration(programme(authority, discovery_in=(discovery,))) for _time in range(2))

    assert first == second
