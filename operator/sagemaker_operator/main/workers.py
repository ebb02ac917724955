"""The threads that work on objects, and those that sweep the regions."""

import logging
import threading
import time
import uuid

from sagemaker_operator.aws.errors import AWSError
from sagemaker_operator.aws.gateway import Gateway
from sagemaker_operator.kube.lister import Lister, ListError
from sagemaker_operator.main.logs import current_object, current_pass
from sagemaker_operator.main.metrics import Metrics
from sagemaker_operator.reconcile.intake import Intake
from sagemaker_operator.reconcile.queue import WorkQueue
from sagemaker_operator.reconcile.reconciler import Reconciler
from sagemaker_operator.reconcile.watchlist import Watchlist

log = logging.getLogger(__name__)

_UNEXPECTED_SECONDS = 60.0
_TICK_SECONDS = 0.25


class Workers:
    """`count` threads that take keys from the queue."""

    def __init__(self, count: int, queue: WorkQueue, reconciler: Reconciler, metrics: Metrics) -> None:
        self._queue, self._reconciler, self._metrics = queue, reconciler, metrics
        self._threads = [threading.Thread(target=self._work, name=f"worker-{n}", daemon=True) for n in range(count)]

    def start(self) -> None:
        """From now on keys are worked on."""
        for thread in self._threads:
            thread.start()

    def join(self, seconds: float) -> None:
        """Waits for passes under way, once the queue is closed; what is not done by then, the next operator repeats."""
        end = time.monotonic() + seconds
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(end - time.monotonic(), 0))

    def _work(self) -> None:
        while (key := self._queue.take()) is not None:
            current_object.set(str(key))
            current_pass.set(uuid.uuid4().hex[:8])
            started = time.monotonic()
            try:
                outcome = self._reconciler.reconcile(key)
                result, pause = outcome.result, outcome.next_pass
            except Exception:
                # A defect of ours in one object must not end the work on all others.
                log.exception("The pass failed for a cause that the operator does not know; it is tried again")
                result, pause = "error", _UNEXPECTED_SECONDS
            self._metrics.passes.labels(result).inc()
            self._metrics.pass_seconds.observe(time.monotonic() - started)
            if pause is not None:
                self._queue.add_after(key, pause)
            self._queue.done(key)


class Sweeper:
    """One thread per region with an object: lists all endpoints, wakes the objects whose endpoint changed."""

    def __init__(
        self,
        gateway: Gateway,
        watchlist: Watchlist,
        queue: WorkQueue,
        stop: threading.Event,
        *,
        steady_seconds: float,
        motion_seconds: float,
    ) -> None:
        self._gateway, self._watchlist, self._queue, self._stop = gateway, watchlist, queue, stop
        self._steady, self._motion = steady_seconds, motion_seconds
        self._threads: dict[str, threading.Thread] = {}
        self._main = threading.Thread(target=self._open_regions, name="sweeper", daemon=True)

    def start(self) -> None:
        """From now on regions are swept."""
        self._main.start()

    def _open_regions(self) -> None:
        while not self._stop.wait(_TICK_SECONDS):
            for region in self._watchlist.regions():
                if region not in self._threads:
                    thread = threading.Thread(target=self._sweep, args=(region,), name=f"sweep-{region}", daemon=True)
                    self._threads[region] = thread
                    thread.start()

    def _sweep(self, name: str) -> None:
        took = 0.0
        while self._await_turn(name, 2 * took):
            region, started = self._gateway.region(name), time.monotonic()
            before = region.failing
            try:
                woken, parts_gone = self._watchlist.keys(name, region.sweep()), region.renew_parts()
            except AWSError as error:
                log.warning("Endpoints in %s cannot be listed, tried again: %s", name, error)
                woken, parts_gone = set(), False
            except Exception:
                # A reply that nobody foresaw must not leave the region unwatched for ever.
                log.exception("The sweep of %s failed for a cause that the operator does not know; tried again", name)
                woken, parts_gone = set(), False
            if parts_gone or region.failing != before:
                woken = self._watchlist.keys_in(name)
            for key in woken:
                self._queue.add(key)
            took = time.monotonic() - started

    def _await_turn(self, region: str, least_seconds: float) -> bool:
        """False when the operator stops. What begins to change in the meantime shortens the wait.

        `least_seconds`: a list of many pages must not use up all of its operation's budget. A region whose last object
        is gone waits for the next one.
        """
        started = time.monotonic()
        while not self._stop.wait(_TICK_SECONDS):
            pause = self._motion if self._watchlist.in_motion(region) else self._steady
            due = time.monotonic() - started >= max(pause, least_seconds)
            if due and region in self._watchlist.regions():
                return True
        return False


class Resync:
    """Lists all objects now and then: a watch that has gone deaf without a word is noticed, and made up for."""

    def __init__(self, lister: Lister, intake: Intake, stop: threading.Event, metrics: Metrics, seconds: float) -> None:
        self._lister, self._intake, self._stop = lister, intake, stop
        self._missed, self._seconds = metrics.missed_events, seconds
        self._thread = threading.Thread(target=self._run, name="resync", daemon=True)

    def start(self) -> None:
        """From now on objects are listed."""
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                missed = self._intake.listed(*self._lister.all())
            except ListError as error:
                log.warning("Objects cannot be listed, tried again: %s", error)
                continue
            except Exception:  # without this one no listing would follow
                log.exception("The listing failed for a cause that the operator does not know; tried again")
                continue
            if missed:
                self._missed.inc(missed)
                log.warning("%d changes of objects had not come through the watch", missed)
