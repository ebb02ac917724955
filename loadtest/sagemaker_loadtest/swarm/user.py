"""The Locust users. Locust keeps users, spawning, events and distribution; the exchange, its clock and its books are
ours.
"""

import math
import os
import time
from dataclasses import replace
from typing import Any, ClassVar

import gevent
from locust import User, task
from locust.exception import StopUser

from sagemaker_loadtest.api.measurement import Measurement
from sagemaker_loadtest.api.spec import Invocation, LoadTest, Operation, TargetModels
from sagemaker_loadtest.exchange.credentials import standard_chain
from sagemaker_loadtest.exchange.invocation import Exchange, Reply
from sagemaker_loadtest.exchange.requests import NEW_SESSION, asked_variant, headers_of, invocation_path
from sagemaker_loadtest.exchange.signing import SigningSource
from sagemaker_loadtest.exchange.sigv4 import Request, make_request
from sagemaker_loadtest.exchange.target import host_header
from sagemaker_loadtest.exchange.transport import Transport
from sagemaker_loadtest.measure.recorder import Recorder
from sagemaker_loadtest.swarm.place import Clock, Place, Share, Supply
from sagemaker_loadtest.workload.payloads import Payload
from sagemaker_loadtest.workload.schedule import active_from

OVERDUE_SECONDS = 1.0
"""Arrivals that are still unsent so long after the end of the run were not sent: the generator was too slow."""
OURS: dict[str, Any] = {"sagemaker": True}
"""The context of the request events that this module fires: what they tell is in our books already."""
_MOST_REMEMBERED = 1024
_STANDALONE_TIMEOUT_SECONDS = 70.0


class RequestFailedError(Exception):
    """What Locust's own statistics show for a failed request: its class."""


class SageMakerUser(User):
    """A user of a SageMaker endpoint, to be extended in a locustfile of your own.

    Endpoint and region come from the test file; under plain `locust` set `host` (the runtime's URL), `endpoint_name`
    and `region` in your class. Requests are signed, their latency is measured at the socket, and they are counted in
    Locust's statistics as in ours.
    """

    abstract = True
    endpoint_name: ClassVar[str] = ""
    region: ClassVar[str] = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    invocation: ClassVar[Invocation] = Invocation()
    place: ClassVar[Place]
    recorder: ClassVar[Recorder | None] = None
    way: ClassVar[Exchange | None] = None
    supply: ClassVar[Supply | None] = None
    _remembered: ClassVar[dict[Any, Request]] = {}

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        if SageMakerUser.way is None:
            signing = SigningSource(standard_chain(), self.region)
            transport = Transport(self.host or "", timeout_seconds=_STANDALONE_TIMEOUT_SECONDS)
            SageMakerUser.way = Exchange(transport, signing)
            SageMakerUser.place = Place(_unbounded(), Clock(time.time()), Share(0, 1))
        self.exchange: Exchange = SageMakerUser.way
        self.session: str | None = NEW_SESSION if self.invocation.session_per_user else None

    def invoke(self, body: bytes, *, content_type: str, accept: str | None = None, **members: str | None) -> Reply:
        """InvokeEndpoint. `members`: target_variant, target_model, target_container_hostname,
        inference_component_name, session_id, inference_id, custom_attributes; those of the test file hold otherwise.
        """
        return self._call("InvokeEndpoint", body, content_type, accept, members)

    def invoke_stream(
        self, body: bytes, *, content_type: str, accept: str | None = None, **members: str | None
    ) -> Reply:
        """InvokeEndpointWithResponseStream; returns at the end of the stream. `members` as for `invoke`."""
        return self._call("InvokeEndpointWithResponseStream", body, content_type, accept, members)

    def invoke_async(
        self, body: bytes, *, content_type: str, accept: str | None = None, **members: str | None
    ) -> Reply:
        """InvokeEndpointAsync with the body in the request; returns when the result is in S3. `members`: inference_id,
        custom_attributes.
        """
        return self._call("InvokeEndpointAsync", body, content_type, accept, members)

    def next_payload(self) -> Payload:
        """The next of the test file's payloads, in its order. Raises LookupError when the test file has none."""
        if self.supply is None or not self.supply.payloads:
            raise LookupError("the test file has no payloads")
        return self.supply.payloads[next(self.supply.choice)]

    def _call(
        self, operation: Operation, body: bytes, content_type: str, accept: str | None, members: dict[str, str | None]
    ) -> Reply:
        if self.place.over:
            raise StopUser
        request = self._request(operation, body, content_type, accept, members)
        started = self.place.clock.now()
        number = self.recorder.started(started) if self.recorder else 0
        return self.perform(request, operation, number, started)

    def _request(
        self, operation: Operation, body: bytes, content_type: str, accept: str | None, members: dict[str, str | None]
    ) -> Request:
        key = (operation, body, content_type, accept, tuple(members.items()))
        request = self._remembered.get(key)
        if request is None:
            model, session, inference_id = (
                members.pop(name, None) for name in ("target_model", "session_id", "inference_id")
            )
            models = TargetModels((model,), (1.0,)) if model else self.invocation.target_models
            changed: Any = members
            invocation = replace(self.invocation, operation=operation, target_models=models, **changed)
            headers = headers_of(
                invocation, content_type, accept, model=model, session=session, inference_id=inference_id
            )
            path = invocation_path(self.endpoint_name, operation)
            request = make_request(host_header(self.host or ""), path, headers, body)
            if inference_id is not None:
                return replace(request, once=True)
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = request
        return request

    def perform(self, request: Request, operation: Operation, number: int, intended: float) -> Reply:
        """Sends one request and records it; latency counts from `intended`, service time from the sending."""
        recorder, clock = self.recorder, self.place.clock
        if recorder is not None:
            recorder.sending(intended, clock.now())
        if operation == "InvokeEndpoint":
            reply = self.exchange.invoke(request)
        elif operation == "InvokeEndpointAsync":
            reply = self.exchange.invoke_async(request)
        else:
            reply = self.exchange.invoke_stream(request)
        done, good = clock.of(reply.done), reply.ok
        if recorder is not None:
            variant = reply.variant or asked_variant(request)  # a request without a reply has only the one asked for
            recorder.finished(number, clock.of(reply.sent), done, reply.outcome, variant)
            recorder.carried(intended, reply.status, len(request.body), reply.received, len(reply.chunks))
            self._measure(recorder, clock, intended, reply)
            if not good and recorder.curious(intended, reply.outcome, variant):
                recorder.told(intended, reply.outcome, variant, reply.said(), request.body)
        self.environment.events.request.fire(
            request_type=operation,
            name=(reply.variant or "no variant named") if good else reply.outcome.value,
            response_time=(done - intended) * 1000,
            response_length=reply.received,
            exception=None if good else RequestFailedError(reply.outcome.value),
            context=OURS,
        )
        return reply

    @staticmethod
    def _measure(recorder: Recorder, clock: Clock, intended: float, reply: Reply) -> None:
        if reply.connect_seconds is not None:
            recorder.measured(intended, Measurement.CONNECT, reply.connect_seconds)
        if reply.accepted is not None:
            recorder.measured(intended, Measurement.ACCEPTED, clock.of(reply.accepted) - intended)
        if reply.chunks and reply.ok:
            recorder.measured(intended, Measurement.FIRST_CHUNK, clock.of(reply.chunks[0]) - intended)
            for earlier, later in zip(reply.chunks, reply.chunks[1:], strict=False):
                recorder.measured(intended, Measurement.BETWEEN_CHUNKS, later - earlier)

    def send_next(self, number: int, intended: float) -> None:
        """The next request of the test file's payloads, in the user's session if it has one."""
        if self.supply is None:
            raise LookupError("the test file has no payloads")
        reply = self.perform(self.supply.next(self.session), self.invocation.operation, number, intended)
        if self.session is not None:
            self.session = NEW_SESSION if reply.session_closed else reply.new_session or self.session


class OpenUser(SageMakerUser):
    """One per worker: sends each request at its time, whatever became of those before."""

    @task
    def drive(self) -> None:
        place, load = self.place, self.place.test.load
        assert load.open is not None  # noqa: S101 - this class is only spawned for an open load
        recorder = self.recorder or Recorder()
        if place.driven:  # users dealt out anew after a loss: one of them sends all
            raise StopUser
        place.driven = True
        for due in place.arriving():
            bound = -(-load.open.max_in_flight // place.share.workers)
            if place.stopping:
                break
            if place.clock.now() > load.duration_seconds + OVERDUE_SECONDS:
                recorder.not_sent(due, dropped=False)
            elif recorder.in_flight >= bound:
                recorder.not_sent(due, dropped=True)
            else:
                gevent.spawn(self.send_next, recorder.started(due), due)
        raise StopUser


class ClosedUser(SageMakerUser):
    """A caller who waits for each answer; paced users start at random phases, or they would call in step for ever."""

    _spawned: ClassVar[int] = 0

    @task
    def call(self) -> None:
        place, load = self.place, self.place.test.load
        assert load.closed is not None  # noqa: S101 - this class is only spawned for a closed load
        recorder = self.recorder or Recorder()
        index, pacing = self.number(), load.closed.pacing_seconds
        due = max(0.0, place.clock.now()) + pacing * (
            (index + 1) * 0.6180339887498949 % 1.0
        )  # spread by the golden ratio
        while True:
            if load.stages:
                due = active_from(load, index, due)
                if due == math.inf:
                    raise StopUser
            gevent.sleep(max(0.0, due - place.clock.now()))
            if place.over:
                raise StopUser
            started = max(due, place.clock.now())
            self.send_next(recorder.started(started), started)
            due = max(due + pacing, place.clock.now())

    def number(self) -> int:
        """The user's number among those of all workers."""
        number = ClosedUser._spawned * self.place.share.workers + self.place.share.worker
        ClosedUser._spawned += 1
        return number


def _unbounded() -> LoadTest:
    """What stands in for a test when a locustfile runs under plain Locust: no end that we know of."""
    from sagemaker_loadtest.api.spec import Endpoint, Load, Payloads

    return LoadTest("", Endpoint("", ""), Payloads(()), Load(math.inf))
