"""Asynchronous endpoints through unchanged boto3: queue, results in S3, notifications, what survives."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest


def settings(world: Any, concurrency: int | None = None, **fields: Any) -> dict[str, Any]:
    output = {"S3OutputPath": f"s3://data/{world.prefix}/out", "S3FailurePath": f"s3://data/{world.prefix}/failed"}
    found: dict[str, Any] = {"OutputConfig": output | fields}
    if concurrency:
        found["ClientConfig"] = {"MaxConcurrentInvocationsPerInstance": concurrency}
    return found


def send(world: Any, asked: dict[str, Any], **fields: Any) -> dict[str, Any]:
    location = world.local.put(f"{world.prefix}/in/{os.urandom(8).hex()}", json.dumps(asked).encode())
    reply: dict[str, Any] = world.runtime.invoke_endpoint_async(
        EndpointName=world.endpoint, InputLocation=location, **fields
    )
    return reply


def objects(world: Any, folder: str, count: int = 1) -> list[bytes]:
    """The objects of a folder once there are so many."""

    def enough() -> list[bytes] | None:
        found = world.local.objects(f"{world.prefix}/{folder}/")
        return list(found.values()) if len(found) >= count else None

    found: list[bytes] = world.until(enough, f"{count} objects in {folder}")
    return found


def backlog(world: Any) -> dict[str, Any]:
    [found] = [each for each in world.local.admin("GET", "async")["backlogs"] if each["endpoint"] == world.endpoint]
    return found


def counts(world: Any) -> dict[str, Any]:
    [found] = [each for each in world.local.admin("GET", "async")["counts"] if each["endpoint"] == world.endpoint]
    return found


def topic(world: Any, name: str) -> tuple[str, str]:
    """A topic and the queue that gets what is published to it."""
    sns, sqs = world.local.client("sns"), world.local.client("sqs")
    arn = sns.create_topic(Name=f"{world.prefix}-{name}")["TopicArn"]
    url = sqs.create_queue(QueueName=f"{world.prefix}-{name}")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
    return arn, url.rpartition("/")[2]


def notified(world: Any, queue: str) -> dict[str, Any]:
    sqs = world.local.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    [message] = world.until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), "a notification")
    found: dict[str, Any] = json.loads(json.loads(message["Body"])["Message"])
    return found


def test_a_request_ends_as_an_object_in_s3(world: Any) -> None:
    wanted = settings(world, 2)
    config = world.config(AsyncInferenceConfig=wanted)
    assert world.create(config)["AsyncInferenceConfig"] == wanted
    described = world.sagemaker.describe_endpoint_config(EndpointConfigName=config)
    assert described["AsyncInferenceConfig"] == wanted
    reply = send(world, {}, ContentType="application/x-mine", Accept="text/x", CustomAttributes="a", InferenceId="id-1")
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert reply["InferenceId"] == "id-1"
    assert reply["OutputLocation"].startswith(f"s3://data/{world.prefix}/out/")
    assert reply["FailureLocation"].startswith(f"s3://data/{world.prefix}/failed/")
    [body] = objects(world, "out")
    assert f"s3://data/{next(iter(world.local.objects(f'{world.prefix}/out/')))}" == reply["OutputLocation"]
    seen = json.loads(body)["headers"]
    assert (seen["content-type"], seen["accept"]) == ("application/x-mine", "text/x")
    assert seen["x-amzn-sagemaker-custom-attributes"] == "a"
    assert seen["x-amzn-sagemaker-inference-id"] == "id-1"
    found = counts(world)
    assert (found["invocations_processed"], found["invocation_failures"]) == (1, 0)
    assert found["model_latency_microseconds"] > 0


def test_an_inline_body_and_echo(world: Any) -> None:
    world.create(world.config(model=world.model("local://echo"), AsyncInferenceConfig=settings(world)))
    world.runtime.invoke_endpoint_async(EndpointName=world.endpoint, Body=b"hello", Filename="mine.txt")
    assert objects(world, "out") == [b"hello"]
    assert list(world.local.objects(f"{world.prefix}/out/")) == [f"{world.prefix}/out/mine.txt"]


def test_a_failure_is_an_object_of_its_own_and_both_are_notified(world: Any) -> None:
    good, bad = topic(world, "good"), topic(world, "bad")
    notify = {"SuccessTopic": good[0], "ErrorTopic": bad[0]}
    world.create(world.config(AsyncInferenceConfig=settings(world, NotificationConfig=notify)))
    failed = send(world, {"status": 500, "say": "no luck"})
    message = notified(world, bad[1])
    assert message["invocationStatus"] == "Failed"
    assert 'Received server error (500) from primary with message "no luck"' in message["failureReason"]
    assert message["responseParameters"]["outputLocation"] == failed["FailureLocation"]
    [written] = objects(world, "failed")
    assert b"no luck" in written
    done = send(world, {"say": "luck", "type": "text/plain"})
    message = notified(world, good[1])
    assert (message["invocationStatus"], message["eventSource"]) == ("Completed", "aws:sagemaker")
    assert message["responseParameters"] == {"contentType": "text/plain", "outputLocation": done["OutputLocation"]}
    assert world.local.objects(f"{world.prefix}/out/").popitem()[1] == b"luck"


def test_a_missing_input_and_a_missing_output_bucket_are_failures(world: Any) -> None:
    world.create(world.config(AsyncInferenceConfig=settings(world, S3OutputPath="s3://no-such-bucket/x")))
    world.runtime.invoke_endpoint_async(EndpointName=world.endpoint, InputLocation="s3://data/not-there")
    assert b"Failed to download the input s3://data/not-there" in objects(world, "failed")[0]
    send(world, {})
    assert any(b"Failed to upload the response" in each for each in objects(world, "failed", 2))
    found = counts(world)
    assert (found["request_download_failures"], found["response_upload_failures"]) == (1, 1)


def test_the_model_has_its_own_time(world: Any) -> None:
    world.create(world.config(AsyncInferenceConfig=settings(world)))
    gate = world.folder / "gate"
    send(world, {"gate": str(gate)}, InvocationTimeoutSeconds=1)
    assert b"timed out" in objects(world, "failed")[0]
    gate.touch()


def test_an_instance_takes_so_many_at_a_time_and_the_rest_is_backlog(world: Any) -> None:
    world.create(world.config(AsyncInferenceConfig=settings(world, 2), count=2))
    gate, seen = world.folder / "gate", world.folder / "seen"
    for _ in range(7):
        send(world, {"gate": str(gate), "touch": str(seen)})
    world.until(lambda: seen.exists() and len(seen.read_text()) == 4, "four requests at the containers")
    found = backlog(world)
    assert found["approximate_backlog_size"] == 7
    assert found["approximate_backlog_size_per_instance"] == 3.5
    assert found["has_backlog_without_capacity"] == 0
    assert found["approximate_age_of_oldest_request"] > 0
    assert len(seen.read_text()) == 4
    gate.touch()
    objects(world, "out", 7)
    world.until(lambda: backlog(world)["approximate_backlog_size"] == 0, "an empty queue")


def test_no_instance_is_needed_to_wait_and_one_is_enough_to_go_on(world: Any) -> None:
    world.create(world.config(AsyncInferenceConfig=settings(world)))

    def scale(count: int) -> None:
        wanted = [{"VariantName": "main", "DesiredInstanceCount": count}]
        world.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=world.endpoint, DesiredWeightsAndCapacities=wanted
        )
        [variant] = world.settled()["ProductionVariants"]
        assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (count, count)

    scale(0)
    assert world.instances == []
    send(world, {})
    found = backlog(world)
    assert (found["approximate_backlog_size"], found["has_backlog_without_capacity"]) == (1, 1)
    assert found["approximate_backlog_size_per_instance"] is None
    scale(1)
    objects(world, "out")
    assert backlog(world)["has_backlog_without_capacity"] == 0


def test_scaling_in_and_updating_lose_nothing(world: Any) -> None:
    model = world.model()
    world.create(world.config(model=model, AsyncInferenceConfig=settings(world, 1), count=2))
    gate, seen = world.folder / "gate", world.folder / "seen"
    for _ in range(4):
        send(world, {"gate": str(gate), "touch": str(seen)})
    world.until(lambda: seen.exists() and len(seen.read_text()) == 2, "two requests at the containers")
    wanted = [{"VariantName": "main", "DesiredInstanceCount": 1}]
    world.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=world.endpoint, DesiredWeightsAndCapacities=wanted
    )
    gate.touch()
    world.settled()
    second = world.config("second", model, AsyncInferenceConfig=settings(world, 1))
    world.sagemaker.update_endpoint(EndpointName=world.endpoint, EndpointConfigName=second)
    world.settled()
    objects(world, "out", 4)
    assert not world.local.objects(f"{world.prefix}/failed/")
    assert len(seen.read_text()) == 4


def test_a_request_that_waited_too_long_expires(start: Any, world_of: Any) -> None:
    with start("--clock-scale", "60") as local:
        world = world_of(local)
        bad = topic(world, "bad")
        wanted = settings(world, 1, NotificationConfig={"ErrorTopic": bad[0]})
        world.create(world.config(AsyncInferenceConfig=wanted))
        gate, seen = world.folder / "gate", world.folder / "seen"
        send(world, {"gate": str(gate), "touch": str(seen)})
        world.until(seen.exists, "a request at the container")
        send(world, {}, RequestTTLSeconds=60)
        message = notified(world, bad[1])
        assert "expired" in message["failureReason"]
        assert counts(world)["expired_requests"] == 1
        gate.touch()
        assert len(objects(world, "out")) == 1


def test_each_kind_of_endpoint_refuses_the_other_kind_of_call(world: Any) -> None:
    world.create(world.config(model=world.model("local://echo"), AsyncInferenceConfig=settings(world)))
    for call in (world.invoke, world.stream):
        response = world.refused(call, b"x")
        assert response["Error"]["Code"] == "ValidationError"
        assert "use InvokeEndpointAsync" in response["Error"]["Message"]


def test_refused_calls(world: Any) -> None:
    call = world.runtime.invoke_endpoint_async
    response = world.refused(call, EndpointName="nobody", InputLocation="s3://data/x")
    assert response["Error"]["Message"] == "Endpoint nobody of account 111122223333 not found."
    world.create(world.config(model=world.model("local://echo")))
    response = world.refused(call, EndpointName=world.endpoint, InputLocation="s3://data/x")
    assert response["Error"]["Code"] == "ValidationError"
    assert "is not an asynchronous endpoint" in response["Error"]["Message"]


def test_refused_headers(world: Any) -> None:
    world.create(world.config(model=world.model("local://echo"), AsyncInferenceConfig=settings(world)))
    call = world.runtime.invoke_endpoint_async
    for fields, said in (
        ({"InputLocation": "s3://data/x", "InferenceId": "x" * 65}, "1 validation error detected: Value 'xxx"),
        ({}, "Exactly one of InputLocation and Body"),
    ):
        response = world.refused(call, EndpointName=world.endpoint, **fields)
        assert response["Error"]["Code"] == "ValidationError"
        assert said in response["Error"]["Message"]


def test_what_does_not_go_together(world: Any) -> None:
    capture = {
        "InitialSamplingPercentage": 1,
        "DestinationS3Uri": "s3://data/x",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    for fields in (
        {"AsyncInferenceConfig": {"OutputConfig": {}}},
        {"AsyncInferenceConfig": settings(world), "DataCaptureConfig": capture},
    ):
        response = world.refused(world.config, "refused", world.model(name=os.urandom(4).hex()), **fields)
        assert response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize("refused", [True, False])
def test_changing_between_real_time_and_asynchronous_is_a_switch(start: Any, world_of: Any, refused: bool) -> None:
    flags = () if refused else ("--switches", "real_time_to_asynchronous_refused=false")
    with start(*flags) as local:
        world = world_of(local)
        model = world.model("local://echo")
        world.create(world.config(model=model))
        other = world.config("other", model, AsyncInferenceConfig=settings(world))
        update = {"EndpointName": world.endpoint, "EndpointConfigName": other}
        if refused:
            message = world.refused(world.sagemaker.update_endpoint, **update)["Error"]["Message"]
            assert "from real-time to asynchronous inference" in message
        else:
            world.sagemaker.update_endpoint(**update)
            assert world.settled()["AsyncInferenceConfig"] == settings(world)
            send(world, {})
            objects(world, "out")


@pytest.mark.parametrize("running", [True, False])
def test_whether_running_requests_are_backlog_is_a_switch(start: Any, world_of: Any, running: bool) -> None:
    with start("--switches", f"backlog_counts_running={str(running).lower()}") as local:
        world = world_of(local)
        world.create(world.config(AsyncInferenceConfig=settings(world, 1)))
        gate, seen = world.folder / "gate", world.folder / "seen"
        for _ in range(3):
            send(world, {"gate": str(gate), "touch": str(seen)})
        world.until(seen.exists, "a request at the container")
        assert backlog(world)["approximate_backlog_size"] == (3 if running else 2)
        gate.touch()
        objects(world, "out", 3)


def test_the_queue_survives_the_router_and_the_death_of_an_instance(world: Any) -> None:
    world.create(world.config(AsyncInferenceConfig=settings(world, 1)))
    gate, seen = world.folder / "gate", world.folder / "seen"
    for _ in range(3):
        send(world, {"gate": str(gate), "touch": str(seen)})
    world.until(seen.exists, "a request at the container")
    router = world.local.admin("GET", "health")["pids"]["router"]
    os.kill(router, signal.SIGKILL)
    [instance] = world.instances
    os.kill(instance["pid"], signal.SIGKILL)
    gate.touch()
    objects(world, "out", 3)
    assert world.local.admin("GET", "health")["pids"]["router"] != router
    assert not world.local.objects(f"{world.prefix}/failed/")


def test_the_queue_survives_everything_on_a_state_folder(start: Any, world_of: Any, tmp_path: Path) -> None:
    flags = ("--state-dir", str(tmp_path / "state"))
    gate, seen = tmp_path / "gate", tmp_path / "seen"
    with start(*flags) as local:
        world = world_of(local)
        world.create(world.config(AsyncInferenceConfig=settings(world, 1)))
        for number in range(3):
            asked = {"gate": str(gate), "touch": str(seen), "say": str(number)}
            world.runtime.invoke_endpoint_async(EndpointName=world.endpoint, Body=json.dumps(asked).encode())
        world.until(seen.exists, "a request at the container")
    prefix = world.prefix
    with start(*flags) as local:
        again = world_of(local)
        again.prefix = prefix
        assert again.settled()["EndpointStatus"] == "InService"
        assert backlog(again)["approximate_backlog_size"] == 3
        gate.touch()
        assert sorted(objects(again, "out", 3)) == [b"0", b"1", b"2"]


def test_a_deleted_endpoint_leaves_nothing_to_its_successor(world: Any) -> None:
    model = world.model()
    config = world.config(model=model, AsyncInferenceConfig=settings(world))
    world.create(config)
    wanted = [{"VariantName": "main", "DesiredInstanceCount": 0}]
    world.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=world.endpoint, DesiredWeightsAndCapacities=wanted
    )
    world.settled()
    send(world, {})
    world.delete()
    world.create(config)
    assert backlog(world)["approximate_backlog_size"] == 0
    send(world, {})
    objects(world, "out", 1)
    assert len(world.local.objects(f"{world.prefix}/out/")) == 1


def test_a_request_goes_through_all_containers_of_a_pipeline(world: Any) -> None:
    containers = [{"Image": "registry.example/container:1", "ContainerHostname": each} for each in ("pre", "post")]
    world.sagemaker.create_model(ModelName=f"{world.prefix}-pipeline", Containers=containers)
    world.create(world.config(model=f"{world.prefix}-pipeline", AsyncInferenceConfig=settings(world)))
    send(world, {"type": "text/one", "say": "{}"}, ContentType="text/zero")
    [result] = objects(world, "out")
    assert json.loads(result)["headers"]["content-type"] == "text/one"
    send(world, {"say": json.dumps({"status": 500, "say": "no"})})
    [failure] = objects(world, "failed")
    assert b"Received server error (500) from post with message" in failure
    assert counts(world)["invocation_5xx_errors"] == 1
