# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every module creates, changes and removes, each four times: checked, for real, and both again without a change."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import yaml
from integration.administrators import EVERYBODY, Administrator, federation_of

from testbed import Testbed

Make = Callable[..., Administrator]
RULE = {"name": "cart", "namespace": "shop"}
FOUR_TIMES = [("check", True), ("real", False), ("check again", True), ("real again", False)]


def played(admin: Administrator, steps: list[tuple[str, str, dict]]) -> dict[str, list[bool]]:
    """Run each step (title, module, arguments) four times in one play; return by title whether each time
    was a change.
    """
    tasks: list[dict] = []
    for number, (title, module, arguments) in enumerate(steps):
        for at, (word, is_check) in enumerate(FOUR_TIMES):
            task = {
                "name": f"{title}, {word}",
                f"ossm.federation.{module}": arguments,
                "check_mode": is_check,
                "diff": True,
                "register": f"step_{number}_{at}",
            }
            tasks.append(task)
    told = "{{ [" + ", ".join(f"step_{n}_{at}.changed" for n in range(len(steps)) for at in range(4)) + "] | to_json }}"
    tasks.append({"name": "Tell", "ansible.builtin.copy": {"content": told, "dest": "told.json", "mode": "0644"}})
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
    play["vars"] = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    (admin.folder / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False), encoding="utf-8")
    admin.play("play.yml")
    changed = json.loads((admin.folder / "told.json").read_text(encoding="utf-8"))
    return {title: changed[number * 4 : number * 4 + 4] for number, (title, _module, _arguments) in enumerate(steps)}


def test_modules_create_change_and_remove_each_four_times(bed: Testbed, administrator: Make) -> None:
    admin = administrator("east")
    east, west = ({"kubeconfig": bed.meshes[name].kubeconfig, "mesh": name} for name in ("east", "west"))
    card = "{{ lookup('ansible.builtin.file', 'cards/west-for-east.json') }}"
    steps = [
        ("west's gateways", "federation_gateways", {**west, "peers": ["east"], "loopback": True}),
        ("gateways", "federation_gateways", {**east, "peers": ["west"], "loopback": True}),
        (
            "other gateways",
            "federation_gateways",
            {**east, "peers": ["west"], "gateways": {"replicas": 2}, "loopback": True},
        ),
    ]
    changed = played(admin, steps)
    changed.update(
        played(
            admin,
            [
                (
                    "card",
                    "mesh_card",
                    {
                        **west,
                        "peers": ["east"],
                        "exports": [RULE],
                        "cards_dir": "cards",
                        "wait": True,
                        "loopback": True,
                    },
                )
            ],
        )
    )
    steps = [
        ("peer", "mesh_peer", {**east, "peer": "west", "card": card, "loopback": True}),
        ("exports", "exported_services", {**east, "peer": "west", "rules": [RULE]}),
        (
            "other exports",
            "exported_services",
            {**east, "peer": "west", "rules": [{**RULE, "alias": {"namespace": "public"}}], "withdraw": True},
        ),
        ("imports", "imported_services", {**east, "peer": "west", "rules": [{"namespace": "shop"}]}),
        ("other imports", "imported_services", {**east, "peer": "west", "rules": [{**RULE, "import_as_local": True}]}),
        ("no imports", "imported_services", {**east, "peer": "west", "state": "absent"}),
        ("no exports", "exported_services", {**east, "peer": "west", "state": "absent"}),
        ("no federation", "federation", {**east, "peers": ["west"], "state": "absent", "wait_timeout": 60}),
        ("no gateways", "federation_gateways", {**east, "peers": ["west"], "state": "absent"}),
        ("west's gateways go", "federation_gateways", {**west, "peers": ["east"], "state": "absent"}),
    ]
    changed.update(played(admin, steps))
    assert changed == {title: [True, True, False, False] for title in changed}
    assert federation_of(bed, "east") == federation_of(bed, "west") == {}


def test_a_received_card_is_told_in_words_without_any_cluster(bed: Testbed, administrator: Make) -> None:
    west = administrator("west")
    west.play("publish_cards", variables={"federation_cards_dir": "cards"})
    words = [
        "ansible",
        "localhost",
        "-m",
        "ossm.federation.mesh_card_info",
        "-a",
        "path=cards/west-for-east.json audience=east loopback=true",
    ]
    done = subprocess.run(
        words, check=False, cwd=west.folder, env=west.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    assert "west for east" in done.stdout and "trust domain west.local" in done.stdout
    words[-1] = "path=cards/west-for-east.json audience=north"
    refused = subprocess.run(
        words, check=False, cwd=west.folder, env=west.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    assert refused.returncode != 0 and "FED212" in refused.stdout
    west.play("unfederate", variables=EVERYBODY)
