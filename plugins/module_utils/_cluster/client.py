# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One cluster's API server: the only file that speaks to Kubernetes.

Objects are plain dicts, as the server gives and takes them. How the server is reached, and as whom, is ``access.py``'s.
What a request meets on its way is retried until a deadline; a refusal is told at once.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

from .._core.insight.asking import Page
from .._core.plain.answers import Answer, quoted
from .._core.plain.content import Unusable, checked_items, checked_object
from .._core.plain.errors import FederationError
from .._core.plain.kinds import POD, Kind
from .._core.plain.secrets import HIDDEN, without
from .._options import CLUSTER
from . import answers, logs, streams
from .access import open_access, within
from .answers import CutOff, Pages
from .messages import Request, answer_of
from .refusals import Refused, meaning_of

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
GRACE_SECONDS = 0.25
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
PAGE = 500
SMALL_PAGE = 100  # where little of many objects is kept: what is at hand at once is what costs memory

# What one module may ask for in all; one list may take LIST_TIMES as long as one request.
LIST_TIMES = 10
ALL_SECONDS = 3600.0
QUIET_SECONDS = 5.0
"""How long an API server may be silent before people are told, where somebody listens: ``on_silence``."""
on_silence: Callable[[str], object] | None = None
HEAVIEST_IN_ALL = 1 << 30  # bytes in memory of what is kept whole

USERINFO = re.compile(r"//[^/@\s]+@")


class Cluster:
    """One API server and who we are to it.

    ``server`` is its URL without anything secret. ``requests`` counts what was sent to it, retries included.
    ``context`` is the kubeconfig's that is used, ``others`` are those that could have been meant as well.
    """

    def __init__(
        self,
        server: str,
        pool: Any,
        authorization: Callable[[], Mapping[str, str]],
        *,
        headers: tuple[tuple[str, str], ...] = (),
        seconds: float = 60,
        secrets: Iterable[str] = (),
        via: str = "",
        unverified: str = "",
        is_compressed: bool = True,
        context: str = "",
        others: tuple[str, ...] = (),
    ) -> None:
        self.server = server
        self.requests = 0
        self.secrets = set(secrets)
        self.unverified = unverified
        self.context = context
        self.others = others
        self._pool = pool
        self._authorization = authorization
        self._headers = headers
        self._seconds = seconds
        self._via = via
        self._encoding = "gzip" if is_compressed else "identity"
        self._date: datetime | None = None
        self._spent = 0.0
        self._kept = 0

    @classmethod
    def connect(cls, params: Mapping[str, Any]) -> Cluster:
        """Return the cluster that a module's connection options name; no request is sent yet, but for a log-in.

        ``params`` has the options of ``_arguments.CLUSTER``, missing ones as None or not at all; where none is given,
        the K8S_AUTH_* variables are taken. Raises ``FederationError`` as ``open_access``.
        """
        seconds = max(1, params.get("api_timeout") or CLUSTER["api_timeout"]["default"])
        access = open_access(params, os.environ, seconds)
        return cls(
            access.server,
            access.pool,
            access.authorization,
            headers=access.headers,
            seconds=seconds,
            secrets=access.secrets,
            via=access.via,
            unverified=access.unverified,
            is_compressed=access.is_compressed,
            context=access.context,
            others=access.others,
        )

    @property
    def now(self) -> datetime:
        """The API server's clock as of its latest answer; this machine's before the first."""
        return self._date or datetime.now(timezone.utc)

    def get(self, kind: Kind, namespace: str, name: str) -> dict | None:
        """Return one object, None when there is none. Raises ``FederationError`` FED108 when its kind is not served."""
        request = Request.of("get", "GET", kind, namespace, name)
        answer = self._answer(request, 404)
        if answer.status != 404:
            with self._reading(request):
                return checked_object(answer.body, kind, namespace, name)
        if answer.is_missing_object:
            return None
        self._fail_with(request, answer, kind)

    def outline(self, kind: Kind, namespace: str, name: str) -> dict | None:
        """Return an object's kind and metadata, None when there is none. Nothing else of it is sent, so what a Secret
        holds stays there.
        """
        request = replace(
            Request.of("get", "GET", kind, namespace, name),
            accept="application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
        )
        answer = self._answer(request, 404)
        if answer.status == 404 and not answer.is_missing_object:
            self._fail_with(request, answer, kind)
        if answer.status == 404:
            return None
        with self._reading(request):
            live = checked_object(answer.body, kind, namespace, name, is_outline=True)
        return {key: live[key] for key in ("apiVersion", "kind", "metadata")}

    def list(
        self, kind: Kind, namespace: str, selector: str | None = None, keep: Callable[[dict], Any] | None = None
    ) -> list:
        """Return the objects of one kind in a namespace that match a label selector, each with apiVersion and kind.

        With ``keep`` what that returns for each object, where it is not None: pages are let go one by one, so that many
        objects need no more memory than what is kept. Raises ``FederationError`` FED108 when the API server does not
        serve the kind, FED118 when the list does not end or is larger than any mesh's.
        """
        query = {"labelSelector": selector} if selector else {}
        pages = Pages(SMALL_PAGE if keep else PAGE, time.monotonic() + LIST_TIMES * self._seconds)
        found: list = []
        while True:
            request = Request.of("list", "GET", kind, namespace, query={**query, **pages.query})
            try:
                answer = self._ask(request, 404, 410)
                if answer.status == 410 and pages.begin_again():
                    found = []
                    continue
                if answer.status in (404, 410):
                    self._fail_with(request, answer, kind)
                objects = [*checked_items(answer.body, kind, namespace)]
                found += objects if keep is None else [kept for live in objects if (kept := keep(live)) is not None]
                if not pages.turn(answer.body, len(objects), 0 if keep else self._kept_of(answer)):
                    return found
            except Unusable as error:
                if not (error.is_too_large and pages.ask_for_less()):
                    self._fail_unusable(request, error)

    def apply(
        self, kind: Kind, manifest: Mapping[str, Any], manager: str, force: bool = False, dry_run: bool = False
    ) -> dict:
        """Make the fields of ``manifest`` so, as one field manager, and return the object as stored (server-side
        apply).

        With ``dry_run`` the API server and its admission webhooks answer as they would, and nothing is stored.

        A ``metadata.uid`` in the manifest binds it to that object. Fields that the schema does not know are refused.
        Raises ``FederationError`` FED107 when another manager holds a field and ``force`` is not set, FED109 when the
        object with the uid is there no more.
        """
        namespace, name = manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]
        query = {"fieldManager": manager, "fieldValidation": "Strict", **({"force": "true"} if force else {})}
        query |= {"dryRun": "All"} if dry_run else {}
        request = Request.of(
            "patch",
            "PATCH",
            kind,
            namespace,
            name,
            query=query,
            body={"apiVersion": kind.api_version, "kind": kind.name, **manifest},
            content_type="application/apply-patch+yaml",
        )
        with self._reading(request):
            return checked_object(self._done(request, kind), kind, namespace, name)

    def merge_patch(self, kind: Kind, namespace: str, name: str, patch: Mapping[str, Any], manager: str = "") -> dict:
        """Merge ``patch`` into an object that exists (RFC 7396), as a field manager if one is named; return it as
        stored.

        With a ``metadata.resourceVersion`` in it, raises ``FederationError`` FED109 when the object has changed since.
        """
        request = Request.of(
            "patch",
            "PATCH",
            kind,
            namespace,
            name,
            query={"fieldManager": manager} if manager else {},
            body=patch,
            content_type="application/merge-patch+json",
        )
        is_bound = bool((patch.get("metadata") or {}).get("resourceVersion"))
        with self._reading(request):
            return checked_object(self._done(request, kind, is_bound=is_bound), kind, namespace, name)

    def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> bool:
        """Ask for the deletion of the object with this uid; return False when there is none of that name any more.

        Raises ``FederationError`` FED109 when another object has taken the name.
        """
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": "Background",
        }
        request = Request.of("delete", "DELETE", kind, namespace, name, body=body)
        answer = self._answer(request, 404)
        if answer.status == 404 and not answer.is_missing_object:
            self._fail_with(request, answer, kind)
        return answer.status != 404

    def create_below(self, kind: Kind, namespace: str, name: str, subresource: str, body: Mapping[str, Any]) -> dict:
        """Post ``body`` to a subresource of an object and return the answer."""
        request = Request.of("create", "POST", kind, namespace, name, body=body)
        request = replace(request, path=f"{request.path}/{subresource}", resource=f"{request.resource}/{subresource}")
        return self._done(request, kind)

    def page(self, namespace: str, pod: str, page: Page, *, by_exec: bool = False) -> tuple[int, bytes]:
        """Return the HTTP status and the content of a page that a pod serves to itself alone, such as Envoy's or
        istiod's debug pages.

        It is asked for by port-forward, or ``by_exec`` by a command inside the container where its image has one (the
        status is then 200). Both go the way of every other request: the same account, impersonation, proxy and TLS.
        ``Page`` says what may be asked. It is not asked for again. Raises ``FederationError`` FED104 without the right,
        FED106 where the API server refuses, FED900 where the pod does not answer, FED901 for an answer that is out of
        bounds.
        """
        program = page.program if by_exec else None
        if program:
            container, command = program[0], streams.command_of(page, program[1])
            query: dict[str, Any] = {"container": container, "command": command, "stdout": "true", "stderr": "true"}
            request, where = (
                self._below(namespace, pod, "exec", query),
                f"container {container} of pod {namespace}/{pod}",
            )
        else:
            request = self._below(namespace, pod, "portforward", {"ports": str(page.port)})
            where = f"port {page.port} of pod {namespace}/{pod}"
        try:
            with self._streaming(request, where, page.most + streams.MOST_HEADERS) as stream:
                if not program:
                    return streams.asked_through(stream, page)
                content, ended = streams.printed(stream, page.most)
        except Unusable as error:
            what = f"the answer to GET {streams.target_of(page)} {error.what}"
            self._fail(error.code, where, what, "Find out what answers there; nothing of it was used")
        except (CutOff, streams.Unreached, OSError) as error:
            self._fail_unreached(where, page, self._clean(str(error) or type(error).__name__))
        if '"Failure"' in ended:
            self._fail_unreached(where, page, f"the command failed{quoted(ended)}")
        return 200, content

    def command(
        self, namespace: str, pod: str, container: str, command: Sequence[str], most: int, seconds: float
    ) -> tuple[bytes, bytes, str]:
        """Return what a command in a container wrote to stdout and to stderr, and how it ended, as ``streams.ran``
        tells it.

        No shell is between: ``command`` is the program and its arguments. It goes the way of every other request: the
        same account, impersonation, proxy and TLS. Its stdin stays open and gets nothing. After ``seconds`` nothing
        more is waited for. Raises ``FederationError`` as ``page``.
        """
        query: dict[str, Any] = {
            "container": container,
            "command": list(command),
            "stdin": "true",
            "stdout": "true",
            "stderr": "true",
        }
        request, where = self._below(namespace, pod, "exec", query), f"container {container} of pod {namespace}/{pod}"
        try:
            with self._streaming(request, where, 2 * most + streams.MOST_HEADERS, seconds) as stream:
                return streams.ran(stream, most)
        except Unusable as error:
            self._fail(
                error.code,
                where,
                f"the output of {command[0]} {error.what}",
                "Find out what answers there; nothing of it was used",
            )
        except (CutOff, OSError) as error:
            self._fail(
                "FED900",
                where,
                f"{command[0]} was not seen to end ({self._clean(str(error) or type(error).__name__)})",
                "Run again",
            )

    def _below(self, namespace: str, pod: str, subresource: str, query: Mapping[str, Any]) -> Request:
        request = Request.of("get", "GET", POD, namespace, pod, query=query, accept="*/*", encoding="identity")
        about = f"open {subresource} of Pod {namespace}/{pod}"
        return replace(request, path=f"{request.path}/{subresource}", resource=f"pods/{subresource}", about=about)

    @contextmanager
    def _streaming(self, request: Request, where: str, most: int, seconds: float = 0) -> Iterator[streams.Stream]:
        """Give the connection as ``_switched`` returns it, and close it; the time counts as spent on the server."""
        started = time.monotonic()
        try:
            stream = self._switched(request, where, most, seconds)
            try:
                yield stream
            finally:
                stream.close()
        finally:
            self._spent += time.monotonic() - started

    def _switched(self, request: Request, where: str, most: int, seconds: float = 0) -> streams.Stream:
        """Return the connection that the API server has switched for a request, open for ``seconds``; 0 is as long as
        any answer may take.

        Raises ``FederationError`` where it does not switch.
        """
        import urllib3

        headers = self._headers_of(request)
        for name, value in streams.upgrade_headers().items():
            headers[name] = value
        deadline = time.monotonic() + self._seconds
        connect, read = min(CONNECT_SECONDS, self._seconds), min(READ_SECONDS, self._seconds)

        def ask() -> tuple[Any, Answer | None]:
            response = self._open(request, headers, connect, read)
            return response, (
                None if response.status == 101 else answer_of(response, answers.content_of(response, deadline))
            )

        try:
            response, answer = within(self._seconds + GRACE_SECONDS, ask)
        except Unusable as error:
            self._fail_unusable(request, error)
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
            self._give_up(request, self._clean(_why_no_answer(error, connect, read)), self._seconds)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, CutOff) as error:
            if _is_refusal_of_tls(error):
                self._fail_without_trust(error)
            self._fail_unreached(where, None, self._clean(_last_words(error)))
        if answer is not None:
            self._fail_with(request, answer)
        if response.headers.get("Sec-WebSocket-Protocol") != streams.PROTOCOL:
            response.close()
            self._fail(
                "FED901",
                where,
                f"the API server does not speak {streams.PROTOCOL}",
                "Check what is between it and this machine",
            )
        return streams.Stream(response, most, time.monotonic() + seconds if seconds else deadline)

    def _fail_unreached(self, where: str, page: Page | None, why: str) -> NoReturn:
        asked = f" GET {streams.target_of(page)}" if page else ""
        self._fail(
            "FED900",
            where,
            f"does not answer{asked} ({why})",
            "See that the pod runs; a port-forward by hand shows the same",
        )

    def copy_log(
        self, namespace: str, pod: str, query: Mapping[str, str], write: Callable[[bytes], object], most: int
    ) -> int:
        """Hand a container's log to ``write`` as it comes, at most ``most`` bytes, and return how many came; nothing is
        kept here.

        ``query`` is that of ``pods/log``. Raises ``FederationError`` where the API server refuses it or does not
        answer, also in the middle.
        """
        request = Request.of("get", "GET", POD, namespace, pod, query=query, accept="*/*", encoding="identity")
        about = f"get the log of {namespace}/{pod}, container {query.get('container', '')}"
        request = replace(request, path=f"{request.path}/log", resource="pods/log", about=about)
        headers, started = self._headers_of(request), time.monotonic()
        deadline = started + LIST_TIMES * self._seconds
        try:
            with self._reading(request):
                return logs.copied(self._open(request, headers, CONNECT_SECONDS, READ_SECONDS), write, most, deadline)
        except logs.Refused as refused:
            self._fail_with(request, refused.answer)
        except logs.broken() as error:
            if _is_refusal_of_tls(error):
                self._fail_without_trust(error)
            self._give_up(
                request, self._clean(_why_no_answer(error, CONNECT_SECONDS, READ_SECONDS)), time.monotonic() - started
            )
        finally:
            self._spent += time.monotonic() - started

    def review(self, kind: Kind, namespace: str, body: Mapping[str, Any]) -> dict:
        """Ask the API server for its judgement (an access review), which it gives and does not store."""
        return self._done(Request.of("create", "POST", kind, namespace, body=body), kind)

    def schema(self, api_version: str) -> dict | None:
        """Return the OpenAPI v3 document of one group and version, such as ``maistra.io/v2``; None when it is not
        served.
        """
        path = "/openapi/v3/api/v1" if api_version == "v1" else f"/openapi/v3/apis/{api_version}"
        answer = self._answer(Request("get", "GET", path, about=f"get the schema of {api_version}", resource=path), 404)
        return None if answer.status == 404 else answer.body

    def serves(self, group: str) -> bool:
        """Return whether the API server serves an API group, such as ``kiali.io``; every account may ask."""
        path = f"/apis/{group}"
        return (
            self._answer(Request("get", "GET", path, about=f"ask for the API group {group}", resource=path), 404).status
            != 404
        )

    def _done(self, request: Request, kind: Kind, *, is_bound: bool = False) -> dict:
        """Send a write and return the object; one that ``is_bound`` to what was read is not sent again once that has
        changed.
        """
        answer = self._answer(request, 404, *((409,) if is_bound else ()))
        if answer.status == 409:
            self._fail(
                "FED109",
                f"{self.server}, {request.about}",
                f"the object was changed meanwhile{quoted(answer.reason)}",
                "Run again",
            )
        if answer.status == 404:
            self._fail_with(request, answer, kind)
        return answer.body

    def _answer(self, request: Request, *expected: int) -> Answer:
        """Return the answer to a request as ``_ask`` does. Raises ``FederationError`` for one that is not usable:
        FED118, FED119.
        """
        with self._reading(request):
            return self._ask(request, *expected)

    @contextmanager
    def _reading(self, request: Request) -> Iterator[None]:
        """Tell of what was asked for when the answer to it is not usable."""
        try:
            yield
        except Unusable as error:
            self._fail_unusable(request, error)

    def _kept_of(self, answer: Answer) -> int:
        """Return the memory that an answer takes if it is kept whole; the sum of all of them is also bounded."""
        self._kept += answer.weight
        if self._kept > HEAVIEST_IN_ALL:
            raise Unusable(
                "FED118",
                f"exceeds the limit: all answers together take more than {HEAVIEST_IN_ALL >> 20} MiB of memory",
            )
        return answer.weight

    def _ask(self, request: Request, *expected: int) -> Answer:
        """Return the answer to a request: a good one, or one of the ``expected`` statuses. Asks again until the
        deadline.

        Raises ``Unusable`` for one that is out of bounds, or not what an API server answers.
        """
        if self._spent > ALL_SECONDS:
            raise Unusable("FED118", f"was given up: requests have taken {self._spent:.0f} s in all")
        started = time.monotonic()
        told = threading.Timer(QUIET_SECONDS, lambda: on_silence(self._quiet())) if on_silence else None
        if told:
            told.daemon = True
            told.start()
        try:
            return self._tried(request, started, *expected)
        finally:
            if told:
                told.cancel()
            self._spent += time.monotonic() - started

    def _quiet(self) -> str:
        return (
            f"{self.server} has given no good answer for {QUIET_SECONDS:g} s; it is asked again until {self._seconds:g}"
            " s have passed"
        )

    def _tried(self, request: Request, started: float, *expected: int) -> Answer:
        deadline = started + self._seconds
        pause = FIRST_PAUSE
        heard: Answer | None = None
        while True:
            given = deadline - time.monotonic()
            answer = self._try(request, given)
            if isinstance(answer, str) and heard and given < FIRST_PAUSE:
                # Nobody answers in the moment that was left; what it said before that is what is wrong with it.
                answer = heard
            if isinstance(answer, Answer):
                heard = answer
                if answer.status in expected or (200 <= answer.status < 300 and answer.is_json):
                    return answer
                if not answer.is_worth_another_try:
                    self._fail_with(request, answer)
                asked_to_wait = answer.retry_after
            else:
                asked_to_wait = None
            left = deadline - time.monotonic()
            if left <= FIRST_PAUSE or (asked_to_wait or 0) > left:
                self._give_up(request, answer, time.monotonic() - started)
            # The last try still gets a moment for its answer.
            time.sleep(asked_to_wait or min(pause, left - FIRST_PAUSE / 2))
            pause = min(pause * 2, LONGEST_PAUSE)

    def _try(self, request: Request, seconds: float) -> Answer | str:
        """Send a request once; return the answer, or in words why there is none."""
        import urllib3

        headers = self._headers_of(request)
        connect, read = (max(0.05, min(limit, seconds)) for limit in (CONNECT_SECONDS, READ_SECONDS))
        deadline = time.monotonic() + max(connect, read, seconds)

        def ask() -> tuple[Any, bytearray]:
            response = self._open(request, headers, connect, read)
            return response, answers.content_of(response, deadline)

        try:
            # The library's own limits are for each piece of an answer; one that comes byte by byte would never end.
            response, content = within(max(connect, read, seconds) + GRACE_SECONDS, ask)
        except CutOff as error:
            return str(error)
        except (urllib3.exceptions.LocationValueError, http.client.InvalidURL) as error:
            self._fail_unsent(error)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            if _is_refusal_of_tls(error):
                self._fail_without_trust(error)
            return self._clean(_why_no_answer(error, connect, read))
        except ValueError as error:
            self._fail_unsent(error)
        self._keep_date(response.headers.get("Date"))
        return answer_of(response, content)

    def _headers_of(self, request: Request) -> Any:
        """Return a request's headers: who we are, and as whom we act, are among them."""
        import urllib3

        encoding = request.encoding or self._encoding
        headers = urllib3.HTTPHeaderDict(
            {"Accept": request.accept, "Accept-Encoding": encoding, "User-Agent": "ossm.federation"}
        )
        headers.extend(self._authorization())
        for name, value in self._headers:
            headers.add(name, value)
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        return headers

    def _open(self, request: Request, headers: Any, connect: float, read: float) -> Any:
        """Send a request and return the response, of which nothing has been read but its head."""
        import urllib3

        self.requests += 1
        return self._pool.request(
            request.method,
            self.server + request.target,
            body=None if request.body is None else json.dumps(request.body),
            headers=headers,
            timeout=urllib3.Timeout(connect=connect, read=read),
            retries=False,
            redirect=False,  # the token is for this server alone
            preload_content=False,
        )

    def _keep_date(self, text: str | None) -> None:
        try:
            date = parsedate_to_datetime(text or "")
        except (ArithmeticError, LookupError, TypeError, ValueError):
            return
        # Ages are counted from it, and there must be years before and after.
        if 2000 <= date.year < 3000:
            self._date = date if date.tzinfo else date.replace(tzinfo=timezone.utc)

    def _clean(self, text: str) -> str:
        """Return ``text`` without anything that is ours alone."""
        # A short one is masked only where it stands as what it is.
        for value in self._authorization().values():
            text = text.replace(value, HIDDEN)
        return USERINFO.sub(f"//{HIDDEN}@", without(self.secrets, text))

    @property
    def _way(self) -> str:
        """Say which way was tried: HTTPS_PROXY, which others look at, is not."""
        return f" through the proxy {self._via}" if self._via else " (without a proxy)"

    def _fail(self, code: str, where: str, what: str, fix: str, **facts: Any) -> NoReturn:
        raise FederationError(
            code, where=where, what=self._clean(what), fix=fix, facts={"server": self.server, **facts}
        )

    def _fail_unsent(self, error: Exception) -> NoReturn:
        """Tell that a request cannot be made. What it is made of was checked before, so this is rare; the error may
        quote it.
        """
        self._fail(
            "FED105",
            self.server,
            f"the request cannot be sent ({type(error).__name__})",
            "Correct the URL of the API server or its proxy",
        )

    def _fail_without_trust(self, error: Exception) -> NoReturn:
        self._fail(
            "FED105",
            self.server,
            f"no TLS connection could be made{self._way} ({_last_words(error)})",
            "Give the API server's CA (mesh_ca_cert or cluster_ca_cert, ca_cert of a module, or in the kubeconfig), and"
            " see that its URL and your client certificate are right",
        )

    def _fail_unusable(self, request: Request, error: Unusable) -> NoReturn:
        """Tell that an answer is out of bounds, or not what an API server answers."""
        self._fail(
            error.code,
            f"{self.server}, {request.about}",
            f"the answer {error.what}",
            (
                "Check that this is the API server's own URL, and what is between; if there really are so many or such "
                "large objects, remove those that nobody needs"
                if error.code == "FED118"
                else "See that this is the API server's own URL, and that nothing between changes its answers"
            ),
        )

    def _give_up(self, request: Request, answer: Answer | str, seconds: float) -> NoReturn:
        """Tell that the deadline has passed."""
        if isinstance(answer, str):
            self._fail(
                "FED105",
                self.server,
                f"cannot be reached{self._way}, tried for {seconds:.0f} s to {request.about}; the last try: {answer}",
                "See that the address is right and the API server runs, and run again; api_timeout (mesh_api_timeout)"
                " gives it longer",
                tried_seconds=round(seconds, 1),
            )
        self._fail(
            "FED106",
            f"{self.server}, {request.about}",
            f"the API server kept answering {answer.status} for {seconds:.0f} s{quoted(answer.reason)}",
            "Run again once it has recovered; api_timeout gives it longer",
            status=answer.status,
            tried_seconds=round(seconds, 1),
        )

    def _fail_with(self, request: Request, answer: Answer, kind: Kind | None = None) -> NoReturn:
        """Tell what a refusal means."""
        refused = Refused(request, answer, kind)
        row = meaning_of(refused)
        facts = {name: refused.fact(name) for name in row.facts}
        if "reason" in facts:
            facts["reason"] = self._clean(facts["reason"])
        where = self.server if row.is_of_server else f"{self.server}, {request.about}"
        self._fail(row.code, where, row.what(refused), row.fix(refused), **facts)


def _is_refusal_of_tls(error: Exception) -> bool:
    """Whether the two ends will never agree; a server that goes away in the middle of a handshake is another matter."""
    return "[SSL" in str(error) and "EOF" not in str(error)


def _why_no_answer(error: Exception, connect: float, read: float) -> str:
    from urllib3 import exceptions

    if isinstance(error, exceptions.NewConnectionError):
        return _last_words(error)
    if isinstance(error, exceptions.ConnectTimeoutError):
        return f"no connection within {connect:.0f} s"
    if isinstance(error, exceptions.ReadTimeoutError):
        return f"no answer within {read:.0f} s"
    return _last_words(error)


def _last_words(error: Exception) -> str:
    """Return an error's text without the library's objects in front of it."""
    return re.sub(r"^.*?(object at 0x[0-9a-f]+>|\(host=.*?\)): ", "", str(error)).rstrip(".)'\"")
