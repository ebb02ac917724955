"""What the router is told: which instances serve which endpoint, published together when much changes at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Protocol

from sagemaker_local.control.state.endpoint import Endpoint
from sagemaker_local.router.routes import (
    EndpointKey,
    EndpointRoute,
    Instance,
    RouteTable,
    RoutingStrategy,
    VariantRoute,
)


class ServingFleet(Protocol):
    """What a route needs of a fleet."""

    @property
    def routes(self) -> tuple[Instance, ...]:
        """Instances that can take requests."""

    @property
    def needs_process(self) -> bool:
        """False when the router itself answers."""


class Router(Protocol):
    """The router's parent side."""

    async def publish(self, table: RouteTable) -> None:
        """Return when new requests are routed by the table."""

    async def drained(self, instances: Iterable[Instance]) -> None:
        """Return when no request is under way to the instances."""


def route_of(endpoint: Endpoint, fleets: Mapping[str, ServingFleet]) -> EndpointRoute:
    """The endpoint's variants by current weight, with the instances of their fleets."""
    return EndpointRoute(
        *endpoint.key,
        status=endpoint.status.value,
        variants=tuple(
            VariantRoute(
                each.name,
                each.current_weight,
                fleets[each.name].routes,
                echo=not fleets[each.name].needs_process,
                strategy=RoutingStrategy(each.production.routing_config.routing_strategy)
                if each.production.routing_config
                else RoutingStrategy.RANDOM,
                config_name=endpoint.config_name,
            )
            for each in endpoint.variants
            if each.name in fleets
        ),
    )


class Routes:
    """The route table as it should be; ``flush`` brings the router up to it."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._endpoints: dict[EndpointKey, EndpointRoute] = {}
        self._accounts: dict[str, str] = {}
        self._wanted = 0
        self._published = 0
        self._publishing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def set(self, route: EndpointRoute) -> None:
        """Add the endpoint's route or replace it."""
        self._endpoints[route.key] = route
        self._wanted += 1

    def remove(self, key: EndpointKey) -> None:
        """The endpoint answers no more."""
        if self._endpoints.pop(key, None) is not None:
            self._wanted += 1

    def add_account(self, access_key: str, account: str) -> None:
        """A key that STS or IAM gave out acts in this account."""
        self._accounts[access_key] = account
        self._wanted += 1

    async def flush(self) -> None:
        """Return when the router has everything that was set until now."""
        wanted = self._wanted
        async with self._publishing:
            if self._published >= wanted:
                return
            version = self._wanted
            await self._router.publish(RouteTable(dict(self._endpoints), dict(self._accounts)))
            self._published = version

    def flush_soon(self) -> None:
        """The same without waiting."""
        task = asyncio.create_task(self.flush())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drained(self, instances: Iterable[Instance]) -> None:
        """Return when no request is under way to instances that the published table no longer has."""
        await self._router.drained(instances)

    async def close(self) -> None:
        """Finish what ``flush_soon`` began."""
        await asyncio.gather(*self._tasks)
