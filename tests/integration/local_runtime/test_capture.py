"""Data capture through unchanged boto3: what lands in S3."""

from __future__ import annotations

import json
from typing import Any


def settings(world: Any, **fields: Any) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://data/captured-{world.prefix}",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
    } | fields


def lines(world: Any) -> list[dict[str, Any]]:
    files = world.local.objects(f"captured-{world.prefix}")
    return [json.loads(line) for body in files.values() for line in body.splitlines()]


def test_calls_are_lines_below_endpoint_variant_and_hour(world: Any) -> None:
    world.create(world.config(DataCaptureConfig=settings(world)))
    assert world.describe()["DataCaptureConfig"] == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://data/captured-{world.prefix}",
        "KmsKeyId": "",
    }
    config = world.sagemaker.describe_endpoint_config(EndpointConfigName=world.describe()["EndpointConfigName"])
    assert config["DataCaptureConfig"] == settings(world)
    world.invoke(b"1,2", ContentType="text/csv", InferenceId="id-1", CustomAttributes="mine")
    world.invoke({"say": "yes", "type": "text/csv; charset=utf-8"}, ContentType="application/json")
    world.refused(world.invoke, {"status": 500})
    found = world.until(lambda: len(found := lines(world)) >= 2 and found, "two captured calls")
    assert len(found) == 2
    first, second = found
    assert first["captureData"]["endpointInput"] == {
        "observedContentType": "text/csv",
        "mode": "INPUT",
        "data": "1,2",
        "encoding": "CSV",
    }
    assert first["captureData"]["endpointOutput"]["encoding"] == "JSON"
    assert first["eventMetadata"]["inferenceId"] == "id-1"
    assert first["eventMetadata"]["customAttributes"] == ["mine"]
    assert second["captureData"]["endpointOutput"]["data"] == "yes"
    assert "inferenceId" not in second["eventMetadata"]
    [key, *_] = world.local.objects(f"captured-{world.prefix}")
    parts = key.split("/")
    assert parts[1:3] == [world.endpoint, "main"]
    assert [len(each) for each in parts[3:7]] == [4, 2, 2, 2]
    assert parts[7].endswith(".jsonl")


def test_a_stream_is_not_captured(world: Any) -> None:
    world.create(world.config(DataCaptureConfig=settings(world)))
    list(world.stream({"chunks": ["a", "b"]})["Body"])
    world.invoke(b"1", ContentType="text/csv")
    found = world.until(lambda: lines(world), "a captured call")
    assert [each["captureData"]["endpointInput"]["data"] for each in found] == ["1"]


def test_only_the_side_that_is_asked_for(world: Any) -> None:
    wanted = settings(world, CaptureOptions=[{"CaptureMode": "Output"}])
    world.create(world.config(model=world.model("local://echo"), DataCaptureConfig=wanted))
    world.invoke(b"x", ContentType="text/plain")
    [line] = world.until(lambda: lines(world), "a captured call")
    assert list(line["captureData"]) == ["endpointOutput"]
    assert line["captureData"]["endpointOutput"]["encoding"] == "BASE64"


def test_an_update_turns_it_off_and_the_status_says_so(world: Any) -> None:
    model = world.model("local://echo")
    world.create(world.config(model=model, DataCaptureConfig=settings(world)))
    world.invoke(b"on")
    world.until(lambda: lines(world), "a captured call")
    off = world.config("off", model, DataCaptureConfig=settings(world, EnableCapture=False))
    world.sagemaker.update_endpoint(EndpointName=world.endpoint, EndpointConfigName=off)
    assert world.settled()["DataCaptureConfig"]["CaptureStatus"] == "Stopped"
    world.invoke(b"off")
    again = world.config("again", model, DataCaptureConfig=settings(world))
    world.sagemaker.update_endpoint(EndpointName=world.endpoint, EndpointConfigName=again)
    world.settled()
    world.invoke(b"on again")
    world.until(lambda: len(lines(world)) == 2, "the call after capture was on again")


def test_a_missing_bucket_does_not_stop_the_calls(world: Any) -> None:
    lost = settings(world, DestinationS3Uri="s3://no-such-bucket/x")
    world.create(world.config(model=world.model("local://echo"), DataCaptureConfig=lost))
    for _ in range(3):
        assert world.invoke(b"x")["Body"] == b"x"
