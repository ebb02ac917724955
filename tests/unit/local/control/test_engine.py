"""The engine with fleets and a router of the test's own: what is told to whom, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from typing import Any

import pytest

from sagemaker_local.control.faults import FailureFault, Faults
from sagemaker_local.control.lifecycle.changes import Workbench
from sagemaker_local.control.lifecycle.clock import Clock
from sagemaker_local.control.lifecycle.engine import Engine
from sagemaker_local.control.lifecycle.fleets import Fleets
from sagemaker_local.control.lifecycle.routes import Routes
from sagemaker_local.control.operations.registry import OPERATIONS
from sagemaker_local.control.state.endpoint import Endpoint, EndpointStatus
from sagemaker_local.control.state.store import Store
from sagemaker_local.control.wire.decoding import decode
from sagemaker_local.hosting.tails import Tails
from sagemaker_local.hosting.types import FailureClass, FleetFailure, FleetSpec, InstanceState, InstanceStatus
from sagemaker_local.router.routes import EndpointRoute, Instance, RouteTable

BeforeStop = Callable[[tuple[Instance, ...]], Coroutine[Any, Any, None]]
KEY = ("111122223333", "eu-west-1", "e")


class StillClock(Clock):
    """Phases last as long as the test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[tuple[float, asyncio.Event]] = []
        self.running = True

    async def sleep(self, seconds: float) -> None:
        if self.running:
            return
        over = asyncio.Event()
        self.waiting.append((seconds, over))
        await over.wait()


class FakeFleet:
    """A fleet that starts when the test says so."""

    def __init__(self, spec: FleetSpec, journal: list[str], name: str) -> None:
        self.spec = spec
        self.journal = journal
        self.outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.needs_process = True
        self.name = name
        self.lost = 0
        self.changed: Callable[[Any], None] = lambda fleet: None
        self.may_stop = asyncio.Event()
        self.may_stop.set()
        journal.append(f"start {self.name}")

    @property
    def instances(self) -> tuple[InstanceState, ...]:
        states = [InstanceStatus.IN_SERVICE] * self.spec.count
        states[: self.lost] = [InstanceStatus.UNHEALTHY] * self.lost
        return tuple(InstanceState(f"i-{n}", each, message="It was killed.") for n, each in enumerate(states))

    @property
    def routes(self) -> tuple[Instance, ...]:
        return tuple(Instance(f"{self.name} {n}", "127.0.0.1", 1000 + n) for n in range(self.spec.count - self.lost))

    async def started(self) -> None:
        await asyncio.shield(self.outcome)

    async def resize(self, count: int, before_stop: BeforeStop) -> None:
        leaving = self.routes[count:]
        self.spec = replace(self.spec, count=count)
        self.changed(self)
        if leaving:
            await before_stop(leaving)
            self.journal.append(f"stop of {len(leaving)} in {self.name}")

    async def stop(self) -> None:
        await self.may_stop.wait()
        self.journal.append(f"stop {self.name}")


class FakeHost:
    """Starts fleets that the test holds in its hand."""

    def __init__(self, journal: list[str]) -> None:
        self.journal = journal
        self.fleets: list[FakeFleet] = []
        self.tails = Tails()

    def start_fleet(self, spec: FleetSpec) -> FakeFleet:
        self.fleets.append(FakeFleet(spec, self.journal, f"fleet {len(self.fleets) + 1}"))
        return self.fleets[-1]


class FakeRouter:
    """Writes down what it is told."""

    def __init__(self, journal: list[str]) -> None:
        self.journal = journal
        self.tables: list[RouteTable] = []
        self.broken = False

    async def publish(self, table: RouteTable) -> None:
        if self.broken:
            raise OSError("no router")
        await asyncio.sleep(0)
        self.tables.append(table)
        names = sorted(
            {each.instance_id for route in table.endpoints.values() for v in route.variants for each in v.instances}
        )
        self.journal.append(f"publish {', '.join(names) or 'nothing'}")

    async def drained(self, instances: Iterable[Instance]) -> None:
        self.journal.append(f"drained {', '.join(each.instance_id for each in instances)}")


class World:
    """Everything around one engine."""

    def __init__(self) -> None:
        self.journal: list[str] = []
        self.host, self.router, self.clock = FakeHost(self.journal), FakeRouter(self.journal), StillClock()
        self.faults, self.routes = Faults(), Routes(self.router)
        self.store = Store(lambda key: self.engine.wake(key))
        fleets = Fleets(self.host, self.routes)  # type: ignore[arg-type]  # it asks for start_fleet only
        self.engine = Engine(Workbench(self.clock, self.store, fleets, self.routes, self.faults, 2.0, 1.0))
        self.state = self.store.of(KEY[0], KEY[1])
        self.call("CreateModel", ModelName="m", PrimaryContainer={"Image": "x"})
        self.config("one")

    def call(self, name: str, **members: Any) -> None:
        operation = OPERATIONS[name]
        operation.behaviour(self.state, decode(operation.input_type, members), 1.0)

    def config(self, name: str, count: int = 1) -> None:
        variant = {"VariantName": "a", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": count}
        self.call("CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=[variant])

    @property
    def endpoint(self) -> Endpoint:
        return self.state.endpoints.require("e")

    @property
    def route(self) -> EndpointRoute:
        return self.router.tables[-1].endpoints[KEY]

    async def turn(self) -> None:
        """Let everything that can go on go on."""
        for _ in range(50):
            await asyncio.sleep(0)

    async def created(self, count: int = 1) -> None:
        if count != 1:
            self.config("wide", count)
        self.call("CreateEndpoint", EndpointName="e", EndpointConfigName="one" if count == 1 else "wide")
        await self.turn()
        self.host.fleets[-1].outcome.set_result(None)
        await self.turn()
        assert self.endpoint.status is EndpointStatus.IN_SERVICE


Test = Callable[[World], Coroutine[Any, Any, None]]


def played(test: Test) -> Callable[[], None]:
    """A test with a world and an event loop of its own."""

    async def play() -> None:
        world = World()
        await test(world)
        await world.engine.close()

    def run() -> None:
        asyncio.run(play())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@played
async def test_the_router_knows_an_endpoint_before_anybody_sees_it_in_service(world: World) -> None:
    world.call("CreateEndpoint", EndpointName="e", EndpointConfigName="one")
    await world.turn()
    assert (world.endpoint.status, world.journal) == (EndpointStatus.CREATING, ["start fleet 1"])
    seen: list[EndpointStatus] = []
    publish = world.router.publish

    async def watched(table: RouteTable) -> None:
        seen.append(world.endpoint.status)
        await publish(table)

    world.router.publish = watched  # type: ignore[method-assign]
    world.host.fleets[0].outcome.set_result(None)
    await world.turn()
    assert seen[0] is EndpointStatus.CREATING
    assert world.endpoint.status is EndpointStatus.IN_SERVICE
    assert (world.route.status, world.route.variants[0].weight) == ("InService", 1.0)


@played
async def test_a_phase_lasts_at_least_its_time(world: World) -> None:
    world.clock.running = False
    world.call("CreateEndpoint", EndpointName="e", EndpointConfigName="one")
    await world.turn()
    world.host.fleets[0].outcome.set_result(None)
    await world.turn()
    assert world.endpoint.status is EndpointStatus.CREATING
    ((seconds, over),) = world.clock.waiting
    assert seconds == 2.0
    world.clock.running = True
    over.set()
    await world.turn()
    assert world.endpoint.status is EndpointStatus.IN_SERVICE


@played
async def test_an_update_switches_then_drains_then_stops(world: World) -> None:
    await world.created()
    world.config("two")
    world.journal.clear()
    world.call("UpdateEndpoint", EndpointName="e", EndpointConfigName="two")
    await world.turn()
    assert world.journal == ["start fleet 2"]
    world.host.fleets[1].outcome.set_result(None)
    await world.turn()
    switched, drained, stopped = (
        world.journal.index(each) for each in ("publish fleet 2 0", "drained fleet 1 0", "stop fleet 1")
    )
    assert switched < drained < stopped
    assert world.endpoint.config_name == "two"


@played
async def test_an_update_that_fails_ends_the_new_fleet_only(world: World) -> None:
    await world.created()
    world.config("two")
    world.journal.clear()
    world.call("UpdateEndpoint", EndpointName="e", EndpointConfigName="two")
    await world.turn()
    world.host.fleets[1].outcome.set_exception(FleetFailure(FailureClass.PING_HEALTH_CHECK, "never healthy"))
    await world.turn()
    assert world.journal == ["start fleet 2", "stop fleet 2"]
    assert (world.endpoint.config_name, world.endpoint.failure_reason) == ("one", "never healthy")
    assert world.endpoint.status is EndpointStatus.IN_SERVICE


@played
async def test_a_failure_that_was_asked_for_starts_nothing(world: World) -> None:
    world.faults.add(FailureFault("e", "no capacity"), 1)
    world.call("CreateEndpoint", EndpointName="e", EndpointConfigName="one")
    await world.turn()
    assert (world.endpoint.status, world.endpoint.failure_reason) == (EndpointStatus.FAILED, "no capacity")
    assert world.journal == []


@played
async def test_a_deletion_closes_the_route_before_the_processes(world: World) -> None:
    await world.created()
    world.journal.clear()
    world.call("DeleteEndpoint", EndpointName="e")
    assert world.endpoint.status is EndpointStatus.DELETING
    await world.turn()
    assert world.journal == ["publish nothing", "drained fleet 1 0", "stop fleet 1"]
    assert world.state.endpoints.get("e") is None
    assert "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/e" not in world.state.tags


@played
async def test_an_endpoint_is_there_until_its_last_process_has_ended(world: World) -> None:
    await world.created()
    world.host.fleets[0].may_stop.clear()
    world.call("DeleteEndpoint", EndpointName="e")
    await world.turn()
    assert world.endpoint.status is EndpointStatus.DELETING
    world.host.fleets[0].may_stop.set()
    await world.turn()
    assert world.state.endpoints.get("e") is None


@played
async def test_instances_that_leave_are_drained_before_they_stop(world: World) -> None:
    await world.created(count=3)
    fleet = world.host.fleets[0]
    fleet.changed = world.engine.fleet_changed
    world.journal.clear()
    weights = [{"VariantName": "a", "DesiredInstanceCount": 1}]
    world.call("UpdateEndpointWeightsAndCapacities", EndpointName="e", DesiredWeightsAndCapacities=weights)
    await world.turn()
    assert world.journal == [
        "publish fleet 1 0",
        "drained fleet 1 1, fleet 1 2",
        "stop of 2 in fleet 1",
        *world.journal[3:],
    ]
    assert all(each == "publish fleet 1 0" for each in world.journal[3:])
    assert world.endpoint.variants[0].current_count == 1


@played
async def test_a_lost_instance_is_seen_and_not_routed_to(world: World) -> None:
    await world.created(count=2)
    fleet = world.host.fleets[0]
    fleet.lost = 1
    world.engine.fleet_changed(fleet)  # type: ignore[arg-type]  # a fleet of the test
    await world.turn()
    (variant,) = world.endpoint.variants
    assert (variant.current_count, variant.status and variant.status.message) == (1, "It was killed.")
    assert len(world.route.variants[0].instances) == 1
    fleet.lost = 0
    world.engine.fleet_changed(fleet)  # type: ignore[arg-type]  # as above
    await world.turn()
    assert (world.endpoint.variants[0].status, len(world.route.variants[0].instances)) == (None, 2)


@played
async def test_a_fleet_that_serves_nobody_changes_nothing(world: World) -> None:
    await world.created()
    before = world.endpoint
    stranger = FakeFleet(world.host.fleets[0].spec, [], "stranger")
    world.engine.fleet_changed(stranger)  # type: ignore[arg-type]  # as above
    assert world.endpoint is before


@played
async def test_a_mistake_of_ours_ends_the_change_as_an_internal_failure(world: World) -> None:
    world.router.broken = True
    world.call("CreateEndpoint", EndpointName="e", EndpointConfigName="one")
    await world.turn()
    world.host.fleets[0].outcome.set_exception(RuntimeError("a bug"))
    await world.turn()
    assert world.endpoint.status is EndpointStatus.FAILED
    assert world.endpoint.failure_reason.startswith("Request to service failed")
    assert world.journal[-1] == "stop fleet 1"


@played
async def test_a_change_asked_for_in_the_moment_in_which_another_ends_is_carried_out(world: World) -> None:
    await world.created()
    for number in range(20):
        weights = [{"VariantName": "a", "DesiredWeight": float(number)}]
        world.call("UpdateEndpointWeightsAndCapacities", EndpointName="e", DesiredWeightsAndCapacities=weights)
        for _ in range(1000):
            if world.endpoint.change is None:
                break
            await asyncio.sleep(0)
        assert world.endpoint.variants[0].current_weight == float(number)


@played
async def test_many_changes_at_once_are_published_together(world: World) -> None:
    await world.created()
    before = len(world.router.tables)
    route = world.route
    for number in range(100):
        world.routes.set(EndpointRoute(KEY[0], KEY[1], f"e{number}", route.status, route.variants))
        world.routes.flush_soon()
    await world.routes.close()
    assert len(world.router.tables) - before == 1
    assert len(world.router.tables[-1].endpoints) == 101


def test_the_clock_runs_faster_on_demand() -> None:
    assert Clock(60.0).real(120.0) == 2.0
    assert Clock().real(3.0) == 3.0


@pytest.mark.parametrize("scale", [1e6, 1e9])
def test_a_scaled_hour_is_over_at_once(scale: float) -> None:
    asyncio.run(Clock(scale).sleep(3600))
