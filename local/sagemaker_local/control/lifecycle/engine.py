"""Runs each endpoint's change, one at a time per endpoint, from what its record says."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping

from sagemaker_local.control.lifecycle import transitions
from sagemaker_local.control.lifecycle.changes import Workbench, delete, maintain, observe, scale
from sagemaker_local.control.lifecycle.rollout import deploy
from sagemaker_local.control.state.endpoint import (
    Change,
    Deletion,
    Deployment,
    Endpoint,
    EndpointStatus,
    Maintenance,
    Scaling,
)
from sagemaker_local.hosting.host import Fleet
from sagemaker_local.router.routes import EndpointKey

log = logging.getLogger(__name__)

_INTERNAL = "Request to service failed. If failure persists after retry, contact customer support."
_RETRY_SECONDS = 1.0

_CARRY_OUT: Mapping[type[Change], Callable[[EndpointKey, Workbench], Awaitable[None]]] = {
    Deployment: deploy,
    Scaling: scale,
    Deletion: delete,
    Maintenance: maintain,
}


class Engine:
    """One task per endpoint that changes."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._tasks: dict[EndpointKey, asyncio.Task[None]] = {}
        self._maintenances: set[asyncio.Task[None]] = set()

    def wake(self, key: EndpointKey) -> None:
        """The endpoint's record asks for a change."""
        running = self._tasks.get(key)
        if running is None or running.done():
            task = self._tasks[key] = asyncio.create_task(self._run(key))
            task.add_done_callback(lambda done: self._forget(key, done))

    def _forget(self, key: EndpointKey, task: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]

    async def _run(self, key: EndpointKey) -> None:
        with self._bench.clock.acting():
            await self._carry_out(key)

    async def _carry_out(self, key: EndpointKey) -> None:
        while (endpoint := self._bench.store.endpoint(key)) is not None and endpoint.change is not None:
            try:
                await _CARRY_OUT[type(endpoint.change)](key, self._bench)
                self._maintain_soon(key)
            except Exception:  # nobody must wait for ever for a change that met a mistake of ours
                log.exception("The change of endpoint %s failed", endpoint.name)
                await self._give_up(key)

    def _maintain_soon(self, key: EndpointKey) -> None:
        """SageMaker's own work, if a fault asks for it: a while after the change, so that its end can be seen."""
        endpoint = self._bench.store.endpoint(key)
        if endpoint is None or endpoint.status is not EndpointStatus.IN_SERVICE:
            return
        seconds = self._bench.faults.take_maintenance_seconds(endpoint.name, key[:2])
        if seconds:
            task = asyncio.create_task(self._maintain(key, seconds))
            self._maintenances.add(task)
            task.add_done_callback(self._maintenances.discard)

    async def _maintain(self, key: EndpointKey, seconds: float) -> None:
        with self._bench.clock.acting():
            await self._bench.clock.sleep(self._bench.create_seconds)
            endpoint = self._bench.store.endpoint(key)
            if endpoint is not None and endpoint.status is EndpointStatus.IN_SERVICE:
                self.published(transitions.maintaining(endpoint, seconds, self._bench.clock.now()))

    async def _give_up(self, key: EndpointKey) -> None:
        """A mistake of ours ends the change as an internal failure of SageMaker would; a deletion is tried again."""
        await self._bench.fleets.give_up(key)
        endpoint, now = self._bench.endpoint(key), self._bench.clock.now()
        if isinstance(endpoint.change, Deployment):
            leaving = self._bench.fleets.leave(key)
            endpoint = transitions.not_deployed(endpoint, _INTERNAL, now)
            self._bench.store.put_endpoint(endpoint)
            if leaving:
                self._bench.routes.set(self._bench.fleets.route(endpoint))
                with contextlib.suppress(OSError):  # a router that cannot be told is replaced by one that knows
                    await self._bench.routes.flush()
                self._bench.fleets.retire(key, leaving)
        elif isinstance(endpoint.change, Scaling):
            counts = {name: fleet.spec.count for name, fleet in self._bench.fleets.of(key).items()}
            rolling = transitions.rolling_back(endpoint, _INTERNAL, counts, now)
            self._bench.store.put_endpoint(transitions.rolled_back(rolling, now))
        else:
            await asyncio.sleep(_RETRY_SECONDS)

    def published(self, endpoint: Endpoint) -> None:
        """A status that somebody set is put in force; what it asks for is carried out."""
        self._bench.store.put_endpoint(endpoint)
        self._bench.routes.set(self._bench.fleets.route(endpoint))
        self._bench.routes.flush_soon()
        self.wake(endpoint.key)

    def fleet_changed(self, fleet: Fleet) -> None:
        """An instance came, went or was healed."""
        key = self._bench.fleets.owner(fleet)
        if key is not None:
            observe(key, fleet, self._bench)

    async def close(self) -> None:
        """Drop every change where it stands."""
        tasks = [*self._tasks.values(), *self._maintenances]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._bench.fleets.close()
        await self._bench.routes.close()
