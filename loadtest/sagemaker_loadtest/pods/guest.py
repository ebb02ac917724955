"""`sagemaker-loadtest worker`: waits for the master of its own run, works for it, ends with it."""

import contextlib
import json
import os
import selectors
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from sagemaker_loadtest.api.codec import decode
from sagemaker_loadtest.judge.verdict import ExitCode
from sagemaker_loadtest.measure import wire
from sagemaker_loadtest.measure.wire import Sample
from sagemaker_loadtest.pods.httpport import Address, HTTPPort, Reply
from sagemaker_loadtest.pods.invitation import (
    ANOTHER_MASTER,
    Invitation,
    NoMasterError,
    Turn,
    call,
    first_turn,
    following,
    say,
)
from sagemaker_loadtest.pods.metrics import Metrics
from sagemaker_loadtest.supervise import processes

_WATCH_SECONDS = 2.0
_TICK_SECONDS = 0.2
_LEAVE_SECONDS = 6.0
_LOG_BYTES = 65_536


def work(invitation: Invitation, address: Address) -> int:
    """The whole life of a worker; returns its exit code: 0 when it ended with the run, 2 for a fault in the test, 4
    when it never found its master, 5 when it was stopped or its master went away.

    Raises ConfigurationError for a port that cannot be had.
    """
    signals: list[int] = []
    metrics = Metrics(invitation.run)
    with _catching(signals), contextlib.closing(_serve(address, metrics)):
        try:
            return _turns(invitation, metrics, signals)
        except NoMasterError as error:
            say(f"{error}. Exit code {int(error.exit_code)}")
            return int(error.exit_code)


def _turns(invitation: Invitation, metrics: Metrics, signals: list[int]) -> int:
    """One job or, of a search, one after the other, each with a fresh process."""
    turn = first_turn(invitation, signals)
    while True:
        code = _Guest(invitation, turn, metrics, signals).work()
        if code or not turn.more:
            return code
        after = following(invitation, signals, turn)
        if after is None:
            say(f"run {invitation.run} is over")
            return 0
        turn = after


def _serve(address: Address, metrics: Metrics) -> HTTPPort:
    ok = Reply(200, b"ok\n")
    return HTTPPort(
        address,
        {
            ("GET", "/healthz"): lambda _: ok,
            ("GET", "/readyz"): lambda _: ok,
            ("GET", "/metrics"): lambda _: Reply(200, metrics.exposition()),
        },
    )


@contextlib.contextmanager
def _catching(signals: list[int]) -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {n: signal.signal(n, lambda number, _: signals.append(number)) for n in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Guest:
    """One turn: the process that does the job, and an eye on the master meanwhile."""

    def __init__(self, invitation: Invitation, turn: Turn, metrics: Metrics, signals: list[int]) -> None:
        self._invitation = invitation
        self._turn = turn
        self._metrics = metrics
        self._signals = signals
        self._seen = time.monotonic()
        self._gone: str | None = None
        self._pending = b""
        self._faulty = False
        self._leave_by: float | None = None

    def work(self) -> int:
        step = f", step {self._turn.step}" if self._turn.more else ""
        say(f"{self._invitation.name} has joined run {self._invitation.run}{step}")
        with tempfile.TemporaryDirectory(prefix="sagemaker-loadtest-") as folder:
            log = Path(folder) / "worker.log"
            log.touch()
            node = processes.start("worker", log, reads_output=True)
            watch = threading.Thread(target=self._watch, daemon=True)
            try:
                node.give(self._turn.job)
                watch.start()
                self._listen(node)
            finally:
                processes.end([node], 2.0 if not self._gone else 0.0)
                said = log.read_bytes()[-_LOG_BYTES:].decode(errors="replace")
                if said:
                    print(said, end="", file=sys.stderr, flush=True)
        return self._exit_code(node)

    def _listen(self, node: processes.Node) -> None:
        """Passes on what the node tells until it ends, the master is gone, or it was asked to leave long ago."""
        stdout = node.process.stdout
        if stdout is None:
            raise RuntimeError("the worker was started without a pipe")
        os.set_blocking(stdout.fileno(), False)
        with selectors.DefaultSelector() as selector:
            selector.register(stdout.fileno(), selectors.EVENT_READ)
            while not self._gone:
                if selector.select(_TICK_SECONDS) and not self._read(stdout.fileno()):
                    return
                if self._signals and self._leave_by is None:
                    self._leave_by = time.monotonic() + _LEAVE_SECONDS
                    name = signal.Signals(self._signals[0]).name
                    node.write({"command": wire.STOP, "cause": f"ended by {name} (evicted or deleted?)"})
                if self._leave_by is not None and time.monotonic() > self._leave_by:
                    return

    def _read(self, descriptor: int) -> bool:
        chunk = os.read(descriptor, 1 << 20)
        *lines, self._pending = (self._pending + chunk).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if message["event"] == wire.SAMPLE:
                self._metrics.observe(decode(Sample, message["sample"]))
            elif message["event"] == wire.FAULT:
                self._faulty = True
                body = {"run": self._invitation.run, "worker": self._invitation.name, "faults": message["faults"]}
                call(self._invitation, "/faults", json.dumps(body).encode())
        return bool(chunk)

    def _watch(self) -> None:
        """A master that was killed says no goodbye, and another may answer at its address soon."""
        while not self._gone:
            time.sleep(_WATCH_SECONDS)
            status, answer = call(self._invitation, "/run")
            if status != 200 or answer.get("over"):
                silent = time.monotonic() - self._seen
                if silent > self._invitation.patience_seconds:
                    self._gone = f"The master went away {silent:.0f} s ago"
            elif answer.get("instance") != self._turn.instance:
                self._gone = ANOTHER_MASTER
            else:
                self._seen = time.monotonic()

    def _exit_code(self, node: processes.Node) -> int:
        if self._signals:
            say(f"Stopped by {signal.Signals(self._signals[0]).name}. Exit code {int(ExitCode.ENDED_EARLY)}")
            return int(ExitCode.ENDED_EARLY)
        if self._gone:
            say(f"{self._gone}, so this worker ends. Exit code {int(ExitCode.ENDED_EARLY)}")
            return int(ExitCode.ENDED_EARLY)
        self._gone = "over"
        if self._faulty:
            return int(ExitCode.CONFIGURATION)
        if node.process.returncode:
            say(f"The worker failed: {node.cause()}. Exit code {int(ExitCode.ENDED_EARLY)}")
            return int(ExitCode.ENDED_EARLY)
        if not self._turn.more:
            say(f"run {self._invitation.run} is over")
        return 0
