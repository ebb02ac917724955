"""Starting and ending the processes of a run. Each is the leader of its own group, so that nothing of it can remain."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sagemaker_loadtest.api.codec import encode
from sagemaker_loadtest.measure.wire import Job

_PIPE_BYTES = 1 << 20
"""Room for what some 50 workers report in a second; a master that waits for its reader hears nobody meanwhile. More
needs a privilege on Linux."""
_SIGNAL_CAUSES = {signal.SIGKILL: "killed by SIGKILL (out of memory?)", signal.SIGTERM: "ended by SIGTERM"}


@dataclass(slots=True)
class Node:
    """A master or worker process. Its job is handed over later, so that it can load Locust meanwhile."""

    name: str
    process: subprocess.Popen[bytes]
    gone: bool = False
    closed: bool = False

    def give(self, job: Job) -> None:
        """Hands the job over; a node that has died meanwhile is noticed as lost elsewhere."""
        self.write(encode(job))

    def write(self, message: dict[str, Any]) -> None:
        if self.process.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError, ValueError):
            self.process.stdin.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
            self.process.stdin.flush()

    def cause(self) -> str:
        """Why it ended, in words."""
        code = self.process.poll()
        if code is None:
            return "it stopped reporting"
        if code < 0:
            return _SIGNAL_CAUSES.get(signal.Signals(-code), f"ended by {signal.Signals(-code).name}")
        return f"it ended with code {code}"


def start(name: str, log: Path, *, reads_output: bool) -> Node:
    """A new node process; what it says on stderr goes to `log`."""
    with log.open("ab") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "sagemaker_loadtest.swarm.node"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if reads_output else stderr,
            stderr=stderr,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    if process.stdout is not None:
        _widen(process.stdout)
    return Node(name, process)


def _widen(pipe: IO[bytes]) -> None:
    """Where the system lets us; with the usual 64 KiB all is right, but slower."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def end(nodes: Sequence[Node], patience_seconds: float) -> None:
    """Waits for the nodes to end by themselves, then kills their process groups. May be called again."""
    deadline = time.monotonic() + patience_seconds
    for node in nodes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            node.process.wait(max(0.0, deadline - time.monotonic()))
    for node in nodes:
        if node.closed:
            continue
        node.closed = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(node.process.pid, signal.SIGKILL)
        node.process.wait()
        for pipe in (node.process.stdin, node.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
