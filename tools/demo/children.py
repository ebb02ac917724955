"""The demo's processes: each with its log, bound to the demo's own life, found again by a mark they inherit."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from demo import leftovers
from demo.commands import MARK
from demo.failure import DemoError, end_of
from demo.folder import ROOT, Folder
from demo.leftovers import Process
from devcluster.lifeline import Lifeline

_POLL_SECONDS = 0.05
_GONE_SECONDS = 10.0


class Child:
    """A process with a name and a log."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name, self.process, self.log = name, process, log

    def ended(self) -> DemoError:
        """What to say when it ended although it should not."""
        return DemoError(
            f"{self.name} ended with code {self.process.returncode}",
            "It was needed longer. The end of its log:",
            end_of(self.log, 12),
            ("Look around: make demo KEEP=1",),
        )

    def wait(self, seconds: float, on_wait: Callable[[float], None] = lambda _: None) -> int:
        """Its exit code. `on_wait` gets the seconds gone by, twice a second. Raises DemoError when it takes longer."""
        start = time.monotonic()
        while (gone := time.monotonic() - start) < seconds:
            on_wait(gone)
            with suppress(subprocess.TimeoutExpired):
                return self.process.wait(0.5)
        raise DemoError(f"{self.name} took longer than {seconds:g} s", excerpt=end_of(self.log))


class Children:
    """All that the demo starts itself. They end with it, also by SIGKILL."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.mark = f"{folder.base}:{os.getpid()}"
        os.environ[MARK] = self.mark  # inherited by what others start for us, too
        self._lifeline = Lifeline()
        self._polite: list[Child] = []

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        output: Path | int | None = None,
        polite: bool = False,
    ) -> Child:
        """Output goes to the log of that name, or to `output`: a file, or subprocess.PIPE for standard output alone.

        `polite`: it is asked to end before it is killed, for it has processes of its own.
        """
        log = self._folder.log(name)
        with log.open("ab") as errors:
            if isinstance(output, Path):
                with output.open("wb") as file:
                    process = self._popen(command, file, errors, environment)
            else:
                process = self._popen(command, output or errors, errors, environment)
        child = Child(name, process, log)
        if polite:
            self._polite.append(child)
        return child

    def run(
        self, command: Sequence[str], environment: Mapping[str, str], *, seconds: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Waits for its end and what it said. Whatever interrupts the waiting, stop() ends it with all that it started.

        Raises DemoError when it takes longer than `seconds`.
        """
        process = self._popen(command, subprocess.PIPE, subprocess.PIPE, environment)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise DemoError(f"{command[0]} took longer than {seconds:g} s") from None
        return subprocess.CompletedProcess(command, process.returncode, os.fsdecode(out), os.fsdecode(err))

    def _popen(
        self, command: Sequence[str], stdout: object, stderr: object, environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        env = {**environment, MARK: self.mark}
        return self._lifeline.popen(command, cwd=ROOT, stdout=stdout, stderr=stderr, env=env)  # type: ignore[arg-type] # as Popen takes them

    def running(self) -> tuple[Process, ...]:
        """Every process of this demo but itself, whoever started it."""
        return leftovers.ours(leftovers.processes(), self.mark, self._folder.local_state)

    def stop(self) -> None:
        """Asks those that are to be asked, waits for them, kills the rest. KeyboardInterrupt skips the waiting."""
        try:
            for child in self._polite:
                with suppress(ProcessLookupError):
                    child.process.send_signal(signal.SIGTERM)
            for child in self._polite:
                with suppress(subprocess.TimeoutExpired):
                    child.process.wait(_GONE_SECONDS)
        finally:
            self._lifeline.end()


def await_ready(child: Child, ready: Path, seconds: float) -> str:
    """The URL in the file that it writes once it serves. Raises DemoError when it ends before, or takes longer."""
    deadline = time.monotonic() + seconds
    while not ready.exists():
        if child.process.poll() is not None:
            raise child.ended()
        if time.monotonic() > deadline:
            raise DemoError(
                f"{child.name} was not ready within {seconds:g} s",
                "The end of its log:",
                end_of(child.log, 12),
                ("Run it again when the machine is less busy: make demo",),
            )
        time.sleep(_POLL_SECONDS)
    url: str = json.loads(ready.read_text())["url"]
    return url


def await_gone(still_there: Callable[[], tuple[Process, ...]], seconds: float = _GONE_SECONDS) -> tuple[Process, ...]:
    """The processes that are left once none is, or the time is up."""
    deadline = time.monotonic() + seconds
    while (left := still_there()) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return left
