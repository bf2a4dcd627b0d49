# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write what is made from the roles' argument specs into the documentation: ``python tools/specs_pages.py``.

docs/meshes.schema.json is for editors, which complete and check an inventory by it; docs/variables.md is a table of all
variables.
"""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Iterator, Mapping

import yaml

TREE = pathlib.Path(__file__).resolve().parent.parent
SCHEMA = TREE / "docs" / "meshes.schema.json"
TABLE = TREE / "docs" / "variables.md"

# What begins as ours do is ours; see plugins/plugin_utils/unknown.py.
OURS = "^(mesh|federation|unfederate)_"
JINJA = {"$ref": "#/definitions/expression"}
_MARKUP = re.compile(r"\b[A-Z]+\(([^()]*(?:\([^()]*\))?[^()]*)\)")

# Of playbooks, not of roles: no argument spec describes them.
OF_PLAYBOOKS: dict[str, dict] = {
    "federation_cards": {
        "description": (
            "Cards as data, each a mapping or a JSON text, in place of files. Modules read and check them; nothing"
            " evaluates them."
        ),
        "type": "raw",
    },
    "fleet_changed": {
        "description": (
            "The hosts of group `meshes` that the playbook `federate_changed` federates, as the artifact of"
            " `fleet_plan` has them."
        ),
        "type": "raw",
    },
    "fleet_limit": {
        "description": (
            "Not to be set: the same hosts as a pattern, an artifact of `fleet_plan` for other people's jobs."
        ),
        "type": "str",
    },
    "uninstall_crds": {
        "description": "Whether the playbook `uninstall` also deletes the kinds (CRDs), and every object of them.",
        "type": "bool",
    },
    "uninstall_leave_sidecars": {
        "description": "Whether the playbook `uninstall` goes on while pods have sidecars.",
        "type": "bool",
    },
    "upgrade_report": {"description": "Not to be set: the playbook `upgrade` keeps in it what it did.", "type": "raw"},
}

HEAD = """\
# Variables

Every variable of this collection, made from the argument specs of its roles by `python tools/specs_pages.py`. What is inside a variable
follows it, with its path. [Using it](usage.md) says which of them you need, and [the schema](meshes.schema.json) lets an editor check
an inventory while you type.

A value may be a Jinja expression. A variable that begins with `mesh_`, `federation_` or `unfederate_` and is not here is refused
([FED330](codes.md#fed330)).
"""


def read_specs() -> dict[str, dict]:
    """Return the entries of each role's argument specs, by role."""
    files = sorted(TREE.glob("roles/*/meta/argument_specs.yml"))
    return {path.parents[1].name: yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"] for path in files}


def words(option: Mapping) -> str:
    """Return an option's description as one text, its markup as Markdown."""
    description = option.get("description", "")
    text = " ".join(description if isinstance(description, list) else [description])
    return _MARKUP.sub(r"`\1`", text)


def schema_of(option: Mapping, *, inside: bool = False) -> dict:
    """Return the JSON schema of one option: its type, or a Jinja expression in its place.

    A list of texts may be one text with commas where it is a variable of its own, and not ``inside`` another.
    """
    kind, choices = option.get("type", "str"), option.get("choices")
    allowed: list[dict] = []
    if kind in ("str", "path"):
        allowed = [{"enum": choices}] if choices else [{"type": "string"}]
    elif kind == "bool":
        allowed = [{"type": "boolean"}, {"enum": ["true", "false", "yes", "no", "on", "off", 0, 1]}]
    elif kind == "int":
        allowed = [{"type": "integer"}, {"type": "string", "pattern": "^[0-9]+$"}]
    elif kind == "list":
        items = {word: option[word] for word in ("options", "choices") if word in option}
        allowed = [{"type": "array", "items": schema_of({**items, "type": option.get("elements", "raw")}, inside=True)}]
        allowed += [{"type": "string"}] if option.get("elements") in ("str", "int", "raw") and not inside else []
    elif kind == "dict":
        allowed = [_mapping(option)]
    elif kind == "raw" and "options" in option:
        allowed = [{"type": "string"}, _mapping(option)]
    told = {"description": words(option)} if "description" in option else {}
    if not allowed:
        return told
    if {"type": "string"} not in allowed:
        allowed.append(JINJA)
    return {**told, **(allowed[0] if len(allowed) == 1 else {"anyOf": allowed})}


def _mapping(option: Mapping) -> dict:
    if "options" not in option:
        return {"type": "object"}
    inside = option["options"]
    required = [name for name, one in inside.items() if one.get("required")]
    return {
        "type": "object",
        "properties": {name: schema_of(one, inside=True) for name, one in inside.items()},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def schema(specs: Mapping[str, Mapping]) -> dict:
    """Return the JSON schema of an inventory in YAML: groups of hosts, each with variables of ours and of others."""
    known = {
        name: option
        for entries in specs.values()
        for entry in entries.values()
        for name, option in (entry.get("options") or {}).items()
    }
    known = dict(sorted({**known, **OF_PLAYBOOKS}.items()))
    is_ours = [name for name in known if re.match(OURS, name)]
    secret = " Keep it encrypted (!vault)."
    properties = {name: schema_of(option) for name, option in known.items()}
    for name, option in known.items():
        if option.get("no_log"):
            properties[name]["description"] += secret
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Inventory of meshes for ossm.federation",
        "description": (
            "Made from the argument specs of the roles by tools/specs_pages.py. An editor that stops at !vault needs to"
            ' be told of the tag; for yaml-language-server: "yaml.customTags": ["!vault scalar", "!unsafe scalar"].'
        ),
        "type": "object",
        "additionalProperties": {"$ref": "#/definitions/group"},
        "definitions": {
            "group": {
                "type": ["object", "null"],
                "properties": {
                    "hosts": {
                        "type": ["object", "null"],
                        "additionalProperties": {"anyOf": [{"type": "null"}, {"$ref": "#/definitions/variables"}]},
                    },
                    "vars": {"anyOf": [{"type": "null"}, {"$ref": "#/definitions/variables"}]},
                    "children": {"type": ["object", "null"], "additionalProperties": {"$ref": "#/definitions/group"}},
                },
                "additionalProperties": False,
            },
            "expression": {
                "description": "A Jinja expression, or a text that !vault encrypts.",
                "type": "string",
                "pattern": r"\{[{%]|^\$ANSIBLE_VAULT;",
            },
            "variables": {
                "type": "object",
                "properties": properties,
                "propertyNames": {
                    "anyOf": [{"enum": is_ours}, {"pattern": "^federation_cards_of_"}, {"not": {"pattern": OURS}}]
                },
            },
        },
    }


def table(specs: Mapping[str, Mapping]) -> str:
    """Return the page of all variables: a section per role and entry that has any, a row per variable and per key
    inside it.
    """
    first = [("words", name) for name in specs["words"]]
    others = [(role, name) for role, entries in specs.items() if role != "words" for name in entries]
    parts = [HEAD]
    for role, name in (*first, *others):
        entry = specs[role][name]
        if entry.get("options"):
            called = role if name == "main" else name.replace("_", ", ") if role == "words" else f"{role}, {name}"
            parts += [f"## {entry['short_description']} ({called})\n", *_rows(entry["options"])]
    parts += ["## Of playbooks\n", *_rows(OF_PLAYBOOKS)]
    return "\n".join(parts)


def _rows(options: Mapping[str, Mapping]) -> list[str]:
    # What the specs say once (a YAML alias) is told once, where its path is shortest.
    told: dict[int, str] = {}
    for path, option in _all_of(options):
        if "options" in option:
            former = told.setdefault(id(option["options"]), path)
            told[id(option["options"])] = min(former, path, key=lambda each: each.count("."))
    return [
        "| variable | type | default | meaning |",
        "|---|---|---|---|",
        *(_row(*found) for found in _all_of(options, told)),
        "",
    ]


def _all_of(
    options: Mapping[str, Mapping], told: Mapping[int, str] | None = None, above: str = ""
) -> Iterator[tuple[str, Mapping]]:
    """Give each option with its path; what is inside only where it is ``told``."""
    for name, option in options.items():
        path, inside = f"{above}{name}", option.get("options") or {}
        place = path if told is None else told.get(id(inside), path)
        yield (
            path,
            (option if place == path else {**option, "description": f"{words(option)} Inside it is as `{place}`."}),
        )
        if place == path:
            yield from _all_of(inside, told, f"{path}{'[]' if option.get('type') == 'list' else ''}.")


def _row(path: str, option: Mapping) -> str:
    kind = option.get("type", "str")
    if kind == "list" and "elements" in option:
        kind = f"list of {option['elements']}"
    if option.get("choices"):
        kind = ", ".join(f"`{choice}`" for choice in option["choices"])
    default = "required" if option.get("required") else _written(option["default"]) if "default" in option else ""
    return f"| `{path}` | {kind} | {default} | {words(option)} |".replace("\n", " ")


def _written(value: object) -> str:
    if isinstance(value, str) and " " in value:
        return value
    return f"`{json.dumps(value) if not isinstance(value, str) else value}`"


def main() -> None:
    specs = read_specs()
    SCHEMA.write_text(json.dumps(schema(specs), indent=2) + "\n", encoding="utf-8")
    TABLE.write_text(table(specs), encoding="utf-8")


if __name__ == "__main__":
    main()
