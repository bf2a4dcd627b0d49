# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""No secret is printed or written, wherever it stands and however it is broken: markers are planted, and all that was
said is searched.

Every place is tried with a module, and a draw of them with some playbooks at -vvvv; with OSSM_FEDERATION_SOAK=1 each
with every playbook.
"""

from __future__ import annotations

import base64
import copy
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from attacks.api import ApiInMemory, Asked, serving
from attacks.attack import Outcome, call_each
from attacks.conftest import CONTROL_PLANE
from attacks.planted import WORDS, Ground, Place, drawn, places, templates
from integration.administrators import TREE, Administrator

SOAK = bool(os.environ.get("OSSM_FEDERATION_SOAK"))
PLACES = places()
PLAYBOOKS = sorted(path.stem for path in TREE.glob("playbooks/*.yml"))
OF_CLUSTERS = ("install", "tenants", "site", "preflight", "uninstall")
BATCH = 10
# In CI: some of each kind, by their order.
DRAWN = ("status", "preflight", "publish_cards")


def marked(place: Place, number: int) -> str:
    """Return a secret that is this place's alone."""
    return f"{place.secret}{number:03d}" if len(place.secret) > 8 else place.secret


def forms(secret: str) -> list[str]:
    """Return a secret as it is, and as headers have it with a user."""
    return [secret, *(base64.b64encode(f"{user}:{secret}".encode()).decode().rstrip("=") for user in ("anna",))]


def found(secret: str, text: str) -> list[str]:
    """Return where a secret stands in a text, with a little of what is around it."""
    return [
        text[max(0, at.start() - 100) : at.end() + 40]
        for form in forms(secret)
        for at in re.finditer(re.escape(form), text)
    ]


def echoing(asked: Asked) -> tuple[int, dict[str, str], bytes] | None:
    """Answer as a server that tells everybody what it was sent, and ends the module with it."""
    if "configmaps" in asked.target or "servicemeshpeers" in asked.target:
        message = f"what is {asked.headers.get('authorization')}, {asked.headers}"
        return 400, {}, json.dumps({"kind": "Status", "status": "Failure", "message": message}).encode()
    return None


def as_environment(options: Mapping[str, Any]) -> dict[str, str]:
    """Return connection options as the variables of kubernetes.core."""
    flat = {**options, **{f"proxy_headers_{name}": text for name, text in (options.get("proxy_headers") or {}).items()}}
    aliases = {"ca_cert": "ssl_ca_cert", "client_cert": "cert_file", "client_key": "key_file"}
    return {f"K8S_AUTH_{aliases.get(name, name).upper()}": text for name, text in flat.items() if isinstance(text, str)}


def test_a_module_shows_no_secret_wherever_it_stands(api: ApiInMemory, collections: str, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    outcomes = called(api, collections, tmp_path, PLACES)
    problems = [problem for place, secret, outcome in outcomes for problem in problems_of(place, secret, outcome)]
    assert not problems
    assert not list(temporary.rglob("*"))


def test_a_server_that_repeats_what_it_is_sent_does_not_have_it_shown(
    api: ApiInMemory, collections: str, tmp_path: Path
) -> None:
    api.hostile = echoing
    (tmp_path / "temporary").mkdir()
    for place, secret, outcome in called(api, collections, tmp_path, [place for place in PLACES if place.is_good]):
        assert not found(secret, outcome.printed), f"{place.about}: {found(secret, outcome.printed)}"
        assert outcome.code == "FED106", f"{place.about}: {outcome.printed}"


def called(
    api: ApiInMemory, collections: str, folder: Path, chosen: Sequence[Place]
) -> list[tuple[Place, str, Outcome]]:
    """Run a module once for each place, and return its secret and how that ended."""
    rows = []
    for number, place in enumerate(chosen):
        own = folder / "planted" / str(number)
        own.mkdir(parents=True)
        secret = marked(place, number)
        rows.append((place, secret, place.plant(Ground(api, own, secret))))
    rows.sort(key=lambda row: row[0].environment)
    common = {"mesh": "east", "peers": ["west"]}
    variables = {"TMPDIR": str(folder / "temporary")}
    given = [{"api_timeout": 1, **options, **common} for place, _secret, options in rows if not place.environment]
    outcomes = call_each(collections, "federation_info", given, environment=variables, seconds=600, shown=True)
    for place, _secret, options in rows:
        if place.environment:
            own_variables = {**variables, **as_environment(options)}
            outcomes += call_each(
                collections, "federation_info", [{"api_timeout": 1, **common}], environment=own_variables, shown=True
            )
    return [(place, secret, outcome) for (place, secret, _options), outcome in zip(rows, outcomes)]


def problems_of(place: Place, secret: str, outcome: Outcome) -> Iterator[str]:
    """Give in words what is wrong with how a call ended."""
    for shown in found(secret, outcome.printed):
        yield f"{place.about}: shown in {shown}"
    if not outcome.result.get("invocation"):
        yield f"{place.about}: says nothing that could be searched: {outcome.printed}"
    if place.is_good and outcome.result.get("failed"):
        yield f"{place.about}: must work, and does not: {outcome.result['msg']}"
    expected = "None" if place.is_refused_by_ansible else "FED1(01|05|14|16)"
    if not place.is_good and not (outcome.result.get("failed") and re.fullmatch(expected, str(outcome.code))):
        yield f"{place.about}: must be refused, {expected}: {outcome.printed}"


def batches(kind: str) -> Iterator[Any]:
    """Give (playbook, places) that make one run each: all in a soak, else a few of each kind."""
    all_places = [place for place in [*PLACES, *templates()] if place.in_playbooks and not place.environment]
    if SOAK:
        sets = [all_places[at : at + BATCH] for at in range(0, len(all_places), BATCH)]
        books = [book for book in PLAYBOOKS if kind == "mesh" or book in OF_CLUSTERS]
        yield from (
            pytest.param(book, each, id=f"{book}-{number}") for book in books for number, each in enumerate(sets)
        )
        return
    some = drawn(all_places)
    step = len(some) // 5
    for number, book in enumerate(DRAWN if kind == "mesh" else ("tenants",)):
        yield pytest.param(book, some[number * step // 3 :: step][:5], id=book)


def planted_hosts(
    api: ApiInMemory, folder: Path, chosen: Sequence[Place], prefix: str
) -> tuple[dict[str, dict], dict[str, tuple[Place, str]]]:
    """Return a host for each place, with its variables, and the secret of each."""
    hosts, secrets = {}, {}
    for number, place in enumerate(chosen):
        own = folder / f"in-{prefix}-{number}"
        own.mkdir(parents=True)
        secret = marked(place, number)
        options = place.plant(Ground(api, own, secret))
        name = f"{prefix}{number}"
        hosts[name] = {f"{prefix}_{word}": options[word] for word in WORDS if word in options}
        secrets[name] = (place, secret)
    return hosts, secrets


def play_and_search(administrator: Administrator, playbook: str, secrets: Mapping[str, tuple[Place, str]]) -> str:
    """Run a playbook as loudly as it can be, and search all that it printed and wrote; return what it printed."""
    folder = administrator.folder
    # Ansible puts a socket there, whose path has little more than a hundred characters.
    with tempfile.TemporaryDirectory(prefix="searched-") as temporary:
        administrator.environment = {**administrator.environment, "TMPDIR": temporary}
        return _played_and_searched(administrator, playbook, secrets, (folder, Path(temporary)))


def _played_and_searched(
    administrator: Administrator, playbook: str, secrets: Mapping[str, tuple[Place, str]], searched: Sequence[Path]
) -> str:
    folder = administrator.folder
    bounds = dict.fromkeys(("control_plane_timeout", "operator_timeout", "federation_timeout", "upgrade_timeout"), 1)
    extra = {
        **bounds,
        "federation_report": "report.json",
        "federation_cards_dir": "cards",
        "federation_render_dir": "rendered",
        "unfederate_peers": "all",
    }
    # An inventory's own lines are not what a run says.
    run = administrator.play(playbook, "-vvvv", "--diff", variables=extra, must_pass=False)
    written = {
        str(path): path.read_text(encoding="utf-8", errors="replace")
        for below in searched
        for path in below.rglob("*")
        if path.is_file()
        and path.name != "meshes.yml"
        and not path.relative_to(below).parts[0].startswith(("in-", "api"))
    }
    for name, (place, secret) in secrets.items():
        assert not found(secret, run.output), f"{name}, {place.about}"
        assert not [where for where, text in written.items() if found(secret, text)], f"{name}, {place.about}"
    report = folder / "report.json"
    if report.exists():
        assert report.stat().st_mode & 0o777 == 0o600
    assert "Traceback" not in run.output
    return run.output


@pytest.fixture
def many(tmp_path: Path) -> Iterator[ApiInMemory]:
    """An API server with a control plane for each of the hosts."""
    control_planes = []
    for number in range(BATCH):
        made = copy.deepcopy(CONTROL_PLANE)
        made["metadata"]["namespace"] = f"mesh{number}-mesh-system"
        made["metadata"]["uid"] = f"uid-{number}"
        made["spec"]["security"]["trust"]["domain"] = f"mesh{number}.local"
        control_planes.append(made)
    with serving(tmp_path / "api", *control_planes) as running:
        yield running


@pytest.mark.parametrize(("playbook", "chosen"), list(batches("mesh")))
def test_a_playbook_shows_no_secret_of_a_mesh(
    many: ApiInMemory, collections: str, tmp_path: Path, playbook: str, chosen: list[Place]
) -> None:
    hosts, secrets = planted_hosts(many, tmp_path, chosen, "mesh")
    for variables in hosts.values():
        variables.update(mesh_peers=["west"], mesh_api_timeout=1, mesh_version="v2.3")
    administrator = Administrator(tmp_path, collections, hosts)
    printed = play_and_search(administrator, playbook, secrets)
    if playbook == "status":
        for name, (place, _secret) in secrets.items():
            assert (f"trust domain {name}.local" in printed) == place.is_good, f"{name}, {place.about}"


@pytest.mark.parametrize(("playbook", "chosen"), list(batches("cluster")))
def test_a_playbook_shows_no_secret_of_a_cluster(
    many: ApiInMemory, collections: str, tmp_path: Path, playbook: str, chosen: list[Place]
) -> None:
    hosts, secrets = planted_hosts(many, tmp_path, chosen, "cluster")
    for variables in hosts.values():
        variables.update(cluster_api_timeout=1)
    meshes = {
        "mesh0": {
            **many.variables,
            "mesh_cluster": "cluster0",
            "mesh_peers": ["west"],
            "mesh_api_timeout": 1,
            "mesh_version": "v2.3",
        }
    }
    play_and_search(Administrator(tmp_path, collections, meshes, clusters=hosts), playbook, secrets)


@pytest.mark.parametrize(
    "place",
    [place for place in PLACES if place.environment and place.in_playbooks][: None if SOAK else 1],
    ids=lambda place: place.about,
)
def test_a_playbook_shows_no_secret_of_the_environment(
    many: ApiInMemory, collections: str, tmp_path: Path, place: Place
) -> None:
    own = tmp_path / "in-environment"
    own.mkdir()
    secret = marked(place, 0)
    options = place.plant(Ground(many, own, secret))
    administrator = Administrator(
        tmp_path, collections, {"mesh0": {"mesh_peers": ["west"], "mesh_api_timeout": 1}}, as_environment(options)
    )
    printed = play_and_search(administrator, "status", {"mesh0": (place, secret)})
    assert ("trust domain mesh0.local" in printed) == place.is_good
