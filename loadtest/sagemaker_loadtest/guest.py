"""`sagemaker-loadtest worker`: waits for the master of its own run, works for it, ends with it."""

import contextlib
import http.client
import json
import os
import selectors
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

from sagemaker_loadtest import lobby, processes, wire
from sagemaker_loadtest.codec import DecodeError, decode
from sagemaker_loadtest.errors import ConfigurationError
from sagemaker_loadtest.httpport import Address, HTTPPort, Reply
from sagemaker_loadtest.metrics import Metrics
from sagemaker_loadtest.units import format_duration
from sagemaker_loadtest.verdict import ExitCode
from sagemaker_loadtest.wire import Job, Sample

_ASK_SECONDS = 0.5
_WATCH_SECONDS = 2.0
_CALL_SECONDS = 3.0
_TICK_SECONDS = 0.2
_LEAVE_SECONDS = 6.0
_LOG_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Invitation:
    """`max_wait_seconds` for a master; `patience_seconds` without a sign of it until it counts as gone."""

    master_url: str
    run: str
    name: str
    max_wait_seconds: float = 300.0
    patience_seconds: float = 10.0


class NoMasterError(Exception):
    """No master of this run came, or it went away. `exit_code` says which."""

    def __init__(self, exit_code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def work(invitation: Invitation, address: Address) -> int:
    """The whole life of a worker; returns its exit code: 0 when it ended with the run, 2 for a fault in the test, 4
    when it never found its master, 5 when it was stopped or its master went away.

    Raises ConfigurationError for a port that cannot be had.
    """
    signals: list[int] = []
    metrics = Metrics(invitation.run)
    with _catching(signals), contextlib.closing(_serve(address, metrics)):
        try:
            instance, job = _join(invitation, signals)
            return _Guest(invitation, instance, metrics, signals).work(job)
        except NoMasterError as error:
            _say(f"{error}. Exit code {int(error.exit_code)}")
            return int(error.exit_code)


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


def _join(invitation: Invitation, signals: list[int]) -> tuple[str, Job]:
    """Asks for the job until there is one. Another run's master is waited out: this run's may still come. Our own may
    take its time, while it waits for its endpoint; once seen, it is not to vanish.
    """
    deadline = time.monotonic() + invitation.max_wait_seconds
    seen: float | None = None
    told = ""
    while True:
        status, answer = _call(invitation, f"/job?run={quote(invitation.run)}")
        if status == 200:
            return _accepted(invitation, answer)
        if status == lobby.OVER:
            raise NoMasterError(ExitCode.ENDED_EARLY, f"Too late: {answer.get('message')}")
        now = time.monotonic()
        if status == lobby.WAIT:
            seen = now
        elif seen is not None and now - seen > invitation.patience_seconds:
            raise NoMasterError(ExitCode.ENDED_EARLY, "The master went away before the test began")
        reason = str(answer.get("message") or f"HTTP {status}")
        if reason != told:
            told = reason
            _say(f"waiting for the master of run {invitation.run} at {invitation.master_url}: {reason}")
        if signals:
            _stopped(signals)
        if seen is None and now > deadline:
            waited = format_duration(invitation.max_wait_seconds)
            raise NoMasterError(
                ExitCode.WORKERS_LOST,
                f"No master of run {invitation.run} at {invitation.master_url} within {waited}: {reason}",
            )
        time.sleep(_ASK_SECONDS)


def _accepted(invitation: Invitation, answer: dict[str, Any]) -> tuple[str, Job]:
    try:
        job = decode(Job, answer["job"])
    except (DecodeError, KeyError) as error:
        raise ConfigurationError(
            f"the master at {invitation.master_url} speaks another version ({error}). Use one image for both"
        ) from error
    host = urlsplit(invitation.master_url).hostname or ""
    return answer["instance"], replace(job, name=invitation.name, master_host=host)


def _stopped(signals: list[int]) -> NoReturn:
    name = signal.Signals(signals[0]).name
    raise NoMasterError(ExitCode.ENDED_EARLY, f"Stopped by {name} before any load was sent")


class _Guest:
    def __init__(self, invitation: Invitation, instance: str, metrics: Metrics, signals: list[int]) -> None:
        self._invitation = invitation
        self._instance = instance
        self._metrics = metrics
        self._signals = signals
        self._seen = time.monotonic()
        self._gone: str | None = None
        self._pending = b""
        self._faulty = False
        self._leave_by: float | None = None

    def work(self, job: Job) -> int:
        _say(f"{self._invitation.name} has joined run {self._invitation.run}")
        with tempfile.TemporaryDirectory(prefix="sagemaker-loadtest-") as folder:
            log = Path(folder) / "worker.log"
            log.touch()
            node = processes.start("worker", log, reads_output=True)
            watch = threading.Thread(target=self._watch, daemon=True)
            try:
                node.give(job)
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
                _call(self._invitation, "/faults", json.dumps(body).encode())
        return bool(chunk)

    def _watch(self) -> None:
        """A master that was killed says no goodbye, and another may answer at its address soon."""
        while not self._gone:
            time.sleep(_WATCH_SECONDS)
            status, answer = _call(self._invitation, "/run")
            if status != 200 or answer.get("over"):
                silent = time.monotonic() - self._seen
                if silent > self._invitation.patience_seconds:
                    self._gone = f"The master went away {silent:.0f} s ago"
            elif answer.get("instance") != self._instance:
                self._gone = "Another master answers at the address of ours"
            else:
                self._seen = time.monotonic()

    def _exit_code(self, node: processes.Node) -> int:
        if self._signals:
            _say(f"Stopped by {signal.Signals(self._signals[0]).name}. Exit code {int(ExitCode.ENDED_EARLY)}")
            return int(ExitCode.ENDED_EARLY)
        if self._gone:
            _say(f"{self._gone}, so this worker ends. Exit code {int(ExitCode.ENDED_EARLY)}")
            return int(ExitCode.ENDED_EARLY)
        self._gone = "over"
        if self._faulty:
            return int(ExitCode.CONFIGURATION)
        if node.process.returncode:
            _say(f"The worker failed: {node.cause()}. Exit code {int(ExitCode.ENDED_EARLY)}")
            return int(ExitCode.ENDED_EARLY)
        _say(f"run {self._invitation.run} is over")
        return 0


def _call(invitation: Invitation, path: str, body: bytes | None = None) -> tuple[int, dict[str, Any]]:
    """Status and JSON; status 0 with a message when nobody answers."""
    parts = urlsplit(invitation.master_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_CALL_SECONDS)
    try:
        with contextlib.closing(connection):
            connection.request("POST" if body is not None else "GET", path, body)
            response = connection.getresponse()
            text = response.read()
            document = json.loads(text) if text else {}
            return response.status, document if isinstance(document, dict) else {}
    except (OSError, ValueError, http.client.HTTPException) as error:
        return 0, {"message": getattr(error, "strerror", None) or str(error) or type(error).__name__}


def _say(text: str) -> None:
    print(text, flush=True)
