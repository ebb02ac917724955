"""A worker: prepares its requests, joins the master, drives the users and reports once a second."""

import gc
import os
import time
from typing import Any

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
    user_class,
)
from sagemaker_loadtest.codec import encode
from sagemaker_loadtest.credentials import standard_chain
from sagemaker_loadtest.histogram import Histogram
from sagemaker_loadtest.payloads import in_order, load_payloads, requests_of
from sagemaker_loadtest.recorder import Recorder
from sagemaker_loadtest.target import host_header
from sagemaker_loadtest.transport import connections
from sagemaker_loadtest.user import Clock, Place, SageMakerUser, SigningSource
from sagemaker_loadtest.wire import Health, Job, Sample, pack

_LAG_INTERVAL = 0.02


def run_worker(job: Job) -> int:
    """Works until the master says quit."""
    worker = Worker(job)
    worker.join()
    return 0


class Worker:
    """Glue between Locust's runner, the users and the books."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._recorder = Recorder()
        self._lag = Histogram()
        self._place: Place | None = None
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
        self._users.place = self._place
        self._users.choice = in_order(
            len(self._users.requests),
            test.payloads.order,
            seed=test.seed,
            worker=self._place.worker,
            workers=test.workers,
        )
        gc.collect()
        gc.freeze()
        gevent.spawn(self._measure_lag)
        gevent.spawn(self._report, self._place)

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
