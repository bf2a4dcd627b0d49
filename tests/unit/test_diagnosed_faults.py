# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page of faults is what the ladder says of them, and keeps what is promised."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from ansible_collections.ossm.federation.plugins.module_utils._core.diagnosis.evidence import Evidence
from ansible_collections.ossm.federation.plugins.module_utils._core.diagnosis.ladder import diagnosed
from unit.diagnosis.worlds import FAULTS, VARIANTS, changed, healthy, with_fault

TREE = Path(__file__).resolve().parents[2]


def test_the_page_is_what_the_ladder_says() -> None:
    spec = importlib.util.spec_from_file_location("faults_page", TREE / "tools" / "faults_page.py")
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    made = (
        tool.running()
        + "\n"
        + tool.page(
            FAULTS,
            VARIANTS,
            lambda name: diagnosed(Evidence.of(with_fault(FAULTS[name]))).verdict,
            lambda name: diagnosed(Evidence.of(changed(healthy(), VARIANTS[name]))).first is None,
        )
    )
    assert (TREE / "docs" / "diagnosed-faults.md").read_text(encoding="utf-8") == made, (
        "run python tools/faults_page.py"
    )
    assert re.findall(r"^- (\d+) blame the wrong side", made, re.MULTILINE) == ["0", "0"]
