# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Expressions that name cards, and what they give."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.plugin_utils.expressions import evaluated, refuse_calls

WEST, NORTH = {"mesh": "west", "roots": [1, 2]}, {"mesh": "north", "roots": []}
KNOWN = {
    "west": WEST,
    "cards": {"west": WEST, "north": NORTH},
    "names": ["north", "west"],
    "texts": ['{"mesh": "west"}'],
    "nested": [[WEST], [[NORTH, None]]],
}


@pytest.mark.parametrize(
    "expression",
    [
        "{{ [card_of_west, card_of_north] }}",
        "{{card}}\n",
        " {{ [cards.west, cards['north']] + more | default([]) }}",
        "{{ cards.values() | list }}",
        "{{ names | map('extract', cards) | list }}",
        "{{ cards | map(attribute='card') | reject('none') | rejectattr('mesh', 'in', ['a']) | list }}",
        "{{ parts | ansible.builtin.flatten | selectattr('audience', 'eq', 'east') }}",
    ],
)
def test_an_expression_may_name_what_is_there(expression):
    refuse_calls(expression, "federation_cards")


@pytest.mark.parametrize(
    "expression",
    [
        "{{ lookup('ansible.builtin.pipe', 'id') }}",
        "{{ [card_of_west, query('ansible.builtin.pipe', 'id')] }}",
        "{{ card_of_west }} {{ card_of_north }}",
        "{{ card }}{% set x = lookup('pipe', 'id') %}",
        "{{ 'a' * 99999999999 }}",
        "{{ cards.__class__.__mro__ }}",
        "{{ ['id'] | map('community.general.run') }}",
        "{{ ['x'] | map(attribute=lookup('pipe', 'id')) }}",
        "{{ cards.values(lookup('pipe', 'id')) }}",
        "{{ card | ansible.builtin.password_hash }}",
        "{{ [] if lookup('pipe', 'id') else [] }}",
        "{{ ['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'] | select('regex', '^(a+)+$') | list }}",
        "{{ cards | reject('ansible.builtin.search', 'x') }}",
        "{{ cards | selectattr('mesh', 'match', 'x') }}",
        "{{ cards | select('is' + '_file') }}",
        "{{ cards | select(test) }}",
        "{{ cards | select(*['regex', '^(a+)+$']) }}",
        "{{ [cards] | map('select', 'regex', '^(a+)+$') }}",
        "{{ [cards] | map('map', 'password_hash') }}",
        "{{ cards | map(name) }}",
        "{{ cards | map(attribute='__class__') }}",
        "{{ cards | selectattr('a.__class__', 'defined') }}",
        "{{ '%99999999d' % 1 }}",
        "{{ 2 ** 9999999 }}",
        "{{ range(999999999) | list }}",
        "{{ cards ~ cards }}",
        "{{ cards[::1] }}",
        "{{ [[0, 0], [0, 0]] | map('extract', x) | flatten | map('extract', x) | flatten }}",
        "{% for x in y %}{{ x }}{% endfor %}",
        "{{",
        "{{ " + "[" * 5000 + "]" * 5000 + " }}",
        "{{ " + "[" * 1500 + "]" * 1500 + " }}",
        "{{ a" + " + a" * 100_000 + " }}",
    ],
    ids=lambda text: text[:50],
)
def test_an_expression_that_does_more_is_refused(expression):
    with pytest.raises(FederationError, match="FED230"):
        refuse_calls(expression, "federation_cards")


@pytest.mark.parametrize(
    ("expression", "gives"),
    [
        ("{{ [west, cards['north']] }}", [WEST, NORTH]),
        ("{{ west }}\n", WEST),
        ("{{ cards.values() | list + none_at_all | default([]) }}", [WEST, NORTH]),
        ("{{ names | map('extract', cards) | list }}", [NORTH, WEST]),
        ("{{ names | map('extract', cards, ['roots', 0]) | select('defined') }}", [1]),
        ("{{ 'west' | extract(cards, 'mesh') + cards.north.mesh }}", "westnorth"),
        ("{{ cards | dict2items | map(attribute='value.mesh') }}", ["west", "north"]),
        ("{{ cards | dict2items('a', 'b') | first }}", {"a": "west", "b": WEST}),
        ("{{ texts | map('from_json') | map(attribute='roots.0', default='x') }}", ["x"]),
        ("{{ nested | flatten }}", [WEST, NORTH]),
        ("{{ nested | flatten(levels=1, skip_nulls=false) }}", [WEST, [NORTH, None]]),
        ("{{ [west, west, cards.north] | unique }}", [WEST, NORTH]),
        ("{{ ['A', 'a'] | unique(case_sensitive=true) + ['A', 'a'] | unique }}", ["A", "a", "A"]),
        ("{{ [west, cards.north] | selectattr('roots') | last }}", WEST),
        ("{{ [west, cards.north] | rejectattr('mesh', 'in', ['west']) }}", [NORTH]),
        ("{{ [west, none, 1] | select('ansible.builtin.mapping') | reject('none') }}", [WEST]),
        ("{{ west | combine({0}) }}".replace("{0}", "cards.north"), NORTH),
        ("{{ west | combine(cards.north, list_merge='append') }}", {"mesh": "north", "roots": [1, 2]}),
        (
            "{{ cards | combine([cards], recursive=true, list_merge='prepend') }}",
            {"west": {**WEST, "roots": [1, 2, 1, 2]}, "north": NORTH},
        ),
        ("{{ none_at_all.a.b | d(west.nothing | default('x', true)) }}", "x"),
        ("{{ [[]] | map('default', [1], true) }}", [[1]]),
        ("{{ names[1] }}", "west"),
    ],
)
def test_an_expression_gives_what_jinja_would(expression, gives):
    assert evaluated(expression, "federation_cards", KNOWN) == gives


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("{{ card_of_west }}", "names card_of_west, which does not exist"),
        ("{{ [west, [cards.south.ingress]] }}", "names ....south.ingress, which does not exist"),
        ("{{ names | map('default', names * 1) }}", None),
        ("{{ west | map('extract', cards) | map('nothing') }}", None),
        ("{{ names | first | list }}", "takes for a list what is none"),
        ("{{ names | flatten(1, 2, 3) }}", "gives the filter flatten what it does not take"),
    ],
)
def test_an_expression_that_does_not_work_out_is_refused_with_the_reason(expression, told):
    with pytest.raises(FederationError) as refused:
        evaluated(expression, "federation_cards", KNOWN)
    assert (refused.value.code, refused.value.what) == (
        ("FED234", f"is an expression that {told}") if told else ("FED230", refused.value.what)
    )


def test_a_long_expression_is_told_its_limit():
    with pytest.raises(FederationError, match="of more than 1,024 characters"):
        evaluated("{{ " + "x" * 1100 + " }}", "federation_cards", KNOWN)
