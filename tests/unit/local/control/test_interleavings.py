"""Any interleaving of the control plane's operations, of time and of what befalls fleets keeps its promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sagemaker_local.control.faults import FailureFault, MaintenanceFault, RollbackFault, StuckFault
from sagemaker_local.control.lifecycle import transitions
from sagemaker_local.control.lifecycle.transitions import EDGES
from sagemaker_local.control.monitor import Alarm
from sagemaker_local.control.state.endpoint import EndpointStatus
from sagemaker_local.control.wire.decoding import decode
from sagemaker_local.control.wire.errors import ApiError
from sagemaker_local.metrics.alarm import AlarmState
from sagemaker_local.router.routes import SERVING
from sagemaker_local.scaling.operations import OPERATIONS as SCALING
from testkit.hosting import NO_CAPACITY
from testkit.plane import ACCOUNT, COUNTS, REGION, Plane

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
NAMES = ("one", "two")
BETWEEN = {
    EndpointStatus.CREATING,
    EndpointStatus.UPDATING,
    EndpointStatus.SYSTEM_UPDATING,
    EndpointStatus.ROLLING_BACK,
    EndpointStatus.DELETING,
}


def policy(kind: str, value: int, wait: int) -> dict[str, Any] | None:
    size = {"Type": "INSTANCE_COUNT", "Value": value}
    alarms = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}}
    if kind == "ROLLING":
        return {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": wait}} | alarms
    routing: dict[str, Any] = {"Type": kind, "WaitIntervalInSeconds": wait}
    if kind == "CANARY":
        routing["CanarySize"] = size
    if kind == "LINEAR":
        routing["LinearStepSize"] = size
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}} | alarms


names, counts = st.sampled_from(NAMES), st.integers(1, 4)
policies = st.none() | st.builds(
    policy,
    st.sampled_from(["ALL_AT_ONCE", "CANARY", "LINEAR", "ROLLING"]),
    st.integers(1, 2),
    st.sampled_from([0, 15, 60]),
)


class ControlPlane(Plane, RuleBasedStateMachine):
    """Two endpoint names, six configurations, one clock."""

    @initialize()
    def begin(self) -> None:
        self.start()
        for name in NAMES:
            self.create(name, "good", 1)
        self.advance(5)

    def asked(self, operation: str, name: str, **members: Any) -> None:
        """A change is refused exactly when it must be, as far as the status tells."""
        before = self.state.endpoints.get(name)

        async def call() -> ApiError | None:
            try:
                self.call(operation, EndpointName=name, **members)
            except ApiError as error:
                return error
            return None

        error = self.run(call())
        if before is None:
            assert (error is None) is (operation == "CreateEndpoint")
        elif operation == "CreateEndpoint":
            assert error is not None
            assert "already existing" in error.message
        elif before.change is not None:
            assert error is not None
            assert "Cannot update in-progress endpoint" in error.message
        elif operation != "DeleteEndpoint" and before.status is EndpointStatus.FAILED:
            assert error is not None

    @precondition(lambda self: len(list(self.state.endpoints)) < len(NAMES))
    @rule(name=names, image=st.sampled_from(["good", "good", "good", "bad", "slow"]), count=st.sampled_from(COUNTS))
    def create(self, name: str, image: str, count: int) -> None:
        self.asked("CreateEndpoint", name, EndpointConfigName=f"{image}-{count}")

    @rule(
        name=names,
        image=st.sampled_from(["good", "good", "bad", "slow"]),
        count=st.sampled_from(COUNTS),
        how=policies,
        retain=st.booleans(),
        then=st.sampled_from([0, 2, 20]),
    )
    def update(self, name: str, image: str, count: int, how: dict[str, Any] | None, retain: bool, then: float) -> None:
        config = f"{image}-{count}"
        fields = {"EndpointConfigName": config, "DeploymentConfig": how, "RetainAllVariantProperties": retain}
        self.asked("UpdateEndpoint", name, **{key: each for key, each in fields.items() if each is not None})
        self.advance(then)

    @rule(name=names, how=policies.filter(lambda each: each is not None), late=st.sampled_from([5, 30, 70]))
    def update_into_an_alarm(self, name: str, how: dict[str, Any], late: float) -> None:
        """Single steps seldom meet a deployment while it bakes."""
        self.firing = []
        self.asked("UpdateEndpoint", name, EndpointConfigName="good-4", DeploymentConfig=how)
        self.advance(late)
        self.firing = ["errors"]
        self.advance(15)

    @rule(name=names, count=counts, weight=st.sampled_from([0.0, 1.0, 2.0]))
    def weigh(self, name: str, count: int, weight: float) -> None:
        wanted = {"VariantName": "a", "DesiredWeight": weight, "DesiredInstanceCount": count}
        self.asked("UpdateEndpointWeightsAndCapacities", name, DesiredWeightsAndCapacities=[wanted])

    @rule(name=names)
    def delete(self, name: str) -> None:
        self.asked("DeleteEndpoint", name)

    @rule(seconds=st.sampled_from([0.5, 1, 2, 5, 20, 100]))
    def advance(self, seconds: float) -> None:
        self.run(self.clock.advance(seconds))

    @precondition(lambda self: any(not each.outcome.done() for each in self.host.running))
    @rule(well=st.booleans())
    def slow_fleets_start(self, well: bool) -> None:
        async def end() -> None:
            for each in self.host.running:
                if not each.outcome.done():
                    each.outcome.set_result(None) if well else each.outcome.set_exception(NO_CAPACITY)

        self.run(end())

    @rule(full=st.booleans())
    def fill(self, full: bool) -> None:
        self.host.full = full

    @rule(fires=st.booleans())
    def alarm(self, fires: bool) -> None:
        self.firing = ["errors"] if fires else []

    @rule(name=names, kind=st.sampled_from([FailureFault, RollbackFault, StuckFault, MaintenanceFault]))
    def fault(self, name: str, kind: Any) -> None:
        """At most one of a kind waits."""
        if any(isinstance(each.fault, kind) for each in self.faults):
            return
        self.faults.add(kind(name, "asked for" if kind in (FailureFault, RollbackFault) else 30.0), 1)

    @rule(name=names, minimum=st.integers(1, 2), more=st.integers(0, 3))
    def register(self, name: str, minimum: int, more: int) -> None:
        members = {"MinCapacity": minimum, "MaxCapacity": minimum + more}
        resource = f"endpoint/{name}/variant/a"

        async def call() -> bool:
            operation = SCALING["RegisterScalableTarget"]
            asked = decode(operation.input_type, {"ResourceId": resource, "ScalableDimension": DIMENSION} | members)
            try:
                operation.behaviour(self.state, asked, self.clock.now())
            except ApiError:
                return False
            step = {"AdjustmentType": "ChangeInCapacity", "Cooldown": 0}
            step["StepAdjustments"] = [
                {"MetricIntervalLowerBound": 0, "ScalingAdjustment": 2},
                {"MetricIntervalUpperBound": 0, "ScalingAdjustment": -2},
            ]
            operation = SCALING["PutScalingPolicy"]
            of = {"ResourceId": resource, "ScalableDimension": DIMENSION}
            of |= {"PolicyName": "step", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": step}
            operation.behaviour(self.state, decode(operation.input_type, of), self.clock.now())
            return True

        before = self.state.endpoints.get(name)
        taken = self.run(call())
        assert not taken or (before is not None and before.status is not EndpointStatus.CREATING)

    @precondition(lambda self: self.state.scaling.policies)
    @rule(name=names, value=st.sampled_from([-5.0, 5.0]))
    def scale(self, name: str, value: float) -> None:
        """What scaling asks for lies within the bounds, and it is refused while the endpoint changes."""
        target = self.state.scaling.targets.get(f"endpoint/{name}/variant/a")
        endpoint = self.state.endpoints.get(name)
        done = len(self.state.scaling.activities)
        policies = self.state.scaling.policies.values()
        arns = tuple(each.arn for each in policies if each.resource_id.split("/")[1] == name)
        alarm = Alarm(ACCOUNT, REGION, f"{name}{value}", AlarmState.ALARM, arns, 0.0, value)

        async def act() -> None:
            self.scaler.act((alarm,))

        self.run(act())
        for activity in self.state.scaling.activities[done:]:
            assert target is not None
            assert endpoint is not None
            assert target.minimum <= activity.wanted <= target.maximum
            assert endpoint.change is None or activity.status == "Failed"

    @rule(name=names)
    def maintain(self, name: str) -> None:
        endpoint = self.state.endpoints.get(name)

        async def begin() -> None:
            if endpoint is not None and endpoint.status is EndpointStatus.IN_SERVICE:
                self.engine.published(transitions.maintaining(endpoint, 30.0, self.clock.now()))

        self.run(begin())

    @rule(name=names)
    def out_and_back(self, name: str) -> None:
        endpoint = self.state.endpoints.get(name)

        async def move() -> None:
            if endpoint is None or endpoint.change is not None:
                return
            if endpoint.status is EndpointStatus.IN_SERVICE:
                self.engine.published(transitions.out_of_service(endpoint, self.clock.now()))
            elif endpoint.status is EndpointStatus.OUT_OF_SERVICE:
                self.engine.published(transitions.back_in_service(endpoint, self.clock.now()))

        self.run(move())

    @invariant()
    def nothing_was_a_mistake(self) -> None:
        assert self.mistakes.records == []

    @invariant()
    def statuses_move_along_edges(self) -> None:
        assert [each for each in self.edges if each[1] not in EDGES[each[0]]] == []
        for endpoint in self.state.endpoints:
            assert (endpoint.change is not None) is (endpoint.status in BETWEEN)

    @invariant()
    def who_serves_has_a_complete_fleet_and_the_router_knows_it(self) -> None:
        for endpoint in self.state.endpoints:
            if endpoint.status.value not in SERVING:
                continue
            route = self.router.table.endpoints[endpoint.key]
            ports = {each.port for variant in route.variants for each in variant.instances}
            fleets = {id(each) for each in self.owned(endpoint) if each.started_well and not each.stopped}
            assert ports
            assert ports <= fleets

    @invariant()
    def scaled_variants_have_an_endpoint(self) -> None:
        for target in self.state.scaling.targets.values():
            endpoint = self.state.endpoints.get(target.endpoint)
            assert endpoint is not None
            assert endpoint.status is not EndpointStatus.DELETING

    @rule()
    def settle(self) -> None:
        """Once nothing is under way no process and no route is left without an endpoint."""
        self.firing = []
        for _ in range(8):
            self.slow_fleets_start(True)
            self.advance(1000)
        assert [each.name for each in self.state.endpoints if each.change is not None] == []
        serving = set[Any]().union(*(self.owned(each) for each in self.state.endpoints))
        assert self.host.running == serving
        with_fleets = {each.key for each in self.state.endpoints if each.status is not EndpointStatus.FAILED}
        assert self.router.table.endpoints.keys() == with_fleets
        for endpoint in self.state.endpoints:
            if endpoint.status is EndpointStatus.IN_SERVICE:
                (variant,) = endpoint.variants
                assert variant.current_count == variant.desired_count
                assert self.fleets.of(endpoint.key)["a"].spec.count == variant.desired_count

    def teardown(self) -> None:
        try:
            if hasattr(self, "engine"):
                self.settle()
        finally:
            self.end()


_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # shrinking takes minutes; add it to look into a failure
ControlPlane.TestCase.settings = settings(max_examples=80, stateful_step_count=50, deadline=None, phases=_PHASES)
TestControlPlane = ControlPlane.TestCase


def played(*steps: Callable[[ControlPlane], None]) -> None:
    """One interleaving, to its end."""
    machine = ControlPlane()
    machine.begin()
    try:
        for step in steps:
            step(machine)
            machine.nothing_was_a_mistake()
            machine.statuses_move_along_edges()
            machine.who_serves_has_a_complete_fleet_and_the_router_knows_it()
            machine.scaled_variants_have_an_endpoint()
    finally:
        machine.teardown()


@pytest.mark.parametrize("kind", ["ALL_AT_ONCE", "CANARY", "LINEAR", "ROLLING"])
@pytest.mark.parametrize("late", [5, 70])
def test_a_rollback_leaves_no_fleet_behind(kind: str, late: float) -> None:
    how = policy(kind, 1, 60)
    assert how is not None
    played(lambda machine: machine.update_into_an_alarm(name="one", how=how, late=late))


def test_an_endpoint_that_is_deleted_gets_no_scalable_target() -> None:
    played(
        lambda machine: machine.fault(name="one", kind=StuckFault),
        lambda machine: machine.delete(name="one"),
        lambda machine: machine.register(name="one", minimum=1, more=1),
    )
