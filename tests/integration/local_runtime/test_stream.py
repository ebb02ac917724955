"""InvokeEndpointWithResponseStream through unchanged boto3."""

from __future__ import annotations

from typing import Any

import psutil
import pytest
from botocore.exceptions import EventStreamError


def parts(reply: dict[str, Any]) -> list[bytes]:
    return [event["PayloadPart"]["Bytes"] for event in reply["Body"]]


def test_each_part_arrives_when_the_model_has_sent_it(world: Any) -> None:
    world.create(world.config())
    gate = str(world.folder / "gate")
    reply = world.stream(
        {"chunks": ["one", "two", "three"], "gate": gate, "type": "text/plain"},
        CustomAttributes="mine",
        Accept="text/plain",
    )
    assert reply["ContentType"] == "text/plain"
    assert reply["InvokedProductionVariant"] == "main"
    events = iter(reply["Body"])
    for number, expected in enumerate([b"one", b"two", b"three"]):
        assert next(events) == {"PayloadPart": {"Bytes": expected}}  # the container waits for the file until here
        (world.folder / f"gate{number}").touch()
    assert list(events) == []


def test_the_container_sees_accept_and_the_reply_has_its_custom_attributes(world: Any) -> None:
    world.create(world.config())
    reply = world.stream(
        {"headers": {"X-Amzn-SageMaker-Custom-Attributes": "from-the-container"}}, Accept="text/x", InferenceId="42"
    )
    assert reply["CustomAttributes"] == "from-the-container"
    body = b"".join(parts(reply)).decode()
    assert '"accept": "text/x"' in body
    assert '"x-amzn-sagemaker-inference-id": "42"' in body
    assert "authorization" not in body


def test_large_parts_come_whole_and_the_connection_serves_on(world: Any) -> None:
    world.create(world.config())
    text = "x" * 3_000_000
    for _ in range(3):
        assert b"".join(parts(world.stream({"chunks": [text, "end"]}))) == text.encode() + b"end"
    assert world.invoke({"say": "after"})["Body"] == b"after"


def test_a_model_that_breaks_off_is_a_model_stream_error_after_what_it_sent(world: Any) -> None:
    world.create(world.config())
    events = iter(world.stream({"chunks": ["one"], "cut": True})["Body"])
    assert next(events) == {"PayloadPart": {"Bytes": b"one"}}
    with pytest.raises(EventStreamError) as caught:
        next(events)
    error = caught.value.response["Error"]
    assert error["Code"] == "ModelStreamError"
    assert "reset or closed" in error["Message"]


def test_an_answer_that_is_not_http_is_an_internal_stream_failure(world: Any) -> None:
    world.create(world.config())
    with pytest.raises(EventStreamError) as caught:
        parts(world.stream({"chunks": ["one"], "garbage": True}))
    assert caught.value.response["Error"]["Code"] == "InternalStreamFailure"


def test_an_error_before_the_first_byte_is_a_model_error(world: Any) -> None:
    world.create(world.config())
    response = world.refused(world.stream, {"status": 500, "say": "broken"})
    assert response["Error"]["Code"] == "ModelError"
    assert response["OriginalStatusCode"] == 500
    assert response["OriginalMessage"] == "broken"


def test_a_stream_that_lasts_too_long_ends_with_an_error(start: Any, world_of: Any) -> None:
    with start("--stream-seconds", "0.5") as local:
        world = world_of(local)
        world.create(world.config())
        events = iter(world.stream({"chunks": ["one", "two"], "gate": str(world.folder / "never")})["Body"])
        assert next(events) == {"PayloadPart": {"Bytes": b"one"}}
        with pytest.raises(EventStreamError) as caught:
            next(events)
        assert caught.value.response["Error"]["Code"] == "ModelStreamError"
        (world.folder / "never0").touch()
        (world.folder / "never1").touch()


def test_a_client_that_leaves_frees_the_instance(world: Any) -> None:
    world.create(world.config())
    gate = str(world.folder / "gate")
    reply = world.stream({"chunks": ["one", "two"], "gate": gate})
    next(iter(reply["Body"]))
    [instance] = world.instances

    def connections() -> int:
        found = psutil.Process(instance["pid"]).net_connections("tcp")
        return sum(each.status == "ESTABLISHED" for each in found)

    assert connections() == 1
    reply["Body"].close()
    world.until(lambda: connections() == 0, "the end of the connection to the container")
    for number in range(2):
        (world.folder / f"gate{number}").touch()


def test_echo_streams_the_request(world: Any) -> None:
    world.create(world.config(model=world.model("local://echo")))
    reply = world.stream(b"hello", ContentType="text/plain")
    assert reply["ContentType"] == "text/plain"
    assert parts(reply) == [b"hello"]
