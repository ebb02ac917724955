"""Runs one test: starts master and workers, adds up what they report, shows progress, knows how it ended."""

import contextlib
import json
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from sagemaker_loadtest.api.codec import decode
from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.spec import LoadTest
from sagemaker_loadtest.api.units import clock, format_duration
from sagemaker_loadtest.exchange.replies import gone
from sagemaker_loadtest.judge.gone import told
from sagemaker_loadtest.judge.verdict import Loss
from sagemaker_loadtest.measure import wire
from sagemaker_loadtest.measure.tally import Tally
from sagemaker_loadtest.measure.wire import LOOPBACK, Job, Page, Sample
from sagemaker_loadtest.supervise import processes
from sagemaker_loadtest.supervise.watcher import Unwatched, Watcher

_TICK_SECONDS = 0.1
_START_PATIENCE_SECONDS = 60.0
_STOP_PATIENCE_SECONDS = 8.0
_GONE_SECONDS = 5
_OVERDUE_SECONDS = 30.0
"""The master itself ends the waiting for answers and workers well before; after that it hangs."""
_NOTHING_SENT = "No load was sent."
_SEE_LOG = "generator.log may say why. Then run it again to its end."


class Screen(Protocol):
    """Where progress is shown."""

    def progress(self, tally: Tally, workers: int) -> None: ...

    def event(self, second: float, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Bus:
    """Where the master listens when its workers are elsewhere, and how long it waits for all of them."""

    run: str
    host: str = "0.0.0.0"  # noqa: S104 - workers in other pods are to reach it
    port: int = 5557
    max_wait_seconds: float = 300.0


@dataclass(slots=True)
class Ending:
    """How a run went, beside its numbers. `advice`: what to do about an early end, when more is known than to run the
    test again.
    """

    start_epoch: float = 0.0
    losses: list[Loss] = field(default_factory=list)
    ended_early: str | None = None
    advice: str = ""

    def passed(self) -> float:
        """Seconds since the load began, by the clock: samples come later. 0 before it."""
        return max(0.0, time.time() - self.start_epoch) if self.start_epoch else 0.0


def moment(passed: float, whole: float) -> str:
    """`after 1m5s of 10m`, `before the load began`: when it was that a run ended early."""
    seconds = min(int(passed), whole)
    return f"after {format_duration(seconds)} of {format_duration(whole)}" if seconds >= 1 else "as the load began"


class Supervisor:
    """One run. The processes start with it, `run` hands them the test; `close` leaves nothing behind.

    With a `bus` the workers are elsewhere and join by themselves. With a `page` a person starts and stops the load,
    and only a signal ends the run.
    """

    def __init__(
        self,
        workers: int,
        log: Path,
        screen: Screen,
        *,
        bus: Bus | None = None,
        watcher: Watcher | None = None,
        page: Page | None = None,
    ) -> None:
        self._screen = screen
        self._bus = bus
        self._page = page
        self._watcher: Watcher = watcher or Unwatched()
        self._number = workers
        self._joined: set[str] = set()
        self._master = processes.start("master", log, reads_output=True)
        here = 0 if bus else workers
        self._workers = [processes.start(f"worker-{i + 1}", log, reads_output=False) for i in range(here)]
        self._pending = b""
        self._ended = False
        self.failed = False
        """Whether the master went away by itself."""
        self._ending = Ending()
        self._signals: list[int] = []
        self.on_tick: Callable[[Ending], None] | None = None
        self._stop_at: float | None = None

    def close(self) -> None:
        """Ends every process of the run."""
        patience = 2.0 if self._ended else 0.0
        processes.end([*self._workers, self._master], patience)

    def run(self, test: LoadTest, url: str, tally: Tally) -> Ending:
        """The whole run, until all workers have reported their last or cannot any more.

        Raises ConfigurationError when a worker elsewhere finds a fault in the test before the load.
        """
        bus = self._bus
        host, port, run = (bus.host, bus.port, bus.run) if bus else (LOOPBACK, 0, "")
        patience = bus.max_wait_seconds if bus else _START_PATIENCE_SECONDS
        self._master.give(Job("master", test, url, "master", port, host, run, page=self._page))
        deadline = time.monotonic() + patience
        with self._listening() as selector:
            while not self._ended:
                for _ in selector.select(_TICK_SECONDS):
                    self._read(test, url, tally)
                self._look_after_processes(tally)
                self._look_after_run(test, url, tally)
                if self.on_tick is not None and self._stop_at is None:
                    self.on_tick(self._ending)
                late = time.monotonic() > deadline and not self._page
                if late and not self._ending.start_epoch and not self._ending.losses:
                    self._give_up_waiting(patience, tally)
                if faults := self._watcher.faults():
                    raise ConfigurationError(faults)
                if self._stop_at is not None and time.monotonic() > self._stop_at:
                    break
        return self._ending

    @contextlib.contextmanager
    def _listening(self) -> Iterator[selectors.BaseSelector]:
        stdout = self._master.process.stdout
        if stdout is None:
            raise RuntimeError("the master was started without a pipe")
        os.set_blocking(stdout.fileno(), False)
        with selectors.DefaultSelector() as selector:
            selector.register(stdout.fileno(), selectors.EVENT_READ)
            yield selector

    @contextlib.contextmanager
    def catching_signals(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM end the run with a report; the second one ends the waiting for the last answers, too.

        To be held until the report is written, which no further signal shall prevent.
        """
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {n: signal.signal(n, lambda number, _: self._signals.append(number)) for n in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _read(self, test: LoadTest, url: str, tally: Tally) -> None:
        stdout = self._master.process.stdout
        chunk = os.read(stdout.fileno(), 1 << 20) if stdout else b""
        if not chunk:
            self._ended = True
            if not self._master.gone:
                self.failed = True
                if self._ending.ended_early is None:
                    self._ending.ended_early = f"the master went away, {self._master.cause()}"
                    self._ending.advice = _SEE_LOG
            return
        *lines, self._pending = (self._pending + chunk).split(b"\n")
        for line in lines:
            self._hear(json.loads(line), test, url, tally)

    def _hear(self, message: dict[str, Any], test: LoadTest, url: str, tally: Tally) -> None:
        event = message["event"]
        if event == wire.READY:
            self._watcher.ready()
            for worker in self._workers:
                worker.give(Job("worker", test, url, worker.name, message["port"]))
            if self._bus:
                self._watcher.invite(Job("worker", test, url, "", message["port"], run=self._bus.run, reports=True))
                self._screen.event(0.0, f"waiting for {self._number} workers")
        elif event == wire.CONNECTED:
            self._joined.add(message["worker"])
            if self._bus:
                self._screen.event(
                    0.0, f"{message['worker']} has joined, {len(self._joined)} of {self._number} are there"
                )
        elif event == wire.BEGIN:
            self._ending.start_epoch = message["start"]
            self._watcher.begun()
            length = format_duration(test.load.duration_seconds)
            self._screen.event(0.0, f"{test.load.intensity} on {test.endpoint.name} for {length} begin")
        elif event == wire.SAMPLE:
            sample = decode(Sample, message["sample"])
            tally.add(sample)
            self._watcher.observe(sample)
            if tally.in_step and len(tally.workers) == self._number:
                self._screen.progress(tally, self._number - len(self._ending.losses))
        elif event == wire.LOST:
            self._lose(message["worker"], message["cause"], tally)
        elif event == wire.REBALANCED:
            self._rebalance(message["worker"], message["workers"], message["second"])
        elif event == wire.END:
            self._ended = self._master.gone = True

    def _look_after_processes(self, tally: Tally) -> None:
        for worker in self._workers:
            if worker.process.poll() is None or worker.gone or self._ended:
                continue
            worker.gone = True
            seen = tally.workers.get(worker.name)
            if seen is None or not seen.final:
                self._lose(worker.name, worker.cause(), tally)
                self._master.write({"command": wire.LOST, "worker": worker.name, "cause": worker.cause()})
        if self._page:
            return
        if self._ending.losses and not self._ending.start_epoch:
            self._stop("a worker could not be started")
        elif len(self._ending.losses) == self._number:
            self._stop(None)

    def _give_up_waiting(self, patience: float, tally: Tally) -> None:
        """Workers elsewhere that never came are lost; processes of our own that do not start are another matter."""
        if self._bus is None:
            self._stop(f"the workers did not start within {patience:.0f} s", _SEE_LOG)
            return
        missing = self._number - len(self._joined)
        for number in range(missing):
            name = f"worker {len(self._joined) + number + 1} of {self._number}"
            self._lose(name, f"it did not join the master within {format_duration(patience)}", tally)
        self._stop(None)

    def _rebalance(self, name: str, workers: int, second: float) -> None:
        who = "The other worker" if workers == 1 else f"The other {workers} workers"
        effect = f"{who} took over the share of {name} from {clock(second)} on."
        self._ending.losses = [
            replace(loss, effect=effect) if loss.worker == name else loss for loss in self._ending.losses
        ]
        self._screen.event(second, effect)

    def _lose(self, name: str, cause: str, tally: Tally) -> None:
        if any(loss.worker == name for loss in self._ending.losses):
            return
        started = self._ending.start_epoch
        second = min(max(0.0, time.time() - started), tally.load.duration_seconds) if started else 0.0
        self._ending.losses.append(Loss(name, second, cause) if started else Loss(name, second, cause, _NOTHING_SENT))
        self._watcher.lost(name)
        self._screen.event(second, f"{name} lost: {cause}")

    def _look_after_run(self, test: LoadTest, url: str, tally: Tally) -> None:
        if self._signals:
            number = self._signals.pop(0)
            if self._stop_at is not None:
                self._stop_at = time.monotonic()
            self._stop(f"{signal.Signals(number).name} {moment(self._ending.passed(), test.load.duration_seconds)}")
        if self._page:
            return
        if self._stop_at is None and tally.elapsed < test.load.duration_seconds:
            outcomes, seconds = tally.recent_outcomes(_GONE_SECONDS)
            if seconds >= _GONE_SECONDS and gone(outcomes):
                self._stop(*told(outcomes, test.endpoint, url, tally.elapsed - seconds))
        started = self._ending.start_epoch
        if started and time.time() > started + test.load.duration_seconds + _OVERDUE_SECONDS:
            self._stop("the master stopped reporting", _SEE_LOG)

    def _stop(self, reason: str | None, advice: str = "") -> None:
        """Asks the workers to finish. With a reason the run counts as ended early."""
        if self._stop_at is not None:
            return
        self._stop_at = time.monotonic() + _STOP_PATIENCE_SECONDS
        if (reason and not self._ending.losses) or (reason and self._ending.start_epoch):
            self._ending.ended_early, self._ending.advice = reason, advice
        self._screen.event(
            0.0 if not self._ending.start_epoch else time.time() - self._ending.start_epoch,
            f"stopping: {reason or 'no workers left'}",
        )
        self._master.write({"command": wire.STOP})
