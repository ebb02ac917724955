"""What the router is told: which instances serve which endpoint, published together when much changes at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from sagemaker_local.control.state.endpoint import Endpoint, Variant
from sagemaker_local.control.state.features import DataCapture
from sagemaker_local.router.routes import (
    CaptureRoute,
    ComponentRoute,
    EndpointKey,
    EndpointRoute,
    Instance,
    RouteTable,
    RoutingStrategy,
    ServerlessRoute,
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
                echo=not fleets[each.name].needs_process and bool(each.containers),
                strategy=strategy_of(each),
                serverless=ServerlessRoute(each.current_serverless.max_concurrency)
                if each.current_serverless
                else None,
                capture=capture_of(endpoint.features.data_capture),
            )
            for each in endpoint.variants
            if each.name in fleets
        ),
        components=None if any(each.containers for each in endpoint.variants) else (),
        asynchronous=endpoint.features.asynchronous is not None,
    )


def strategy_of(variant: Variant) -> RoutingStrategy:
    """A serverless variant's call goes to the environment that is free."""
    if variant.current_serverless is not None:
        return RoutingStrategy.LEAST_OUTSTANDING_REQUESTS
    config = variant.production.routing_config
    return RoutingStrategy(config.routing_strategy) if config else RoutingStrategy.RANDOM


def capture_of(config: DataCapture | None) -> CaptureRoute | None:
    """None when nothing is to be captured, so that the router need not ask for every call."""
    if config is None or not config.enable_capture or not config.initial_sampling_percentage:
        return None
    return CaptureRoute(config.initial_sampling_percentage, "Input" in config.modes, "Output" in config.modes)


class Routes:
    """The route table as it should be; ``flush`` brings the router up to it."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._endpoints: dict[EndpointKey, EndpointRoute] = {}
        self._components: dict[EndpointKey, dict[str, ComponentRoute]] = {}
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

    def set_component(self, key: EndpointKey, component: ComponentRoute) -> None:
        """Add an endpoint's inference component or replace it."""
        self._components.setdefault(key, {})[component.name] = component
        self._wanted += 1

    def remove_component(self, key: EndpointKey, name: str) -> None:
        """The inference component answers no more."""
        components = self._components.get(key, {})
        if components.pop(name, None) is not None:
            self._wanted += 1
        if not components:
            self._components.pop(key, None)

    def _table(self) -> RouteTable:
        endpoints = dict(self._endpoints)
        for key, components in self._components.items():
            route = endpoints.get(key)
            if route is not None and route.components is not None:
                captures = {each.name: each.capture for each in route.variants}
                captured = tuple(
                    replace(each, variant=replace(each.variant, capture=captures.get(each.variant.name)))
                    for each in components.values()
                )
                endpoints[key] = replace(route, components=captured)
        return RouteTable(endpoints, dict(self._accounts))

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
            await self._router.publish(self._table())
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
