# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The card's published JSON schema agrees with the reader: whatever the reader accepts, the schema accepts."""

from __future__ import annotations

import copy
import json
import pathlib
import re
from datetime import timedelta

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import (
    Card,
    Export,
    Ingress,
    Port,
    card_from,
    read_card,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.card.trust import read_roots
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.tests.unit.pem import NOW, private_key, root
from hypothesis import given
from hypothesis import strategies as st

# Agreement does not depend on the Python version; the pins of the newest Ansible bring the library.
jsonschema = pytest.importorskip("jsonschema")

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
SCHEMA = json.loads((DOCS / "card.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
DATA = Card(
    mesh="east",
    audience="west",
    issued=NOW - timedelta(days=1),
    trust_domain="east.local",
    roots=read_roots(root("east") + root("next"), "roots", NOW),
    ingress=Ingress(("192.0.2.7", "gw.east.example.com", "2001:db8::7")),
    client_id="east.local/ns/east-mesh-system/sa/west-egress-service-account",
    exports=(Export("cart.shop.svc.west-exports.local", (Port("http", 8080, "HTTP"), Port("", 9090, "TCP"))),),
).to_data()


def changed(path, value):
    data = copy.deepcopy(DATA)
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return data


def paths(data, way=()):
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        yield (*way, key)
        if isinstance(value, (dict, list)):
            yield from paths(value, (*way, key))


PATHS = list(paths(DATA))
TEXTS = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"[A-Za-z0-9.:/*_-]{0,40}", fullmatch=True),
    st.sampled_from(
        [
            "east.local",
            "ab" * 32,
            "AB:" * 32,
            "fe80::1",
            "gw.",
            "db.example.n.svc.a-exports.local",
            "2026-06-15T00:00:00Z",
            "a/ns/b/sa/c",
            "",
        ]
    ),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 70_000) | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "data", [DATA, changed(("ingress",), None), changed(("exports",), [])], ids=["whole", "no address", "no exports"]
)
def test_a_real_card_is_valid(data):
    VALIDATOR.validate(data)
    card_from(data, "card", NOW)


def test_the_example_of_the_page_is_valid_and_shows_every_field():
    (example,) = re.findall(r"```json\n(.*?)```", (DOCS / "card.md").read_text(encoding="utf-8"), re.DOTALL)
    data = json.loads(example)
    VALIDATOR.validate(data)
    assert list(data) == list(DATA) == SCHEMA["required"] == list(SCHEMA["properties"])
    assert list(data["ingress"]) == list(DATA["ingress"])
    assert list(data["exports"][0]["ports"][0]) == list(DATA["exports"][0]["ports"][0])


@given(st.sampled_from(PATHS), JSON)
def test_what_the_reader_accepts_the_schema_accepts(path, value):
    data = changed(path, value)
    try:
        read_card(json.dumps(data), "card", NOW)
    except FederationError:
        return
    VALIDATOR.validate(data)


@given(st.sampled_from(PATHS), st.integers(0, 60), TEXTS)
def test_what_the_reader_accepts_of_changed_texts_the_schema_accepts(path, at, inserted):
    place = DATA
    for step in path:
        place = place[step]
    if isinstance(place, str):
        data = changed(path, place[:at] + inserted + place[at:])
        try:
            read_card(json.dumps(data), "card", NOW)
        except FederationError:
            return
        VALIDATOR.validate(data)


@pytest.mark.parametrize(
    "data",
    [
        {**DATA, "token": "x"},
        {key: value for key, value in DATA.items() if key != "client_id"},
        changed(("roots", 0, "pem"), root("east") + private_key()),
        changed(("ingress", "addresses", 0), "https://east"),
        changed(("ingress", "discovery_port"), 0),
        changed(("client_id",), "spiffe://east.local/ns/a/sa/b"),
        changed(("trust_domain",), "cluster.local"),
        changed(("version",), 2),
    ],
    ids=[
        "unknown field",
        "missing field",
        "private key",
        "address with a scheme",
        "port 0",
        "identity with a scheme",
        "cluster.local",
        "version 2",
    ],
)
def test_the_schema_refuses_what_it_can(data):
    assert not VALIDATOR.is_valid(data)
