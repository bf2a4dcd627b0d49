# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every place where a secret can stand, good and broken in the ways that fingers and tools break it."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from attacks.api import TOKEN, ApiInMemory

V1 = "client.authentication.k8s.io/v1"
# What a playbook can say; the other options are for tasks of one's own.
WORDS = ("kubeconfig", "context", "host", "api_key", "ca_cert", "proxy")


@dataclass
class Ground:
    """Where a secret is planted: a server, a folder for files, and the secret itself."""

    api: ApiInMemory
    folder: Path
    secret: str

    def kubeconfig(self, user: Any = None, cluster: dict | None = None, **rest: Any) -> dict[str, Any]:
        known = {"server": self.api.url, "certificate-authority": str(self.api.ca_file)}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {**known, **(cluster or {})}}],
            "users": [{"name": "u", "user": {"token": TOKEN} if user is None else user}],
            **rest,
        }

    def file(self, name: str, content: str) -> str:
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        return str(path)

    def plugin(self, program: str, **rest: Any) -> dict[str, Any]:
        """Return a user with a program in Python that gets the secret as a word and in a variable."""
        words = ["-c", program, self.secret]
        entry = {
            "apiVersion": V1,
            "interactiveMode": "Never",
            "command": sys.executable,
            "args": words,
            "env": [{"name": "OWN", "value": self.secret}],
        }
        return {"exec": {**entry, **rest}}

    def url(self, password: str) -> str:
        return self.api.url.replace("//", f"//anna:{password}@")


Plant = Callable[[Ground], dict[str, Any]]


@dataclass(frozen=True)
class Place:
    """A place for a secret: ``plant`` returns connection options that hold it there. ``is_good`` where they
    must work.
    """

    about: str
    plant: Plant
    is_good: bool = False
    environment: bool = False
    """Whether the options are given as K8S_AUTH_* variables."""
    in_playbooks: bool = True
    is_refused_by_ansible: bool = False
    """Whether Ansible itself refuses the arguments, before the module sees them."""
    secret: str = "MARKERx7f3a9c2e"
    stratum: str = ""
    """Of places of one stratum, a draw takes one; of those without, all."""


GIVES = (
    f"import json,sys; print(json.dumps({{'apiVersion': '{V1}', 'kind': 'ExecCredential', 'status': {{'token':"
    " sys.argv[1]}}))"
)
COMPLAINS = "import sys; print(sys.argv[1]); sys.exit('no login for ' + sys.argv[1])"
BABBLES = 'import sys; print(\'{"token": "\' + sys.argv[1])'
BROKEN_TOKENS = {
    "with a line end within": "{0}\n{0}",
    "with a space": "{0} {0}",
    "with a dash": "{0}–",
    "with a separator of lines": "{0}\u2028x",
    "with a zero": "{0}\x00",
    "with the word Bearer": "Bearer {0}",
    "with an umlaut": "{0}ü",
    "in quotes": '"{0}"',
}
BROKEN_URLS = {
    "with a #": "http://anna:{0}#x@127.0.0.1:1",
    "with a /": "http://anna:{0}/x@127.0.0.1:1",
    "with a ?": "http://anna:{0}?x@127.0.0.1:1",
    "digits and a #": "http://anna:123#{0}@127.0.0.1:1",
    "with a bracket": "http://anna:{0}@[",
    "without a scheme": "anna:{0}@127.0.0.1:1",
    "of another scheme": "ftp://anna:{0}@127.0.0.1:1",
    "with a wrong port": "http://anna:{0}@127.0.0.1:99999",
    "with a space": "http://anna:{0} x@127.0.0.1:1",
    "with a line end": "http://anna:{0}\n@127.0.0.1:1",
}
TEMPLATES = {
    "open": "{0}{{{{",
    "undefined": "{0}{{{{ nowhere }}}}",
    "of an unknown filter": "{{{{ '{0}' | nofilter }}}}",
    "tag": "{0}{{%",
}


def _tokens() -> Iterator[Place]:
    yield Place("token", lambda here: {**here.api.access, "api_key": here.secret}, is_good=True)
    yield Place("token with a line end", lambda here: {**here.api.access, "api_key": f"{here.secret}\n"}, is_good=True)
    yield Place("short token", lambda here: {**here.api.access, "api_key": here.secret}, is_good=True, secret="Qz9Kw7")
    yield Place(
        "token of a run of one",
        lambda here: {**here.api.access, "api_key": here.secret},
        is_good=True,
        environment=True,
        stratum="environment",
    )
    for about, form in BROKEN_TOKENS.items():
        yield Place(
            f"token {about}",
            lambda here, form=form: {**here.api.access, "api_key": form.format(here.secret)},
            stratum=f"token {about}",
        )
        yield Place(
            f"kubeconfig's token {about}",
            lambda here, form=form: {"kubeconfig": here.kubeconfig({"token": form.format(here.secret)})},
            stratum=f"token {about}",
        )
    yield Place("token as a list", lambda here: {**here.api.access, "api_key": [here.secret]})
    yield Place("token as a mapping", lambda here: {**here.api.access, "api_key": {"token": here.secret}})
    yield Place(
        "short token with a space", lambda here: {**here.api.access, "api_key": f"{here.secret} x"}, secret="Qz9Kw7"
    )


def _kubeconfigs() -> Iterator[Place]:
    """Return what can stand in a kubeconfig, each as a mapping, a text, and a file."""
    leaves: dict[str, tuple[Callable[[Ground], dict], bool]] = {
        "token": (lambda here: here.kubeconfig({"token": here.secret}), True),
        "password": (lambda here: here.kubeconfig({"username": "anna", "password": here.secret}), True),
        "program": (lambda here: here.kubeconfig(here.plugin(GIVES)), True),
        "token's file": (lambda here: here.kubeconfig({"tokenFile": here.file("token", f"{here.secret}\n")}), True),
        "id-token": (lambda here: here.kubeconfig(_oidc(here, 9999999999)), True),
        "program that complains": (lambda here: here.kubeconfig(here.plugin(COMPLAINS)), False),
        "program that babbles": (lambda here: here.kubeconfig(here.plugin(BABBLES)), False),
        "program that is not there": (lambda here: here.kubeconfig(here.plugin("", command="/nowhere/program")), False),
        "program of old": (
            lambda here: here.kubeconfig(here.plugin("", apiVersion="client.authentication.k8s.io/v1alpha1")),
            False,
        ),
        "id-token that has expired": (lambda here: here.kubeconfig(_oidc(here, 1)), False),
        "provider of old": (
            lambda here: here.kubeconfig({"auth-provider": {"name": "gcp", "config": {"access-token": here.secret}}}),
            False,
        ),
        "proxy": (lambda here: here.kubeconfig(cluster={"proxy-url": f"http://anna:{here.secret}@127.0.0.1:1"}), False),
        "proxy with a #": (
            lambda here: here.kubeconfig(cluster={"proxy-url": f"http://anna:{here.secret}#x@127.0.0.1:1"}),
            False,
        ),
        "server": (lambda here: here.kubeconfig(cluster={"server": here.url(here.secret)}), False),
        "server with a #": (lambda here: here.kubeconfig(cluster={"server": here.url(f"{here.secret}#x")}), False),
        "key as it is": (
            lambda here: here.kubeconfig({"client-certificate-data": "AAAA", "client-key-data": here.secret}),
            False,
        ),
        "key in base64": (
            lambda here: here.kubeconfig({"client-certificate-data": "AAAA", "client-key-data": _base64(here.secret)}),
            False,
        ),
        "key that is not text": (
            lambda here: here.kubeconfig({"token": TOKEN, "client-key-data": [here.secret]}),
            False,
        ),
        "key that nobody knows": (lambda here: here.kubeconfig({"token": TOKEN, "tokn": here.secret}), False),
        "token as a list": (lambda here: here.kubeconfig({"token": [here.secret]}), False),
        "user as a text": (lambda here: here.kubeconfig(here.secret), False),
        "token beside a context that is not there": (
            lambda here: here.kubeconfig({"token": here.secret}, **{"current-context": "d"}),
            False,
        ),
        "another user's token": (_with_another, True),
    }
    shapes: dict[str, Callable[[Ground, dict], Any]] = {
        "as a mapping": lambda here, made: made,
        "as YAML": lambda here, made: yaml.safe_dump(made),
        "as JSON": lambda here, made: json.dumps(made),
        "in a file": lambda here, made: here.file("kubeconfig", yaml.safe_dump(made)),
    }
    for about, (make, is_good) in leaves.items():
        for shape, form in shapes.items():
            yield Place(f"kubeconfig {shape}, {about}", _shaped(make, form), is_good, stratum=about)
    for about, spoil in _spoilt().items():
        yield Place(
            f"kubeconfig as a text, {about}", lambda here, spoil=spoil: {"kubeconfig": spoil(here)}, stratum=about
        )
        yield Place(
            f"kubeconfig in a file, {about}",
            lambda here, spoil=spoil: {"kubeconfig": here.file("kubeconfig", spoil(here))},
            stratum=about,
        )
    yield Place(
        "kubeconfig of a run of one",
        lambda here: {"kubeconfig": yaml.safe_dump(here.kubeconfig({"token": here.secret}))},
        True,
        environment=True,
        stratum="environment",
    )
    yield Place("kubeconfig as a list", lambda here: {"kubeconfig": [here.kubeconfig({"token": here.secret})]})


def _shaped(make: Callable[[Ground], dict], form: Callable[[Ground, dict], Any]) -> Plant:
    return lambda here: {"kubeconfig": form(here, make(here))}


def _spoilt() -> dict[str, Callable[[Ground], str]]:
    def text(here: Ground) -> str:
        return yaml.safe_dump(here.kubeconfig({"token": here.secret}))

    return {
        "broken YAML": lambda here: f"{text(here)}  - [}}\n",
        "broken YAML in the token": lambda here: text(here).replace(here.secret, f"'{here.secret}"),
        "a tab": lambda here: text(here).replace("  name", "\tname"),
        "cut off": lambda here: json.dumps(here.kubeconfig({"token": here.secret}))[:-6],
        "in one line": lambda here: " ".join(text(here).split()),
        "in base64": lambda here: base64.b64encode(text(here).encode()).decode(),
        "a token alone": lambda here: f"token: {here.secret}",
        "an alias of nothing": lambda here: f"a: *{here.secret}\n",
        "a tag": lambda here: f"a: !{here.secret} b\n",
    }


def _urls() -> Iterator[Place]:
    yield Place("host with a password", lambda here: {**here.api.access, "host": here.url(here.secret)}, is_good=True)
    yield Place(
        "short password of a host",
        lambda here: {**here.api.access, "host": here.url(here.secret)},
        is_good=True,
        secret="Qz9Kw7",
    )
    yield Place(
        "proxy that is not there", lambda here: {**here.api.access, "proxy": f"http://anna:{here.secret}@127.0.0.1:1"}
    )
    yield Place(
        "short password of a proxy",
        lambda here: {**here.api.access, "proxy": f"http://anna:{here.secret}@127.0.0.1:1"},
        secret="Qz9Kw7",
    )
    yield Place(
        "proxy of a run of one",
        lambda here: {**here.api.access, "proxy": f"http://anna:{here.secret}@127.0.0.1:1"},
        environment=True,
        stratum="environment",
    )
    for about, form in BROKEN_URLS.items():
        yield Place(
            f"proxy {about}",
            lambda here, form=form: {**here.api.access, "proxy": form.format(here.secret)},
            stratum=f"url {about}",
        )
        yield Place(
            f"host {about}",
            lambda here, form=form: {**here.api.access, "host": form.format(here.secret).replace("http:", "https:")},
            stratum=f"url {about}",
        )


def _misplaced() -> Iterator[Place]:
    for name in ("kubeconfig", "context", "host", "proxy", "ca_cert"):
        yield Place(
            f"token in the place of {name}", lambda here, name=name: _misplacing(here, name, f"sha256~{here.secret}")
        )
        yield Place(f"key in the place of {name}", lambda here, name=name: _misplacing(here, name, _pem(here.secret)))


def _misplacing(here: Ground, name: str, value: str) -> dict[str, Any]:
    rest = {"kubeconfig": here.kubeconfig()} if name == "context" else {} if name == "kubeconfig" else here.api.access
    return {**rest, name: value}


def _of_tasks() -> Iterator[Place]:
    """Return what only tasks of one's own can say."""
    rows: dict[str, Plant] = {
        "password": lambda here: {
            "host": here.api.url,
            "ca_cert": str(here.api.ca_file),
            "username": "anna",
            "password": here.secret,
        },
        "password alone": lambda here: {"host": here.api.url, "password": here.secret},
        "proxy's log-in": lambda here: {
            **here.api.access,
            "proxy": "http://127.0.0.1:1",
            "proxy_headers": {"proxy_basic_auth": f"anna:{here.secret}"},
        },
        "proxy's log-in as a text": lambda here: {**here.api.access, "proxy_headers": f"anna:{here.secret}"},
        "proxy's log-in under a wrong name": lambda here: {
            **here.api.access,
            "proxy_headers": {"basic": f"anna:{here.secret}"},
        },
        "key that is its text": lambda here: {
            **here.api.access,
            "client_cert": str(here.api.ca_file),
            "client_key": _pem(here.secret),
        },
        "key that is none": lambda here: {
            "host": here.api.url,
            "client_cert": str(here.api.ca_file),
            "client_key": here.file("key", _pem(here.secret)),
        },
        "token beside a wrong number": lambda here: {**here.api.access, "api_key": here.secret, "api_timeout": "soon"},
        "program beside a wrong number": lambda here: {
            "kubeconfig": here.kubeconfig(here.plugin(GIVES)),
            "api_timeout": "soon",
        },
        "program beside an unknown option": lambda here: {
            "kubeconfig": here.kubeconfig(here.plugin(GIVES)),
            "nobody": here.kubeconfig()["kind"],
        },
        "proxy beside a wrong number": lambda here: {
            **here.api.access,
            "proxy": f"http://anna:{here.secret}@127.0.0.1:1",
            "api_timeout": "soon",
        },
    }
    for about, plant in rows.items():
        is_ansibles = any(word in about for word in ("beside", "as a text", "wrong name"))
        yield Place(f"{about} of a task", plant, in_playbooks=False, is_refused_by_ansible=is_ansibles)
        if not is_ansibles:
            yield Place(f"{about} of a run of one", plant, in_playbooks=False, environment=True, stratum="environment")


def templates() -> Iterator[Place]:
    """Return what Ansible takes for templates, which are wrong."""
    for about, form in TEMPLATES.items():
        for name in ("api_key", "proxy", "host", "ca_cert"):
            yield Place(
                f"template in {name}, {about}",
                lambda here, form=form, name=name: {**here.api.access, name: form.format(here.secret)},
            )
        yield Place(
            f"template in a kubeconfig, {about}",
            lambda here, form=form: {"kubeconfig": here.kubeconfig({"token": form.format(here.secret)})},
        )


def _oidc(here: Ground, expires: int) -> dict[str, Any]:
    token = ".".join((_base64("{}"), _base64(json.dumps({"exp": expires})), here.secret)).replace("=", "")
    return {
        "auth-provider": {
            "name": "oidc",
            "config": {"id-token": token, "refresh-token": here.secret, "client-secret": here.secret},
        }
    }


def _with_another(here: Ground) -> dict[str, Any]:
    users = [{"name": "u", "user": {"token": TOKEN}}, {"name": "v", "user": {"token": here.secret}}]
    return here.kubeconfig(users=users)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _pem(secret: str) -> str:
    return f"-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n"


def places() -> list[Place]:
    """Return all places but templates, which only Ansible evaluates."""
    return [*_tokens(), *_kubeconfigs(), *_urls(), *_misplaced(), *_of_tasks()]


def drawn(all_places: list[Place]) -> list[Place]:
    """Return the places without a stratum, and of each stratum one, another in each."""
    strata: dict[str, list[Place]] = {}
    for place in all_places:
        strata.setdefault(place.stratum, []).append(place)
    free = strata.pop("", [])
    return [*free, *(each[number % len(each)] for number, each in enumerate(strata.values()))]
