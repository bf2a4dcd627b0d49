# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Expressions where cards are expected: they reach nothing but data, and end soon in little memory, whatever they say.

Each is the ``federation_cards`` of a host of its own, so that one play, in a process with bounds, tries them all.
"""

from __future__ import annotations

import json
import random
import re
import resource
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from integration.administrators import Administrator

LONGEST = 1024
MEMORY, SECONDS = 500, 30
"""MiB of addresses that each process of a play may have, of which a plain play needs 300, and its seconds of work."""
CARDS = {name: {"mesh": name, "audience": "east", "exports": [{"name": "cart"}] * 50} for name in ("west", "north")}
# What an inventory may hold, and whoever wrote the expression may know of.
KNOWN: dict[str, Any] = {
    "cards": CARDS,
    "card": CARDS["west"],
    "texts": [json.dumps(CARDS["west"])],
    "names": ["west", "north"],
    "zeros": [0] * 1000,
    "blanks": [""] * 300,
    "inner": "__class__",
    "inners": ["__class__", "__init__"],
    "big": [{"a": "x" * 100, "b": list(range(50))} for _number in range(200)],
    "keys": {f"k{number}": [number] for number in range(200)},
}
TOLD = (
    "{% for host in ansible_play_hosts_all %}"
    "<{{ host }}|{{ hostvars[host].ended.code | default(hostvars[host].ended.msg) }}>"
    "{% endfor %}"
)
PLAY = [
    {
        "hosts": "all",
        "connection": "local",
        "gather_facts": False,
        "tasks": [
            {
                "ossm.federation.federation": {
                    "mesh": "east",
                    "namespace": "east-mesh-system",
                    "peers": ["west"],
                    "kubeconfig": "/nowhere",
                    "cards_from": "federation_cards",
                },
                "register": "ended",
                "ignore_errors": True,
                "no_log": True,
            },
            # In one task for all, which is quicker than one for each.
            {"ansible.builtin.debug": {"msg": TOLD}, "run_once": True},
        ],
    }
]


def ended(folder: Path, collections: str, expressions: Mapping[str, str]) -> dict[str, str]:
    """Return the code with which each expression ended."""
    administrator = Administrator(folder, collections, {})
    hosts = {name: {"federation_cards": text} for name, text in expressions.items()}
    variables = {**KNOWN, "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    inventory = {"all": {"hosts": hosts, "vars": variables}}
    (folder / "meshes.yml").write_text(yaml.safe_dump(inventory, width=10_000), encoding="utf-8")
    (folder / "own.yml").write_text(yaml.safe_dump(PLAY), encoding="utf-8")

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY << 20, MEMORY << 20))

    words = ["ansible-playbook", "-i", "meshes.yml", "own.yml", "-f", "2"]
    own = {"cwd": folder, "env": administrator.env, "preexec_fn": bound}
    run = subprocess.run(words, **own, capture_output=True, text=True, timeout=120, check=False)
    found = dict(re.findall(r"<(\w+)\|([^>]*)>", run.stdout))
    assert set(found) == set(expressions), run.stdout[-3000:] + run.stderr[-3000:]
    return found


INNER = [
    "{{ cards['__class__'] }}",
    "{{ [cards['west']['__init__']] }}",
    "{{ cards[inner] }}",
    "{{ cards[inners | first] | default([]) }}",
    "{{ cards['_' + 'x'] }}",
    "{{ '__class__' | extract(cards) }}",
    "{{ inner | extract(cards) | default([]) }}",
    "{{ inners | map('extract', cards) | list }}",
    "{{ names | map('extract', cards, '__class__') }}",
    "{{ names | map('extract', cards, inners) }}",
    "{{ names | map('extract', cards, ['mesh', '__class__']) }}",
    "{{ cards | map(attribute='__class__') }}",
    "{{ [cards] | map(attribute='west.__class__') }}",
    "{{ [cards] | map(attribute='west. __class__') }}",
    "{{ [cards] | map(attribute=inner) }}",
    "{{ cards | attr('__class__') }}",
    "{{ [cards] | selectattr('__class__') }}",
    "{{ [cards] | rejectattr('west.__class__', 'defined') }}",
    "{{ [cards] | unique(attribute='__class__') }}",
    "{{ [cards] | unique(attribute=inner) }}",
    "{{ [cards] | unique(none, '__class__') }}",
    "{{ [cards] | unique(false, inner) }}",
    "{{ [cards] | groupby('__class__') }}",
    "{{ [cards] | sort(attribute='__class__') }}",
    "{{ cards | dictsort }}",
    "{{ [cards] | sum(attribute='__class__') }}",
    "{{ [cards] | min(attribute='__class__') }}",
    "{{ [cards] | max(attribute='__class__') }}",
    "{{ (names | map('from_json')).__class__ }}",
    "{{ cards.west.mesh.__class__ }}",
    "{{ cards.values().__class__ }}",
    "{{ '\"__class__\"' | from_json | extract(cards) }}",
    "{{ '\"\\\\u005f_class__\"' | from_json | extract(cards) }}",
    "{{ [{}] }}",
    "{{ lipsum['__globals__'] }}",
    "{{ cycler.__init__ }}",
    "{{ self['__class__'] }}",
]
# Nothing inner is asked for, and nothing is found either: a method of Python is no part of what is there.
NOTHING_THERE = [
    "{{ cards.keys }}",
    "{{ cards.items }}",
    "{{ cards['pop'] }}",
    "{{ texts.append }}",
    "{{ inner.format }}",
    "{{ card.mesh.upper }}",
    "{{ [cards] | map(attribute='items') | list }}",
    "{{ 'copy' | extract(cards) }}",
    "{{ lipsum }}",
    "{{ range }}",
    "{{ lookup }}",
    "{{ query }}",
    "{{ undef }}",
    "{{ hostvars }}",
    "{{ vars }}",
    "{{ hostvars.h0 }}",
    "{{ hostvars['x'] | default([]) | extract(inner) }}",
    "{{ cards[('a_' | list | last)] }}",
    "{{ [card, card_of_nobody] }}",
    "{{ zeros | first | first }}",
    "{{ card | flatten(levels='x') }}",
    "{{ card | combine('x') }}",
    "{{ card | combine(card, list_merge=zeros) }}",
    "{{ card | combine(card, recursive=true, list_merge='append_rp') }}",
    "{{ card | first(1, 2, 3) }}",
    "{{ zeros | select('in', 7) }}",
    "{{ zeros | select('eq') }}",
    "{{ zeros | select('none', 1, 2) }}",
    "{{ zeros + card.mesh }}",
    "{{ card_of_nobody.values() }}",
    "{{ 7 | dict2items }}",
    "{{ 7 | from_json }}",
    "{{ zeros | map }}",
    "{{ zeros | map(default=1) }}",
    "{{ cards[zeros] }}",
    "{{ cards[cards] }}",
    "{{ zeros[99999999999999999999999] }}",
]
PLAIN = {
    "by_name": "{{ cards['west'] }}",
    "by_names": "{{ names | map('extract', cards) | list }}",
    "by_variable": "{{ [cards[names[0]]] + [cards[names | last]] }}",
    "of_texts": "{{ texts | map('from_json') | list }}",
    "chosen": "{{ cards.values() | list + card_of_nobody | default([]) }}",
    "with_tests": "{{ [card, card_of_nobody] | select('defined') | selectattr('audience', 'eq', 'east') | unique }}",
    "of_pairs": "{{ cards | dict2items | map(attribute='value') | rejectattr('mesh', 'in', ['north']) | list }}",
}
MANY = "['', '', '', '', '', '', '', '', '', '']"
# Each as long as it may be, and as it would grow without a bound.
GROWING = [
    "{{ blanks | map('default', blanks, true) | flatten }}",
    "{{ blanks" + " | map('default', blanks, true)" * 28 + " }}",
    "{{ " + MANY + f" | map('default', {MANY}, true) | flatten" * 11 + " }}",
    "{{ [keys]" + " | map('combine', keys) | map('dict2items') | flatten" * 16 + " }}",
    "{{ [keys]" + " | map('combine', keys, list_merge='append')" * 19 + " }}",
    "{{ big | map('extract', big) | list }}",
    "{{ (zeros" + " + zeros" * 100 + ") | map('extract', [zeros]) | flatten }}",
    "{{ big" + " + big" * 145 + " }}",
    "{{ (big" + " + big" * 120 + ") | unique }}",
    "{{ big" + " | unique" * 100 + " }}",
    "{{ '" + "[" * 500 + "]" * 500 + "' | from_json }}",
    "{{ '[" + "[]," * 320 + "[]]' | from_json | unique }}",
    "{{ " + "[" * 140 + "]" * 140 + " }}",
    "{{ " + "(" * 500 + "card" + ")" * 500 + " }}",
    "{{ card" + ".a" * 300 + " }}",
    "{{ card" + " | default(card" * 60 + ")" * 60 + " }}",
    "{{ " + "9" * 1000 + " + 1 }}",
    "{{ 'x'" + " + 'x'" * 140 + " }}",
]
REFUSED_AT_ONCE = [
    "{{ 'x' * 999999999 }}",
    "{{ zeros * 999999 }}",
    "{{ 9 ** 9 ** 9 ** 9 }}",
    "{{ 9 // 0 }}",
    "{{ cards ~ cards }}",
    "{{ '%999999999d' % 1 }}",
    "{{ '{:>999999999}'.format(1) }}",
    "{{ 'x' | center(999999999) }}",
    "{{ 'x' | indent(999999999) }}",
    "{{ 'x'.ljust(999999999) }}",
    "{{ '%999999999d' | format(1) }}",
    "{{ zeros | product(zeros, zeros, zeros) | list }}",
    "{{ zeros | permutations | list }}",
    "{{ zeros | zip(zeros) }}",
    "{{ zeros | join(big) }}",
    "{{ zeros | batch(1, big) }}",
    "{{ range(999999999) | list }}",
    "{{ zeros | map('range') }}",
    "{{ zeros[::-1] }}",
    "{{ zeros | map('map', 'list') }}",
    "{{ names | map('regex_search', '^(a+)+$') }}",
    "{{ names | select('regex', '^(a+)+$') }}",
    "{{ names | map(inner) }}",
    "{{ [x for x in zeros] }}",
    "{{ '' }}{% for x in zeros %}{% for y in zeros %}{{ x }}{% endfor %}{% endfor %}",
    "{{ card }}{# a remark #}{% set x = zeros %}",
    "{{ zeros if zeros else zeros }}",
    "{{ zeros }}{{ zeros }}",
    "{{ " + "x" * LONGEST + " }}",
    "{{ [[zeros | extract(big)] | first | extract(big)] }}",
    "{{ zeros | ansible.builtin.extract(big) | extract(big) }}",
]


def test_expressions_reach_nothing_but_data(tmp_path: Path, collections: str) -> None:
    """One play over all of them; what is well written reaches the module, which finds no kubeconfig (FED101)."""
    wanted = {
        **{f"inner{number}": (text, ("FED230",)) for number, text in enumerate(INNER)},
        **{f"nothing{number}": (text, ("FED234",)) for number, text in enumerate(NOTHING_THERE)},
        **{f"once{number}": (text, ("FED230",)) for number, text in enumerate(REFUSED_AT_ONCE)},
        **{f"plain_{name}": (text, ("FED101",)) for name, text in PLAIN.items()},
    }
    codes = ended(tmp_path, collections, {name: text for name, (text, _codes) in wanted.items()})
    wrong = {text: codes[name] for name, (text, fitting) in wanted.items() if codes[name] not in fitting}
    assert not wrong, wrong


def grown(chance: random.Random) -> str:
    """Return an expression of the allowed grammar, made to grow, of the greatest length."""
    lists = ["blanks", "zeros", "names", "[keys]", "big", "texts", "[zeros]", "[big, big]", "keys.values()", MANY]
    text = chance.choice(lists)
    while True:
        more = chance.choice(
            [
                " | map('default', {0}, true)",
                " | map('default', [{0}], true)",
                " | map('combine', keys, recursive=true, list_merge='append')",
                " | map('dict2items')",
                " | map('list')",
                " | map('flatten')",
                " | map('unique')",
                " | flatten",
                " | flatten | flatten(1)",
                " | unique",
                " | reject('in', {0})",
                " | select('ne', {0})",
                " | default({0})",
                " + {0}",
                " + [{0}, {0}, {0}]",
                " | d([]) | list",
                " | map('extract', [{0}, {0}])" if "extract" not in text else " | last",
            ]
        ).format(chance.choice(lists))
        if len(text) + len(more) + 8 > LONGEST:
            return f"{{{{ ({text}) }}}}"
        text = f"({text}){more}" if chance.random() < 0.2 else text + more


def test_expressions_end_soon_and_in_little_memory(tmp_path: Path, collections: str) -> None:
    """Those made to grow, and some made by chance: no process reaches its ``MEMORY`` or its ``SECONDS``."""
    made = [*GROWING, *(grown(random.Random(seed)) for seed in range(5))]
    assert max(map(len, made)) <= LONGEST
    codes = ended(tmp_path, collections, {f"grown{number}": text for number, text in enumerate(made)})
    assert set(codes.values()) <= {"FED101", "FED202", "FED230", "FED234"}, codes


def test_no_playbook_evaluates_what_leads_to_an_inner_part(tmp_path: Path, collections: str) -> None:
    meshes = {"east": {"mesh_peers": ["west"], "mesh_trust_domain": "east.local", "mesh_version": "v2.3"}}
    east = Administrator(tmp_path, collections, meshes)
    given = {"known": CARDS, "federation_cards": "{{ known['__class__'].mro() }}"}
    run = east.play("render", variables=given, must_pass=False)
    assert run.returncode == 2 and "FED230 federation_cards: is an expression that does more" in run.output, run.output
