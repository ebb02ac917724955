"""Application Auto Scaling that acts, through unchanged boto3 and a clock that the test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError

CONTAINER = "registry.example/container:1"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"


class Scaled:
    """An endpoint of one variant that is registered, with short words."""

    def __init__(self, world: Any, count: int = 1, minimum: int = 1, maximum: int = 4, image: str = "local://echo"):
        self.world = world
        self.client = world.local.client("application-autoscaling")
        self.config = world.config("config", world.model("model", image), count=count)
        world.create(self.config)
        self.resource = f"endpoint/{world.endpoint}/variant/a"
        self.of = {"ServiceNamespace": "sagemaker", "ResourceId": self.resource, "ScalableDimension": DIMENSION}
        self.client.register_scalable_target(**self.of, MinCapacity=minimum, MaxCapacity=maximum)

    @property
    def count(self) -> int:
        """Desired."""
        return int(self.world.describe()["ProductionVariants"][0]["DesiredInstanceCount"])

    def track(self, target: float = 10.0, **fields: Any) -> dict[str, Any]:
        metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
        configuration = {"TargetValue": target, "PredefinedMetricSpecification": metric} | fields
        found: dict[str, Any] = self.client.put_scaling_policy(
            **self.of,
            PolicyName="track",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=configuration,
        )
        return found

    def activities(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.describe_scaling_activities(
            ServiceNamespace="sagemaker", ResourceId=self.resource
        )["ScalingActivities"]
        return found

    def minute(self, calls: int) -> None:
        for _ in range(calls):
            self.world.invoke()
        self.world.advance(60)


def test_one_to_four_under_load_and_back(world: Any) -> None:
    scaled = Scaled(world)
    world.to_minute()
    alarms = scaled.track(ScaleOutCooldown=60, ScaleInCooldown=300)["Alarms"]
    assert ["AlarmHigh" in each["AlarmName"] for each in alarms] == [True, False]
    assert {world.state(each["AlarmName"]) for each in alarms} == {"INSUFFICIENT_DATA"}
    for _ in range(2):
        scaled.minute(60)
        assert scaled.count == 1
    scaled.minute(60)
    assert scaled.count == 4
    scaled.minute(60)
    activity = scaled.activities()[-1]
    assert activity["Description"] == "Setting desired instance count to 4."
    assert activity["StatusCode"] == "Successful"
    assert alarms[0]["AlarmName"] in activity["Cause"]
    assert world.settled()["ProductionVariants"][0]["CurrentInstanceCount"] == 4
    counts = []
    for _ in range(25):
        scaled.minute(0)
        counts.append(scaled.count)
    assert (counts[5], counts[-1], sorted(counts, reverse=True)) == (4, 1, counts)
    assert {each["StatusCode"] for each in scaled.activities()} == {"Successful"}


def test_a_step_policy_acts_on_an_alarm_of_the_users_own(world: Any) -> None:
    scaled = Scaled(world)
    world.to_minute()
    arn = scaled.client.put_scaling_policy(
        **scaled.of,
        PolicyName="step",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [
                {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 5, "ScalingAdjustment": 1},
                {"MetricIntervalLowerBound": 5, "ScalingAdjustment": 2},
            ],
            "Cooldown": 60,
        },
    )["PolicyARN"]
    world.alarm("busy", MetricName="Invocations", Statistic="Sum", Threshold=10, AlarmActions=[arn])
    scaled.minute(16)
    assert scaled.count == 3
    (found,) = scaled.client.describe_scaling_policies(ServiceNamespace="sagemaker", PolicyNames=["step"])[
        "ScalingPolicies"
    ]
    assert (found["PolicyARN"], found["PolicyType"]) == (arn, "StepScaling")


def test_a_scheduled_action_moves_the_bounds_in_its_time_zone(world: Any) -> None:
    scaled = Scaled(world)
    moment = datetime.fromtimestamp(world.now, UTC) + timedelta(hours=1)
    local = moment.astimezone(ZoneInfo("Asia/Seoul"))
    scaled.client.put_scheduled_action(
        **scaled.of,
        ScheduledActionName="morning",
        Schedule=f"at({local:%Y-%m-%dT%H:%M:%S})",
        Timezone="Asia/Seoul",
        ScalableTargetAction={"MinCapacity": 3, "MaxCapacity": 5},
    )
    world.advance(3500)
    assert scaled.count == 1
    world.advance(120)
    assert scaled.count == 3
    (target,) = scaled.client.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[scaled.resource])[
        "ScalableTargets"
    ]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (3, 5)
    assert "scheduled action name morning" in scaled.activities()[0]["Cause"]
    assert scaled.client.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"] == []


def test_scaling_waits_while_the_endpoint_is_updated(world: Any) -> None:
    scaled = Scaled(world)
    world.to_minute()
    scaled.track(ScaleOutCooldown=0)
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 600}
    world.sagemaker.update_endpoint(
        EndpointName=world.endpoint,
        EndpointConfigName=world.config("new", world.model("other")),
        DeploymentConfig={"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}},
        RetainAllVariantProperties=True,
    )
    for _ in range(4):
        scaled.minute(30)
    failed = scaled.activities()[0]
    assert (failed["StatusCode"], "in-progress endpoint" in failed["StatusMessage"]) == ("Failed", True)
    world.settled()
    for _ in range(4):
        scaled.minute(30)
    assert scaled.count == 3


def test_registering_moves_the_capacity_into_the_bounds(world: Any) -> None:
    scaled = Scaled(world, count=1, minimum=2)
    assert world.settled()["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    world.advance(20)
    assert [each["StatusCode"] for each in scaled.activities()] == ["Successful"]
    scaled.client.register_scalable_target(**scaled.of, MaxCapacity=9)
    (target,) = scaled.client.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[scaled.resource])[
        "ScalableTargets"
    ]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 9)


def test_deregistering_takes_policies_and_their_alarms_along(world: Any) -> None:
    scaled = Scaled(world)
    names = [each["AlarmName"] for each in scaled.track()["Alarms"]]
    scaled.client.deregister_scalable_target(**scaled.of)
    assert scaled.client.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"] == []
    assert world.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"] == []
    assert scaled.count == 1
    with pytest.raises(scaled.client.exceptions.ObjectNotFoundException):
        scaled.client.deregister_scalable_target(**scaled.of)
    with pytest.raises(scaled.client.exceptions.ObjectNotFoundException):
        scaled.track()


def test_a_scaled_variant_keeps_its_instance_type_and_its_place(world: Any) -> None:
    scaled = Scaled(world)
    other = world.config("other", world.model("other"), InstanceType="ml.m5.xlarge")
    with pytest.raises(ClientError, match="registered as a scalable target"):
        world.update(other)
    assert world.update(world.config("model-only", world.model("third")))["EndpointStatus"] == "InService"
    scaled.client.deregister_scalable_target(**scaled.of)
    assert world.update(other)["EndpointConfigName"] == other


def test_deleting_an_endpoint_deregisters_its_variants(world: Any) -> None:
    scaled = Scaled(world)
    scaled.track()
    world.delete()
    world.advance(20)
    assert scaled.client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []
    alarms = world.cloudwatch.describe_alarms(AlarmNamePrefix=f"TargetTracking-{scaled.resource}")
    assert alarms["MetricAlarms"] == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"MinCapacity": 5, "MaxCapacity": 4}, "cannot be less than minimum"),
        ({"MinCapacity": 0, "MaxCapacity": 4}, "must be at least 1"),
        ({"ResourceId": "endpoint/none/variant/a", "MinCapacity": 1, "MaxCapacity": 2}, "Could not find endpoint"),
        ({"ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency"}, "is not serverless"),
    ],
)
def test_what_cannot_be_registered_is_told(world: Any, fields: dict[str, Any], said: str) -> None:
    scaled = Scaled(world)
    with pytest.raises(ClientError, match=said):
        scaled.client.register_scalable_target(**scaled.of | fields)


@pytest.mark.parametrize("needs", [True, False])
def test_a_variant_of_a_creating_endpoint(world: Any, needs: bool) -> None:
    world.local.admin("POST", "switches", {"scalable_target_needs_in_service": needs})
    config = world.config("config", world.model("model"))
    world.sagemaker.create_endpoint(EndpointName=world.endpoint, EndpointConfigName=config)
    client = world.local.client("application-autoscaling")
    of = {"ServiceNamespace": "sagemaker", "ScalableDimension": DIMENSION}

    def register() -> None:
        client.register_scalable_target(
            **of, ResourceId=f"endpoint/{world.endpoint}/variant/a", MinCapacity=1, MaxCapacity=2
        )

    if needs:
        with pytest.raises(ClientError, match="once it is InService"):
            register()
    else:
        register()


def test_a_variant_of_an_endpoint_that_is_deleted_cannot_be_registered(world: Any) -> None:
    scaled = Scaled(world)
    with world.local.fault(endpoint=world.endpoint, stuckDeletingSeconds=30):
        world.sagemaker.delete_endpoint(EndpointName=world.endpoint)
        with pytest.raises(ClientError, match="is Deleting; its variants cannot be registered any more"):
            scaled.client.register_scalable_target(**scaled.of, MinCapacity=1, MaxCapacity=2)
        world.advance(31)
    targets = scaled.client.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[scaled.resource])
    assert targets["ScalableTargets"] == []


def test_burstable_instances_are_refused(world: Any) -> None:
    world.create(world.config("config", world.model("model"), InstanceType="ml.t2.medium"))
    with pytest.raises(ClientError, match="burstable"):
        world.local.client("application-autoscaling").register_scalable_target(
            ServiceNamespace="sagemaker",
            ResourceId=f"endpoint/{world.endpoint}/variant/a",
            ScalableDimension=DIMENSION,
            MinCapacity=1,
            MaxCapacity=2,
        )


def test_other_services_are_still_motos(world: Any) -> None:
    client = world.local.client("application-autoscaling")
    of = {
        "ServiceNamespace": "dynamodb",
        "ResourceId": "table/t",
        "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
    }
    client.register_scalable_target(**of, MinCapacity=1, MaxCapacity=2)
    found = client.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]
    assert [each["ResourceId"] for each in found] == ["table/t"]
