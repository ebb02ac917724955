"""The router process itself. Its parent hands it the listening socket and a control socket; without one it ends."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import sys
from collections.abc import Mapping
from time import perf_counter
from typing import Any

import uvloop

from sagemaker_local.router import control
from sagemaker_local.router.board import Board
from sagemaker_local.router.front import Front
from sagemaker_local.router.limits import RouterSettings
from sagemaker_local.router.load import measured
from sagemaker_local.router.period import percentiles, taken

_SWEEP_SECONDS = 0.25
_LAST_REQUESTS_SECONDS = 2.0
_MOST_UNREAD_BYTES = 64 * 1024 * 1024


class Child:
    """Serves the public port and does what the parent says."""

    def __init__(self, settings: RouterSettings) -> None:
        self._board = Board()
        self._front = Front(self._board, settings)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, listener: socket.socket, parent: socket.socket) -> None:
        """Until told to close, or until the parent is gone."""
        loop = asyncio.get_running_loop()
        reader, writer = await asyncio.open_unix_connection(sock=parent)
        special = self._front.special
        special.emit = special.models.emit = self._board.emit = lambda event: self._emit(event, writer)
        await self._answer(await control.receive(reader), writer)  # the table; without it every endpoint is unknown
        server = await loop.create_server(self._front.connection, sock=listener, backlog=4096)
        sweep = loop.create_task(self._sweep())
        try:
            while True:
                message = await control.receive(reader)
                if message["op"] == "close":
                    await self._finish(server)
                    return
                task = loop.create_task(self._answer(message, writer))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except asyncio.IncompleteReadError:
            return
        finally:
            sweep.cancel()
            server.close()

    async def _answer(self, message: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        result: Any = None
        if message["op"] == "publish":
            self._board.apply(message)
            if message["access_keys"]:
                self._front.forget_callers()
        elif message["op"] == "drained":
            await self._board.drained({(host, port) for host, port in message["addresses"]})
        elif message["op"] == "model":
            host, port = message["address"]
            self._front.special.models.outcome((host, port), message["model"], message["failure"])
        elif message["op"] == "evict":
            host, port = message["address"]
            result = self._front.special.models.evict((host, port), message["models"])
        elif message["op"] == "counts":
            result = [
                [
                    *key,
                    name,
                    config,
                    each.invocations,
                    each.client_errors,
                    each.server_errors,
                    each.model_errors,
                    each.latency,
                    each.setups,
                    each.setup_time,
                    *percentiles(each.latencies()),
                ]
                for (key, name, config), each in self._board.counters.items()
            ]
        elif message["op"] == "periods":
            result = taken(self._board.counters)
        elif message["op"] == "loads":
            result = measured(self._board.targets)
        writer.write(control.encode({"id": message["id"], "result": result}))
        await writer.drain()

    def _emit(self, event: Mapping[str, Any], writer: asyncio.StreamWriter) -> None:
        """Tell the parent; what it cannot take for a long time is dropped rather than kept in memory."""
        if writer.transport.get_write_buffer_size() < _MOST_UNREAD_BYTES:
            writer.write(control.encode(dict(event)))

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            self._board.expire(perf_counter())
            give_up_before = perf_counter() - self._front.settings.model_timeout_seconds
            self._board.sweep_gates(give_up_before)
            self._front.special.models.sweep(give_up_before, self._board.pools)

    async def _finish(self, server: asyncio.Server) -> None:
        server.close()
        self._front.closing = True
        end = perf_counter() + _LAST_REQUESTS_SECONDS
        while any(each.busy for each in self._front.clients) and perf_counter() < end:  # noqa: ASYNC110 - no event: the
            await asyncio.sleep(0.02)  # hot path would have to set it for every reply


def main() -> None:
    """Arguments: the two inherited file descriptors, then the settings as JSON."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    parent = socket.socket(fileno=int(sys.argv[2]))
    settings = RouterSettings(**json.loads(sys.argv[3]))
    gc.freeze()
    uvloop.run(Child(settings).run(listener, parent))


if __name__ == "__main__":
    main()
