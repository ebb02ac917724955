"""What the router is told: which instances serve which endpoint, published together when much changes at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from sagemaker_local.control.state.endpoint import Deployment, Endpoint, Variant
from sagemaker_local.control.state.features import DataCapture, Features
from sagemaker_local.control.state.records import ServerlessConfig
from sagemaker_local.hosting.types import container_names
from sagemaker_local.router.callers import AccessKey
from sagemaker_local.router.routes import (
    CaptureRoute,
    ComponentRoute,
    ContainersRoute,
    EndpointKey,
    EndpointRoute,
    Instance,
    ModelsRoute,
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


_NO_FLEETS: Mapping[str, ServingFleet] = {}


def route_of(
    endpoint: Endpoint,
    fleets: Mapping[str, ServingFleet],
    joining: Mapping[str, ServingFleet] = _NO_FLEETS,
    stranded: Mapping[str, ServingFleet] = _NO_FLEETS,
) -> EndpointRoute:
    """The endpoint's variants by current weight, with the instances of their fleets.

    ``joining`` fleets get the shares of the deployment under way, ``stranded`` ones those of one that ended badly.
    """
    deployment = endpoint.change if isinstance(endpoint.change, Deployment) else None
    taken = deployment.shares if deployment and joining else {}
    lost = endpoint.stranded.shares if endpoint.stranded and stranded else {}
    features = endpoint.features
    parts = [*_parts(endpoint.variants, fleets, endpoint.config_name, _left(endpoint, taken, lost), features)]
    if endpoint.stranded:
        left = _left(endpoint, taken, {})
        shares = {name: share * left.get(name, 0.0) for name, share in lost.items()}
        parts += _parts(endpoint.variants, stranded, endpoint.stranded.config_name, shares, endpoint.stranded.features)
    if deployment:
        parts += _parts(deployment.variants, joining, deployment.config_name, taken, deployment.features, new=True)
    shadows = {each.name for each in (*endpoint.variants, *_new(deployment)) if each.production.shadow}
    return EndpointRoute(
        *endpoint.key,
        status=endpoint.status.value,
        variants=tuple(each for each in parts if each.name not in shadows),
        shadows=tuple(each for each in parts if each.name in shadows),
        components=None if any(each.containers for each in endpoint.variants) else (),
        asynchronous=features.asynchronous is not None,
    )


def _new(deployment: Deployment | None) -> tuple[Variant, ...]:
    return deployment.variants if deployment else ()


def _left(endpoint: Endpoint, *taken: Mapping[str, float]) -> Mapping[str, float]:
    """What stays of each variant's calls. A variant that a deployment does not have goes with the others."""
    left = {each.name: 1.0 for each in endpoint.variants}
    for shares in taken:
        rest = max(shares.values(), default=0.0)
        left = {name: share * (1 - shares.get(name, rest)) for name, share in left.items()}
    return left


def _parts(
    variants: Iterable[Variant],
    fleets: Mapping[str, ServingFleet],
    config_name: str,
    shares: Mapping[str, float],
    features: Features,
    *,
    new: bool = False,
) -> Iterable[VariantRoute]:
    """A new variant's current weight is its part of the traffic; here the shares say that."""
    for each in variants:
        if each.name not in fleets or shares.get(each.name, 0.0) <= 0:
            continue
        serverless = each.desired_serverless if new else each.current_serverless
        yield VariantRoute(
            each.name,
            each.desired_weight if new else each.current_weight,
            fleets[each.name].routes,
            echo=not fleets[each.name].needs_process and bool(each.containers),
            strategy=strategy_of(each, serverless),
            capture=capture_of(features.data_capture),
            serverless=ServerlessRoute(serverless.max_concurrency) if serverless else None,
            share=shares[each.name],
            config_name=config_name,
            containers=containers_of(each),
            models=models_of(each),
        )


def containers_of(variant: Variant) -> ContainersRoute | None:
    """None for a variant of one container."""
    if len(variant.containers) < 2:
        return None
    return ContainersRoute(container_names(each.container_hostname for each in variant.containers), variant.direct)


def models_of(variant: Variant) -> ModelsRoute | None:
    """None for a variant whose container has its one model."""
    if not variant.containers or not variant.containers[0].multi_model:
        return None
    return ModelsRoute(variant.containers[0].multi_model_config.model_cache_setting == "Enabled")


def strategy_of(variant: Variant, serverless: ServerlessConfig | None) -> RoutingStrategy:
    """A serverless variant's call goes to the environment that is free."""
    if serverless is not None:
        return RoutingStrategy.LEAST_OUTSTANDING_REQUESTS
    config = variant.production.routing_config
    return RoutingStrategy(config.routing_strategy) if config else RoutingStrategy.RANDOM


def capture_of(config: DataCapture | None) -> CaptureRoute | None:
    """None when nothing is to be captured, so that the router need not ask for every call."""
    if config is None or not config.enable_capture or not config.initial_sampling_percentage:
        return None
    return CaptureRoute(config.initial_sampling_percentage, "Input" in config.modes, "Output" in config.modes)


def _of(variants: Mapping[str, VariantRoute], component: ComponentRoute) -> ComponentRoute:
    """The component's calls are captured and counted as those of its variant."""
    part = variants.get(component.variant.name)
    if part is None:
        return component
    return replace(component, variant=replace(component.variant, capture=part.capture, config_name=part.config_name))


class Routes:
    """The route table as it should be; ``flush`` brings the router up to it."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._endpoints: dict[EndpointKey, EndpointRoute] = {}
        self._components: dict[EndpointKey, dict[str, ComponentRoute]] = {}
        self._access_keys: dict[str, AccessKey] = {}
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
                parts = {each.name: each for each in route.variants}
                endpoints[key] = replace(route, components=tuple(_of(parts, each) for each in components.values()))
        return RouteTable(endpoints, dict(self._access_keys))

    def add_access_key(self, name: str, access_key: AccessKey) -> None:
        """STS or IAM gave it out."""
        self._access_keys[name] = access_key
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
