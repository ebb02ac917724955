"""The route table made ready for use: choices computed, header bytes built, connection pools attached."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any

from sagemaker_local.router.choice import WeightedChoice
from sagemaker_local.router.load import ComponentCounter
from sagemaker_local.router.period import Period, added
from sagemaker_local.router.pool import Pool
from sagemaker_local.router.routes import SERVING, EndpointKey, EndpointRoute, RouteTable, RoutingStrategy, VariantRoute
from sagemaker_local.router.serverless import Gate
from sagemaker_local.router.tables import apply

Address = tuple[str, int]


class Counter:
    """Running totals of one variant; outlives its routes."""

    __slots__ = (
        "client_errors",
        "invocations",
        "latency",
        "model_errors",
        "past_latencies",
        "period",
        "server_errors",
        "setup_time",
        "setups",
    )

    def __init__(self) -> None:
        self.invocations = 0
        self.client_errors = 0
        self.server_errors = 0
        self.model_errors = 0
        self.latency = 0
        self.setups = 0
        self.setup_time = 0
        self.past_latencies: dict[int, int] = {}
        self.period = Period()

    def take_period(self) -> Period:
        """The period so far; a new one begins."""
        taken, self.period = self.period, Period()
        self.past_latencies = added(self.past_latencies, taken.latencies)
        return taken

    def latencies(self) -> Mapping[int, int]:
        """How many calls of all took so many microseconds, rounded."""
        return added(self.past_latencies, self.period.latencies)

    def answered(self, status: int, microseconds: int) -> None:
        """Count one call that reached the variant; ``status`` is the container's, 0 when it gave none."""
        self.invocations += 1
        self.latency += microseconds
        self.period.answered(status, microseconds)
        if 200 <= status < 300:
            return
        self.model_errors += 1
        if 400 <= status < 500:
            self.client_errors += 1
        else:
            self.server_errors += 1


class VariantTarget:
    """One variant ready to take requests. ``containers`` are the same for each container, where it has several."""

    __slots__ = ("containers", "counter", "gate", "headers", "instances", "route")

    def __init__(
        self,
        route: VariantRoute,
        instances: list[tuple[str, Pool]],
        counter: Counter | ComponentCounter,
        gate: Gate | None = None,
    ) -> None:
        self.route = route
        self.instances = instances
        self.counter = counter
        self.gate = gate
        self.containers: dict[bytes, VariantTarget] = {}
        self.headers = f"x-Amzn-Invoked-Production-Variant: {route.name}\r\n".encode("latin-1")

    def choose(self, tried: frozenset[Pool]) -> tuple[str, Pool] | None:
        """An instance by the variant's routing strategy, none of those tried already."""
        instances = self.instances
        if tried:
            instances = [each for each in instances if each[1] not in tried]
        if not instances:
            return None
        if len(instances) == 1:
            return instances[0]
        if self.route.strategy is RoutingStrategy.LEAST_OUTSTANDING_REQUESTS:
            fewest = min(pool.outstanding for _, pool in instances)
            instances = [each for each in instances if each[1].outstanding == fewest]
        return random.choice(instances)  # noqa: S311 - load spreading


class EndpointTarget:
    """One endpoint ready to take requests.

    ``serving``: it answers InvokeEndpoint. ``special``: more is to be done for a call than to pass it on.
    """

    __slots__ = ("_by_name", "_choice", "components", "route", "serving", "shadows", "special", "variants")

    def __init__(
        self,
        route: EndpointRoute,
        variants: list[VariantTarget],
        components: dict[bytes, VariantTarget] | None = None,
        shadows: list[VariantTarget] | None = None,
    ) -> None:
        self.components = components
        self.shadows = shadows or []
        self.route = route
        self.serving = route.status in SERVING and not route.asynchronous
        self.variants = variants
        self.special = (
            components is not None
            or bool(shadows)
            or any(each.route.capture or each.gate or each.route.containers or each.route.models for each in variants)
        )
        self._by_name: dict[bytes, list[VariantTarget]] = {}
        for each in variants:
            self._by_name.setdefault(each.route.name.encode("latin-1"), []).append(each)
        self._choice = WeightedChoice([each.route.weight * each.route.share for each in variants])

    def by_name(self, name: bytes) -> VariantTarget | None:
        """What TargetVariant names; of two fleets that share a variant, one drawn by share."""
        found = self._by_name.get(name)
        if found is None or len(found) == 1:
            return found[0] if found else None
        index = WeightedChoice([each.route.share for each in found]).pick(random.random())  # noqa: S311 - traffic split
        return None if index is None else found[index]

    def by_weight(self) -> VariantTarget | None:
        """A variant drawn by weight; None when every weight is 0."""
        if len(self.variants) == 1 and self.variants[0].route.weight > 0:
            return self.variants[0]
        index = self._choice.pick(random.random())  # noqa: S311 - traffic split
        return None if index is None else self.variants[index]


class Board:
    """The table in force and the pools behind it. ``emit`` tells the parent of something."""

    def __init__(self) -> None:
        self.table = RouteTable()
        self.targets: dict[EndpointKey, EndpointTarget] = {}
        self.counters: dict[tuple[EndpointKey, str, str], Counter] = {}
        self.pools: dict[Address, Pool] = {}
        self.gates: dict[tuple[EndpointKey, str], Gate] = {}
        self._components: dict[tuple[EndpointKey, str], ComponentCounter] = {}
        self.emit: Callable[[Mapping[str, Any]], None] = lambda event: None
        self._waiting: list[tuple[set[Address], asyncio.Future[None]]] = []

    def apply(self, message: Mapping[str, Any]) -> None:
        """Put a message of ``tables.changes`` in force."""
        before = self.table
        self.table = apply(before, message)
        keys = {(a, r, n) for a, r, n in message["removed"]} | {(e[0], e[1], e[2]) for e in message["set"]}
        for key in keys:
            old = self.targets.pop(key, None)
            if (route := self.table.endpoints.get(key)) is not None:
                self.targets[key] = self._target(route)
            for variant in (*old.variants, *(old.components or {}).values(), *old.shadows) if old else ():
                for part in (variant, *variant.containers.values()):
                    for _, pool in part.instances:
                        self._unreference(pool)
        self._update_gates(keys)

    def _target(self, route: EndpointRoute) -> EndpointTarget:
        variants = [self._variant(route, each) for each in route.variants]
        components = route.components
        named = (
            None
            if components is None
            else {
                each.name.encode("latin-1"): self._variant(route, each.variant, component=each.name)
                for each in components
            }
        )
        return EndpointTarget(route, variants, named, [self._variant(route, each) for each in route.shadows])

    def _variant(self, route: EndpointRoute, variant: VariantRoute, component: str | None = None) -> VariantTarget:
        of_variant = self.counters.setdefault((route.key, variant.name, variant.config_name), Counter())
        counter = of_variant if component is None else self._component_counter(route.key, component, of_variant)
        instances = [(each.instance_id, self._reference((each.host, each.port))) for each in variant.instances]
        target = VariantTarget(variant, instances, counter, self._gate(route.key, variant))
        for number, name in enumerate(variant.containers.names if variant.containers else ()):
            parts = [
                (f"{each.instance_id}/{name}", self._reference(each.addresses[number])) for each in variant.instances
            ]
            target.containers[name.encode("latin-1")] = VariantTarget(variant, parts, counter)
        return target

    def _component_counter(self, key: EndpointKey, name: str, variant: Counter) -> ComponentCounter:
        counter = self._components.setdefault((key, name), ComponentCounter(variant))
        counter.variant = variant
        return counter

    def _gate(self, key: EndpointKey, variant: VariantRoute) -> Gate | None:
        if variant.serverless is None:
            return None
        gate = self.gates.get((key, variant.name))
        if gate is None:
            gate = self.gates[key, variant.name] = Gate(key, variant.name, lambda event: self.emit(event))
        return gate

    def _update_gates(self, keys: set[EndpointKey]) -> None:
        """Last of all: a call that a gate lets through finds the new routes."""
        open_now = {
            (key, each.route.name): each
            for key in keys
            if (target := self.targets.get(key)) is not None
            for each in target.variants
            if each.gate is not None
        }
        for name in [each for each in self.gates if each[0] in keys and each not in open_now]:
            self.gates.pop(name).close()
        for name, each in open_now.items():
            most = each.route.serverless.max_concurrency if each.route.serverless else 0
            self.gates[name].update(most, most if each.route.echo else len(each.instances))

    def _reference(self, address: Address) -> Pool:
        pool = self.pools.get(address)
        if pool is None:
            pool = self.pools[address] = Pool(address, self._pool_idle)
        pool.references += 1
        return pool

    def _unreference(self, pool: Pool) -> None:
        pool.references -= 1
        if not pool.references:
            pool.retire()
            if not pool.outstanding:
                self._pool_idle(pool)

    def _pool_idle(self, pool: Pool) -> None:
        if not pool.references and self.pools.get(pool.address) is pool:
            del self.pools[pool.address]
        if self._waiting:
            self._wake()

    def _wake(self) -> None:
        for addresses, future in self._waiting:
            if not self._outstanding(addresses) and not future.done():
                future.set_result(None)
        self._waiting = [each for each in self._waiting if not each[1].done()]

    def _outstanding(self, addresses: set[Address]) -> int:
        return sum(self.pools[each].outstanding for each in addresses if each in self.pools)

    async def drained(self, addresses: set[Address]) -> None:
        """Return when no request to these addresses is under way."""
        if self._outstanding(addresses):
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((addresses, future))
            await future

    def expire(self, now: float) -> None:
        """Give up on every request whose deadline has passed."""
        for pool in list(self.pools.values()):
            for connection in [each for each in pool.busy if each.deadline < now]:
                connection.expire()

    def sweep_gates(self, give_up_before: float) -> None:
        """Let every gate look after those that wait."""
        for gate in list(self.gates.values()):
            gate.sweep(give_up_before)
