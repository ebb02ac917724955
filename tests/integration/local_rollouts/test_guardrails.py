"""Deployment guardrails over the wire: traffic in steps, baking, alarms, rollback, and what a client sees meanwhile."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

CONTAINER = "registry.example/container:1"


def blue_green(wait: int = 60, termination: int = 0, limit: int | None = None, **routing: Any) -> dict[str, Any]:
    policy = {
        "TrafficRoutingConfiguration": {"WaitIntervalInSeconds": wait, **routing},
        "TerminationWaitInSeconds": termination,
    }
    return {"BlueGreenUpdatePolicy": policy | ({"MaximumExecutionTimeoutInSeconds": limit} if limit else {})}


def canary(value: int = 50, **fields: Any) -> dict[str, Any]:
    return blue_green(Type="CANARY", CanarySize={"Type": "CAPACITY_PERCENT", "Value": value}, **fields)


def rolling(value: int, wait: int = 60, **fields: Any) -> dict[str, Any]:
    batch = {"Type": "INSTANCE_COUNT", "Value": value}
    return {"RollingUpdatePolicy": {"MaximumBatchSize": batch, "WaitIntervalInSeconds": wait, **fields}}


def watched(policy: dict[str, Any], *alarms: str) -> dict[str, Any]:
    return policy | {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": each} for each in alarms]}}


def served(world: Any, image: str = CONTAINER, count: int = 1, **environment: str) -> tuple[str, str]:
    """An endpoint in service and a second configuration; both their names."""
    old = world.config("old", world.model("one", image, VERSION="1"), count=count)
    new = world.config("new", world.model("two", image, **{"VERSION": "2"} | environment), count=count)
    world.create(old)
    return old, new


def begin(world: Any, config: str, policy: dict[str, Any]) -> None:
    world.sagemaker.update_endpoint(EndpointName=world.endpoint, EndpointConfigName=config, DeploymentConfig=policy)


def stage(world: Any) -> str:
    """What the pending variant is busy with; nothing when there is none."""
    pending = world.describe().get("PendingDeploymentSummary")
    return pending["ProductionVariants"][0]["VariantStatus"][0]["Status"] if pending else ""


def until_stage(world: Any, wanted: str) -> None:
    """Time passes while the fleet starts, and stops for the stage."""

    def there() -> bool:
        if stage(world) == wanted:
            return True
        world.advance(1)
        return False

    world.until(there, wanted)


def versions(world: Any, calls: int = 40) -> Counter[str]:
    return Counter(json.loads(world.invoke()["Body"])["VERSION"] for _ in range(calls))


def test_a_canary_gets_its_share_bakes_and_takes_over(world: Any) -> None:
    old, new = served(world)
    begin(world, new, canary(termination=30))
    found = world.describe()
    assert (found["EndpointStatus"], found["EndpointConfigName"], stage(world)) == ("Updating", old, "Creating")
    assert versions(world).keys() == {"1"}
    until_stage(world, "Baking")
    found = world.describe()
    (pending,) = found["PendingDeploymentSummary"]["ProductionVariants"]
    assert (found["EndpointConfigName"], pending["CurrentWeight"], pending["DesiredWeight"]) == (old, 0.5, 1.0)
    assert found["ProductionVariants"][0]["VariantStatus"][0]["Status"] == "Baking"
    assert versions(world).keys() == {"1", "2"}
    named = Counter(json.loads(world.invoke(TargetVariant="a")["Body"])["VERSION"] for _ in range(40))
    assert named.keys() == {"1", "2"}
    with pytest.raises(ClientError, match="Cannot update in-progress"):
        world.sagemaker.delete_endpoint(EndpointName=world.endpoint)
    world.advance(60)
    assert world.describe()["PendingDeploymentSummary"]["ProductionVariants"][0]["CurrentWeight"] == 1.0
    assert versions(world).keys() == {"2"}
    world.advance(60)
    assert world.describe()["ProductionVariants"][0]["VariantStatus"][0]["Status"] == "Deleting"
    world.advance(30)
    found = world.settled()
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", new)
    assert found["LastDeploymentConfig"] == canary(termination=30)
    assert "PendingDeploymentSummary" not in found
    assert "VariantStatus" not in found["ProductionVariants"][0]


def test_linear_goes_step_by_step(world: Any) -> None:
    _, new = served(world, "local://echo")
    begin(world, new, blue_green(Type="LINEAR", LinearStepSize={"Type": "CAPACITY_PERCENT", "Value": 40}))
    until_stage(world, "Baking")
    weights = []
    while "PendingDeploymentSummary" in (found := world.describe()):
        weights.append(found["PendingDeploymentSummary"]["ProductionVariants"][0]["CurrentWeight"])
        world.advance(60)
    assert weights == pytest.approx([0.4, 0.8, 1.0])
    assert world.settled()["EndpointConfigName"] == new


def test_a_rolling_update_replaces_batch_by_batch(world: Any) -> None:
    old, new = served(world, "local://echo", count=4)
    begin(world, new, rolling(2))
    until_stage(world, "Baking")

    def fleets() -> dict[str, int]:
        (found,) = [each for each in world.local.admin("GET", "endpoints") if each["name"] == world.endpoint]
        return {each["role"]: len(each["instances"]) for each in found["fleets"]}

    assert fleets() == {"serving": 4, "joining": 2}
    world.advance(60)
    assert fleets()["serving"] == 2
    until_stage(world, "Baking")
    assert fleets() == {"serving": 2, "joining": 4}
    assert world.describe()["EndpointConfigName"] == old
    world.advance(60)
    assert world.settled()["EndpointConfigName"] == new
    assert fleets() == {"serving": 4}


@pytest.mark.parametrize("reason", [True, False])
@pytest.mark.parametrize("rolling_back", [True, False])
def test_errors_of_the_new_fleet_roll_the_canary_back(world: Any, reason: bool, rolling_back: bool) -> None:
    switches = {"rollback_has_failure_reason": reason, "rollback_shows_rolling_back": rolling_back}
    world.local.admin("POST", "switches", switches)
    old, new = served(world, SECONDS="nothing")
    world.to_minute()
    alarm = world.alarm("errors", Dimensions=world.dimensions(new), TreatMissingData="notBreaching")
    begin(world, new, watched(canary(wait=300), alarm))
    until_stage(world, "Baking")
    answers: Counter[str] = Counter()
    for _ in range(20):
        try:
            answers[json.loads(world.invoke()["Body"])["VERSION"]] += 1
        except ClientError as error:
            answers[error.response["Error"]["Code"]] += 1
    assert answers.keys() == {"1", "ModelError"}
    seen = set()
    while (status := world.describe()["EndpointStatus"]) != "InService":
        seen.add(status)
        world.advance(1)
    assert ("RollingBack" in seen) is rolling_back
    assert world.state(alarm) == "ALARM"
    assert world.metric("Invocation5XXErrors", config=new)[-1] == answers["ModelError"]
    assert world.metric("Invocations", config=new)[-1] == answers["ModelError"]
    assert world.metric("Invocations")[-1] == 20.0
    found = world.settled()
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", old)
    assert (alarm in found.get("FailureReason", "")) is reason
    assert versions(world, 10) == {"1": 10}
    assert "LastDeploymentConfig" not in found or "AutoRollbackConfiguration" not in found["LastDeploymentConfig"]


def test_an_alarm_that_fires_already_stops_the_deployment_at_once(world: Any) -> None:
    old, new = served(world, "local://echo")
    alarm = world.alarm("errors")
    world.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="by hand")
    begin(world, new, watched(canary(), alarm))
    found = world.settled()
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", old)
    assert "before the deployment began" in found["FailureReason"]


def test_all_at_once_goes_back_to_the_fleet_that_waited(world: Any) -> None:
    old, new = served(world)
    alarm = world.alarm("errors")
    begin(world, new, watched(blue_green(Type="ALL_AT_ONCE"), alarm))
    until_stage(world, "Baking")
    assert versions(world, 10) == {"2": 10}
    world.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="by hand")
    world.advance(1)
    found = world.settled()
    assert (found["EndpointConfigName"], found["EndpointStatus"]) == (old, "InService")
    assert versions(world, 10) == {"1": 10}


def test_a_rolling_update_rolls_back_to_all_instances(world: Any) -> None:
    old, new = served(world, "local://echo", count=4)
    alarm = world.alarm("errors")
    begin(world, new, watched(rolling(2, wait=120), alarm))
    until_stage(world, "Baking")
    world.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="by hand")
    found = world.settled()
    (variant,) = found["ProductionVariants"]
    counts = (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"])
    assert (found["EndpointConfigName"], counts) == (old, (4, 4))


def test_a_deployment_that_takes_too_long_is_rolled_back(world: Any) -> None:
    old, new = served(world, "local://echo")
    begin(world, new, canary(wait=3600, limit=600))
    until_stage(world, "Baking")
    world.advance(500)
    assert world.describe()["EndpointStatus"] == "Updating"
    world.advance(100)
    found = world.settled()
    assert found["EndpointConfigName"] == old
    assert "MaximumExecutionTimeoutInSeconds" in found["FailureReason"]


@pytest.mark.parametrize("taken", [True, False])
def test_a_rollback_that_fails_leaves_both_fleets_serving(world: Any, taken: bool) -> None:
    world.local.admin("POST", "switches", {"rollback_failed_takes_changes": taken})
    old, new = served(world)
    alarm = world.alarm("errors")
    begin(world, new, watched(canary(), alarm))
    until_stage(world, "Baking")
    with world.local.fault(endpoint=world.endpoint, rollbackFailure="no capacity for the old fleet"):
        world.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="by hand")
        found = world.settled()
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("UpdateRollbackFailed", old)
    assert found["FailureReason"] == "no capacity for the old fleet"
    assert versions(world).keys() == {"1", "2"}
    if not taken:
        with pytest.raises(ClientError, match="UpdateRollbackFailed"):
            world.update(new)
        world.local.admin("POST", "switches", {"rollback_failed_takes_deletion": False})
        with pytest.raises(ClientError, match="UpdateRollbackFailed"):
            world.delete()
        world.local.admin("POST", "switches", {"rollback_failed_takes_deletion": True})
        return
    world.weights(a=(3.0, None))
    assert world.settled()["EndpointStatus"] == "UpdateRollbackFailed"
    assert versions(world).keys() == {"1", "2"}
    found = world.update(new)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", new)
    assert "FailureReason" not in found
    assert versions(world, 10) == {"2": 10}


def test_the_last_policy_can_be_kept(world: Any) -> None:
    old, new = served(world, "local://echo")
    begin(world, new, canary(wait=30))
    assert world.settled()["LastDeploymentConfig"] == canary(wait=30)
    world.sagemaker.update_endpoint(EndpointName=world.endpoint, EndpointConfigName=old, RetainDeploymentConfig=True)
    until_stage(world, "Baking")
    assert world.describe()["PendingDeploymentSummary"]["ProductionVariants"][0]["CurrentWeight"] == 0.5
    assert world.settled()["LastDeploymentConfig"] == canary(wait=30)


def test_maintenance_shows_and_endpoints_serve_on(world: Any) -> None:
    world.create(world.config("config", world.model("model")))
    world.local.admin("POST", "status", {"endpoint": world.endpoint, "status": "SystemUpdating", "seconds": 60})
    assert world.describe()["EndpointStatus"] == "SystemUpdating"
    world.invoke()
    with pytest.raises(ClientError, match="Cannot update in-progress"):
        world.sagemaker.delete_endpoint(EndpointName=world.endpoint)
    world.advance(60)
    assert world.describe()["EndpointStatus"] == "InService"


@pytest.mark.parametrize("taken", [True, False])
def test_out_of_service_answers_nobody(world: Any, taken: bool) -> None:
    switches = {"out_of_service_takes_changes": taken, "out_of_service_takes_deletion": taken}
    world.local.admin("POST", "switches", switches)
    world.create(world.config("config", world.model("model")))
    world.local.admin("POST", "status", {"endpoint": world.endpoint, "status": "OutOfService"})
    assert world.describe()["EndpointStatus"] == "OutOfService"

    def refused() -> bool:
        try:
            world.invoke()
        except ClientError as error:
            return "not found" in str(error)
        return False

    world.until(refused, "a refusal")
    if taken:
        world.weights(a=(2.0, None))
        assert world.settled()["EndpointStatus"] == "InService"
        world.local.admin("POST", "status", {"endpoint": world.endpoint, "status": "OutOfService"})
        world.delete()
        return
    for change in (lambda: world.weights(a=(2.0, None)), world.delete):
        with pytest.raises(ClientError, match="OutOfService"):
            change()
    world.local.admin("POST", "status", {"endpoint": world.endpoint, "status": "InService"})
    world.until(lambda: not refused(), "an answer")


@pytest.mark.parametrize("taken", [True, False])
def test_an_update_to_the_config_that_serves(world: Any, taken: bool) -> None:
    world.local.admin("POST", "switches", {"same_config_update": taken})
    config = world.config("config", world.model("model"))
    world.create(config)
    if taken:
        assert world.update(config)["EndpointStatus"] == "InService"
    else:
        with pytest.raises(ClientError, match="has the configuration"):
            world.update(config)


def test_an_update_needs_the_config_that_serves(world: Any) -> None:
    old, new = served(world, "local://echo")
    world.sagemaker.delete_endpoint_config(EndpointConfigName=old)
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        world.update(new)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"endpoint": "none", "status": "OutOfService"}, "there is no endpoint none"),
        ({"status": "OutOfService"}, "endpoint, status"),
        ({"endpoint": "none", "status": "OutOfService", "other": 1}, "endpoint, status"),
    ],
)
def test_a_status_that_cannot_be_set_is_told(local: Any, body: dict[str, Any], said: str) -> None:
    status, message = local.admin_error("POST", "status", body)
    assert (status, said in message) == (400, True)
