"""Tests run in a process of their own, and what became of them."""

import os
import signal
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from devcluster.lifeline import Lifeline
from mutants.tree import Tree

_LIMIT_SECONDS = 600
_TAIL_LINES = 12


@dataclass(frozen=True, slots=True)
class Failure:
    """A test that failed, and the first line of why; `test` is its name with the parameters."""

    test: str
    why: str


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """pytest's exit code (0 passed, 1 failed, 2 to 5 could not run the tests), the failures, the end of its output."""

    exit_code: int
    failures: tuple[Failure, ...]
    said: str


class Suite:
    """Runs pytest in a tree, up to the first failure. `scratch` takes what tests write; it is emptied by each run."""

    def __init__(self, tree: Tree, scratch: Path) -> None:
        self._tree, self._scratch = tree, scratch
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def run(self, targets: Sequence[str]) -> SuiteResult:
        """From any thread, one run at a time. Processes that the tests started end with it."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        report, output = self._scratch / "report.xml", self._scratch / "output"
        report.unlink(missing_ok=True)
        options = ["-x", "-q", "-p", "no:cacheprovider", f"--junit-xml={report}"]
        command = [sys.executable, "-m", "pytest", *options, f"--basetemp={self._scratch / 'files'}", *targets]
        lifeline = Lifeline()
        try:
            with output.open("wb") as file:
                process = lifeline.popen(command, cwd=self._tree.root, stdout=file, env=self._tree.environment)
                with self._lock:
                    self._process = process
                    if self._stopped:
                        _kill(process)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LIMIT_SECONDS)
        finally:
            lifeline.end()
        lines = output.read_text(encoding="utf-8", errors="replace").splitlines()
        return SuiteResult(process.returncode, _failures(report), "\n".join(lines[-_TAIL_LINES:]))

    def stop(self) -> None:
        """From any thread: the run under way, and any later one, ends at once."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                _kill(self._process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _failures(report: Path) -> tuple[Failure, ...]:
    """Of the calls of tests; what failed in a fixture or while collecting is an error, and not among them."""
    if not report.is_file():
        return ()
    return tuple(
        Failure(case.get("name", ""), (failure.get("message") or "").strip().partition("\n")[0])
        for case in ET.parse(report).iter("testcase")
        for failure in case.iter("failure")
    )
