# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What leaves a cluster in a dump, without what is secret in it. In doubt it is hidden: a dump goes to people who
have no such rights.

An object is walked by its keys, then each text by its shape. Secrets are never read in the first place. What may hold
anything, as the configuration of a Wasm extension or the value of an EnvoyFilter, is a digest: equal ones can be told
from different ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..insight.hiding import digest
from ..logs.masking import masked
from ..plain.data import at, items, mapping

HIDDEN = "(hidden)"
DEEPEST = 60
SHORTEST = 8
"""Signs of a secret that is hidden wherever it stands; a shorter one could be part of any word."""
_WORDS = (
    r"pass(?:word|wd|phrase)|pwd|signature|secret|token|credential|authorization|cookie|dockerconfig|kubeconfig"
    r"|(?:private|api|user|app|access|service|client|signing|encryption|account|provider)[-_.]?key"
)
_KEY = re.compile(_WORDS, re.IGNORECASE)
# What names a Secret or says how to find it is no secret, and neither is how many or how long.
_NAMING = re.compile(
    r"secrets?_?names?$|^automount|token_?(?:ttl|path|audience|expiration\w*)$|kubeconfig_?path$|credential_?names?$",
    re.IGNORECASE,
)
_REFERENCE = frozenset(
    {
        "name",
        "namespace",
        "key",
        "secretName",
        "optional",
        "kind",
        "items",
        "path",
        "mode",
        "defaultMode",
        "audience",
        "expirationSeconds",
    }
)
# Whatever a program is told may be secret; what Istio's and the operator's own programs are told is most often how they
# are set up.
_OPEN_ENVIRONMENT = re.compile(
    r"(?:ISTIO|ISTIO_META|PILOT|ENABLE|DISABLE|POD|CLUSTER|INSTANCE|HOST|SERVICE|CA|PROXY|TRUST|REVISION|JWT_POLICY)(?:_[A-Z0-9_]+)?"
)
_DIGESTED = frozenset({"pluginConfig", "vmConfig", "config_b64", "caBundle"})
_DROPPED = frozenset({"managedFields"})
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

# A word of these, what may follow it in a name, and the quote that ends the name.
_NAMED = rf"(?:{_WORDS}|[\"']auth)[a-z0-9_.-]{{0,20}}(?:\\{{0,8}}[\"']|%22|\])?"
# What the API server writes before each line of a log.
_TIME = r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,20}(?:Z|[+-][0-9:]{4,6})[ ])?"
_SIGN = r"\s{0,3}(?:=>?|:|%3D|%3A)\s{0,3}"
_TEXTS = (
    # A key that has lost its end goes on to the end.
    (
        re.compile(
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
            re.DOTALL,
        ),
        HIDDEN,
    ),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){1,4}"), HIDDEN),
    (re.compile(r"\bsha256~[A-Za-z0-9_-]{20,}"), HIDDEN),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), HIDDEN),
    (
        re.compile(
            r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{30,}|\bglpat-[\w-]{20,}|\bxox[a-z]-[\w-]{10,}|\bnpm_[A-Za-z0-9]{36}|\bpypi-[\w-]{50,}"
        ),
        HIDDEN,
    ),
    (re.compile(r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}|\bSG\.[\w-]{16,}\.[\w-]{16,}|\bAIza[\w-]{35}"), HIDDEN),
    (re.compile(r"\b((?:bearer|basic|token|negotiate)\s{1,3})[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://)[^/\s\"'<>]*@", re.IGNORECASE), rf"\1{HIDDEN}@"),
    (re.compile(r"\bLS0tLS1CRUdJTi[A-Za-z0-9+/]{20,}={0,2}"), HIDDEN),
    (re.compile(r"((?:^|[\s\"'])-(?:u|-user)[\s=]+)[^\s\"':]{1,100}:[^\s\"']+"), rf"\1{HIDDEN}"),
    # In YAML a value may be a block, or a list below its name.
    (
        re.compile(rf"({_NAMED}:[ \t]*[|>][+-]?[ \t]*\n)(?:{_TIME}[ \t]+[^\n]*(?:\n|\Z))+", re.IGNORECASE),
        rf"\1  {HIDDEN}\n",
    ),
    (re.compile(rf"({_NAMED}:[ \t]*\n)(?:{_TIME}[ \t]*-[ \t]+[^\n]*(?:\n|\Z))+", re.IGNORECASE), rf"\1  {HIDDEN}\n"),
    (re.compile(rf"({_NAMED}{_SIGN})(\\{{0,8}}[\"'])(?!\(hidden\))[^\n]*?\2", re.IGNORECASE), rf"\1\2{HIDDEN}\2"),
    (
        re.compile(rf"({_NAMED}{_SIGN}(?:[|>][+-]?\s+)?(?:%22)?)(?!\(hidden\))[^\s\"'\\&;,<>{{}}\[\]]+", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
)
_ARGUMENT = re.compile(rf"--?[a-z0-9_.-]{{0,40}}(?:{_WORDS})", re.IGNORECASE)
_BARE = re.compile(rf"^({_TIME})[ \t]*[A-Za-z0-9+/]{{40,}}={{0,2}}[ \t]*\r?$", re.MULTILINE)


def redacted(value: Any, known: Iterable[str] = ()) -> Any:
    """Return an object or a result as it may leave; ``known`` are secrets that are hidden wherever they stand."""
    return _walked(
        value, tuple(sorted({one for one in known if len(one) >= SHORTEST}, key=len, reverse=True)), 0, is_secret=False
    )


def redacted_text(text: str, known: Iterable[str] = (), *, of_log: bool = False) -> str:
    """Return a text as it may leave. In a log, where a key may have lost its beginning, a line of nothing but base64 is
    hidden as well.
    """
    for secret in sorted({one for one in known if len(one) >= SHORTEST}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    for pattern, instead in _TEXTS:
        text = pattern.sub(instead, text)
    text = "\n".join(map(masked, text.split("\n")))
    return _BARE.sub(rf"\1{HIDDEN}", text) if of_log else text


def _walked(value: Any, known: tuple[str, ...], depth: int, *, is_secret: bool) -> Any:
    if depth > DEEPEST:
        return HIDDEN
    if isinstance(value, str):
        return HIDDEN if is_secret and value else redacted_text(value, known)
    if isinstance(value, (list, tuple)):
        # A program's argument that is named by the one before it.
        named = [isinstance(one, str) and bool(_ARGUMENT.fullmatch(one)) for one in value]
        return [
            _walked(one, known, depth + 1, is_secret=is_secret or is_named)
            for one, is_named in zip(value, [False, *named])
        ]
    if isinstance(value, Mapping):
        return _told_apart(value, _walked_fields(value, known, depth, is_secret))
    return HIDDEN if is_secret and value is not None and not isinstance(value, bool) else value


def _walked_fields(value: Mapping, known: tuple[str, ...], depth: int, is_secret: bool) -> dict:
    is_environment = isinstance(value.get("name"), str) and isinstance(value.get("value"), str)
    found = {}
    for key, below in value.items():
        name = str(key)
        if name in _DROPPED:
            continue
        shown_name = redacted_text(name, known)
        if name == _LAST_APPLIED and below:
            found[shown_name] = HIDDEN
        elif name in _DIGESTED and below:
            found[shown_name] = digest(below)
        elif name == "value" and is_environment and not _OPEN_ENVIRONMENT.fullmatch(value["name"]):
            found[shown_name] = HIDDEN if below else below
        else:
            found[shown_name] = _walked(below, known, depth + 1, is_secret=_hides(name, is_secret, below))
    return found


def _hides(name: str, is_secret: bool, below: Any) -> bool:
    """Return whether what stands below a key is secret as a whole."""
    if is_secret:
        return True
    if (
        not (_KEY.search(name) or name in ("auth", "auths"))
        or _NAMING.search(name)
        or isinstance(below, (bool, int, float))
    ):
        return False
    # A reference has fields of its own, none of which can hold a secret.
    parts = below if isinstance(below, (list, tuple)) else [below]
    return not all(isinstance(one, Mapping) and set(map(str, one)) <= _REFERENCE for one in parts)


def _told_apart(value: Mapping, found: dict) -> dict:
    """Return what was found of a mapping, with digests in place of what can be anything at all by its kind."""
    kind = value.get("kind")
    spec = found.get("spec")
    if not isinstance(spec, dict):
        return found
    if kind == "EnvoyFilter" and spec.get("configPatches"):
        # By the objects as they were: a digest of what has hidden parts would be equal for different ones.
        patches = items(mapping(value.get("spec")).get("configPatches"))
        values = [digest(at(one, "patch", "value")) for one in patches]
        kept = [
            {key: below for key, below in mapping(one).items() if key != "patch"}
            for one in items(spec["configPatches"])
        ]
        spec["configPatches"] = [{**one, "patch": {"value": told}} for one, told in zip(kept, values)]
    if kind == "ServiceMeshExtension" and spec.get("config"):
        spec["config"] = digest(at(value, "spec", "config"))
    return found
