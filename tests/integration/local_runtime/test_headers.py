"""The runtime's own headers: what reaches the container, what is refused and how, sessions that stick."""

from __future__ import annotations

import json
from typing import Any

import pytest


def test_custom_attributes_and_inference_id_reach_the_container_and_come_back(world: Any) -> None:
    world.create(world.config())
    reply = world.invoke(
        {"headers": {"X-Amzn-SageMaker-Custom-Attributes": "back"}}, CustomAttributes="there", InferenceId="id-1"
    )
    seen = json.loads(reply["Body"])["headers"]
    assert seen["x-amzn-sagemaker-custom-attributes"] == "there"
    assert seen["x-amzn-sagemaker-inference-id"] == "id-1"
    assert reply["CustomAttributes"] == "back"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"InferenceId": "x" * 65}, "at 'inferenceId' failed to satisfy constraint: Member must have length less than"),
        ({"CustomAttributes": "x" * 1025}, "at 'customAttributes' failed to satisfy constraint"),
        ({"TargetVariant": "not_a_name"}, "Member must satisfy regular expression pattern: ^[a-zA-Z0-9]"),
        ({"SessionId": "no session"}, "at 'sessionId' failed to satisfy constraint"),
        ({"TargetVariant": "other"}, "Variant other not found"),
        ({"TargetModel": "a.tar.gz"}, "is not a multi-model endpoint and does not support target model header."),
        ({"TargetContainerHostname": "a"}, "is not a multi-container endpoint"),
        ({"InferenceComponentName": "a"}, "Inference Component Name header is not allowed"),
        ({"SessionId": "gone"}, "Session gone not found"),
    ],
)
def test_refused_headers(world: Any, fields: dict[str, str], said: str) -> None:
    world.create(world.config(model=world.model("local://echo")))
    response = world.refused(world.invoke, **fields)
    assert response["Error"]["Code"] == "ValidationError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert said in response["Error"]["Message"]


def test_several_violations_are_counted(world: Any) -> None:
    world.create(world.config(model=world.model("local://echo")))
    response = world.refused(world.invoke, InferenceId="x" * 65, CustomAttributes="x" * 1025)
    assert response["Error"]["Message"].startswith("2 validation errors detected: ")


def test_a_session_stays_with_its_instance_until_it_is_closed(world: Any) -> None:
    world.create(world.config(count=2))
    pids = {each["pid"] for each in world.instances}
    assert len(pids) == 2
    new = {"X-Amzn-SageMaker-New-Session-Id": "s1; Expires=2999-01-01T00:00:00Z"}
    opened = world.invoke({"headers": new}, SessionId="NEW_SESSION")
    assert opened["NewSessionId"] == "s1; Expires=2999-01-01T00:00:00Z"
    home = json.loads(opened["Body"])["pid"]
    assert {json.loads(world.invoke(SessionId="s1")["Body"])["pid"] for _ in range(20)} == {home}
    closed = world.invoke({"headers": {"X-Amzn-SageMaker-Closed-Session-Id": "s1"}}, SessionId="s1")
    assert closed["ClosedSessionId"] == "s1"
    assert "Session s1 not found" in world.refused(world.invoke, SessionId="s1")["Error"]["Message"]


def test_an_expired_session_is_refused(world: Any) -> None:
    world.create(world.config())
    new = {"X-Amzn-SageMaker-New-Session-Id": "s2; Expires=2001-01-01T00:00:00Z"}
    world.invoke({"headers": new}, SessionId="NEW_SESSION")
    assert "Session s2 not found" in world.refused(world.invoke, SessionId="s2")["Error"]["Message"]
