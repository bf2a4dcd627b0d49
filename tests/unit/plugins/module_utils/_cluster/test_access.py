# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a kubeconfig says is obeyed as kubectl does, or refused by name: a table, and kubectl itself where
there is one.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._cluster.client import Cluster
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import CONFIG_MAP
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from unit.kubeconfigs import PATH, ROWS, Place, Row, Sent, noting

from testbed.certificates import write_key

KUBECTL = shutil.which("kubectl")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of the server, which is its own CA and a client's as well, and its key, each a file."""
    folder = tmp_path_factory.mktemp("authority")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubeconfigs")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("api.inner.example")]
    made = (
        x509.CertificateBuilder(
            name, name, key.public_key(), 1, now - datetime.timedelta(minutes=1), now + datetime.timedelta(hours=1)
        )
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "c.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    write_key(folder / "k.pem", key)
    return folder / "c.pem", folder / "k.pem"


@pytest.fixture
def here(pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A folder with a token and certificates, beside which the kubeconfigs come to lie; the working folder
    is another.
    """
    folder, elsewhere = tmp_path / "beside", tmp_path / "elsewhere"
    for made in (folder, elsewhere):
        made.mkdir()
    for file in pair:
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "token").write_text("of-a-file\n", encoding="utf-8")
    for name in [
        name
        for name in os.environ
        if name.startswith("K8S_AUTH_") or name.lower().endswith("_proxy") or name == "KUBECONFIG"
    ]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(elsewhere)
    with noting(folder, folder / "c.pem", folder / "k.pem") as place:
        yield place


def written(row: Row, here: Place) -> str:
    """Write a row's kubeconfigs and return their paths, as the variable KUBECONFIG has them."""
    said = row.write(here)
    paths = []
    for number, each in enumerate(said if isinstance(said, list) else [said]):
        path = here.folder / f"kubeconfig-{number}"
        path.write_text(json.dumps(each), encoding="utf-8")
        paths.append(str(path))
    return os.pathsep.join(paths)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.about)
def test_a_kubeconfig_is_obeyed_or_refused_by_name(row: Row, here: Place) -> None:
    code, word = row.ours or ("", "")
    options = {"kubeconfig": written(row, here), "api_timeout": 2}
    if code.startswith("FED"):
        with pytest.raises(FederationError) as caught:
            Cluster.connect(options).list(CONFIG_MAP, "east")
        assert caught.value.code == code
        assert word in str(caught.value)
        assert not [sent for sent in here.noted if sent.authorization]
        return
    Cluster.connect(options).list(CONFIG_MAP, "east")
    assert here.noted == [Sent(authorization=word) if code else row.kubectl]


@pytest.mark.skipif(KUBECTL is None, reason="no kubectl here to compare with")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.about)
def test_kubectl_does_what_the_table_says_of_it(row: Row, here: Place) -> None:
    environment = {**os.environ, "KUBECONFIG": written(row, here), "HOME": str(here.folder)}
    words = [KUBECTL, "get", "--raw", f"{PATH}?limit=500"]
    done = subprocess.run(
        words,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == (row.kubectl is not None), done.stdout
    if row.kubectl:
        # A dispatcher asks for the version first, and ``--raw`` leaves the server's own path out.
        assert here.noted[-1] == replace(row.kubectl, path=PATH)
