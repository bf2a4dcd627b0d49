# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one place that opens files: links in a folder that others may write are not followed, and reads are bounded.

The folder is as the user names it: the links on the way to it are theirs. Below it nothing is followed. A file is
written beside the one that it replaces and renamed, so that nobody reads half of it and whoever has the former one open
keeps that.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from ._core.plain.errors import FederationError

_BLOCK = 1 << 16
# O_PATH: to enter a folder takes no right to list it.
_ENTER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LINK = (errno.ELOOP, errno.EMLINK)
NOT_OURS = "(not shown: ossm.federation did not write this content)\n"
"""What a diff says of a file that is about to be replaced and is somebody else's."""


class NoFile(OSError):
    """What stands where a file is expected is something else; ``strerror`` says what."""


@dataclass(frozen=True)
class Place:
    """A file at ``name``, a path below the ``folder`` that the user names; others may write there.

    ``kind`` is what messages call it, ``code`` is the code of refusals.
    """

    folder: str
    name: str
    kind: str = "File"
    code: str = "FED235"
    folder_mode: int = 0o777
    """The mode of folders that are made below the user's own, less the umask."""

    @classmethod
    def at(cls, path: str, kind: str) -> Place:
        """Return the place of one file that the user names."""
        folder, name = os.path.split(path)
        return cls(folder, name, kind=kind)

    @property
    def path(self) -> str:
        """The path as the user wrote it."""
        return os.path.join(self.folder, self.name)

    def refusal(self, what: str, fix: str, *, folder: str = "") -> FederationError:
        """Return the error for this file, or for a ``folder`` on the way to it."""
        where = f"Folder {os.path.join(self.folder, folder)}" if folder else f"{self.kind} {self.path}"
        return FederationError(self.code, where=where, what=what, fix=fix)


def refuse_no_folder(folder: str | None) -> None:
    """Refuse a folder of cards that was given and is not there: FED333. None was given where it is empty."""
    if folder and not os.path.isdir(folder):
        raise FederationError(
            "FED333",
            where="federation_cards_dir",
            what=(
                f"{folder} {'is not a folder' if os.path.lexists(folder) else 'does not exist'}, so no card can be "
                "read from it"
            ),
            fix=(
                "Correct the path (a relative one starts at the inventory), or run publish_cards, which makes the"
                " folder"
            ),
        )


def beginning(place: Place, size: int) -> bytes | None:
    """Return at most the first ``size`` bytes of a file, None where there is none.

    Raises ``FederationError`` for a link, for what is not an ordinary file, and for what cannot be read.
    """
    with _refused(place, "read"):
        try:
            with _folder_of(place) as (folder, name):
                return _content(os.open(name, _READ | os.O_NOFOLLOW, dir_fd=folder), size)
        except FileNotFoundError:
            return None


def read(place: Place, limit: int) -> bytes | None:
    """Return a file's bytes, None where there is no file. Raises as ``beginning``, and for more than
    ``limit`` bytes.
    """
    content = beginning(place, limit + 1)
    if content is not None and len(content) > limit:
        raise place.refusal(
            f"is larger than {limit >> 20} MiB, so it is not the expected file", "Move it away, and run again"
        )
    return content


def write(place: Place, content: str | bytes, mode: int) -> None:
    """Write a file whole or not at all, with this ``mode`` whatever stood there; folders are made where they are
    missing.

    Raises ``FederationError`` where a link or anything but an ordinary file stands, and for what cannot be written.
    """
    with _refused(place, "written"):
        try:
            os.makedirs(place.folder or ".", exist_ok=True)
        except FileExistsError:
            what = "cannot be used as a folder: it is a file, or a link that leads nowhere"
            raise place.refusal(what, "Name another folder, or remove it", folder=place.folder) from None
        with _folder_of(place, is_made=True) as (folder, name):
            try:
                _refuse_other(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
            except FileNotFoundError:
                pass
            encoded = content.encode("utf-8", "replace") if isinstance(content, str) else content
            _replace(folder, name, encoded, mode)


@contextmanager
def written(place: Place, mode: int) -> Iterator[BinaryIO]:
    """Give a file to write what is too much for memory; it takes the place's name when the block ends well, and is gone
    otherwise.

    Raises as ``write``.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_refused(place, "written"))
        os.makedirs(place.folder or ".", exist_ok=True)
        folder, name = stack.enter_context(_folder_of(place, is_made=True))
        with contextlib.suppress(FileNotFoundError):
            _refuse_other(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
        yield stack.enter_context(_beside(folder, name, mode))


def kept_open(file: BinaryIO) -> BinaryIO:
    """Return the file of ``written``, opened for appending, also once it has taken the place's name; a reader of that
    file sees what is flushed.
    """
    return os.fdopen(os.dup(file.fileno()), "ab")


@contextmanager
def spooled() -> Iterator[BinaryIO]:
    """Give a file without a name, which nobody else can open and which is gone when the block ends,
    whatever ends it.
    """
    with tempfile.TemporaryFile(prefix="ossm-federation-") as file:
        yield file


def own_lines(place: Place, longest: int) -> Iterator[bytes]:
    """Give the lines of a file that the user names alone, each at most ``longest`` bytes, longer ones in pieces.

    Raises ``FederationError`` for what is no ordinary file, and for what cannot be read.
    """
    with _refused(place, "read"):
        opened = os.open(place.path, _READ)
        with os.fdopen(opened, "rb") as file:
            _refuse_other(os.fstat(opened).st_mode)
            while piece := file.readline(longest):
                yield piece


def own_content(path: str, size: int) -> bytes:
    """Return at most the first ``size`` bytes of a file that the user names alone, through links, as mounted Secrets
    have them.

    Raises ``OSError``: ``NoFile`` for a pipe, a device or a folder, which might have no end.
    """
    return _content(os.open(path, _READ), size)


def _content(opened: int, size: int) -> bytes:
    """Return the beginning of an opened file and close it; its size is what is read, not what it says."""
    try:
        _refuse_other(os.fstat(opened).st_mode)
        blocks, room = [], size
        while room and (block := os.read(opened, min(room, _BLOCK))):
            blocks.append(block)
            room -= len(block)
        return b"".join(blocks)
    finally:
        os.close(opened)


def _replace(folder: int, name: str, content: bytes, mode: int) -> None:
    with _beside(folder, name, mode) as file:
        file.write(content)


@contextmanager
def _beside(folder: int, name: str, mode: int) -> Iterator[BinaryIO]:
    """Give a file beside the one that it replaces when the block ends well."""
    beside = f".ossm-federation-{secrets.token_hex(16)}"
    opened = os.open(beside, _MAKE, 0o600, dir_fd=folder)
    try:
        with os.fdopen(opened, "wb") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), mode)
        os.replace(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(beside, dir_fd=folder)
        raise


@contextmanager
def _folder_of(place: Place, *, is_made: bool = False) -> Iterator[tuple[int, str]]:
    """Give the opened folder that a file is in, and the file's own name; what is below the user's folder must be no
    link.
    """
    *between, name = place.name.split("/")
    opened, at = os.open(place.folder or ".", _ENTER), ""
    try:
        for part in between:
            at = os.path.join(at, part)
            if is_made:
                try:
                    os.mkdir(part, place.folder_mode, dir_fd=opened)
                except FileExistsError:
                    pass
            below = _entered(place, opened, part, at)
            os.close(opened)
            opened = below
        yield opened, name
    finally:
        os.close(opened)


def _entered(place: Place, folder: int, part: str, at: str) -> int:
    try:
        return os.open(part, _ENTER | os.O_NOFOLLOW, dir_fd=folder)
    except OSError as error:
        if error.errno not in (*_LINK, errno.ENOTDIR):
            raise
        what = "is a link or a file, and must be a folder; links are not followed here"
        raise place.refusal(what, "Remove it, and run again", folder=at) from None


def _refuse_other(mode: int) -> None:
    """Raise ``NoFile`` for a mode that is not an ordinary file's."""
    if stat.S_ISREG(mode):
        return
    kinds = {stat.S_IFLNK: "a link", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    raise NoFile(
        errno.ELOOP if stat.S_ISLNK(mode) else errno.EINVAL,
        f"is {kinds.get(stat.S_IFMT(mode), 'a device')}, not a file",
    )


@contextmanager
def _refused(place: Place, done: str) -> Iterator[None]:
    """Turn what the system says about a file into the refusal."""
    try:
        yield
    except OSError as error:
        what, fix = f"cannot be {done} ({error.strerror})", "Check the path, its rights and the room on the disk"
        if error.errno in _LINK:
            what = "is a link, and links are not followed here"
            fix = "Remove the link, and run again; if it is your own, name the folder that it leads to instead"
        elif isinstance(error, NoFile):
            what, fix = str(error.strerror), "Remove it, and run again"
        elif error.errno == errno.ENXIO:
            what, fix = "is a socket, not a file", "Remove it, and run again"
        elif isinstance(error, NotADirectoryError):
            what, fix = f"cannot be {done}: what should be its folder is not one", "Name another folder, or remove it"
        raise place.refusal(what, fix) from None
