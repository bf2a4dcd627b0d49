# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The event source as ansible-rulebook runs it: a file by its path, with a queue, against an API server in memory."""

from __future__ import annotations

import asyncio
import json
import runpy
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from attacks.api import ApiInMemory
from attacks.test_verify import mesh, peering
from integration.administrators import TREE

SOURCE = "ansible_collections/ossm/federation/extensions/eda/plugins/event_source/federation.py"
RULEBOOK = TREE / "extensions" / "eda" / "rulebooks" / "federation.yml"


def watch(api: ApiInMemory, collections: str, *between: Callable[[], object], **args: object) -> list[list[dict]]:
    """Run the source and return the events of each look; each of ``between`` changes something before the next one."""
    source = runpy.run_path(str(Path(collections, SOURCE)))
    queue: asyncio.Queue = asyncio.Queue()
    looks: list[list[dict]] = []
    changes = list(between)

    async def sleep(seconds: float) -> None:
        assert seconds >= 5
        looks.append([queue.get_nowait()["federation"] for _number in range(queue.qsize())])
        if not changes:
            raise asyncio.CancelledError
        changes.pop(0)()

    source["main"].__globals__["asyncio"] = SimpleNamespace(to_thread=asyncio.to_thread, sleep=sleep)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(source["main"](queue, {**api.access, "mesh": "east", "api_timeout": 2, "interval": 1, **args}))
    return looks


def states(events: list[dict]) -> set[tuple[str, str, str]]:
    return {(one["kind"], one["name"], one["state"]) for one in events}


def test_a_peer_that_is_lost_and_a_server_that_refuses_are_events(api, collections):
    mesh(api)
    connected = {"connected": True, "lastFullSync": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")}
    peer = peering(
        "ServiceMeshPeer", discoveryStatus={"active": [{"pod": "istiod", "watch": connected, "remotes": [connected]}]}
    )
    api.store.put(peer)
    told = json.dumps({"kind": "Status", "message": "\x1b[2J is forbidden", "code": 403}).encode()

    def lost() -> None:
        api.store.put({**peer, "status": {"discoveryStatus": {"inactive": [{"pod": "istiod"}]}}})

    def refusing() -> None:
        api.hostile = lambda _asked: (403, {}, told)

    def honest() -> None:
        api.hostile = None
        api.store.put(peer)

    first, second, third, fourth, fifth = watch(api, collections, lost, lambda: None, refusing, honest)
    assert first == []
    assert ("peer", "west", "pending") in states(second) and states(third) == set()
    assert [(one["kind"], one["state"], one["code"]) for one in fourth] == [("mesh", "refused", "FED106")]
    assert "\x1b" not in json.dumps(fourth, ensure_ascii=False)
    assert {("mesh", "", "well"), ("peer", "west", "connected")} == states(fifth)
    assert api.writes == [] and {asked.method for asked in api.asked} == {"GET"}


def test_a_peer_that_must_be_there_and_a_card_that_is_none_are_events(api, collections, tmp_path):
    mesh(api)
    (tmp_path / "west-for-east.json").write_text("[" * 100_000, encoding="utf-8")
    [seen] = watch(api, collections, peers=["north"], cards_dir=str(tmp_path))
    assert {("peer", "north", "pending"), ("peer_card", "west-for-east.json", "refused")} <= states(seen)


def test_a_card_is_looked_for_in_its_audiences_folder_as_well(api, collections, tmp_path):
    mesh(api)
    (tmp_path / "east").mkdir()
    (tmp_path / "east" / "north.json").write_text("[" * 100_000, encoding="utf-8")
    [seen] = watch(api, collections, peers=["north"], cards_dir=str(tmp_path))
    assert ("peer_card", "east/north.json", "refused") in states(seen)


def test_an_argument_that_is_unknown_ends_it_with_a_code(api, collections):
    source = runpy.run_path(str(Path(collections, SOURCE)))
    with pytest.raises(Exception, match="FED926 Argument kube_config: is not known"):
        asyncio.run(source["main"](asyncio.Queue(), {"mesh": "east", "kube_config": "x"}))


def test_the_rulebook_names_our_source_its_arguments_and_playbooks_that_exist(collections):
    [rules] = yaml.safe_load(RULEBOOK.read_text(encoding="utf-8"))
    documented = yaml.safe_load(runpy.run_path(str(Path(collections, SOURCE)))["DOCUMENTATION"])["options"]
    [[name, args]] = rules["sources"][0].items()
    assert name == "ossm.federation.federation" and set(args) <= {*documented, "kubeconfig"}
    names = [rule["action"]["run_playbook"]["name"] for rule in rules["rules"] if "run_playbook" in rule["action"]]
    assert names and all((TREE / "playbooks" / f"{name.rpartition('.')[2]}.yml").is_file() for name in names)
