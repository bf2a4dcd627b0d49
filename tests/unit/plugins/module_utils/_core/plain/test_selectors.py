# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.selectors import (
    is_selected,
    label_selector,
    selector_test,
)
from hypothesis import given
from hypothesis import strategies as st


def expression(key, operator, *values):
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


@pytest.mark.parametrize(
    "strings, selector",
    [
        ([], {}),
        (["app=web"], {"matchLabels": {"app": "web"}}),
        (["app==web"], {"matchLabels": {"app": "web"}}),
        ([" app = web "], {"matchLabels": {"app": "web"}}),
        (["app="], {"matchLabels": {"app": ""}}),
        (["app.kubernetes.io/name=web"], {"matchLabels": {"app.kubernetes.io/name": "web"}}),
        (["tier!=db"], {"matchExpressions": [expression("tier", "NotIn", "db")]}),
        (["env in (b,a, b)"], {"matchExpressions": [expression("env", "In", "a", "b")]}),
        (["env notin (a)"], {"matchExpressions": [expression("env", "NotIn", "a")]}),
        (["in in(in)"], {"matchExpressions": [expression("in", "In", "in")]}),
        (["canary"], {"matchExpressions": [expression("canary", "Exists")]}),
        (["!canary"], {"matchExpressions": [expression("canary", "DoesNotExist")]}),
        (
            ["env in (a, b),!canary", "b=2,a=1", "a=1"],
            {
                "matchLabels": {"a": "1", "b": "2"},
                "matchExpressions": [expression("canary", "DoesNotExist"), expression("env", "In", "a", "b")],
            },
        ),
    ],
    ids=str,
)
def test_label_selector_says_the_same_as_its_strings(strings, selector):
    assert label_selector(strings) == selector


@pytest.mark.parametrize(
    "strings, what",
    [
        ("app=web", "'app=web' is not a list of label selectors"),
        ([7], "7 is not a text"),
        ([""], "a label selector is empty"),
        (["app=web,,tier=db"], "'app=web,,tier=db' has an empty requirement"),
        (["app=web tier=db"], "'app=web tier=db' is not one of 'key=value'"),
        (["app>3"], "'app>3': 'app>3' is not a label key"),
        (["env in a"], "'env in a' is not one of"),
        (["env in ()"], "'env in ()' has an empty value"),
        (["env in (a,)"], "'env in (a,)' has an empty value"),
        (["env in (a"], "'env in (a' is not one of"),
        (["=web"], "'=web' is not one of"),
        (["a/b/c=web"], "'a/b/c' is not a label key"),
        (["Example.com/app"], "'Example.com/app' is not a label key"),
        (["app=my web"], "'app=my web' is not one of"),
        (["app=-web"], "'app=-web': '-web' is not a label value"),
        ([f"app={'x' * 64}"], "is not a label value (at most 63"),
        (["app=web", "app=db"], "'app=web' and 'app=db' exclude each other; write 'app in (web, db)'"),
    ],
    ids=str,
)
def test_label_selector_says_what_is_wrong(strings, what):
    with pytest.raises(ValueError) as refusal:
        label_selector(strings)
    assert what in str(refusal.value)


@pytest.mark.parametrize(
    "selector, labels, answer",
    [
        (None, {}, True),
        ({}, {"app": "web"}, True),
        ({"matchLabels": None, "matchExpressions": None}, {}, True),
        ({"matchLabels": {"app": "web"}}, {"app": "web", "tier": "db"}, True),
        ({"matchLabels": {"app": "web", "tier": "ui"}}, {"app": "web"}, False),
        ({"matchLabels": {"app": ""}}, {}, False),
        ({"matchExpressions": [expression("tier", "In", "db", "ui")]}, {"tier": "ui"}, True),
        ({"matchExpressions": [expression("tier", "In", "db")]}, {}, False),
        ({"matchExpressions": [expression("tier", "NotIn", "db")]}, {"tier": "db"}, False),
        ({"matchExpressions": [expression("tier", "NotIn", "db")]}, {}, True),
        ({"matchExpressions": [expression("tier", "Exists")]}, {"tier": ""}, True),
        ({"matchExpressions": [expression("tier", "DoesNotExist")]}, {"tier": ""}, False),
        (
            {"matchLabels": {"app": "web"}, "matchExpressions": [expression("app", "NotIn", "web")]},
            {"app": "web"},
            False,
        ),
    ],
)
def test_is_selected_is_kubernetes_label_matching(selector, labels, answer):
    assert is_selected(selector, labels) is answer


@pytest.mark.parametrize(
    "selector, what",
    [
        ([], "selector is not a mapping"),
        ({"matchLabels": ["app"]}, "matchLabels is not a mapping"),
        ({"matchLabels": {"app": 1}}, "'1' is not a label value"),
        ({"matchLabels": {"app": "a b"}}, "'a b' is not a label value"),
        ({"matchLabels": {"": "a"}}, "'' is not a label key"),
        ({"matchExpressions": {}}, "matchExpressions is not a list"),
        ({"matchExpressions": ["app"]}, "an entry of matchExpressions is not a mapping"),
        ({"matchExpressions": [{"operator": "Exists"}]}, "'None' is not a label key"),
        ({"matchExpressions": [expression("app", "Matches", "x")]}, "'Matches' is not one of the operators"),
        ({"matchExpressions": [expression("app", "In")]}, "operator In needs values"),
        (
            {"matchExpressions": [{**expression("app", "In"), "values": "web"}]},
            "values in matchExpressions is not a list",
        ),
        ({"matchExpressions": [expression("app", "Exists", "x")]}, "operator Exists must not have values"),
    ],
    ids=str,
)
def test_an_invalid_selector_selects_nothing_and_says_why(selector, what):
    assert is_selected(selector, {"app": "web"}) is None
    with pytest.raises(ValueError, match="^" + "".join(f"[{letter}]" for letter in what)):
        selector_test(selector)


KEYS = st.sampled_from(["app", "tier", "example.com/env"])
VALUES = st.sampled_from(["web", "db", "ui-1"])


@st.composite
def requirements(draw):
    """A requirement, and what it means for an object's labels."""
    key, values = draw(KEYS), draw(st.lists(VALUES, min_size=1, max_size=3))
    return draw(
        st.sampled_from(
            [
                (f"{key}!={values[0]}", lambda labels: labels.get(key) != values[0]),
                (f"{key} in ({', '.join(values)})", lambda labels: labels.get(key) in values),
                (f"{key} notin ({','.join(values)})", lambda labels: labels.get(key) not in values),
                (key, lambda labels: key in labels),
                (f"!{key}", lambda labels: key not in labels),
            ]
        )
    )


@given(st.lists(requirements(), max_size=4), st.dictionaries(KEYS, VALUES))
def test_an_object_is_selected_when_it_meets_every_requirement(chosen, labels):
    strings = [text for text, _holds in chosen]
    selector = label_selector(strings)
    assert is_selected(selector, labels) == all(holds(labels) for _text, holds in chosen)
    assert label_selector([",".join(strings)] if strings else []) == selector
    assert label_selector(strings[::-1]) == selector
