"""Processes are found by a mark in their environment, which all that is started inherits."""

import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Marked:
    """All processes that were started while the mark stood in the environment."""

    mark: str

    def commands(self) -> list[str]:
        """The command lines of those that run."""
        if Path("/proc/self/environ").exists():
            return [found for folder in Path("/proc").glob("[0-9]*") if (found := self._of(folder))]
        listed = subprocess.run(["ps", "-axwwE", "-o", "command="], capture_output=True, text=True, check=True)
        return [line for line in listed.stdout.splitlines() if self.mark in line]

    def await_none(self) -> None:
        deadline = time.monotonic() + 60
        while found := self.commands():
            assert time.monotonic() < deadline, f"still running: {found}"
            time.sleep(0.02)

    def _of(self, folder: Path) -> str:
        """Empty when it has another environment, belongs to somebody else, is a zombie or has just ended."""
        try:
            if self.mark.encode() in (folder / "environ").read_bytes():
                return (folder / "cmdline").read_text(errors="replace").replace("\0", " ")
        except OSError:
            pass
        return ""


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> Marked:
    mark = uuid.uuid4().hex
    monkeypatch.setenv("DEVCLUSTER_TEST", mark)
    return Marked(mark)


@pytest.fixture
def await_line() -> Callable[[Path, str], str]:
    """Waits until a file has a line that begins so, and returns the line."""

    def wait(path: Path, beginning: str) -> str:
        deadline = time.monotonic() + 120
        while True:
            for line in path.read_text().splitlines() if path.exists() else []:
                if line.startswith(beginning):
                    return line
            assert time.monotonic() < deadline, f"{beginning!r} is not in {path}"
            time.sleep(0.02)

    return wait
