"""Calls that are more than a body for a variant drawn by weight.

Those with headers of the runtime's own, streams, calls that are captured or copied to a shadow variant, and calls of
serverless, multi-model and multi-container variants.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any, Protocol

from sagemaker_local.router import capture, custom_headers, replies, stream
from sagemaker_local.router.board import Board, EndpointTarget, VariantTarget
from sagemaker_local.router.components import component_of
from sagemaker_local.router.custom_headers import value_of
from sagemaker_local.router.invocation import request_for_model
from sagemaker_local.router.limits import RouterSettings
from sagemaker_local.router.model_names import container_name
from sagemaker_local.router.models import ModelInvocation, Models, Waiting, failure_of, for_model
from sagemaker_local.router.pipeline import PipelineInvocation
from sagemaker_local.router.placing import placed
from sagemaker_local.router.pool import Header, Pool
from sagemaker_local.router.serverless import MOST_BODY_BYTES, Gate
from sagemaker_local.router.sessions import Sessions
from sagemaker_local.router.shadow import NOBODY, shadow_of
from sagemaker_local.router.watching import Outcome, WatchedInvocation, Watcher


class Call(Protocol):
    """A request that has arrived in full.

    ``custom`` are its headers of the runtime's own; ``arrived`` is when its first byte came, of ``perf_counter``.
    """

    arrived: float
    headers: list[Header]
    custom: list[Header]
    body: list[bytes]
    size: int
    stream: bool


class Client(stream.StreamClient, Protocol):
    """The client connection that is answered."""

    def send(
        self, request: Call, endpoint: EndpointTarget, variant: VariantTarget, watchers: list[Watcher] | None = None
    ) -> None:
        """Send the request to an instance of the variant."""


class Special:
    """What such calls of all connections share. ``emit`` tells the parent of something."""

    def __init__(self, board: Board, settings: RouterSettings, tasks: set[asyncio.Task[None]]) -> None:
        self.emit: Callable[[Mapping[str, Any]], None] = lambda event: None
        self.models = Models()
        self._board = board
        self._settings = settings
        self._tasks = tasks
        self._sessions = Sessions()

    def invoke(self, client: Client, request: Call, endpoint: EndpointTarget) -> None:
        """Answer it, now or later."""
        variant = choose(endpoint, request.custom, self._sessions)
        if isinstance(variant, replies.RuntimeFailure):
            client.reply(*variant.encode())
        elif variant.gate is not None:
            self._enter(client, request, endpoint, variant, variant.gate)
        elif variant.containers and not variant.route.echo:
            self._pipe(client, request, endpoint, variant)
        elif variant.route.models is not None and not variant.route.echo:
            self._model(client, request, endpoint, variant)
        else:
            if request.stream:
                self._stream(client, request, endpoint, variant)
            else:
                client.send(request, endpoint, variant, self._watchers(request, endpoint, variant))
            if endpoint.shadows:
                self._copy(request, endpoint, variant)

    @property
    def _limits(self) -> tuple[float, float]:
        return (self._settings.connect_timeout_seconds, self._settings.model_timeout_seconds)

    def _copy(self, request: Call, endpoint: EndpointTarget, variant: VariantTarget) -> None:
        """The client's own call is on its way already; what becomes of the copy nobody waits for."""
        shadow = shadow_of(endpoint, variant)
        if shadow is None:
            return
        body = b"".join(request.body)
        captured = capture.watcher(self.emit, endpoint, shadow, request.headers, body)
        watchers = [] if captured is None else [captured]
        if shadow.route.echo:
            shadow.counter.answered(200, 0)
            kinds = [each for each in request.headers if each[0] == b"content-type"]
            for each in watchers:
                each(Outcome(200, kinds, body))
            return
        wire = request_for_model(request.headers, request.custom, body)
        WatchedInvocation(watchers, NOBODY, endpoint, shadow, wire, self._limits, self._tasks).start()

    def _pipe(self, client: Client, request: Call, endpoint: EndpointTarget, variant: VariantTarget) -> None:
        if request.stream:
            client.reply(*replies.no_pipeline_stream(endpoint.route.name).encode())
            return
        variant.counter.period.overhead(int((perf_counter() - request.arrived) * 1e6))
        wire = request_for_model(request.headers, request.custom, b"".join(request.body))
        watchers = self._watchers(request, endpoint, variant)
        parts = (watchers, client, endpoint, variant, wire, self._limits, self._tasks)
        PipelineInvocation(request.headers, request.custom, *parts).start()

    def _model(self, client: Client, request: Call, endpoint: EndpointTarget, variant: VariantTarget) -> None:
        """A call of a multi-model variant: sent to an instance that has the model, after it was loaded if need be."""
        model = (value_of(request.custom, custom_headers.TARGET_MODEL) or b"").decode("latin-1")
        chosen = self.models.choose(variant, model)
        if chosen is None:
            client.reply(*replies.no_instance(endpoint.route, variant.route.name).encode())
            return
        one = VariantTarget(variant.route, [chosen], variant.counter)
        address, cached = chosen[1].address, variant.route.models is None or variant.route.models.cached
        wanted = {"key": endpoint.route.key}
        wire = for_model(
            request_for_model(request.headers, request.custom, b"".join(request.body)), container_name(model)
        )

        def fail(failure: Mapping[str, Any] | None) -> None:
            client.reply(*failure_of(endpoint, variant, chosen[0], failure).encode())

        def lost() -> None:
            self.models.lost(wanted, address, model, self._waiting(request, chosen[1], lambda: send(None), fail))

        def send(when_lost: Callable[[], None] | None) -> None:
            one.counter.period.overhead(int((perf_counter() - request.arrived) * 1e6))
            watchers = self._watchers(request, endpoint, one)
            watchers.append(lambda outcome: self.models.leave(wanted, address, model, cached=cached))
            parts = (watchers, client, endpoint, one, wire, self._limits, self._tasks)
            ModelInvocation(when_lost, *parts).start()

        def first() -> None:
            if hit:
                variant.counter.period.found_model()
            else:
                variant.counter.period.waited_for_model(int((perf_counter() - entered) * 1e6))
            send(lost)

        hit, entered = self.models.has(address, model), perf_counter()
        waiting = self._waiting(request, chosen[1], first, fail)
        self.models.enter(wanted, address, model, waiting)

    @staticmethod
    def _waiting(
        request: Call, pool: Pool, go: Callable[[], None], fail: Callable[[Mapping[str, Any] | None], None]
    ) -> Waiting:
        """A call that waits is under way: its instance is not ended before it was answered."""
        pool.hold()

        def going() -> None:
            go()
            pool.let_go()

        def failing(failure: Mapping[str, Any] | None) -> None:
            fail(failure)
            pool.let_go()

        return Waiting(request.arrived, going, failing)

    def _enter(
        self, client: Client, request: Call, endpoint: EndpointTarget, variant: VariantTarget, gate: Gate
    ) -> None:
        """A call of a serverless variant: refused, sent, or made to wait for an environment."""
        if (refused := _refusal(request, endpoint, gate)) is not None:
            client.reply(*refused.encode())
            return
        key, name = endpoint.route.key, variant.route.name.encode("latin-1")

        def go(setup_microseconds: int) -> None:
            target = self._board.targets[key]  # not the one of before a cold start
            found = target.by_name(name) or variant
            found.counter.period.executed(gate.active, setup_microseconds)
            if setup_microseconds:
                found.counter.setups += 1
                found.counter.setup_time += setup_microseconds
            watchers = [*self._watchers(request, target, found), lambda outcome: gate.leave()]
            client.send(request, target, found, watchers)

        def give_up() -> None:
            client.reply(*replies.MODEL_NOT_READY.encode())

        gate.enter(go, give_up)

    def _watchers(self, request: Call, endpoint: EndpointTarget, variant: VariantTarget) -> list[Watcher]:
        watchers = []
        if value_of(request.headers, custom_headers.SESSION_ID) is not None:
            watchers.append(self._sessions.watcher(endpoint, variant))
        captured = capture.watcher(self.emit, endpoint, variant, request.headers, b"".join(request.body))
        return watchers if captured is None else [*watchers, captured]

    def _stream(self, client: Client, request: Call, endpoint: EndpointTarget, variant: VariantTarget) -> None:
        body = b"".join(request.body)
        variant.counter.period.overhead(int((perf_counter() - request.arrived) * 1e6))
        if variant.route.echo:
            stream.echo(client, variant, request.headers, body)
            return
        wire = request_for_model(*stream.headers_for_model(request.headers, request.custom), body)
        stream.StreamInvocation(client, endpoint, variant, wire, self._settings, self._tasks).start()


def _refusal(request: Call, endpoint: EndpointTarget, gate: Gate) -> replies.RuntimeFailure | None:
    if request.stream:
        return replies.no_stream(endpoint.route.name)
    if request.size > MOST_BODY_BYTES:
        return replies.body_too_large(MOST_BODY_BYTES)
    return replies.THROTTLED if gate.full else None


def choose(
    endpoint: EndpointTarget, headers: Sequence[Header], sessions: Sessions
) -> VariantTarget | replies.RuntimeFailure:
    """The variant, or the part of it, that the headers ask for, or why there is none."""
    if violations := custom_headers.violations(headers):
        return replies.constraints(violations)
    found = _variant(endpoint, headers, sessions)
    return found if isinstance(found, replies.RuntimeFailure) else placed(endpoint, found, headers)


def _variant(
    endpoint: EndpointTarget, headers: Sequence[Header], sessions: Sessions
) -> VariantTarget | replies.RuntimeFailure:
    """A session goes before a variant's name or weight."""
    component = component_of(endpoint, headers)
    if isinstance(component, replies.RuntimeFailure):
        return component
    session_id = value_of(headers, custom_headers.SESSION_ID)
    if session_id is not None and session_id != custom_headers.NEW_SESSION:
        found = sessions.pinned(endpoint, session_id.decode("latin-1"), time.time())
        return found or replies.session_not_found(endpoint.route, session_id.decode("latin-1"))
    if component is not None:
        return component
    wanted = value_of(headers, custom_headers.TARGET_VARIANT)
    if wanted is not None:
        return endpoint.by_name(wanted) or replies.variant_not_found(endpoint.route, wanted.decode("latin-1"))
    return endpoint.by_weight() or replies.no_weight(endpoint.route)
