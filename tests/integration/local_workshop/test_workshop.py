"""The workshop's numbers, scaled down: minutes are the clock's, thousands of calls are dozens."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

XGBOOST = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
CONTAINER = "registry.example/container:1"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"


@pytest.fixture
def archive(world: Any, trained: Any) -> str:
    """An XGBoost model in S3."""
    url: str = world.local.put(f"{world.prefix}/model.tar.gz", trained.files())
    return url


def test_autoscaling_follows_a_spike_from_one_to_four_and_back(
    world: Any, scaled: Any, trained: Any, archive: str
) -> None:
    """10 calls per minute and instance, out after 60 s, in after 300 s: a spike of 40 and more a minute."""
    world.create(world.config("config", world.model("model", XGBOOST, archive)))
    target = scaled(f"endpoint/{world.endpoint}/variant/a", DIMENSION, 1, 4)
    target.track(10.0, "SageMakerVariantInvocationsPerInstance", ScaleOutCooldown=60, ScaleInCooldown=300)
    world.to_minute()

    def minute(calls: int) -> int:
        for _ in range(calls):
            body = world.invoke(trained.csv, ContentType="text/csv")["Body"].decode()
            assert [float(each) for each in body.replace(",", "\n").split()] == pytest.approx(trained.expected)
        world.advance(60)
        return int(world.settled()["ProductionVariants"][0]["CurrentInstanceCount"])

    assert [minute(8) for _ in range(2)] == [1, 1]
    grown = [minute(calls) for calls in (25, 45, 45, 45, 45, 45)]
    assert grown == sorted(grown)
    assert grown[-1] == 4
    shrunk = [minute(number % 5 == 0) for number in range(35)]
    assert shrunk == sorted(shrunk, reverse=True)
    assert (shrunk[4], shrunk[-1]) == (4, 1)
    assert {each["StatusCode"] for each in target.activities} <= {"Successful"}


def test_ab_phases_move_the_weights_without_an_error(world: Any) -> None:
    """50:50, then 80:20, then 100:0 by UpdateEndpointWeightsAndCapacities."""
    models = [world.model(name) for name in "ab"]
    world.create(world.config("config", *models))

    def phase(calls: int = 250) -> float:
        """The share of the first variant."""
        found = Counter(world.invoke()["InvokedProductionVariant"] for _ in range(calls))
        assert found.total() == calls
        return found["a"] / calls

    assert phase() == pytest.approx(0.5, abs=0.15)
    world.weights(a=(80.0, None), b=(20.0, None))
    world.settled()
    assert phase() == pytest.approx(0.8, abs=0.12)
    assert world.invoke(TargetVariant="b")["InvokedProductionVariant"] == "b"
    world.weights(a=(100.0, None), b=(0.0, None))
    world.settled()
    assert phase() == 1.0
    world.to_minute()
    assert sum(world.metric("Invocation5XXErrors")) == sum(world.metric("Invocation4XXErrors")) == 0.0


def test_a_canary_of_one_in_three_is_rolled_back_by_its_alarm(world: Any, trained: Any, archive: str) -> None:
    """Wait 300 s, keep the old fleet 120 s, at most 1,800 s; back at a mean of 0.1 of 5xx a minute."""
    good = world.config("good", world.model("good", CONTAINER, VERSION="good"), count=3)
    bad = world.config("bad", world.model("bad", "registry.example/gated:1"), count=3)
    world.create(good)
    world.to_minute()
    alarm = world.alarm("errors", Dimensions=world.dimensions(config=bad))
    canary = {"Type": "INSTANCE_COUNT", "Value": 1}
    routing = {"Type": "CANARY", "CanarySize": canary, "WaitIntervalInSeconds": 300}
    policy = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": 120,
            "MaximumExecutionTimeoutInSeconds": 1800,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
    }
    world.sagemaker.update_endpoint(EndpointName=world.endpoint, EndpointConfigName=bad, DeploymentConfig=policy)
    outcomes: Counter[int] = Counter()

    def back() -> bool:
        found = world.describe()
        if found["EndpointStatus"] == "InService":
            return True
        for _ in range(10):
            try:
                outcomes[world.invoke(b'{"status": 500}')["ResponseMetadata"]["HTTPStatusCode"]] += 1
            except world.local.client("sagemaker-runtime").exceptions.ModelError as error:
                outcomes[error.response["OriginalStatusCode"]] += 1
        world.advance(20)
        return False

    world.until(back, "the rollback")
    found = world.describe()
    assert found["EndpointConfigName"] == good
    assert alarm in found["FailureReason"]
    assert 0 < outcomes[500] < outcomes[200]
    assert json.loads(world.invoke()["Body"])["VERSION"] == "good"


def test_batch_of_many_lines_in_single_records(world: Any, trained: Any, archive: str) -> None:
    """Split by line, one record in a request: 500 of the workshop's 50,000 lines."""
    s3, prefix = world.local.client("s3"), f"in/{world.prefix}/"
    rows = trained.csv.splitlines() * 125
    s3.put_object(Bucket="models", Key=f"{prefix}rows.csv", Body=b"\n".join(rows))
    name = f"{world.prefix}-job"
    world.sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=world.model("model", XGBOOST, archive),
        BatchStrategy="SingleRecord",
        MaxConcurrentTransforms=4,
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://models/{prefix}"}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        TransformOutput={
            "S3OutputPath": f"s3://models/out/{world.prefix}",
            "Accept": "text/csv",
            "AssembleWith": "Line",
        },
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )

    def over() -> bool:
        world.advance(1)
        found = world.sagemaker.describe_transform_job(TransformJobName=name)["TransformJobStatus"]
        assert found in ("InProgress", "Completed")
        return bool(found == "Completed")

    world.until(over, "the end of the job")
    lines = s3.get_object(Bucket="models", Key=f"out/{world.prefix}/rows.csv.out")["Body"].read().decode().split()
    assert [float(each) for each in lines] == pytest.approx(trained.expected * 125, rel=1e-5)
