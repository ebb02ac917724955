"""Every policy with every mishap: an endpoint always serves one complete fleet while it is Updating."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagemaker_local.control.faults import RollbackFault
from sagemaker_local.control.state.endpoint import EndpointStatus
from sagemaker_local.control.state.policy import BlueGreen, CapacitySize, Policy, Rolling, Traffic, steps
from sagemaker_local.control.wire.errors import ApiError
from sagemaker_local.hosting.types import FailureClass, FleetFailure, FleetSpec
from sagemaker_local.router.routes import Instance, RouteTable

_SPEC = importlib.util.spec_from_file_location("engine_of_rollouts", Path(__file__).parent / "test_engine.py")
assert _SPEC is not None
assert _SPEC.loader is not None
engine = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = engine
_SPEC.loader.exec_module(engine)

WAIT = {"WaitIntervalInSeconds": 10}
ALARMS = {"Alarms": [{"AlarmName": "errors"}]}


def size(kind: str, value: int) -> dict[str, Any]:
    return {"Type": kind, "Value": value}


def blue_green(**routing: Any) -> dict[str, Any]:
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": WAIT | routing}}


POLICIES: dict[str, dict[str, Any]] = {
    "all at once": blue_green(Type="ALL_AT_ONCE"),
    "canary": blue_green(Type="CANARY", CanarySize=size("CAPACITY_PERCENT", 30)),
    "linear": blue_green(Type="LINEAR", LinearStepSize=size("CAPACITY_PERCENT", 33)),
    "rolling": {"RollingUpdatePolicy": WAIT | {"MaximumBatchSize": size("CAPACITY_PERCENT", 50)}},
    "rolling by ones": {
        "RollingUpdatePolicy": WAIT
        | {"MaximumBatchSize": size("INSTANCE_COUNT", 1), "RollbackMaximumBatchSize": size("INSTANCE_COUNT", 1)}
    },
}


@dataclass(frozen=True)
class Mishap:
    """What goes wrong: the look at which the alarm fires, whether a start, a growth or the rollback fails."""

    alarm_at: int | None = None
    start: bool = False
    growth: bool = False
    rollback: bool = False


MISHAPS = st.builds(Mishap, st.none() | st.integers(0, 6), *([st.sampled_from([False, False, True])] * 3))


class World(engine.World):  # type: ignore[misc,name-defined]  # loaded above
    """Fleets start by themselves, and each table that is published is looked at."""

    def __init__(self, mishap: Mishap, old: int) -> None:
        super().__init__()
        self.mishap, self.looks, self.least, self.updating = mishap, 0, old, False
        self.engine._bench = replace(self.engine._bench, firing=self.firing)
        start_fleet, publish = self.host.start_fleet, self.router.publish

        def start(spec: FleetSpec) -> Any:
            fleet = start_fleet(spec)
            fleet.changed = self.engine.fleet_changed
            if self.updating and mishap.start:
                fleet.outcome.set_exception(FleetFailure(FailureClass.PING_HEALTH_CHECK, "never healthy"))
            else:
                fleet.outcome.set_result(None)
            resize = fleet.resize

            async def resized(count: int, before_stop: Any) -> None:
                if mishap.growth and count > fleet.spec.count:
                    raise FleetFailure(FailureClass.PING_HEALTH_CHECK, "did not grow")
                await resize(count, before_stop)

            fleet.resize = resized
            return fleet

        async def looked(table: RouteTable) -> None:
            if self.updating:
                self.complete(table)
            await publish(table)

        drained = self.router.drained

        async def left(instances: Iterable[Instance]) -> None:
            """What is drained gets no new calls by the table in force."""
            leaving = {each.instance_id for each in instances}
            routed = {
                each.instance_id
                for route in self.router.tables[-1].endpoints.values()
                for part in route.variants
                for each in part.instances
            }
            assert not leaving & routed
            await drained(())

        self.host.start_fleet, self.router.publish, self.router.drained = start, looked, left

    async def firing(self, account: str, region: str, names: Iterable[str]) -> list[str]:
        self.looks += 1
        return list(names) if self.mishap.alarm_at is not None and self.looks > self.mishap.alarm_at else []

    def complete(self, table: RouteTable) -> None:
        parts = table.endpoints[engine.KEY].variants
        assert sum(each.share for each in parts) == pytest.approx(1.0)
        assert all(each.share > 0 and each.instances for each in parts)
        assert sum(len(each.instances) for each in parts) >= self.least

    async def settled(self) -> None:
        for _ in range(2000):
            await asyncio.sleep(0)
            if self.endpoint.change is None:
                break
        await self.turn()


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(sorted(POLICIES)), MISHAPS, st.integers(2, 6), st.integers(2, 6))
def test_one_complete_fleet_serves_whatever_happens(name: str, mishap: Mishap, old: int, new: int) -> None:
    async def play() -> None:
        world = World(mishap, min(old, new))
        world.config("old", old)
        world.call("CreateEndpoint", EndpointName="e", EndpointConfigName="old")
        await world.settled()
        world.config("new", new)
        if mishap.rollback:
            world.faults.add(RollbackFault("e", "stuck"), 1)
        world.updating = True
        world.call(
            "UpdateEndpoint",
            EndpointName="e",
            EndpointConfigName="new",
            DeploymentConfig=POLICIES[name] | {"AutoRollbackConfiguration": ALARMS},
        )
        await world.settled()
        ended_as_it_should(world, old, new)
        world.updating = False
        if world.endpoint.status is EndpointStatus.UPDATE_ROLLBACK_FAILED:
            world.mishap = Mishap()
        world.call("DeleteEndpoint", EndpointName="e")
        await world.turn()
        assert world.state.endpoints.get("e") is None
        assert {f"stop fleet {n + 1}" for n in range(len(world.host.fleets))} <= set(world.journal)
        await world.engine.close()

    asyncio.run(play())


def ended_as_it_should(world: World, old: int, new: int) -> None:
    endpoint, parts = world.endpoint, world.route.variants
    if endpoint.status is EndpointStatus.UPDATE_ROLLBACK_FAILED:
        assert world.mishap.rollback or world.mishap.growth
        assert (endpoint.config_name, bool(endpoint.failure_reason)) == ("old", True)
        return
    assert endpoint.status is EndpointStatus.IN_SERVICE
    assert len(parts) == 1
    count = {"old": old, "new": new}[endpoint.config_name]
    assert (parts[0].share, len(parts[0].instances), parts[0].config_name) == (1.0, count, endpoint.config_name)
    assert (endpoint.config_name == "old") == bool(endpoint.failure_reason)
    assert [each.current_count for each in endpoint.variants] == [count]
    if world.mishap == Mishap():
        assert endpoint.config_name == "new"


def test_a_mistake_of_ours_in_the_middle_gives_everything_back() -> None:
    async def play() -> None:
        world = World(Mishap(), 2)
        world.config("old", 2)
        world.call("CreateEndpoint", EndpointName="e", EndpointConfigName="old")
        await world.settled()
        world.config("new", 2)

        async def broken(*_: Any) -> list[str]:
            if world.looks:
                raise OSError("no CloudWatch")
            world.looks += 1
            return []

        world.engine._bench = replace(world.engine._bench, firing=broken)
        policy = POLICIES["canary"] | {"AutoRollbackConfiguration": ALARMS}
        world.call("UpdateEndpoint", EndpointName="e", EndpointConfigName="new", DeploymentConfig=policy)
        await world.settled()
        assert (world.endpoint.status, world.endpoint.config_name) == (EndpointStatus.IN_SERVICE, "old")
        assert "Request to service failed" in world.endpoint.failure_reason
        assert [each.config_name for each in world.route.variants] == ["old"]
        assert "stop fleet 2" in world.journal
        await world.engine.close()

    asyncio.run(play())


@pytest.mark.parametrize(
    ("strategy", "shares"),
    [
        (BlueGreen(), [1.0]),
        (BlueGreen(Traffic.CANARY, CapacitySize("INSTANCE_COUNT", 1)), [0.25, 1.0]),
        (BlueGreen(Traffic.CANARY, CapacitySize("CAPACITY_PERCENT", 10)), [0.1, 1.0]),
        (BlueGreen(Traffic.LINEAR, CapacitySize("CAPACITY_PERCENT", 33)), [0.33, 0.66, 0.99, 1.0]),
        (BlueGreen(Traffic.LINEAR, CapacitySize("CAPACITY_PERCENT", 50)), [0.5, 1.0]),
        (Rolling(CapacitySize("INSTANCE_COUNT", 1)), [0.25, 0.5, 0.75, 1.0]),
        (Rolling(CapacitySize("CAPACITY_PERCENT", 50)), [0.5, 1.0]),
    ],
)
def test_steps(strategy: BlueGreen | Rolling, shares: list[float]) -> None:
    found = steps(Policy(strategy), {"a": 4}, {"a": 4})
    assert [each.shares["a"] for each in found] == pytest.approx(shares)


def test_a_rolling_update_keeps_as_many_old_instances_as_it_lacks_new_ones() -> None:
    found = steps(Policy(Rolling(CapacitySize("CAPACITY_PERCENT", 40))), {"a": 5}, {"a": 5})
    assert [(each.instances["a"], each.old_instances["a"]) for each in found] == [(2, 3), (4, 1), (5, 0)]


REFUSED = [
    (POLICIES["canary"] | POLICIES["rolling"], "exclude each other"),
    (blue_green(Type="CANARY"), "CanarySize must be set exactly"),
    (blue_green(Type="ALL_AT_ONCE", CanarySize=size("CAPACITY_PERCENT", 10)), "CanarySize must be set exactly"),
    (blue_green(Type="CANARY", CanarySize=size("CAPACITY_PERCENT", 51)), "between 1% and 50%"),
    (blue_green(Type="CANARY", CanarySize=size("INSTANCE_COUNT", 3)), "between 1% and 50%"),
    (blue_green(Type="LINEAR", LinearStepSize=size("CAPACITY_PERCENT", 9)), "between 10% and 50%"),
    ({"RollingUpdatePolicy": WAIT | {"MaximumBatchSize": size("CAPACITY_PERCENT", 4)}}, "between 5% and 50%"),
]


def test_what_sagemaker_excludes_is_refused() -> None:
    async def play() -> None:
        world = World(Mishap(), 1)
        world.config("old", 4)
        world.call("CreateEndpoint", EndpointName="e", EndpointConfigName="old")
        await world.settled()
        world.config("new", 4)
        for policy, said in REFUSED:
            with pytest.raises(ApiError, match=said):
                world.call("UpdateEndpoint", EndpointName="e", EndpointConfigName="new", DeploymentConfig=policy)
        variant = {"ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 4}
        two = [{"VariantName": name, **variant} for name in ("a", "b")]
        world.call("CreateEndpointConfig", EndpointConfigName="two", ProductionVariants=two)
        for name in ("canary", "rolling"):
            with pytest.raises(ApiError, match="same variant names"):
                world.call(
                    "UpdateEndpoint", EndpointName="e", EndpointConfigName="two", DeploymentConfig=POLICIES[name]
                )
        world.call("UpdateEndpoint", EndpointName="e", EndpointConfigName="two")
        await world.settled()
        with pytest.raises(ApiError, match="multiple variants"):
            world.call(
                "UpdateEndpoint", EndpointName="e", EndpointConfigName="two", DeploymentConfig=POLICIES["rolling"]
            )
        assert sorted(each.name for each in world.route.variants) == ["a", "b"]
        inf1 = [{**each, "InstanceType": "ml.inf1.xlarge"} for each in two]
        world.call("CreateEndpointConfig", EndpointConfigName="inf1", ProductionVariants=inf1)
        world.mishap = Mishap(alarm_at=0)
        fallen_back = POLICIES["canary"] | {"AutoRollbackConfiguration": ALARMS}
        world.call("UpdateEndpoint", EndpointName="e", EndpointConfigName="inf1", DeploymentConfig=fallen_back)
        await world.settled()
        assert (world.endpoint.config_name, world.looks) == ("inf1", 0)
        await world.engine.close()

    asyncio.run(play())
