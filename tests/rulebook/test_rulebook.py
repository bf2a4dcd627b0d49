# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""ansible-rulebook itself runs the rulebook that is shipped: our source tells it what has happened, and it starts our
playbook.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attacks.api import TOKEN, ApiInMemory
from attacks.test_verify import mesh, peering

PROGRAM = os.environ.get("OSSM_FEDERATION_RULEBOOK", "")
"""The path of ansible-rulebook, in a venv of its own; ``make test-rulebook`` gives it."""
SECONDS = 120
"""How long a first look and the playbook after it may take; Java alone takes some seconds to begin."""

pytestmark = pytest.mark.skipif(
    not PROGRAM, reason="ansible-rulebook is not named; make test-rulebook runs these tests"
)


@contextmanager
def running(api: ApiInMemory, collections: str, folder: Path) -> Iterator[Path]:
    """Run the rulebook for east until the block ends; give the file that it writes to."""
    access = {"mesh_kubeconfig": str(api.kubeconfig(folder / "east.kubeconfig")), "mesh_peers": ["west"]}
    host = {**access, "ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    inventory = folder / "meshes.yml"
    inventory.write_text(json.dumps({"meshes": {"hosts": {"east": host}}}), encoding="utf-8")
    (folder / "cards").mkdir()
    environment = {
        **os.environ,
        "PATH": f"{Path(PROGRAM).parent}:{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": collections,
        "MESH": "east",
        "MESH_KUBECONFIG": access["mesh_kubeconfig"],
        "CARDS_DIR": str(folder / "cards"),
    }
    words = [PROGRAM, "--rulebook", "ossm.federation.federation", "-i", str(inventory), "--print-events"]
    words += ["--env-vars", "MESH,MESH_KUBECONFIG,CARDS_DIR"]
    output = folder / "output"
    with output.open("wb") as target:
        process = subprocess.Popen(
            words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=target, stderr=subprocess.STDOUT
        )
        try:
            yield output
            assert process.poll() is None, output.read_text(encoding="utf-8", errors="replace")
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def text_with(output: Path, *wanted: str) -> str:
    """Return what the rulebook has written once all of some texts are there; fail after ``SECONDS``."""
    until = time.monotonic() + SECONDS
    while True:
        text = output.read_text(encoding="utf-8", errors="replace")
        missing = [one for one in wanted if one not in text]
        if not missing:
            return text
        assert time.monotonic() < until, f"never written: {missing}\n{text}"
        time.sleep(0.5)


def test_a_peer_that_is_lost_starts_diagnose_which_names_the_cause(api, collections, tmp_path):
    mesh(api)
    api.store.put(peering("ServiceMeshPeer", discoveryStatus={"inactive": [{"pod": "istiod"}]}))
    with running(api, collections, tmp_path) as output:
        text = text_with(output, "'kind': 'peer'", "TASK [ossm.federation.diagnose", "PLAY RECAP")
    assert "'state': 'pending'" in text and "'mesh': 'east'" in text
    assert "FED9" in text and "must act" in text
    assert TOKEN not in text
    assert api.writes == []


def test_a_mesh_that_refuses_is_printed_with_its_code(api, collections, tmp_path):
    mesh(api)
    told = json.dumps({"kind": "Status", "message": "no", "code": 403}).encode()
    api.hostile = lambda _asked: (403, {}, told)
    with running(api, collections, tmp_path) as output:
        text = text_with(output, "'kind': 'mesh'", "'state': 'refused'", "FED106")
    assert TOKEN not in text
