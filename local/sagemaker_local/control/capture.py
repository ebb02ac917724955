"""Captured calls on their way to S3: JSON lines, a file per variant, hour and flush (AWS: Capture data)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sagemaker_local.control.state.features import CaptureContentTypeHeader, DataCapture
from sagemaker_local.router.routes import EndpointKey

log = logging.getLogger(__name__)

_MOST_LINES = 1000
_VERSION = "0"


@dataclass(frozen=True, slots=True)
class Target:
    """Where lines go: the account's bucket, and the folder of the variant and hour below DestinationS3Uri."""

    account: str
    region: str
    folder: str


def folder_of(destination: str, endpoint: str, variant: str, time: datetime) -> str:
    """``<destination>/<endpoint>/<variant>/yyyy/mm/dd/hh``, the hour being UTC's."""
    return f"{destination.rstrip('/')}/{endpoint}/{variant}/{time:%Y/%m/%d/%H}"


def file_name(time: datetime, identity: str) -> str:
    """``<minute>-<second>-<millisecond>-<identity>.jsonl``."""
    return f"{time:%M-%S}-{time.microsecond // 1000:03d}-{identity}.jsonl"


def line_of(event: Mapping[str, Any], types: CaptureContentTypeHeader) -> str:
    """One captured call, as Model Monitor reads it."""
    data = {
        name: _side(mode, event[side], types)
        for name, mode, side in (("endpointInput", "INPUT", "input"), ("endpointOutput", "OUTPUT", "output"))
        if event[side] is not None
    }
    moment = datetime.fromtimestamp(event["time"], UTC)
    metadata: dict[str, Any] = {"eventId": event["eventId"]}
    if event["inferenceId"] is not None:
        metadata["inferenceId"] = event["inferenceId"]
    if event["customAttributes"] is not None:
        metadata["customAttributes"] = [event["customAttributes"]]
    metadata["inferenceTime"] = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    return json.dumps({"captureData": data, "eventMetadata": metadata, "eventVersion": _VERSION})


def _side(mode: str, side: Sequence[str | None], types: CaptureContentTypeHeader) -> dict[str, Any]:
    content_type, encoded = side[0], side[1] or ""
    encoding, data = "BASE64", encoded
    if (text := _text_encoding(content_type or "", types)) is not None:
        with contextlib.suppress(UnicodeDecodeError):
            encoding, data = text, base64.b64decode(encoded).decode()
    return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}


def _text_encoding(content_type: str, types: CaptureContentTypeHeader) -> str | None:
    media_type = content_type.partition(";")[0].strip().lower()
    for encoding, listed in (("CSV", types.csv_content_types), ("JSON", types.json_content_types)):
        if media_type in {each.lower() for each in listed}:
            return encoding
    return None


Put = Callable[[Target, str, bytes], Awaitable[None]]
"""Writes an object of a name below the target; raises OSError."""


class CaptureWriter:
    """Collects lines and writes them every few seconds, or when there are a thousand for one file."""

    def __init__(self, config_of: Callable[[EndpointKey], DataCapture | None], put: Put, flush_seconds: float) -> None:
        self._config_of = config_of
        self._put = put
        self._seconds = flush_seconds
        self._lines: dict[Target, list[str]] = {}
        self._flushing = asyncio.Lock()
        self._due = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def captured(self, event: Mapping[str, Any]) -> None:
        """Take an event of ``router.capture``. Calls of an endpoint that is gone or captures no more are dropped."""
        config = self._config_of((event["account"], event["region"], event["endpoint"]))
        if config is None or self._closed:
            return
        moment = datetime.fromtimestamp(event["time"], UTC)
        folder = folder_of(config.destination_s3_uri, event["endpoint"], event["variant"], moment)
        lines = self._lines.setdefault(Target(event["account"], event["region"], folder), [])
        lines.append(line_of(event, config.capture_content_type_header))
        if len(lines) >= _MOST_LINES:
            self._due.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await self._due.wait()
            self._due.clear()
            await self.flush()

    async def flush(self) -> None:
        """Write everything captured so far."""
        async with self._flushing:
            waiting, self._lines = self._lines, {}
            for target, lines in waiting.items():
                name = file_name(datetime.now(UTC), str(uuid.uuid4()))
                try:
                    await self._put(target, name, "".join(f"{each}\n" for each in lines).encode())
                except OSError as error:
                    log.warning("%d captured calls are lost: %s", len(lines), error)

    async def close(self) -> None:
        """Write the rest; what is captured from now on is dropped."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.flush()
