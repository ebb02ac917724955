"""Carrying out the change that an endpoint's record asks for: a deployment, a scaling, a deletion."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from sagemaker_local.control.faults import Faults
from sagemaker_local.control.lifecycle import transitions
from sagemaker_local.control.lifecycle.clock import Clock
from sagemaker_local.control.lifecycle.environments import cool, wanted_count
from sagemaker_local.control.lifecycle.fleets import Fleets, failure_of
from sagemaker_local.control.lifecycle.routes import Routes
from sagemaker_local.control.state.endpoint import Deployment, Endpoint, Maintenance
from sagemaker_local.control.state.store import Store
from sagemaker_local.hosting.host import Fleet
from sagemaker_local.hosting.types import FleetFailure, InstanceStatus
from sagemaker_local.router.routes import EndpointKey, Instance

Firing = Callable[[str, str, Iterable[str]], Awaitable[list[str]]]
"""Which alarms of an account and region, by name, are in ALARM."""


async def nothing_fires(account: str, region: str, names: Iterable[str]) -> list[str]:
    """Where there are no alarms."""
    return []


@dataclass(frozen=True, slots=True)
class Workbench:
    """What carrying out a change takes. The two times are the least that a phase lasts, in the clock's seconds."""

    clock: Clock
    store: Store
    fleets: Fleets
    routes: Routes
    faults: Faults
    create_seconds: float
    delete_seconds: float
    firing: Firing = nothing_fires

    def endpoint(self, key: EndpointKey) -> Endpoint:
        """As it is now; only a deletion, which is the last change of all, removes it."""
        found = self.store.endpoint(key)
        if found is None:
            raise KeyError(key)
        return found


async def deploy(key: EndpointKey, bench: Workbench) -> None:
    """Start a new endpoint's fleets; it is InService when all are healthy, else they are ended and it has failed."""
    endpoint = bench.endpoint(key)
    deployment = endpoint.change
    if not isinstance(deployment, Deployment):
        raise TypeError(f"endpoint {endpoint.name} has no deployment under way")
    reason = bench.faults.take_failure(endpoint.name, key[:2])
    fleets = bench.fleets.start(key, deployment.variants) if reason is None else {}
    failure = await bench.clock.at_least(bench.create_seconds, failure_of(fleets.values()))
    reason = failure if reason is None else reason
    if reason is not None:
        await bench.fleets.give_up(key)
        failed = transitions.not_deployed(bench.endpoint(key), reason, bench.clock.now())
        bench.store.put_endpoint(replace(failed, last_log=bench.fleets.last_lines(key)))
        return
    if bench.store.switches.first_serverless_call_is_cold:
        await cool(fleets, deployment.variants)
    await _switch(key, fleets, bench)


async def _switch(key: EndpointKey, fleets: Mapping[str, Fleet], bench: Workbench) -> None:
    """The router is told before anybody can see the endpoint InService."""
    bench.fleets.adopt(key, fleets)
    deployed = transitions.deployed(bench.endpoint(key), bench.clock.now())
    bench.routes.set(bench.fleets.route(deployed))
    await bench.routes.flush()
    bench.store.put_endpoint(deployed)
    for each in fleets.values():
        observe(key, each, bench)


async def scale(key: EndpointKey, bench: Workbench) -> None:
    """Bring counts and then weights to what is desired, or back to what they were."""
    endpoint, fleets = bench.endpoint(key), bench.fleets.of(key)
    before = {name: fleet.spec.count for name, fleet in fleets.items()}
    wanted = {each.name: wanted_count(each, before[each.name]) for each in endpoint.variants}
    reason = bench.faults.take_failure(endpoint.name, key[:2])
    resizing = _resized(key, wanted if reason is None else before, bench)
    failure = await bench.clock.at_least(bench.create_seconds, resizing)
    reason = failure if reason is None else reason
    if reason is not None:
        rolling = transitions.rolling_back(bench.endpoint(key), reason, before, bench.clock.now())
        bench.store.put_endpoint(rolling)
        await bench.clock.at_least(bench.create_seconds, _resized(key, before, bench))
        bench.store.put_endpoint(transitions.rolled_back(bench.endpoint(key), bench.clock.now()))
    else:
        scaled = transitions.scaled(bench.endpoint(key), bench.clock.now())
        bench.routes.set(bench.fleets.route(scaled))
        await bench.routes.flush()
        bench.store.put_endpoint(scaled)
    for each in fleets.values():
        observe(key, each, bench)


async def _resized(key: EndpointKey, counts: Mapping[str, int], bench: Workbench) -> str | None:
    return await resized({fleet: counts[name] for name, fleet in bench.fleets.of(key).items()}, bench)


async def resized(counts: Mapping[Fleet, int], bench: Workbench) -> str | None:
    """None once every fleet has its count, else why one has not."""

    async def drained(leaving: tuple[Instance, ...]) -> None:
        await bench.routes.flush()
        await bench.routes.drained(leaving)

    resizing = [fleet.resize(count, drained) for fleet, count in counts.items() if fleet.spec.count != count]
    for outcome in await asyncio.gather(*resizing, return_exceptions=True):
        if isinstance(outcome, FleetFailure):
            return outcome.message
        if isinstance(outcome, BaseException):
            raise outcome
    return None


async def delete(key: EndpointKey, bench: Workbench) -> None:
    """No new requests, then the last replies, then the processes, then the record."""
    endpoint = bench.endpoint(key)
    bench.routes.remove(key)
    leaving = bench.fleets.clear(key)
    await bench.routes.flush()
    bench.fleets.retire(key, leaving)
    seconds = bench.delete_seconds + bench.faults.take_stuck_seconds(endpoint.name, key[:2])
    await bench.clock.at_least(seconds, bench.fleets.retired(key))
    bench.store.remove_endpoint(endpoint)


async def maintain(key: EndpointKey, bench: Workbench) -> None:
    """Nothing changes for users while SageMaker works on the endpoint."""
    endpoint = bench.endpoint(key)
    if not isinstance(endpoint.change, Maintenance):
        raise TypeError(f"endpoint {endpoint.name} is not being worked on")
    await bench.clock.sleep(endpoint.change.seconds)
    bench.store.put_endpoint(transitions.maintained(bench.endpoint(key), bench.clock.now()))


def observe(key: EndpointKey, fleet: Fleet, bench: Workbench) -> None:
    """Record what a serving fleet's instances are doing and route by it."""
    endpoint = bench.endpoint(key)
    instances = fleet.instances
    serving = sum(each.status is InstanceStatus.IN_SERVICE for each in instances)
    message = next((each.message for each in instances if each.status is not InstanceStatus.IN_SERVICE), "")
    seen = endpoint
    if fleet is bench.fleets.of(key).get(fleet.spec.variant_name):
        seen = transitions.observed(endpoint, fleet.spec.variant_name, serving, message, bench.clock.now())
    if seen is not endpoint:
        bench.store.put_endpoint(seen)
    bench.routes.set(bench.fleets.route(seen))
    bench.routes.flush_soon()
