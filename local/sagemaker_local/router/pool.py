"""Keep-alive connections to one model server process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import httptools

Header = tuple[bytes, bytes]


class Exchange(Protocol):
    """The party that a connection reports to: one request on its way."""

    def answered(self, status: int, headers: list[Header], body: bytes) -> None:
        """A complete reply has arrived."""

    def broken(self, *, repeatable: bool, readable: bool = True) -> None:
        """No reply will come. ``repeatable``: the connection was closed before any byte of one."""

    def timed_out(self) -> None:
        """The model took longer than it may."""


class ModelConnection(asyncio.Protocol):
    """One connection; at most one request at a time."""

    __slots__ = (
        "_body",
        "_delimited",
        "_headers",
        "_parser",
        "_pool",
        "_replying",
        "deadline",
        "exchange",
        "transport",
    )

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._parser: Any = httptools.HttpResponseParser(self)
        self._headers: list[Header] = []
        self._body: list[bytes] = []
        self._replying = False
        self._delimited = False
        self.deadline = 0.0
        self.exchange: Exchange | None = None
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set before first use

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a TCP connection's transport is a Transport

    def send(self, exchange: Exchange, request: bytes, deadline: float) -> None:
        """Write a whole request; its exchange hears of the outcome exactly once."""
        self.exchange = exchange
        self.deadline = deadline
        self._replying = False
        self._pool.busy.add(self)
        if self.transport.is_closing():
            self._end(repeatable=True)
        else:
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self.exchange is None:
            self.transport.abort()
            return
        self._replying = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._end(repeatable=False, readable=False)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._delimited = any(name in (b"content-length", b"transfer-encoding") for name, _ in self._headers)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self._headers.clear()
            return
        self._finish(status, keep=self._parser.should_keep_alive())

    def _finish(self, status: int, *, keep: bool) -> None:
        exchange, self.exchange = self.exchange, None
        headers, self._headers = self._headers, []
        body = b"".join(self._body)
        self._body.clear()
        self._pool.release(self, keep=keep)
        if exchange is not None:
            exchange.answered(status, headers, body)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.exchange is not None and exc is None and self._headers and not self._delimited:
            self._finish(self._parser.get_status_code(), keep=False)  # a body that ends where the connection does
        self._end(repeatable=not self._replying)

    def _end(self, *, repeatable: bool, readable: bool = True) -> None:
        exchange, self.exchange = self.exchange, None
        self.transport.abort()
        self._pool.release(self, keep=False)
        if exchange is not None:
            exchange.broken(repeatable=repeatable, readable=readable)

    def expire(self) -> None:
        """Give up on the request under way."""
        exchange, self.exchange = self.exchange, None
        self.transport.abort()
        self._pool.release(self, keep=False)
        if exchange is not None:
            exchange.timed_out()


class Pool:
    """The connections to one address. ``references`` counts the routes that name it; at 0 nothing is kept open."""

    __slots__ = ("_on_idle", "address", "busy", "connecting", "idle", "references")

    def __init__(self, address: tuple[str, int], on_idle: Callable[[Pool], None]) -> None:
        self.address = address
        self.references = 0
        self.connecting = 0
        self.idle: list[ModelConnection] = []
        self.busy: set[ModelConnection] = set()
        self._on_idle = on_idle

    @property
    def outstanding(self) -> int:
        """Requests under way."""
        return len(self.busy) + self.connecting

    def take(self) -> ModelConnection | None:
        """A kept connection, the one used last; None when a new one is needed."""
        while self.idle:
            connection = self.idle.pop()
            if not connection.transport.is_closing():
                return connection
        return None

    async def connect(self, timeout_seconds: float, kind: type[ModelConnection] = ModelConnection) -> ModelConnection:
        """A new connection, counted as busy from now on. Raises OSError, TimeoutError among them."""
        loop = asyncio.get_running_loop()
        self.connecting += 1
        try:
            async with asyncio.timeout(timeout_seconds):
                _, connection = await loop.create_connection(lambda: kind(self), *self.address)
            self.busy.add(connection)
        finally:
            self.connecting -= 1
            if not self.outstanding:
                self._on_idle(self)
        return connection

    def hold(self) -> None:
        """A request is under way that has no connection here between its parts; ``let_go`` must follow."""
        self.connecting += 1

    def let_go(self) -> None:
        """That request is over."""
        self.connecting -= 1
        if not self.outstanding:
            self._on_idle(self)

    def release(self, connection: ModelConnection, *, keep: bool) -> None:
        """The request of this connection is over."""
        self.busy.discard(connection)
        if keep and self.references and not connection.transport.is_closing():
            self.idle.append(connection)
        else:
            connection.transport.close()
            if not keep and connection in self.idle:
                self.idle.remove(connection)
        if not self.busy and not self.connecting:
            self._on_idle(self)

    def retire(self) -> None:
        """No route names it any more: close what is idle; requests under way finish."""
        for connection in self.idle:
            connection.transport.close()
        self.idle.clear()
