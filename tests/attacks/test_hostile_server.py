# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""An API server, or whatever stands in its place, answers without end, without measure, or with something else than was
asked for.

Each row must end in bounded time and memory, and in a code that says where (M16, L5). What is large and honest must
pass.
"""

from __future__ import annotations

import functools
import gzip
import itertools
import json
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from attacks.api import TOKEN, ApiInMemory, Asked, Raw, serving
from attacks.attack import Outcome, attack, call
from attacks.conftest import CONTROL_PLANE
from unit.pem import root

MOST_MIB = 300
"""Memory that a module may take at the most, all told."""
PLANES = "/servicemeshcontrolplanes"
LIST = {"kind": "ServiceMeshControlPlaneList", "apiVersion": "maistra.io/v2", "metadata": {}}
HONEST = {**LIST, "items": [CONTROL_PLANE]}


def text(body: Any, status: int = 200, **headers: str) -> Callable[[Asked], Any]:
    """An answer: data as JSON, a text or bytes as they are. What is large is a function that makes it when it is first
    asked for.
    """

    @functools.cache
    def content() -> bytes:
        made = body() if callable(body) else body
        return (
            made if isinstance(made, bytes) else made.encode() if isinstance(made, str) else json.dumps(made).encode()
        )

    return lambda _asked: (status, headers, content())


def raw(*lines: str, body: bytes = b"") -> Callable[[Asked], Any]:
    """A whole answer with its head."""
    return lambda _asked: Raw([("\r\n".join(lines) + "\r\n\r\n").encode() + body])


def stream(head: dict[str, str], blocks: Callable[[], Iterator[bytes]]) -> Callable[[Asked], Any]:
    """An answer that comes in blocks."""
    return lambda _asked: (200, head, blocks())


def drip(*start: bytes, every: float = 0.1) -> Iterator[bytes]:
    """Bytes one by one, for ever."""
    yield from start
    while True:
        time.sleep(every)
        yield b" "


def endless(block: bytes, start: bytes = b'{"items":[') -> Callable[[], Iterator[bytes]]:
    return lambda: itertools.chain([start], itertools.repeat(block))


def bomb() -> Iterator[bytes]:
    """Zeros without end, compressed a thousandfold."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    yield packer.compress(b'{"items":["')
    while True:
        yield packer.compress(b" " * (1 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH)


def pages(token: Callable[[int], Any], items: list[dict] | None = None) -> Callable[[Asked], Any]:
    """Pages of which each says that there is another."""
    count = itertools.count()
    return lambda _asked: (
        200,
        {},
        json.dumps({**LIST, "metadata": {"continue": token(next(count))}, "items": items or []}).encode(),
    )


def expired() -> Callable[[Asked], Any]:
    """First pages, the second of which has always gone meanwhile, with another token each time."""
    first = pages(str)
    return lambda asked: (410, {}, b"{}") if "continue" in asked.target else first(asked)


def full_pages(item: Callable[[int], dict], size: int = 500) -> Callable[[Asked], Any]:
    content = [json.dumps(item(at)) for at in range(size)]
    count = itertools.count()
    return lambda _asked: (
        200,
        {},
        f'{{"metadata":{{"continue":"{next(count)}"}},"items":[{",".join(content)}]}}'.encode(),
    )


def plane(**changed: Any) -> dict:
    return {**CONTROL_PLANE, **changed}


def meta(**changed: Any) -> dict:
    return {**LIST, "items": [plane(metadata={**CONTROL_PLANE["metadata"], **changed})]}


def item(changed: Any) -> Callable[[Asked], Any]:
    return text({**LIST, "items": [changed]})


STREAMED = {"FED118", "FED105"}  # the bound of bytes, or on a busy machine that of time

EVERY = [
    # Without end, without measure
    attack("server", "the same page for ever", pages(lambda _at: "again"), {"FED118"}),
    attack("server", "two pages that lead to each other", pages(lambda at: str(at % 2)), {"FED118"}),
    attack("server", "empty pages for ever", pages(str), {"FED118"}),
    attack("server", "pages of one object for ever", pages(str, [CONTROL_PLANE]), {"FED118"}),
    attack(
        "server",
        "full pages for ever",
        full_pages(lambda at: plane(metadata={"name": f"p{at}"}, spec={"x": "y" * 2000})),
        {"FED118"},
    ),
    attack("server", "a token of 10 MB", pages(lambda _at: "t" * 10_000_000), {"FED119", "FED105"}),
    attack("server", "a token that is a mapping", pages(lambda _at: {"a": 1}), {"FED119"}),
    attack("server", "pages that have always expired", expired(), {"FED106", "FED118"}),
    attack(
        "server",
        "a gzip bomb of a few KB",
        text(lambda: gzip.compress(b'{"items":["' + b" " * (200 << 20)), **{"Content-Encoding": "gzip"}),
        {"FED118"},
    ),
    attack("server", "a gzip bomb without end", stream({"Content-Encoding": "gzip"}, bomb), STREAMED),
    attack("server", "one text without end", stream({}, endless(b"x" * 65536, b'{"a":"')), STREAMED),
    attack("server", "objects without end", stream({}, endless(b'{"metadata":{"name":"a"}},' * 1000)), STREAMED),
    attack("server", "spaces without end", stream({}, endless(b" " * 65536, b"")), STREAMED),
    attack("server", "a body byte by byte", stream({}, drip), {"FED105"}),
    attack(
        "server",
        "a compressed body byte by byte",
        stream({"Content-Encoding": "gzip"}, lambda: drip(b"\x1f\x8b")),
        {"FED105", "FED119"},
    ),
    attack("server", "a head byte by byte", lambda _asked: Raw(drip(b"HTTP/1.1 200 OK\r\nX: ")), {"FED105"}),
    attack(
        "server",
        "heads without end",
        lambda _asked: Raw(itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n")),
        {"FED105"},
    ),
    attack(
        "server",
        "header lines without end",
        lambda _asked: Raw(itertools.chain([b"HTTP/1.1 200 OK\r\n"], itertools.repeat(b"A: b\r\n"))),
        {"FED105"},
    ),
    attack(
        "server",
        "chunks byte by byte",
        stream(
            {"Transfer-Encoding": "chunked"},
            lambda: itertools.chain([b"1\r\n{\r\n"], (time.sleep(0.1) or b"1\r\n \r\n" for _at in itertools.count())),
        ),
        {"FED105"},
    ),
    attack(
        "server",
        "a chunk without end",
        stream(
            {"Transfer-Encoding": "chunked"},
            lambda: itertools.chain([b"fffffffffff\r\n{"], itertools.repeat(b" " * 65536)),
        ),
        STREAMED,
    ),
    attack("server", "nothing at all", lambda _asked: Raw(time.sleep(5) or b"" for _at in range(2)), {"FED105"}),
    attack("server", "millions of small lists", text(lambda: b'{"items":[' + b"[]," * 8_000_000 + b"[]]}"), {"FED118"}),
    attack("server", "millions of numbers", text(lambda: b'{"items":[' + b"0," * 12_000_000 + b"0]}"), {"FED118"}),
    attack(
        "server",
        "30 MB of signs of four bytes",
        text(lambda: '{"items":["' + "\U0001f600" * 7_500_000 + '"]}'),
        {"FED118", "FED119"},
    ),
    # JSON that is none, or odd
    attack(
        "server",
        "200,000 lists in one another",
        text(lambda: '{"items":' + "[" * 200_000 + "]" * 200_000 + "}"),
        {"FED118"},
    ),
    attack(
        "server", "200,000 mappings in one another", text(lambda: '{"a":' * 200_000 + "1" + "}" * 200_000), {"FED118"}
    ),
    attack("server", "lists that are not closed", text('{"items":' + "[" * 200_000), {"FED118", "FED119"}),
    attack(
        "server", "1,000 levels below a spec", item(plane(spec=json.loads('{"a":' * 900 + "1" + "}" * 900))), {"FED118"}
    ),
    attack("server", "items that are NaN", text('{"items": NaN}'), {"FED119"}),
    attack(
        "server",
        "an infinite generation",
        text(json.dumps(meta()).replace('"generation": 1', '"generation": 1e999')),
        {"FED119"},
    ),
    attack(
        "server",
        "a number of a million digits",
        text(json.dumps(meta()).replace('"generation": 1', f'"generation": {"9" * 1_000_000}')),
        {"FED119"},
    ),
    attack("server", "a key twice", text('{"items": [], "items": []}'), {"FED119"}),
    attack("server", "UTF-16", text(json.dumps(HONEST).encode("utf-16")), {"FED106", "FED119"}),
    attack("server", "a byte that is no UTF-8", text(b'{"items": ["\xff"]}'), {"FED119"}),
    attack("server", "half of the body", text('{"items": [{"metadata": {"na'), {"FED119"}),
    attack(
        "server",
        "half of the body, and the length of the whole",
        raw("HTTP/1.1 200 OK", "Content-Length: 500", body=b'{"items": ['),
        {"FED105"},
    ),
    attack(
        "server",
        "more than the length says",
        raw("HTTP/1.1 200 OK", "Content-Length: 12", body=json.dumps(HONEST).encode()),
        {"FED119"},
    ),
    attack(
        "server", "a length that is no number", raw("HTTP/1.1 200 OK", "Content-Length: x" * 3, body=b"{"), {"FED119"}
    ),
    attack(
        "server", "a negative length", raw("HTTP/1.1 200 OK", "Content-Length: -5", body=b"{"), {"FED105", "FED119"}
    ),
    attack("server", "two lengths", raw("HTTP/1.1 200 OK", "Content-Length: 5, 6", body=b"{}"), {"FED105", "FED119"}),
    attack("server", "gzip that is none", text(HONEST, **{"Content-Encoding": "gzip"}), {"FED119"}),
    attack(
        "server",
        "gzip that ends early",
        text(gzip.compress(json.dumps(HONEST).encode())[:-20], **{"Content-Encoding": "gzip"}),
        {"FED105"},
    ),
    attack("server", "an encoding that was not asked for", text(HONEST, **{"Content-Encoding": "br"}), {"FED119"}),
    attack("server", "no HTTP", lambda _asked: Raw([b"SSH-2.0-OpenSSH_9.6\r\n\r\n"]), {"FED105"}),
    attack("server", "another HTTP", raw("HTTP/9.9 200 OK", body=b"{}"), {"FED105"}),
    attack("server", "a status of 1e9", raw("HTTP/1.1 1000000000 OK", body=b"{}"), {"FED105"}),
    attack("server", "103", raw("HTTP/1.1 103 Early Hints", "Link: x"), {"FED105", "FED106"}),
    attack("server", "101", raw("HTTP/1.1 101 Switching Protocols", "Upgrade: h2c"), {"FED105", "FED106"}),
    attack("server", "204", text(b"", 204), {"FED106"}),
    attack("server", "a login page", text(b"<html>log in</html>", **{"Content-Type": "text/html"}), {"FED106"}),
    attack("server", "a list at the top", text([CONTROL_PLANE]), {"FED106"}),
    attack("server", "a text at the top", text('"OK"'), {"FED106"}),
    # Shapes
    attack("server", "items as a mapping", text({**LIST, "items": {"a": CONTROL_PLANE}}), {"FED119"}),
    attack("server", "items as a text", text({**LIST, "items": "none"}), {"FED119"}),
    attack("server", "metadata of the list as a list", text({**LIST, "metadata": [], "items": []}), {"FED119"}),
    attack("server", "an object as a list", item([]), {"FED119"}),
    attack("server", "an object as null", item(None), {"FED119"}),
    attack("server", "no metadata", item({"spec": {}}), {"FED119"}),
    attack("server", "metadata as null", item(plane(metadata=None)), {"FED119"}),
    attack("server", "metadata as a list", item(plane(metadata=[])), {"FED119"}),
    attack("server", "no name", item(plane(metadata={"namespace": "east-mesh-system"})), {"FED119"}),
    attack("server", "a name that is a list", text(meta(name=["basic"])), {"FED119"}),
    attack("server", "a name that leads elsewhere", text(meta(name="../../basic")), {"FED119"}),
    attack("server", "a name of dots", text(meta(name="..")), {"FED119"}),
    attack("server", "a name with a NUL", text(meta(name="basic\x00")), {"FED119"}),
    attack("server", "a name of 10 KB", text(meta(name="b" * 10_000)), {"FED119"}),
    attack("server", "a namespace that is a number", text(meta(namespace=5)), {"FED119"}),
    attack("server", "another namespace", text(meta(namespace="west-mesh-system")), {"FED119"}),
    attack("server", "labels as a list", text(meta(labels=["a"])), {"FED119"}),
    attack("server", "a label that is a mapping", text(meta(labels={"a": {}})), {"FED119"}),
    attack("server", "managedFields as a text", text(meta(managedFields="x")), {"FED119"}),
    attack("server", "ownerReferences of texts", text(meta(ownerReferences=["x"])), {"FED119"}),
    attack("server", "a generation that is a text", text(meta(generation="1")), {"FED119"}),
    attack("server", "a uid that is a list", text(meta(uid=[])), {"FED119"}),
    attack("server", "spec as a list", item(plane(spec=[])), {"FED119"}),
    attack("server", "status as a text", item(plane(status="fine")), {"FED119"}),
    attack("server", "conditions as a text", item(plane(status={"conditions": "Ready"})), {"FED119"}),
    attack("server", "conditions of texts", item(plane(status={"conditions": ["Ready"]})), {"FED119"}),
    attack("server", "another kind of list", text({**HONEST, "kind": "SecretList"}), {"FED119"}),
    attack("server", "another kind of object", item(plane(kind="Secret")), {"FED119"}),
    attack(
        "server",
        "a failure that calls itself a success",
        text({"kind": "Status", "status": "Failure", "message": "no"}),
        {"FED119"},
    ),
    # Failures
    attack("server", "details as a list", text({"kind": "Status", "message": "no", "details": ["a"]}, 422), {"FED106"}),
    attack(
        "server",
        "causes as texts",
        text({"kind": "Status", "message": "no", "details": {"causes": ["a", 5, None]}}, 409),
        {"FED106"},
    ),
    attack("server", "a message that is a mapping", text({"kind": "Status", "message": {"a": [1]}}, 500), {"FED106"}),
    attack(
        "server",
        "a failure of 30 MB",
        text(lambda: b'{"message": "' + b"x" * 30_000_000 + b'"}', 403),
        {"FED104", "FED105", "FED106"},
    ),
    attack("server", "a failure that is no JSON", text(b"\xff\xfe{" * 1000, 500), {"FED106"}),
    attack("server", "Retry-After: ²", text({"message": "later"}, 429, **{"Retry-After": "\u00b2"}), {"FED106"}),
    attack("server", "Retry-After: -1", text({"message": "later"}, 429, **{"Retry-After": "-1"}), {"FED106"}),
    attack("server", "Retry-After: 1e9", text({"message": "later"}, 503, **{"Retry-After": "1e9"}), {"FED106"}),
    attack(
        "server", "Retry-After: 999999999999", text({"message": "later"}, 503, **{"Retry-After": "9" * 12}), {"FED106"}
    ),
    attack(
        "server",
        "Retry-After: a date",
        text({"message": "later"}, 503, **{"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}),
        {"FED106"},
    ),
    attack("server", "Retry-After: 0, for ever", text({"message": "later"}, 503, **{"Retry-After": "0"}), {"FED106"}),
]


def look(api: ApiInMemory, collections: str, module: str = "federation_info", **options: Any) -> Outcome:
    peers = {} if module in ("data_plane", "control_plane") else {"peers": ["west"]}
    return call(collections, module, {**api.access, "api_timeout": 1, "mesh": "east", **peers, **options}, seconds=300)


@pytest.mark.parametrize(("answer", "codes"), EVERY)
def test_an_answer_out_of_bounds_or_shape_is_a_coded_error_in_little_time_and_memory(
    api: ApiInMemory, collections: str, answer: Callable[[Asked], Any], codes: set[str]
) -> None:
    api.hostile = lambda asked: answer(asked) if PLANES in asked.target else None
    # What ends by itself has time on a busy machine, too; what only the time-out ends has a second.
    outcome = look(api, collections, api_timeout=1 if codes & {"FED105", "FED106"} else 30)
    assert outcome.code in codes, outcome.printed[:4000]
    assert api.url in outcome.result["msg"]
    assert outcome.code == "FED105" or "ServiceMeshControlPlane" in outcome.result["msg"]
    assert len(outcome.printed) < 20_000
    assert outcome.peak_mib < MOST_MIB


ROOTS = "/configmaps/istio-ca-root-cert"


def config_map(**changed: Any) -> dict:
    live = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "istio-ca-root-cert", "namespace": "east-mesh-system"},
    }
    return {**live, "data": {"root-cert.pem": "none"}, **changed}


SINGLE = [
    attack("server", "a Secret instead of a ConfigMap", config_map(kind="Secret")),
    attack("server", "a list instead of an object", {"kind": "ConfigMapList", "items": [config_map()]}),
    attack("server", "another ConfigMap", config_map(metadata={"name": "other", "namespace": "east-mesh-system"})),
    attack(
        "server",
        "one of another namespace",
        config_map(metadata={"name": "istio-ca-root-cert", "namespace": "west-mesh-system"}),
    ),
    attack("server", "data as a list", config_map(data=["root-cert.pem"])),
    attack("server", "data that is a number", config_map(data={"root-cert.pem": 5})),
    attack("server", "a Status that says success", {"kind": "Status", "status": "Success", "metadata": {}}),
    attack("server", "an empty mapping", {}),
]


@pytest.mark.parametrize("body", SINGLE)
def test_an_object_that_was_not_asked_for_is_not_used(api: ApiInMemory, collections: str, body: dict) -> None:
    api.hostile = lambda asked: text(body)(asked) if ROOTS in asked.target else None
    outcome = look(api, collections, "mesh_card")
    assert outcome.code == "FED119", outcome.printed
    assert f"{api.url}, get ConfigMap east-mesh-system/istio-ca-root-cert" in outcome.result["msg"]


@pytest.mark.parametrize(
    "body",
    [
        attack(
            "server", "of another name", {**CONTROL_PLANE, "metadata": {**CONTROL_PLANE["metadata"], "name": "other"}}
        ),
        attack("server", "of another kind", {**CONTROL_PLANE, "kind": "Secret"}),
        attack("server", "a list", [CONTROL_PLANE]),
        attack("server", "nothing", None),
    ],
)
def test_the_answer_to_a_write_is_read_as_any_other(api: ApiInMemory, collections: str, body: Any) -> None:
    api.hostile = lambda asked: text(body)(asked) if asked.method == "PATCH" else None
    outcome = look(api, collections, "federation_gateways")
    assert (
        outcome.code in ("FED106", "FED119")
        and "patch ServiceMeshControlPlane east-mesh-system/basic" in outcome.result["msg"]
    ), outcome.printed


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_request_and_no_token_follows_a_redirect(
    api: ApiInMemory, collections: str, tmp_path: Any, status: int
) -> None:
    with serving(tmp_path / "elsewhere", CONTROL_PLANE) as elsewhere:
        api.hostile = lambda asked: (status, {"Location": elsewhere.url + asked.target}, b"{}")
        outcome = look(api, collections)
        assert outcome.code == "FED106" and api.url in outcome.result["msg"], outcome.printed
        assert elsewhere.asked == [] and TOKEN not in outcome.printed


@pytest.mark.parametrize(
    "date",
    [
        "Sun, 01 Jan 0001 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Tue, 31 Jan 2026 00:00:00 +99999999",
        "x",
        "0",
    ],
)
def test_a_clock_beyond_all_years_is_not_taken(api: ApiInMemory, collections: str, date: str) -> None:
    api.hostile = lambda asked: (200, {"Date": date}, json.dumps(HONEST).encode()) if PLANES in asked.target else None
    outcome = look(api, collections)
    assert outcome.code is None, outcome.printed


# What is large and honest passes


def service(at: int) -> dict:
    """A Service as large as they are."""
    metadata = {
        "name": f"service-{at}",
        "namespace": "shop",
        "uid": f"{at}",
        "annotations": {"note": "n" * 800},
        "labels": {"app": f"a{at % 50}"},
    }
    managed = [
        {
            "manager": "kubectl",
            "operation": "Update",
            "fieldsV1": {"f:spec": {f"f:{key}": {} for key in ("ports", "selector", "type")}},
        }
    ] * 3
    ports = [{"name": "http", "port": 8080, "protocol": "TCP", "targetPort": 8080}]
    spec = {"clusterIP": "10.0.0.1", "ports": ports, "selector": {"app": f"a{at}"}, "type": "ClusterIP"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**metadata, "managedFields": managed},
        "spec": spec,
        "status": {"loadBalancer": {}},
    }


def paged(objects: list[bytes]) -> Callable[[Asked], Any]:
    """An honest server's pages."""

    def answer(asked: Asked) -> Any:
        query = {key: values[-1] for key, values in parse_qs(urlsplit(asked.target).query).items()}
        start, limit = int(query.get("continue", 0)), int(query.get("limit", len(objects)))
        more = f'{{"continue": "{start + limit}"}}' if start + limit < len(objects) else "{}"
        return 200, {}, b'{"metadata": %s, "items": [%s]}' % (more.encode(), b",".join(objects[start : start + limit]))

    return answer


def member_roll(*members: str) -> dict:
    metadata = {"namespace": "east-mesh-system", "name": "default"}
    return {
        "apiVersion": "maistra.io/v1",
        "kind": "ServiceMeshMemberRoll",
        "metadata": metadata,
        "status": {"configuredMembers": list(members)},
    }


def test_5000_services_of_a_namespace_pass(api: ApiInMemory, collections: str) -> None:
    services = paged([json.dumps(service(at)).encode() for at in range(5000)])
    api.store.put(member_roll("shop"))
    api.hostile = lambda asked: services(asked) if "/namespaces/shop/services?" in asked.target else None
    options = {"exports": [{"namespace": "shop", "label_selectors": ["app=a1"]}], "roots": root("east")}
    outcome = look(api, collections, "mesh_card", api_timeout=60, **options)
    assert outcome.code is None, outcome.printed[:4000]
    assert len(outcome.result["cards"][0]["exports"]) == 100
    assert outcome.peak_mib < MOST_MIB


def test_20000_pods_pass(api: ApiInMemory, collections: str) -> None:
    marks = {
        "labels": {"maistra-version": "2.3.5"},
        "annotations": {"sidecar.istio.io/status": "{}", "note": "n" * 500},
    }
    body = {
        "spec": {"containers": [{"name": "istio-proxy", "env": [{"name": f"E{at}", "value": "v"} for at in range(10)]}]}
    }
    made = json.dumps(
        {"kind": "Pod", "metadata": {"name": "NAME", "namespace": "shop", "uid": "NAME", **marks}, **body}
    ).encode()
    pods = paged([made.replace(b"NAME", b"pod-%d" % at) for at in range(20_000)])
    api.store.put({**CONTROL_PLANE, "status": {"chartVersion": "2.3.5"}})
    api.store.put(member_roll("shop"))
    api.hostile = lambda asked: pods(asked) if "/namespaces/shop/pods?" in asked.target else None
    outcome = look(api, collections, "data_plane", api_timeout=60)
    assert outcome.code is None, outcome.printed[:4000]
    assert outcome.result.get("pods") == {"sidecars": 20_000, "old": 0}, outcome.printed[:4000]
    assert outcome.peak_mib < 150


def test_a_page_of_large_objects_is_asked_for_in_smaller_ones(api: ApiInMemory, collections: str) -> None:
    maps = [
        {"kind": "ConfigMap", "metadata": {"name": f"m{at}"}, "data": {"text": "x" * 1_000_000}} for at in range(60)
    ]
    answer = paged([json.dumps(one).encode() for one in maps])
    api.hostile = lambda asked: answer(asked) if "/configmaps?" in asked.target else None
    outcome = look(api, collections, api_timeout=60)
    assert outcome.code is None, outcome.printed[:4000]
    assert [asked.target.partition("?")[2] for asked in api.asked if "/configmaps?" in asked.target][:3] == [
        f"labelSelector=ossm.federation%2Fmesh&limit={limit}" for limit in (500, 50, 5)
    ]


def test_a_schema_of_several_mb_passes(api: ApiInMemory, collections: str) -> None:
    leaf = {"type": "object", "description": "d" * 40, "properties": {f"p{at}": {"type": "string"} for at in range(20)}}
    deep: dict = leaf
    for at in range(20):
        deep = {"type": "object", "description": "d" * 200, "properties": {f"level{at}": deep}}
    spec = {
        "type": "object",
        "properties": {**{f"part{at}": deep for at in range(1000)}, "version": {"type": "string"}},
    }
    known = {
        "x-kubernetes-group-version-kind": [
            {"group": "maistra.io", "version": "v2", "kind": "ServiceMeshControlPlane"}
        ],
        "properties": {"spec": spec},
    }
    document = json.dumps({"openapi": "3.0.0", "components": {"schemas": {"v2": known}}}).encode()
    assert len(document) > 5_000_000
    api.hostile = lambda asked: (
        (200, {"Content-Encoding": "gzip"}, gzip.compress(document, 1)) if "/openapi/" in asked.target else None
    )
    outcome = look(api, collections, "control_plane", api_timeout=60, spec={"version": "v2.3"}, version="v2.3")
    assert any("/openapi/" in asked.target for asked in api.asked)
    assert outcome.code not in ("FED118", "FED119"), outcome.printed[:4000]
    assert outcome.peak_mib < MOST_MIB
