# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The demos show what they promise: they insist on it themselves, and fail when it does not happen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from integration.administrators import TREE, Administrator

# In a folder of its own, beside which a person's demo may be up.
IN_FOLDER = """
import pathlib, sys
import demo
demo.DEMO = pathlib.Path(sys.argv[1])
demo.BED = demo.DEMO / "testbed"
try:
    getattr(demo, sys.argv[2])()
finally:
    demo.down()
"""


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("up", ["# The same again changes nothing", "refused:"]),
        pytest.param(
            "life",
            [
                "v2.0 → v2.1: stopped",
                "3scale authorizes requests through Mixer",
                "# A request crosses from old to east\nold$ curl",
            ],
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_demo_goes_to_its_end_and_leaves_nothing(
    tmp_path: Path, collections: str, name: str, shown: list[str]
) -> None:
    env = Administrator(tmp_path, collections, {}).env
    env["PYTHONPATH"] = f"{TREE / 'tools'}:{TREE / 'tests'}"
    env["ANSIBLE_CONFIG"] = str(TREE / "tools" / "ansible.cfg")  # as tools/demo.sh has it
    words = [sys.executable, "-c", IN_FOLDER, str(tmp_path / "demo"), name]
    done = subprocess.run(
        words, check=False, cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# Done in" in done.stdout
    for part in shown:
        assert part in done.stdout
    assert not (tmp_path / "demo").exists()
