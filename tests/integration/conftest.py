# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The testbed and its administrators, for every integration test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from integration.administrators import SERVICES, TREE, Administrator, described

from testbed import MeshSpec, Testbed, pool

SCALE = 0.05
pool.share()


@pytest.fixture(scope="session")
def collections(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A collections folder with this checkout as ossm.federation, or the one where its archive was installed."""
    installed = os.environ.get("OSSM_FEDERATION_INSTALLED")
    if installed:
        assert (Path(installed) / "ansible_collections" / "ossm" / "federation" / "MANIFEST.json").is_file()
        return installed
    folder = tmp_path_factory.mktemp("collections")
    link = folder / "ansible_collections" / "ossm" / "federation"
    link.parent.mkdir(parents=True)
    link.symlink_to(TREE)
    return str(folder)


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    """Two meshes that know nothing of each other: east offers cart and ledger, west has checkout."""
    meshes = [MeshSpec(name, services=services) for name, services in SERVICES.items()]
    with Testbed.start(tmp_path_factory.mktemp("bed"), meshes=meshes, clock_scale=SCALE) as running:
        yield running


@pytest.fixture
def administrator(tmp_path: Path, collections: str, bed: Testbed) -> Callable[..., Administrator]:
    """Return a maker of administrators: ``administrator("east", "west")`` has both meshes, ``administrator("east")``
    one.
    """

    def make(*names: str) -> Administrator:
        folder = tmp_path / "-".join(names)
        folder.mkdir(exist_ok=True)
        meshes = {name: described(bed, name) for name in names}
        return Administrator(folder, collections, meshes)

    return make
