"""Lines, places and batches of captured data."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.control.capture import CaptureWriter, Target, file_name, folder_of, line_of
from sagemaker_local.control.lifecycle.routes import capture_of
from sagemaker_local.control.state.features import CaptureContentTypeHeader, DataCapture
from sagemaker_local.control.wire.decoding import decode
from sagemaker_local.router.capture import sampled
from sagemaker_local.router.routes import CaptureRoute

TIME = datetime(2026, 3, 4, 5, 6, 7, 89_000, UTC)
TYPES = CaptureContentTypeHeader(("text/csv",), ("application/json",))
DOCUMENT = {
    "InitialSamplingPercentage": 50,
    "DestinationS3Uri": "s3://data/captured/",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}


def event(**fields: Any) -> dict[str, Any]:
    found = {"account": "1", "region": "r", "endpoint": "fraud", "variant": "main", "time": TIME.timestamp()}
    found |= {"eventId": "e", "inferenceId": None, "customAttributes": None, "input": None, "output": None}
    return found | fields


def side(body: bytes, content_type: str | None = "text/csv; charset=utf-8") -> list[str | None]:
    return [content_type, base64.b64encode(body).decode()]


def test_a_line_is_what_model_monitor_reads() -> None:
    line = line_of(event(input=side(b"1,2"), output=side(b"\xff", "image/png"), inferenceId="i"), TYPES)
    assert json.loads(line) == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv; charset=utf-8",
                "mode": "INPUT",
                "data": "1,2",
                "encoding": "CSV",
            },
            "endpointOutput": {
                "observedContentType": "image/png",
                "mode": "OUTPUT",
                "data": "/w==",
                "encoding": "BASE64",
            },
        },
        "eventMetadata": {"eventId": "e", "inferenceId": "i", "inferenceTime": "2026-03-04T05:06:07Z"},
        "eventVersion": "0",
    }


@given(st.binary(max_size=200), st.sampled_from(["text/csv", "Application/JSON;a=b", "text/plain", None]))
def test_every_body_can_be_read_back(body: bytes, content_type: str | None) -> None:
    found = json.loads(line_of(event(input=side(body, content_type)), TYPES))["captureData"]["endpointInput"]
    text = found["data"]
    assert (base64.b64decode(text) if found["encoding"] == "BASE64" else text.encode()) == body
    assert found["encoding"] == "BASE64" or content_type in ("text/csv", "Application/JSON;a=b")


def test_without_content_types_everything_is_base64() -> None:
    [found] = json.loads(line_of(event(input=side(b"1")), CaptureContentTypeHeader()))["captureData"].values()
    assert found["encoding"] == "BASE64"


def test_places() -> None:
    assert folder_of("s3://b/p/", "fraud", "main", TIME) == "s3://b/p/fraud/main/2026/03/04/05"
    assert file_name(TIME, "id") == "06-07-089-id.jsonl"


def test_modes_defaults_and_status() -> None:
    config = decode(DataCapture, DOCUMENT)
    assert config.summary["CaptureStatus"] == "Started"
    assert capture_of(config) == CaptureRoute(50, inputs=True, outputs=False)
    both = decode(DataCapture, DOCUMENT | {"CaptureOptions": [{"CaptureMode": "InputAndOutput"}]})
    assert capture_of(both) == CaptureRoute(50, inputs=True, outputs=True)
    off = decode(DataCapture, DOCUMENT | {"EnableCapture": False})
    assert (off.summary["CaptureStatus"], capture_of(off), capture_of(None)) == ("Stopped", None, None)
    assert capture_of(decode(DataCapture, DOCUMENT | {"InitialSamplingPercentage": 0})) is None


@given(st.integers(0, 100), st.floats(0, 1, exclude_max=True))
def test_sampling(percentage: int, point: float) -> None:
    assert sampled(CaptureRoute(percentage, True, True), point) == (point * 100 < percentage)
    assert not sampled(None, point)
    assert percentage < 100 or sampled(CaptureRoute(percentage, True, True), point)


def test_a_file_per_variant_and_hour_and_nothing_after_the_end() -> None:
    written: list[tuple[str, int]] = []

    async def put(target: Target, name: str, body: bytes) -> None:
        assert name.endswith(".jsonl")
        written.append((target.folder, len(body.splitlines())))

    async def go() -> None:
        writer = CaptureWriter(lambda key: decode(DataCapture, DOCUMENT) if key[2] == "fraud" else None, put, 1000)
        for variant in ("a", "b", "a"):
            writer.captured(event(variant=variant))
        writer.captured(event(time=TIME.timestamp() + 3600, variant="a"))
        writer.captured(event(endpoint="gone"))
        await writer.close()
        writer.captured(event())
        await writer.flush()

    asyncio.run(go())
    base = "s3://data/captured/fraud"
    hours = [(f"{base}/a/2026/03/04/05", 2), (f"{base}/b/2026/03/04/05", 1), (f"{base}/a/2026/03/04/06", 1)]
    assert written == hours


def test_a_thousand_lines_are_written_at_once_and_a_failure_is_survived() -> None:
    async def go() -> None:
        sizes: list[int] = []
        done = asyncio.Event()

        async def put(target: Target, name: str, body: bytes) -> None:
            sizes.append(len(body.splitlines()))
            done.set()
            raise OSError("no bucket")

        writer = CaptureWriter(lambda key: decode(DataCapture, DOCUMENT), put, 1000)
        for _ in range(1000):
            writer.captured(event())
        await done.wait()
        await writer.close()
        assert sizes == [1000]

    asyncio.run(go())
