"""Execution environments of serverless variants: started when calls want them, ended when none has come for a while."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from sagemaker_local.control.lifecycle.clock import Clock
from sagemaker_local.control.lifecycle.fleets import Fleets
from sagemaker_local.control.lifecycle.routes import Routes
from sagemaker_local.control.state.endpoint import Deployment, Variant
from sagemaker_local.control.state.records import ServerlessConfig
from sagemaker_local.control.state.store import Store
from sagemaker_local.hosting.host import Fleet
from sagemaker_local.hosting.types import FleetFailure
from sagemaker_local.router.routes import EndpointKey, Instance

log = logging.getLogger(__name__)


def wanted_count(variant: Variant, running: int) -> int:
    """Of a change of weights and counts: environments on demand stay, those that are provisioned are what is asked."""
    if variant.desired_serverless is None:
        return variant.desired_count
    before = variant.current_serverless.provisioned if variant.current_serverless else 0
    return variant.desired_serverless.provisioned + max(0, running - before)


async def cool(fleets: Mapping[str, Fleet], variants: Iterable[Variant]) -> None:
    """End the environment that a deployment started to see that the container is healthy: the first call is cold."""
    for each in variants:
        if each.desired_serverless is not None:
            await fleets[each.name].resize(each.desired_serverless.provisioned)


class Environments:
    """Hears of the router's gates. ``idle_seconds``, the clock's, without a call end what is not provisioned."""

    def __init__(self, clock: Clock, store: Store, fleets: Fleets, routes: Routes, idle_seconds: float) -> None:
        self._clock = clock
        self._store = store
        self._fleets = fleets
        self._routes = routes
        self._idle_seconds = idle_seconds
        self._aims: dict[Fleet, int] = {}
        self._resizing: dict[Fleet, asyncio.Task[None]] = {}
        self._idle: dict[Fleet, asyncio.Task[None]] = {}

    def heard(self, event: Mapping[str, Any]) -> None:
        """An event of ``router.serverless``."""
        account, region, name = event["key"]
        key, variant = (account, region, name), event["variant"]
        fleet = self._fleets.joining(key).get(variant) or self._fleets.of(key).get(variant)
        config = self._config(key, variant)
        if fleet is None or config is None:
            return
        if event["state"] == "idle":
            if fleet in self._idle:
                return
            self._idle[fleet] = asyncio.create_task(self._end_soon(key, variant, fleet))
            self._idle[fleet].add_done_callback(lambda task: self._forget(self._idle, fleet, task))
            return
        if (idle := self._idle.pop(fleet, None)) is not None:
            idle.cancel()
        if event["state"] == "wanted":
            count = min(event["wanted"], config.max_concurrency)
            if count > self._aims.get(fleet, fleet.spec.count):
                self._aim(fleet, count)

    def _config(self, key: EndpointKey, variant: str) -> ServerlessConfig | None:
        endpoint = self._store.endpoint(key)
        if endpoint is None:
            return None
        if isinstance(endpoint.change, Deployment) and variant in self._fleets.joining(key):
            return next((each.desired_serverless for each in endpoint.change.variants if each.name == variant), None)
        return next((each.current_serverless for each in endpoint.variants if each.name == variant), None)

    async def _end_soon(self, key: EndpointKey, variant: str, fleet: Fleet) -> None:
        with self._clock.acting():
            await self._clock.sleep(self._idle_seconds)
            config = self._config(key, variant)
            if self._fleets.owner(fleet) == key and config is not None:
                self._aim(fleet, config.provisioned)

    def _aim(self, fleet: Fleet, count: int) -> None:
        self._aims[fleet] = count
        if fleet not in self._resizing:
            self._resizing[fleet] = asyncio.create_task(self._resize(fleet))
            self._resizing[fleet].add_done_callback(lambda task: self._forget(self._resizing, fleet, task))

    async def _resize(self, fleet: Fleet) -> None:
        async def drained(leaving: tuple[Instance, ...]) -> None:
            await self._routes.flush()
            await self._routes.drained(leaving)

        while (count := self._aims.get(fleet)) is not None:
            try:
                if count != fleet.spec.count:
                    await fleet.resize(count, drained)
            except FleetFailure as failure:
                log.warning("An environment of %s did not start: %s", fleet.spec.endpoint_name, failure.message)
            if self._aims.get(fleet) == count:
                del self._aims[fleet]

    @staticmethod
    def _forget(tasks: dict[Fleet, asyncio.Task[None]], fleet: Fleet, task: asyncio.Task[None]) -> None:
        if tasks.get(fleet) is task:
            del tasks[fleet]

    async def close(self) -> None:
        """Leave every environment as it is."""
        tasks = [*self._idle.values(), *self._resizing.values()]
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
