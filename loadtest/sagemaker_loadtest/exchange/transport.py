"""The connections of a process to one address: opened when needed, kept, timed out."""

import _socket
import os
import re
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import gevent
import gevent.socket
from gevent.hub import get_hub

from sagemaker_loadtest.api.units import format_duration
from sagemaker_loadtest.exchange.connection import Answer, Connection, Sink
from sagemaker_loadtest.exchange.proxy import Proxy, proxy_of
from sagemaker_loadtest.exchange.tls import handshake, tls_context

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 20.0
"""Connections that were idle for longer are not used again: the other side may be about to close them."""


class Transport:
    """All connections of a process to the address of `url`, for all of its users.

    One TLS context for all, certificates verified, AWS_CA_BUNDLE honoured; TCP_NODELAY, without which a body of some
    kilobytes waits for the peer's delayed acknowledgement; HTTPS_PROXY honoured (`proxy.proxy_of`). As many connections
    are opened as there are exchanges at once: the load bounds them.
    """

    def __init__(self, url: str, *, timeout_seconds: float, environment: Mapping[str, str] = os.environ) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._context = tls_context(environment) if parts.scheme == "https" else None
        self._proxy = proxy_of(url, environment)
        self._timeout = timeout_seconds
        self._idle: list[Connection] = []
        self._deadlines: dict[Connection, float] = {}
        self._timer = get_hub().loop.timer(0)

    def send(self, head: bytes, body: bytes, sink: Sink | None = None) -> Answer:
        """One request and its reply. Never raises for what the endpoint or the network did: that is in the answer."""
        answer = Answer()
        connection = self._kept()
        if connection is None:
            answer.sent = time.perf_counter()
            try:
                connection = self._connect()
            except (OSError, gevent.Timeout) as error:
                answer.error = error if isinstance(error, OSError) else TimeoutError("no connection in time")
                answer.done = time.perf_counter()
                return answer
            answer.connect_seconds = time.perf_counter() - answer.sent
        self._deadlines[connection] = time.perf_counter() + self._timeout
        if not self._timer.active:
            self._arm(self._timeout)
        try:
            connection.exchange(head, body, answer, sink)
        finally:
            self._deadlines.pop(connection, None)
        if connection.open:
            self._idle.append(connection)
        return answer

    def connect_ahead(self, number: int) -> None:
        """Opens connections before they are needed. What cannot be opened is left to the requests to report."""

        def one() -> None:
            try:
                connection = self._connect()
            except (OSError, gevent.Timeout):
                return
            connection.idle_since = time.perf_counter()
            self._idle.append(connection)

        gevent.joinall([gevent.spawn(one) for _ in range(number)])

    def close(self) -> None:
        """Closes what is idle."""
        self._timer.stop()
        while self._idle:
            self._idle.pop().close()

    def _kept(self) -> Connection | None:
        idle = self._idle
        while idle:
            connection = idle.pop()
            if not connection.open:
                continue
            if time.perf_counter() - connection.idle_since < IDLE_SECONDS:
                return connection
            connection.close()
        return None

    def _connect(self) -> Connection:
        with gevent.Timeout(min(CONNECT_SECONDS, self._timeout)):
            host, port = (self._proxy.host, self._proxy.port) if self._proxy else (self._host, self._port)
            sock = gevent.socket.create_connection((host, port))
            try:
                sock.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
                if self._proxy:
                    _tunnel(sock, self._proxy, self._host, self._port)
                tls = handshake(sock, self._context, self._host) if self._context else None
                raw = _socket.socket(fileno=sock.detach())
            except BaseException:
                sock.close()
                raise
        raw.setblocking(False)
        return Connection(raw, tls)

    def _arm(self, seconds: float) -> None:
        self._timer.stop()
        self._timer = get_hub().loop.timer(max(0.0, seconds))
        self._timer.start(self._sweep)

    def _sweep(self) -> None:
        """Deadlines ascend, as all exchanges have the same time: one timer serves them all."""
        now = time.perf_counter()
        for connection, deadline in list(self._deadlines.items()):
            if deadline > now:
                self._arm(deadline - now)
                return
            self._deadlines.pop(connection, None)
            connection.fail(TimeoutError(f"no answer within {format_duration(self._timeout)}"))
        if self._deadlines:  # of exchanges that began meanwhile
            self._arm(min(self._deadlines.values()) - time.perf_counter())


def _tunnel(sock: gevent.socket.socket, proxy: Proxy, host: str, port: int) -> None:
    sock.sendall(proxy.request(host, port))
    reply = b""
    while b"\r\n\r\n" not in reply:
        received = sock.recv(4096)
        if not received or len(reply) > 65536:
            raise ConnectionResetError("the proxy closed the connection")
        reply += received
    status = re.match(rb"HTTP/1\.[01] (\d{3})", reply)
    if not status or status[1] != b"200":
        raise OSError(f"the proxy opens no tunnel: {reply.splitlines()[0].decode('ascii', 'replace')}")
