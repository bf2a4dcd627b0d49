# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How names get into a question to Prometheus."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.traffic.measuring import any_of, error_query


def test_names_are_asked_for_letter_by_letter() -> None:
    assert any_of(["till.shop", "cart-2.shop", "till.shop"]) == r"cart-2\\.shop|till\\.shop"


@pytest.mark.parametrize(
    "name",
    [
        'x"} or vector(0) #',
        "x'",
        "x`",
        "x\\",
        "x\n",
        "x|y",
        "x.*",
        "x(",
        "x[",
        "x{",
        "x}",
        "x$",
        "^x",
        "x+?",
        "x\u0430",
    ],
)
def test_no_name_ends_the_text_of_a_question_or_means_more_than_itself(name: str) -> None:
    assert re.fullmatch(r"(?:[A-Za-z0-9_-]|\\\\\.|\\\\x\{[0-9a-f]+\})+", any_of([name]))
    assert any_of([name]) in error_query([name], 60)


def test_another_sign_stands_by_its_number() -> None:
    assert any_of(['a"b']) == r"a\\x{22}b"


# What Prometheus has of calls with and without an answer after ten minutes of looks each 15 s, and how many per cent of
# the last minute failed.
HOST = "till.shop.svc.west-imports.local"
COUNTED = {
    "a few fail": ("0+9x40", "0+1x40", 10),
    "the first errors ever come at once": ("0+10x40", "_x39 40 40", 50),
    "none ever failed": ("0+10x40", "", 0),
    "old errors are past": ("0+10x40", "500x40", 0),
    "a proxy with old errors missed some looks": ("0+10x40", "500x31 _x7 500 500", 0),
    "Prometheus has just begun": ("_x37 10000+10x2", "_x37 5000x2", 0),
    "a caller's container started anew": ("0+10x40", "30x36 10+10x3", 50),
    # 33, but for what Prometheus thinks of between two looks.
    "a caller is gone, and its errors count": ("0+10x40", "0+10x38 stale", 38),
    "nobody calls": ("", "", None),
}


def test_a_share_of_errors_is_what_really_happened(promtool: Path, tmp_path: Path) -> None:
    question = f"round(100 * ({error_query([HOST], 60)}))"
    groups = []
    for good, bad, share in COUNTED.values():
        labels = f'reporter="source",destination_service="{HOST}"'
        series = [
            {"series": f'istio_requests_total{{{labels},response_code="{code}"}}', "values": text}
            for code, text in (("200", good), ("0", bad))
            if text
        ]
        expected = [] if share is None else [{"labels": "{}", "value": share}]
        groups.append(
            {
                "interval": "15s",
                "input_series": series,
                "promql_expr_test": [{"expr": question, "eval_time": "10m", "exp_samples": expected}],
            }
        )
    (tmp_path / "test.yml").write_text(json.dumps({"tests": groups}), encoding="utf-8")
    done = subprocess.run(
        [promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
