"""Requests of a job to its model servers."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

import aiohttp

from sagemaker_local.hosting.types import InstanceState
from sagemaker_local.transform import failures
from sagemaker_local.transform.failures import ObjectFailed
from sagemaker_local.transform.spec import MEGABYTE, TransformSpec

_LOOPBACK = "127.0.0.1"
_MOST_REPLY_BYTES = 256 * MEGABYTE
_PARAMETERS_SECONDS = 2.0
_NOTICE_SECONDS = 1.0
_CHUNK = 64 * 1024


class JobFleet(Protocol):
    """What is needed of a fleet."""

    @property
    def instances(self) -> tuple[InstanceState, ...]:
        """Every instance as it is now."""

    @property
    def needs_process(self) -> bool:
        """False for the image that answers with the request."""


class Instances:
    """A job's instances, by number; a process that is being healed is waited for."""

    def __init__(self, fleet: JobFleet) -> None:
        self._fleet = fleet
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """An instance came, went or was healed."""
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def echo(self) -> bool:
        """Whether requests are their own replies."""
        return not self._fleet.needs_process

    @property
    def next_change(self) -> asyncio.Event:
        """Set when an instance comes, goes or is healed."""
        return self._changed

    async def noticed(self, change: asyncio.Event) -> None:
        """Return when a process that may have died is known to have, at the latest after a second."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_NOTICE_SECONDS):
                await change.wait()

    async def ports(self, number: int) -> tuple[int, ...]:
        """Of the instance's containers, in their order. Return once the instance can take requests."""
        while True:
            changed, instance = self._changed, self._fleet.instances[number]
            if instance.port is not None:
                return instance.containers or (instance.port,)
            await changed.wait()


class Client:
    """Sends payloads; one for each job."""

    def __init__(self, spec: TransformSpec, instances: Instances) -> None:
        self._spec = spec
        self._instances = instances
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept-Encoding", "Content-Type", "Accept"),
        )
        named = {"Content-Type": spec.content_type, "Accept": spec.accept}
        self._headers = {name: value for name, value in named.items() if value}

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def parameters(self) -> Mapping[str, Any]:
        """What the container says at ``/execution-parameters``; nothing when it has none."""
        if self._instances.echo:
            return {}
        try:
            async with asyncio.timeout(_PARAMETERS_SECONDS):
                url = f"http://{_LOOPBACK}:{(await self._instances.ports(0))[0]}/execution-parameters"
                async with self._session.get(url) as reply:
                    found = json.loads(await _limited(reply, MEGABYTE)) if reply.status == 200 else {}
        except (TimeoutError, aiohttp.ClientError, ValueError, ObjectFailed):
            return {}
        return found if isinstance(found, dict) else {}

    async def invoke(self, number: int, body: bytes, *, chunked: bool) -> bytes:
        """The reply of an instance; a failure of the server is tried again as often as the job allows.

        Raises ObjectFailed.
        """
        if self._instances.echo:
            return body
        failure = failures.no_response("")
        for _ in range(self._spec.max_retries + 1):
            changed = self._instances.next_change
            try:
                async with asyncio.timeout(self._spec.timeout_seconds):
                    status, reply = await self._post(number, body, chunked)
            except TimeoutError:
                failure = failures.no_response(f"No answer within {self._spec.timeout_seconds:g} s.")
                continue
            except (aiohttp.ClientError, OSError) as error:
                failure = failures.no_response(f"The connection ended: {error}")
                await self._instances.noticed(changed)
                continue
            if 200 <= status < 300:
                return reply
            failure = failures.bad_status(status, reply)
            if 400 <= status < 500:  # the same request again would be refused again
                break
        raise failure

    async def _post(self, number: int, body: bytes, chunked: bool) -> tuple[int, bytes]:
        """Through all containers of an instance, each getting the reply of the one before."""
        headers, status = self._headers, 200
        for port in await self._instances.ports(number):
            data = _chunks(body) if chunked else body
            url = f"http://{_LOOPBACK}:{port}/invocations"
            async with self._session.post(url, data=data, headers=headers) as reply:
                status, body = reply.status, await _limited(reply, _MOST_REPLY_BYTES)
                kind = reply.headers.get("Content-Type")
            if not 200 <= status < 300:
                break
            headers = {name: value for name, value in headers.items() if name != "Content-Type"}
            headers |= {"Content-Type": kind} if kind else {}
        return status, body


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _CHUNK):
        yield body[start : start + _CHUNK]


async def _limited(reply: aiohttp.ClientResponse, most: int) -> bytes:
    parts, size = [], 0
    async for part in reply.content.iter_any():
        size += len(part)
        if size > most:
            raise failures.no_response(f"The reply has more than {most} bytes.")
        parts.append(part)
    return b"".join(parts)
