"""A worker: prepares its requests, joins the master, drives the users and reports once a second."""

import gc
import math
import os
import time
from typing import Any

from locust import events

# isort: split
import gevent
import gevent.os

from sagemaker_loadtest.cluster import (
    BEGIN,
    EARLY_DRAIN_SECONDS,
    HELLO,
    LOOPBACK,
    SAMPLE,
    STOP,
    drain_seconds,
    environment,
)
from sagemaker_loadtest.codec import encode
from sagemaker_loadtest.credentials import standard_chain
from sagemaker_loadtest.exchange import Exchange
from sagemaker_loadtest.histogram import Histogram
from sagemaker_loadtest.payloads import load_payloads
from sagemaker_loadtest.recorder import Recorder
from sagemaker_loadtest.replies import Outcome
from sagemaker_loadtest.requests import Requests
from sagemaker_loadtest.results import Results
from sagemaker_loadtest.schedule import closed_share
from sagemaker_loadtest.selection import in_order, weighted
from sagemaker_loadtest.signing import SigningSource
from sagemaker_loadtest.spec import Load, LoadTest
from sagemaker_loadtest.target import host_header
from sagemaker_loadtest.template import numbers
from sagemaker_loadtest.transport import Transport
from sagemaker_loadtest.user import OURS, Clock, Place, SageMakerUser, Supply
from sagemaker_loadtest.wire import Health, Job, Sample, pack

_LAG_INTERVAL = 0.02
MOST_CONNECTIONS_AHEAD = 64
_AHEAD_SECONDS = 0.1


def run_worker(job: Job) -> int:
    """Works until the master says quit."""
    worker = Worker(job)
    worker.join()
    return 0


def connections_ahead(load: Load, place: Place) -> int:
    """How many connections are opened while the start is awaited: no more than the load will need at once."""
    if load.closed:
        return min(MOST_CONNECTIONS_AHEAD, closed_share(load.closed.users, worker=place.worker, workers=place.workers))
    rate = load.open.rate if load.open else 0.0
    return min(MOST_CONNECTIONS_AHEAD, math.ceil(rate / place.workers * _AHEAD_SECONDS))


class Worker:
    """Glue between Locust's runner, the users and the books."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._recorder = Recorder()
        self._lag = Histogram()
        self._place: Place | None = None
        test = job.test
        self._payloads = load_payloads(test)
        self._transport = Transport(job.url, timeout_seconds=test.load.timeout_seconds)
        SageMakerUser.recorder = self._recorder
        SageMakerUser.invocation = test.invocation
        SageMakerUser.endpoint_name, SageMakerUser.region = test.endpoint.name, test.endpoint.region
        SageMakerUser.way = self._way(test)
        if test.locustfile:
            events.request.add_listener(self._of_another)  # type: ignore[no-untyped-call]  # Locust's
        self._runner = environment(job).create_worker_runner(LOOPBACK, job.master_port)
        self._runner.register_message(BEGIN, lambda msg, **_: self._begin(msg.data))
        self._runner.register_message(STOP, lambda **_: self._stop())

    def join(self) -> None:
        gevent.spawn(self._watch_parent)
        self._runner.send_message(HELLO, {"name": self._job.name})
        self._runner.greenlet.join()

    def _begin(self, data: dict[str, Any]) -> None:
        test = self._job.test
        self._place = Place(test, Clock(data["start"]), data["place"], test.workers)
        SageMakerUser.place = self._place
        SageMakerUser.supply = self._supply(self._place)
        gevent.spawn(self._transport.connect_ahead, connections_ahead(test.load, self._place))
        gc.collect()
        gc.freeze()
        gevent.spawn(self._measure_lag)
        gevent.spawn(self._report, self._place)

    def _way(self, test: LoadTest) -> Exchange:
        source, region = standard_chain(), test.endpoint.region
        signing = SigningSource(source, region)
        results = Results(
            test.invocation.results,
            region,
            SigningSource(source, region, "s3"),
            timeout_seconds=test.load.timeout_seconds,
        )
        return Exchange(self._transport, signing, results)

    def _supply(self, place: Place) -> Supply:
        test, seat = place.test, {"worker": place.worker, "workers": place.workers}
        weights = [payload.weight for payload in self._payloads]
        models = test.invocation.target_models
        return Supply(
            self._payloads,
            Requests(self._payloads, test.invocation, host_header(self._job.url), test.endpoint.name),
            in_order(len(weights), test.payloads.order, seed=test.seed, weights=weights, **seat),
            weighted(models.weights if models else (1.0,), f"models/{test.seed}/{place.worker}"),
            numbers(**seat),
        )

    def _of_another(self, response_time: float, exception: Exception | None, context: Any, **_: Any) -> None:
        """A request of a user class that is not ours, as that class measured it."""
        if context is OURS or self._place is None or self._place.over:
            return
        now = self._place.clock.now()
        began = now - response_time / 1000
        outcome = Outcome.OK if exception is None else Outcome.OTHER
        self._recorder.finished(self._recorder.started(began), began, now, outcome, "")

    def _stop(self) -> None:
        if self._place:
            self._place.stopping = True

    def _measure_lag(self) -> None:
        """How late the event loop wakes up: everything that it does is late by as much."""
        due = time.perf_counter()
        while True:
            due += _LAG_INTERVAL
            gevent.sleep(max(0.0, due - time.perf_counter()))
            now = time.perf_counter()
            self._lag.record(max(0, int((now - due) * 1_000_000)))
            due = max(due, now - _LAG_INTERVAL)

    def _report(self, place: Place) -> None:
        next_report, cpu, wall = 1.0, time.process_time(), time.perf_counter()
        while not place.over:
            gevent.sleep(min(0.05, max(0.0, next_report - place.clock.now())))
            if place.clock.now() >= next_report:
                cpu, wall = self._send(place, cpu, wall, final=False)
                next_report = int(place.clock.now()) + 1.0
        self._drain(place)
        self._recorder.give_up()
        self._send(place, cpu, wall, final=True)

    def _drain(self, place: Place) -> None:
        patience = EARLY_DRAIN_SECONDS if place.stopping else drain_seconds(self._job)
        end = place.clock.now() + patience
        gevent.sleep(0.01)
        while self._recorder.in_flight and place.clock.now() < end:
            if place.stopping:
                end = min(end, place.clock.now() + EARLY_DRAIN_SECONDS)
            gevent.sleep(0.02)

    def _send(self, place: Place, cpu: float, wall: float, *, final: bool) -> tuple[float, float]:
        cpu_now, wall_now = time.process_time(), time.perf_counter()
        lag, self._lag = self._lag, Histogram()
        health = Health(
            second=place.clock.now(),
            cpu_percent=100 * (cpu_now - cpu) / max(wall_now - wall, 1e-6),
            loop_lag=pack(lag),
            behind=pack(self._recorder.take_behind()),
            in_flight=self._recorder.in_flight,
            users=self._runner.user_count,
        )
        self._runner.send_message(SAMPLE, encode(Sample(self._job.name, self._recorder.take(), health, final)))
        return cpu_now, wall_now

    @staticmethod
    def _watch_parent() -> None:
        """Standard input ends when the supervisor does."""
        gevent.os.make_nonblocking(0)
        while gevent.os.nb_read(0, 4096):
            pass
        os._exit(0)
