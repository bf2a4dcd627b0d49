# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cluster is asked once for each thing, also by modules of one run that follow each other; and notes say nothing to
anybody else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from ansible_collections.ossm.federation.plugins.module_utils import _notes
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import CONTROL_PLANE, SERVICE
from ansible_collections.ossm.federation.plugins.module_utils._notes import forget
from ansible_collections.ossm.federation.plugins.module_utils._options import CLUSTER, MESH
from ansible_collections.ossm.federation.plugins.module_utils._reads import remembering
from ansible_collections.ossm.federation.plugins.module_utils._reads.remembering import Remembered, note, noted
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW

SPACE = "east-mesh-system"
LIVE = {
    "apiVersion": "maistra.io/v2",
    "kind": "ServiceMeshControlPlane",
    "metadata": {"name": "basic", "namespace": SPACE},
}
PARAMS = {
    **dict.fromkeys((*CLUSTER, *MESH)),
    "mesh": "east",
    "namespace": SPACE,
    "kubeconfig": "east.kubeconfig",
    "api_key": "a-token-of-the-tests",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(_notes, "folder", str(tmp_path))
    yield tmp_path


@pytest.fixture
def cluster() -> ClusterInMemory:
    return ClusterInMemory(NOW, LIVE)


def read_by(cluster: ClusterInMemory) -> Remembered:
    reads = Remembered(cluster)
    reads.list(CONTROL_PLANE, SPACE)
    reads.get(SERVICE, SPACE, "istiod")
    return reads


def test_the_next_module_asks_only_for_what_the_one_before_has_not_read(folder: Path, cluster: ClusterInMemory) -> None:
    note(PARAMS, read_by(cluster))
    cluster.reads.clear()
    cluster.now = NOW + timedelta(minutes=1)
    notes = noted(PARAMS)
    assert notes is not None
    reads = Remembered(cluster, notes)
    assert [live["metadata"]["name"] for live in reads.list(CONTROL_PLANE, SPACE)] == ["basic"]
    assert reads.get(SERVICE, SPACE, "istiod") is None, "that there is none is an answer, too"
    assert (cluster.reads, reads.now) == ([], NOW), "ages are counted to when it was read"
    assert reads.beside().now == NOW
    reads.get(SERVICE, "shop", "cart")
    assert cluster.reads == ["get Service shop/cart"]


def test_notes_are_for_their_owner_only(folder: Path, cluster: ClusterInMemory) -> None:
    note(PARAMS, read_by(cluster))
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "token" not in file.name + file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "other",
    [
        {"mesh": "west"},
        {"namespace": "west-mesh-system"},
        {"api_key": "another-token"},
        {"impersonate_user": "anna"},
        {"kubeconfig": "west"},
    ],
)
def test_who_asks_another_server_as_somebody_else_or_for_another_mesh_finds_no_notes(
    folder: Path, cluster: ClusterInMemory, other: dict
) -> None:
    note(PARAMS, read_by(cluster))
    assert noted({**PARAMS, **other}) is None


def test_notes_that_are_old_are_none(folder: Path, cluster: ClusterInMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = read_by(cluster)
    note(PARAMS, reads)
    begun = reads.begun
    for seconds, is_there in ((remembering.MOST_SECONDS - 1, True), (remembering.MOST_SECONDS, False), (-1, False)):
        monkeypatch.setattr(remembering.time, "monotonic", lambda at=begun + seconds: at)
        assert (noted(PARAMS) is not None) is is_there, seconds


def test_notes_that_are_handed_on_twice_are_as_old_as_the_first(folder: Path, cluster: ClusterInMemory) -> None:
    first = read_by(cluster)
    note(PARAMS, first)
    note(PARAMS, Remembered(cluster, noted(PARAMS)))
    again = noted(PARAMS)
    assert again is not None and (again.at, again.now) == (first.begun, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"at": "now", "now": 1, "answers": {}}',
        '{"at": 1, "now": "2026-01-01T00:00:00Z", "answers": 7}',
    ],
)
def test_what_is_no_notes_says_nothing(folder: Path, cluster: ClusterInMemory, text: str) -> None:
    note(PARAMS, read_by(cluster))
    (file,) = folder.iterdir()
    file.write_text(text, encoding="utf-8")
    assert noted(PARAMS) is None


def test_a_link_in_the_place_of_notes_is_not_followed(
    folder: Path, cluster: ClusterInMemory, tmp_path_factory: pytest.TempPathFactory
) -> None:
    note(PARAMS, read_by(cluster))
    (file,) = folder.iterdir()
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "notes"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    assert noted(PARAMS) is None
    before = elsewhere.read_bytes()
    note(PARAMS, read_by(cluster))
    assert elsewhere.read_bytes() == before and not file.is_symlink()


def test_refusals_are_not_noted_so_that_each_module_tells_of_its_own(folder: Path, cluster: ClusterInMemory) -> None:
    reads = read_by(cluster)
    reads._answers["list v1 services shop"] = remembering.FederationError(
        "FED104", where="shop", what="may not be read", fix="Ask"
    )
    note(PARAMS, reads)
    (file,) = folder.iterdir()
    assert "shop" not in json.loads(file.read_text(encoding="utf-8"))["answers"]
    notes = noted(PARAMS)
    assert notes is not None and "list v1 services shop" not in notes.answers


def test_what_is_too_much_is_not_noted_and_nothing_older_stays(
    folder: Path, cluster: ClusterInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(PARAMS, read_by(cluster))
    monkeypatch.setattr(remembering, "MOST_BYTES", 10)
    note(PARAMS, read_by(cluster))
    assert not [*folder.iterdir()]


def test_notes_are_forgotten(folder: Path, cluster: ClusterInMemory) -> None:
    note(PARAMS, read_by(cluster))
    forget(PARAMS)
    forget(PARAMS)
    assert not [*folder.iterdir()]


def test_nothing_is_noted_where_nobody_knows_what_comes_between_two_tasks(
    cluster: ClusterInMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    note(PARAMS, read_by(cluster))
    forget(PARAMS)
    assert noted(PARAMS) is None and not [*tmp_path.iterdir()]
