"""The workshop's asynchronous lab, scaled down: from 0 to 5 instances by their backlog and back to 0."""

from __future__ import annotations

from typing import Any

DIMENSION = "sagemaker:variant:DesiredInstanceCount"


def test_zero_to_five_and_back_to_zero(world: Any, asynchronous: Any, scaled: Any, values: Any) -> None:
    """Minimum 0, maximum 5, a backlog of 5 per instance, both cooldowns 120 s; 30 requests for the workshop's 1,000."""
    asynchronous.create()
    target = scaled(f"endpoint/{world.endpoint}/variant/a", DIMENSION, 0, 5)
    by_endpoint = {"EndpointName": world.endpoint}
    dimensions = [{"Name": "EndpointName", "Value": world.endpoint}]
    backlog = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Dimensions": dimensions,
        "Statistic": "Average",
    }
    target.track(5.0, backlog, ScaleInCooldown=120, ScaleOutCooldown=120)
    arn = target.step(
        AdjustmentType="ChangeInCapacity",
        Cooldown=120,
        StepAdjustments=[{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
    )
    world.alarm(
        "capacity",
        MetricName="HasBacklogWithoutCapacity",
        Dimensions=dimensions,
        EvaluationPeriods=2,
        Threshold=1,
        AlarmActions=[arn],
    )
    world.to_minute()
    world.advance(18 * 60)
    assert asynchronous.count == 0
    asynchronous.send(30)
    world.advance(60)
    assert asynchronous.count == 0
    world.advance(60)
    assert asynchronous.count == 1
    assert values("HasBacklogWithoutCapacity", "Maximum", **by_endpoint)[-2:] == [1.0, 1.0]
    assert values("ApproximateBacklogSize", "Maximum", **by_endpoint)[-1] == 30.0
    assert values("ApproximateAgeOfOldestRequest", "Maximum", **by_endpoint)[-1] >= 60.0
    counts = []
    for _ in range(8):
        world.advance(60)
        world.settled()
        counts.append(asynchronous.count)
    assert counts[-1] == 5
    assert counts == sorted(counts)
    assert values("ApproximateBacklogSizePerInstance", "Average", **by_endpoint)[-1] == 6.0
    asynchronous.open()
    asynchronous.results(30)
    counts = []
    for _ in range(30):
        world.advance(60)
        world.settled()
        counts.append(asynchronous.count)
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == 0
    assert {each["StatusCode"] for each in target.activities} <= {"Successful", "InProgress"}
    processed = values("InvocationsProcesssed", **by_endpoint, VariantName="a")
    assert sum(processed) == 30.0


def test_what_is_published_of_an_asynchronous_endpoint(world: Any, asynchronous: Any, values: Any) -> None:
    asynchronous.create(concurrency=4)
    world.to_minute()
    asynchronous.open()
    asynchronous.send(3)
    asynchronous.results(3)
    world.advance(60)
    listed = world.cloudwatch.list_metrics(
        Namespace="AWS/SageMaker", Dimensions=[{"Name": "EndpointName", "Value": world.endpoint}]
    )["Metrics"]
    names = {each["MetricName"]: len(each["Dimensions"]) for each in listed}
    for name in ("Invocations", "InvocationsPerInstance", "OverheadLatency"):
        assert name not in names
    assert {name for name, count in names.items() if count == 1} == {
        "ApproximateBacklogSize",
        "ApproximateBacklogSizePerInstance",
        "ApproximateAgeOfOldestRequest",
        "HasBacklogWithoutCapacity",
    }
    of_variant = {"EndpointName": world.endpoint, "VariantName": "a"}
    assert sum(values("TimeInBacklog", "SampleCount", **of_variant)) == 3.0
    assert sum(values("ModelLatency", "SampleCount", **of_variant)) == 3.0
    assert sum(values("Invocation5XXErrors", "Sum", **of_variant)) == 0.0
    assert sum(values("ResponseUploadLatency", "SampleCount", **of_variant)) == 3.0
