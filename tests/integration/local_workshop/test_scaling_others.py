"""Scaling of provisioned concurrency and of an inference component's copies."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

GATED = "registry.example/gated:1"
PROVISIONED = "sagemaker:variant:DesiredProvisionedConcurrency"
COPIES = "sagemaker:inference-component:DesiredCopyCount"


class Callers:
    """Calls that stay under way until the gate is open."""

    def __init__(self, world: Any, gate: Path, **fields: Any) -> None:
        self._world, self._gate, self._fields = world, gate, fields
        self._threads: list[threading.Thread] = []
        self.failed: list[Exception] = []

    def begin(self, count: int) -> None:
        self._threads += [threading.Thread(target=self._call) for _ in range(count)]
        for each in self._threads[-count:]:
            each.start()
        seen = Path(f"{self._gate}-seen")
        self._world.until(lambda: seen.exists() and len(seen.read_text()) == count, f"{count} calls at the containers")

    def _call(self) -> None:
        try:
            asked = {"gate": str(self._gate), "touch": f"{self._gate}-seen"}
            self._world.invoke(json.dumps(asked).encode(), **self._fields)
        except ClientError as error:
            self.failed.append(error)

    def end(self) -> None:
        self._gate.touch()
        for each in self._threads:
            each.join()


def serverless(world: Any, name: str, image: str = GATED, **fields: int) -> str:
    config = f"{world.prefix}-{name}"
    variant = {
        "VariantName": "a",
        "ModelName": world.model(f"model-of-{name}", image),
        "ServerlessConfig": {"MemorySizeInMB": 4096, "MaxConcurrency": 6} | fields,
    }
    world.sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[variant])
    return config


def test_provisioned_concurrency_follows_its_utilization(world: Any, scaled: Any, tmp_path: Path, values: Any) -> None:
    world.create(serverless(world, "config", ProvisionedConcurrency=1))
    target = scaled(f"endpoint/{world.endpoint}/variant/a", PROVISIONED, 1, 4)
    alarms = target.track(0.7, "SageMakerVariantProvisionedConcurrencyUtilization", ScaleInCooldown=0)

    def provisioned() -> int:
        found = world.describe()["ProductionVariants"][0]["DesiredServerlessConfig"]
        return int(found["ProvisionedConcurrency"])

    world.to_minute()
    of_variant = {"EndpointName": world.endpoint, "VariantName": "a"}
    for number in range(3):
        callers = Callers(world, tmp_path / f"gate{number}")
        callers.begin(2)
        callers.end()
        assert callers.failed == []
        world.advance(60)
    assert provisioned() > 1
    assert world.state(alarms[0]["AlarmName"]) == "ALARM"
    assert sum(values("ServerlessProvisionedConcurrencyInvocations", **of_variant)) == 3.0
    assert sum(values("ServerlessProvisionedConcurrencySpilloverInvocations", **of_variant)) == 3.0
    assert values("ServerlessProvisionedConcurrencyUtilization", "Maximum", **of_variant)[-1] == 2.0
    assert max(values("ServerlessConcurrentExecutionsUtilization", "Maximum", **of_variant)) == pytest.approx(2 / 6)
    world.settled()
    for _ in range(20):
        world.advance(60)
    assert provisioned() == 1
    assert {each["Description"] for each in target.activities} >= {"Setting desired provisioned concurrency to 1."}


def idle(world: Any) -> bool:
    """Whether no environment is left a minute later."""
    world.advance(60)
    return world.local.instances(world.endpoint) == []


def test_cold_then_warm_and_what_is_published_of_it(world: Any, values: Any) -> None:
    """4 GiB and at most 20 calls at a time; the first call waits for its environment, ten more do not."""
    world.create(serverless(world, "config", "registry.example/container:1", MaxConcurrency=20))
    world.to_minute()
    world.invoke()
    world.advance(60)
    of_variant = {"EndpointName": world.endpoint, "VariantName": "a"}
    (cold,) = values("ModelSetupTime", "SampleCount", **of_variant)
    assert cold == 1.0
    assert values("ModelSetupTime", "Average", **of_variant)[0] > 0
    for _ in range(10):
        world.invoke()
    world.advance(60)
    assert len(values("ModelSetupTime", "SampleCount", **of_variant)) == 1
    assert values("Invocations", **of_variant)[-2:] == [1.0, 10.0]
    for absent in ("InvocationsPerInstance", "InvocationModelErrors", "ServerlessProvisionedConcurrencyUtilization"):
        assert values(absent, **of_variant) == []
    world.until(lambda: idle(world), "the end of the idle environment")
    world.invoke()
    world.advance(60)
    assert values("ModelSetupTime", "SampleCount", **of_variant) == [1.0, 1.0]


def test_copies_follow_the_calls_of_their_component_alone(
    world: Any, components: Any, scaled: Any, values: Any
) -> None:
    components.endpoint()
    assert components.create("one") == components.create("two") == "InService"
    target = scaled(f"inference-component/{components.name('one')}", COPIES, 0, 3)
    target.track(4.0, "SageMakerInferenceComponentInvocationsPerCopy", ScaleInCooldown=60, ScaleOutCooldown=60)
    world.to_minute()
    for _ in range(3):
        for _ in range(11):
            world.invoke(InferenceComponentName=components.name("one"))
        world.invoke(InferenceComponentName=components.name("two"))
        world.advance(60)
    assert components.copies("one") == 3
    assert components.settled("one") == "InService"
    assert components.copies("two") == 1
    per_copy = values("InvocationsPerCopy", InferenceComponentName=components.name("one"))
    assert per_copy[-3:] == [11.0, 11.0, 11.0]
    assert values("Invocations", InferenceComponentName=components.name("two"))[-1] == 1.0
    for _ in range(25):
        world.advance(60)
    assert components.copies("one") == 0
    found = target.client.describe_scalable_targets(ServiceNamespace="sagemaker", ScalableDimension=COPIES)
    assert target.resource in [each["ResourceId"] for each in found["ScalableTargets"]]
    world.sagemaker.delete_inference_component(InferenceComponentName=components.name("one"))
    found = target.client.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[target.resource])
    assert found["ScalableTargets"] == []


def test_a_component_comes_from_none_by_the_calls_that_it_refuses(
    world: Any, components: Any, scaled: Any, values: Any
) -> None:
    """As AWS's page on scaling to zero instances has it: target tracking on the way in, a step on the way out."""
    components.endpoint()
    components.create("one")
    name = components.name("one")
    target = scaled(f"inference-component/{name}", COPIES, 0, 2)
    target.track(5.0, "SageMakerInferenceComponentInvocationsPerCopy", ScaleInCooldown=0)
    step = target.step(
        AdjustmentType="ChangeInCapacity",
        MetricAggregationType="Maximum",
        Cooldown=60,
        StepAdjustments=[{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
    )
    alarm = world.alarm(
        "from-zero",
        MetricName="NoCapacityInvocationFailures",
        Dimensions=[{"Name": "InferenceComponentName", "Value": name}],
        Statistic="Sum",
        Threshold=1.0,
        AlarmActions=[step],
    )
    for _ in range(20):
        world.advance(60)
    assert components.copies("one") == 0
    assert values("NoCapacityInvocationFailures", InferenceComponentName=name) == []
    world.to_minute()
    for _ in range(2):
        with pytest.raises(ClientError, match="Inference Component has no capacity to process this request"):
            world.invoke(InferenceComponentName=name)
    world.advance(60)
    assert world.state(alarm) == "ALARM"
    assert values("NoCapacityInvocationFailures", InferenceComponentName=name) == [2.0]
    assert components.settled("one") == "InService"
    assert components.copies("one") == 1
    world.invoke(InferenceComponentName=name)


def test_calls_under_way_are_a_metric_of_ten_seconds(
    world: Any, components: Any, scaled: Any, values: Any, tmp_path: Path
) -> None:
    components.endpoint()
    components.create("slow", GATED)
    target = scaled(f"inference-component/{components.name('slow')}", COPIES, 1, 2)
    target.track(1.0, "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution", ScaleInCooldown=0)
    callers = Callers(world, tmp_path / "gate", InferenceComponentName=components.name("slow"))
    callers.begin(3)
    by = {"InferenceComponentName": components.name("slow")}

    def seen() -> bool:
        world.advance(10)
        return 3.0 in values("ConcurrentRequestsPerCopy", "Maximum", 10, **by)

    try:
        world.until(seen, "three calls under way")
        world.advance(40)
        assert components.copies("slow") == 2
    finally:
        callers.end()
    assert callers.failed == []
    assert components.settled("slow") == "InService"
    world.advance(960)
    assert components.copies("slow") == 1


def test_calls_under_way_of_a_variant_that_is_scaled(world: Any, scaled: Any, values: Any) -> None:
    world.create(world.config("config", world.model("model", "registry.example/container:1")))
    of_variant = {"EndpointName": world.endpoint, "VariantName": "a"}
    world.advance(30)
    assert values("ConcurrentRequestsPerModel", "Maximum", 10, **of_variant) == []
    target = scaled(f"endpoint/{world.endpoint}/variant/a", "sagemaker:variant:DesiredInstanceCount", 1, 2)
    target.track(5.0, "SageMakerVariantConcurrentRequestsPerModelHighResolution")
    world.advance(30)
    assert set(values("ConcurrentRequestsPerModel", "Maximum", 10, **of_variant)) == {0.0}


@pytest.mark.parametrize(
    ("resource", "dimension", "said"),
    [
        ("endpoint/{e}/variant/a", COPIES, "must be inference-component/<name>"),
        ("inference-component/none", COPIES, "Could not find inference component"),
        ("inference-component/none", PROVISIONED, "must be endpoint/<name>/variant/<name>"),
    ],
)
def test_a_dimension_has_its_own_resources(world: Any, scaled: Any, resource: str, dimension: str, said: str) -> None:
    world.create(serverless(world, "config", "local://echo"))
    with pytest.raises(ClientError, match=said):
        scaled(resource.format(e=world.endpoint), dimension, 1, 2)


def test_a_dimension_has_its_own_metrics_and_minimum(world: Any, scaled: Any) -> None:
    world.create(serverless(world, "config", "local://echo"))
    resource = f"endpoint/{world.endpoint}/variant/a"
    with pytest.raises(ClientError, match="MinCapacity must be at least 1"):
        scaled(resource, PROVISIONED, 0, 2)
    target = scaled(resource, PROVISIONED, 1, 2)
    with pytest.raises(ClientError, match="is no metric of sagemaker:variant:DesiredProvisionedConcurrency"):
        target.track(10.0, "SageMakerVariantInvocationsPerInstance")
    world.settled()
