# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names of variables that nobody reads are refused; what is no misspelling of ours is let pass."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.plugin_utils.specs import SPECS
from ansible_collections.ossm.federation.plugins.plugin_utils.unknown import MOST_TOLD, refuse_unknown


@pytest.mark.parametrize(
    "name",
    ["cluster_name", "cluster_api_url", "status_page", "upgrade_notes", "meshwork", "ansible_mesh", "__mesh_peers"],
)
def test_other_peoples_words_are_let_pass(name: str) -> None:
    refuse_unknown([name], SPECS)


def test_many_are_told_together_and_counted() -> None:
    names = [f"mesh_exports_{at}" for at in range(10)]
    with pytest.raises(FederationError) as refused:
        refuse_unknown(names, SPECS)
    said = str(refused.value)
    assert said.startswith("FED330 mesh_exports_0: ") and said.count("nearest: mesh_exports") == MOST_TOLD - 1
    assert "and 5 more" in said


def test_a_name_that_is_hostile_text_is_made_fit_for_a_terminal() -> None:
    with pytest.raises(FederationError) as refused:
        refuse_unknown(["mesh_\x1b[2J" + "x" * 500], SPECS)
    assert "\x1b" not in str(refused.value) and len(str(refused.value)) < 400
