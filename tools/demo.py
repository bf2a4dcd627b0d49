# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Show how two administrators federate their meshes, on two real API servers: ``demo.py up``; ``down`` ends it.

Each administrator has a folder with an inventory, a kubeconfig of the own cluster and the cards that came from the other
side. Every playbook of the demo runs in one of these folders and sees nothing else.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import time
from urllib.parse import urlsplit

from places import CACHE, TREE
from testbed import Answer, MeshSpec, Testbed, TestbedError

DEMO = CACHE / "demo"
BED = DEMO / "testbed"
EXAMPLE = TREE / "examples" / "two-administrators"
SERVICES = {"east": {"shop": ["cart", "ledger"]}, "west": {"shop": ["checkout"]}}
PEER = {"east": "west", "west": "east"}
SCALE = 0.05


class Failed(Exception):
    """Something that the demo shows did not happen."""


def say(text: str) -> None:
    """Print one heading of the demo."""
    print(f"\n\033[1m# {text}\033[0m" if sys.stdout.isatty() else f"\n# {text}", flush=True)


def play(mesh: str, playbook: str, *options: str) -> str:
    """Run one playbook as ``mesh``'s administrator, showing what it prints, and return that. Raises ``Failed`` when it fails."""
    words = ["ansible-playbook", "-i", "meshes.yml", f"ossm.federation.{playbook}", *options]
    print(f"{mesh}$ {shlex.join(words)}", flush=True)
    environment = {**os.environ, **({"ANSIBLE_FORCE_COLOR": "1"} if sys.stdout.isatty() else {})}
    lines = []
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(words, cwd=DEMO / mesh, env=environment, text=True, **streams) as run:
        for line in run.stdout or ():
            if line.strip():
                print(f"  {line}", end="", flush=True)
            lines.append(re.sub(r"\x1b\[[0-9;]*m", "", line))
    if run.returncode:
        raise Failed(f"{playbook} as {mesh} ended with {run.returncode}; its output stands above.")
    return "".join(lines)


def changes_of(output: str, mesh: str) -> int:
    """Return the number of changed tasks that a playbook's recap tells for ``mesh``."""
    recap = re.search(rf"^{mesh} .*\bchanged=(\d+)", output, re.MULTILINE)
    if recap is None:
        raise Failed(f"The recap names no {mesh}.")
    return int(recap[1])


def call(bed: Testbed, mesh: str, url: str) -> Answer:
    """Send one request from a client in ``mesh``, show the answer, and return it."""
    parts = urlsplit(url)
    answer = bed.meshes[mesh].call(parts.hostname, port=parts.port or 80, path=parts.path or "/", source="client.shop")
    print(f"{mesh}$ curl {url}\n  {answer.status or ''} {(answer.body or answer.error or '').strip()}", flush=True)
    return answer


def up() -> None:
    """Start the testbed and walk through the two administrators' work."""
    started = time.monotonic()
    down()
    DEMO.mkdir(parents=True)
    say("Two clusters, each a real Kubernetes API server with a mesh beside it")
    meshes = [MeshSpec(name, services=services) for name, services in SERVICES.items()]
    bed = Testbed.start(BED, meshes=meshes, clock_scale=SCALE, tied=False)
    for name, mesh in bed.meshes.items():
        folder = DEMO / name
        shutil.copytree(EXAMPLE / name, folder)
        (folder / "cards").mkdir()
        shutil.copy2(mesh.kubeconfig, folder / "kubeconfig")
        print(f"{name}: {folder}", flush=True)
    for name in SERVICES:
        say(f"What the administrator of {name} writes down ({name}/meshes.yml)")
        print(textwrap.indent((DEMO / name / "meshes.yml").read_text(encoding="utf-8"), "  "), end="")

    cards = ["-e", "federation_cards_dir=cards"]
    for name in SERVICES:
        say(f"{name} makes a card for {PEER[name]}: public facts only, no key, no token, no API address")
        play(name, "publish_cards", *cards)
    for name, peer in PEER.items():
        card = f"{name}-for-{peer}.json"
        say(f"{name} hands {card} over, by mail or in a repository")
        shutil.copy2(DEMO / name / "cards" / card, DEMO / peer / "cards" / card)
        print(f"  {name}/cards/{card} -> {peer}/cards/{card}", flush=True)

    say("east federates first: it does its half and says what is pending")
    play("east", "federate", *cards)
    say("west federates: both halves are there")
    play("west", "federate", *cards)
    say("Status as east sees it")
    play("east", "status", *cards)

    say("A request crosses from west to east, through both meshes' gateways with mutual TLS")
    if call(bed, "west", "http://cart.shop.svc.east-imports.local/").status != 200:
        raise Failed("The imported service did not answer.")
    say("A service that east does not export stays out of reach")
    if call(bed, "west", "http://ledger.shop.svc.east-imports.local/").status == 200:
        raise Failed("A service that is not exported answered.")

    say("The same again changes nothing")
    for name in SERVICES:
        changed = changes_of(play(name, "federate", *cards), name)
        if changed:
            raise Failed(f"The second run as {name} changed {changed} tasks; it should change none.")
    say(f"Done in {time.monotonic() - started:.0f} s. The meshes stay up. What to try next:")
    print(NEXT.format(demo=DEMO), flush=True)


NEXT = """\
  {demo}/east/meshes.yml                            change a rule, then:
  tools/demo.sh play east federate --check --diff   see what it would do
  tools/demo.sh play east federate                  do it
  tools/demo.sh play west status                    ask the other side
  tools/demo.sh call west http://cart.shop.svc.east-imports.local/
  tools/demo.sh play east unfederate                undo east's half
  kubectl --kubeconfig {demo}/east/kubeconfig get servicemeshpeers -A
  make demo-down                                    end it\
"""


def down() -> None:
    """End the demo's testbed, if there is one, and remove its folder."""
    with contextlib.suppress(TestbedError):  # there is none
        Testbed.attach(BED).stop()
    if DEMO.exists():
        shutil.rmtree(DEMO)


def main() -> None:
    words = sys.argv[1:]
    try:
        if words == ["up"]:
            up()
        elif words == ["down"]:
            down()
        elif words == ["testbed"]:
            os.execv(sys.executable, [sys.executable, "-m", "testbed", "up"])
        elif len(words) >= 3 and words[0] == "play" and words[1] in SERVICES:
            play(words[1], words[2], "-e", "federation_cards_dir=cards", *words[3:])
        elif len(words) == 3 and words[0] == "call" and words[1] in SERVICES:
            call(Testbed.attach(BED), words[1], words[2])
        else:
            sys.exit("usage: demo.sh up | down | testbed | play east|west PLAYBOOK [OPTIONS...] | call east|west URL")
    except Failed as failed:
        sys.exit(f"\nThe demo failed: {failed}\nThe meshes are still up; make demo-down ends them.")
    except TestbedError as error:
        sys.exit(f"{error}. make demo starts one.")


if __name__ == "__main__":
    main()
