"""Inference pipelines and direct invocation through unchanged boto3, each container a process of its own."""

from __future__ import annotations

import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

CONTAINER = "registry.example/container:1"


def model(world: Any, *names: str | None, mode: str | None = None, image: str = CONTAINER) -> str:
    containers = [{"Image": image} | ({} if each is None else {"ContainerHostname": each}) for each in names]
    execution = {} if mode is None else {"InferenceExecutionConfig": {"Mode": mode}}
    name = f"{world.prefix}-several"
    world.sagemaker.create_model(ModelName=name, Containers=containers, **execution)
    return name


def nested(*steps: dict[str, Any]) -> dict[str, Any]:
    """What makes each container say the next one's request."""
    first, *rest = steps
    return {**first, "say": json.dumps(nested(*rest))} if rest else first


def logged(world: Any) -> set[str]:
    logs = world.local.client("logs")
    group = f"/aws/sagemaker/Endpoints/{world.endpoint}"
    try:
        return {each["logStreamName"] for each in logs.describe_log_streams(logGroupName=group)["logStreams"]}
    except logs.exceptions.ResourceNotFoundException:
        return set()


def test_a_pipeline_gives_each_reply_to_the_next_container(world: Any) -> None:
    world.create(world.config(model=model(world, "pre", "main", "post")))
    reply = world.invoke(nested({"type": "text/one"}, {"type": "text/two"}, {}), ContentType="text/zero", Accept="a/b")
    seen = json.loads(reply["Body"])
    assert seen["headers"]["content-type"] == "text/two"
    assert seen["headers"]["accept"] == "a/b"
    second = world.invoke(nested({}, {"type": "text/two"}, {"say": "the end", "type": "text/end"}), ContentType="t/z")
    assert (second["Body"], second["ContentType"]) == (b"the end", "text/end")
    [instance] = world.instances
    assert len(set(instance["containerPorts"])) == 3
    described = world.sagemaker.describe_model(ModelName=f"{world.prefix}-several")
    assert [each["ContainerHostname"] for each in described["Containers"]] == ["pre", "main", "post"]
    assert len(world.describe()["ProductionVariants"][0]["DeployedImages"]) == 3


def test_the_error_of_an_inner_container_names_it_and_ends_the_call(world: Any) -> None:
    world.create(world.config(model=model(world, "pre", None, "post")))
    touched = world.folder / "touched"
    refusing = {"status": 422, "say": json.dumps({"touch": str(touched)})}
    response = world.refused(world.invoke, {"say": json.dumps(refusing)})
    assert (response["Error"]["Code"], response["OriginalStatusCode"]) == ("ModelError", 422)
    assert response["OriginalMessage"] == refusing["say"]
    assert "Received client error (422) from container-2 with message" in response["Error"]["Message"]
    assert response["LogStreamArn"].endswith("/container-2")
    assert not touched.exists()


def test_each_containers_output_has_a_log_stream(world: Any) -> None:
    world.create(world.config(model=model(world, "pre", "post")))
    [instance] = world.instances
    os.kill(instance["pid"], signal.SIGKILL)
    world.until(lambda: f"main/{instance['id']}/pre" in logged(world), "the first container's stream")
    assert f"main/{instance['id']}/post" not in logged(world)


def test_an_instance_with_a_dead_container_gets_no_calls_until_it_is_healed(world: Any) -> None:
    world.create(world.config(model=model(world, "pre", "post")))
    seen = json.loads(world.invoke(nested({}, {}))["Body"])
    os.kill(seen["pid"], signal.SIGKILL)

    def healed() -> int | None:
        try:
            found: int = json.loads(world.invoke(nested({}, {}))["Body"])["pid"]
        except world.runtime.exceptions.ClientError:
            return None
        return found

    assert world.until(healed, "a healed pipeline") != seen["pid"]


def test_an_update_loses_no_call_that_is_between_containers(world: Any) -> None:
    world.create(world.config(model=model(world, "pre", "post")))
    stop, outcomes = threading.Event(), []

    def call() -> None:
        while not stop.is_set():
            outcomes.append(world.invoke(nested({}, {"say": "done"}))["Body"])

    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(call) for _ in range(2)]
        world.sagemaker.update_endpoint(
            EndpointName=world.endpoint,
            EndpointConfigName=world.config("second", model=f"{world.prefix}-several"),
        )
        world.settled()
        before = len(outcomes)
        world.until(lambda: len(outcomes) > before, "a call after the update")
        stop.set()
        for each in calls:
            each.result()
    assert set(outcomes) == {b"done"}


def test_a_direct_call_goes_to_the_container_that_it_names(world: Any) -> None:
    world.create(world.config(model=model(world, "one", "two", mode="Direct")))
    pids = {
        name: {json.loads(world.invoke(TargetContainerHostname=name)["Body"])["pid"] for _ in range(5)}
        for name in ("one", "two")
    }
    assert [len(each) for each in pids.values()] == [1, 1]
    assert pids["one"] != pids["two"]
    response = world.refused(world.invoke, {"status": 500, "say": "oh"}, TargetContainerHostname="two")
    assert "Received server error (500) from two with message" in response["Error"]["Message"]
    assert response["LogStreamArn"].endswith("/two")
    described = world.sagemaker.describe_model(ModelName=f"{world.prefix}-several")
    assert described["InferenceExecutionConfig"] == {"Mode": "Direct"}


def test_a_direct_call_must_name_a_container_that_is_there(world: Any) -> None:
    world.create(world.config(model=model(world, "one", "two", mode="Direct")))
    missing = world.refused(world.invoke)
    assert missing["Error"]["Code"] == "ValidationError"
    assert "is missing a target container hostname header" in missing["Error"]["Message"]
    absent = world.refused(world.invoke, TargetContainerHostname="three")
    assert "It has: one, two." in absent["Error"]["Message"]


def test_a_pipeline_takes_no_target_container(world: Any) -> None:
    world.create(world.config(model=model(world, "one", "two", mode="Serial")))
    response = world.refused(world.invoke, TargetContainerHostname="one")
    assert "is not a multi-container endpoint" in response["Error"]["Message"]
    stream = world.refused(world.stream, {})
    assert "does not support InvokeEndpointWithResponseStream" in stream["Error"]["Message"]


def test_a_direct_container_answers_streams_too(world: Any) -> None:
    world.create(world.config(model=model(world, "one", "two", mode="Direct")))
    reply = world.stream({"chunks": ["a", "b"]}, TargetContainerHostname="two")
    assert b"".join(each["PayloadPart"]["Bytes"] for each in reply["Body"]) == b"ab"


def test_several_echoes_need_no_process(world: Any) -> None:
    world.create(world.config(model=model(world, "one", "two", image="local://echo")))
    assert world.invoke(b"hello")["Body"] == b"hello"


def test_a_container_that_is_never_healthy_is_named(world: Any) -> None:
    name = f"{world.prefix}-bad"
    bad = {"Image": CONTAINER, "ContainerHostname": "second", "Environment": {"MODE": "crash"}}
    world.sagemaker.create_model(ModelName=name, Containers=[{"Image": CONTAINER}, bad])
    described = world.create(world.config(model=name))
    assert described["EndpointStatus"] == "Failed"
    assert described["FailureReason"].startswith("The second container for production variant main did not pass the")


@pytest.mark.parametrize(
    ("names", "mode", "words"),
    [
        (("a", "a"), None, "ContainerHostname a is given twice"),
        (("a", None), "Direct", "needs ContainerHostname in every container"),
    ],
)
def test_containers_that_do_not_go_together_are_refused(
    world: Any, names: tuple[str | None, ...], mode: str | None, words: str
) -> None:
    response = world.refused(model, world, *names, mode=mode)
    assert words in response["Error"]["Message"]


def test_an_asynchronous_endpoint_cannot_name_a_container(world: Any) -> None:
    name = model(world, "one", "two", mode="Direct")
    asynchronous = {"OutputConfig": {"S3OutputPath": "s3://data/out/"}}
    response = world.refused(world.config, model=name, AsyncInferenceConfig=asynchronous)
    assert "InvokeEndpointAsync has no TargetContainerHostname" in response["Error"]["Message"]
