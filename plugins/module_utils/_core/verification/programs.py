# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The programs of an application's container that can make one request, how they are called, and what their end
means.

None is called through a shell: every word is an argument of its own. Nothing follows a redirect but wget, of which
only the first answer counts; no proxy of the container's environment is used, since the request has to go through the
sidecar.
Sources: curl(1), exit codes; wget(1), exit status; BusyBox, networking/wget.c; kubernetes, remotecommand (the Status
at the end of an exec).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..plain.data import at, from_json, items
from .targets import Target

MOST = 1 << 14
"""Bytes of a command's output that are read at the most; what comes after is not waited for."""
MOST_BODY = 2048
_MISSING = (126, 127, 255)
"""How a runtime tells that a program is not there: not executable, not found, and CRI-O's own code for an exec that did
not start.
"""
_STATUS_LINE = re.compile(r"^\s*HTTP/[0-9.]{1,3} ([1-9][0-9]{2})(?![0-9])", re.MULTILINE)

ANSWERED, OPEN, CLOSED, NO_NAME, NO_WAY, LATE, UNCLEAR = (
    "answered",
    "open",
    "closed",
    "no name",
    "no way",
    "late",
    "unclear",
)
# What curl says by its exit code; the script for Python ends in the same way.
_ENDS = {
    5: NO_NAME,
    6: NO_NAME,
    7: NO_WAY,
    28: LATE,
    52: CLOSED,
    55: CLOSED,
    56: CLOSED,
}

# Ends as curl does. A server that sends byte by byte does not outlive the deadline.
_HTTP = """
import http.client, signal, socket, sys
method, host, port, path, seconds = sys.argv[1:6]
signal.signal(signal.SIGALRM, lambda *_: sys.exit(28))
signal.alarm(int(seconds))
try:
    socket.getaddrinfo(host, int(port))
except OSError:
    sys.exit(6)
try:
    way = http.client.HTTPConnection(host, int(port))
    way.connect()
except OSError:
    sys.exit(7)
try:
    way.request(method, path, headers={"User-Agent": "ossm-federation-verify", "Connection": "close"})
    answer = way.getresponse()
    print("HTTP/1.1 %d ." % answer.status)
    for name, value in answer.getheaders():
        print("%s: %s" % (name, value))
    print(flush=True)
    sys.stdout.buffer.write(answer.read(2048))
except (http.client.HTTPException, OSError):
    sys.exit(56)
"""
_TCP = """
import signal, socket, sys
host, port, seconds = sys.argv[1:4]
signal.signal(signal.SIGALRM, lambda *_: sys.exit(28))
signal.alarm(int(seconds))
try:
    socket.getaddrinfo(host, int(port))
except OSError:
    sys.exit(6)
try:
    way = socket.create_connection((host, int(port)))
except OSError:
    sys.exit(7)
try:
    said = way.recv(1)
except OSError:
    sys.exit(56)
print("spoke" if said else "")
sys.exit(0 if said else 52)
"""


@dataclass(frozen=True)
class Ran:
    """What came of a command in a container: what it printed, at most ``MOST`` bytes each, and how it ended (the API's
    Status as text).
    """

    stdout: bytes
    stderr: bytes
    ended: str

    @property
    def exit_code(self) -> int | None:
        """Return the exit code; None where the command was not seen to end, or did not start."""
        status = from_json(self.ended)
        if at(status, "status") == "Success":
            return 0
        causes = items(at(status, "details", "causes"))
        told = next((str(cause.get("message")) for cause in causes if cause.get("reason") == "ExitCode"), "")
        return int(told) if told.isascii() and told.isdigit() and len(told) < 4 else None


@dataclass(frozen=True)
class Said:
    """What a request came to: one of the words above; of what ``ANSWERED``, status, headers (names in lower case) and
    the body's beginning.
    """

    outcome: str
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


def curl(target: Target, seconds: int) -> list[str]:
    """Return the command for curl. Over TCP it waits for the other end to speak or to close; its own stdin stays open
    and silent.
    """
    bounds = ["curl", "--silent", "--noproxy", "*", "--max-time", str(seconds)]
    if not target.is_http:
        return [*bounds, f"telnet://{target.host}:{target.port}"]
    how = ["--head"] if target.method == "HEAD" else ["--include", "--max-filesize", str(1 << 20)]
    return [*bounds, *how, "--user-agent", "ossm-federation-verify", "--globoff", "--path-as-is", target.url]


def python3(target: Target, seconds: int) -> list[str]:
    """Return the command for Python."""
    if not target.is_http:
        return ["python3", "-c", _TCP, target.host, str(target.port), str(seconds)]
    return ["python3", "-c", _HTTP, target.method, target.host, str(target.port), target.path, str(seconds)]


def wget(target: Target, seconds: int) -> list[str]:
    """Return the command for wget, GNU's or BusyBox's, which share these options; none of both can do TCP."""
    without = [word for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY") for word in ("-u", name)]
    how = ["--spider"] if target.method == "HEAD" else ["-O", "/dev/null"]
    return ["env", *without, "wget", "-S", "-t", "1", "-T", str(seconds), *how, target.url]


Program = Callable[[Target, int], "list[str]"]


def programs_for(target: Target) -> tuple[Program, ...]:
    """Return what can make a target's request, the best first."""
    return (curl, python3, wget) if target.is_http else (python3, curl)


def said_by(program: Program, target: Target, ran: Ran) -> Said | None:
    """Return what came of a request; None where the program is not there, so that another is tried."""
    code = ran.exit_code
    if program is wget:
        return _of_wget(ran, code)
    if code in _MISSING or (code is None and not ran.stdout):
        return None
    heard = _heard(ran.stdout) if target.is_http else None
    if heard is not None:
        return heard
    if code is None:
        return Said(UNCLEAR)
    if target.is_http:
        return Said(_ENDS.get(code, UNCLEAR))
    if ran.stdout.strip():
        return Said(OPEN)
    # What neither spoke nor closed within its time is open; curl ends well where the other end closes without a word.
    return Said({0: CLOSED, 28: OPEN}.get(code, _ENDS.get(code, UNCLEAR)))


def _of_wget(ran: Ran, code: int | None) -> Said | None:
    # wget itself never ends with these, and ``env`` says with them that there is no wget.
    if code in _MISSING or (code is None and not ran.stderr):
        return None
    return _heard(ran.stderr) or Said(NO_WAY if code == 4 else UNCLEAR)


def _heard(content: bytes) -> Said | None:
    """Return the first answer in a program's output; interim answers (1xx) are passed over."""
    text = content[:MOST].decode("utf-8", "replace").replace("\r\n", "\n")
    found = next((one for one in _STATUS_LINE.finditer(text) if not one[1].startswith("1")), None)
    if found is None:
        return None
    head, _blank, body = text[found.end() :].partition("\n\n")
    pairs = [line.partition(":") for line in head.splitlines()[1:101]]
    headers = {name.strip().lower(): value.strip()[:200] for name, colon, value in pairs if colon}
    return Said(ANSWERED, int(found[1]), headers, body[:MOST_BODY])
