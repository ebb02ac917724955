"""Containers' output on its way to CloudWatch Logs, in batches."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sagemaker_local.hosting.storage import LogEvent, Storage
from sagemaker_local.hosting.tails import Tails

log = logging.getLogger(__name__)

_BATCH_EVENTS = 1000
_BATCH_BYTES = 900_000  # the API allows 1,048,576 with 26 per event
_MAX_WAITING = 20_000


@dataclass(frozen=True, slots=True)
class LogStream:
    """Where a container's output goes: ``/aws/sagemaker/Endpoints/<endpoint>``, ``<variant>/<instance id>``."""

    account: str
    region: str
    group: str
    name: str


class LogShipper:
    """Collects lines on the event loop and sends them from a thread. What cannot be sent is dropped, oldest first."""

    def __init__(self, storage: Storage, interval_seconds: float) -> None:
        self.tails = Tails()
        self._storage = storage
        self._interval = interval_seconds
        self._waiting: dict[LogStream, deque[LogEvent]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="container-logs")
        self._sending = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._failing = False

    def write(self, stream: LogStream, line: str) -> None:
        """Add one line. Blank lines are left out, as the API takes none."""
        if not line.strip():
            return
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        self.tails.add((stream.account, stream.region, stream.group), stream.name, line)
        waiting = self._waiting.setdefault(stream, deque(maxlen=_MAX_WAITING))
        waiting.append(LogEvent(int(time.time() * 1000), line))

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            await self.flush()

    async def flush(self) -> None:
        """Send everything written so far."""
        async with self._sending:
            waiting, self._waiting = self._waiting, {}
            for stream, events in waiting.items():
                await self._send(stream, events)

    async def _send(self, stream: LogStream, events: deque[LogEvent]) -> None:
        loop = asyncio.get_running_loop()
        while events:
            batch: list[LogEvent] = []
            size = 0
            while events and len(batch) < _BATCH_EVENTS and size + len(events[0].message) * 4 + 26 < _BATCH_BYTES:
                event = events.popleft()
                size += len(event.message) * 4 + 26
                batch.append(event)
            arguments = (stream.account, stream.region, stream.group, stream.name, batch)
            try:
                await loop.run_in_executor(self._thread, self._storage.put_logs, *arguments)
                self._failing = False
            except OSError as error:
                if not self._failing:
                    log.warning("Dropping container output until this works again: %s", error)
                self._failing = True
                return

    async def close(self) -> None:
        """Send the rest and end the thread."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.flush()
        self._thread.shutdown(wait=False)
