"""A worker: prepares its requests, joins the master, drives the users and reports once a second."""

import gc
import os
import sys
import time
from dataclasses import replace
from typing import Any

import gevent
import gevent.os

from sagemaker_loadtest import wire
from sagemaker_loadtest.cluster import (
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
    tell,
    user_class,
)
from sagemaker_loadtest.codec import encode
from sagemaker_loadtest.credentials import standard_chain
from sagemaker_loadtest.errors import ConfigurationError
from sagemaker_loadtest.histogram import Histogram
from sagemaker_loadtest.payloads import in_order, load_payloads, requests_of
from sagemaker_loadtest.recorder import Recorder
from sagemaker_loadtest.spec import LoadTest
from sagemaker_loadtest.target import host_header
from sagemaker_loadtest.transport import connections
from sagemaker_loadtest.user import Clock, Place, SageMakerUser, Share, SigningSource
from sagemaker_loadtest.wire import Health, Job, Sample, pack

_LAG_INTERVAL = 0.02
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


class Worker:
    """Glue between Locust's runner, the users and the books."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._recorder = Recorder()
        self._lag = Histogram()
        self._place: Place | None = None
        self._greenlets: list[Any] = []
        test = job.test
        load = test.load
        size = load.closed.users if load.closed else load.open.max_in_flight if load.open else 1
        users = user_class(job)
        users.host = job.url
        users.client_pool = connections(size=size, timeout_seconds=load.timeout_seconds)
        users.recorder = self._recorder
        users.signing = SigningSource(standard_chain(), test.endpoint.region)
        users.requests = requests_of(load_payloads(test), host_header(job.url), test.endpoint.name)
        self._users: type[SageMakerUser] = users
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
        self._place = Place(test, Clock(data["start"]), share)
        self._users.place = self._place
        self._users.choice = in_order(
            len(self._users.requests), test.payloads.order, seed=test.seed, worker=share.worker, workers=share.workers
        )
        gc.collect()
        gc.freeze()
        self._greenlets = [gevent.spawn(self._measure_lag), gevent.spawn(self._report, self._place)]

    def _take(self, data: dict[str, Any]) -> None:
        """The workers are others than before: another share of the arrivals."""
        if self._place:
            self._place.share = Share(data["place"], data["workers"], data["since"])

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


def _at_rate(test: LoadTest, rate: float | None) -> LoadTest:
    """The test at the rate that a person asks for on the page."""
    if not rate or test.load.open is None:
        return test
    return replace(test, load=replace(test.load, open=replace(test.load.open, rate=float(rate))))
