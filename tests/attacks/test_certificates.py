# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A peer sends a certificate that harms the mesh, or that vouches for nothing. Real proxies are the judges: what we
take, they take.

``OSSM_FEDERATION_SOAK=1`` draws ten times as many certificates.
"""

from __future__ import annotations

import functools
import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import pytest
from attacks import odd_certificates
from attacks.api import ApiInMemory
from attacks.attack import Outcome, attack, call
from attacks.cards_at_once import card_with, pem_of, read_all
from attacks.odd_certificates import Case
from attacks.proxies import HonestMesh, Verifiers, openssl_refuses
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

IS_SOAK = os.environ.get("OSSM_FEDERATION_SOAK") == "1"
SEED, COUNT = 20261128, 20_000 if IS_SOAK else 2_000
VERIFIED = 10**6 if IS_SOAK else 100
IN_A_GATEWAY = 50
REFUSALS = {"FED205", "FED207", "FED208", "FED232"}
# Proxies allow for no difference of clocks, so what we take a little early is verified a little later.
TAKEN_EARLY = "a beginning in 2 minutes"


@dataclass(frozen=True)
class Judged:
    """All certificates that were drawn, each with how the module that reads cards ended."""

    now: datetime
    rows: list[tuple[Case, Outcome]]

    @property
    def taken(self) -> dict[str, Case]:
        """What we take, under names that Envoy can have."""
        taken = (case for case, outcome in self.rows if outcome.result and not outcome.result.get("failed"))
        return {f"c{number}": case for number, case in enumerate(taken)}

    @property
    def refused(self) -> list[Case]:
        return [case for case, outcome in self.rows if outcome.code]


@pytest.fixture(scope="module")
def judged(collections: str) -> Judged:
    now = datetime.now(timezone.utc).replace(microsecond=0)
    cases = list(odd_certificates.drawn(SEED, COUNT, now))
    return Judged(now, list(zip(cases, read_all(collections, [card_with(case.certificates, now) for case in cases]))))


@pytest.fixture(scope="module")
def verifiers(tmp_path_factory: pytest.TempPathFactory) -> Verifiers:
    return Verifiers(tmp_path_factory.mktemp("verifiers"))


def bundle_of(case: Case) -> str:
    return "".join(map(pem_of, case.certificates))


def shown(case: Case) -> str:
    return f"{case.what}\n{bundle_of(case)}"


def test_each_certificate_is_taken_or_refused_with_a_code(judged: Judged) -> None:
    others = [
        (case, outcome)
        for case, outcome in judged.rows
        if outcome.result.get("failed", not outcome.result) and outcome.code not in REFUSALS
    ]
    assert not others, "\n".join(f"{outcome.printed[-500:]} {shown(case)}" for case, outcome in others)
    counted = Counter(outcome.code for _case, outcome in judged.rows)
    assert len(judged.rows) == COUNT and counted[None] >= COUNT // 20 and all(counted[code] for code in REFUSALS), (
        counted
    )


def test_envoy_loads_whatever_we_take(judged: Judged, verifiers: Verifiers) -> None:
    refused = verifiers.refused({name: bundle_of(case) for name, case in judged.taken.items()})
    assert not refused, "\n".join(shown(judged.taken[name]) for name in refused)


@pytest.mark.filterwarnings("ignore")  # of cryptography, about odd serial numbers
def test_envoy_and_openssl_verify_a_workload_by_whatever_we_take(
    judged: Judged, verifiers: Verifiers, tmp_path: Path
) -> None:
    cases = {name: case for name, case in judged.taken.items() if TAKEN_EARLY not in case.what}
    names = sorted(cases)
    # Roots and intermediates as they are in CI; in CI a few of the others, each time the same.
    drawn = {name: cases[name] for name in random.Random(SEED).sample(names, min(VERIFIED, len(names)))}
    workloads = {name: workload(case, judged.now, tmp_path / f"{name}.pem") for name, case in drawn.items()}
    bundles = {name: bundle_of(case) for name, case in drawn.items()}
    for found in (
        verifiers.unverified(bundles, workloads),
        {name: why for name in drawn if (why := openssl_refuses(bundles[name], workloads[name]))},
    ):
        assert not found, "\n".join(f"{why}: {shown(drawn[name])}" for name, why in found.items())


def workload(case: Case, now: datetime, path: Path) -> Path:
    """Write a file with the certificate of a workload that the case's CA issued, and its key."""
    key = odd_certificates.ec_key(ec.SECP256R1, hashes.SHA384)
    path.write_text(
        pem_of(case.workload(now, key))
        + key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        encoding="utf-8",
    )
    path.chmod(0o600)
    return path


JUDGES_SEE = (
    "extension: client only",
    "extension: server only",
    "extension: our domain excluded",
    "extension: unknown, critical",
    "extension: another key named",
)


@pytest.mark.filterwarnings("ignore")
def test_the_judges_refuse_what_they_should(judged: Judged, verifiers: Verifiers, tmp_path: Path) -> None:
    refused = {case.what: case for case in judged.refused}
    unloaded = verifiers.refused(
        {
            what: bundle_of(refused[what])
            for what in (
                "issuer: broken UTF-8",
                "name: BMP with surrogates",
                "version 1, said",
                "extension: client only",
            )
        }
    )
    assert unloaded == ["issuer: broken UTF-8", "name: BMP with surrogates", "version 1, said"]
    cases = {f"j{number}": refused[what] for number, what in enumerate(JUDGES_SEE)}
    workloads = {name: workload(case, judged.now, tmp_path / f"{name}.pem") for name, case in cases.items()}
    found = verifiers.unverified({name: bundle_of(case) for name, case in cases.items()}, workloads)
    by_openssl = {case.what for name, case in cases.items() if openssl_refuses(bundle_of(case), workloads[name])}
    assert {cases[name].what for name in found} | by_openssl == set(JUDGES_SEE)


@pytest.fixture
def honest(tmp_path: Path) -> Iterator[HonestMesh]:
    with HonestMesh(tmp_path / "honest") as mesh:
        yield mesh


def test_a_gateway_takes_what_we_take_and_goes_on_with_its_honest_peer(judged: Judged, honest: HonestMesh) -> None:
    names = random.Random(SEED).sample(sorted(judged.taken), IN_A_GATEWAY)
    assert honest.serves_its_peer()
    for name in names:
        honest.trust(bundle_of(judged.taken[name]))
        assert honest.updates()[1] == 0, shown(judged.taken[name])
        assert honest.serves_its_peer(), shown(judged.taken[name])
    assert honest.updates()[0] >= IN_A_GATEWAY
    # The same gateway does see what is wrong with one that we refuse, so the silence above means something.
    broken = next(case for case in judged.refused if case.what == "issuer: broken UTF-8")
    honest.trust(bundle_of(broken))
    assert honest.updates()[1] == 1
    honest.trust("")
    assert honest.serves_its_peer()


NOW = datetime.now(timezone.utc)


@functools.cache
def odd() -> dict[str, Case]:
    """Every odd certificate by what is odd about it; to make their keys takes seconds."""
    return {case.what: case for case in odd_certificates.odd(NOW)}


NEVER = [
    attack("hostile peer", "an issuer that is no UTF-8, beside a good root", "issuer: broken UTF-8", "FED205"),
    attack(
        "hostile peer", "an issuer of a noncharacter, beside a good root", "issuer: UTF-8 with a noncharacter", "FED205"
    ),
    attack("hostile peer", "a name with surrogates", "name: BMP with surrogates", "FED205"),
    attack("hostile peer", "extensions in version 1", "version 1", "FED205"),
    attack("hostile peer", "an extension twice", "extension: unknown, twice", "FED205"),
    attack("hostile peer", "RSA of 512 bits", "key: RSA 512, e 65537", "FED232"),
    attack("hostile peer", "a signature with SHA-1", "key: RSA 2048, e 65537, sha1", "FED232"),
    attack("hostile peer", "a root that begins tomorrow", "validity: a beginning in 1440 minutes", "FED208"),
    attack("hostile peer", "a CA that may not sign", "key usage: lists only", "FED207"),
    attack("hostile peer", "a CA for servers only", "extension: server only", "FED207"),
    attack("hostile peer", "a CA of another trust domain", "extension: another domain permitted", "FED207"),
    attack(
        "hostile peer",
        "an intermediate of a stranger of the root's name",
        "chain: an intermediate of a stranger of the root's name",
        "FED207",
    ),
]


@pytest.mark.parametrize(("what", "code"), NEVER)
def test_nothing_is_written_for_a_card_with_such_a_certificate(
    what: str, code: str, api: ApiInMemory, collections: str
) -> None:
    options = {**api.access, "mesh": "east", "peers": ["west"], "cards": [card_with(odd()[what].certificates, NOW)]}
    outcome = call(collections, "federation", options)
    assert outcome.code == code, outcome.printed
    assert {asked.method for asked in api.asked} == {"GET"}


OWN = [
    attack(
        "fat fingers", "RSA of 1024 bits as mesh_roots", {"roots": "key: RSA 1024, e 65537"}, "FED232", "mesh_roots"
    ),
    attack(
        "fat fingers",
        "a broken issuer as mesh_extra_roots",
        {"extra_roots": "issuer: broken UTF-8"},
        "FED205",
        "mesh_extra_roots",
    ),
    attack(
        "fat fingers",
        "an intermediate alone as mesh_roots",
        {"roots": "chain: an intermediate alone"},
        "FED207",
        "mesh_roots",
    ),
    attack(
        "hostile mesh",
        "a broken issuer in the root ConfigMap",
        {"live": "issuer: broken UTF-8"},
        "FED205",
        "istio-ca-root-cert",
    ),
    attack(
        "mesh of old",
        "SHA-1 in the root ConfigMap",
        {"live": "key: RSA 2048, e 65537, sha1"},
        "FED232",
        "istio-ca-root-cert",
    ),
    attack(
        "mesh of old",
        "an expired root alone in the root ConfigMap",
        {"live": "validity: an end long ago"},
        "FED208",
        "istio-ca-root-cert",
    ),
]


@pytest.mark.parametrize(("texts", "code", "where"), OWN)
def test_no_card_is_made_that_every_peer_would_refuse(
    texts: dict[str, str], code: str, where: str, api: ApiInMemory, collections: str
) -> None:
    options = {option: bundle_of(odd()[what]) for option, what in texts.items()}
    api.store.put(root_config_map(options.pop("live", bundle_of(odd()["ordinary"]))))
    outcome = call(collections, "mesh_card", {**api.access, "mesh": "east", "peers": ["west"], **options})
    assert (outcome.code, where in outcome.result["where"]) == (code, True), outcome.printed


def test_an_old_root_beside_the_present_one_is_left_out_of_the_card_with_a_warning(
    api: ApiInMemory, collections: str
) -> None:
    api.store.put(
        root_config_map(bundle_of(odd()["validity: an end long ago"]) + bundle_of(odd()["key: secp384r1, sha384"]))
    )
    outcome = call(collections, "mesh_card", {**api.access, "mesh": "east", "peers": ["west"]})
    assert outcome.code is None, outcome.printed
    assert len(outcome.result["fingerprints"]) == 1
    assert any("certificate 1: expired on" in text for text in outcome.warnings)


def root_config_map(text: str) -> dict:
    metadata = {"name": "istio-ca-root-cert", "namespace": "east-mesh-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"root-cert.pem": text}}


def test_what_people_compare_is_128_bits_everywhere(api: ApiInMemory, collections: str) -> None:
    api.store.put(root_config_map(bundle_of(odd()["ordinary"])))
    card = card_with(odd()["ordinary"].certificates, NOW)
    access = {**api.access, "mesh": "east", "peers": ["west"]}
    whole = card["roots"][0]["fingerprint"]
    said = "-".join(whole[at : at + 4] for at in range(0, 32, 4))
    told = {
        "mesh_card": call(collections, "mesh_card", access),
        "mesh_card_info": call(collections, "mesh_card_info", {"card": card}),
        "pinned": call(collections, "mesh_card_info", {"card": card, "root_fingerprints": ["AB" * 32]}),
        "federation_info": call(collections, "federation_info", access),
    }
    for module, outcome in told.items():
        groups = re.findall(
            r"(?<![-0-9A-Fa-f])[0-9A-F]{4}(?:[-…:. ]+[0-9A-F]{4})+(?![-0-9A-Fa-f])", str(outcome.result)
        )
        # Besides the root there are the digits of who a mesh is, which are as long.
        assert said in groups and all(re.fullmatch("[0-9A-F]{4}(?:-[0-9A-F]{4}){7}", group) for group in groups), (
            module,
            groups,
        )
    assert f"root_fingerprints: [{whole}]" in str(told["mesh_card_info"].result["lines"])
    assert f"root_fingerprints: [{whole}]" in told["pinned"].result["msg"]
    assert told["mesh_card"].result["fingerprints"] == [whole]
