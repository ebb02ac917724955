"""One worker's part in a run: its clock, its share of the load, what it sends."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import gevent

from sagemaker_loadtest.api.spec import LoadTest
from sagemaker_loadtest.exchange.requests import Requests
from sagemaker_loadtest.exchange.sigv4 import Request
from sagemaker_loadtest.workload.payloads import Payload
from sagemaker_loadtest.workload.schedule import arrivals, recorded


class Clock:
    """Seconds since the start of the run; the same zero on all workers, to the accuracy of their clocks."""

    def __init__(self, start_epoch: float) -> None:
        self._zero = time.perf_counter() + start_epoch - time.time()

    def now(self) -> float:
        return time.perf_counter() - self._zero

    def of(self, moment: float) -> float:
        """A moment of `time.perf_counter`."""
        return moment - self._zero


@dataclass(frozen=True, slots=True)
class Share:
    """What part of the arrivals is a worker's own: the `worker`-th of `workers`, from the second `since` on."""

    worker: int
    workers: int
    since: float = 0.0


@dataclass(slots=True)
class Place:
    """One worker's part in the run. `stopping` is set when the run is to end early; `share` changes when workers are
    lost; `driven` says that somebody sends the arrivals; `recording` has the times of the payloads when arrivals
    follow them.
    """

    test: LoadTest
    clock: Clock
    share: Share
    recording: tuple[float, ...] = ()
    stopping: bool = False
    driven: bool = False

    def arriving(self) -> Iterator[float]:
        """Each arrival of this worker at the moment at which it is due; those that passed to another are left out."""
        while True:
            share = self.share
            for due in self._due(share):
                gevent.sleep(max(0.0, due - self.clock.now()))
                if self.share is not share and due >= self.share.since:
                    break
                yield due
            if self.share is share:
                return

    def _due(self, share: Share) -> Iterator[float]:
        load = self.test.load
        if self.recording:
            return recorded(self.recording, load, worker=share.worker, workers=share.workers, since=share.since)
        return arrivals(load, worker=share.worker, workers=share.workers, seed=self.test.seed, since=share.since)

    @property
    def over(self) -> bool:
        return self.stopping or self.clock.now() >= self.test.load.duration_seconds


@dataclass(slots=True)
class Supply:
    """What the users of a process send: each takes the next of each iterator."""

    payloads: Sequence[Payload]
    requests: Requests
    choice: Iterator[int]
    models: Iterator[int]
    numbers: Iterator[int]

    def next(self, session: str | None) -> Request:
        return self.requests.get(next(self.choice), next(self.models), self.numbers, session)
