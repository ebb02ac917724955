"""InvokeEndpointAsync's request read and checked; what SNS is told; which instance is chosen."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.asynchronous.choosing import capacity, choose
from sagemaker_local.asynchronous.counts import METRICS, AsyncCounts, backlog
from sagemaker_local.asynchronous.notification import MOST_RESPONSE_BYTES, Result, notification, topic_of
from sagemaker_local.asynchronous.queue import Lengths
from sagemaker_local.asynchronous.request import AsyncRequest, InvalidRequestError, read_request, s3_url
from sagemaker_local.control.state.features import AsyncInference
from sagemaker_local.control.wire.decoding import decode
from sagemaker_local.router.routes import EndpointRoute, Instance, VariantRoute

KEY = ("111122223333", "eu-west-1", "fraud")
TOPIC = "arn:aws:sns:eu-west-1:111122223333"
CONFIG = decode(
    AsyncInference,
    {
        "OutputConfig": {
            "S3OutputPath": "s3://data/out/",
            "S3FailurePath": "s3://data/failed",
            "NotificationConfig": {"SuccessTopic": f"{TOPIC}:good", "ErrorTopic": f"{TOPIC}:bad"},
        }
    },
)


def read(body: bytes = b"", config: AsyncInference = CONFIG, **headers: str) -> AsyncRequest:
    named = {f"x-amzn-sagemaker-{name.replace('_', '-')}": value for name, value in headers.items()}
    return read_request(KEY, config, named, body, "id-1", 1000.0)


def test_a_request_with_everything() -> None:
    found = read(
        inputlocation="s3://data/in/1.csv",
        content_type="text/csv",
        accept="application/json",
        custom_attributes="mine",
        inference_id="mine-1",
        requestttlseconds="60",
        invocationtimeoutseconds="3600",
    )
    assert found == AsyncRequest(
        "id-1",
        KEY,
        "mine-1",
        1000.0,
        1060.0,
        3600.0,
        "s3://data/out/id-1.out",
        "s3://data/failed/id-1-error.out",
        "s3://data/in/1.csv",
        None,
        "text/csv",
        "application/json",
        "mine",
    )


def test_defaults_and_an_inline_body() -> None:
    found = read(b"1,2")
    assert (found.inference_id, found.expires, found.timeout) == ("id-1", 1000.0 + 21_600, 900.0)
    assert (found.input_location, found.body) == (None, b"1,2")
    quiet = decode(AsyncInference, {"OutputConfig": {"S3OutputPath": "s3://data"}})
    assert read(b"x", quiet).failure_location is None
    assert (
        read(b"x", filename="mine.json", s3outputpathextension="a/b/").output_location == "s3://data/out/a/b/mine.json"
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"inputlocation": "ftp://x/y"}, "at 'inputLocation' failed to satisfy constraint: Member must satisfy"),
        ({"inputlocation": "s3://b/" + "x" * 1100}, "less than or equal to 1024"),
        (
            {"requestttlseconds": "59"},
            "at 'requestTTLSeconds' failed to satisfy constraint: Member must have value greater",
        ),
        ({"requestttlseconds": "21601"}, "less than or equal to 21600"),
        ({"invocationtimeoutseconds": "0"}, "greater than or equal to 1"),
        ({"invocationtimeoutseconds": "3601"}, "less than or equal to 3600"),
        ({"invocationtimeoutseconds": "soon"}, "be an integer"),
        ({"inference_id": "x" * 65}, "at 'inferenceId'"),
        ({"filename": "a.b.c"}, "at 'filename'"),
        ({"s3outputpathextension": "s3://x"}, "at 's3OutputPathExtension'"),
    ],
)
def test_violations(fields: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(**{"inputlocation": "s3://data/in"} | fields)
    [violation] = caught.value.violations
    assert said in violation


def test_exactly_one_input() -> None:
    for body, fields in ((b"", {}), (b"x", {"inputlocation": "s3://data/in"})):
        with pytest.raises(InvalidRequestError, match="Exactly one of InputLocation and Body"):
            read(body, **fields)
    with pytest.raises(InvalidRequestError) as caught:
        read(b"x" * 128_001)
    assert "less than or equal to 128000" in caught.value.violations[0]


@pytest.mark.parametrize(
    ("given_as", "expected"),
    [
        ("s3://b/k", "s3://b/k"),
        ("https://b.s3.eu-west-1.amazonaws.com/a%20b/c", "s3://b/a b/c"),
        ("https://my.bucket.s3.amazonaws.com/k", "s3://my.bucket/k"),
        ("https://s3.eu-west-1.amazonaws.com/b/k", "s3://b/k"),
        ("https://example.com/k", "https://example.com/k"),
    ],
)
def test_objects_named_as_urls(given_as: str, expected: str) -> None:
    assert s3_url(given_as) == expected


def told(result: Result, config: AsyncInference = CONFIG) -> dict[str, Any]:
    request = read(inputlocation="s3://data/in/1.csv", content_type="text/csv")
    found: dict[str, Any] = json.loads(notification(request, config, result, 1001.5))
    return found


def test_the_notification_of_a_success() -> None:
    assert told(Result(content_type="application/json", response=b"1")) == {
        "awsRegion": "eu-west-1",
        "eventTime": "1970-01-01T00:16:41.500Z",
        "receivedTime": "1970-01-01T00:16:40.000Z",
        "invocationStatus": "Completed",
        "requestParameters": {
            "contentType": "text/csv",
            "endpointName": "fraud",
            "inputLocation": "s3://data/in/1.csv",
        },
        "responseParameters": {"contentType": "application/json", "outputLocation": "s3://data/out/id-1.out"},
        "inferenceId": "id-1",
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    assert topic_of(CONFIG, Result()) == f"{TOPIC}:good"


def test_the_notification_of_a_failure() -> None:
    found = told(Result("it broke"))
    assert (found["invocationStatus"], found["failureReason"]) == ("Failed", "it broke")
    assert found["responseParameters"] == {"outputLocation": "s3://data/failed/id-1-error.out"}
    assert topic_of(CONFIG, Result("it broke")) == f"{TOPIC}:bad"
    silent = decode(AsyncInference, {"OutputConfig": {"S3OutputPath": "s3://data"}})
    assert topic_of(silent, Result()) is None


def test_the_response_is_included_where_it_is_asked_for_and_small() -> None:
    notify = replace(
        CONFIG.output_config.notification_config or pytest.fail("it has one"),
        include_inference_response_in=("SUCCESS_NOTIFICATION_TOPIC",),
    )
    config = replace(CONFIG, output_config=replace(CONFIG.output_config, notification_config=notify))
    assert base64.b64decode(told(Result(response=b"12"), config)["responseBody"]["content"]) == b"12"
    assert "responseBody" not in told(Result("broken", response=b"12"), config)
    assert "responseBody" not in told(Result(response=b"1" * (MOST_RESPONSE_BYTES + 1)), config)


ROUTE = EndpointRoute(
    *KEY,
    "InService",
    (
        VariantRoute("a", 3, (Instance("i-1", "h", 1), Instance("i-2", "h", 2))),
        VariantRoute("b", 1, (Instance("i-3", "h", 3),)),
        VariantRoute("c", 0, (Instance("i-4", "h", 4),)),
    ),
    asynchronous=True,
)


@given(
    st.dictionaries(st.sampled_from(["i-1", "i-2", "i-3", "i-4"]), st.integers(0, 5)),
    st.integers(1, 5),
    st.floats(0, 1, exclude_max=True),
)
def test_only_instances_with_room_are_chosen_and_the_least_busy_first(
    running: dict[str, int], limit: int, point: float
) -> None:
    found = choose(ROUTE, running, limit, point)
    if found is None:
        assert all(running.get(each, 0) >= limit for each in ("i-1", "i-2", "i-3"))
        return
    assert running.get(found.instance_id, 0) < limit
    assert found.variant != "c"
    if found.variant == "a":
        assert running.get(found.instance_id, 0) == min(running.get("i-1", 0), running.get("i-2", 0))
    assert capacity(ROUTE) == 4


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 5), st.booleans())
def test_backlog(waiting: int, running: int, instances: int, counts_running: bool) -> None:
    found = backlog(Lengths(waiting, running, 5.0 if waiting else None), instances, 15.0, counts_running=counts_running)
    assert found.approximate_backlog_size == waiting + (running if counts_running else 0)
    per_instance = found.approximate_backlog_size_per_instance
    assert per_instance == (found.approximate_backlog_size / instances if instances else None)
    assert found.approximate_age_of_oldest_request == (10.0 if waiting else 0.0)
    assert found.has_backlog_without_capacity == int(waiting > 0 and instances == 0)


def test_every_count_has_its_metric() -> None:
    assert METRICS.keys() == set(AsyncCounts.__dataclass_fields__)
    assert METRICS["invocations_processed"][0] == "InvocationsProcesssed"
