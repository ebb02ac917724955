"""CloudWatch's metrics of real calls, by the minute of a clock that the test moves, and alarms on them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

CONTAINER = "registry.example/container:1"


def called(world: Any, times: int) -> None:
    for _ in range(times):
        world.invoke()


def test_calls_are_published_by_the_minute(world: Any) -> None:
    world.create(world.config("config", world.model("model"), count=2))
    world.to_minute()
    called(world, 6)
    world.to_minute()
    called(world, 3)
    world.to_minute()
    assert world.metric("Invocations")[-2:] == [6.0, 3.0]
    assert world.metric("Invocations", "SampleCount")[-2:] == [6.0, 3.0]
    assert world.metric("InvocationsPerInstance")[-2:] == [3.0, 1.5]
    for name in ("Invocation4XXErrors", "Invocation5XXErrors", "InvocationModelErrors"):
        assert world.metric(name, "Average")[-2:] == [0.0, 0.0]


def test_latencies_are_those_of_the_model_with_percentiles(world: Any) -> None:
    world.create(world.config("config", world.model("model", CONTAINER, SECONDS="0.05")))
    world.to_minute()
    called(world, 5)
    world.to_minute()
    assert world.metric("ModelLatency", "SampleCount")[-1] == 5.0
    lowest, median, highest = (world.metric("ModelLatency", each)[-1] for each in ("Minimum", "p50", "Maximum"))
    assert 45_000 < lowest <= median <= highest
    assert world.metric("ModelLatency", "p99")[-1] == highest
    assert 0 < world.metric("OverheadLatency", "Average")[-1] < lowest
    end = datetime.fromtimestamp(world.now, UTC)
    stat = {"Namespace": "AWS/SageMaker", "MetricName": "ModelLatency", "Dimensions": world.dimensions()}
    (found,) = world.cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": "m", "MetricStat": {"Metric": stat, "Period": 60, "Stat": "p99"}}],
        StartTime=end - timedelta(minutes=10),
        EndTime=end,
    )["MetricDataResults"]
    assert found["Values"] == [highest]


def test_each_instance_tells_what_it_uses_of_the_machine(world: Any) -> None:
    world.create(world.config("config", world.model("model", CONTAINER), count=2))
    world.to_minute()
    world.to_minute()

    def used(name: str, statistic: str) -> float:
        return float(world.metric(name, statistic, namespace="/aws/sagemaker/Endpoints")[-1])

    for name in ("CPUUtilization", "MemoryUtilization", "DiskUtilization"):
        assert used(name, "SampleCount") == 2.0
        assert used(name, "Minimum") >= 0.0
    assert 0.0 < used("MemoryUtilization", "Sum") < 50.0
    assert 0.0 < used("DiskUtilization", "Maximum") <= 100.0
    assert world.metric("LoadedModelCount", namespace="/aws/sagemaker/Endpoints") == []


def test_errors_of_a_container_are_counted_by_kind(world: Any) -> None:
    world.create(world.config("config", world.model("model", CONTAINER, SECONDS="nothing")))
    world.to_minute()
    with pytest.raises(ClientError, match="ModelError"):
        world.invoke()
    world.to_minute()
    assert world.metric("InvocationModelErrors")[-1] == 1.0
    assert world.metric("Invocation5XXErrors", "Average")[-1] == 1.0
    assert world.metric("Invocation4XXErrors")[-1] == 0.0


@pytest.mark.parametrize("publish", [True, False])
def test_a_variant_without_calls_publishes_zero_or_nothing(world: Any, publish: bool) -> None:
    world.local.admin("POST", "switches", {"idle_variants_publish_zero": publish})
    world.create(world.config("config", world.model("model")))
    world.to_minute()
    world.to_minute()
    assert world.metric("Invocations")[-1:] == ([0.0] if publish else [])
    assert world.metric("ModelLatency") == []


def test_each_metric_is_listed_once_by_its_dimensions(world: Any) -> None:
    world.create(world.config("config", world.model("model")))
    for _ in range(3):
        world.to_minute()
    wanted = {"Namespace": "AWS/SageMaker", "MetricName": "Invocations", "Dimensions": world.dimensions()}
    (found,) = world.cloudwatch.list_metrics(**wanted)["Metrics"]
    assert found["Dimensions"] == world.dimensions()


def test_an_alarm_goes_from_no_data_to_alarm_and_back(world: Any) -> None:
    world.local.admin("POST", "switches", {"idle_variants_publish_zero": False})
    world.create(world.config("config", world.model("model")))
    world.to_minute()
    busy = world.alarm("busy", MetricName="Invocations", Statistic="Sum", Threshold=5)
    assert world.state(busy) == "INSUFFICIENT_DATA"
    called(world, 5)
    world.advance(60)
    assert world.state(busy) == "ALARM"
    called(world, 4)
    world.advance(60)
    assert world.state(busy) == "OK"
    (found,) = world.cloudwatch.describe_alarms(AlarmNames=[busy])["MetricAlarms"]
    assert "Threshold Crossed" in found["StateReason"]
    assert abs(found["StateUpdatedTimestamp"].timestamp() - world.now) <= 60
    world.advance(300)
    assert world.state(busy) == "INSUFFICIENT_DATA"


def test_an_alarm_waits_for_its_datapoints_and_may_look_at_a_percentile(world: Any) -> None:
    world.create(world.config("config", world.model("model", CONTAINER, SECONDS="0.05")))
    world.to_minute()
    metric = {"MetricName": "ModelLatency", "ExtendedStatistic": "p90", "Threshold": 40_000}
    slow = world.alarm("slow", **metric, EvaluationPeriods=3, DatapointsToAlarm=2, TreatMissingData="notBreaching")
    called(world, 2)
    world.advance(60)
    assert world.state(slow) == "OK"
    called(world, 2)
    world.advance(60)
    assert world.state(slow) == "ALARM"


def test_an_alarm_judges_metrics_of_the_users_own_too(world: Any) -> None:
    own = {"Namespace": "Own", "MetricName": "Depth", "Dimensions": [], "Statistic": "Maximum"}
    deep = world.alarm("deep", **own, Threshold=7, Period=10)
    world.cloudwatch.put_metric_data(Namespace="Own", MetricData=[{"MetricName": "Depth", "Value": 8.0}])
    world.advance(10)
    assert world.state(deep) == "ALARM"


def test_an_alarm_that_is_put_again_keeps_its_state(world: Any) -> None:
    alarm = world.alarm("alarm")
    world.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="by hand")
    world.alarm("alarm", Threshold=0.5, TreatMissingData="ignore")
    assert world.state(alarm) == "ALARM"
    world.advance(60)
    assert world.state(alarm) == "ALARM"


def test_the_clock_stands_still_between_steps(world: Any) -> None:
    before = world.now
    assert world.now == before
    assert world.advance(5) == pytest.approx(before + 5)
    status, said = world.local.admin_error("POST", "clock", {"advanceSeconds": 0})
    assert (status, "advanceSeconds" in said) == (400, True)
    assert world.local.admin_error("POST", "switches", {"nothing": True})[0] == 400


def test_a_clock_that_runs_faster_judges_and_scales_by_itself(start: Any) -> None:
    with start("--clock-scale", "600", "--create-seconds", "60", "--delete-seconds", "60") as local:
        sagemaker, scaling = local.client("sagemaker"), local.client("application-autoscaling")
        sagemaker.create_model(ModelName="m", PrimaryContainer={"Image": "local://echo"})
        variant = {"VariantName": "a", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")

        def endpoint() -> dict[str, Any]:
            found: dict[str, Any] = sagemaker.describe_endpoint(EndpointName="e")
            return found

        local.until(lambda: endpoint()["EndpointStatus"] == "InService", "an endpoint in service")
        of = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": "endpoint/e/variant/a",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        }
        scaling.register_scalable_target(**of, MinCapacity=1, MaxCapacity=3)
        metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
        alarms = scaling.put_scaling_policy(
            **of,
            PolicyName="p",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={"TargetValue": 1.0, "PredefinedMetricSpecification": metric},
        )["Alarms"]

        def scaled_out() -> bool:
            for _ in range(5):
                local.client("sagemaker-runtime").invoke_endpoint(EndpointName="e", Body=b"x")
            return bool(endpoint()["ProductionVariants"][0]["CurrentInstanceCount"] == 3)

        local.until(scaled_out, "three instances")
        activities = scaling.describe_scaling_activities(ServiceNamespace="sagemaker")["ScalingActivities"]
        assert alarms[0]["AlarmName"] in activities[-1]["Cause"]
        local.until(lambda: endpoint()["ProductionVariants"][0]["CurrentInstanceCount"] == 1, "one instance again")
