# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one place that asks registries of images: within bounds of time and size, with a login only where it belongs.

Sources: OCI Distribution Specification 1.1 ("Pull", "Push"); "Token Authentication Specification" of distribution.
"""

from __future__ import annotations

import base64
import ipaddress
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit

from ._asking import Answer, Question, Unfit, asked, trust_in
from ._core.extensions.image import LARGEST_JSON, OF_IMAGE, Image, Packed, digest_of, image_of_parts, layers_of
from ._core.extensions.registries import ACCEPTED, DIGEST, TOKENS_AT, Challenge, Reference, challenge_in, chosen_of
from ._core.extensions.signatures import (
    OF_INDEX,
    Bundle,
    Signature,
    Verifier,
    bundles_in,
    names,
    read_bundle,
    referrers_in,
    referrers_tag_of,
    refuse_unsigned,
    signatures_in,
    tag_of,
)
from ._core.plain.addresses import special_kind
from ._core.plain.data import from_json, mapping
from ._core.plain.errors import FederationError
from ._core.plain.words import printable

MOST_HOPS = 3
MOST_LOGINS = 3
_LOOPBACK = special_kind("127.0.0.1")
_OF_THIS_MACHINE = (_LOOPBACK, special_kind("localhost"))
_LED = (301, 302, 303, 307, 308)
_LONGEST_TOKEN = 1 << 16
_OF_CONTENT = "application/octet-stream"


@dataclass(frozen=True)
class Bounds:
    """Where questions about one registry may go: its ``base``, whether plain HTTP was asked for, and who else may see
    the login.
    """

    base: str
    is_plain: bool = False
    token_host: str = ""

    @property
    def url(self) -> SplitResult:
        """Where the registry itself answers."""
        return urlsplit(f"{'http' if self.is_plain else 'https'}://{self.base}")

    def led_to(self, asked: SplitResult, location: str) -> SplitResult:
        """Return where an answer's ``location`` leads. Raises ``FederationError`` FED937 where that is nowhere to be
        asked.
        """
        try:
            url = urlsplit(urljoin(asked.geturl(), location))
            is_whole = bool(url.hostname) and (url.port or 1) > 0
        except ValueError:
            is_whole = False
        if not is_whole or url.username is not None:
            raise self.refusal("leads to something else than a URL")
        if url.scheme != "https" and not (self.is_plain and url.scheme == "http"):
            raise self.refusal(
                f"leads away from TLS, to {url.scheme or 'no scheme'} at {printable(str(url.hostname), 80)}"
            )
        kind = special_kind(str(url.hostname))
        is_same = kind in _OF_THIS_MACHINE and special_kind(str(self.url.hostname)) in _OF_THIS_MACHINE
        if kind and not self.is_own(url) and not is_same:
            raise self.refusal(f"leads to {printable(str(url.hostname), 80)}, which is {kind}")
        return url

    def is_own(self, url: SplitResult) -> bool:
        """Return whether a URL is at the registry itself: scheme, host and port."""
        return _origin(url) == _origin(self.url)

    def may_see_login(self, url: SplitResult) -> bool:
        """Return whether user and password may be sent to where tokens are given."""
        if url.scheme != "https":
            return False
        hosts = {str(self.url.hostname), self.token_host.lower(), TOKENS_AT.get(self.base, "")}
        return str(url.hostname) in hosts

    def unfit(self, own: str, peer: str) -> str:
        """Return why nothing is sent to the address ``peer``, to which the registry at the address ``own`` led; ""
        where it may be.
        """
        if special_kind(peer):
            # Where the registry is on this very machine, so may be what it leads to; who tells credentials never is.
            is_same = special_kind(own) == special_kind(peer) == _LOOPBACK
            return "" if is_same else f"leads to an address that is {special_kind(peer)}"
        inside = ipaddress.ip_address(peer).is_private and not (own and ipaddress.ip_address(own).is_private)
        return "leads to a private address, and is not at one itself" if inside else ""

    def refusal(self, what: str) -> FederationError:
        """Return the refusal of an answer that leads elsewhere."""
        fix = (
            "Ask the owner of the registry; nothing was sent there. Give the registry's own name, with plain HTTP "
            "only where it has no TLS"
        )
        return FederationError("FED937", where=f"Registry {self.base}", what=what, fix=fix)


def _origin(url: SplitResult) -> tuple[str, str, int]:
    return url.scheme, str(url.hostname), url.port or (443 if url.scheme == "https" else 80)


class Registry:
    """The repository of one image, asked with the options ``REGISTRY`` of a module; ``know`` is told each secret that
    comes up on the way.

    Raises ``FederationError`` wherever it is asked: FED935 where no answer comes that can be used, FED936 where a login
    is refused or would go where it does not belong, FED937 where an answer leads elsewhere.
    """

    def __init__(
        self,
        reference: Reference,
        params: Mapping[str, Any],
        know: Callable[[Iterable[str]], None],
        *,
        writes: bool = False,
    ) -> None:
        self._reference, self._know = reference, know
        self._bounds = Bounds(reference.base, bool(params["registry_plain_http"]), params["registry_token_host"] or "")
        self._scope = f"repository:{reference.repository}:{'pull,push' if writes else 'pull'}"
        self._login = ""
        if params["registry_username"]:
            if self._bounds.is_plain:
                raise self._closed(
                    "is asked by plain HTTP, where user and password would travel in clear text", "Use TLS, or no login"
                )
            pair = f"{params['registry_username']}:{params['registry_password'] or ''}"
            self._login = f"Basic {base64.b64encode(pair.encode()).decode()}"
            know({self._login.partition(" ")[2]})
        trust = trust_in(params["registry_ca_cert"] or "")
        if isinstance(trust, str):
            raise FederationError(
                "FED935",
                where="registry_ca_cert",
                what=f"cannot be used ({trust})",
                fix="Name a PEM file that can be read",
            )
        self._trust = trust
        self._seconds = float(params["registry_timeout"])
        self._ends = time.monotonic() + self._seconds
        self._authorization, self._logins, self._address = "", 0, ""

    def manifest(self, wanted: str) -> bytes | None:
        """Return what stands under a tag or a digest, None where nothing does. Raises FED842 where it is not what its
        digest says.
        """
        answer = self._ask("GET", f"/manifests/{wanted}", {"Accept": ", ".join(ACCEPTED)})
        if answer.status == 404:
            return None
        content = self._content(answer, LARGEST_JSON)
        expected = wanted if DIGEST.fullmatch(wanted) else answer.header("docker-content-digest")
        if expected and expected != digest_of(content):
            raise self._changed(f"returns other content for {wanted} than its digest")
        return content

    def blob(self, descriptor: Mapping) -> bytes:
        """Return the content that a descriptor of a manifest names, whose form was checked. Raises FED842 where it is
        another.
        """
        digest, size = descriptor["digest"], descriptor["size"]
        content = self._content(self._ask("GET", f"/blobs/{digest}", largest=size), size)
        if digest_of(content) != digest:
            raise self._changed(f"returns other content for {digest} than its digest")
        return content

    def pull(self) -> Image:
        """Return the image with its module, by the digest that its name stands for. Raises also as ``read_image``."""
        where = f"Image {self._reference}"
        named = self._present(self._reference.wanted)
        chosen = chosen_of(named, where)
        manifest = named if chosen is None else self._present(str(chosen.get("digest")))
        layers = {layer["digest"]: layer for layer in layers_of(manifest, where)}
        image = image_of_parts(manifest, [self.blob(layer) for layer in layers.values()], where)
        return replace(image, digest=digest_of(named))

    def signatures(self, digest: str) -> list[Signature]:
        """Return the signatures of an image that stand beside it. Raises also FED841 and FED939 where they cannot be
        read.
        """
        where = f"Signatures of image {self._reference}"
        manifest = self.manifest(tag_of(digest))
        if manifest is None:
            return []
        layers_of(manifest, where)
        return signatures_in(manifest, where)

    def bundles(self, digest: str) -> list[Bundle]:
        """Return what bundles that refer to an image say of who has signed it. Raises also FED841 and FED939 where they
        cannot be read.
        """
        where = f"Signatures of image {self._reference}"
        found = []
        for each in referrers_in(self._referrers(digest), where):
            # What an index of clients lists may have gone.
            manifest = self.manifest(each) if DIGEST.fullmatch(each) else None
            layers = bundles_in(manifest, digest, where) if manifest else []
            if manifest and layers:
                layers_of(manifest, where)
            found += [read_bundle(self.blob(layer)) for layer in layers]
        return [each for each in found if each is not None]

    def refuse_unsigned(
        self, digest: str, found: Sequence[Signature], bundles: Sequence[Bundle], verifies: Verifier
    ) -> None:
        """Refuse an image that none of the signatures and bundles that were found speaks for by the key that
        ``verifies``: FED939.
        """
        payloads = [(each.content, self.blob(each.payload)) for each in found]
        signed = [names(payload) for content, payload in payloads if verifies(content, payload)]
        signed += [
            name
            for each in bundles
            if any(verifies(content, each.signed) for content in each.contents)
            for name in each.names
        ]
        refuse_unsigned(digest, len(found) + len(bundles), signed, f"Image {self._reference}")

    def _referrers(self, digest: str) -> bytes:
        """Return the index of what refers to an image: the registry's own, or the one that clients keep where it has
        none.
        """
        try:
            answer = self._ask("GET", f"/referrers/{digest}", {"Accept": OF_INDEX})
        except FederationError as error:
            # A registry that does not know the question may call it forbidden; that of the image itself it has
            # answered.
            if error.code != "FED936":
                raise
            answer = None
        if answer is not None and answer.status == 200:
            return self._content(answer, LARGEST_JSON)
        return self.manifest(referrers_tag_of(digest)) or b""

    def push(self, packed: Packed) -> None:
        """Put an image under the reference's tag: what it consists of first, and what names that last."""
        for content in packed.blobs:
            self._put_blob(content)
        tag = self._reference.tag
        self._done(self._ask("PUT", f"/manifests/{tag}", {"Content-Type": OF_IMAGE}, packed.manifest), (201,))
        kept = self.manifest(tag)
        if kept is None or digest_of(kept) != packed.digest:
            raise self._changed(f"gives something else for {tag} than was put there")

    def _put_blob(self, content: bytes) -> None:
        digest = digest_of(content)
        if self._ask("HEAD", f"/blobs/{digest}").status == 200:
            return
        begun = self._done(self._ask("POST", "/blobs/uploads/"), (202,))
        url = self._bounds.led_to(self._bounds.url, begun.header("location"))
        if not self._bounds.is_own(url):
            raise self._bounds.refusal(f"wants what is put there at {printable(str(url.hostname), 80)}")
        path = f"{url.path}?{url.query}&digest={digest}" if url.query else f"{url.path}?digest={digest}"
        self._done(self._at(path, "PUT", {"Content-Type": _OF_CONTENT}, content), (201,))

    def _present(self, wanted: str) -> bytes:
        if not (DIGEST.fullmatch(wanted) or wanted == self._reference.tag):
            raise self._failed(f"names content by {printable(wanted, 80)}, which is not a SHA-256 digest")
        content = self.manifest(wanted)
        if content is None:
            raise self._failed(f"has no {wanted} in {self._reference.repository}")
        return content

    # one question, with what it takes to have it answered

    def _ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        largest: int = LARGEST_JSON,
    ) -> Answer:
        return self._at(f"/v2/{self._reference.repository}{path}", method, headers or {}, body, largest)

    def _at(
        self, path: str, method: str, headers: Mapping[str, str], body: bytes | None = None, largest: int = LARGEST_JSON
    ) -> Answer:
        answer = self._followed(path, method, headers, body, largest)
        if answer.status == 401 and self._logins < MOST_LOGINS:
            self._log_in(answer)
            answer = self._followed(path, method, headers, body, largest)
        if answer.status in (401, 403):
            whom = "the login" if self._login else "anybody without a login"
            verb = "write to" if "push" in self._scope else "read"
            fix = (
                f"Give registry_username and registry_password of an account that may {verb}"
                f" {self._reference.repository}"
            )
            raise self._closed(f"does not let {whom} {verb} {self._reference.repository} (status {answer.status})", fix)
        return answer

    def _followed(self, path: str, method: str, headers: Mapping[str, str], body: bytes | None, largest: int) -> Answer:
        """Return the answer, where content was moved that of the place it was moved to; the login goes nowhere else."""
        url = self._bounds.url
        for hop in range(MOST_HOPS + 1):
            own = {"Authorization": self._authorization} if self._authorization and self._bounds.is_own(url) else {}
            answer = self._question(
                url, Question(url, path, {**headers, **own}, method, body, largest, self._unfit(url))
            )
            if answer.status not in _LED or method not in ("GET", "HEAD"):
                return answer
            if hop < MOST_HOPS:
                led = self._bounds.led_to(url._replace(path=path.partition("?")[0]), answer.header("location"))
                url, path = led._replace(path="", query="", fragment=""), _path_of(led)
        raise self._bounds.refusal(f"leads from one place to another more than {MOST_HOPS} times")

    def _unfit(self, url: SplitResult) -> Callable[[str], str]:
        def reason(address: str) -> str:
            if self._bounds.is_own(url):
                self._address = address
                return ""
            return self._bounds.unfit(self._address, address)

        return reason

    def _question(self, url: SplitResult, question: Question) -> Answer:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise self._failed(f"has taken more than registry_timeout, {self._seconds:g} s, for all requests")
        trust = self._trust if url.scheme == "https" else None
        try:
            return asked(question, trust, left, self._failed)
        except Unfit as reason:
            raise self._bounds.refusal(str(reason)) from None

    # logging in

    def _log_in(self, answer: Answer) -> None:
        self._logins += 1
        challenge = challenge_in(answer.headers.get("www-authenticate", []))
        if challenge is None:
            raise self._closed(
                "asks for something else than a password or a token", "Use a registry with one of the two"
            )
        if challenge.scheme == "bearer":
            self._authorization = f"Bearer {self._token(challenge)}"
        elif not self._login:
            raise self._closed("wants a login", "Give registry_username and registry_password")
        else:
            self._authorization = self._login

    def _token(self, challenge: Challenge) -> str:
        url = self._bounds.led_to(self._bounds.url, challenge.parameters.get("realm", ""))
        if self._login and not self._bounds.may_see_login(url):
            host = printable(str(url.hostname), 80)
            fix = f"If that host is the registry's own, name it in registry_token_host: {host}. Nothing was sent there"
            raise self._closed(f"wants user and password at another host, {host}", fix)
        asked_for = urlencode({"service": challenge.parameters.get("service", "")[:256], "scope": self._scope})
        path = f"{_path_of(url)}{'&' if url.query else '?'}{asked_for}"
        place = url._replace(path="", query="", fragment="")
        headers = {"Accept": "application/json", **({"Authorization": self._login} if self._login else {})}
        answer = self._question(place, Question(place, path, headers, largest=LARGEST_JSON, unfit=self._unfit(url)))
        if answer.status in (400, 401, 403):
            whom = "for user and password" if self._login else "without a login"
            raise self._closed(
                f"returns no token {whom} (status {answer.status})", "Check registry_username and registry_password"
            )
        told = mapping(from_json(self._content(answer, LARGEST_JSON)))
        token = told.get("token") or told.get("access_token")
        if (
            not isinstance(token, str)
            or len(token) > _LONGEST_TOKEN
            or not all(33 <= ord(sign) < 127 for sign in token)
        ):
            raise self._failed("gives something else than a token")
        self._know({token})
        return token

    # what answers come to

    def _content(self, answer: Answer, largest: int) -> bytes:
        self._done(answer, (200,))
        if len(answer.body) > largest:
            raise self._changed(f"gives more than the {largest:,} bytes that were to come")
        return answer.body

    def _done(self, answer: Answer, statuses: tuple[int, ...]) -> Answer:
        if answer.status not in statuses:
            raise self._failed(f"answers with status {answer.status}")
        return answer

    def _failed(self, what: str) -> FederationError:
        fix = "Check the name of the image, registry_ca_cert, and the way from the machine that runs Ansible"
        return FederationError("FED935", where=f"Registry {self._reference.base}", what=what, fix=fix)

    def _closed(self, what: str, fix: str) -> FederationError:
        return FederationError("FED936", where=f"Registry {self._reference.base}", what=what, fix=fix)

    def _changed(self, what: str) -> FederationError:
        fix = "Do not use it until you know who changed it; see FED842"
        return FederationError("FED842", where=f"Registry {self._reference.base}", what=what, fix=fix)


def _path_of(url: SplitResult) -> str:
    return f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
