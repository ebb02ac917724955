"""A worker: prepares its requests, joins the master, drives the users and reports once a second."""

import gc
import math
import os
import sys
import time
from dataclasses import replace
from typing import Any

from locust import events

# isort: split
import gevent
import gevent.os

from sagemaker_loadtest.api.codec import encode
from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.spec import Load, LoadTest
from sagemaker_loadtest.exchange.credentials import standard_chain
from sagemaker_loadtest.exchange.invocation import Exchange
from sagemaker_loadtest.exchange.replies import Outcome
from sagemaker_loadtest.exchange.requests import Requests
from sagemaker_loadtest.exchange.results import Results
from sagemaker_loadtest.exchange.signing import SigningSource
from sagemaker_loadtest.exchange.target import host_header
from sagemaker_loadtest.exchange.transport import Transport
from sagemaker_loadtest.measure import wire
from sagemaker_loadtest.measure.histogram import Histogram
from sagemaker_loadtest.measure.recorder import Recorder
from sagemaker_loadtest.measure.wire import Health, Job, Sample, pack
from sagemaker_loadtest.swarm.channel import tell
from sagemaker_loadtest.swarm.cluster import (
    BEGIN,
    EARLY_DRAIN_SECONDS,
    HELLO,
    LEAVE,
    SAMPLE,
    SHARE,
    STOP,
    drain_seconds,
    environment,
    lines_of,
)
from sagemaker_loadtest.swarm.place import Clock, Place, Share, Supply
from sagemaker_loadtest.swarm.user import OURS, SageMakerUser
from sagemaker_loadtest.workload.payloads import load_payloads
from sagemaker_loadtest.workload.schedule import closed_share
from sagemaker_loadtest.workload.selection import in_order, weighted
from sagemaker_loadtest.workload.template import numbers

_LAG_INTERVAL = 0.02
MOST_CONNECTIONS_AHEAD = 64
_AHEAD_SECONDS = 0.1
_FAREWELL_SECONDS = 0.3


def run_worker(job: Job) -> int:
    """Works until the master says quit. What is wrong before the load is told; exit code 2 says so."""
    try:
        worker = Worker(job)
    except ConfigurationError as error:
        if job.reports:
            tell(wire.FAULT, faults=list(error.faults))
        print("\n".join(error.faults), file=sys.stderr)
        return 2
    worker.join()
    return 0


def connections_ahead(load: Load, share: Share) -> int:
    """How many connections are opened while the start is awaited: no more than the load will need at once."""
    if load.closed:
        return min(MOST_CONNECTIONS_AHEAD, closed_share(load.closed.users, worker=share.worker, workers=share.workers))
    rate = load.open.rate if load.open else 0.0
    return min(MOST_CONNECTIONS_AHEAD, math.ceil(rate / share.workers * _AHEAD_SECONDS))


class Worker:
    """Glue between Locust's runner, the users and the books."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._recorder = Recorder()
        self._lag = Histogram()
        self._place: Place | None = None
        self._greenlets: list[Any] = []
        test = job.test
        self._payloads = load_payloads(test)
        self._transport = Transport(job.url, timeout_seconds=test.load.timeout_seconds)
        SageMakerUser.recorder = self._recorder
        SageMakerUser.invocation = test.invocation
        SageMakerUser.endpoint_name, SageMakerUser.region = test.endpoint.name, test.endpoint.region
        SageMakerUser.way = self._way(test)
        if test.locustfile:
            events.request.add_listener(self._of_another)  # type: ignore[no-untyped-call]  # Locust's
        self._runner = environment(job).create_worker_runner(job.master_host, job.master_port)
        self._runner.register_message(BEGIN, lambda msg, **_: self._begin(msg.data))
        self._runner.register_message(SHARE, lambda msg, **_: self._take(msg.data))
        self._runner.register_message(STOP, lambda **_: self._stop())

    def join(self) -> None:
        gevent.spawn(self._commands)
        self._runner.send_message(HELLO, {"name": self._job.name, "run": self._job.run})
        self._runner.greenlet.join()

    def _begin(self, data: dict[str, Any]) -> None:
        test = _at_rate(self._job.test, data["rate"])
        gevent.killall(self._greenlets)
        share = Share(data["place"], data["workers"], data["since"])
        recording = tuple(payload.at or 0.0 for payload in self._payloads) if _is_recorded(test) else ()
        self._place = Place(test, Clock(data["start"]), share, recording)
        SageMakerUser.place = self._place
        SageMakerUser.supply = self._supply(test, share)
        gevent.spawn(self._transport.connect_ahead, connections_ahead(test.load, share))
        gc.collect()
        gc.freeze()
        self._greenlets = [gevent.spawn(self._measure_lag), gevent.spawn(self._report, self._place)]

    def _take(self, data: dict[str, Any]) -> None:
        """The workers are others than before: another share of the arrivals."""
        if self._place:
            self._place.share = Share(data["place"], data["workers"], data["since"])

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

    def _supply(self, test: LoadTest, share: Share) -> Supply:
        seat = {"worker": share.worker, "workers": share.workers}
        weights = [payload.weight for payload in self._payloads]
        models = test.invocation.target_models
        return Supply(
            self._payloads,
            Requests(self._payloads, test.invocation, host_header(self._job.url), test.endpoint.name),
            in_order(len(weights), test.payloads.order, seed=test.seed, weights=weights, **seat),
            weighted(models.weights if models else (1.0,), f"models/{test.seed}/{share.worker}"),
            numbers(**seat),
        )

    def _of_another(self, response_time: float | None, exception: Exception | None, context: Any, **_: Any) -> None:
        """A request of a user class that is not ours, as that class measured it."""
        if context is OURS or self._place is None or self._place.over:
            return
        now = self._place.clock.now()
        began = now - (response_time or 0.0) / 1000  # Locust has events without one
        recorder, outcome = self._recorder, Outcome.OK if exception is None else Outcome.OTHER
        recorder.finished(recorder.started(began), began, now, outcome, "")
        if exception is not None and recorder.curious(began, outcome, ""):
            recorder.told(began, outcome, "", (type(exception).__name__, str(exception)), b"")

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
        sample = encode(Sample(self._job.name, self._recorder.take(), health, final))
        self._runner.send_message(SAMPLE, sample)
        if self._job.reports:
            tell(wire.SAMPLE, sample=sample)
        return cpu_now, wall_now

    def _commands(self) -> None:
        """Standard input ends when the supervisor does. It may ask before to leave the run."""
        for command in lines_of(sys.stdin.fileno()):
            if command["command"] == wire.STOP:
                gevent.spawn(self._leave, command["cause"])
        os._exit(0)

    def _leave(self, cause: str) -> None:
        """Reports what there is and says why nothing more will come."""
        self._stop()
        gevent.joinall(self._greenlets[1:], timeout=EARLY_DRAIN_SECONDS + 1)
        self._runner.send_message(LEAVE, {"name": self._job.name, "cause": cause})
        environment = self._runner.environment
        environment.events.quitting.fire(environment=environment)  # type: ignore[no-untyped-call]  # Locust's
        gevent.sleep(_FAREWELL_SECONDS)
        os._exit(0)


def _is_recorded(test: LoadTest) -> bool:
    return test.load.open is not None and test.load.open.arrivals == "Recorded"


def _at_rate(test: LoadTest, rate: float | None) -> LoadTest:
    """The test at the rate that a person asks for on the page."""
    if not rate or test.load.open is None:
        return test
    return replace(test, load=replace(test.load, open=replace(test.load.open, rate=float(rate))))
