"""The Locust users. Locust keeps users, spawning, events and distribution; the exchange, its clock and its books are
ours.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import gevent
from locust import FastHttpUser, task
from locust.exception import StopUser

from sagemaker_loadtest.credentials import Source
from sagemaker_loadtest.recorder import Recorder
from sagemaker_loadtest.replies import Outcome
from sagemaker_loadtest.schedule import arrivals
from sagemaker_loadtest.sigv4 import Request, Signer
from sagemaker_loadtest.spec import LoadTest
from sagemaker_loadtest.transport import FastHttpTransport, Transport, connections

OVERDUE_SECONDS = 1.0
"""Arrivals that are still unsent so long after the end of the run were not sent: the generator was too slow."""


class RequestFailedError(Exception):
    """What Locust's own statistics show for a failed request: its class."""


class Clock:
    """Seconds since the start of the run; the same zero on all workers, to the accuracy of their clocks."""

    def __init__(self, start_epoch: float) -> None:
        self._zero = time.perf_counter() + start_epoch - time.time()

    def now(self) -> float:
        return time.perf_counter() - self._zero


@dataclass(frozen=True, slots=True)
class Share:
    """What part of the arrivals is a worker's own: the `worker`-th of `workers`, from the second `since` on."""

    worker: int
    workers: int
    since: float = 0.0


@dataclass(slots=True)
class Place:
    """One worker's part in the run. `stopping` is set when the run is to end early; `share` changes when workers are
    lost; `driven` says that somebody sends the arrivals.
    """

    test: LoadTest
    clock: Clock
    share: Share
    stopping: bool = False
    driven: bool = False

    def arriving(self) -> Iterator[float]:
        """Each arrival of this worker at the moment at which it is due; those that passed to another are left out."""
        while True:
            share = self.share
            for due in arrivals(
                self.test.load, worker=share.worker, workers=share.workers, seed=self.test.seed, since=share.since
            ):
                gevent.sleep(max(0.0, due - self.clock.now()))
                if self.share is not share and due >= self.share.since:
                    break
                yield due
            if self.share is share:
                return

    @property
    def over(self) -> bool:
        return self.stopping or self.clock.now() >= self.test.load.duration_seconds


class SigningSource:
    """Keeps one signer for the credentials that hold now; asks the chain once a second."""

    def __init__(self, source: Source, region: str) -> None:
        self._source = source
        self._region = region
        self._checked = 0
        self._signer = Signer(source(), region)

    def headers(self, request: Request) -> dict[str, str]:
        now = time.time()
        if int(now) != self._checked:
            self._checked = int(now)
            credentials = self._source()
            if credentials != self._signer.credentials:
                self._signer = Signer(credentials, self._region)
        return self._signer.headers(request, now)


class SageMakerUser(FastHttpUser):
    """Calls InvokeEndpoint. The class members are set once per process, before Locust spawns anybody."""

    abstract = True
    insecure = False
    place: ClassVar[Place]
    recorder: ClassVar[Recorder]
    signing: ClassVar[SigningSource]
    requests: ClassVar[tuple[Request, ...]]
    choice: ClassVar[Iterator[int]]
    shared_transport: ClassVar[Transport | None] = None

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        if SageMakerUser.shared_transport is None:
            pool = self.client_pool or connections(size=self.concurrency, timeout_seconds=self.network_timeout)
            SageMakerUser.shared_transport = FastHttpTransport(pool.get_client(self.host or ""))
        self.transport = SageMakerUser.shared_transport

    def exchange(self, number: int, intended: float) -> None:
        """Sends one request and records it; latency counts from `intended`, service time from the sending."""
        clock, request = self.place.clock, self.requests[next(self.choice)]
        sent = clock.now()
        self.recorder.sending(intended, sent)
        reply = self.transport.send(request, self.signing.headers(request))
        now = clock.now()
        self.recorder.finished(number, sent, now, reply.outcome, reply.variant)
        good = reply.outcome is Outcome.OK
        self.environment.events.request.fire(
            request_type="InvokeEndpoint",
            name=(reply.variant or "no variant named") if good else reply.outcome.value,
            response_time=(now - intended) * 1000,
            response_length=reply.size,
            exception=None if good else RequestFailedError(reply.outcome.value),
            context={},
        )


class OpenUser(SageMakerUser):
    """One per worker: sends each request at its time, whatever became of those before."""

    @task
    def drive(self) -> None:
        place, load = self.place, self.place.test.load
        assert load.open is not None  # noqa: S101 - this class is only spawned for an open load
        if place.driven:  # users dealt out anew after a loss: one of them sends all
            raise StopUser
        place.driven = True
        for due in place.arriving():
            bound = -(-load.open.max_in_flight // place.share.workers)
            if place.stopping:
                break
            if place.clock.now() > load.duration_seconds + OVERDUE_SECONDS:
                self.recorder.not_sent(due, dropped=False)
            elif self.recorder.in_flight >= bound:
                self.recorder.not_sent(due, dropped=True)
            else:
                gevent.spawn(self.exchange, self.recorder.started(due), due)
        raise StopUser


class ClosedUser(SageMakerUser):
    """A caller who waits for each answer; paced users start at random phases, or they would call in step for ever."""

    @task
    def call(self) -> None:
        place = self.place
        closed = place.test.load.closed
        assert closed is not None  # noqa: S101 - this class is only spawned for a closed load
        due = max(0.0, place.clock.now())
        if closed.pacing_seconds:
            due += closed.pacing_seconds * self.phase()
        while True:
            gevent.sleep(max(0.0, due - place.clock.now()))
            if place.over:
                raise StopUser
            started = max(due, place.clock.now())
            self.exchange(self.recorder.started(started), started)
            due = max(due + closed.pacing_seconds, place.clock.now())

    def phase(self) -> float:
        """A share of the pacing, spread evenly over the users of a worker by the golden ratio."""
        ClosedUser._spawned += 1
        return (ClosedUser._spawned * 0.6180339887498949) % 1.0

    _spawned: ClassVar[int] = 0
