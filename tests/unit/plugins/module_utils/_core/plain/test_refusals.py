# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What could not be looked at is named as people name it."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import NODE, POD, SERVICE, Kind
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.refusals import Refusal


@pytest.mark.parametrize(
    ("kind", "namespace", "what"),
    [(NODE, "", "Node"), (POD, "shop", "pods in shop"), (SERVICE, "shop", "Service objects in shop")],
)
def test_a_refusal_names_what_was_asked_for_and_why_there_is_no_answer(kind: Kind, namespace: str, what: str) -> None:
    assert Refusal(kind, namespace).text == f"{what}: this account may not read them"
    assert Refusal(kind, namespace, "it does not answer").text == f"{what}: it does not answer"
