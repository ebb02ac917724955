"""Kinds of endpoints under a stepped clock: guarded updates, inference components, sessions, transform jobs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

CONTAINER, GATED = "registry.example/container:1", "registry.example/gated:1"


def canary(*alarms: str, wait: int = 120) -> dict[str, Any]:
    routing = {
        "Type": "CANARY",
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
        "WaitIntervalInSeconds": wait,
    }
    watched = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": each} for each in alarms]}} if alarms else {}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}} | watched


def stages(world: Any) -> list[str]:
    """Every stage of the pending variant until nothing is pending, once each."""
    found: list[str] = []

    def over() -> bool:
        pending = world.describe().get("PendingDeploymentSummary")
        if pending is None:
            return True
        stage = pending["ProductionVariants"][0]["VariantStatus"][0]["Status"]
        if stage not in found:
            found.append(stage)
        world.advance(5)
        return False

    world.until(over, "the end of the deployment")
    return found


def update(world: Any, config: str, policy: dict[str, Any]) -> None:
    world.sagemaker.update_endpoint(EndpointName=world.endpoint, EndpointConfigName=config, DeploymentConfig=policy)


def serverless(world: Any, name: str, version: str) -> str:
    config = f"{world.prefix}-{name}"
    variant = {
        "VariantName": "a",
        "ModelName": world.model(f"model-of-{name}", CONTAINER, VERSION=version),
        "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 2},
    }
    world.sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[variant])
    return config


def test_a_guarded_update_of_a_serverless_endpoint_is_all_at_once_without_baking(world: Any) -> None:
    """Guardrails are for real-time and asynchronous endpoints; an alarm does not hold a serverless one back."""
    world.create(serverless(world, "old", "1"))
    alarm = world.alarm("errors")
    world.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="asked for")
    update(world, serverless(world, "new", "2"), canary(alarm))
    assert "Baking" not in stages(world)
    found = world.settled()
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", f"{world.prefix}-new")
    assert json.loads(world.invoke()["Body"])["VERSION"] == "2"


def test_a_guarded_update_of_an_asynchronous_endpoint_bakes_and_loses_no_request(world: Any, asynchronous: Any) -> None:
    asynchronous.create(count=2)
    asynchronous.send(3)
    update(world, asynchronous.config("new", count=2), canary())
    asynchronous.open()
    assert "Baking" in stages(world)
    asynchronous.send(3)
    assert world.settled()["EndpointConfigName"] == f"{world.prefix}-new"
    asynchronous.results(6)


def test_an_alarm_brings_an_asynchronous_endpoint_back(world: Any, asynchronous: Any) -> None:
    asynchronous.create()
    asynchronous.open()
    alarm = world.alarm("failures", MetricName="InvocationFailures")
    update(world, asynchronous.config("new"), canary(alarm))

    def baking() -> bool:
        pending = world.describe()["PendingDeploymentSummary"]["ProductionVariants"][0]
        if pending["VariantStatus"][0]["Status"] == "Baking":
            return True
        world.advance(1)
        return False

    world.until(baking, "baking")
    asynchronous.send(4)
    asynchronous.results(4)
    world.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="asked for")
    stages(world)
    found = world.settled()
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", f"{world.prefix}-config")
    assert alarm in found["FailureReason"]


def test_an_asynchronous_endpoint_stays_one(world: Any, asynchronous: Any) -> None:
    asynchronous.create(image="local://echo")
    config = world.config("real-time", world.model("model"))
    with pytest.raises(ClientError, match="The AsyncInferenceConfig parameter cannot be removed from this endpoint"):
        world.sagemaker.update_endpoint(EndpointName=world.endpoint, EndpointConfigName=config)


def test_components_go_by_the_stepped_clock(world: Any, components: Any) -> None:
    components.endpoint()
    world.sagemaker.create_inference_component(
        InferenceComponentName=components.name("one"),
        EndpointName=world.endpoint,
        VariantName="a",
        RuntimeConfig={"CopyCount": 1},
        Specification={
            "Container": {"Image": "local://echo"},
            "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 128},
        },
    )
    assert components.describe("one")["InferenceComponentStatus"] == "Creating"
    world.advance(1)
    assert components.describe("one")["InferenceComponentStatus"] == "Creating"
    assert components.settled("one") == "InService"
    world.sagemaker.update_inference_component_runtime_config(
        InferenceComponentName=components.name("one"), DesiredRuntimeConfig={"CopyCount": 3}
    )
    assert components.describe("one")["InferenceComponentStatus"] == "Updating"
    assert components.settled("one") == "InService"
    assert components.describe("one")["RuntimeConfig"] == {"DesiredCopyCount": 3, "CurrentCopyCount": 3}
    world.sagemaker.delete_inference_component(InferenceComponentName=components.name("one"))
    assert components.describe("one")["InferenceComponentStatus"] == "Deleting"


def test_a_session_stays_with_its_copy(world: Any, components: Any) -> None:
    components.endpoint()
    assert components.create("one", GATED) == components.create("two", GATED) == "InService"
    world.sagemaker.update_inference_component_runtime_config(
        InferenceComponentName=components.name("one"), DesiredRuntimeConfig={"CopyCount": 2}
    )
    assert components.settled("one") == "InService"

    def invoke(asked: dict[str, Any], short: str = "one", **fields: Any) -> dict[str, Any]:
        found: dict[str, Any] = world.invoke(
            json.dumps(asked).encode(), InferenceComponentName=components.name(short), **fields
        )
        return found

    assert len({json.loads(invoke({})["Body"])["pid"] for _ in range(40)}) == 2
    new = {"X-Amzn-SageMaker-New-Session-Id": "s1; Expires=2999-01-01T00:00:00Z"}
    home = json.loads(invoke({"headers": new}, SessionId="NEW_SESSION")["Body"])["pid"]
    assert {json.loads(invoke({}, SessionId="s1")["Body"])["pid"] for _ in range(20)} == {home}
    invoke({"headers": {"X-Amzn-SageMaker-Closed-Session-Id": "s1"}}, SessionId="s1")
    with pytest.raises(ClientError, match="Session s1 not found"):
        invoke({}, SessionId="s1")


def test_an_endpoint_keeps_its_components_in_an_update(world: Any, components: Any) -> None:
    components.endpoint()
    components.create("one", "local://echo")
    with_model = world.config("with-model", world.model("model"))
    with pytest.raises(ClientError, match=r"with inference component associated: .*-one would have no variant"):
        world.sagemaker.update_endpoint(EndpointName=world.endpoint, EndpointConfigName=with_model)
    assert world.describe()["EndpointStatus"] == "InService"
    again = f"{world.prefix}-again"
    world.sagemaker.create_endpoint_config(
        EndpointConfigName=again,
        ProductionVariants=[{"VariantName": "a", "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 2}],
        ExecutionRoleArn="arn:aws:iam::111122223333:role/serving",
    )
    assert world.update(again)["EndpointConfigName"] == again
    assert world.invoke(InferenceComponentName=components.name("one"))["Body"] == b"x"
    components.delete()
    assert world.update(with_model)["EndpointConfigName"] == with_model
    assert world.invoke()["Body"] == b"x"


def test_a_transform_job_goes_by_the_stepped_clock(world: Any) -> None:
    s3, prefix = world.local.client("s3"), f"in/{world.prefix}/"
    s3.put_object(Bucket="models", Key=f"{prefix}one", Body=b"a\nb\n")
    name = f"{world.prefix}-job"
    world.sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=world.model("model", CONTAINER),
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://models/{prefix}"}},
            "SplitType": "Line",
        },
        TransformOutput={"S3OutputPath": f"s3://models/out/{world.prefix}", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )

    def describe() -> dict[str, Any]:
        found: dict[str, Any] = world.sagemaker.describe_transform_job(TransformJobName=name)
        return found

    world.advance(1)
    assert "TransformStartTime" not in describe()

    def over() -> bool:
        world.advance(1)
        return describe()["TransformJobStatus"] != "InProgress"

    world.until(over, "the end of the job")
    found = describe()
    assert found["TransformJobStatus"] == "Completed"
    assert (found["TransformStartTime"] - found["CreationTime"]).total_seconds() >= 2
    lines = s3.get_object(Bucket="models", Key=f"out/{world.prefix}/one.out")["Body"].read().splitlines()
    assert len(lines) == 1
