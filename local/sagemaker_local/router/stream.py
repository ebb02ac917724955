"""InvokeEndpointWithResponseStream: the model's reply passed on piece by piece, as an event stream in HTTP chunks."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Protocol

from sagemaker_local.router import event_stream, replies
from sagemaker_local.router.board import EndpointTarget, VariantTarget
from sagemaker_local.router.invocation import CUSTOM_PREFIX, Invocation
from sagemaker_local.router.limits import RouterSettings
from sagemaker_local.router.pool import Header, ModelConnection, Pool

_ACCEPT = b"x-amzn-sagemaker-accept"

TIME_EXCEEDED, BROKEN = "ModelInvocationTimeExceeded", "StreamBroken"
"""ErrorCode of ModelStreamError (API reference, API_runtime_ModelStreamError)."""


class StreamClient(Protocol):
    """The client connection that is answered."""

    transport: asyncio.Transport
    stream: StreamInvocation | None

    def reply(self, head: bytes, body: bytes) -> None:
        """Answer in one piece: an error before the stream began."""

    def done(self, *, keep: bool) -> None:
        """The reply has been written in full."""


class Receiver(Protocol):
    """What a connection that streams reports to, beside the outcome."""

    def began(self, connection: StreamConnection, headers: list[Header]) -> None:
        """The head of a success has arrived."""

    def part(self, data: bytes) -> None:
        """So has a piece of its body."""


class StreamConnection(ModelConnection):
    """A connection of one request, whose reply is reported as it comes."""

    __slots__ = ("_receiver",)

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self._receiver: Receiver | None = None

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if 200 <= self._parser.get_status_code() < 300 and isinstance(self.exchange, StreamInvocation):
            self._receiver = self.exchange
            self._receiver.began(self, self._headers)

    def on_body(self, body: bytes) -> None:
        if self._receiver is not None:
            self._receiver.part(body)
        else:
            super().on_body(body)

    def _finish(self, status: int, *, keep: bool) -> None:
        super()._finish(status, keep=False)

    def abandon(self) -> None:
        """Nobody waits for the rest."""
        self.exchange = self._receiver = None
        self.transport.abort()
        self._pool.release(self, keep=False)


class StreamInvocation(Invocation):
    """One call. Errors before the first byte are those of InvokeEndpoint; after it they are events."""

    __slots__ = ("_client", "_connection", "_stream_seconds")

    def __init__(
        self,
        client: StreamClient,
        endpoint: EndpointTarget,
        variant: VariantTarget,
        request: bytes,
        settings: RouterSettings,
        tasks: set[asyncio.Task[None]],
    ) -> None:
        limits = (settings.connect_timeout_seconds, settings.model_timeout_seconds)
        super().__init__(client, endpoint, variant, request, limits, tasks)
        self._client = client
        self._stream_seconds = settings.stream_timeout_seconds
        self._connection: StreamConnection | None = None

    def _kept(self, pool: Pool) -> ModelConnection | None:
        return None

    async def _open(self, pool: Pool) -> ModelConnection:
        return await pool.connect(self._limits[0], StreamConnection)

    def began(self, connection: StreamConnection, headers: list[Header]) -> None:
        connection.deadline = self._started + self._stream_seconds
        self._connection = connection
        if self._client.transport.is_closing():
            connection.abandon()
            return
        self._client.stream = self
        self._client.transport.write(stream_head(self._variant, headers))

    def part(self, data: bytes) -> None:
        if data:
            self._write(event_stream.payload_part(data))

    def answered(self, status: int, headers: list[Header], body: bytes) -> None:
        if self._connection is None:
            super().answered(status, headers, body)
        else:
            self._end(status)

    def broken(self, *, repeatable: bool, readable: bool = True) -> None:
        if self._connection is None:
            super().broken(repeatable=repeatable, readable=readable)
            return
        if readable:
            self._write(event_stream.model_stream_error(replies.STREAM_BROKEN, BROKEN))
        else:
            self._write(event_stream.internal_stream_failure(replies.STREAM_UNREADABLE))
        self._end(0)

    def timed_out(self) -> None:
        if self._connection is None:
            super().timed_out()
            return
        text = f"The model did not finish its response within {self._stream_seconds:g} seconds."
        self._write(event_stream.model_stream_error(text, TIME_EXCEEDED))
        self._end(0)

    def _write(self, event: bytes) -> None:
        if not self._client.transport.is_closing():
            self._client.transport.write(chunk(event))

    def _end(self, status: int) -> None:
        self._variant.counter.answered(status, int((perf_counter() - self._started) * 1e6))
        self._client.stream = None
        if not self._client.transport.is_closing():
            self._client.transport.write(b"0\r\n\r\n")
            self._client.done(keep=True)

    def pause(self) -> None:
        """The client reads slowly."""
        if self._connection is not None:
            self._connection.transport.pause_reading()

    def resume(self) -> None:
        """The client reads again."""
        if self._connection is not None and not self._connection.transport.is_closing():
            self._connection.transport.resume_reading()

    def abandon(self) -> None:
        """The client is gone."""
        if self._connection is not None:
            self._connection.abandon()


def headers_for_model(headers: list[Header], custom: list[Header]) -> tuple[list[Header], list[Header]]:
    """The call's headers with Accept where a container looks for it (API shape: X-Amzn-SageMaker-Accept)."""
    wanted = [(b"accept", value) for name, value in custom if name == _ACCEPT]
    rest = [each for each in headers if each[0] != b"accept"]
    return rest + wanted, [each for each in custom if each[0] != _ACCEPT]


def stream_head(variant: VariantTarget, headers: list[Header]) -> bytes:
    """Status line and headers of a stream, the empty line included."""
    kind = next((value for name, value in headers if name == b"content-type"), b"application/octet-stream")
    passed = b"".join(b"%b: %b\r\n" % each for each in headers if each[0].startswith(CUSTOM_PREFIX))
    return (
        b"HTTP/1.1 200 OK\r\n%b%bX-Amzn-SageMaker-Content-Type: %b\r\nContent-Type: %b\r\nx-amzn-RequestId: %b\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    ) % (variant.headers, passed, kind, event_stream.CONTENT_TYPE.encode(), replies.request_id())


def chunk(data: bytes) -> bytes:
    """One chunk of HTTP's chunked transfer coding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def echo(client: StreamClient, variant: VariantTarget, headers: list[Header], body: bytes) -> None:
    """The request's own body as a stream of one part, for ``local://echo``."""
    kinds = [each for each in headers if each[0] == b"content-type"]
    part = chunk(event_stream.payload_part(body)) if body else b""
    variant.counter.answered(200, 0)
    if not client.transport.is_closing():
        client.transport.write(stream_head(variant, kinds) + part + b"0\r\n\r\n")
    client.done(keep=True)
