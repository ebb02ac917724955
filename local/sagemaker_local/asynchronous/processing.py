"""One request from its input in S3 to its result there: download, model, upload, notification."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import aiohttp

from sagemaker_local.asynchronous.counts import AsyncRecorder
from sagemaker_local.asynchronous.notification import MOST_RESPONSE_BYTES, Result, notification, topic_of
from sagemaker_local.asynchronous.request import AsyncRequest
from sagemaker_local.control.state.features import AsyncInference
from sagemaker_local.hosting.storage import DownloadError, Storage
from sagemaker_local.router import replies
from sagemaker_local.router.routes import EndpointRoute, Instance

log = logging.getLogger(__name__)

MOST_INPUT_BYTES = 1024 * 1024 * 1024
"""AWS: Asynchronous inference, payloads up to 1 GB; the response has the same limit here."""

_DOWNLOAD_SECONDS = 900.0
_CHUNK = 256 * 1024
_T = TypeVar("_T")


class InstanceGoneError(Exception):
    """The container did not answer because it is not there any more: the request may be given to another one."""


class RequestFailedError(Exception):
    """The request has failed for good; the text is its failure reason. ``response`` is what the model said."""

    def __init__(self, reason: str, response: bytes | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.response = response


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request is processed. ``instance`` None answers with the request itself (``local://echo``)."""

    route: EndpointRoute
    variant: str
    instance_id: str
    instance: Instance | None

    def container_id(self, number: int) -> str:
        """The instance's id, and the container's name where it has several."""
        found = next((each.containers for each in self.route.variants if each.name == self.variant), None)
        return f"{self.instance_id}/{found.names[number]}" if found else self.instance_id


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said, in a file."""

    path: Path
    content_type: str | None


class Processor:
    """Works on requests one by one; many at the same time. ``now`` is the clock that notifications are dated by."""

    def __init__(self, storage: Storage, folder: Path, now: Callable[[], float]) -> None:
        self._storage = storage
        self._folder = folder
        self._now = now
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.iterdir():  # of a life that ended early
            left.unlink()
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close the connections to containers."""
        await self._session.close()

    async def process(self, request: AsyncRequest, config: AsyncInference, place: Place, counts: AsyncRecorder) -> None:
        """Raises InstanceGoneError; every other outcome is written and notified."""
        given, answered = self._folder / f"{request.identity}.in", self._folder / f"{request.identity}.out"
        started = perf_counter()
        try:
            await self._input(request, given, counts)
            answer = await self._invoke(request, place, given, answered, counts)
            await self._output(request, answer, counts)
            response = await asyncio.to_thread(_beginning, answer.path)
            result = Result(content_type=answer.content_type, response=response)
            counts.add("invocations_processed")
        except RequestFailedError as error:
            await self.fail(request, config, error, counts)
            return
        finally:
            given.unlink(missing_ok=True)
            answered.unlink(missing_ok=True)
            counts.add("total_processing_time_milliseconds", (perf_counter() - started) * 1e3)
        await self.notify(request, config, result, counts)

    async def fail(
        self, request: AsyncRequest, config: AsyncInference, error: RequestFailedError, counts: AsyncRecorder
    ) -> None:
        """The request has failed: its failure object is written, its error notified."""
        counts.add("invocation_failures")
        await self._failure(request, error)
        await self.notify(request, config, Result(error.reason, response=error.response), counts)

    async def expire(self, request: AsyncRequest, config: AsyncInference, counts: AsyncRecorder) -> None:
        """The request waited too long."""
        counts.add("expired_requests")
        error = RequestFailedError("The request expired: it was in the queue for longer than RequestTTLSeconds.")
        await self._failure(request, error)
        await self.notify(request, config, Result(error.reason), counts)

    async def _input(self, request: AsyncRequest, target: Path, counts: AsyncRecorder) -> None:
        if request.input_location is None:
            await asyncio.to_thread(target.write_bytes, request.body or b"")
            return
        arguments = (request.input_location, target, *request.key[:2], MOST_INPUT_BYTES, _DOWNLOAD_SECONDS)
        try:
            downloading = _timed(asyncio.to_thread(self._storage.download, *arguments))
            counts.add("request_download_latency_microseconds", await downloading)
        except DownloadError as error:
            counts.add("request_download_failures")
            raise RequestFailedError(f"Failed to download the input {request.input_location}: {error}.") from error

    async def _invoke(
        self, request: AsyncRequest, place: Place, given: Path, target: Path, counts: AsyncRecorder
    ) -> Answer:
        if place.instance is None:
            counts.answered(200, 0)
            return Answer(given, request.content_type)
        started = perf_counter()
        status, why = 0, b""
        ports = place.instance.containers or (place.instance.port,)
        source, content_type, number = given, request.content_type, 0
        between = target.with_suffix(".between")
        try:
            async with asyncio.timeout(request.timeout):
                for number, port in enumerate(ports):
                    url = f"http://{place.instance.host}:{port}/invocations"
                    status, content_type = await self._post(request, url, source, content_type, target)
                    if number + 1 == len(ports) or not 200 <= status < 300:
                        break
                    source = _moved(target, between)
        except TimeoutError:
            why = replies.TIMED_OUT
        except aiohttp.ClientPayloadError:
            why = replies.CLOSED
        except (aiohttp.ClientConnectionError, ConnectionError) as error:
            raise InstanceGoneError(str(error)) from error
        except aiohttp.ClientError:
            why = replies.UNREADABLE
        finally:
            between.unlink(missing_ok=True)
        counts.answered(status, (perf_counter() - started) * 1e6)
        if 200 <= status < 300:
            return Answer(target, content_type)
        body = why or await asyncio.to_thread(_beginning, target)
        failure = replies.model_error(place.route, place.variant, place.container_id(number), status, body)
        raise RequestFailedError(failure.message or "", body)

    async def _post(
        self, request: AsyncRequest, url: str, given: Path, content_type: str | None, target: Path
    ) -> tuple[int, str | None]:
        headers = {
            "Content-Type": content_type,
            "Accept": request.accept,
            "X-Amzn-SageMaker-Custom-Attributes": request.custom_attributes,
            "X-Amzn-SageMaker-Inference-Id": request.inference_id,
        }
        present = {name: value for name, value in headers.items() if value is not None}
        with given.open("rb") as body, target.open("wb") as file:
            present["Content-Length"] = str(os.fstat(body.fileno()).st_size)
            async with self._session.post(url, data=body, headers=present) as response:
                async for chunk in response.content.iter_chunked(_CHUNK):
                    if file.tell() + len(chunk) > MOST_INPUT_BYTES:
                        raise RequestFailedError(f"The response is larger than {MOST_INPUT_BYTES} bytes.")
                    file.write(chunk)
                return response.status, response.headers.get("Content-Type")

    async def _output(self, request: AsyncRequest, answer: Answer, counts: AsyncRecorder) -> None:
        try:
            uploading = _timed(self._put(request, request.output_location, answer.path, answer.content_type))
            counts.add("response_upload_latency_microseconds", await uploading)
        except OSError as error:
            counts.add("response_upload_failures")
            raise RequestFailedError(f"Failed to upload the response to {request.output_location}: {error}") from error

    async def _put(self, request: AsyncRequest, url: str, body: bytes | Path, content_type: str | None) -> None:
        kind = content_type or "application/octet-stream"
        await asyncio.to_thread(self._storage.put, url, body, kind, *request.key[:2])

    async def _failure(self, request: AsyncRequest, error: RequestFailedError) -> None:
        if request.failure_location is not None:
            with contextlib.suppress(OSError):
                await self._put(request, request.failure_location, error.reason.encode(), "text/plain")

    async def notify(
        self, request: AsyncRequest, config: AsyncInference, result: Result, counts: AsyncRecorder
    ) -> None:
        """Publish to the topic that is for such a result, if there is one."""
        topic = topic_of(config, result)
        if topic is None:
            return
        message = notification(request, config, result, self._now())
        try:
            await asyncio.to_thread(self._storage.publish, topic, message, *request.key[:2])
        except OSError as error:
            counts.add("notification_failures")
            log.warning("The result of an asynchronous request was not notified: %s", error)


def _moved(path: Path, to: Path) -> Path:
    return path.replace(to)


def _beginning(path: Path) -> bytes:
    """A little more than a notification takes, so that a longer one is known to be longer."""
    with path.open("rb") as file:
        return file.read(MOST_RESPONSE_BYTES + 1)


async def _timed(work: Awaitable[_T]) -> float:
    """How many microseconds it took."""
    started = perf_counter()
    await work
    return (perf_counter() - started) * 1e6
