# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Clusters that one testbed after another is given: the next finds nothing of the one before."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from testbed_tests.test_cluster_testbed import TESTS, processes_of, wait_until

from testbed.cluster import Cluster
from testbed.kube import Kube, KubeError
from testbed.pool import MOST_FREE, Etcd, Pool
from testbed.programs import find_programs

POLICY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "closed", "namespace": "shop"},
    "spec": {"podSelector": {}},
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "cart", "namespace": "shop"},
    "spec": {"ports": [{"port": 80, "nodePort": 30080}]},
}
PEER = "servicemeshpeers.federation.maistra.io"


def load(cluster: Cluster) -> None:
    cluster.load_crds("2.3")


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    running = Pool(find_programs())
    yield running
    running.close()


@pytest.fixture
def lent(pool: Pool) -> Iterator[list[dict[str, Any]]]:
    """What a test has borrowed; it goes back whatever happens."""
    held: list[dict[str, Any]] = []
    yield held
    pool.take_back(held)


def borrowed(pool: Pool, lent: list[dict[str, Any]], folder: Path) -> tuple[dict[str, Any], Kube]:
    """Borrow a cluster; return what is said of it, and its client."""
    (words,) = pool.lend(1, ["2.3"], load)
    lent.append(words)
    cluster = Cluster("east", folder, None, None, "", "", words)
    cluster.start()
    return words, cluster.kube


def test_a_cluster_that_comes_back_holds_nothing_of_who_had_it(
    pool: Pool, lent: list[dict[str, Any]], tmp_path: Path
) -> None:
    words, kube = borrowed(pool, lent, tmp_path)
    service = {**SERVICE, "spec": {**SERVICE["spec"], "type": "NodePort"}}
    for made in ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}, POLICY, service):
        kube.create(made)
    kube.merge("Namespace", "default", None, {"metadata": {"labels": {"touched": "yes"}}})
    audit_log = Path(words["home"], "audit.log")
    audit_log.write_text("somebody asked\n", encoding="utf-8")
    etcd = Etcd(words["etcd_url"])
    etcd.write([(b"compact_rev_key", b"7")], [])  # the API server's own: without it, it dies at its next compaction
    pool.take_back([lent.pop()])

    again, kube = borrowed(pool, lent, tmp_path)
    assert again["server"] == words["server"]
    assert etcd.value(b"compact_rev_key") == b"7"
    assert {entry["metadata"]["name"] for entry in kube.list("Namespace")} == {
        "default",
        "kube-node-lease",
        "kube-public",
        "kube-system",
    }
    assert kube.list("NetworkPolicy") == []
    assert "touched" not in kube.get("Namespace", "default")["metadata"]["labels"]
    assert "somebody asked" not in audit_log.read_text(encoding="utf-8")
    for made in ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}, service):
        kube.create(made)  # its node port is free again


def test_a_cluster_whose_kinds_were_changed_is_not_handed_on(
    pool: Pool, lent: list[dict[str, Any]], tmp_path: Path
) -> None:
    words, kube = borrowed(pool, lent, tmp_path)
    kube.merge("CustomResourceDefinition", PEER, None, {"spec": {"names": {"shortNames": ["other"]}}})
    pool.take_back([lent.pop()])
    again, kube = borrowed(pool, lent, tmp_path)
    assert again["server"] != words["server"]
    assert kube.get("CustomResourceDefinition", PEER)["spec"]["names"].get("shortNames") != ["other"]


def test_two_testbeds_at_once_have_different_clusters_and_few_wait(pool: Pool, lent: list[dict[str, Any]]) -> None:
    lent += pool.lend(MOST_FREE + 1, ["2.3"], load)
    assert len({words["server"] for words in lent}) == MOST_FREE + 1
    pool.take_back(lent)
    still_there = [words for words in lent if Path(words["home"]).exists()]
    lent.clear()
    assert len(still_there) == MOST_FREE


def test_a_cluster_has_the_kinds_that_were_asked_for(pool: Pool, lent: list[dict[str, Any]], tmp_path: Path) -> None:
    borrowed(pool, lent, tmp_path)
    pool.take_back([lent.pop()])
    (words,) = pool.lend(1, ["olm"], lambda cluster: cluster.load_olm())
    lent.append(words)
    kube = Cluster("east", tmp_path, None, None, "", "", words).kube
    with pytest.raises(KubeError):
        kube.list("ServiceMeshPeer")
    assert kube.list("Subscription") == []


HOLDING = """
import sys, time
from testbed import MeshSpec, Testbed, pool

pool.share()
Testbed.start(sys.argv[1], [MeshSpec("east")], say=lambda _line: None)
print("up", flush=True)
time.sleep(600)
"""


def test_nothing_is_left_of_a_process_that_was_killed_with_its_clusters(tmp_path: Path) -> None:
    words = [sys.executable, "-c", HOLDING, str(tmp_path / "bed")]
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "up\n"
        finally:
            process.kill()
    wait_until(lambda: processes_of(tmp_path / "bed") == [])
