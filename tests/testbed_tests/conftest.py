# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the tests of the testbed share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from testbed import MeshSpec, Testbed, pool

pool.share()


@pytest.fixture(scope="session")
def whole_bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    """Two whole meshes that know nothing of each other: east like 2.3, west like 2.5."""
    meshes = [MeshSpec("east"), MeshSpec("west", version="v2.5")]
    with Testbed.start(tmp_path_factory.mktemp("whole") / "bed", meshes) as bed:
        yield bed
