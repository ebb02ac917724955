"""What the router costs: requests a second and CPU time per request, against the bare model server.

Three servers: one that does nothing, the XGBoost server without a script, and the scikit-learn server with a script.
Each is measured bare and through the router with the same clients. "A core" is requests per second of the router's
own CPU time, so the clients and the model server, which share the machine, do not count against it.

    python tools/bench/router.py [--seconds 5] [--connections 32]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import pickle
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import httptools
import numpy as np
import psutil
import uvloop
import xgboost
from sklearn.linear_model import LogisticRegression

from sagemaker_local.hosting.images import built_in_rules, find_rule
from sagemaker_local.hosting.server import ModelServer, ServerCommand
from sagemaker_local.hosting.settings import HostSettings
from sagemaker_local.router.process import RouterProcess, RouterSettings
from sagemaker_local.router.routes import EndpointRoute, Instance, RouteTable, VariantRoute

ACCOUNT, REGION, NAME = "111122223333", "us-east-1", "bench"
CREDENTIAL = f"{ACCOUNT}/20260101/{REGION}/sagemaker/aws4_request"
AUTHORIZATION = f"AWS4-HMAC-SHA256 Credential={CREDENTIAL}, SignedHeaders=host, Signature={'0' * 64}"
REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com"
FEATURES = 58
SCRIPT = """
import os, pickle
def model_fn(model_dir):
    with open(os.path.join(model_dir, "model.pkl"), "rb") as file:
        return pickle.load(file)
def input_fn(body, content_type):
    import numpy as np
    return np.array([row.split(",") for row in body.strip().split("\\n")], dtype=float)
"""


@dataclass(frozen=True)
class Measured:
    """One run. CPU is microseconds per request."""

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


def _load(port: int, path: str, body: bytes, seconds: float, connections: int) -> tuple[float, list[float]]:
    """Closed loop, in a process of its own."""

    async def run() -> tuple[float, list[float]]:
        loop = asyncio.get_running_loop()
        latencies: list[float] = []
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: text/csv\r\nAccept: */*\r\n"
            f"User-Agent: bench\r\nX-Amz-Date: 20260101T000000Z\r\nX-Amz-Content-Sha256: {'0' * 64}\r\n"
            f"Authorization: {AUTHORIZATION}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        request, start = head.encode() + body, perf_counter()
        waiting = []
        for _ in range(connections):
            done = loop.create_future()
            await loop.create_connection(
                lambda d=done: _Client(request, start + seconds, latencies, d), "127.0.0.1", port
            )
            waiting.append(done)
        await asyncio.gather(*waiting)
        return perf_counter() - start, latencies

    return uvloop.run(run())


def _noop(ready: multiprocessing.connection.Connection) -> None:  # type: ignore[name-defined]
    """A server that answers without looking."""
    reply = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 3\r\n\r\n0.5"

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write(reply)  # type: ignore[attr-defined]  # a TCP transport

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Protocol, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(run())


@contextmanager
def noop_server() -> Iterator[tuple[int, int]]:
    """Port and process id."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_noop, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv(), process.pid or 0
    finally:
        process.kill()
        process.join()


@asynccontextmanager
async def model_server(folder: Path, image: str, environment: dict[str, str]) -> AsyncIterator[tuple[int, int]]:
    """Port and process id of one of the shipped servers."""
    rule = find_rule(built_in_rules(), image)
    assert rule is not None
    variables = {**rule.environment, "SM_MODEL_DIR": str(folder), "SAGEMAKER_LOCAL_IMAGE": image, **environment}
    command = ServerCommand(rule.command, variables, folder)
    settings = HostSettings(state_dir=folder, aws_endpoint_url="http://127.0.0.1:1")
    server = ModelServer(command, settings, 60, lambda line: print(line, file=sys.stderr), lambda: None)
    await server.ready()
    try:
        yield server.port or 0, server.pid or 0
    finally:
        await server.stop()


async def measure(port: int, path: str, body: bytes, pids: dict[str, int], options: argparse.Namespace) -> Measured:
    """One run against a port, with the CPU time of the processes in between."""
    processes = {name: psutil.Process(pid) for name, pid in pids.items()}
    before = {name: sum(each.cpu_times()[:2]) for name, each in processes.items()}
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        arguments = (port, path, body, options.seconds, options.connections)
        seconds, latencies = await asyncio.to_thread(pool.apply, _load, arguments)
    count = len(latencies)
    cpu = {name: (sum(each.cpu_times()[:2]) - before[name]) / count * 1e6 for name, each in processes.items()}
    p50, p99 = np.percentile(latencies, [50, 99])
    return Measured(count / seconds, p50 * 1e3, p99 * 1e3, cpu)


async def compare(name: str, port: int, pid: int, body: bytes, options: argparse.Namespace) -> dict[str, object]:
    """Bare, then through the router; prints a line each."""
    bare = await measure(port, "/invocations", body, {"server": pid}, options)
    router = RouterProcess(RouterSettings("127.0.0.1", 9))
    public = await router.start()
    instances = (Instance("i-0", "127.0.0.1", port),)
    route = EndpointRoute(ACCOUNT, REGION, NAME, "InService", (VariantRoute("main", 1.0, instances),))
    await router.publish(RouteTable({route.key: route}))
    try:
        pids = {"server": pid, "router": router.pid or 0}
        routed = await measure(public, f"/endpoints/{NAME}/invocations", body, pids, options)
    finally:
        await router.close()
    own = routed.cpu["router"]
    ratio, share = routed.per_second / bare.per_second, own / bare.cpu["server"]
    print(f"{name:20} bare   {_line(bare)}")
    print(f"{'':20} routed {_line(routed)}, router {own:4.0f} us = {1e6 / own:6.0f}/s a core")
    print(f"{'':20} rate {ratio:.2f} of bare; the router's CPU is {share:.2f} of the server's")
    return {"name": name, "bare": vars(bare), "routed": vars(routed)}


def _line(measured: Measured) -> str:
    return (
        f"{measured.per_second:8.0f}/s  p50 {measured.p50:6.2f} ms  p99 {measured.p99:6.2f} ms  "
        f"server {measured.cpu['server']:6.0f} us a request"
    )


def _model(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    rows = random.random((500, FEATURES))
    labels = (rows.sum(axis=1) > FEATURES / 2).astype(int)
    xgboost.train({"max_depth": 3}, xgboost.DMatrix(rows, labels), 100).save_model(folder / "xgboost-model.json")
    return rows, labels


async def run(options: argparse.Namespace) -> list[dict[str, object]]:
    """All three servers."""
    row = ",".join(["0.5"] * FEATURES).encode()
    results = []
    with noop_server() as (port, pid):
        results.append(await compare("no-op", port, pid, row, options))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows, labels = _model(folder)
        async with model_server(folder, f"{REGISTRY}/sagemaker-xgboost:3.2-0", {}) as (port, pid):
            results.append(await compare("xgboost, 1 row", port, pid, row, options))
            results.append(await compare("xgboost, 100 rows", port, pid, b"\n".join([row] * 100), options))
        (folder / "model.pkl").write_bytes(pickle.dumps(LogisticRegression().fit(rows, labels)))
        (folder / "code").mkdir()
        (folder / "code" / "inference.py").write_text(SCRIPT)
        script = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
        async with model_server(folder, f"{REGISTRY}/sagemaker-scikit-learn:1.4-2-cpu-py3", script) as (port, pid):
            results.append(await compare("scikit-learn, 1 row", port, pid, row, options))
    return results


def main() -> None:
    """Parse arguments and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run (default %(default)s)")
    parser.add_argument("--connections", type=int, default=32, help="clients in a closed loop (default %(default)s)")
    parser.add_argument("--json", help="write the numbers to this file too")
    options = parser.parse_args()
    results = uvloop.run(run(options))
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
