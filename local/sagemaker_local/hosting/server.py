"""One model server process: started, pinged until healthy, watched, started again when it dies, ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sagemaker_local.hosting.ports import LOOPBACK, Ports, is_taken
from sagemaker_local.hosting.settings import HostSettings
from sagemaker_local.hosting.types import InstanceStatus

_LAUNCH = str(Path(__file__).with_name("launch.py"))
_MAX_LINE_BYTES = 16 * 1024
_SLOWEST_PING = 5
_MOST_PORTS = 3
_PORTS = Ports()


class NeverHealthyError(Exception):
    """The server did not answer /ping with 200 in time; the text says what it did instead."""


@dataclass(frozen=True, slots=True)
class ServerCommand:
    """What to run. The port is added to the environment at each start."""

    words: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path


class ModelServer:
    """A supervised process. All methods run on the event loop; ``on_change`` is called after every change of state."""

    def __init__(
        self,
        command: ServerCommand,
        settings: HostSettings,
        startup_seconds: float,
        on_line: Callable[[str], None],
        on_change: Callable[[], None],
    ) -> None:
        self.status = InstanceStatus.STARTING
        self.port: int | None = None
        self.restarts = 0
        self.message = ""
        self._command = command
        self._settings = settings
        self._startup_seconds = startup_seconds
        self._on_line = on_line
        self._on_change = on_change
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._stopped = False
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ready.add_done_callback(lambda future: future.cancelled() or future.exception())
        self._supervising = asyncio.create_task(self._supervise())

    @property
    def pid(self) -> int | None:
        """The process id, None while none runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    @property
    def pids(self) -> tuple[int, ...]:
        """The process id as a tuple; empty while none runs."""
        pid = self.pid
        return () if pid is None else (pid,)

    @property
    def ports(self) -> tuple[int, ...]:
        """The port as a tuple; empty before the first start."""
        return () if self.port is None else (self.port,)

    async def ready(self) -> None:
        """Return at the first healthy ping. Raises NeverHealthyError."""
        await asyncio.shield(self._ready)

    async def stop(self) -> None:
        """SIGTERM, SIGKILL after the grace period."""
        self._become(InstanceStatus.STOPPING, self.message)
        self._supervising.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._supervising
        if not self._ready.done():
            self._ready.set_exception(NeverHealthyError("it was stopped"))
        await self._end()
        if not self._stopped:  # whoever stops it again would free a port that another server has by now
            self._stopped = True
            _PORTS.give_back(self.port)

    def _become(self, status: InstanceStatus, message: str) -> None:
        self.status, self.message = status, message
        self._on_change()

    async def _supervise(self) -> None:
        try:
            await self._first_start()
        except (NeverHealthyError, OSError, ValueError) as error:  # ValueError: a NUL in the environment
            await self._end()
            self._become(InstanceStatus.UNHEALTHY, str(error))
            self._ready.set_exception(NeverHealthyError(str(error)))
            return
        self._ready.set_result(None)
        backoff = self._settings.restart_backoff_seconds
        loop = asyncio.get_running_loop()
        not_started = ""
        while True:
            since = loop.time()
            cause = not_started or await self._watch()
            self._become(InstanceStatus.UNHEALTHY, cause)
            self._on_line(f"[sagemaker-local] {cause} It is started again.")
            await self._end()
            if loop.time() - since > self._settings.restart_backoff_max_seconds:
                backoff = self._settings.restart_backoff_seconds
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, self._settings.restart_backoff_max_seconds)
            self.restarts += 1
            not_started = ""
            try:
                with contextlib.suppress(NeverHealthyError):  # _watch sees it again and says why
                    await self._start(loop.time() + self._startup_seconds)
            except OSError as error:
                not_started = f"The container could not be started: {error}."

    async def _first_start(self) -> None:
        deadline = asyncio.get_running_loop().time() + self._startup_seconds
        attempt = 1
        while True:
            try:
                await self._start(deadline)
                return
            except NeverHealthyError as error:
                if attempt >= self._settings.startup_attempts or asyncio.get_running_loop().time() >= deadline:
                    raise
                self._become(InstanceStatus.STARTING, str(error))
            await self._end()
            await asyncio.sleep(self._settings.restart_backoff_seconds)
            attempt += 1

    async def _start(self, deadline: float) -> None:
        """Start the process and wait for its first healthy ping; again when somebody else took its port meanwhile."""
        for attempt in range(1, _MOST_PORTS + 1):
            _PORTS.give_back(self.port)
            self.port = port = _PORTS.take()
            process = await self._launch(port)
            try:
                await self._until_healthy(process, deadline)
            except NeverHealthyError:
                if process.returncode is None or not is_taken(port) or attempt == _MOST_PORTS:
                    raise
            else:
                self._become(InstanceStatus.IN_SERVICE, "")
                return
            self._on_line(f"[sagemaker-local] Port {port} was taken meanwhile. It is started again with another one.")
            await self._end()

    async def _launch(self, port: int) -> asyncio.subprocess.Process:
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            _LAUNCH,
            str(os.getpid()),
            *self._command.words,
            "serve",
            cwd=self._command.directory,
            env={**self._command.environment, "SAGEMAKER_BIND_TO_PORT": str(port)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        assert process.stdout is not None  # noqa: S101 - asked for above
        self._reading = asyncio.create_task(self._read(process.stdout))
        self._on_change()
        return process

    async def _until_healthy(self, process: asyncio.subprocess.Process, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        pause = self._settings.startup_ping_interval_seconds
        slowest = pause * _SLOWEST_PING
        while True:
            if process.returncode is not None:
                raise NeverHealthyError(f"The container ended with {_ended(process.returncode)} before it was healthy.")
            answer = await self._ping()
            if answer == 200:
                return
            if loop.time() >= deadline:
                said = "did not answer" if answer is None else f"answered {answer}"
                raise NeverHealthyError(f"The container {said} to /ping within {self._startup_seconds:g} s.")
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, slowest)

    async def _watch(self) -> str:
        """Return what is wrong once something is."""
        assert self._process is not None  # noqa: S101 - _start made it
        exited = asyncio.create_task(self._process.wait())
        failed = 0
        try:
            while True:
                done, _ = await asyncio.wait({exited}, timeout=self._settings.health_check_interval_seconds)
                if done:
                    return f"The container ended with {_ended(exited.result())}."
                failed = 0 if await self._ping() == 200 else failed + 1
                if failed >= self._settings.unhealthy_after_failed_pings:
                    return f"The container failed {failed} health checks in a row."
        finally:
            exited.cancel()

    async def _ping(self) -> int | None:
        """The status of GET /ping, None without an answer in time."""
        try:
            async with asyncio.timeout(self._settings.ping_timeout_seconds):
                reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
                try:
                    writer.write(b"GET /ping HTTP/1.1\r\nHost: model\r\nConnection: close\r\n\r\n")
                    line = await reader.readline()
                finally:
                    writer.close()
            return int(line.split(b" ", 2)[1])
        except (OSError, ValueError, IndexError):
            return None

    async def _read(self, output: asyncio.StreamReader) -> None:
        async for line in _lines(output):
            self._on_line(line)

    async def _end(self) -> None:
        """End the process and whatever it started; its last output is read first."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.stop_grace_seconds):
                    await process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        if self._reading is not None:
            await self._reading
        self._on_change()


def _ended(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


async def _lines(output: asyncio.StreamReader) -> AsyncIterator[str]:
    """Lines of the output; a longer one than the limit comes in pieces."""
    rest = b""
    while data := await output.read(_MAX_LINE_BYTES):
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace").rstrip("\r")
        if len(rest) >= _MAX_LINE_BYTES:
            yield rest.decode("utf-8", "replace")
            rest = b""
    if rest:
        yield rest.decode("utf-8", "replace")
