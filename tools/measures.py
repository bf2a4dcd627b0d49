# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Print the figures by which the house is judged: sizes, complexity, rooms, payloads, tests. ``measures.py [TREE]``.

Complexity counts the decision points that radon counts: if, for, while, except, else of a loop or try, comprehensions
and their ifs, each further term of and/or, assert; nested functions count for themselves. Nothing fails: the figures
are to be read.
"""

from __future__ import annotations

import ast
import dataclasses
import pathlib
import re
import statistics
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import yaml

LONG, COMPLEX = 60, 15
DOCUMENTS = {"DOCUMENTATION", "EXAMPLES", "RETURN"}
MODULE = re.compile(r"\b(?:Ansible)?Module\b")
# What makes a function one that cannot be called without a cluster, a module, files, the clock or a process.
OUTSIDE = {
    "AnsibleModule",
    "Cluster",
    "Module",
    "Reader",
    "Run",
    "open",
    "os",
    "socket",
    "time",
    "urlopen",
    "subprocess",
}

# What the core may not import; and the rooms of Ansible's own words, whose tables stay where Ansible finds them.
FOREIGN = {
    "ansible",
    "http",
    "io",
    "jinja2",
    "kubernetes",
    "os",
    "pathlib",
    "random",
    "requests",
    "secrets",
    "shutil",
    "socket",
}
FOREIGN |= {"ssl", "subprocess", "tempfile", "threading", "time", "urllib", "urllib3", "uuid"}
OF_ANSIBLE = {"_options", "_described"}


@dataclasses.dataclass(frozen=True)
class Function:
    """One function: where it is, and what is counted of it."""

    path: pathlib.Path
    name: str
    node: ast.FunctionDef

    @property
    def lines(self) -> int:
        return (self.node.end_lineno or self.node.lineno) - self.node.lineno + 1

    @property
    def parameters(self) -> list[ast.arg]:
        arguments = self.node.args
        return [
            one
            for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
            if one.arg not in ("self", "cls")
        ]

    @property
    def complexity(self) -> int:
        return 1 + sum(_decisions(statement) for statement in self.node.body)

    @property
    def takes_a_module(self) -> bool:
        return any(one.annotation is not None and MODULE.search(ast.unparse(one.annotation)) for one in self.parameters)

    @property
    def words(self) -> set[str]:
        named = {node.id for node in ast.walk(self.node) if isinstance(node, ast.Name)}
        return named | {
            word
            for one in self.parameters
            if one.annotation
            for word in re.findall(r"\w+", ast.unparse(one.annotation))
        }


def _decisions(node: ast.AST) -> int:
    """Count what decides in a statement, as radon does; a nested function counts for itself, a class's body does not
    count.
    """
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return 0
    if isinstance(node, ast.Assert):
        return 1
    found = 0
    if isinstance(node, ast.Try):
        found = len(node.handlers) + bool(node.orelse)
    elif isinstance(node, ast.BoolOp):
        found = len(node.values) - 1
    elif isinstance(node, (ast.If, ast.IfExp)):
        found = 1
    elif isinstance(node, (ast.For, ast.While, ast.AsyncFor)):
        found = 1 + bool(node.orelse)
    elif isinstance(node, ast.comprehension):
        found = 1 + len(node.ifs)
    return found + sum(map(_decisions, ast.iter_child_nodes(node)))


class House:
    """The files of a checkout, each read once."""

    def __init__(self, tree: pathlib.Path) -> None:
        self.tree = tree
        self.paths = sorted(path for top in ("plugins", "tests", "tools") for path in (tree / top).glob("**/*.py"))
        self.texts = {path: path.read_text(encoding="utf-8") for path in self.paths}
        self.trees = {path: ast.parse(text) for path, text in self.texts.items()}
        self.imports = {path: set(self._imported_by(path)) for path in self.below("plugins")}

    def below(self, *places: str) -> list[pathlib.Path]:
        return [path for path in self.paths if any(path.is_relative_to(self.tree / place) for place in places)]

    def functions(self, paths: Iterable[pathlib.Path]) -> list[Function]:
        found = []
        for path in paths:
            for parent in ast.walk(self.trees[path]):
                owner = f"{parent.name}." if isinstance(parent, ast.ClassDef) else ""
                for node in ast.iter_child_nodes(parent):
                    if isinstance(node, ast.FunctionDef):
                        found.append(Function(path, owner + node.name, node))
        return found

    def place(self, path: pathlib.Path) -> str:
        return str(path.relative_to(self.tree)).removeprefix("plugins/").removeprefix("module_utils/")

    def _imported_by(self, path: pathlib.Path) -> Iterator[pathlib.Path]:
        package = ["ansible_collections", "ossm", "federation", *path.parent.relative_to(self.tree).parts]
        for node in ast.walk(self.trees[path]):
            if isinstance(node, ast.ImportFrom):
                above = package[: len(package) - node.level + 1] if node.level else []
                module = [*above, *(node.module.split(".") if node.module else [])]
                for words in (module, *([*module, alias.name] for alias in node.names)):
                    found = self.tree.joinpath(*words[3:]).with_suffix(".py") if words[3:] else None
                    if found in self.texts and words[:3] == ["ansible_collections", "ossm", "federation"]:
                        yield found

    def payload(self, path: pathlib.Path) -> set[pathlib.Path]:
        """Return what Ansible sends along with a module: all that it imports, and what that imports."""
        seen: set[pathlib.Path] = set()
        waiting = [path]
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                waiting += self.imports[one]
        return seen


Named = tuple[pathlib.Path, str]


class Border:
    """What stands outside the core: who needs a cluster, files, the clock or Ansible, by whatever is called on the way
    to it.
    """

    def __init__(self, house: House) -> None:
        core = house.tree / "plugins" / "module_utils" / "_core"
        self.house = house
        self.paths = [
            path for path in house.below("plugins/module_utils", "plugins/modules") if not path.is_relative_to(core)
        ]
        self.definitions: dict[Named, ast.stmt] = {}
        for path in self.paths:
            self.definitions |= {(path, name): node for node in house.trees[path].body for name in _names_of(node)}
        used = {named: self._uses(*named) for named in self.definitions}
        self.bound = {named for named, (_names, is_bound) in used.items() if is_bound}
        while more := {named for named, (names, _is_bound) in used.items() if names & self.bound} - self.bound:
            self.bound |= more

    def free(self) -> list[Function]:
        """Return the functions that could stand in the core as they are: all that they name is Python's, the core's, or
        such itself.
        """
        return [
            Function(path, name, node)
            for (path, name), node in self.definitions.items()
            if isinstance(node, ast.FunctionDef) and (path, name) not in self.bound
        ]

    def _uses(self, path: pathlib.Path, name: str) -> tuple[set[Named], bool]:
        """Return what a definition names of what stands outside, and whether it names what the core may not."""
        imported = dict(self._imported(path))
        words = {node.id for node in ast.walk(self.definitions[path, name]) if isinstance(node, ast.Name)} - {name}
        found = {(path, word) for word in words if (path, word) in self.definitions}
        is_bound = "open" in words or self.house.place(path).removesuffix(".py") in OF_ANSIBLE
        is_bound |= any(
            isinstance(node, ast.Attribute) and node.attr == "now" for node in ast.walk(self.definitions[path, name])
        )
        for word in words & set(imported):
            target = imported[word]
            is_bound |= isinstance(target, str) and target in FOREIGN
            if isinstance(target, tuple):
                # Of a whole file that is imported everything is named.
                found |= (
                    {target}
                    if target in self.definitions
                    else {each for each in self.definitions if each[0] == target[0] and not target[1]}
                )
        return found, is_bound

    def _imported(self, path: pathlib.Path) -> Iterator[tuple[str, str | Named]]:
        """Give what each imported name stands for: the first word of a library, or a name in a file of ours (none: the
        whole file).
        """
        for node in ast.walk(self.house.trees[path]):
            if isinstance(node, ast.Import):
                yield from (
                    (alias.asname or alias.name.partition(".")[0], alias.name.partition(".")[0]) for alias in node.names
                )
            elif isinstance(node, ast.ImportFrom) and not node.level:
                yield from ((alias.asname or alias.name, (node.module or "").partition(".")[0]) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                folder = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
                for alias in node.names:
                    whole = (folder / alias.name).with_suffix(".py")
                    yield (
                        alias.asname or alias.name,
                        ((whole, "") if whole in self.house.texts else (folder.with_suffix(".py"), alias.name)),
                    )


def _names_of(node: ast.stmt) -> list[str]:
    """Return the names that a statement of a file defines."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]


def outside_documents(house: House, path: pathlib.Path) -> tuple[int, int]:
    """Return the lines of a module without its documentation, and those of them that hold code."""
    hidden: set[int] = set()
    for node in house.trees[path].body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in DOCUMENTS:
            hidden |= set(range(node.lineno, (node.end_lineno or 0) + 1))
    strings: set[int] = set()
    for node in ast.walk(house.trees[path]):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            strings |= set(range(node.lineno, (node.end_lineno or 0) + 1))
    code: set[int] = set()
    with open(path, "rb") as stream:
        for token in tokenize.tokenize(stream.readline):
            if token.type not in (
                tokenize.COMMENT,
                tokenize.NL,
                tokenize.NEWLINE,
                tokenize.INDENT,
                tokenize.DEDENT,
                tokenize.ENCODING,
                tokenize.ENDMARKER,
            ):
                code |= set(range(token.start[0], token.end[0] + 1))
    return len(house.texts[path].splitlines()) - len(hidden), len(code - hidden - strings)


def spread(values: Sequence[int]) -> str:
    """Return median, 95th percentile and the largest of some figures."""
    ordered = sorted(values) or [0]
    return (
        f"median {statistics.median(ordered):g}, p95 {ordered[int(len(ordered) * 0.95) - (len(ordered) == 1)]}, max"
        f" {ordered[-1]}"
    )


def modules(house: House) -> Iterator[str]:
    sizes = {path.stem: outside_documents(house, path) for path in house.below("plugins/modules")}
    for number, what in enumerate(("lines outside documentation", "lines of code")):
        yield f"modules, {what}: {spread([size[number] for size in sizes.values()])} ({len(sizes)} files)"
    yield "modules, code each: " + ", ".join(
        f"{name} {size[1]}" for name, size in sorted(sizes.items(), key=lambda pair: -pair[1][1])
    )
    payloads = {}
    for path in house.below("plugins/modules"):
        sent = house.payload(path) - {path}
        payloads[path.stem] = (
            len(sent) + 1,
            (sum(len(house.texts[one].encode()) for one in sent) + len(house.texts[path].encode())) // 1024,
        )
    yield "payload, files/KB: " + ", ".join(
        f"{name} {files}/{size}" for name, (files, size) in sorted(payloads.items(), key=lambda pair: -pair[1][1])
    )


def functions(house: House) -> Iterator[str]:
    utils, core = house.below("plugins/module_utils"), house.below("plugins/module_utils/_core")
    outside = [path for path in utils if path not in set(core)]
    groups = {
        "_core": core,
        "module_utils outside": outside,
        "modules": house.below("plugins/modules"),
        "all plugins": house.below("plugins"),
    }
    for name, paths in (groups | {"unit tests": house.below("tests/unit")}).items():
        found = house.functions(paths)
        yield f"function length, {name}: {spread([one.lines for one in found])} ({len(found)} functions)"
    everything = house.functions(house.below("plugins"))
    long = sorted((one for one in everything if one.lines > LONG), key=lambda one: -one.lines)
    yield f"functions over {LONG} lines: {len(long)}" + "".join(
        f"; {house.place(one.path)}:{one.name} {one.lines}" for one in long
    )
    values = [one.complexity for one in everything]
    counts = ", ".join(f">{limit}: {sum(value > limit for value in values)}" for limit in (10, 15, 20))
    yield f"complexity: mean {statistics.mean(values):.1f}, median {statistics.median(values):g}; {counts}"
    worst = sorted((one for one in everything if one.complexity > COMPLEX), key=lambda one: -one.complexity)
    yield f"complexity over {COMPLEX}: {len(worst)}" + "".join(
        f"; {house.place(one.path)}:{one.name} {one.complexity}" for one in worst
    )
    many = sorted((one for one in everything if len(one.parameters) > 6), key=lambda one: -len(one.parameters))
    yield f"more than 6 parameters: {len(many)}" + "".join(
        f"; {house.place(one.path)}:{one.name} {len(one.parameters)}" for one in many
    )
    taking = [one for one in house.functions([*utils, *house.below("plugins/modules")]) if one.takes_a_module]
    shared = {one.path for one in taking if one.path in set(utils)}
    yield (
        f"functions that take a module: {len(taking)} in {len({one.path for one in taking})} files, {len(shared)} of"
        " them in module_utils"
    )
    free = [one for one in house.functions(outside) if not one.words & OUTSIDE and "self" not in one.words]
    yield (
        f"functions outside _core that name neither cluster, module, files nor clock: {len(free)}"
        f" ({sum(one.lines for one in free)} lines)"
    )
    free = Border(house).free()
    by_file = Counter(house.place(one.path) for one in free)
    told = "".join(f"; {place} {count}" for place, count in by_file.most_common())
    lines = sum(one.lines for one in free)
    yield (
        f"functions outside _core, modules' included, that could stand in it, as could all that they call: {len(free)}"
        f" ({lines} lines){told}"
    )
    objects = [
        one
        for one in everything
        for part in one.parameters
        if part.annotation is not None and ast.unparse(part.annotation) == "object"
    ]
    yield (
        f"parameters typed object: {len(objects)}; functions without a return type:"
        f" {sum(one.node.returns is None for one in everything)}"
    )


def files(house: House) -> Iterator[str]:
    core = house.below("plugins/module_utils/_core")
    sizes = {house.place(path): len(house.texts[path].splitlines()) for path in house.below("plugins/module_utils")}
    of_core = [sizes[house.place(path)] for path in core]
    yield f"files of _core: {spread(of_core)} ({len(core)} files)"
    yield "largest files: " + ", ".join(
        f"{name} {size}" for name, size in sorted(sizes.items(), key=lambda pair: -pair[1])[:8]
    )
    files = house.below("plugins/module_utils")
    rooms = {str(path if path.parent.name == "module_utils" else path.parent) for path in files}
    arrows = set()
    for path, needs in house.imports.items():
        mine = _room(house, path)[0]
        arrows |= {(mine, _room(house, need)[0]) for need in needs if _room(house, need)[0] != mine}
    within = {(one, other) for one, other in arrows if one.startswith("_core") and other.startswith("_core")}
    yield f"rooms of module_utils: {len(rooms)}; arrows between rooms: {len(arrows)}, within _core {len(within)}"
    lines = [line for path in house.below("plugins", "tools", "tests/unit") for line in house.texts[path].splitlines()]
    over = [sum(len(line) > limit for line in lines) for limit in (120, 140)]
    yield f"lines over 120 characters: {over[0]}, over 140: {over[1]} (plugins, tools, unit tests)"
    noqa = [line for path in house.below("plugins") for line in house.texts[path].splitlines() if "# noqa" in line]
    yield f"lines of plugins with noqa: {len(noqa)}, other than E402: {sum('E402' not in line for line in noqa)}"


def _room(house: House, path: pathlib.Path) -> tuple[str, ...]:
    kind, *below = path.relative_to(house.tree / "plugins").with_suffix("").parts
    return (kind if kind != "module_utils" else "/".join(below[:-1] or below),)


def tests(house: House) -> Iterator[str]:
    count = {
        name: sum(len(house.texts[path].splitlines()) for path in house.below(*places))
        for name, places in TESTS.items()
    }
    yield "lines: " + ", ".join(f"{name} {size:,}" for name, size in count.items())
    fakes = [
        path
        for path in house.below("tests/unit")
        if re.search(r"^\s*class \w*Module\w*\b", house.texts[path], re.MULTILINE)
    ]
    yield f"unit test files with a module of their own: {len(fakes)}" + "".join(f"; {path.name}" for path in fakes)


TESTS = {
    "plugins": ("plugins",),
    "unit": ("tests/unit",),
    "attacks": ("tests/attacks",),
    "inputs": ("tests/inputs",),
    "integration": ("tests/integration",),
    "testbed tests": ("tests/testbed_tests",),
}


def roles(house: House) -> Iterator[str]:
    written = {path.parents[1].name: set(_yaml(path)) for path in (house.tree / "roles").glob("*/defaults/main.yml")}
    needs = {
        path.parents[1].name: _yaml(path)["dependencies"] for path in (house.tree / "roles").glob("*/meta/main.yml")
    }
    shared = {each["role"].rpartition(".")[2] for roles in needs.values() for each in roles}
    unset, foreign = {}, set()
    for path in sorted((house.tree / "roles").glob("*/meta/argument_specs.yml")):
        role = path.parents[1].name
        promised = {
            name
            for spec in _yaml(path)["argument_specs"].values()
            for name, option in (spec.get("options") or {}).items()
            if "default" in option
        }
        homes = {role, *(each["role"].rpartition(".")[2] for each in needs[role]), *(shared if role == "words" else ())}
        left = promised.difference(*(written.get(home, ()) for home in homes))
        # ansible-lint lets a role set only what bears its name; whoever reads another one gives it the default, and a
        # test compares them.
        own = {name for name in left if name.startswith(tuple(f"{home}_" for home in homes))}
        unset.update({role: len(own)} if own else {})
        foreign |= left - own
    yield f"roles that promise defaults which defaults/main.yml does not set: {len(unset)} {unset or ''}".rstrip()
    yield f"promised defaults that no role may set, given where the variable is read: {len(foreign)}"
    carrying = [
        path.parents[1].name
        for path in (house.tree / "roles").glob("*/meta/argument_specs.yml")
        if path.parents[1].name in shared
    ]
    yield f"roles that others depend on: {len(shared)}, with an argument spec: {len(carrying)}"
    texts = [
        path.read_text(encoding="utf-8")
        for top in ("roles", "playbooks")
        for path in (house.tree / top).glob("**/*.yml")
    ]
    yield (
        f"default( in roles and playbooks: {sum(text.count('default(') for text in texts)}; set_fact:"
        f" {sum(text.count('set_fact:') for text in texts)}"
    )


def _yaml(path: pathlib.Path) -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def main() -> None:
    tree = pathlib.Path(sys.argv[1] if sys.argv[1:] else __file__).resolve()
    house = House(tree if sys.argv[1:] else tree.parent.parent)
    for part in (modules, functions, files, tests, roles):
        for line in part(house):
            print(f"- {line}")


if __name__ == "__main__":
    main()
