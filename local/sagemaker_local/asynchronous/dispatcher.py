"""Takes requests from the queue to instances that have room, as long as there are both."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from sagemaker_local.asynchronous import counts as counting
from sagemaker_local.asynchronous.choosing import DEFAULT_CONCURRENCY, capacity, choose
from sagemaker_local.asynchronous.counts import AsyncCounts, AsyncRecorder, Backlog
from sagemaker_local.asynchronous.processing import InstanceGoneError, Place, Processor, RequestFailedError
from sagemaker_local.asynchronous.queue import Queue
from sagemaker_local.asynchronous.request import AsyncRequest
from sagemaker_local.control.state.features import AsyncInference
from sagemaker_local.router.routes import SERVING, EndpointKey, EndpointRoute, Instance, RouteTable

log = logging.getLogger(__name__)

_MOST_ATTEMPTS = 3
_EXPIRY_SECONDS = 0.25
_GONE = "The instance that processed the request was lost, and so were those that tried again."
_K = TypeVar("_K")


def _count(counts: Counter[_K], key: _K, change: int) -> None:
    """Keys come and go with instances: one that counts nothing is not kept."""
    counts[key] += change
    if not counts[key]:
        del counts[key]


@dataclass(frozen=True, slots=True)
class DispatcherParts:
    """``config_of`` is what an endpoint's AsyncInferenceConfig says, None when it has none or is gone.

    ``counts_running``: whether requests being processed are part of the backlog.
    """

    queue: Queue
    processor: Processor
    config_of: Callable[[EndpointKey], AsyncInference | None]
    now: Callable[[], float]
    counts_running: Callable[[], bool]


class Dispatcher:
    """All asynchronous endpoints. It is told of the same route tables as the router."""

    def __init__(self, parts: DispatcherParts) -> None:
        self._parts = parts
        self._endpoints: dict[EndpointKey, EndpointRoute] = {}
        self._running: Counter[str] = Counter()
        self._at: Counter[tuple[str, int]] = Counter()
        self._counts: dict[tuple[EndpointKey, str], AsyncRecorder] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Condition()
        self._closed = False
        self._expiring = asyncio.create_task(self._expire())

    def table_changed(self, table: RouteTable) -> None:
        """Instances came or went. What waits for an endpoint that was there and is not any more is dropped."""
        if self._closed:
            return
        now = {key: route for key, route in table.endpoints.items() if route.asynchronous}
        for key in self._endpoints.keys() - table.endpoints.keys():
            self._parts.queue.drop(key)
        self._endpoints = now
        for key in now:
            self._pump(key)

    def accept(self, request: AsyncRequest) -> None:
        """Put a request into the queue; it is there when this returns."""
        self._parts.queue.put(request)
        self._pump(request.key)

    def _pump(self, key: EndpointKey) -> None:
        route, config = self._endpoints.get(key), self._parts.config_of(key)
        if self._closed or route is None or config is None or route.status not in SERVING:
            return
        limit = config.client_config.max_concurrent_invocations_per_instance or DEFAULT_CONCURRENCY
        while (place := choose(route, self._running, limit, random.random())) is not None:  # noqa: S311 - traffic split
            request = self._parts.queue.take(key)
            if request is None:
                return
            self._busy(place, 1)
            self._begin(self._work(request, config, place))

    def _busy(self, place: Place, change: int) -> None:
        _count(self._running, place.instance_id, change)
        if place.instance is not None:
            _count(self._at, (place.instance.host, place.instance.port), change)

    def _begin(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, request: AsyncRequest, config: AsyncInference, place: Place) -> None:
        counts = self._of(request.key, place.variant)
        try:
            counts.add("time_in_backlog_milliseconds", max(0.0, self._parts.now() - request.received) * 1e3)
            await self._parts.processor.process(request, config, place, counts)
            self._parts.queue.done(request)
        except InstanceGoneError as error:
            await self._again(request, config, counts, error)
        except asyncio.CancelledError:
            self._parts.queue.give_back(request, request.attempts)
            raise
        except Exception:  # one request must not end the work on all others
            log.exception("The asynchronous request %s was lost", request.identity)
            self._parts.queue.done(request)
        finally:
            self._busy(place, -1)
            async with self._freed:
                self._freed.notify_all()
        self._pump(request.key)

    async def _again(
        self, request: AsyncRequest, config: AsyncInference, counts: AsyncRecorder, error: InstanceGoneError
    ) -> None:
        """Back into the queue, a few times; an instance that is gone is soon gone from the table too.

        What waits for an endpoint that is gone was dropped, and so is this.
        """
        if request.key not in self._endpoints:
            self._parts.queue.done(request)
            return
        if request.attempts + 1 < _MOST_ATTEMPTS:
            self._parts.queue.give_back(request, request.attempts + 1)
            await asyncio.sleep(_EXPIRY_SECONDS)
            return
        await self._parts.processor.fail(request, config, RequestFailedError(f"{_GONE} ({error})"), counts)
        self._parts.queue.done(request)

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(_EXPIRY_SECONDS)
            try:
                expired = self._parts.queue.take_expired(self._parts.now())
            except sqlite3.Error as error:
                log.error("Asynchronous requests do not expire until this works again: %s", error)
                continue
            for each in expired:
                config = self._parts.config_of(each.key)
                if config is not None:
                    self._begin(self._parts.processor.expire(each, config, self._of(each.key, self._variant(each.key))))

    def _variant(self, key: EndpointKey) -> str:
        """Whom a request that no variant has seen is counted for."""
        route = self._endpoints.get(key)
        return route.variants[0].name if route and route.variants else ""

    def _of(self, key: EndpointKey, variant: str) -> AsyncRecorder:
        return self._counts.setdefault((key, variant), AsyncRecorder())

    async def drained(self, instances: Iterable[Instance]) -> None:
        """Return when no request is being processed by these instances, which the last table no longer had."""
        addresses = {(each.host, each.port) for each in instances}
        async with self._freed:
            await self._freed.wait_for(lambda: not any(self._at[each] for each in addresses))

    def backlogs(self) -> Mapping[EndpointKey, Backlog]:
        """Of every asynchronous endpoint that serves."""
        now, running = self._parts.now(), self._parts.counts_running()
        return {
            key: counting.backlog(self._parts.queue.lengths(key), capacity(route), now, counts_running=running)
            for key, route in self._endpoints.items()
        }

    def counts(self) -> Mapping[tuple[EndpointKey, str], AsyncCounts]:
        """Running totals by endpoint and variant, since the start."""
        return {key: recorder.totals for key, recorder in self._counts.items()}

    def take(self) -> Mapping[tuple[EndpointKey, str], Mapping[str, Mapping[float, int]]]:
        """What happened since the last call of this: ``AsyncRecorder.take`` by endpoint and variant.

        Of endpoints that are gone it was the last.
        """
        taken = {key: recorder.take() for key, recorder in self._counts.items()}
        self._counts = {key: each for key, each in self._counts.items() if key[0] in self._endpoints}
        return taken

    async def close(self) -> None:
        """Give back what is being processed; it is taken again by the next life on the same state."""
        self._closed = True
        self._expiring.cancel()
        tasks = [*self._tasks, self._expiring]
        for each in self._tasks:
            each.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
        await self._parts.processor.close()
        self._parts.queue.close()
