# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page as a browser would take it: well formed, self-contained, readable, and harmless whatever names are in it."""

from __future__ import annotations

import base64
import builtins
import hashlib
import re
from functools import cache
from html.parser import HTMLParser

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.page import style
from ansible_collections.ossm.federation.plugins.module_utils._core.page.script import SCRIPT
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.words import shown_in
from ansible_collections.ossm.federation.plugins.module_utils._core.report.markdown import markdown
from ansible_collections.ossm.federation.plugins.module_utils._core.report.page import page_of
from ansible_collections.ossm.federation.plugins.module_utils._page import html
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.report import estates

VOID = {"meta", "input", "br"}
DIAGNOSES = [{"peer": "west", "code": "", "rung": "", "probes": [estates.probe("spiffe://west.local/gateway")]}]
RATES, PROXIES = (
    [{"service": "cart.shop", "requests_per_second": 1.5, "errors": 0.0}],
    [{"proxy": "cart-1.shop", "state": "STALE"}],
)
OPTIONAL = {"diagnoses": DIAGNOSES, "rates": RATES, "proxies": PROXIES}


class Reader(HTMLParser):
    """Reads a page strictly: every element is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.words: list[str] = []
        self.raw: dict[str, str] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}>"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("style", "script"):
            self.raw[self.open[-1]] = data
        else:
            self.words.append(data)


def read(report: dict, **more: object) -> Reader:
    return Reader(html({**shown_in(page_of(report, others=["far"], made=estates.MADE)), **more}))


ESTATES = {
    "two": estates.two(),
    "unwell": estates.unwell(),
    "hostile": estates.hostile(),
    "many": estates.many(12),
    "none": {},
}
ESTATES["with more"] = {"east": {**estates.two()["east"], **OPTIONAL}}


@cache
def page_called(name: str) -> Reader:
    return read(ESTATES[name])


@pytest.mark.parametrize("name", ESTATES)
def test_the_page_is_well_formed_and_loads_nothing(name):
    page = page_called(name)
    tags = {tag for tag, _attributes in page.tags}
    assert not tags & {"link", "img", "image", "iframe", "object", "embed", "use", "foreignobject", "base", "a:href"}
    for tag, attributes in page.tags:
        assert not [
            name for name in attributes if name.startswith("on") or name in ("src", "style", "srcset", "action")
        ], tag
        assert attributes.get("href", "#").startswith("#")
    ids = [attributes["id"] for _tag, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [
        value
        for _tag, attributes in page.tags
        for key in ("aria-labelledby", "for")
        for value in str(attributes.get(key) or "").split()
    ]
    assert set(named) <= set(ids) and {attributes["href"][1:] for tag, attributes in page.tags if tag == "a"} <= set(
        ids
    )
    assert [tag for tag, _attributes in page.tags].count("h1") == 1 and ("html", {"lang": "en"}) in page.tags
    assert "url(" not in page.raw["style"] and "@import" not in page.raw["style"]
    assert not re.search(r"innerHTML|document\.write|eval|fetch|XMLHttp|import|https?:", page.raw["script"])


@pytest.mark.parametrize("name", ESTATES)
def test_a_browser_runs_our_script_and_no_other(name):
    page = page_called(name)
    (policy,) = [
        attributes["content"] for tag, attributes in page.tags if tag == "meta" and attributes.get("http-equiv")
    ]
    for part in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.raw[part].encode()).digest()).decode()
        assert f"{part}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'") and page.raw["script"] == SCRIPT
    assert [tag for tag, _attributes in page.tags].count("script") == 1


def test_hostile_names_stay_text():
    page, plain = page_called("hostile"), page_called("two")
    assert {tag for tag, _attributes in page.tags} <= {tag for tag, _attributes in plain.tags} | {"br"} | {"h3"}
    words = "".join(page.words)
    for text in estates.HOSTILE[:4]:
        assert text in words, "it is there, as it was written"
    assert "{{ 7 * 7 }}" in words
    assert "\u202e" not in words and "\\u202eadmin" in words, "nothing turns the line"
    assert [tag for tag, _attributes in page.tags].count("bdi") > 50, "right to left stays in its place"


def test_markdown_of_hostile_names_is_rows_of_text():
    text = markdown(shown_in(page_of(estates.hostile(), made=estates.MADE)))
    tables = [line for line in text.split("\n") if line.startswith("|")]
    assert all(re.search(r"(?<!\\)\|$", line) for line in tables)
    for unmarked in (r"(?<!\\)<", r"(?<!\\)\[", r"(?<!\\)\]\(", r"(?<!\\)`", r"^\s*# head", "\u202e", r"www\."):
        assert not re.search(unmarked, text, re.MULTILINE)
    for heads, rows in (
        (line, tables[at + 2 :])
        for at, line in enumerate(tables)
        if at + 1 < len(tables) and tables[at + 1].startswith("|---")
    ):
        cells = len(re.findall(r"(?<!\\)\|", heads))
        body = list(iter(lambda rows=iter(rows): next(rows, "|---"), "|---"))
        assert body and len(re.findall(r"(?<!\\)\|", body[0])) == cells


def test_markdown_says_what_the_page_says():
    text = markdown(page_of({"east": {**estates.two()["east"], **OPTIONAL}}, made=estates.MADE))
    assert (
        "## What has to be done" in text and "FED761" in text and "## Rates" in text and "Requests per second" in text
    )
    assert "## Probes" in text and "decide nothing above" in text and "spiffe" in text
    assert "Nothing." in markdown(page_of({}))


def test_changes_and_optional_parts_appear_where_there_are_any():
    changes = {
        "since": "yesterday",
        "rows": [{"kind": "mesh", "where": "east", "before": "", "after": "ok"}],
        "left_out": 0,
    }
    page = read({"east": {**estates.two()["east"], **OPTIONAL}}, changes=changes)
    words = " ".join(page.words)
    assert "Our own calls" in words and "decide nothing above" in words
    assert "shows the certificate of spiffe://west.local/gateway" in words
    assert "Changed since yesterday" in words and "Requests and errors" in words and "STALE" in words
    assert "Proxies" not in " ".join(page_called("two").words)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [style.LIGHT, style.DARK], ids=["light", "dark"])
def test_every_text_can_be_read_in_both_palettes(palette):
    pairs = [(text, back) for text in ("text", "soft", "link") for back in ("back", "panel")]
    pairs += [(state, f"{state}-back") for state in style.STATES] + [
        ("text", f"{state}-back") for state in style.STATES
    ]
    pairs += [("soft", f"{state}-back") for state in style.STATES]
    assert {
        pair: round(contrast(palette[pair[0]], palette[pair[1]]), 2)
        for pair in pairs
        if contrast(palette[pair[0]], palette[pair[1]]) < 4.5
    } == {}
    assert all(contrast(palette[state], palette["back"]) >= 3 for state in style.STATES), "lines of the picture"
    assert set(style.LIGHT) == set(style.DARK) and set(style.SIGNS) == set(style.LABELS) == set(style.STATES)


def test_without_jinja2_it_says_so(monkeypatch):
    real = builtins.__import__

    def without(name, *more):
        if name == "jinja2":
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(FederationError, match="FED971"):
        html(page_of({}))
