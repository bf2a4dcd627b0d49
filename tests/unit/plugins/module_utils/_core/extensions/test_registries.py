# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How images in registries are named and what registries ask for."""

from __future__ import annotations

import json

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.image import INDEXES, OF_IMAGE, layers_of
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.registries import (
    Challenge,
    challenge_in,
    chosen_of,
    reference_of,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("registry.example/header:1.2", ("registry.example", "header", "1.2", "")),
        (f"oci://registry.example:5000/a/b-c/d__e@{DIGEST}", ("registry.example:5000", "a/b-c/d__e", "", DIGEST)),
        (f"localhost/x:1@{DIGEST}", ("localhost", "x", "1", DIGEST)),
        ("[::1]:5000/x:1", ("[::1]:5000", "x", "1", "")),
        ("127.0.0.1:5000/x:latest", ("127.0.0.1:5000", "x", "latest", "")),
    ],
)
def test_an_image_has_a_registry_a_repository_and_a_tag_or_a_digest(text, parts):
    found = reference_of(text, "pull")
    assert (found.host, found.repository, found.tag, found.digest) == parts
    assert str(found) == text.removeprefix("oci://") and found.wanted == (parts[3] or parts[2])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "header:1",
        "team/header:1",
        "registry.example",
        "registry.example/",
        "registry.example/header",
        "registry.example/Header:1",
        "registry.example/a//b:1",
        "registry.example/../v2:1",
        "registry.example/a/..:1",
        "registry.example/a?x=1:1",
        "registry.example/a%2f:1",
        "registry.example/a:1/../../x",
        "registry.example/a:" + "x" * 129,
        "registry.example/" + "a" * 256 + ":1",
        "registry.example:99999/a:1",
        "registry.example:/a:1",
        "https://registry.example/a:1",
        "registry.example/a@sha512:" + "a" * 128,
        "registry.example/a:1@sha256:" + "A" * 64,
        "registry.example\r\nHost: x/a:1",
        "registry.example/a:1 ",
    ],
)
def test_a_name_that_may_mean_something_else_is_refused(text):
    with pytest.raises(FederationError) as refused:
        reference_of(text, "pull")
    assert refused.value.code == "FED934"


@pytest.mark.parametrize(
    "text",
    [
        "user:hunter2@registry.example/a:1",
        "user:hun/ter2@registry.example/a:1",
        f"u:hunter2@registry.example/a@{DIGEST}",
    ],
)
def test_a_password_in_a_name_is_refused_and_not_shown(text):
    with pytest.raises(FederationError) as refused:
        reference_of(text, "pull")
    assert refused.value.code == "FED934" and "ter2" not in str(refused.value)


def test_docker_hub_answers_under_another_name():
    assert (
        reference_of("docker.io/team/header:1", "pull").base,
        str(reference_of("docker.io/team/header:1", "pull")),
    ) == (
        "registry-1.docker.io",
        "docker.io/team/header:1",
    )


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (['Basic realm="x"'], Challenge("basic", {"realm": "x"})),
        (
            ['Bearer realm="https://a/t",service="s, t",scope=pull'],
            Challenge("bearer", {"realm": "https://a/t", "service": "s, t", "scope": "pull"}),
        ),
        (['Basic realm="x"', 'bearer Realm="https://a/t"'], Challenge("bearer", {"realm": "https://a/t"})),
        (["Negotiate"], None),
        ([], None),
        (["Bearer " + ",".join(f'k{number}="' for number in range(100_000))], Challenge("bearer", {})),
    ],
    ids=["basic", "bearer", "both", "another", "none", "odd"],
)
def test_a_challenge_is_read_a_token_before_a_password(headers, found):
    assert challenge_in(headers) == found


def platform(system="linux", machine="amd64", kind=OF_IMAGE, **more):
    return {"mediaType": kind, "digest": DIGEST, "platform": {"os": system, "architecture": machine}, **more}


@pytest.mark.parametrize(
    ("listed", "is_found"),
    [
        ([platform(), platform("unknown", "unknown"), platform(machine="arm64")], True),
        ([{"mediaType": OF_IMAGE, "digest": DIGEST}], True),
        ([platform(), platform()], False),
        ([platform(machine="arm64")], False),
        ([platform(kind=INDEXES[0])], False),
        ([], False),
        ("text", False),
        ([{"digest": DIGEST}, {"digest": DIGEST}], False),
    ],
)
def test_of_an_index_the_image_for_linux_on_amd64_is_meant(listed, is_found):
    content = json.dumps({"manifests": listed}).encode()
    if is_found:
        assert chosen_of(content, "Image x")["digest"] == DIGEST
        return
    with pytest.raises(FederationError) as refused:
        chosen_of(content, "Image x")
    assert refused.value.code == "FED841"


LAYER = b'{"mediaType": "x", "digest": "%s", "size": 1}' % DIGEST.encode()
OF_AMD64 = b'"platform": {"os": "linux", "architecture": "amd64"}'


@pytest.mark.parametrize(
    "content",
    [
        b'{"layers": [%s], "manifests": [{%s}]}' % (LAYER, OF_AMD64),
        b'{"layers": [%s], "layers": [%s]}' % (LAYER, LAYER),
        b'{"layers": [%s], "Layers": [%s]}' % (LAYER, LAYER),
        b'{"layers": [%s], "layer\xc5\xbf": [%s]}' % (LAYER, LAYER),
        b'{"layers": [{"digest": "%s", "Digest": "%s", "size": 1}]}' % (DIGEST.encode(), DIGEST.encode()),
        b'{"manifests": [{"Platform": {"os": "linux", "architecture": "amd64"}}, {%s}]}' % OF_AMD64,
        b'{"manifests": [{%s, "platform": {"architecture": "arm64"}}]}' % OF_AMD64,
    ],
)
def test_what_two_readers_may_take_for_two_images_is_none(content):
    """Proxies read by Go, for which keys that differ in case are one key, and which joins mappings that are there
    twice.
    """
    with pytest.raises(FederationError) as refused:
        if chosen_of(content, "Image x") is None:
            layers_of(content, "Image x")
    assert refused.value.code == "FED841"


def test_an_image_is_no_index_and_text_is_neither():
    assert chosen_of(b'{"layers": []}', "Image x") is None
    for content in (b"text", b"[]", b"7", b"[" * 100_000):
        with pytest.raises(FederationError):
            chosen_of(content, "Image x")
