"""One keep-alive connection to the endpoint, as lean as it can be.

What arrives is read by the event loop's own callback and parsed there: the moment of a reply is that at which the
socket had it, not that at which some greenlet came to run. A connection that the other side closes while it is idle
is noticed at once.
"""

import _socket
import ssl
import time
from collections.abc import Callable
from typing import Any

import gevent
import httptools
from gevent.hub import get_hub

from sagemaker_loadtest.exchange.tls import Tls

_CHUNK = 65536
_READ, _WRITE = 1, 2
_KEPT = frozenset((b"content-length", b"transfer-encoding"))

Sink = Callable[[float, bytes], None]
"""Takes each piece of a body with the moment (`time.perf_counter`) at which it came."""


class Answer:
    """What became of one request. Moments are those of `time.perf_counter`; `error` is set when no whole reply came.

    `headers` has lower-case names; `sent` is the moment before the first byte left, `done` that of the last byte.
    """

    __slots__ = ("body", "connect_seconds", "done", "error", "headers", "sent", "status")

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.error: Exception | None = None
        self.connect_seconds: float | None = None
        self.sent = self.done = 0.0


class Connection:
    """Carries one exchange at a time. Not safe between threads; greenlets are fine."""

    __slots__ = (
        "_answer",
        "_complete",
        "_framed",
        "_hub",
        "_incoming",
        "_moment",
        "_outgoing",
        "_parser",
        "_parts",
        "_paused",
        "_sending",
        "_sink",
        "_socket",
        "_started",
        "_tls",
        "_watcher",
        "_wire",
        "idle_since",
        "open",
    )

    def __init__(self, raw: _socket.socket, tls: Tls | None) -> None:
        self._socket = raw
        self._tls: Any = tls.object if tls else None
        self._incoming: Any = tls.incoming if tls else None
        self._outgoing: Any = tls.outgoing if tls else None
        self._hub = get_hub()
        self._parser = httptools.HttpResponseParser(self)
        self._answer: Answer | None = None
        self._sink: Sink | None = None
        self._parts: list[bytes] = []
        self._paused: gevent.Greenlet | None = None
        self._complete = self._framed = self._started = self._sending = False
        self._moment = 0.0
        self.idle_since = 0.0
        self.open = True
        self._watcher = self._hub.loop.io(raw.fileno(), _READ)
        self._watcher.start(self._readable)

    def exchange(self, head: bytes, body: bytes, answer: Answer, sink: Sink | None = None) -> None:
        """Sends one request and waits for its whole reply, which is in `answer` then; `sink` takes the body of a good
        reply as it comes. Never raises for what the network did.
        """
        self._answer, self._sink = answer, sink
        self._complete = self._framed = self._started = False
        answer.sent = time.perf_counter()
        try:
            self._send(head, body)
            while not self._complete:
                self._pause()
        except OSError as error:
            self.fail(error)
        finally:
            if not self._complete:  # this greenlet was told to end
                self.close()
            self._answer = self._sink = None
        self.idle_since = answer.done

    def fail(self, error: Exception) -> None:
        """Ends the exchange under way, if any, and the connection. Only called by the event loop's callbacks and by
        the greenlet of the exchange.
        """
        answer = self._answer
        self.close()
        if answer is not None and not self._complete:
            answer.error, answer.done = error, time.perf_counter()
            self._complete = True
            self._wake()

    def close(self) -> None:
        if self.open:
            self.open = False
            self._watcher.stop()
            self._watcher.close()
            self._socket.close()

    def _send(self, head: bytes, body: bytes) -> None:
        if self._tls is not None:
            self._tls.write(head + body if len(body) < _CHUNK else head)
            if len(body) >= _CHUNK:
                self._tls.write(body)
            self._flush()
            return
        self._send_all([head, body] if body else [head])

    def _flush(self) -> None:
        self._sending = True
        try:
            while self._outgoing.pending and not self._complete:
                self._send_all([self._outgoing.read()])
        finally:
            self._sending = False

    def _send_all(self, parts: list[Any]) -> None:
        left = sum(map(len, parts))
        while True:
            try:
                sent = self._socket.sendmsg(parts)
            except BlockingIOError:
                sent = 0
            left -= sent
            if not left:
                return
            parts = _after(parts, sent)
            writable = self._hub.loop.io(self._socket.fileno(), _WRITE)
            writable.start(self._wake)
            try:
                self._pause()
            finally:
                writable.stop()
                writable.close()
            if self._complete:  # answered before the whole request was sent: the rest would be taken for another one
                self.close()
                return

    def _pause(self) -> None:
        self._paused = gevent.getcurrent()
        try:
            self._hub.switch()
        finally:
            self._paused = None

    def _wake(self) -> None:
        """Only ever called by the event loop's callbacks."""
        paused = self._paused
        if paused is not None:
            self._paused = None
            paused.switch()

    def _readable(self) -> None:
        self._moment = time.perf_counter()
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self.fail(error)
            return
        try:
            if self._tls is not None:
                self._decrypt(data)
            elif data:
                self._take(data)
            else:
                self._ended()
        except Exception as error:  # whatever a reply did to the parser or to the reader of a stream ends the exchange
            self.fail(_named(error))
        if self._complete:
            self._wake()

    def _decrypt(self, data: bytes) -> None:
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        try:
            while plain := self._tls.read(_CHUNK):
                self._take(plain)
                if not self._incoming.pending and not self._tls.pending():
                    break
            else:
                self._ended()
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self._ended()
        if (
            self.open and self._outgoing.pending and not self._sending
        ):  # an answer to a change of keys; small, so it goes in one piece
            self._socket.send(self._outgoing.read())

    def _take(self, data: bytes) -> None:
        if self._answer is None:
            raise ConnectionResetError("bytes that nobody asked for")
        self._parser.feed_data(data)

    def _ended(self) -> None:
        """The other side has closed. It is the end of a reply that told no length, and a loss for any other."""
        answer = self._answer
        if answer is not None and not self._complete and answer.status and not self._framed and self._started:
            self._finish(answer)
            self.close()
            return
        self.fail(ConnectionResetError("closed before the reply was complete"))

    def _finish(self, answer: Answer) -> None:
        answer.body = b"".join(self._parts) if len(self._parts) != 1 else self._parts[0]
        self._parts = []
        answer.done = self._moment
        self._complete = True

    def on_message_begin(self) -> None:
        """Called by the parser, as are all methods below."""
        if self._answer is None or self._complete:
            raise ConnectionResetError("more than one reply")

    def on_header(self, name: bytes, value: bytes) -> None:
        answer = self._answer
        if answer is not None:
            name = name.lower()
            answer.headers[name] = value
            if name in _KEPT:
                self._framed = True

    def on_headers_complete(self) -> None:
        answer = self._answer
        if answer is not None:
            answer.status = self._parser.get_status_code()
            self._started = True
            if self._sink is not None and not 200 <= answer.status < 300:
                self._sink = None

    def on_body(self, body: bytes) -> None:
        if self._sink is not None:
            self._sink(self._moment, body)
        else:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        answer = self._answer
        if answer is None:
            return
        if answer.status < 200:  # 100 Continue: the reply itself is still to come
            answer.headers.clear()
            answer.status, self._framed, self._started = 0, False, False
            return
        self._finish(answer)
        if not self._parser.should_keep_alive():
            self.close()


def _after(parts: list[Any], sent: int) -> list[Any]:
    """What is left of the buffers after `sent` bytes, not copied."""
    left = []
    for part in parts:
        if sent >= len(part):
            sent -= len(part)
        else:
            left.append(memoryview(part)[sent:])
            sent = 0
    return left


def _named(error: Exception) -> Exception:
    """A parser's complaint as what it is for the exchange: no reply that could be read."""
    if isinstance(error, httptools.HttpParserError):
        cause = error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else None
        return ConnectionResetError(f"the reply is no HTTP: {cause or error}")
    return error
