"""The router as its parent sees it: started, told of new tables, asked for counts, closed."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sagemaker_local.router import control
from sagemaker_local.router.limits import RouterSettings
from sagemaker_local.router.load import Load, load_of
from sagemaker_local.router.period import VariantPeriod, decoded
from sagemaker_local.router.routes import EndpointKey, Instance, RouteTable
from sagemaker_local.router.tables import changes

__all__ = ["RouterProcess", "RouterSettings", "VariantCounts"]

log = logging.getLogger(__name__)

OnEvent = Callable[[Mapping[str, Any]], None]
"""Hears what the child says on its own; must not raise."""

_RESTART_SECONDS = 0.2
_CLOSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class VariantCounts:
    """What one fleet of a variant answered since the router started (CloudWatch metric names of AWS/SageMaker)."""

    invocations: int = 0
    invocation_4xx_errors: int = 0
    invocation_5xx_errors: int = 0
    invocation_model_errors: int = 0
    model_latency_microseconds: int = 0
    """Sum over all invocations, not a mean."""

    model_setups: int = 0
    model_setup_time_microseconds: int = 0
    """Cold starts that calls of a serverless variant waited for, and how long they did: a sum."""

    model_latency_p50_microseconds: float | None = None
    model_latency_p99_microseconds: float | None = None
    """Percentiles to within 1.6 %; None while fewer than ten calls lie beyond."""


class _Link:
    """The control connection to one life of the child."""

    def __init__(self, process: asyncio.subprocess.Process, connection: socket.socket, on_event: OnEvent) -> None:
        self.process = process
        self._on_event = on_event
        self._connection = connection
        self._ids = itertools.count()
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._writer: asyncio.StreamWriter
        self._reading: asyncio.Task[None]

    async def open(self) -> None:
        reader, self._writer = await asyncio.open_unix_connection(sock=self._connection)
        self._reading = asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                message = await control.receive(reader)
                if "event" in message:
                    self._on_event(message)
                    continue
                future = self._pending.pop(message["id"], None)
                if future is not None and not future.done():
                    future.set_result(message["result"])
        except (asyncio.IncompleteReadError, OSError):
            for future in self._pending.values():
                if not future.done():
                    future.set_exception(ConnectionResetError("the router process ended"))

    async def ask(self, message: dict[str, Any]) -> Any:
        """Raises ConnectionResetError when the child ends before it answers."""
        if self._reading.done():
            raise ConnectionResetError("the router process ended")
        number = next(self._ids)
        future = self._pending[number] = asyncio.get_running_loop().create_future()
        self._writer.write(control.encode({"id": number, **message}))
        return await future

    async def shut(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
        await self._reading


class RouterProcess:
    """One child process that owns the public port. It is started again, on the same port, if it dies."""

    def __init__(self, settings: RouterSettings, on_event: OnEvent = lambda event: None) -> None:
        self.settings = settings
        self._on_event = on_event
        self._table = RouteTable()
        self._listener: socket.socket | None = None
        self._link: _Link | None = None
        self._lock = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def pid(self) -> int | None:
        """The child's process id, None while none runs."""
        return self._link.process.pid if self._link else None

    async def start(self) -> int:
        """Start the child and return the public port. Raises OSError when the port is taken."""
        family = socket.AF_INET6 if ":" in self.settings.host else socket.AF_INET
        address = (self.settings.host, self.settings.port)
        try:
            self._listener = socket.create_server(address, family=family, backlog=4096)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise OSError(
                f"cannot listen on {address[0]} port {address[1]}: {reason}. Choose another with --port or --host"
            ) from error
        await self._launch()
        self._watching = asyncio.create_task(self._watch())
        port: int = self._listener.getsockname()[1]
        return port

    async def _launch(self) -> None:
        assert self._listener is not None  # noqa: S101 - start() made it
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            command = (sys.executable, "-m", "sagemaker_local.router.child")
            arguments = (str(self._listener.fileno()), str(theirs.fileno()), json.dumps(asdict(self.settings)))
            process = await asyncio.create_subprocess_exec(
                *command, *arguments, pass_fds=(self._listener.fileno(), theirs.fileno()), start_new_session=True
            )
        link = _Link(process, ours, self._on_event)
        await link.open()
        await link.ask({"op": "publish", **changes(RouteTable(), self._table)})
        self._link = link

    async def _watch(self) -> None:
        """Heal a router that died; connections made meanwhile wait in the listening socket's queue."""
        while True:
            link = self._link
            if link is not None:
                code = await link.process.wait()
                async with self._lock:
                    self._link = None
                    await link.shut()
                log.error("The router process ended with status %s; starting it again", code)
            try:
                async with self._lock:
                    await self._launch()
            except OSError as error:
                log.error("The router process did not start: %s", error)
                await asyncio.sleep(_RESTART_SECONDS)

    async def publish(self, table: RouteTable) -> None:
        """Return when every new request is routed by ``table``. Requests under way stay where they are."""
        async with self._lock:
            message = changes(self._table, table)
            self._table = table
            if self._link is not None and (message["set"] or message["removed"] or message["access_keys"]):
                with contextlib.suppress(ConnectionResetError):  # its successor starts with this table
                    await self._link.ask({"op": "publish", **message})

    async def drained(self, instances: Iterable[Instance]) -> None:
        """Return when no request is under way to these instances, at the latest when the longest of them ends.

        Publish a table without them first; stop their processes after.
        """
        addresses = sorted({address for each in instances for address in each.addresses})
        if self._link is None or not addresses:
            return
        with contextlib.suppress(ConnectionResetError, TimeoutError):
            slowest = max(self.settings.model_timeout_seconds, self.settings.stream_timeout_seconds)
            async with asyncio.timeout(slowest + 1):
                await self._link.ask({"op": "drained", "addresses": addresses})

    async def model_outcome(self, address: tuple[str, int], model: str, outcome: Mapping[str, Any] | None) -> None:
        """A model that was wanted is loaded, or why it is not (``router.models``)."""
        if self._link is not None:
            with contextlib.suppress(ConnectionResetError):  # its successor asks again
                await self._link.ask({"op": "model", "address": address, "model": model, "failure": outcome})

    async def evict(self, address: tuple[str, int], models: Sequence[str]) -> str | None:
        """One of the models loaded at an address, the one used least recently, which gets no call from now on.

        None when every one of them has calls.
        """
        if self._link is None:
            return None
        try:
            found: str | None = await self._link.ask({"op": "evict", "address": address, "models": models})
        except ConnectionResetError:
            return None
        return found

    async def counts(self) -> Mapping[tuple[EndpointKey, str, str], VariantCounts]:
        """Per endpoint, variant and endpoint configuration, since the start of the child."""
        if self._link is None:
            return {}
        try:
            rows = await self._link.ask({"op": "counts"})
        except ConnectionResetError:
            return {}
        return {((a, r, n), variant, config): VariantCounts(*numbers) for a, r, n, variant, config, *numbers in rows}

    async def periods(self) -> list[VariantPeriod]:
        """What each fleet answered since the last call of this. A router that died takes its own with it."""
        return [decoded(each) for each in await self._rows("periods")]

    async def loads(self) -> list[Load]:
        """How busy every variant and inference component is now."""
        return [load_of(each) for each in await self._rows("loads")]

    async def _rows(self, operation: str) -> list[Any]:
        if self._link is None:
            return []
        try:
            rows: list[Any] = await self._link.ask({"op": operation})
        except ConnectionResetError:
            return []
        return rows

    async def close(self) -> None:
        """Stop listening, let requests under way finish for a moment, end the child."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        if self._listener is not None:
            self._listener.close()
        link, self._link = self._link, None
        if link is None:
            return
        closing = asyncio.create_task(link.ask({"op": "close"}))
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await link.process.wait()
        except TimeoutError:
            link.process.send_signal(signal.SIGKILL)
            await link.process.wait()
        await link.shut()
        with contextlib.suppress(ConnectionResetError):
            await closing
