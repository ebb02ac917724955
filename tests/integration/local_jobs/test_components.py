"""Inference components on real processes: copies, routing by name, updates under calls, guards, and nothing left."""

from __future__ import annotations

import json
import os
import signal
import threading
from dataclasses import dataclass
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

CONTAINER = "registry.example/container:1"
WORKER = "registry.example/worker:1"
ROLE = "arn:aws:iam::111122223333:role/serving"
NEEDS = {"MinMemoryRequiredInMb": 128}


@dataclass(frozen=True)
class Components:
    """An endpoint for inference components, and words for them."""

    world: Any

    def name(self, short: str) -> str:
        return f"{self.world.prefix}-{short}"

    def endpoint(self) -> None:
        config = self.name("config")
        variant = {
            "VariantName": "a",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
            "ManagedInstanceScaling": {"Status": "ENABLED", "MinInstanceCount": 1, "MaxInstanceCount": 2},
        }
        self.world.sagemaker.create_endpoint_config(
            EndpointConfigName=config, ProductionVariants=[variant], ExecutionRoleArn=ROLE
        )
        assert self.world.create(config)["EndpointStatus"] == "InService"

    def specification(self, image: str = CONTAINER, **environment: str) -> dict[str, Any]:
        return {"Container": {"Image": image, "Environment": environment}, "ComputeResourceRequirements": NEEDS}

    def begin(self, short: str, copies: int = 1, **fields: Any) -> str:
        arn: str = self.world.sagemaker.create_inference_component(
            InferenceComponentName=self.name(short),
            EndpointName=self.world.endpoint,
            VariantName="a",
            RuntimeConfig={"CopyCount": copies},
            **({"Specification": self.specification()} | fields),
        )["InferenceComponentArn"]
        return arn

    def describe(self, short: str) -> dict[str, Any]:
        found: dict[str, Any] = self.world.sagemaker.describe_inference_component(
            InferenceComponentName=self.name(short)
        )
        return found

    def settled(self, short: str) -> dict[str, Any]:
        def there() -> dict[str, Any] | None:
            found = self.describe(short)
            return found if found["InferenceComponentStatus"] in ("InService", "Failed") else None

        found: dict[str, Any] = self.world.until(there, f"a final status of {short}")
        return found

    def create(self, short: str, copies: int = 1, **fields: Any) -> dict[str, Any]:
        self.begin(short, copies, **fields)
        return self.settled(short)

    def delete(self, short: str) -> None:
        self.world.sagemaker.delete_inference_component(InferenceComponentName=self.name(short))
        self.world.until(lambda: self.name(short) not in self.listed(), "the end of the component")

    def listed(self, **fields: Any) -> list[str]:
        fields = {"EndpointNameEquals": self.world.endpoint, **fields}
        pages = self.world.sagemaker.get_paginator("list_inference_components").paginate(**fields)
        return [each["InferenceComponentName"] for page in pages for each in page["InferenceComponents"]]

    def invoke(self, short: str) -> dict[str, Any]:
        reply = self.world.invoke(InferenceComponentName=self.name(short))
        assert reply["InvokedProductionVariant"] == "a"
        told: dict[str, Any] = json.loads(reply["Body"])
        return told

    def clear(self) -> None:
        for name in self.listed():
            short = name.removeprefix(f"{self.world.prefix}-")
            self.settled(short)
            self.delete(short)


@pytest.fixture
def components(world: Any) -> Any:
    found = Components(world)
    found.endpoint()
    yield found
    found.clear()


def test_copies_are_processes_and_a_call_names_its_component(world: Any, components: Any) -> None:
    arn = components.begin("one", copies=2, Specification=components.specification(VERSION="1"))
    assert arn == f"arn:aws:sagemaker:eu-west-1:111122223333:inference-component/{components.name('one')}"
    first = components.describe("one")
    assert first["InferenceComponentStatus"] == "Creating"
    model = world.model("model", CONTAINER, VERSION="2")
    components.create("two", Specification={"ModelName": model, "ComputeResourceRequirements": NEEDS})
    found = components.settled("one")
    assert found["RuntimeConfig"] == {"DesiredCopyCount": 2, "CurrentCopyCount": 2}
    assert found["Specification"]["Container"]["DeployedImage"]["SpecifiedImage"] == CONTAINER
    assert found["EndpointArn"].endswith(f":endpoint/{world.endpoint}")
    told = [components.invoke("one") for _ in range(40)]
    assert {each["VERSION"] for each in told} == {"1"}
    assert len({each["pid"] for each in told}) == 2
    assert components.invoke("two")["VERSION"] == "2"
    assert components.listed(SortBy="Name", SortOrder="Ascending") == [components.name("one"), components.name("two")]
    variant = world.describe()["ProductionVariants"][0]
    assert variant["ManagedInstanceScaling"]["MaxInstanceCount"] == 2
    assert "DeployedImages" not in variant


def test_calls_and_endpoints_that_do_not_fit_are_refused_in_sagemakers_words(world: Any, components: Any) -> None:
    with pytest.raises(ClientError, match="Inference Component Name header is required for endpoints") as caught:
        world.invoke()
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    with pytest.raises(ClientError, match="Inference component none not found"):
        world.invoke(InferenceComponentName="none")


def test_an_ordinary_endpoint_takes_no_component(world: Any) -> None:
    world.create(world.config("ordinary", world.model("model")))
    with pytest.raises(ClientError, match="Inference Component Name header is not allowed for endpoints"):
        world.invoke(InferenceComponentName="x")
    with pytest.raises(ClientError, match="need a variant without ModelName"):
        Components(world).begin("one")


def test_guards_of_creation_and_deletion(world: Any, components: Any) -> None:
    components.begin("one")
    with pytest.raises(ClientError, match="Cannot delete in-progress inference component"):
        components.delete("one")
    components.settled("one")
    with pytest.raises(ClientError, match="Cannot delete endpoint with inference component associated"):
        world.sagemaker.delete_endpoint(EndpointName=world.endpoint)
    with pytest.raises(ClientError, match="Cannot create already existing inference component"):
        components.begin("one")
    pid = components.invoke("one")["pid"]
    components.delete("one")
    assert not psutil.pid_exists(pid)
    with pytest.raises(ClientError, match="Could not find inference component") as caught:
        components.describe("one")
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_an_update_replaces_the_copies_without_losing_a_call(world: Any, components: Any) -> None:
    components.create("one", copies=2, Specification=components.specification(VERSION="1"))
    seen: list[str] = []
    stop = threading.Event()

    def call() -> None:
        while not stop.is_set():
            seen.append(components.invoke("one")["VERSION"])

    caller = threading.Thread(target=call)
    caller.start()
    try:
        world.sagemaker.update_inference_component(
            InferenceComponentName=components.name("one"),
            Specification=components.specification(VERSION="2"),
            RuntimeConfig={"CopyCount": 1},
        )
        assert components.describe("one")["InferenceComponentStatus"] == "Updating"
        with pytest.raises(ClientError, match="Cannot update in-progress inference component"):
            world.sagemaker.update_inference_component_runtime_config(
                InferenceComponentName=components.name("one"), DesiredRuntimeConfig={"CopyCount": 3}
            )
        assert components.settled("one")["RuntimeConfig"]["CurrentCopyCount"] == 1
        world.until(lambda: seen and seen[-1] == "2", "a call to the new copies")
    finally:
        stop.set()
        caller.join()
    assert seen == sorted(seen)
    assert set(seen) == {"1", "2"}


def test_copies_come_and_go_down_to_none(world: Any, components: Any) -> None:
    components.create("one")
    for copies in (3, 0, 1):
        world.sagemaker.update_inference_component_runtime_config(
            InferenceComponentName=components.name("one"), DesiredRuntimeConfig={"CopyCount": copies}
        )
        found = components.settled("one")
        assert found["RuntimeConfig"] == {"DesiredCopyCount": copies, "CurrentCopyCount": copies}
        if copies:
            components.invoke("one")
        else:
            with pytest.raises(ClientError) as caught:
                components.invoke("one")
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
            assert caught.value.response["Error"]["Code"] == "ValidationError"
            assert "Inference Component has no capacity" in caught.value.response["Error"]["Message"]


def test_a_failed_update_keeps_what_serves(world: Any, components: Any) -> None:
    components.create("one", Specification=components.specification(VERSION="1"))
    world.sagemaker.update_inference_component(
        InferenceComponentName=components.name("one"), Specification=components.specification(MODE="crash")
    )
    found = components.settled("one")
    assert found["InferenceComponentStatus"] == "InService"
    assert f"inference component {components.name('one')} did not pass the ping" in found["FailureReason"]
    assert components.invoke("one")["VERSION"] == "1"
    world.sagemaker.update_inference_component(
        InferenceComponentName=components.name("one"), Specification=components.specification(VERSION="2")
    )
    assert "FailureReason" not in components.settled("one")


def test_a_failed_update_can_be_failed_by_a_switch(world: Any, components: Any) -> None:
    components.create("one")
    world.local.admin("POST", "switches", {"failed_component_update_keeps_serving": False})
    try:
        world.sagemaker.update_inference_component(
            InferenceComponentName=components.name("one"), Specification=components.specification(MODE="crash")
        )
        assert components.settled("one")["InferenceComponentStatus"] == "Failed"
    finally:
        world.local.admin("POST", "switches", {"failed_component_update_keeps_serving": True})


def test_calls_of_a_component_are_captured_as_its_variants(world: Any, components: Any) -> None:
    config, folder = components.name("captured"), f"captured-{world.prefix}"
    variant = {"VariantName": "a", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    world.sagemaker.create_endpoint_config(
        EndpointConfigName=config,
        ProductionVariants=[variant],
        ExecutionRoleArn=ROLE,
        DataCaptureConfig={
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://models/{folder}",
            "CaptureOptions": [{"CaptureMode": "Input"}],
        },
    )
    components.create("one")
    world.sagemaker.update_endpoint(EndpointName=world.endpoint, EndpointConfigName=config)
    world.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=world.endpoint, WaiterConfig={"Delay": 1})
    components.invoke("one")
    s3 = world.local.client("s3")
    found = world.until(
        lambda: s3.list_objects_v2(Bucket="models", Prefix=folder).get("Contents"), "a file of captured data"
    )
    assert found[0]["Key"].startswith(f"{folder}/{world.endpoint}/a/")


def test_a_failed_creation_is_failed_and_can_be_deleted(world: Any, components: Any) -> None:
    found = components.create("one", Specification=components.specification("registry.example/unknown:1"))
    assert found["InferenceComponentStatus"] == "Failed"
    assert "make sure all images" in found["FailureReason"]
    with pytest.raises(ClientError, match="its status is Failed; delete it and create it again"):
        world.sagemaker.update_inference_component(
            InferenceComponentName=components.name("one"), Specification=components.specification()
        )
    components.delete("one")


def test_a_killed_copy_is_seen_and_healed(world: Any, components: Any) -> None:
    components.create("one", copies=2)
    pid = components.invoke("one")["pid"]
    os.kill(pid, signal.SIGKILL)
    world.until(lambda: components.describe("one")["RuntimeConfig"]["CurrentCopyCount"] == 1, "a copy less")
    world.until(lambda: components.describe("one")["RuntimeConfig"]["CurrentCopyCount"] == 2, "healing")
    assert pid not in {components.invoke("one")["pid"] for _ in range(40)}


def test_an_error_of_a_copy_names_the_components_log(world: Any, components: Any) -> None:
    components.create("one", Specification=components.specification(WORKER))
    with pytest.raises(ClientError) as caught:
        world.invoke(b"bad400", InferenceComponentName=components.name("one"))
    response = caught.value.response
    group = f"/aws/sagemaker/InferenceComponents/{components.name('one')}"
    assert (response["OriginalStatusCode"], response["Error"]["Code"]) == (400, "ModelError")
    assert f":log-group:{group}:log-stream:a/i-" in response["LogStreamArn"]
    stream = response["LogStreamArn"].rpartition(":")[2]
    logs = world.local.client("logs")

    def written() -> bool:
        try:
            events = logs.get_log_events(logGroupName=group, logStreamName=stream)["events"]
        except logs.exceptions.ResourceNotFoundException:
            return False
        return "request of 6" in {each["message"] for each in events}

    world.until(written, "the line in the log")


def test_tags_of_a_component(world: Any, components: Any) -> None:
    arn = components.begin("one", Tags=[{"Key": "team", "Value": "fraud"}])
    world.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "risk"}])
    assert world.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "risk"}]
