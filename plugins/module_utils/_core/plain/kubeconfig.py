# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a kubeconfig says about one cluster and one user: obeyed as kubectl does, or refused by name.

Nothing here quotes a value of a kubeconfig, whatever is wrong with it. Source: client-go, ``tools/clientcmd``; what
kubectl sends was recorded (``tests/unit/kubeconfigs.py``).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from .errors import FederationError

LISTS = {"clusters": "cluster", "users": "user", "contexts": "context"}
TOP = {"apiVersion", "kind", "preferences", "current-context", "extensions", *LISTS}
CONTEXT = {"cluster", "user", "namespace", "extensions"}
CLUSTER = {
    "server",
    "tls-server-name",
    "insecure-skip-tls-verify",
    "certificate-authority",
    "certificate-authority-data",
    "proxy-url",
    "disable-compression",
    "extensions",
}
USER = {
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
    "token",
    "tokenFile",
    "as",
    "as-uid",
    "as-groups",
    "as-user-extra",
    "username",
    "password",
    "auth-provider",
    "exec",
    "extensions",
}
EXEC = {"command", "args", "env", "apiVersion", "installHint", "provideClusterInfo", "interactiveMode"}
EXEC_VERSIONS = {f"client.authentication.k8s.io/{version}" for version in ("v1", "v1beta1")}
EXEC_EXTENSION = "client.authentication.k8s.io/exec"
# What is quoted nowhere, because it looks like a token that was given in the place of something else.
TOKEN_LIKE = re.compile(r"sha256~|eyJ[A-Za-z0-9_-]{8}|[A-Za-z0-9+=_-]{80}")
# What a header's name may hold besides letters and digits; all else is written in percent signs, as they themselves
# are.
NAME_MARKS = frozenset(b"!#$&'*+-.^_`|~")


@dataclass(frozen=True)
class Document:
    """One kubeconfig: its ``place`` in the user's words, the ``folder`` that its relative paths start at, and its
    ``data``.
    """

    place: str
    folder: str
    data: Any


@dataclass(frozen=True)
class Pem:
    """Certificates or a key: the ``path`` of a file, or the ``text`` itself; neither where nothing is said."""

    path: str = ""
    text: bytes = b""

    def __bool__(self) -> bool:
        return bool(self.path or self.text)


@dataclass(frozen=True)
class Plugin:
    """A program that gives credentials: what is run, with which further variables, and what it is told."""

    words: tuple[str, ...]
    environment: Mapping[str, str]
    api_version: str
    cluster: Mapping[str, Any] | None


@dataclass(frozen=True)
class Said:
    """What a kubeconfig says: where the API server is, how to get there, and as whom.

    ``context`` is the one that is used, and ``others`` are those that could have been meant as well where nothing but
    ``current-context`` chose it.
    """

    place: str
    server: str
    tls_server_name: str = ""
    is_insecure: bool = False
    authority: Pem = Pem()
    proxy: str = ""
    is_compressed: bool = True
    token: str = ""
    token_file: str = ""
    username: str = ""
    password: str = ""
    certificate: Pem = Pem()
    key: Pem = Pem()
    plugin: Plugin | None = None
    impersonation: tuple[tuple[str, str], ...] = ()
    context: str = ""
    others: tuple[str, ...] = ()

    @property
    def has_credentials(self) -> bool:
        return bool(self.token or self.token_file or self.username or self.password or self.certificate or self.plugin)


def data_of(text: str | bytes, place: str) -> Any:
    """Return the data of a kubeconfig's text, YAML or JSON, its first document. Raises ``FederationError`` FED101."""
    import yaml

    try:
        return next(iter(yaml.safe_load_all(text)), None)
    except yaml.YAMLError as error:
        # Its text would quote the file.
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        raise FederationError(
            "FED101", where=place, what=f"is not YAML{line}", fix="Correct the file, or give another kubeconfig"
        ) from None
    except (ValueError, RecursionError, OverflowError) as error:
        what = f"is not YAML ({type(error).__name__})"
        raise FederationError(
            "FED101", where=place, what=what, fix="Correct the file, or give another kubeconfig"
        ) from None


def what_is_said(documents: Sequence[Document], context: str | None, now: float) -> Said:
    """Return what kubeconfigs say together: of two that name the same thing, the first counts.

    ``now`` is seconds since 1970. Raises ``FederationError`` FED101 for what is missing, FED114 for what is not obeyed.
    """
    reading = _Reading.of(documents, context)
    reading.refuse_unknown()
    cluster, user = reading.cluster, reading.user
    server = cluster.text("server").rstrip("/")
    if not server:
        cluster.fail("server", "is missing", code="FED101")
    said = Said(
        place=reading.place,
        server=server,
        tls_server_name=cluster.text("tls-server-name"),
        is_insecure=cluster.flag("insecure-skip-tls-verify"),
        authority=cluster.pem("certificate-authority"),
        proxy=cluster.text("proxy-url"),
        is_compressed=not cluster.flag("disable-compression"),
        token=user.text("token") or _id_token(user, now),
        token_file=user.path("tokenFile"),
        username=user.text("username"),
        password=user.text("password"),
        certificate=user.pem("client-certificate"),
        key=user.pem("client-key"),
        plugin=(
            None
            if user.fields.get("token") or user.fields.get("tokenFile") or user.fields.get("username")
            else _plugin(user, cluster)
        ),
        impersonation=_impersonation(user),
        context=reading.context if _is_quotable(reading.context) else "",
        others=() if context else reading.other_contexts,
    )
    _refuse_contradictions(said, cluster, user)
    return said


@dataclass(frozen=True)
class _Entry:
    """One mapping of a kubeconfig, read by its keys; what is null or empty is not there."""

    place: str
    folder: str
    fields: Mapping[str, Any]

    def fail(
        self, key: str, what: str, fix: str = "Correct the kubeconfig, or give another", code: str = "FED114"
    ) -> NoReturn:
        raise FederationError(code, where=f"{self.place}, {key}" if key else self.place, what=what, fix=fix)

    def refuse_unknown(self, known: Iterable[str]) -> None:
        for key in self.fields:
            if key not in known:
                named = (
                    key if isinstance(key, str) and len(key) <= 40 and _is_quotable(key) else "a key that is not a word"
                )
                self.fail(
                    "",
                    f"says {named}, which this collection does not read",
                    f"Take it out, or correct it: {', '.join(sorted(known))} are read",
                )

    def text(self, key: str) -> str:
        value = self.fields.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.fail(key, f"is {_kind_of(value)} and not text", "Put it in quotes")
        return value

    def flag(self, key: str) -> bool:
        value = self.fields.get(key)
        if value is not None and not isinstance(value, bool):
            self.fail(key, f"is {_kind_of(value)} and not true or false", "Write true or false, without quotes")
        return bool(value)

    def texts(self, key: str) -> list[str]:
        value = self.fields.get(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            self.fail(key, "is not a list of texts", "Write a list, and put its entries in quotes")
        return value

    def below(self, key: str) -> _Entry | None:
        value = self.fields.get(key)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            self.fail(key, f"is {_kind_of(value)} and not a mapping")
        return _Entry(f"{self.place}, {key}", self.folder, value)

    def path(self, key: str) -> str:
        """Return the path of a file; a relative one starts at the kubeconfig's own folder."""
        path = self.text(key)
        return path if not path or path.startswith("/") or not self.folder else f"{self.folder}/{path}"

    def pem(self, key: str) -> Pem:
        """Return what stands in ``key`` as a path, or in ``key-data`` as base64."""
        path, encoded = self.path(key), self.text(f"{key}-data")
        if path and encoded:
            self.fail(key, f"stands beside {key}-data", "Give one of the two")
        try:
            # Line ends are all that may stand between; so says the Go library.
            return Pem(path, base64.b64decode(encoded.replace("\r", "").replace("\n", ""), validate=True))
        except (binascii.Error, ValueError):
            self.fail(f"{key}-data", "is not base64")


@dataclass(frozen=True)
class _Reading:
    place: str
    cluster: _Entry
    user: _Entry
    others: tuple[tuple[_Entry, Iterable[str]], ...]
    context: str
    other_contexts: tuple[str, ...]

    @classmethod
    def of(cls, documents: Sequence[Document], context: str | None) -> _Reading:
        """Return the entries that a context leads to."""
        tops = [_top(document) for document in documents]
        place = documents[0].place if len(documents) == 1 else "kubeconfig"
        current = context or next((name for top in tops if (name := top.text("current-context"))), "")
        if not current:
            raise FederationError("FED101", where=place, what="names no current-context", fix="Give the context")
        chosen = _named(tops, "contexts", current)
        if chosen is None:
            raise _no_context(place, current, _contexts(tops))
        return cls(
            place=place,
            cluster=_led_to(tops, chosen, "cluster"),
            user=_led_to(tops, chosen, "user"),
            others=(*((top, TOP) for top in tops), (chosen, CONTEXT)),
            context=current,
            other_contexts=tuple(dict.fromkeys(name for name in _contexts(tops) if name != current)),
        )

    def refuse_unknown(self) -> None:
        for entry, known in (*self.others, (self.cluster, CLUSTER), (self.user, USER)):
            entry.refuse_unknown(known)


def _contexts(tops: Sequence[_Entry]) -> list[str]:
    return [entry["name"] for top in tops for entry in _listed(top, "contexts")]


def _no_context(place: str, wanted: str, contexts: Sequence[str]) -> FederationError:
    names = [name for name in contexts if _is_quotable(name)]
    return FederationError(
        "FED101",
        where=place,
        what=f"has no context {wanted}" if _is_quotable(wanted) else "has no such context",
        fix=f"Give one of its contexts: {', '.join(names[:10])}" if names else "Give a kubeconfig with contexts",
    )


def _led_to(tops: Sequence[_Entry], context: _Entry, word: str) -> _Entry:
    """Return the cluster or the user that a context names; a user may be left out."""
    name = context.text(word)
    found = _named(tops, f"{word}s", name) if name else None
    if found is None and (name or word == "cluster"):
        context.fail(word, f"names a {word} that is not there" if name else "is missing", code="FED101")
    return found or _Entry(context.place, context.folder, {})


def _is_quotable(name: str) -> bool:
    return len(name) <= 200 and name.isprintable() and not TOKEN_LIKE.search(name)


def _top(document: Document) -> _Entry:
    if not isinstance(document.data, Mapping):
        what = "is empty" if document.data is None else "is not a kubeconfig"
        raise FederationError(
            "FED101",
            where=document.place,
            what=what,
            fix="Give the path of a kubeconfig, or its content as a mapping or a text",
        )
    top = _Entry(document.place, document.folder, document.data)
    if (top.text("kind") or "Config", top.text("apiVersion") or "v1") != ("Config", "v1"):
        top.fail("kind", "is not Config of the version v1", code="FED101")
    return top


def _listed(top: _Entry, plural: str) -> list[Mapping]:
    entries = top.fields.get(plural)
    if entries is None:
        return []
    if not isinstance(entries, list) or not all(
        isinstance(entry, Mapping) and isinstance(entry.get("name"), str) for entry in entries
    ):
        top.fail(plural, "is not a list of entries with a name", code="FED101")
    return entries


def _named(tops: Sequence[_Entry], plural: str, name: str) -> _Entry | None:
    """Return what the first kubeconfig says that has the entry; one that has it twice is ambiguous."""
    for top in tops:
        found = [entry for entry in _listed(top, plural) if entry["name"] == name]
        if len(found) > 1:
            top.fail(plural, "has two entries with the name that is wanted", "Take one of them out", code="FED101")
        if found:
            word = LISTS[plural]
            entry = _Entry(top.place, top.folder, found[0])
            entry.refuse_unknown({"name", word})
            return entry.below(word) or _Entry(f"{top.place}, {word}", top.folder, {})
    return None


def _refuse_contradictions(said: Said, cluster: _Entry, user: _Entry) -> None:
    """Refuse what kubectl refuses, and what it would leave out without a word."""
    if "@" in said.server:
        cluster.fail("server", "contains a user name or password", "Put them into the user, as username and password")
    if said.is_insecure and said.authority:
        cluster.fail(
            "insecure-skip-tls-verify", "is given together with a certificate authority", "Take one of the two out"
        )
    if bool(said.certificate) != bool(said.key):
        user.fail("", "has only one of client-certificate and client-key", "Give both")
    if (said.token or said.token_file) and (said.username or said.password):
        user.fail("", "has a token, and username and password", "Leave one way to authenticate")
    if said.impersonation and said.impersonation[0][0] != "Impersonate-User":
        user.fail("", "has groups, uid or extra to impersonate without the user to act as", "Say as, too")


def _plugin(user: _Entry, cluster: _Entry) -> Plugin | None:
    """Return the program of ``exec``; no terminal is there for it to ask anybody."""
    entry = user.below("exec")
    if entry is None:
        return None
    entry.refuse_unknown(EXEC)
    command, version = entry.text("command"), entry.text("apiVersion")
    if not command:
        entry.fail("command", "is missing")
    if version not in EXEC_VERSIONS:
        entry.fail(
            "apiVersion",
            "is not a supported one",
            f"Use one of {', '.join(sorted(EXEC_VERSIONS))}; a newer program offers it",
        )
    mode = entry.text("interactiveMode") or ("" if version.endswith("/v1") else "IfAvailable")
    if mode not in ("Never", "IfAvailable"):
        what = "needs a terminal, but there is none" if mode == "Always" else "is not Never or IfAvailable"
        entry.fail("interactiveMode", what, "Set it to Never, with a program that asks nothing")
    # One without a slash is looked for in PATH.
    command = entry.path("command") if "/" in command else command
    return Plugin(
        words=(command, *entry.texts("args")),
        environment=_environment(entry),
        api_version=version,
        cluster=_told(cluster) if entry.flag("provideClusterInfo") else None,
    )


def _environment(entry: _Entry) -> dict[str, str]:
    given = entry.fields.get("env")
    if given is None:
        return {}
    if not isinstance(given, list) or not all(isinstance(each, Mapping) for each in given):
        entry.fail("env", "is not a list of entries with name and value")
    read = [_Entry(f"{entry.place}, env", entry.folder, each) for each in given]
    return {each.text("name"): each.text("value") for each in read}


def _told(cluster: _Entry) -> dict[str, Any]:
    """Return what a program is told of the cluster; a file of certificates stands under ``certificate-authority``."""
    named = {
        key: cluster.fields[key] for key in CLUSTER - {"extensions", "certificate-authority"} if cluster.fields.get(key)
    }
    extensions = cluster.fields.get("extensions")
    configs = [
        each.get("extension")
        for each in (extensions if isinstance(extensions, list) else [])
        if isinstance(each, Mapping) and each.get("name") == EXEC_EXTENSION
    ]
    return {**named, **({"config": configs[0]} if configs else {})}


def _id_token(user: _Entry, now: float) -> str:
    """Return the token of an OpenID provider while it is valid. Renewing it is left to kubectl, which keeps the renewed
    one.
    """
    provider = user.below("auth-provider")
    if provider is None:
        return ""
    provider.refuse_unknown({"name", "config"})
    if provider.text("name") != "oidc":
        provider.fail(
            "name", "is a provider that kubectl knows no more", "Use exec with the program of your provider, or a token"
        )
    config = provider.below("config")
    token = config.text("id-token") if config else ""
    if not token or _expiry(token) <= now:
        provider.fail(
            "",
            "has no id-token that is still valid",
            "Run kubectl once, which renews it, or give a token",
            code="FED101",
        )
    return token


def _expiry(token: str) -> float:
    """Return when a JSON Web Token expires, 0 for a text that is none."""
    parts = token.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims.get("exp", 0))
    except (IndexError, ValueError, AttributeError, TypeError, RecursionError):
        return 0


def _impersonation(user: _Entry) -> tuple[tuple[str, str], ...]:
    """Return the headers of whom to act as, the user first."""
    acted = [("Impersonate-User", user.text("as"))] if user.text("as") else []
    acted += [("Impersonate-Uid", user.text("as-uid"))] if user.text("as-uid") else []
    acted += [("Impersonate-Group", group) for group in user.texts("as-groups")]
    extra = user.below("as-user-extra")
    if extra is None:
        return tuple(acted)
    for key in extra.fields:
        if not isinstance(key, str):
            user.fail("as-user-extra", "has a key that is not text", "Put it in quotes")
        acted += [(f"Impersonate-Extra-{header_name(key)}", value) for value in extra.texts(key)]
    return tuple(acted)


def header_name(key: str) -> str:
    """Return ``key`` as a part of a header's name, as client-go writes it."""
    return "".join(
        chr(byte) if byte in NAME_MARKS or (byte < 128 and chr(byte).isalnum()) else f"%{byte:02X}"
        for byte in key.encode("utf-8", "replace")
    )


def _kind_of(value: object) -> str:
    kinds = (
        (bool, "true or false"),
        ((int, float), "a number"),
        (str, "text"),
        (list, "a list"),
        (Mapping, "a mapping"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "a date or the like")
