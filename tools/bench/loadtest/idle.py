"""A locustfile of users that do nothing, for the benchmark of the master, whose event loop is measured meanwhile."""

from __future__ import annotations

import time
from pathlib import Path

import gevent
from locust import User, constant, events, task

from bench.loadtest import lag
from sagemaker_loadtest.measure.histogram import Histogram

_INTERVAL_SECONDS = 0.02
_HISTOGRAM = Histogram()


class Idle(User):
    """Stands for a user whose requests are made up."""

    wait_time = constant(3600)

    @task
    def nothing(self) -> None:
        """Its requests are in the report already."""


def _measure() -> None:
    """How late the loop wakes up; everything that it does is late by as much."""
    while True:
        due = time.perf_counter() + _INTERVAL_SECONDS
        gevent.sleep(_INTERVAL_SECONDS)
        _HISTOGRAM.record(max(0, int((time.perf_counter() - due) * 1e6)))


def _begin(**_: object) -> None:
    """Only the master fires it here: simulated workers have events of their own."""
    gevent.spawn(_measure)


def _end(**_: object) -> None:
    """The master stops when all workers have reported their last."""
    p50, p99 = (each or 0.0 for each in _HISTOGRAM.percentiles((50, 99)))
    lag.Lag(p50, p99, _HISTOGRAM.maximum or 0.0).write(Path(lag.FILE))


for _event, _listener in ((events.test_start, _begin), (events.test_stop, _end)):
    _event.add_listener(_listener)  # type: ignore[no-untyped-call]  # Locust's
