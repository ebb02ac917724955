"""Requests that are not invocations, streamed to the control plane and its reply streamed back."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import httptools

from sagemaker_local.router.pool import Header

_HIGH_WATER = 1024 * 1024


class Client(Protocol):
    """The client connection that is served."""

    transport: asyncio.Transport

    def reply(self, head: bytes, body: bytes) -> None:
        """Answer without the control plane."""

    def done(self, *, keep: bool) -> None:
        """The reply has been written in full."""


class Passage:
    """One request on its way up. Body parts may come before the connection is there."""

    __slots__ = ("_chunked", "_upstream")

    def __init__(self, upstream: Upstream, chunked: bool) -> None:
        self._upstream = upstream
        self._chunked = chunked

    def body(self, data: bytes) -> None:
        """Pass on a part of the body, framed as the client framed it."""
        self._upstream.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def end(self) -> None:
        """The body is complete."""
        if self._chunked:
            self._upstream.write(b"0\r\n\r\n")


class Upstream(asyncio.Protocol):
    """The connection to the control plane that belongs to one client connection.

    A request is never repeated: to close a connection without an answer is one of the faults that a test may ask the
    control plane for, and the client must see it.
    """

    def __init__(self, address: tuple[str, int], client: Client, tasks: set[asyncio.Task[None]]) -> None:
        self._address = address
        self._client = client
        self._tasks = tasks
        self._transport: asyncio.Transport | None = None
        self._connecting = False
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._parser: Any = None
        self._head_only = False
        self._owed = False
        self._keep = False

    def begin(self, method: bytes, target: bytes, version: str, headers: list[Header]) -> Passage:
        """Send a request's head; its body follows through the passage."""
        self._parser = httptools.HttpResponseParser(self)
        self._head_only = method == b"HEAD"
        self._owed = True
        lines = [b"%b: %b\r\n" % each for each in headers if each[0] != b"expect"]
        self.write(b"%b %b HTTP/%b\r\n%b\r\n" % (method, target, version.encode(), b"".join(lines)))
        chunked = any(name == b"transfer-encoding" and b"chunked" in value.lower() for name, value in headers)
        return Passage(self, chunked)

    def write(self, data: bytes) -> None:
        """Send now, or once connected. A client that sends faster than the control plane reads is made to wait."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
            return
        self._waiting.append(data)
        self._waiting_size += len(data)
        if self._waiting_size > _HIGH_WATER:
            self._client.transport.pause_reading()
        if not self._connecting:
            self._connecting = True
            task = asyncio.get_running_loop().create_task(self._connect())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: self, *self._address)
        except OSError as error:
            self._owed = False
            self._forget()
            body = (
                b'{"__type":"ServiceUnavailable","message":"The control plane does not answer: %b"}'
                % str(error).encode()
            )
            head = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/x-amz-json-1.1\r\n"
            self._client.reply(head, body)
        finally:
            self._connecting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a TCP connection's transport is a Transport
        waiting = b"".join(self._waiting)
        self._forget()
        transport.write(waiting)  # type: ignore[attr-defined]  # as above

    def _forget(self) -> None:
        self._waiting.clear()
        self._waiting_size = 0
        if not self._client.transport.is_closing():
            self._client.transport.resume_reading()

    def pause_writing(self) -> None:
        self._client.transport.pause_reading()

    def resume_writing(self) -> None:
        if not self._client.transport.is_closing():
            self._client.transport.resume_reading()

    def pause(self) -> None:
        """The client reads slowly."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        """The client reads again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if not self._owed:
            self.close()
            return
        self._client.transport.write(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._lost()

    def on_headers_complete(self) -> None:
        if self._head_only:
            self._complete()

    def on_message_complete(self) -> None:
        if self._owed and self._parser.get_status_code() >= 200:
            self._complete()

    def _complete(self) -> None:
        self._owed = False
        keep = self._parser.should_keep_alive()
        asyncio.get_running_loop().call_soon(self._after, keep)

    def _after(self, keep: bool) -> None:
        """Outside the parser's callback, since the next request brings a new parser."""
        if not keep:
            self.close()
        self._client.done(keep=keep)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._lost()

    def _lost(self) -> None:
        """The reply ends here, complete or not: the client is told by the end of its connection."""
        if self._owed:
            self._owed = False
            self._client.transport.close()

    def close(self) -> None:
        """The client is gone."""
        if self._transport is not None:
            self._transport.close()
