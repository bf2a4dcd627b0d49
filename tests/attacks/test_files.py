# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Somebody else may write the folder of cards, of manifests or of the report, and puts there what leads elsewhere or
never ends.

Nothing outside of that folder is read, shown or written; what is not an ordinary file is refused with a code that names
it.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from attacks.api import ApiInMemory
from attacks.attack import Outcome, attack, call
from attacks.test_addresses import card
from integration.administrators import Administrator
from unit.pem import root

SECONDS = 20
MARK = "MARK-OF-A-SECRET"
SECRET = f"users:\n- name: admin\n  user:\n    token: {MARK}\n"
HOSTILE = "hostile writer of a shared folder"


@dataclass
class Ground:
    """A folder that somebody else may write, and one that is none of their business, with a secret in it."""

    shared: Path
    private: Path

    @property
    def secret(self) -> Path:
        return self.private / "secret"

    @classmethod
    def made(cls, folder: Path, shared: str = "shared") -> Ground:
        ground = cls(folder / shared, folder / "private")
        ground.shared.mkdir()
        (ground.private / "folder").mkdir(parents=True)
        ground.secret.write_text(SECRET, encoding="utf-8")
        ground.secret.chmod(0o600)
        return ground

    def state(self) -> dict[str, tuple[int, int, bytes]]:
        """Return all that is private, so that a write there is seen."""
        seen = {path: path.lstat() for path in self.private.rglob("*")}
        return {
            str(path): (found.st_mode, found.st_mtime_ns, path.read_bytes() if path.is_file() else b"")
            for path, found in seen.items()
        }


Plant = Callable[[Ground, Path], None]


def render(_api: ApiInMemory, collections: str, folder: str, *, check: bool = False) -> Outcome:
    options = {"state": "rendered", "mesh": "east", "peers": ["west"], "trust_domain": "east.local", "version": "v2.3"}
    more = {"render_dir": folder, "cards": [card("west", "192.0.2.7")]}
    return call(collections, "federation", {**options, **more}, check=check, seconds=SECONDS)


def publish(api: ApiInMemory, collections: str, folder: str, *, check: bool = False) -> Outcome:
    west = {"name": "west", "gateways": {"addresses": ["192.0.2.10"]}}
    options = {**api.access, "mesh": "east", "peers": [west], "roots": root("east"), "cards_dir": folder}
    return call(collections, "mesh_card", options, check=check, seconds=SECONDS)


def report(_api: ApiInMemory, collections: str, folder: str, *, check: bool = False) -> Outcome:
    options = {"path": f"{folder}/report.json", "report": {"east": {"server": "https://api.east.example.com"}}}
    return call(collections, "federation_report", options, check=check, seconds=SECONDS)


def read_by_federate(api: ApiInMemory, collections: str, folder: str) -> Outcome:
    options = {**api.access, "mesh": "east", "peers": ["west"], "cards_dir": folder}
    return call(collections, "federation", options, check=True, seconds=SECONDS)


def read_by_show(_api: ApiInMemory, collections: str, folder: str) -> Outcome:
    return call(collections, "mesh_card_info", {"path": f"{folder}/west-for-east.json"}, seconds=SECONDS)


# What is written: who writes it, its path below the folder, its mode, the code when it cannot be.
WRITERS = {
    "render": (render, "east/kustomization.yaml", 0o644, "FED235"),
    "publish": (publish, "east-for-west.json", 0o644, "FED201"),
    "report": (report, "report.json", 0o600, "FED235"),
}
READERS = {"federate": read_by_federate, "show": read_by_show}


def linked_to(target: str) -> Plant:
    return lambda ground, path: path.symlink_to(target.format(private=ground.private, path=path))


def holding(content: bytes) -> Plant:
    return lambda _ground, path: path.write_bytes(content) and None


def sparse(_ground: Ground, path: Path) -> None:
    with open(path, "wb") as file:
        file.write(MARK.encode())
        file.truncate(10 << 30)


def a_socket(_ground: Ground, path: Path) -> None:
    # The path of a socket is short: it is bound to where it is from there.
    here = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def hard_linked(ground: Ground, path: Path) -> None:
    os.link(ground.secret, path)


# What stands where a file is read or written: each is refused for what it is.
NO_FILES: dict[str, tuple[Plant, str]] = {
    "puts a link to a file of ours there": (linked_to("{private}/secret"), "is a link"),
    "puts a link to a file that is not there": (linked_to("{private}/new"), "is a link"),
    "puts a link to a folder there": (linked_to("{private}/folder"), "is a link"),
    "puts a link to a device without end there": (linked_to("/dev/zero"), "is a link"),
    "puts a link to itself there": (linked_to("{path}"), "is a link"),
    "puts a relative link there": (linked_to("../../private/secret"), "is a link"),
    "puts a link to a file of the process there": (linked_to("/proc/self/environ"), "is a link"),
    "puts a pipe there": (lambda _ground, path: os.mkfifo(path), "is a pipe"),
    "puts a folder there": (lambda _ground, path: path.mkdir(), "is a folder"),
    "puts a socket there": (a_socket, "is a socket"),
}


def assert_unharmed(ground: Ground, before: dict, outcome: Outcome) -> None:
    assert ground.state() == before, "something private was written"
    assert MARK not in outcome.printed, outcome.printed
    left = {path.name for path in ground.shared.rglob("*") if path.name.startswith(".")}
    assert not left, f"temporary files are left: {left}"


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(
    ("plant", "says"), [attack(HOSTILE, what, plant, says) for what, (plant, says) in NO_FILES.items()]
)
def test_what_is_no_file_is_neither_written_nor_shown_nor_followed(
    api: ApiInMemory, collections: str, tmp_path: Path, writer: str, plant: Plant, says: str
) -> None:
    ground = Ground.made(tmp_path)
    run, name, _mode, code = WRITERS[writer]
    path = ground.shared / name
    path.parent.mkdir(exist_ok=True)
    plant(ground, path)
    before, stood = ground.state(), path.lstat().st_ino
    for check in (True, False):
        outcome = run(api, collections, str(ground.shared), check=check)
        assert outcome.code == code, outcome.printed
        assert says in outcome.result["what"] and str(path) in outcome.result["where"], outcome.result["msg"]
        assert outcome.result["written"] == [], "all files are looked at before the first is written"
        assert_unharmed(ground, before, outcome)
    assert path.lstat().st_ino == stood
    assert not api.writes


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("plant", "says"), [attack(HOSTILE, what, plant, says) for what, (plant, says) in NO_FILES.items()]
)
def test_what_is_no_file_is_not_read_as_a_card(
    api: ApiInMemory, collections: str, tmp_path: Path, reader: str, plant: Plant, says: str
) -> None:
    ground = Ground.made(tmp_path)
    path = ground.shared / "west-for-east.json"
    plant(ground, path)
    before = ground.state()
    outcome = READERS[reader](api, collections, str(ground.shared))
    assert outcome.code == "FED201", outcome.printed
    assert says in outcome.result["what"] and str(path) in outcome.result["where"], outcome.result["msg"]
    assert_unharmed(ground, before, outcome)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("plant", "code"),
    [
        attack(HOSTILE, "puts 10 GB there", sparse, "FED202"),
        attack(HOSTILE, "puts there what is not UTF-8", holding(b"\xff\xfe" + MARK.encode()), "FED201"),
        attack(HOSTILE, "puts a secret there by a hard link", hard_linked, "FED201"),
        attack(HOSTILE, "puts an empty file there", lambda _ground, path: path.touch(), "FED201"),
    ],
)
def test_a_file_that_is_no_card_is_refused_unquoted(
    api: ApiInMemory, collections: str, tmp_path: Path, reader: str, plant: Plant, code: str
) -> None:
    ground = Ground.made(tmp_path)
    plant(ground, ground.shared / "west-for-east.json")
    before = ground.state()
    outcome = READERS[reader](api, collections, str(ground.shared))
    assert outcome.code == code, outcome.printed
    assert_unharmed(ground, before, outcome)


@contextmanager
def growing(path: Path) -> Iterator[None]:
    """Let a file grow as long as the block lasts, up to 512 MiB."""
    ended = threading.Event()

    def grow() -> None:
        with open(path, "ab", buffering=0) as file:
            for _block in range(512):
                if ended.wait(0.002):
                    return
                file.write(b"[" * (1 << 20))

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_file_that_grows_while_it_is_read_is_read_to_a_bound(
    api: ApiInMemory, collections: str, tmp_path: Path
) -> None:
    ground = Ground.made(tmp_path)
    with growing(ground.shared / "west-for-east.json"):
        outcome = read_by_show(api, collections, str(ground.shared))
    assert outcome.code in ("FED201", "FED202"), outcome.printed
    assert outcome.peak_mib < 150


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(
    "plant",
    [
        attack(HOSTILE, "puts another text there", holding(SECRET.encode())),
        attack(HOSTILE, "puts a secret there by a hard link", hard_linked),
        attack(HOSTILE, "puts there what is not UTF-8", holding(b"\xff\xfe" + MARK.encode())),
        attack(HOSTILE, "puts JSON there that is no card of ours", holding(json.dumps({MARK: MARK}).encode())),
        attack(
            HOSTILE,
            "puts a card there that is another's, with something in it",
            holding(json.dumps({**card("west", "192.0.2.7"), "audience": "mark-of-a-secret"}).encode()),
        ),
    ],
)
def test_what_we_did_not_write_is_replaced_and_not_shown(
    api: ApiInMemory, collections: str, tmp_path: Path, writer: str, plant: Plant
) -> None:
    ground = Ground.made(tmp_path)
    run, name, mode, _code = WRITERS[writer]
    path = ground.shared / name
    path.parent.mkdir(exist_ok=True)
    plant(ground, path)
    if os.lstat(path).st_nlink == 1:
        path.chmod(0o666)
    before = ground.state()
    with open(path, "rb") as held:
        for check in (True, False):
            outcome = run(api, collections, str(ground.shared), check=check)
            assert outcome.code is None and outcome.result["changed"], outcome.printed
            assert_unharmed(ground, before, outcome)
            assert MARK.lower() not in outcome.printed
        assert os.fstat(held.fileno()).st_ino != path.stat().st_ino, "who has it open reads what was, not what is"
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert MARK.encode() not in path.read_bytes()
    again = run(api, collections, str(ground.shared))
    assert again.code is None and not again.result["changed"], again.printed


@pytest.mark.parametrize("writer", WRITERS)
def test_a_file_of_10_gb_is_not_replaced(api: ApiInMemory, collections: str, tmp_path: Path, writer: str) -> None:
    ground = Ground.made(tmp_path)
    run, name, _mode, code = WRITERS[writer]
    path = ground.shared / name
    path.parent.mkdir(exist_ok=True)
    sparse(ground, path)
    before = ground.state()
    outcome = run(api, collections, str(ground.shared))
    assert outcome.code == code and "is larger than" in outcome.result["what"], outcome.printed
    assert path.stat().st_size == 10 << 30 and outcome.peak_mib < 200
    assert_unharmed(ground, before, outcome)


def test_our_own_former_files_are_shown_in_the_diff(api: ApiInMemory, collections: str, tmp_path: Path) -> None:
    ground = Ground.made(tmp_path)
    for run, name, fact, former in (
        (publish, "east-for-west.json", "192.0.2.10", "192.0.2.99"),
        (render, "east/west-peering.yaml", "192.0.2.7", "192.0.2.99"),
    ):
        run(api, collections, str(ground.shared))
        path = ground.shared / name
        path.write_text(path.read_text(encoding="utf-8").replace(fact, former), encoding="utf-8")
        (shown,) = run(api, collections, str(ground.shared), check=True).result["diff"]
        assert former in shown["before"] and fact in shown["after"]


@pytest.mark.parametrize(
    "plant",
    [
        attack(HOSTILE, "replaces the mesh's folder by a link", linked_to("{private}/folder")),
        attack(HOSTILE, "replaces it by a link that leads nowhere", linked_to("{private}/new")),
        attack(HOSTILE, "replaces it by a file", holding(b"x")),
        attack(HOSTILE, "replaces it by a pipe", lambda _ground, path: os.mkfifo(path)),
        attack(HOSTILE, "replaces it by a link to the folder above", linked_to("..")),
    ],
)
def test_a_folder_that_render_makes_is_not_followed_as_a_link(
    api: ApiInMemory, collections: str, tmp_path: Path, plant: Plant
) -> None:
    ground = Ground.made(tmp_path)
    plant(ground, ground.shared / "east")
    before = ground.state()
    for check in (True, False):
        outcome = render(api, collections, str(ground.shared), check=check)
        assert outcome.code == "FED235" and str(ground.shared / "east") in outcome.result["where"], outcome.printed
        assert_unharmed(ground, before, outcome)


@pytest.mark.parametrize("writer", WRITERS)
def test_how_the_folder_itself_is_reached_is_the_administrators_own_business(
    api: ApiInMemory, collections: str, tmp_path: Path, writer: str
) -> None:
    ground = Ground.made(tmp_path, "sha\nred \x1b[31m")
    (tmp_path / "link").symlink_to(ground.shared)
    (tmp_path / "above").symlink_to(tmp_path)
    run, name, mode, _code = WRITERS[writer]
    for folder in ("link", "above/link", "above/link/new/deep", "link/../link/"):
        outcome = run(api, collections, str(tmp_path / folder))
        assert outcome.code is None, outcome.printed
        assert "\x1b" not in outcome.printed
        assert stat.S_IMODE((tmp_path / folder / name).stat().st_mode) == mode


@pytest.mark.parametrize("writer", WRITERS)
def test_names_for_temporary_files_are_not_guessed(
    api: ApiInMemory, collections: str, tmp_path: Path, writer: str
) -> None:
    ground = Ground.made(tmp_path)
    run, name, _mode, _code = WRITERS[writer]
    path = ground.shared / name
    path.parent.mkdir(exist_ok=True)
    names = [f"{path.name}{end}" for end in (".tmp", "~", ".partial", ".new", ".swp")]
    for squatted in names:
        path.with_name(squatted).symlink_to(ground.secret)
    before = ground.state()
    outcome = run(api, collections, str(ground.shared))
    assert outcome.code is None, outcome.printed
    assert_unharmed(ground, before, outcome)
    assert all(path.with_name(squatted).is_symlink() for squatted in names)


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(
    ("folder", "says"),
    [
        attack("tired administrator", "names a folder that nobody may write", "/sys/kernel", "cannot be written"),
        attack("tired administrator", "names a file as the folder", "{private}/secret", "folder"),
        attack("tired administrator", "names a link that leads nowhere as the folder", "{shared}/nowhere", "folder"),
    ],
)
def test_a_folder_that_cannot_be_written_is_refused_with_a_code(
    api: ApiInMemory, collections: str, tmp_path: Path, writer: str, folder: str, says: str
) -> None:
    ground = Ground.made(tmp_path)
    (ground.shared / "nowhere").symlink_to(ground.private / "new")
    run, _name, _mode, code = WRITERS[writer]
    before = ground.state()
    outcome = run(api, collections, folder.format(private=ground.private, shared=ground.shared))
    assert outcome.code == code and says in outcome.result["what"], outcome.printed
    assert_unharmed(ground, before, outcome)


@pytest.mark.parametrize("option", ["kubeconfig", "ca_cert", "client_cert", "client_key"])
@pytest.mark.parametrize(
    "plant",
    [
        attack("tired administrator", "names a pipe", lambda _ground, path: os.mkfifo(path)),
        attack("tired administrator", "names a device without end", linked_to("/dev/zero")),
        attack("tired administrator", "names a folder", lambda _ground, path: path.mkdir()),
        attack("tired administrator", "names 10 GB", sparse),
        attack("tired administrator", "names something else", holding(SECRET.encode())),
    ],
)
def test_a_file_of_credentials_without_end_is_refused(
    api: ApiInMemory, collections: str, tmp_path: Path, option: str, plant: Plant
) -> None:
    ground = Ground.made(tmp_path)
    path = ground.shared / "credentials"
    plant(ground, path)
    access: dict[str, Any] = {"kubeconfig": str(path)} if option == "kubeconfig" else {**api.access, option: str(path)}
    if option.startswith("client_"):
        del access["api_key"]
        access = {"client_cert": str(ground.secret), "client_key": str(ground.secret), **access}
    outcome = call(collections, "federation_info", {**access, "mesh": "east", "peers": ["west"]}, seconds=SECONDS)
    assert outcome.code == "FED101", outcome.printed
    assert MARK not in outcome.printed and outcome.peak_mib < 200
    assert not api.asked


def test_credentials_are_read_through_the_links_of_a_mounted_secret(
    api: ApiInMemory, collections: str, tmp_path: Path
) -> None:
    mounted = tmp_path / "..2026_11_28"
    mounted.mkdir()
    api.kubeconfig(mounted / "kubeconfig")
    (mounted / "ca.crt").write_bytes(api.ca_file.read_bytes())
    (tmp_path / "..data").symlink_to(mounted.name)
    for name in ("kubeconfig", "ca.crt"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    for access in (
        {"kubeconfig": str(tmp_path / "kubeconfig")},
        {**api.access, "ca_cert": str(tmp_path / "ca.crt")},
    ):
        outcome = call(collections, "federation_info", {**access, "mesh": "east", "peers": ["west"]}, seconds=SECONDS)
        assert outcome.code is None, outcome.printed


def test_the_report_of_a_playbook_follows_no_link(api: ApiInMemory, collections: str, tmp_path: Path) -> None:
    ground = Ground.made(tmp_path)
    east = Administrator(tmp_path, collections, {"east": {**api.variables, "mesh_peers": ["west"]}})
    (ground.shared / "report.json").symlink_to(ground.private / "folder")
    before = ground.state()
    refused = east.play("status", "-vvv", variables={"federation_report": "shared/report.json"}, must_pass=False)
    assert refused.returncode and "FED235" in refused.output and "is a link" in refused.output, refused.output
    assert ground.state() == before
