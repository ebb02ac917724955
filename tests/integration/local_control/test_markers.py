"""Every named fault over the wire, asked for by a tag, by a container's variable and by the admin API."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from sagemaker_local.control.markers import TAG, VARIABLE
from sagemaker_local.control.named_faults import NAMED

FAILURES = {
    "capacity": "InsufficientInstanceCapacity",
    "image-missing": "Please make sure all images",
    "data-missing": "Failed to download model data",
    "ping": "did not pass the ping health check",
    "internal-failure": "Request to service failed",
}
ANSWERS = {
    "quota": ("ResourceLimitExceeded", "account-level service limit", 1),
    "throttling": ("ThrottlingException", "Rate exceeded", 3),
    "access-denied": ("AccessDeniedException", "not authorized to perform: sagemaker:CreateEndpoint because", 1),
}
MODELS = {"role": "Could not assume role", "data-unreadable": "Could not access model data at"}
OTHERS = {"rollback-failure", "stuck-delete", "maintenance", "slow", "lost-request", "lost-reply"}


def tags(marker: str) -> list[dict[str, str]]:
    return [{"Key": TAG, "Value": marker}]


def refusal(call: Callable[..., Any], **fields: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(**fields)
    found: dict[str, Any] = caught.value.response["Error"]
    return found


def begin(world: Any, config: str, **fields: Any) -> None:
    world.sagemaker.create_endpoint(EndpointName=world.endpoint, EndpointConfigName=config, **fields)


def test_no_fault_is_without_a_test() -> None:
    assert set(NAMED) == FAILURES.keys() | ANSWERS.keys() | MODELS.keys() | OTHERS


@pytest.mark.parametrize("name", FAILURES)
def test_a_marked_creation_fails_once_and_then_not(world: Any, name: str) -> None:
    config = world.config("config", world.model("model"))
    found = world.create(config, Tags=tags(name))
    assert found["EndpointStatus"] == "Failed"
    assert FAILURES[name] in found["FailureReason"]
    world.delete()
    assert world.create(config, Tags=tags(name))["EndpointStatus"] == "InService"


def test_a_variable_of_the_container_fails_the_update_and_the_old_model_serves_on(world: Any) -> None:
    first = world.config("first", world.model("first"))
    world.create(first)
    second = world.config("second", world.model("second", **{VARIABLE: "ping:2"}))
    for _ in range(2):
        found = world.update(second)
        assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", first)
        assert "ping health check" in found["FailureReason"]
        assert world.invoke()["Body"] == b"x"
    found = world.update(second)
    assert (found["EndpointConfigName"], "FailureReason" in found) == (second, False)


def test_a_tag_of_the_configuration_strikes_too_and_each_configuration_anew(world: Any) -> None:
    model = world.model("model")
    world.create(world.config("plain", model))
    for name in ("one", "two"):
        config = world.config(name, model)
        arn = world.sagemaker.describe_endpoint_config(EndpointConfigName=config)["EndpointConfigArn"]
        world.sagemaker.add_tags(ResourceArn=arn, Tags=tags("capacity"))
        assert "InsufficientInstanceCapacity" in world.update(config)["FailureReason"]
        assert world.update(config)["EndpointConfigName"] == config


@pytest.mark.parametrize("name", ANSWERS)
def test_a_marked_endpoint_is_refused(world: Any, name: str) -> None:
    code, said, times = ANSWERS[name]
    config = world.config("config", world.model("model"))
    for _ in range(times):
        error = refusal(begin, world=world, config=config, Tags=tags(name))
        assert error["Code"] == code
        assert said in error["Message"]
    assert world.create(config, Tags=tags(name))["EndpointStatus"] == "InService"


@pytest.mark.parametrize("name", MODELS)
def test_a_marked_model_is_refused(world: Any, name: str) -> None:
    fields = {
        "ModelName": f"{world.prefix}-model",
        "PrimaryContainer": {"Image": "local://echo"},
        "Tags": tags(f"{name}:2"),
    }
    for _ in range(2):
        error = refusal(world.sagemaker.create_model, **fields)
        assert error["Code"] == "ValidationException"
        assert error["Message"].startswith(MODELS[name])
    world.sagemaker.create_model(**fields)


def test_always_lasts_as_long_as_the_marker(world: Any) -> None:
    config = world.config("config", world.model("model"))
    for _ in range(4):
        assert refusal(begin, world=world, config=config, Tags=tags("quota:always"))["Code"] == "ResourceLimitExceeded"
    arn = f"arn:aws:sagemaker:eu-west-1:111122223333:endpoint/{world.endpoint}"
    assert world.create(config)["EndpointStatus"] == "InService"
    world.sagemaker.add_tags(ResourceArn=arn, Tags=tags("quota:always"))
    update = {"EndpointName": world.endpoint, "EndpointConfigName": config}
    assert refusal(world.sagemaker.update_endpoint, **update)["Code"] == "ResourceLimitExceeded"
    world.sagemaker.delete_tags(ResourceArn=arn, TagKeys=[TAG])
    world.sagemaker.update_endpoint(**update)
    assert world.settled()["EndpointStatus"] == "InService"


@pytest.mark.parametrize(("name", "applied"), [("lost-request", False), ("lost-reply", True)])
def test_a_lost_call(world: Any, name: str, applied: bool) -> None:
    config = world.config("config", world.model("model"))
    with pytest.raises(ConnectionClosedError):
        begin(world, config, Tags=tags(name))
    listed = world.sagemaker.list_endpoints(NameContains=world.endpoint)["Endpoints"]
    assert len(listed) == int(applied)
    if applied:
        assert "already existing" in refusal(begin, world=world, config=config, Tags=tags(name))["Message"]
    else:
        begin(world, config, Tags=tags(name))
    assert world.settled()["EndpointStatus"] == "InService"


def test_slow_calls(world: Any) -> None:
    config = world.config("config", world.model("model"))
    start = time.monotonic()
    begin(world, config, Tags=tags("slow:0.4"))
    assert time.monotonic() - start >= 0.4
    world.settled()


def test_a_stuck_deletion(world: Any) -> None:
    world.create(world.config("config", world.model("model")), Tags=tags("stuck-delete:1"))
    start = time.monotonic()
    world.sagemaker.delete_endpoint(EndpointName=world.endpoint)
    assert "in-progress" in refusal(world.sagemaker.delete_endpoint, EndpointName=world.endpoint)["Message"]
    world.sagemaker.get_waiter("endpoint_deleted").wait(
        EndpointName=world.endpoint, WaiterConfig={"Delay": 0.05, "MaxAttempts": 600}
    )
    assert time.monotonic() - start >= 1


def test_maintenance_follows_the_creation_and_ends(world: Any) -> None:
    world.create(world.config("config", world.model("model")), Tags=tags("maintenance:0.6"))
    world.until(lambda: world.describe()["EndpointStatus"] == "SystemUpdating", "maintenance")
    assert world.invoke()["Body"] == b"x"
    world.until(lambda: world.describe()["EndpointStatus"] == "InService", "the end of maintenance")


def test_a_rollback_that_fails(world: Any) -> None:
    cloudwatch = world.local.client("cloudwatch")
    alarm = f"{world.prefix}-alarm"
    cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        Namespace="Mine",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    world.create(world.config("first", world.model("first")))
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 600}
    second = world.config("second", world.model("second", **{VARIABLE: "rollback-failure"}))
    world.sagemaker.update_endpoint(
        EndpointName=world.endpoint,
        EndpointConfigName=second,
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
        },
    )

    def baking() -> bool:
        variants = world.describe().get("PendingDeploymentSummary", {}).get("ProductionVariants", [])
        return any(each.get("VariantStatus", [{}])[0].get("Status") == "Baking" for each in variants)

    world.until(baking, "baking")
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="asked for")
    world.until(lambda: world.describe()["EndpointStatus"] == "UpdateRollbackFailed", "a rollback that failed")
    cloudwatch.delete_alarms(AlarmNames=[alarm])


def test_a_marker_that_is_no_fault_is_refused_with_the_list(world: Any) -> None:
    for marker, said in (("capcity", "'capcity' is no fault; there are capacity,"), ("ping:0", "must be ping, ping:")):
        error = refusal(
            world.sagemaker.create_model,
            ModelName=f"{world.prefix}-model",
            PrimaryContainer={"Image": "local://echo"},
            Tags=tags(marker),
        )
        assert error["Code"] == "ValidationException"
        assert said in error["Message"]


def test_the_same_name_in_another_account_is_not_struck(world: Any) -> None:
    other = world.local.client("sagemaker", "444455556666")
    fields = {"ModelName": f"{world.prefix}-model", "PrimaryContainer": {"Image": "local://echo"}}
    refusal(world.sagemaker.create_model, **fields, Tags=tags("throttling:2"))
    other.create_model(**fields)
    assert refusal(world.sagemaker.create_model, **fields, Tags=tags("throttling:2"))["Code"] == "ThrottlingException"
    world.sagemaker.create_model(**fields)


def test_the_admin_api_knows_the_same_names(world: Any) -> None:
    config = world.config("config", world.model("model"))
    with world.local.fault(fault="capacity:1", endpoint=world.endpoint):
        assert "InsufficientInstanceCapacity" in world.create(config)["FailureReason"]
    world.delete()
    denied = pytest.raises(ClientError, match="not authorized to perform: sagemaker:CreateModel because")
    with world.local.fault(fault="access-denied:1", model=f"{world.prefix}-other"), denied:
        world.model("other")
    world.model("other")
    for document, said in (
        ({"fault": "quota", "model": "m"}, "quota strikes no model; it is a fault of endpoints"),
        ({"fault": "nonsense", "model": "m"}, "is no fault; there are capacity"),
        ({"fault": "quota"}, "exactly one of model, endpointConfig, endpoint"),
    ):
        assert said in world.local.admin_error("POST", "faults", document)[1]


def test_a_marker_is_seen_among_the_faults_and_its_fault_can_be_removed(world: Any) -> None:
    config = world.config("config", world.model("model"))
    refusal(begin, world=world, config=config, Tags=tags("throttling:2"))
    (found,) = world.local.admin("GET", "faults")
    assert (found["times"], found["account"], found["name"]) == (1, "111122223333", world.endpoint)
    world.local.admin("DELETE", "faults")
    world.create(config, Tags=tags("throttling:2"))


@pytest.mark.parametrize("checked", [True, False])
def test_an_execution_role_that_iam_does_not_have(world: Any, checked: bool) -> None:
    world.local.admin("POST", "switches", {"execution_role_must_exist": checked})
    iam = world.local.client("iam")
    name = f"{world.prefix}-role"
    fields = {
        "ModelName": f"{world.prefix}-model",
        "PrimaryContainer": {"Image": "local://echo"},
        "ExecutionRoleArn": f"arn:aws:iam::111122223333:role/service/{name}",
    }
    try:
        if checked:
            error = refusal(world.sagemaker.create_model, **fields)
            assert error["Code"] == "ValidationException"
            assert error["Message"].startswith(f"Could not assume role {fields['ExecutionRoleArn']}.")
            iam.create_role(RoleName=name, Path="/service/", AssumeRolePolicyDocument="{}")
        world.sagemaker.create_model(**fields)
    finally:
        world.local.admin("POST", "switches", {"execution_role_must_exist": False})
