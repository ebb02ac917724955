"""A fast stand-in for the SageMaker runtime, for the load tester's benchmark: one process, nothing but the wire.

    python -m bench.loadtest.stub PORT [CERTIFICATE-AND-KEY.pem]

On the next port, GET /reset?delay=0.05&stall=0 sets the service time and starts counting anew (after `stall` seconds
from now nothing is answered for two seconds, when it is above 0); GET /stats tells how many were answered, how long
each took from its first byte to the answer's writing, and how many connections the first port has open.
"""

import asyncio
import functools
import json
import ssl
import sys
from time import perf_counter

import uvloop

_BODY = b'{"predictions": [0.1234, 0.2345, 0.3456], "model": "m" }\n'
_REPLY = (
    b"HTTP/1.1 200 OK\r\nx-amzn-RequestId: 00000000-0000-0000-0000-000000000000\r\n"
    b"x-Amzn-Invoked-Production-Variant: AllTraffic\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
)
_STALL_SECONDS = 2.0


class Books:
    """What the server did since it was last reset."""

    def __init__(self) -> None:
        self.delay = self.stall_from = 0.0
        self.connections = 0
        self.took: list[float] = []

    def reset(self, delay: float, stall: float) -> None:
        self.delay, self.took = delay, []
        self.stall_from = perf_counter() + stall if stall else 0.0

    def due(self, now: float) -> float:
        """When a request that came now is answered."""
        due = now + self.delay
        if self.stall_from and self.stall_from <= due < self.stall_from + _STALL_SECONDS:
            return self.stall_from + _STALL_SECONDS
        return due

    def stats(self) -> bytes:
        took = sorted(self.took)
        at = {f"p{p:g}": took[min(len(took) - 1, int(p / 100 * len(took)))] * 1000 if took else 0.0 for p in (50, 99)}
        return json.dumps({"count": len(took), "connections": self.connections, **at}).encode()


class Runtime(asyncio.Protocol):
    """One connection; requests come one at a time. Those that control the stub do not count."""

    def __init__(self, books: Books, *, counts: bool) -> None:
        self.books = books
        self.counts = counts
        self.buffer = b""
        self.wanted = 0
        self.began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]  # a socket's is one
        self.books.connections += self.counts

    def connection_lost(self, exc: Exception | None) -> None:
        self.books.connections -= self.counts

    def data_received(self, data: bytes) -> None:
        if not self.began:
            self.began = perf_counter()
        if self.wanted:
            self.wanted -= len(data)
            if self.wanted <= 0:
                self.answer()
            return
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head, rest = self.buffer[:end].lower(), len(self.buffer) - end - 4
        self.buffer = b""
        if head.startswith(b"get /"):
            self.control(head.split(b" ", 2)[1].decode())
            return
        start = head.find(b"content-length:")
        length = int(head[start + 15 :].split(b"\r", 1)[0]) if start >= 0 else 0
        if b"\r\nexpect: 100-continue" in head:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.wanted = length - rest
        if self.wanted <= 0:
            self.answer()

    def answer(self) -> None:
        began, self.began, self.wanted = self.began, 0.0, 0
        now = perf_counter()
        due = self.books.due(now)
        if due <= now:
            self.reply(began)
        else:
            asyncio.get_running_loop().call_later(due - now, self.reply, began)

    def reply(self, began: float) -> None:
        self.transport.write(_REPLY)
        self.books.took.append(perf_counter() - began)

    def control(self, path: str) -> None:
        self.began = 0.0
        words = dict(pair.split("=") for pair in path.partition("?")[2].split("&") if pair)
        if path.startswith("/reset"):
            self.books.reset(float(words.get("delay", 0)), float(words.get("stall", 0)))
        body = self.books.stats()
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


async def serve(port: int, pem: str | None) -> None:
    """Until it is ended. With a certificate the port speaks TLS and the next one plain HTTP, for the controls."""
    books, loop = Books(), asyncio.get_running_loop()
    context = None
    if pem:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
    runtime, control = (functools.partial(Runtime, books, counts=counts) for counts in (True, False))
    servers = [await loop.create_server(runtime, "127.0.0.1", port, ssl=context, backlog=4096)]
    servers.append(await loop.create_server(control, "127.0.0.1", port + 1))
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
