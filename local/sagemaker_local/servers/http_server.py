"""HTTP for one model: an event loop reads and writes, a thread predicts, so that /ping is answered meanwhile."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import threading
import traceback
from collections import deque
from http import HTTPStatus
from queue import SimpleQueue
from typing import Any

import httptools

from sagemaker_local.servers.app import App, Call, InferenceError, Reply

_MAX_BODY_BYTES = 100 * 1024 * 1024  # the most that batch transform may send per record
# What batch transform asks for before it sends (AWS: Use Your Own Inference Code with Batch Transform).
_EXECUTION_PARAMETERS = json.dumps(
    {"MaxConcurrentTransforms": 1, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}
).encode()
_REASONS = {each.value: each.phrase.encode() for each in HTTPStatus}


def invoke(app: App, call: Call) -> Reply:
    """The reply to a call; what the model's code raises is printed for the log and answered as 500."""
    try:
        return app.invoke(call)
    except InferenceError as error:
        print(f"{error.status} {error.message}", flush=True)  # noqa: T201 - the container's log
        return Reply(error.message.encode(), status=error.status)
    except Exception as error:  # the script is somebody else's
        trace = traceback.format_exc()
        print(trace, flush=True)  # noqa: T201 - the container's log
        return Reply(f"{error}\n{trace}".encode(), status=500)


class ModelThread:
    """Runs calls one after the other, in their order of arrival."""

    def __init__(self, app: App, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop
        self._calls: SimpleQueue[tuple[Call, Connection]] = SimpleQueue()
        threading.Thread(target=self._run, name="model", daemon=True).start()

    def submit(self, call: Call, connection: Connection) -> None:
        """The connection gets the reply on the event loop."""
        self._calls.put((call, connection))

    def _run(self) -> None:
        while True:
            call, connection = self._calls.get()
            reply = invoke(self._app, call)
            self._loop.call_soon_threadsafe(connection.answer, reply)


class Server:
    """What all connections share."""

    def __init__(self, app: App) -> None:
        self.model = ModelThread(app, asyncio.get_running_loop())
        self.connections: set[Connection] = set()
        self.stopping = asyncio.Event()
        self.idle = asyncio.Event()

    async def run(self, listener: socket.socket) -> None:
        """Serve until SIGTERM, then finish what is under way."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        server = await loop.create_server(lambda: Connection(self), sock=listener, backlog=2048)
        await self.stopping.wait()
        server.close()
        for connection in list(self.connections):
            connection.close_when_idle()
        if self.connections:
            await self.idle.wait()

    def gone(self, connection: Connection) -> None:
        """A connection has closed."""
        self.connections.discard(connection)
        if not self.connections:
            self.idle.set()


class Connection(asyncio.Protocol):
    """One client; requests are answered in order."""

    __slots__ = ("_body", "_headers", "_parser", "_server", "_size", "_target", "_transport", "_waiting")

    def __init__(self, server: Server) -> None:
        self._server = server
        self._parser: Any = httptools.HttpRequestParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._target = b""
        self._body: list[bytes] = []
        self._size = 0
        self._waiting: deque[tuple[Call | Reply, bool]] = deque()
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # set before first use

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a TCP connection's transport is a Transport
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.gone(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._transport.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            self._transport.close()

    def on_message_begin(self) -> None:
        self._headers, self._target, self._body, self._size = {}, b"", [], 0

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        if b"expect" in self._headers and not self._waiting:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size <= _MAX_BODY_BYTES:
            self._body.append(body)

    def on_message_complete(self) -> None:
        self._waiting.append((self._request(), self._parser.should_keep_alive()))
        if len(self._waiting) == 1:
            self._next()

    def _request(self) -> Call | Reply:
        method, path = self._parser.get_method(), self._target.partition(b"?")[0]
        if path == b"/ping":
            return Reply(b"\n", "application/json")
        if path == b"/execution-parameters":
            return Reply(_EXECUTION_PARAMETERS, "application/json")
        if path != b"/invocations" or method != b"POST":
            return Reply(b"Not Found", status=404)
        if self._size > _MAX_BODY_BYTES:
            return Reply(f"The body is larger than {_MAX_BODY_BYTES} bytes.".encode(), status=413)
        header = self._headers.get
        return Call(
            b"".join(self._body),
            header(b"content-type", b"").decode("latin-1"),
            header(b"accept", b"").decode("latin-1"),
            header(b"x-amzn-sagemaker-custom-attributes", b"").decode("latin-1"),
        )

    def _next(self) -> None:
        """Begin with the request whose turn it is."""
        request = self._waiting[0][0]
        if isinstance(request, Reply):
            self.answer(request)
        else:
            self._server.model.submit(request, self)

    def answer(self, reply: Reply) -> None:
        """Write the reply to the first request and go on with the next."""
        _, keep = self._waiting.popleft()
        keep = keep and not self._server.stopping.is_set()
        if not self._transport.is_closing():
            self._transport.write(
                b"HTTP/1.1 %d %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n%b\r\n%b"
                % (
                    reply.status,
                    _REASONS.get(reply.status, b"Status"),
                    reply.content_type.encode("latin-1", "replace").replace(b"\r", b"").replace(b"\n", b""),
                    len(reply.body),
                    b"" if keep else b"Connection: close\r\n",
                    reply.body,
                )
            )
        if not keep:
            self._waiting.clear()
            self._transport.close()
        elif self._waiting:
            self._next()

    def close_when_idle(self) -> None:
        """No further request is taken."""
        if not self._waiting:
            self._transport.close()
