# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Show a failover in front of one's eyes: a real Istio control plane, real sidecars, and a line per second that says
which mesh answered.

``demo_traffic.py`` stays up until Ctrl-C and lets the local endpoint fail again and again; ``demo_traffic.py --once``
ends after one failover and the way home, and fails when they do not come.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from pathlib import Path

from places import CACHE
from testbed.programs import ProgramsError
from testbed.real_istio import LABEL, PORT, RealIstio
from testbed.sidecars import Caller

INVENTORY = """\
---
meshes:
  hosts:
    east:
      mesh_kubeconfig: {kubeconfig}
      mesh_locality: {{region: eu-central}}
      mesh_peers: [{{name: west, locality: {{region: eu-west}}}}]
      mesh_imports:
        - {{name: cart, namespace: shop, import_as_local: true, from: [west]}}
      mesh_traffic:
        - service: shop/cart
          failover_to: west
          outlier: {{consecutive_5xx: 3, interval: 1s, base_ejection_time: 5s}}
"""
HOST = f"cart.shop.svc.cluster.local:{PORT}"
CALLS_A_SECOND = 10
WELL_SECONDS, ILL_SECONDS = 6, 8
HOME_SECONDS = 60


class Failed(Exception):
    """Something that the demo shows did not happen."""


def say(text: str) -> None:
    """Print one heading of the demo."""
    print(f"\n\033[1m# {text}\033[0m" if sys.stdout.isatty() else f"\n# {text}", flush=True)


def play(folder: Path, playbook: str, *options: str) -> None:
    """Run one playbook in the administrator's folder. Raises ``Failed``."""
    words = ["ansible-playbook", "-i", "meshes.yml", f"ossm.federation.{playbook}", *options]
    print(f"east$ {shlex.join(words)}", flush=True)
    environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ossm.federation.brief"}
    if subprocess.run(words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, check=False).returncode:
        raise Failed(f"'{shlex.join(words)}' failed; its output stands above.")


class Watch:
    """Calls cart as web does, and prints a line per second."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._began = time.monotonic()

    def second(self, remark: str) -> Counter[str]:
        """Call for a second, print who answered, and return how often each did; a call that failed counts
        as ``none``.
        """
        seen: Counter[str] = Counter()
        for _number in range(CALLS_A_SECOND):
            answered = self._caller.call(HOST)
            seen[answered.mesh if answered.status == 200 else "none"] += 1
            time.sleep(1 / CALLS_A_SECOND)
        bars = "  ".join(f"{mesh} {'█' * seen[mesh]:<{CALLS_A_SECOND}}" for mesh in ("east", "west"))
        failed = f"  {seen['none']} failed" if seen["none"] else ""
        print(f"{time.monotonic() - self._began:5.0f} s  {bars}  {remark}{failed}", flush=True)
        return seen

    def until(self, mesh: str, seconds: int, remark: str) -> None:
        """Watch until a whole second is answered by ``mesh`` alone. Raises ``Failed``."""
        for _second in range(seconds):
            if set(self.second(remark)) == {mesh}:
                return
        raise Failed(f"{mesh} alone does not answer within {seconds} s")


def failover(watch: Watch, mesh: RealIstio) -> None:
    """Let the local endpoint fail and get well again. Raises ``Failed`` when calls do not follow."""
    for _second in range(WELL_SECONDS):
        watch.second("")
    mesh.cart.fails = True
    try:
        watch.until("west", 20, "cart of east fails")
        for _second in range(ILL_SECONDS):
            watch.second("cart of east fails")
    finally:
        mesh.cart.fails = False
    watch.until("east", HOME_SECONDS, "cart of east is well again")


def show(once: bool) -> None:
    """Bring the mesh up, route, and watch."""
    (CACHE / "demo").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ossm-") as scratch:
        folder = Path(scratch)
        say("A mesh with a real Istio control plane, a sidecar at each workload, and an egress gateway towards west")
        started = time.monotonic()
        with RealIstio(folder / "bed") as mesh:
            print(f"{LABEL}; up in {time.monotonic() - started:.0f} s: {', '.join(sorted(mesh.proxies))}", flush=True)
            text = INVENTORY.format(kubeconfig=mesh.east.kubeconfig)
            (folder / "meshes.yml").write_text(text, encoding="utf-8")
            say("What the administrator of east writes down (meshes.yml)")
            print(textwrap.indent(text, "  "), end="")
            watch = Watch(mesh.caller("web-1"))
            say("Without a rule the calls of shop/web to shop/cart go to both sides")
            for _second in range(3):
                watch.second("no rule")
            say("With the rule they stay at home")
            play(folder, "traffic")
            watch.until("east", 30, "")
            play(folder, "routes", "-e", "routes_service=shop/cart", "-e", "routes_from=shop/web")
            say("Now cart of east answers with errors; west takes over, until it is well again")
            failover(watch, mesh)
            if not once:
                say(
                    f"It goes on until Ctrl-C. Meanwhile: kubectl --kubeconfig {mesh.east.kubeconfig} get"
                    " destinationrules -A"
                )
                while True:
                    failover(watch, mesh)


def main() -> None:
    try:
        show(once=sys.argv[1:] == ["--once"])
    except KeyboardInterrupt:
        print("\nThe demo has ended.")
    except (Failed, ProgramsError) as failed:
        sys.exit(f"\nThe demo failed: {failed}")


if __name__ == "__main__":
    main()
