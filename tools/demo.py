# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Show the collection at work on two real API servers; ``down`` ends either.

``demo.py up``: two administrators federate their meshes. Each has a folder with an inventory, a kubeconfig of the own
cluster and the cards that came from the other side. Every playbook runs in one of these folders and sees nothing else.

``demo.py life``: one team, two clusters with nothing but OLM. ``site`` installs, configures and federates; a mesh of
2.0 with Mixer and 3scale is upgraded, and joins.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from places import CACHE, TREE
from testbed import Answer, MeshSpec, Testbed, TestbedError

DEMO = CACHE / "demo"
BED = DEMO / "testbed"
EXAMPLE = TREE / "examples" / "two-administrators"
LIFE = TREE / "examples" / "from-bare-clusters"
ONE_TEAM = "team"
CLUSTER_OF = {"east": "north", "west": "south", "old": "south"}
SERVICES = {"east": {"shop": ["cart", "ledger"]}, "west": {"shop": ["checkout"]}}
PEER = {"east": "west", "west": "east"}
SCALE = 0.05


class Failed(Exception):
    """Something that the demo shows did not happen."""


def say(text: str) -> None:
    """Print one heading of the demo."""
    print(f"\n\033[1m# {text}\033[0m" if sys.stdout.isatty() else f"\n# {text}", flush=True)


def play(folder: str, playbook: str, *options: str, is_refused: bool = False) -> str:
    """Run one playbook in an administrator's folder, showing what it prints, and return that.

    Raises ``Failed`` when it fails, or does not though ``is_refused``.
    """
    return plays({folder: playbook}, *options, is_refused=is_refused)[folder]


def plays(playbooks: Mapping[str, str], *options: str, is_refused: bool = False) -> dict[str, str]:
    """Run a playbook in each administrator's folder, all at the same time, and show one after the other; else like
    ``play``.
    """
    # As the examples' own configuration shows it, whatever configuration the demo itself was started with.
    environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ossm.federation.brief"}
    environment |= {"ANSIBLE_FORCE_COLOR": "1"} if sys.stdout.isatty() else {}
    with contextlib.ExitStack() as stack:
        runs = {}
        for mesh, playbook in playbooks.items():
            words = ["ansible-playbook", "-i", "meshes.yml", f"ossm.federation.{playbook}", *options]
            # What the one that is not shown yet prints waits in a file; in a pipe it would stop when that is full.
            printed = stack.enter_context(tempfile.TemporaryFile("w+"))
            run = subprocess.Popen(
                words,
                cwd=DEMO / mesh,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
            )
            stack.callback(_end, run)
            runs[mesh] = (shlex.join(words), run, printed.fileno())
        return {
            mesh: _shown(f"{mesh}$ {line}", run, printed, is_refused) for mesh, (line, run, printed) in runs.items()
        }


def _shown(heading: str, run: subprocess.Popen, printed: int, is_refused: bool) -> str:
    """Show what a run prints into the file ``printed`` until it ends, and return it without colours."""
    print(heading, flush=True)
    output, rest = b"", b""
    while True:
        has_ended = run.poll() is not None
        more = os.pread(printed, 1 << 20, len(output))
        output += more
        *lines, rest = (rest + more).split(b"\n")
        for line in lines:
            if line.strip():
                print("  " + line.decode(errors="replace"), flush=True)
        if not more:
            if has_ended:
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.wait(0.1)
    if bool(run.returncode) != is_refused:
        raise Failed(f"'{heading}' ended with {run.returncode}; its output stands above.")
    return re.sub(r"\x1b\[[0-9;]*m", "", output.decode(errors="replace"))


def _end(run: subprocess.Popen) -> None:
    """End a run that still runs, since the demo does not go on."""
    if run.poll() is None:
        run.terminate()
        run.wait()


def has_changed(output: str, mesh: str) -> bool:
    """Return whether a playbook's last line, ``changed: east · unchanged: west``, says that something of ``mesh``
    changed.
    """
    told = dict(part.split(": ", 1) for part in output.rstrip().splitlines()[-1].split(" · ") if ": " in part)
    found = [word for word, names in told.items() if mesh in names.split(", ")]
    if found not in (["changed"], ["unchanged"]):
        raise Failed(f"The last line does not say whether anything of {mesh} changed.")
    return found == ["changed"]


def call(bed: Testbed, mesh: str, url: str) -> Answer:
    """Send one request from a client in ``mesh``, show the answer, and return it."""
    parts = urlsplit(url)
    space = f"{mesh}-shop" if (DEMO / ONE_TEAM).exists() else "shop"
    answer = bed.meshes[mesh].call(
        parts.hostname, port=parts.port or 80, path=parts.path or "/", source=f"client.{space}"
    )
    print(f"{mesh}$ curl {url}\n  {answer.status or ''} {(answer.body or answer.error or '').strip()}", flush=True)
    return answer


def on_this_machine(folder: Path) -> None:
    """Say beside an inventory that its gateways are on this machine, which is refused elsewhere."""
    (folder / "group_vars").mkdir()
    text = (
        "---\n# The demo's gateways are on this machine, which is refused in a real inventory.\nfederation_loopback:"
        " true\n"
    )
    (folder / "group_vars" / "meshes.yml").write_text(text, encoding="utf-8")


def refuse_at_gateway(bed: Testbed) -> None:
    """Ask east's gateway, with the certificate of west's egress gateway, for a service that is exported and one that is
    not.
    """
    card = json.loads((DEMO / "west" / "cards" / "east-for-west.json").read_text(encoding="utf-8"))
    address, port = card["ingress"]["addresses"][0], card["ingress"]["service_port"]
    for service, is_exported in (("cart", True), ("ledger", False)):
        name = f"outbound_.80_._.{service}.shop.svc.west-exports.local"
        answer = bed.meshes["west"].call(
            address, port=port, force_sni=name, principal="west-mesh-system/east-egress-service-account"
        )
        said = (
            f"200 {answer.body.strip()}"
            if answer.status == 200
            else f"refused: {(answer.body or answer.error).strip()}"
        )
        print(f"west$ openssl s_client -connect {address}:{port} -servername {name}\n  {said}", flush=True)
        if (answer.status == 200) != is_exported:
            raise Failed(f"The gateway should {'answer' if is_exported else 'refuse'}.")


def insist(output: str, *parts: str) -> None:
    """Raise ``Failed`` when a part is missing in what a playbook has printed, line breaks aside."""
    text = " ".join(output.split())
    for part in parts:
        if part not in text:
            raise Failed(f"The output lacks '{part}'.")


def life() -> None:
    """Start two bare clusters and walk through the life of three meshes."""
    started = time.monotonic()
    down()
    DEMO.mkdir(parents=True)
    say("Two clusters, each a real Kubernetes API server with OLM and nothing of a mesh")
    meshes = [
        MeshSpec(
            name,
            cluster=cluster,
            members=[f"{name}-shop"],
            services={f"{name}-shop": ["cart"]},
            control_plane_present=False,
        )
        for name, cluster in CLUSTER_OF.items()
    ]
    bed = Testbed.start(BED, meshes=meshes, clock_scale=SCALE, tied=False, olm=True)
    folder = DEMO / ONE_TEAM
    shutil.copytree(LIFE, folder)
    on_this_machine(folder)
    for name, cluster in CLUSTER_OF.items():
        shutil.copy2(bed.meshes[name].kubeconfig, folder / f"{cluster}.kubeconfig")
    say(f"What the team writes down ({ONE_TEAM}/meshes.yml)")
    print(textwrap.indent((folder / "meshes.yml").read_text(encoding="utf-8"), "  "), end="")

    say("What would be done")
    play(ONE_TEAM, "install", "--check", "--diff")
    say(
        "site: operators, namespaces and rights, three control planes with their members, and the federation of east"
        " and west"
    )
    play(ONE_TEAM, "site")
    say("A request crosses from west to east")
    call_cart(bed, "west")
    say("The same again changes nothing")
    output = play(ONE_TEAM, "site")
    for host in (*CLUSTER_OF, *CLUSTER_OF.values()):
        if has_changed(output, host):
            raise Failed(f"The second run changed something on {host}.")

    to_2_1 = ("--limit", "old", "-e", "upgrade_to=v2.1")
    say("Mesh old is on 2.0, with Mixer and 3scale. What lies between it and 2.1?")
    insist(play(ONE_TEAM, "upgrade", *to_2_1, "--check"), "v2.0 → v2.1: stopped", "use Mixer", "spec.addons.3scale")
    say("Without an answer to that it goes nowhere, and nothing is written")
    insist(play(ONE_TEAM, "upgrade", *to_2_1, is_refused=True), "FED431")
    say("With one it goes: Mixer and 3scale out, and the new version, in one update")
    insist(
        play(ONE_TEAM, "upgrade", *to_2_1, "-e", "upgrade_remove_mixer=true", "-e", "upgrade_restart=true"),
        "old-mesh-system/basic is v2.1",
    )

    say(f"Now it can be federated, too. What the team adds ({ONE_TEAM}/after-upgrade.yml)")
    print(textwrap.indent((folder / "after-upgrade.yml").read_text(encoding="utf-8"), "  "), end="")
    play(ONE_TEAM, "site", "-i", "after-upgrade.yml")
    say("A request crosses from old to east")
    call_cart(bed, "old")
    say(f"Done in {time.monotonic() - started:.0f} s. The meshes stay up. What to try next, in {folder}:")
    print(NEXT_IN_LIFE.format(folder=folder), flush=True)


def call_cart(bed: Testbed, mesh: str) -> None:
    """Call east's cart from another mesh. Raises ``Failed`` when it does not answer."""
    if call(bed, mesh, "http://cart.east-shop.svc.east-imports.local/").status != 200:
        raise Failed("The imported service did not answer.")


NEXT_IN_LIFE = """\
  tools/demo.sh play team preflight                            what would be skipped in silence
  tools/demo.sh play team upgrade -e upgrade_to=v2.3 --check   the way of all three
  tools/demo.sh play team upgrade -e upgrade_to=v2.2 --limit east
  tools/demo.sh play team tenants --check --diff
  tools/demo.sh play team uninstall                            back to two bare clusters
  kubectl --kubeconfig {folder}/south.kubeconfig get smcp,smmr,servicemeshpeers,csv -A
  make demo-down                                               end it\
"""


def show_pods(bed: Testbed) -> None:
    """Write a pod that is ready for each service, as a cluster has it: without any, a diagnosis says that nobody can
    answer.
    """
    for mesh, services in SERVICES.items():
        for namespace, names in services.items():
            for name in names:
                containers = [{"name": each, "image": each} for each in (name, "istio-proxy")]
                metadata = {"name": f"{name}-1", "namespace": namespace, "labels": {"app": name}}
                bed.meshes[mesh].kube.create(
                    {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}}
                )
                status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
                bed.meshes[mesh].kube.merge("Pod", f"{name}-1", namespace, {"status": status}, "status")


def up() -> None:
    """Start the testbed and walk through the two administrators' work."""
    started = time.monotonic()
    down()
    DEMO.mkdir(parents=True)
    say("Two clusters, each a real Kubernetes API server with a mesh beside it")
    meshes = [MeshSpec(name, services=services) for name, services in SERVICES.items()]
    bed = Testbed.start(BED, meshes=meshes, clock_scale=SCALE, tied=False)
    show_pods(bed)
    for name, mesh in bed.meshes.items():
        folder = DEMO / name
        shutil.copytree(EXAMPLE / name, folder)
        on_this_machine(folder)
        (folder / "cards").mkdir()
        shutil.copy2(mesh.kubeconfig, folder / "kubeconfig")
        print(f"{name}: {folder}", flush=True)
    for name in SERVICES:
        say(f"What the administrator of {name} writes down ({name}/meshes.yml)")
        print(textwrap.indent((DEMO / name / "meshes.yml").read_text(encoding="utf-8"), "  "), end="")

    cards = ["-e", "federation_cards_dir=cards"]
    say("Each makes a card for the other: public facts only, no key, no token, no API address")
    plays(dict.fromkeys(SERVICES, "publish_cards"), *cards)
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
    say("east has another service, ledger, which it does not export: west does not even know its name")
    if call(bed, "west", "http://ledger.shop.svc.east-imports.local/").status is not None:
        raise Failed("A service that is not exported answered.")
    say("Nor does east's gateway let it through when west's gateway asks for it all the same")
    refuse_at_gateway(bed)

    say("The same again changes nothing")
    for name, output in plays(dict.fromkeys(SERVICES, "federate"), *cards).items():
        if has_changed(output, name):
            raise Failed(f"The second run as {name} changed something; it should change nothing.")
    say(f"Done in {time.monotonic() - started:.0f} s. The meshes stay up. What to try next:")
    print(NEXT.format(demo=DEMO), flush=True)


NEXT = """\
  {demo}/east/meshes.yml                            change a rule, then:
  tools/demo.sh play east federate --check --diff   see what it would do
  tools/demo.sh play east federate                  do it
  tools/demo.sh play west status                    ask the other side
  tools/demo.sh play east health                    which component is not well; istiod is a model here, so proxies
                                                    cannot be read (make demo-traffic has a real istiod and proxies)
  tools/demo.sh play west diagnose                  rung by rung: what holds, and who would have to act
  tools/demo.sh play west explain -e explain_service=shop/cart   which rule gave the name
  tools/demo.sh play east report                    everything on one page, {demo}/east/federation-report.html
  tools/demo.sh play east validate                  what is wrong with the Istio configuration
  tools/demo.sh call west http://cart.shop.svc.east-imports.local/
  tools/demo.sh play east unfederate -e unfederate_peers=all   undo east's half
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
        elif words == ["life"]:
            life()
        elif words == ["down"]:
            down()
        elif words == ["testbed"]:
            os.execv(sys.executable, [sys.executable, "-m", "testbed", "up"])
        elif len(words) >= 3 and words[:2] == ["play", ONE_TEAM]:
            play(ONE_TEAM, words[2], "-i", "after-upgrade.yml", *words[3:])
        elif len(words) >= 3 and words[0] == "play" and words[1] in SERVICES:
            play(words[1], words[2], "-e", "federation_cards_dir=cards", *words[3:])
        elif len(words) == 3 and words[0] == "call" and words[1] in {*SERVICES, *CLUSTER_OF}:
            call(Testbed.attach(BED), words[1], words[2])
        else:
            sys.exit(
                "usage: demo.sh up | life | down | testbed | play east|west|team PLAYBOOK [OPTIONS...] | call MESH URL"
            )
    except Failed as failed:
        sys.exit(f"\nThe demo failed: {failed}\nThe meshes are still up; make demo-down ends them.")
    except TestbedError as error:
        sys.exit(f"{error}. make demo starts one.")


if __name__ == "__main__":
    main()
