"""A process that tells its URL in a ready file: ``sagemaker-local`` and ``sagemaker-operator``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from testkit.waiting import until

_END_SECONDS = 60.0


class Process:
    """Started at once. All that it prints goes to ``log``."""

    def __init__(
        self, command: Sequence[str], folder: Path, name: str = "process", environment: Mapping[str, str] | None = None
    ) -> None:
        """``environment`` is added to our own; the ready file and the log are in the folder, by the name."""
        self._ready, self.log = folder / f"{name}.ready", folder / f"{name}.log"
        self._ready.unlink(missing_ok=True)
        with self.log.open("wb") as log:
            self.popen = subprocess.Popen(
                [*command, "--ready-file", str(self._ready)],
                env={**os.environ, **(environment or {})},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Of the process itself."""
        return self.popen.pid

    @property
    def ready(self) -> bool:
        """Whether it serves."""
        return self._ready.exists()

    @property
    def url(self) -> str:
        """Once it serves. Raises AssertionError with its log when it ends before."""
        until(lambda: self.ready or self.popen.poll() is not None, f"the ready file of {self.log.name}", 120)
        assert self.ready, self.log.read_text()
        found = json.loads(self._ready.read_text())
        assert found.get("pid", self.pid) == self.pid, "the ready file is another process's"
        return str(found["url"])

    @property
    def descendants(self) -> list[psutil.Process]:
        """Every process that it has started, and what those started."""
        found: list[psutil.Process] = psutil.Process(self.pid).children(recursive=True)
        return found

    def wait(self, seconds: float = _END_SECONDS) -> int:
        """Its exit status."""
        return self.popen.wait(seconds)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Its exit status after the signal, or the one it has already."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        return self.wait()

    def kill(self) -> None:
        """As the machine's power would, but for what the kernel has. Returns when every process of it has ended."""
        everything = self.descendants
        self.popen.kill()
        self.popen.wait()
        assert not psutil.wait_procs(everything, _END_SECONDS)[1], "a descendant outlives it"
