"""A closed loop of calls without signing, in a process of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
from dataclasses import dataclass
from time import perf_counter

import httptools
import numpy as np
import psutil
import uvloop

from testkit.load import AUTHORIZATION


@dataclass(frozen=True, slots=True)
class Load:
    """How hard and how long: seconds."""

    connections: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One run. Latencies are milliseconds, CPU microseconds a call by process."""

    per_second: float
    p50: float
    p99: float
    cpu: dict[str, float]


class _Client(asyncio.Protocol):
    """Sends one request after the other on one connection."""

    def __init__(self, request: bytes, end: float, latencies: list[float], done: asyncio.Future[None]) -> None:
        self._request, self._end, self._latencies, self._done = request, end, latencies, done
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._started = perf_counter()
        self._transport.write(self._request)  # type: ignore[attr-defined]  # a TCP transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() != 200:
            self._done.set_exception(RuntimeError(f"status {self._parser.get_status_code()}"))
            return
        self._latencies.append(perf_counter() - self._started)
        if perf_counter() < self._end:
            self._send()
        elif not self._done.done():
            self._done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionResetError("connection lost"))


def _run(port: int, path: str, body: bytes, load: Load) -> tuple[float, list[float]]:
    async def run() -> tuple[float, list[float]]:
        loop = asyncio.get_running_loop()
        latencies: list[float] = []
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: text/csv\r\nAccept: */*\r\n"
            f"User-Agent: bench\r\nX-Amz-Date: 20260101T000000Z\r\nX-Amz-Content-Sha256: {'0' * 64}\r\n"
            f"Authorization: {AUTHORIZATION}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        request, start = head.encode() + body, perf_counter()
        waiting: list[asyncio.Future[None]] = []
        for _ in range(load.connections):
            done = loop.create_future()
            client = _Client(request, start + load.seconds, latencies, done)
            await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc] # mypy infers no lambda with a default
            waiting.append(done)
        await asyncio.gather(*waiting)
        return perf_counter() - start, latencies

    return uvloop.run(run())


async def measure(port: int, path: str, body: bytes, pids: dict[str, int], load: Load) -> Measured:
    """One run against a port, with the CPU time of the processes meanwhile."""
    processes = {name: psutil.Process(pid) for name, pid in pids.items()}
    before = {name: sum(each.cpu_times()[:2]) for name, each in processes.items()}
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        seconds, latencies = await asyncio.to_thread(pool.apply, _run, (port, path, body, load))
    count = len(latencies)
    cpu = {name: (sum(each.cpu_times()[:2]) - before[name]) / count * 1e6 for name, each in processes.items()}
    p50, p99 = np.percentile(latencies, [50, 99])
    return Measured(count / seconds, p50 * 1e3, p99 * 1e3, cpu)
