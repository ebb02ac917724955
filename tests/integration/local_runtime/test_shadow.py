"""Shadow variants through unchanged boto3: copies of calls whose replies nobody gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

VARIANT = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


def config(world: Any, name: str = "config", weight: float = 1.0, shadow: str | None = None, **fields: Any) -> str:
    """Production variant ``live`` and shadow variant ``next``; ``shadow`` is its model."""
    live = {"VariantName": "live", "ModelName": shadow or world.model(name=f"{name}-live"), **VARIANT}
    beside = {"VariantName": "next", "ModelName": shadow or world.model(name=f"{name}-next"), **VARIANT}
    beside["InitialVariantWeight"] = weight
    parts = {"ProductionVariants": [live], "ShadowProductionVariants": [beside], **fields}
    world.sagemaker.create_endpoint_config(EndpointConfigName=f"{world.prefix}-{name}", **parts)
    return f"{world.prefix}-{name}"


def calls(world: Any) -> int:
    """How often a container was touched."""
    seen = world.folder / "seen"
    return len(seen.read_text()) if seen.exists() else 0


def ask(world: Any, **asked: Any) -> dict[str, Any]:
    found: dict[str, Any] = world.invoke({"touch": str(world.folder / "seen"), **asked})
    return found


def test_every_call_is_copied_and_the_clients_reply_is_the_production_variants(world: Any) -> None:
    described = world.create(config(world))
    assert [each["VariantName"] for each in described["ProductionVariants"]] == ["live"]
    assert [each["VariantName"] for each in described["ShadowProductionVariants"]] == ["next"]
    assert described["ShadowProductionVariants"][0]["CurrentInstanceCount"] == 1
    replies = [ask(world) for _ in range(5)]
    assert {each["InvokedProductionVariant"] for each in replies} == {"live"}
    assert len({json.loads(each["Body"])["pid"] for each in replies}) == 1
    world.until(lambda: calls(world) == 10, "five calls and five copies")
    shown = world.sagemaker.describe_endpoint_config(EndpointConfigName=f"{world.prefix}-config")
    assert [each["VariantName"] for each in shown["ShadowProductionVariants"]] == ["next"]


def test_a_weight_of_nothing_copies_nothing_until_it_is_changed(world: Any) -> None:
    world.create(config(world, weight=0.0))
    for _ in range(5):
        ask(world)
    assert calls(world) == 5
    world.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=world.endpoint, DesiredWeightsAndCapacities=[{"VariantName": "next", "DesiredWeight": 1.0}]
    )
    assert world.settled()["ShadowProductionVariants"][0]["CurrentWeight"] == 1.0
    ask(world)
    world.until(lambda: calls(world) == 7, "a call and a copy")


def test_the_client_does_not_wait_for_the_copy_nor_see_its_failure(world: Any) -> None:
    gate = world.folder / "gate"
    held = world.model(name="held", HOLD=str(gate), STATUS="500")
    beside = {"VariantName": "next", "ModelName": held, **VARIANT}
    world.create(config(world, ShadowProductionVariants=[beside]))
    assert [ask(world)["ResponseMetadata"]["HTTPStatusCode"] for _ in range(3)] == [200] * 3
    world.until(lambda: calls(world) == 6, "the copies at the shadow variant")
    gate.touch()
    ask(world)


def test_a_shadow_variant_cannot_be_called(world: Any) -> None:
    world.create(config(world))
    response = world.refused(world.invoke, TargetVariant="next")
    assert "Variant next not found" in response["Error"]["Message"]


def test_copies_are_counted_and_captured_as_the_shadow_variants(start: Any, world_of: Any) -> None:
    with start("--clock", "manual") as local:
        world = world_of(local)
        capture = {
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": "s3://data/captured",
            "CaptureOptions": [{"CaptureMode": "Input"}],
        }
        name = config(world, DataCaptureConfig=capture)
        world.sagemaker.create_endpoint(EndpointName=world.endpoint, EndpointConfigName=name)

        def serves() -> bool:
            local.admin("POST", "clock", {"advanceSeconds": 1})
            return bool(world.describe()["EndpointStatus"] == "InService")

        world.until(serves, "a serving endpoint")
        ask(world)
        prefixes = [f"captured/{world.endpoint}/{each}/" for each in ("live", "next")]
        world.until(lambda: all(local.objects(each) for each in prefixes), "a capture of each variant")
        local.admin("POST", "clock", {"advanceSeconds": 120})
        cloudwatch, now = local.client("cloudwatch"), local.admin("GET", "clock")["now"]
        dimensions = [{"Name": "EndpointName", "Value": world.endpoint}, {"Name": "VariantName", "Value": "next"}]
        found = cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName="Invocations",
            Dimensions=dimensions,
            StartTime=now - 600,
            EndTime=now + 60,
            Period=60,
            Statistics=["Sum"],
        )
        assert sum(each["Sum"] for each in found["Datapoints"]) == 1


def test_an_update_brings_a_shadow_variant_and_takes_it_away(world: Any) -> None:
    plain = {"ProductionVariants": [{"VariantName": "live", "ModelName": world.model(name="plain"), **VARIANT}]}
    world.sagemaker.create_endpoint_config(EndpointConfigName=f"{world.prefix}-plain", **plain)
    world.create(f"{world.prefix}-plain")
    for name, shadows, expected in ((config(world), ["next"], 2), (f"{world.prefix}-plain", [], 3)):
        world.sagemaker.update_endpoint(EndpointName=world.endpoint, EndpointConfigName=name)
        described = world.settled()
        assert described["EndpointConfigName"] == name
        assert [each["VariantName"] for each in described.get("ShadowProductionVariants", ())] == shadows
        ask(world)
        world.until(lambda expected=expected: calls(world) == expected, "the calls")
    world.until(lambda: len(world.instances) == 1, "the end of the shadow variant")


def test_a_rolling_update_has_one_production_variant_beside_its_shadow(world: Any) -> None:
    world.create(config(world))
    batch = {"MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50}, "WaitIntervalInSeconds": 0}
    second = config(world, "second")
    world.sagemaker.update_endpoint(
        EndpointName=world.endpoint, EndpointConfigName=second, DeploymentConfig={"RollingUpdatePolicy": batch}
    )
    described = world.settled()
    assert described["EndpointConfigName"] == second
    assert [each["CurrentInstanceCount"] for each in described["ShadowProductionVariants"]] == [1]
    ask(world)
    world.until(lambda: calls(world) == 2, "a call and a copy")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://data/o"}}}, "AsyncInferenceConfig"),
        ({"ProductionVariants": "two"}, "has exactly one of each"),
        ({"ShadowProductionVariants": "serverless"}, "ServerlessConfig"),
        ({"ShadowProductionVariants": "pipeline"}, "several containers"),
        ({"ShadowProductionVariants": "inf1"}, "ml.inf1.xlarge"),
        ({"ShadowProductionVariants": "same"}, "is given twice"),
    ],
)
def test_what_does_not_go_with_a_shadow_variant_is_refused(world: Any, fields: dict[str, Any], words: str) -> None:
    one = world.model(name="one", image="local://echo")
    world.sagemaker.create_model(ModelName=f"{world.prefix}-two", Containers=[{"Image": "local://echo"}] * 2)
    serverless = {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}
    variants = {
        "two": [{"VariantName": each, "ModelName": one, **VARIANT} for each in ("live", "other")],
        "serverless": [{"VariantName": "next", "ModelName": one, **serverless}],
        "pipeline": [{"VariantName": "next", "ModelName": f"{world.prefix}-two", **VARIANT}],
        "inf1": [{"VariantName": "next", "ModelName": one, **VARIANT, "InstanceType": "ml.inf1.xlarge"}],
        "same": [{"VariantName": "live", "ModelName": one, **VARIANT}],
    }
    asked = {name: variants[value] if isinstance(value, str) else value for name, value in fields.items()}
    response = world.refused(config, world, shadow=one, **asked)
    assert response["Error"]["Code"] == "ValidationException"
    assert words in response["Error"]["Message"]
