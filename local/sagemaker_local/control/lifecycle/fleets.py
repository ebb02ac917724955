"""Which fleets serve which endpoint, and how they leave."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from sagemaker_local.control.lifecycle.routes import Routes, route_of
from sagemaker_local.control.state.endpoint import Endpoint, Variant
from sagemaker_local.control.state.records import Container
from sagemaker_local.hosting.host import Fleet, Host
from sagemaker_local.hosting.multi_model import ModelStore
from sagemaker_local.hosting.types import ContainerSpec, FleetFailure, FleetSpec
from sagemaker_local.router.routes import EndpointKey, EndpointRoute

_NO_FLEETS: Mapping[str, Fleet] = {}


_MOST_SERVERLESS_STARTUP_SECONDS = 180
"""AWS: Deploy models with Amazon SageMaker Serverless Inference."""


def container_spec(container: Container) -> ContainerSpec:
    """A model's container as the host starts it."""
    return ContainerSpec(
        container.image,
        container.model_data_url,
        container.environment,
        container.container_hostname,
        multi_model=container.multi_model,
        cached=container.multi_model_config.model_cache_setting == "Enabled",
    )


def fleet_spec(key: EndpointKey, variant: Variant) -> FleetSpec:
    """What the host starts for a variant."""
    account, region, endpoint_name = key
    production = variant.production
    return FleetSpec(
        account=account,
        region=region,
        endpoint_name=endpoint_name,
        variant_name=variant.name,
        containers=tuple(container_spec(each) for each in variant.containers),
        instance_type=production.instance_type,
        count=variant.desired_count,
        model_data_download_timeout_seconds=production.model_data_download_timeout_in_seconds,
        container_startup_health_check_timeout_seconds=production.container_startup_health_check_timeout_in_seconds,
        most_startup_seconds=_MOST_SERVERLESS_STARTUP_SECONDS if production.serverless_config else None,
    )


class Fleets:
    """Fleets by endpoint and variant name."""

    def __init__(self, host: Host, routes: Routes) -> None:
        self._host = host
        self._routes = routes
        self._serving: dict[EndpointKey, Mapping[str, Fleet]] = {}
        self._starting: dict[EndpointKey, Mapping[str, Fleet]] = {}
        self._joining: dict[EndpointKey, Mapping[str, Fleet]] = {}
        self._stranded: dict[EndpointKey, Mapping[str, Fleet]] = {}
        self._owners: dict[Fleet, EndpointKey] = {}
        self._retiring: dict[EndpointKey, set[asyncio.Task[None]]] = {}

    def of(self, key: EndpointKey) -> Mapping[str, Fleet]:
        """The fleets that serve the endpoint."""
        return self._serving.get(key, _NO_FLEETS)

    def last_lines(self, key: EndpointKey) -> tuple[str, ...]:
        """What the instance of the endpoint that wrote last wrote last, also when it is gone."""
        account, region, name = key
        return self._host.tails.last_of((account, region, f"/aws/sagemaker/Endpoints/{name}"))

    def owner(self, fleet: Fleet) -> EndpointKey | None:
        """The endpoint that a fleet serves; None while it starts and once it leaves."""
        return self._owners.get(fleet)

    def start(self, key: EndpointKey, variants: Iterable[Variant]) -> Mapping[str, Fleet]:
        """Begin to start a fleet for each variant; they are then adopted or given up."""
        fleets = {each.name: self._host.start_fleet(fleet_spec(key, each)) for each in variants}
        self._starting[key] = fleets
        return fleets

    def starting(self, key: EndpointKey) -> Mapping[str, Fleet]:
        """Fleets that do not serve yet."""
        return self._starting.get(key, _NO_FLEETS)

    async def give_up(self, key: EndpointKey) -> None:
        """End the fleets that do not serve yet."""
        await stop(self.starting(key).values())
        self._starting.pop(key, None)

    def adopt(self, key: EndpointKey, fleets: Mapping[str, Fleet]) -> Mapping[str, Fleet]:
        """Make these the endpoint's fleets; returns the earlier ones."""
        earlier = self.of(key)
        self._starting.pop(key, None)
        for each in earlier.values():
            del self._owners[each]
        if fleets:
            self._serving[key] = fleets
        else:
            self._serving.pop(key, None)
        self._owners.update(dict.fromkeys(fleets.values(), key))
        return earlier

    def join(self, key: EndpointKey) -> None:
        """The fleets that were started serve beside the earlier ones."""
        joining = self._joining[key] = self._starting.pop(key)
        self._owners.update(dict.fromkeys(joining.values(), key))

    def joining(self, key: EndpointKey) -> Mapping[str, Fleet]:
        """Fleets of a deployment under way that may get calls."""
        return self._joining.get(key, _NO_FLEETS)

    def take_over(self, key: EndpointKey) -> list[Fleet]:
        """The joining fleets are the endpoint's; returns those that served until now."""
        stranded = self._stranded.pop(key, _NO_FLEETS)
        for each in stranded.values():
            del self._owners[each]
        return [*self.adopt(key, self._joining.pop(key)).values(), *stranded.values()]

    def leave(self, key: EndpointKey) -> list[Fleet]:
        """The joining fleets serve no more; returns them."""
        joining = self._joining.pop(key, _NO_FLEETS)
        for each in joining.values():
            del self._owners[each]
        return list(joining.values())

    def strand(self, key: EndpointKey) -> None:
        """The joining fleets serve on though their deployment has ended."""
        self._stranded[key] = self._joining.pop(key)

    def stranded(self, key: EndpointKey) -> Mapping[str, Fleet]:
        """Fleets of a deployment whose rollback failed."""
        return self._stranded.get(key, _NO_FLEETS)

    def clear(self, key: EndpointKey) -> list[Fleet]:
        """Nothing serves the endpoint any more; returns what did."""
        stranded = self._stranded.pop(key, _NO_FLEETS)
        for each in stranded.values():
            del self._owners[each]
        return [*self.adopt(key, {}).values(), *self.leave(key), *stranded.values()]

    def store_at(self, port: int) -> ModelStore | None:
        """The models of the multi-model container that serves at a port, of whatever fleet it is."""
        return self._host.store_at(port)

    def route(self, endpoint: Endpoint) -> EndpointRoute:
        """Which instances answer for the endpoint, and for which part of its calls."""
        return route_of(endpoint, self.of(endpoint.key), self.joining(endpoint.key), self.stranded(endpoint.key))

    def retire(self, key: EndpointKey, fleets: Iterable[Fleet]) -> None:
        """Stop fleets without a place in the published table once their last requests are answered."""
        leaving = list(fleets)
        if not leaving:
            return
        tasks = self._retiring.setdefault(key, set())
        task = asyncio.create_task(self._retire(leaving))
        tasks.add(task)
        task.add_done_callback(lambda done: self._retired(key, done))

    def _retired(self, key: EndpointKey, task: asyncio.Task[None]) -> None:
        tasks = self._retiring[key]
        tasks.discard(task)
        if not tasks:
            del self._retiring[key]

    async def _retire(self, fleets: list[Fleet]) -> None:
        await self._routes.drained([instance for each in fleets for instance in each.routes])
        await stop(fleets)

    async def retired(self, key: EndpointKey) -> None:
        """Return when every fleet of the endpoint that was to leave has left."""
        await asyncio.gather(*self._retiring.get(key, ()))

    async def close(self) -> None:
        """Stop waiting for last requests; the host ends the fleets."""
        tasks = [task for each in self._retiring.values() for task in each]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def failure_of(fleets: Iterable[Fleet]) -> str | None:
    """None once all are in service; at the first that cannot start, why."""
    tasks = [asyncio.create_task(each.started()) for each in fleets]
    try:
        for started in asyncio.as_completed(tasks):
            await started
    except FleetFailure as failure:
        return failure.message
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return None


async def stop(fleets: Iterable[Fleet]) -> None:
    """End their processes."""
    await asyncio.gather(*(each.stop() for each in fleets))
