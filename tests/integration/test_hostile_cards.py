# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Cards made to harm, handed to the playbooks in every way that cards come: nothing is executed, nothing is written."""

from __future__ import annotations

import copy
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from integration.administrators import Administrator, Run, clear, described, federation_of, versions_of

from testbed import Testbed

Make = Callable[..., Administrator]
CARDS = {"federation_cards_dir": "cards"}
ESCAPE = "\x1b]0;pwned\x07\x1b[2J\x9b2J"


@pytest.fixture(scope="module")
def card(bed: Testbed, tmp_path_factory: pytest.TempPathFactory, collections: str) -> Iterator[dict]:
    """West's card for east, as west made it; east has its gateways, so that a run of east has nothing left to write but
    for west.
    """
    for name in ("west", "east"):
        folder = tmp_path_factory.mktemp(name)
        Administrator(folder, collections, {name: described(bed, name)}).play("publish_cards", variables=CARDS)
        if name == "west":
            made = json.loads((folder / "cards" / "west-for-east.json").read_text(encoding="utf-8"))
    yield made
    clear(bed)


def with_every_text(value: object, changed: Callable[[str], str]) -> object:
    """Return data with every text in it changed, but for what addresses the card."""
    if isinstance(value, dict):
        return {
            key: below if key in ("mesh", "audience") else with_every_text(below, changed)
            for key, below in value.items()
        }
    if isinstance(value, list):
        return [with_every_text(below, changed) for below in value]
    return changed(value) if isinstance(value, str) else value


def trapped(card: dict, trap: Path) -> dict:
    """Return the card with a command in every text."""
    return with_every_text(
        copy.deepcopy(card), lambda _text: "{{ lookup('ansible.builtin.pipe', 'touch " + str(trap) + "') }}"
    )


def assert_refused(run: Run, code: str, trap: Path | None = None) -> None:
    assert run.returncode == 2, run.output
    assert code in run.output, run.output
    assert f"/codes/{code.lower()}.html" in run.output
    assert not trap or not trap.exists(), "what stood on the card was executed"
    assert_harmless(run.output)


def assert_harmless(output: str) -> None:
    """Nothing in it moves a cursor or turns a text around."""
    found = {sign for sign in output if not (sign.isprintable() or sign in "\n\t")}
    assert not found, f"{found} reached the terminal"


@pytest.mark.parametrize("way", ["extra variable", "file of variables", "inventory", "fact"])
def test_an_expression_on_a_card_is_never_evaluated_however_it_comes(
    bed: Testbed, administrator: Make, card: dict, way: str
) -> None:
    east = administrator("east")
    trap = east.folder / "trap"
    hostile = trapped(card, trap)
    before = versions_of(bed, "east")
    report = {"federation_report": "report.json"}
    if way == "extra variable":
        run = east.play(
            "federate", "-vvv", "--diff", variables={"federation_cards": [hostile], **report}, must_pass=False
        )
    elif way == "file of variables":
        (east.folder / "cards.json").write_text(
            json.dumps({"federation_cards": [json.dumps(hostile)], **report}), encoding="utf-8"
        )
        run = east.play("federate", "--check", "--diff", "-e", "@cards.json", must_pass=False)
    elif way == "inventory":
        east.meshes["east"].update(card_of_west=hostile, federation_cards="{{ [card_of_west] }}")
        run = east.play("federate", "-vvv", variables=report, must_pass=False)
    else:
        (east.folder / "hostile.json").write_text(json.dumps([hostile]), encoding="utf-8")
        play = {"hosts": "meshes", "connection": "local", "gather_facts": False}
        tasks = [
            {
                "ansible.builtin.set_fact": {
                    "federation_cards": "{{ lookup('ansible.builtin.file', 'hostile.json') | from_json }}"
                }
            },
            {"ansible.builtin.set_stats": {"data": {"cards": "{{ federation_cards }}"}}},
        ]
        plays = [{**play, "tasks": tasks}, {"ansible.builtin.import_playbook": "ossm.federation.federate"}]
        (east.folder / "own.yml").write_text(yaml.safe_dump(plays), encoding="utf-8")
        east.environment["ANSIBLE_SHOW_CUSTOM_STATS"] = "1"
        run = east.play("own.yml", "-vvv", "--diff", variables=report, must_pass=False)
    assert_refused(run, "FED203", trap)
    assert versions_of(bed, "east") == before
    assert not trap.exists()


def test_what_stands_on_a_card_moves_no_cursor(bed: Testbed, administrator: Make, card: dict) -> None:
    east = administrator("east")
    (east.folder / "cards").mkdir()
    hostile = with_every_text(copy.deepcopy(card), lambda text: ESCAPE + text)
    hostile[ESCAPE] = ESCAPE
    # Not as JSON writes it: the bytes themselves stand in the file.
    (east.folder / "cards" / "west-for-east.json").write_text(
        json.dumps(hostile, ensure_ascii=False).replace("\\u001b", "\x1b"), encoding="utf-8"
    )
    assert_refused(east.play("federate", "-vvv", "--diff", variables=CARDS, must_pass=False), "FED201")
    assert_refused(
        east.play("federate", "--diff", variables={"federation_cards": [hostile]}, must_pass=False), "FED203"
    )
    (east.folder / "cards" / "east-for-west.json").write_text(f"{ESCAPE}\n", encoding="utf-8")
    assert_harmless(east.play("publish_cards", "--check", "--diff", variables=CARDS).output)


@pytest.mark.parametrize("kind", ["100 MB", "pipe", "link to a device", "folder"])
def test_a_file_that_is_no_card_is_refused_at_once(bed: Testbed, administrator: Make, card: dict, kind: str) -> None:
    east = administrator("east")
    path = east.folder / "cards" / "west-for-east.json"
    path.parent.mkdir()
    if kind == "100 MB":
        with open(path, "wb") as file:
            file.write(json.dumps(card).encode())
            file.truncate(100 << 20)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    before = versions_of(bed, "east")
    started = time.monotonic()
    east.meshes["east"].update(mesh_trust_domain="east.local", mesh_version="v2.3")
    # A card is read in one way everywhere; what asks no cluster is soonest done.
    playbook = "federate" if kind == "100 MB" else "render"
    assert_refused(east.play(playbook, variables=CARDS, must_pass=False), "FED202" if kind == "100 MB" else "FED201")
    assert time.monotonic() - started < 120
    assert versions_of(bed, "east") == before


def test_a_name_that_leads_elsewhere_is_refused(bed: Testbed, administrator: Make) -> None:
    east = administrator("east")
    outside = east.folder / "west-for-east.json"
    outside.write_text("{}", encoding="utf-8")
    for name in ("../west", "west\u200b", "w\u0435st"):
        east.meshes["east"].update(mesh_peers=[name], mesh_trust_domain="east.local", mesh_version="v2.3")
        run = east.play("render", variables=CARDS, must_pass=False)
        assert run.returncode == 2 and "FED3" in run.output, run.output
        assert not list(east.folder.glob("**/*.yaml"))


def test_a_list_in_one_text_federates_and_a_stranger_s_card_beside_it_harms_nobody(
    bed: Testbed, administrator: Make, card: dict
) -> None:
    east = administrator("east")
    strangers = [
        {**card, "mesh": ESCAPE + "north"},
        {**card, "mesh": "n\u043erth"},
        {"mesh": "{{ 1 }}", "audience": "east"},
        {"audience": "south", "mesh": "x" * 10_000},
    ]
    text = json.dumps([*strangers, card])
    run = east.play(
        "federate", "-vvv", "--diff", "-e", json.dumps({"federation_cards": text, "federation_report": "report.json"})
    )
    assert "ServiceMeshPeer/west" in federation_of(bed, "east")
    assert "n\\u043erth is not in mesh_peers" in run.output
    assert_harmless(run.output)
    assert_harmless((east.folder / "report.json").read_text(encoding="utf-8"))
    again = east.play("federate", "--check", "-e", json.dumps({"federation_cards": text}))
    assert again.changed("east") == 0
