"""Goes wrong as MODE says: crash, crash-twice, stubborn, parent, unhealthy. Counts its starts in the model folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from testkit.containers.server import Container, serve

_MODE = os.environ.get("MODE", "")


class Faulty(Container):
    """Answers with its process id."""

    def do_GET(self) -> None:
        """/ping."""
        self.answer(503 if _MODE == "unhealthy" else 200)

    def do_POST(self) -> None:
        """/invocations."""
        self.body()
        self.answer(200, str(os.getpid()).encode())


def _start() -> None:
    starts = Path(os.environ["SM_MODEL_DIR"], "starts")
    starts.write_text(starts.read_text() + "x" if starts.exists() else "x")
    print("started as", sys.argv[1:], "mode", _MODE, flush=True)
    print("y" * 40_000, flush=True)
    if _MODE == "crash":
        sys.exit("cannot go on")
    if _MODE == "crash-twice" and len(starts.read_text()) < 3:
        os.kill(os.getpid(), signal.SIGSEGV)
    if _MODE == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if _MODE == "parent":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print("child", child.pid, flush=True)


if __name__ == "__main__":
    _start()
    serve(Faulty)
