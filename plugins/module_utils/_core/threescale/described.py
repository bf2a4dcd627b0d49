# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""3scale's adapter as a user describes it, checked once.

Sources: 3scale/threescale-wasm-auth, ``docs/reference.md`` and ``src/configuration``; OpenShift Service Mesh
documentation, "Using the 3scale WebAssembly module".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..extensions.described import ALL, Extension, read_extensions
from ..extensions.problems import Problem
from .patterns import LONGEST, rule_pattern
from .queries import wrong_in_credentials
from .urls import url_of

OPTION = "mesh_threescale"
ENVIRONMENTS = ("production", "staging", "sandbox")
SWITCHES = ("overlap", "deny")
PASSTHROUGH = "forward-tokens-to-the-application"
"""The word by which somebody says that they know what ``passthrough_metadata`` does."""
MOST_ADAPTERS, MOST_SERVICES, MOST_AUTHORITIES, MOST_RULES = 200, 100, 100, 1000
TIMEOUT = 1000
"""Milliseconds that the adapter waits for an answer where nothing is said."""
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_TOKEN = re.compile(r"[!-~]{8,4096}")
_METHOD = re.compile(r"[A-Za-z]{1,32}")
_EXTENSION_FIELDS = (
    "name",
    "namespace",
    "selector",
    "image",
    "pull_secret",
    "pull_policy",
    "kind",
    "traffic",
    "priority",
)
_OF_ADAPTER = (*_EXTENSION_FIELDS, "services", "oidc", "system", "switch", "passthrough_metadata")

NECESSARY = frozenset(
    "name namespace selector services backend adapters url id authorities credentials method pattern usages issuer"
    " secret key".split()
)
"""Fields without which nothing goes: where they are empty they are missing, which is said of them."""
LONGEST_NAME = 253 - len("3scale-switch-")
Path = tuple[str, ...]


@dataclass(frozen=True)
class Address:
    """Where 3scale answers: the URL as it is written to the adapter, and what of it Istio's names need."""

    url: str
    host: str
    port: int
    timeout: int = TIMEOUT
    ca_certificates: str = ""

    @property
    def cluster(self) -> str:
        """Return Envoy's name for it, by which the adapter calls it."""
        return f"outbound|{self.port}||{self.host}"

    @property
    def namespace(self) -> str | None:
        """Return the namespace of a Service of this cluster; None for a host elsewhere."""
        parts = self.host.split(".")
        return parts[1] if parts[2:] in (["svc"], ["svc", "cluster", "local"]) else None


@dataclass(frozen=True)
class Secret:
    """One key of one Secret, where the portal's access token is."""

    namespace: str
    name: str
    key: str


@dataclass(frozen=True)
class Portal:
    """3scale's admin portal, which the machine that runs Ansible asks for service tokens and mapping rules."""

    address: Address
    token: str = field(default="", repr=False)
    token_from: Secret | None = None
    ca_cert: str = ""


@dataclass(frozen=True)
class Rule:
    """One mapping rule: which requests it is for, and what it counts."""

    method: str
    pattern: str
    usages: tuple[tuple[str, int], ...]
    is_last: bool = False

    def as_data(self) -> dict:
        """Return it as the adapter reads it."""
        usages = [{"name": name, "delta": delta} for name, delta in self.usages]
        return {
            "method": self.method,
            "pattern": self.pattern,
            "usages": usages,
            **({"last": True} if self.is_last else {}),
        }


@dataclass(frozen=True)
class Service:
    """One service of 3scale. What is None is asked of the portal: its token, and its mapping rules."""

    id: str
    authorities: tuple[str, ...]
    credentials: Mapping[str, Any]
    environment: str = ENVIRONMENTS[0]
    token: str | None = field(default=None, repr=False)
    rules: tuple[Rule, ...] | None = None


@dataclass(frozen=True)
class Oidc:
    """Whose tokens callers bring: what a RequestAuthentication says."""

    issuer: str
    jwks_uri: str = ""
    audiences: tuple[str, ...] = ()


@dataclass(frozen=True)
class System:
    """What the adapter fetches by itself, with the access token inside the mesh."""

    ttl: int = 600


@dataclass(frozen=True)
class Adapter:
    """One set of workloads whose requests 3scale authorizes. ``extension`` is its wrapper, with no image where none is
    given.
    """

    extension: Extension
    services: tuple[Service, ...]
    oidc: Oidc | None = None
    system: System | None = None
    switch: str = ""
    is_passing_on: bool = False

    @property
    def place(self) -> str:
        """Return it as people name it: namespace/name."""
        return self.extension.place


@dataclass(frozen=True)
class Described:
    """All that is described for a mesh."""

    backend: Address | None
    portal: Portal | None
    adapters: tuple[Adapter, ...]

    @property
    def asks_the_portal(self) -> bool:
        """Return whether anything is left to be fetched from the portal."""
        return any(
            service.token is None or (service.rules is None and adapter.system is None)
            for adapter in self.adapters
            for service in adapter.services
        )


def read_threescale(described: object) -> tuple[Described, list[Problem]]:
    """Return what is described well, and everything that is wrong with the rest: FED880 to FED886."""
    if not isinstance(described, Mapping):
        problem = Problem(
            "FED880", (OPTION,), "is not a mapping", "Write backend and adapters, and portal where something is fetched"
        )
        return Described(None, None, ()), [problem]
    problems = list(_unknown((OPTION,), described, ("portal", "backend", "adapters")))
    backend = _address(described.get("backend"), (OPTION, "backend"), problems)
    portal = _portal(described.get("portal"), problems)
    adapters = _adapters(described.get("adapters"), problems)
    found = Described(backend, portal, tuple(adapters))
    if described.get("portal") is None and (found.asks_the_portal or any(each.system for each in adapters)):
        what = "is missing, but a service has no token or no mapping_rules, or the adapter is to fetch them"
        problems.append(Problem("FED880", (OPTION, "portal"), what, "Write url and token, or give each service both"))
    return found, problems


def wrong(path: Path, what: str, fix: str, code: str = "FED880") -> Problem:
    """Return a problem of the description."""
    return Problem(code, path, what, fix)


def _unknown(path: Path, given: Mapping, known: Sequence[str]) -> Iterator[Problem]:
    for key in given:
        if key not in known:
            yield wrong((*path, str(key)), "is not a field here", f"Use one of {', '.join(known)}")
        elif given[key] is None and key not in NECESSARY:
            fix = f"Give {key} a value, or remove it: an empty field would be ignored silently"
            yield wrong((*path, str(key)), "is there and empty", fix)


def _checked(
    given: object, path: Path, required: Sequence[str], optional: Sequence[str], problems: list[Problem]
) -> Mapping:
    """Return a mapping with its required fields there; what is wrong with it is added to ``problems``."""
    if not isinstance(given, Mapping):
        what = "is missing" if given is None else "is not a mapping"
        problems.append(wrong(path, what, f"Write {', '.join((*required, *optional))}"))
        return {}
    problems += _unknown(path, given, (*required, *optional))
    problems += [wrong((*path, key), "is missing", f"Give the {key}") for key in required if given.get(key) is None]
    return given


def _take(
    given: Mapping, key: str, path: Path, check: Callable[[Any], str], problems: list[Problem], otherwise: Any = None
) -> Any:
    """Return one field where it is there and right, else ``otherwise``; ``check`` says what is wrong with it."""
    value = given.get(key)
    if value is None:
        return otherwise
    what = check(value)
    if what:
        problems.append(wrong((*path, key), what, f"Correct {key}"))
        return otherwise
    return value


def _is_milliseconds(value: Any) -> str:
    is_good = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 600_000
    return "" if is_good else "must be a whole number of milliseconds from 1 to 600,000"


def _is_seconds(value: Any) -> str:
    is_good = isinstance(value, int) and not isinstance(value, bool) and 20 <= value <= 86_400
    return (
        "" if is_good else "must be a whole number of seconds from 20, below which the adapter does not go, to 86,400"
    )


def _is_text(value: Any) -> str:
    return "" if isinstance(value, str) and value and value.isprintable() else "must be a text that is not empty"


def _is_texts(value: Any) -> str:
    is_good = isinstance(value, (list, tuple)) and value and not any(_is_text(each) for each in value)
    return "" if is_good else "must be a list of texts"


def _is_file(value: Any) -> str:
    is_good = isinstance(value, str) and value.startswith("/") and value.isprintable()
    return "" if is_good else "must be the path of a file in the proxies, such as /etc/pki/tls/certs/ca-bundle.crt"


def _is_token(value: Any) -> str:
    return (
        ""
        if isinstance(value, str) and _TOKEN.fullmatch(value)
        else "is not a token: 8 signs or more, without spaces, in quotes"
    )


def _is_id(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return "is a number, but the adapter needs a text; put it in quotes"
    return "" if isinstance(value, str) and _ID.fullmatch(value) else "must be the id of a service in 3scale, in quotes"


def _one_of(words: Sequence[str]) -> Callable[[Any], str]:
    return lambda value: "" if value in words else f"must be one of {', '.join(words)}"


def _is_url(value: Any) -> str:
    try:
        url_of(value if isinstance(value, str) else "")
    except ValueError as reason:
        return str(reason)
    return ""


def _address(given: object, path: Path, problems: list[Problem], more: Sequence[str] = ()) -> Address | None:
    known = _checked(given, path, ("url",), ("timeout", "ca_certificates", *more), problems)
    timeout = _take(known, "timeout", path, _is_milliseconds, problems, TIMEOUT)
    url = _take(known, "url", path, _is_url, problems)
    if url is None:
        return None
    read = url_of(url)
    bundle = _take(known, "ca_certificates", path, _is_file, problems, "")
    address = Address(url, read.host, read.port, timeout, bundle)
    if read.scheme != "https" and (more or address.namespace is None):
        what = f"calls {address.host} without TLS, so tokens and keys of callers travel in clear"
        fix = (
            "Write https://"
            if more
            else "Write https://, or the name of a Service of this cluster (name.namespace.svc)"
        )
        problems.append(wrong((*path, "url"), what, fix, "FED884"))
    return address


def _portal(given: object, problems: list[Problem]) -> Portal | None:
    if given is None:
        return None
    path = (OPTION, "portal")
    address = _address(given, path, problems, ("token", "token_from", "ca_cert"))
    known = given if isinstance(given, Mapping) else {}
    token = _take(known, "token", path, _is_token, problems, "")
    source = known.get("token_from")
    if (known.get("token") is None) == (source is None):
        what = "has both token and token_from" if source is not None else "has neither token nor token_from"
        problems.append(wrong((*path, "token"), what, "Give one of them: the access token, or the Secret that has it"))
    found = None
    if source is not None:
        place = (*path, "token_from")
        fields = _checked(source, place, ("namespace", "secret", "key"), (), problems)
        values = [_take(fields, key, place, _is_text, problems) for key in ("namespace", "secret", "key")]
        found = Secret(*values) if all(values) else None
    trusted = _take(known, "ca_cert", path, _is_text, problems, "")
    return Portal(address, token, found, trusted) if address else None


def _adapters(given: object, problems: list[Problem]) -> list[Adapter]:
    path = (OPTION, "adapters")
    if not isinstance(given, (list, tuple)) or not given:
        what = "is missing" if given is None else "is empty or not a list"
        problems.append(wrong(path, what, "Write a list of adapters, each with name, namespace, selector and services"))
        return []
    if len(given) > MOST_ADAPTERS:
        what = f"has {len(given):,} entries, and at most {MOST_ADAPTERS:,} are allowed"
        problems.append(wrong(path, what, "Use wider selectors, or several services in one adapter"))
        return []
    found: dict[tuple[str, str], Adapter] = {}
    for number, entry in enumerate(given):
        adapter = _adapter(number, entry, problems)
        if adapter is None:
            continue
        if adapter.extension.key in found:
            what = f"is given twice, the second time as entry {number + 1}"
            problems.append(
                wrong((OPTION, adapter.place), what, "Give each adapter of a namespace its own name", "FED881")
            )
            continue
        found[adapter.extension.key] = adapter
    return list(found.values())


def _adapter(number: int, entry: object, problems: list[Problem]) -> Adapter | None:
    if not isinstance(entry, Mapping):
        problems.append(
            wrong((OPTION, f"adapter {number + 1}"), "is not a mapping", "Write name, namespace, selector and services")
        )
        return None
    name, namespace = entry.get("name"), entry.get("namespace")
    is_named = isinstance(name, str) and isinstance(namespace, str)
    path = (OPTION, f"{namespace}/{name}" if is_named else f"adapter {number + 1}")
    problems += _unknown(path, entry, _OF_ADAPTER)
    wrapper = {key: entry[key] for key in _EXTENSION_FIELDS if entry.get(key) is not None}
    if wrapper.get("traffic") in ("outbound", "both"):
        what = f"is {wrapper['traffic']}, so calls that the workload itself makes would be authorized and counted"
        problems.append(wrong((*path, "traffic"), what, "Write inbound, or gateway for a gateway"))
        return None
    # What none is given for is decided by the version of the mesh.
    extensions, found = read_extensions([{"image": "registry.example/none@sha256:" + "0" * 64, **wrapper}])
    problems += [wrong((*path, each.path[-1]), each.what, each.fix) for each in found]
    services = _services(entry.get("services"), path, problems)
    oidc = _oidc(entry["oidc"], (*path, "oidc"), problems) if entry.get("oidc") is not None else None
    system = None
    if entry.get("system") is not None:
        fields = _checked(entry["system"], (*path, "system"), (), ("ttl",), problems)
        system = System(_take(fields, "ttl", (*path, "system"), _is_seconds, problems, 600))
    switch = _take(entry, "switch", path, _one_of(SWITCHES), problems, "")
    is_passing_on = _is_passing_on(entry.get("passthrough_metadata"), path, problems)
    if isinstance(name, str) and len(name) > LONGEST_NAME:
        problems.append(
            wrong(
                (*path, "name"),
                f"is longer than {LONGEST_NAME} signs, and names of objects around it begin with 3scale",
                "Shorten it",
            )
        )
    if not extensions:
        return None
    extension = extensions[0] if "image" in wrapper else replace(extensions[0], image="")
    _refuse_mesh_wide_words(entry, path, problems)
    return Adapter(extension, tuple(services), oidc, system, switch, is_passing_on)


def _refuse_mesh_wide_words(entry: Mapping, path: Path, problems: list[Problem]) -> None:
    if entry.get("traffic") == "gateway" and entry.get("selector") == ALL:
        what = "is all together with traffic: gateway, so sidecars of the namespace would authorize their own calls"
        problems.append(wrong((*path, "selector"), what, "Name the labels of the gateway"))


def _is_passing_on(value: object, path: Path, problems: list[Problem]) -> bool:
    if value is None or value is False:
        return False
    if value != PASSTHROUGH:
        what = (
            "makes no call to 3scale and hands the service token, the caller's key and its usages to the application as"
            " request headers"
        )
        fix = f"Leave it out, or write passthrough_metadata: {PASSTHROUGH}"
        problems.append(wrong((*path, "passthrough_metadata"), what, fix, "FED885"))
    return value == PASSTHROUGH


def _oidc(given: object, path: Path, problems: list[Problem]) -> Oidc | None:
    known = _checked(given, path, ("issuer",), ("jwks_uri", "audiences"), problems)
    issuer = _take(known, "issuer", path, _is_text, problems)
    jwks = _take(known, "jwks_uri", path, _is_url, problems, "")
    audiences = _take(known, "audiences", path, _is_texts, problems, ())
    return Oidc(issuer, jwks, tuple(audiences)) if issuer else None


def _services(given: object, path: Path, problems: list[Problem]) -> list[Service]:
    if not isinstance(given, (list, tuple)) or not given or len(given) > MOST_SERVICES:
        what = "is missing" if given is None else f"must be a list of 1 to {MOST_SERVICES} services"
        problems.append(wrong((*path, "services"), what, "Write services, each with id, authorities and credentials"))
        return []
    found: list[Service] = []
    for number, entry in enumerate(given):
        said = entry.get("id") if isinstance(entry, Mapping) else None
        place = (*path, f"service {said if isinstance(said, str) and _ID.fullmatch(said) else number + 1}")
        service = _service(entry, place, problems)
        if service and service.id in {each.id for each in found}:
            what = "is given twice in one adapter, and only the first service whose authorities match is used"
            problems.append(wrong(place, what, "Put the authorities of both into one", "FED881"))
        elif service:
            found.append(service)
    return found


def _service(entry: object, path: Path, problems: list[Problem]) -> Service | None:
    optional = ("environment", "token", "mapping_rules")
    before = len(problems)
    known = _checked(entry, path, ("id", "authorities", "credentials"), optional, problems)
    id_ = _take(known, "id", path, _is_id, problems)
    environment = _take(known, "environment", path, _one_of(ENVIRONMENTS), problems, ENVIRONMENTS[0])
    token = _take(known, "token", path, _is_token, problems)
    authorities = known.get("authorities")
    if authorities is not None:
        problems += _wrong_authorities(authorities, (*path, "authorities"))
    credentials = known.get("credentials")
    if credentials is not None:
        problems += wrong_in_credentials(credentials, (*path, "credentials"))
    rules = None
    if known.get("mapping_rules") is not None:
        rules = read_rules(known["mapping_rules"], (*path, "mapping_rules"), problems)
    if len(problems) > before or authorities is None or credentials is None:
        return None
    return Service(id_, tuple(authorities), credentials, environment, token, None if rules is None else tuple(rules))


def _wrong_authorities(given: object, path: Path) -> Iterator[Problem]:
    if not isinstance(given, (list, tuple)) or not given or len(given) > MOST_AUTHORITIES:
        yield wrong(
            path,
            f"must be a list of 1 to {MOST_AUTHORITIES} hosts, in which * ? and + are wildcards",
            "Write the hosts of the service",
        )
        return
    for number, each in enumerate(given):
        place = (*path, f"entry {number + 1}")
        if _is_text(each) or len(each) > LONGEST or " " in each:
            yield wrong(place, "must be a text without spaces", "Write a host, with its port where callers name one")
        elif "/" in each:
            yield wrong(
                place,
                f"is {each}, and an authority is a host and a port, without scheme and path",
                "Leave the scheme and the path out",
            )
        elif each != each.lower():
            yield wrong(
                place, f"is {each}, but hosts arrive in lower case, so it matches none", "Write it in lower case"
            )


def read_rules(given: object, path: Path, problems: list[Problem]) -> list[Rule]:
    """Return mapping rules that are written well; what is wrong with the others is added to ``problems``: FED880 and
    FED883.
    """
    if not isinstance(given, (list, tuple)) or not given or len(given) > MOST_RULES:
        what = f"must be a list of 1 to {MOST_RULES} rules; without a rule that matches every request is refused"
        problems.append(wrong(path, what, "Write rules, or leave the field out to have them fetched from the portal"))
        return []
    found = []
    for number, entry in enumerate(given):
        rule = _rule(entry, (*path, f"rule {number + 1}"), problems)
        found += [rule] if rule else []
    return found


def _rule(entry: object, path: Path, problems: list[Problem]) -> Rule | None:
    before = len(problems)
    known = _checked(entry, path, ("method", "pattern", "usages"), ("last",), problems)
    method = _take(known, "method", path, _is_method, problems)
    is_last = _take(
        known, "last", path, lambda value: "" if isinstance(value, bool) else "must be true or false", problems, False
    )
    pattern = _take(known, "pattern", path, _is_text, problems)
    if pattern is not None:
        try:
            rule_pattern(pattern)
        except ValueError as reason:
            problems.append(wrong((*path, "pattern"), f"is {pattern}, which {reason}", "Correct the pattern", "FED883"))
    usages = known.get("usages")
    if usages is not None and not _are_usages(usages):
        what = "must be a list of {name, delta}, the delta a whole number of 0 or more"
        problems.append(wrong((*path, "usages"), what, "Name the metrics or methods that are counted"))
    if len(problems) > before or usages is None:
        return None
    return Rule(method, pattern, tuple((each["name"], each["delta"]) for each in usages), is_last)


def _is_method(value: Any) -> str:
    return "" if isinstance(value, str) and _METHOD.fullmatch(value) else "must be an HTTP method, or any"


def _are_usages(value: Any) -> bool:
    if not isinstance(value, (list, tuple)) or not 0 < len(value) <= 100:
        return False
    return all(
        isinstance(each, Mapping)
        and set(each) == {"name", "delta"}
        and not _is_text(each["name"])
        and isinstance(each["delta"], int)
        and not isinstance(each["delta"], bool)
        and 0 <= each["delta"] < 1 << 31
        for each in value
    )
