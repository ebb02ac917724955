"""What local SageMaker is measured against: a server that does nothing, the shipped model servers bare, and moto."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import uvloop
import xgboost
from moto.server import ThreadedMotoServer

from sagemaker_local.hosting.images import built_in_rules, find_rule
from sagemaker_local.hosting.server import ModelServer, ServerCommand
from sagemaker_local.hosting.settings import HostSettings

REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com"
XGBOOST = f"{REGISTRY}/sagemaker-xgboost:3.2-0"
FEATURES = 58


def _noop(ready: Connection) -> None:
    """Answers without looking."""
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


def _moto(ready: Connection) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    ready.send(server.get_host_and_port()[1])
    threading.Event().wait()


@contextmanager
def _serving(target: Callable[[Connection], None]) -> Iterator[tuple[int, int]]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=target, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv(), process.pid or 0
    finally:
        process.kill()
        process.join()
        ours.close()
        theirs.close()


@contextmanager
def noop_server() -> Iterator[tuple[int, int]]:
    """Port and process id."""
    with _serving(_noop) as found:
        yield found


@contextmanager
def moto_server() -> Iterator[tuple[int, int]]:
    """Port and process id of moto as it ships, whose SageMaker keeps records and starts nothing."""
    with _serving(_moto) as found:
        yield found


@asynccontextmanager
async def model_server(
    folder: Path, image: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[int, int]]:
    """Port and process id of one of the shipped servers, with the model in the folder."""
    rule = find_rule(built_in_rules(), image)
    assert rule is not None
    variables = {"SM_MODEL_DIR": str(folder), "SAGEMAKER_LOCAL_IMAGE": image, **(environment or {})}
    command = ServerCommand(rule.command, {**rule.environment, **variables}, folder)
    settings = HostSettings(state_dir=folder, aws_endpoint_url="http://127.0.0.1:1")
    server = ModelServer(command, settings, 60, lambda line: print(line, file=sys.stderr), lambda: None)
    await server.ready()
    try:
        yield server.port or 0, server.pid or 0
    finally:
        await server.stop()


def samples() -> tuple[np.ndarray, np.ndarray]:
    """Rows and labels to train with."""
    rows = np.random.default_rng(0).random((500, FEATURES))
    return rows, (rows.sum(axis=1) > FEATURES / 2).astype(int)


def booster() -> xgboost.Booster:
    """A small model."""
    rows, labels = samples()
    return xgboost.train({"max_depth": 3}, xgboost.DMatrix(rows, labels), 100)
