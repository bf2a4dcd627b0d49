# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Child processes that end with their parent, however it ends."""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.02
_LAST_LINES = 15


class ProcessError(Exception):
    """A child process ended, or was not ready in time; the text holds the end of its log."""


class Process:
    """One running child, its log file and what it is called in messages."""

    def __init__(self, name: str, child: subprocess.Popen, log: Path) -> None:
        self.name = name
        self.log = log
        self._child = child

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended yet."""
        return self._child.poll() is None

    def wait_until(self, is_ready: Callable[[], bool], seconds: float) -> None:
        """Return once ``is_ready()``. Raises ``ProcessError`` when the process ends first or ``seconds`` pass."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            if not self.is_running:
                raise ProcessError(
                    f"{self.name} ended with code {self._child.returncode}. The end of {self.log}:\n{self.last_lines()}"
                )
            if time.monotonic() > deadline:
                raise ProcessError(
                    f"{self.name} was not ready within {seconds:.0f} s. The end of {self.log}:\n{self.last_lines()}"
                )
            time.sleep(_POLL_SECONDS)

    def stop(self, seconds: float = 5) -> None:
        """End the process, with SIGKILL when SIGTERM has not worked within ``seconds``."""
        if self.is_running:
            self._child.terminate()
        try:
            self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def kill(self) -> None:
        """End the process at once."""
        self._child.kill()
        self._child.wait()

    def last_lines(self) -> str:
        """Return the end of the log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_LAST_LINES:])


class Processes:
    """Starts child processes from a thread that lives as long as this object.

    The kernel sends the parent-death signal when the *thread* that started a child ends, so children must not be
    started from threads that come and go.
    """

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[tuple[Callable[[], subprocess.Popen], Future] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="processes", daemon=True)
        self._thread.start()
        self._lock = threading.Lock()
        self._started: list[Process] = []

    def start(
        self, name: str, words: Sequence[object], log: Path, environment: Mapping[str, str] | None = None
    ) -> Process:
        """Start the program ``words`` with its output appended to ``log``; its whole environment is ``environment`` and
        PATH.
        """
        command = [str(word) for word in words]
        whole = {"PATH": os.environ.get("PATH", os.defpath), **(environment or {})}
        log.parent.mkdir(parents=True, exist_ok=True)
        parent = os.getpid()

        def spawn() -> subprocess.Popen:
            with open(log, "ab") as output:
                return subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=whole,
                    start_new_session=True,
                    preexec_fn=lambda: _die_with(parent),
                )

        answer: Future = Future()
        self._asked.put((spawn, answer))
        process = Process(name, answer.result(), log)
        with self._lock:
            self._started.append(process)
        return process

    def running(self) -> list[Process]:
        """Return the children that have not ended."""
        with self._lock:
            return [process for process in self._started if process.is_running]

    def stop(self) -> None:
        """End all children that still run, the last started first."""
        for process in reversed(self.running()):
            process.stop()
        self._asked.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (request := self._asked.get()) is not None:
            spawn, answer = request
            try:
                answer.set_result(spawn())
            except OSError as error:
                answer.set_exception(error)


def _die_with(parent: int) -> None:
    """Have the kernel kill this new process when its parent ends; runs between fork and exec."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended in between
        os._exit(1)
