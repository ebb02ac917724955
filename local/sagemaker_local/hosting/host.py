"""Starts and ends the fleets of every endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sagemaker_local.hosting.fleet import Fleet, FleetTools
from sagemaker_local.hosting.load_times import LoadTimes
from sagemaker_local.hosting.logs import LogShipper, LogStream
from sagemaker_local.hosting.multi_model import ModelStore
from sagemaker_local.hosting.settings import HostSettings
from sagemaker_local.hosting.storage import Storage
from sagemaker_local.hosting.tails import Tails
from sagemaker_local.hosting.types import FleetSpec

__all__ = ["Fleet", "Host", "OnChange"]

OnChange = Callable[[Fleet], None]

_FETCHING_THREADS = 4


class Host:
    """All fleets of one local SageMaker. ``on_change`` is called on the event loop when an instance's state changed."""

    def __init__(self, settings: HostSettings, on_change: OnChange) -> None:
        self.settings = settings
        self._fleets: set[Fleet] = set()
        self._threads = ThreadPoolExecutor(_FETCHING_THREADS, thread_name_prefix="model-data")
        self.storage = storage = Storage(settings.aws_endpoint_url)
        self._logs = LogShipper(storage, settings.log_flush_seconds)
        self.load_times = LoadTimes()
        self._tools = FleetTools(
            settings=settings,
            storage=storage,
            logs=self._logs,
            load_times=self.load_times,
            in_thread=self._in_thread,
            changed=on_change,
            stopped=self._fleets.discard,
        )

    def start_fleet(self, spec: FleetSpec) -> Fleet:
        """Begin to start a fleet and return at once; await ``Fleet.started`` for the outcome."""
        fleet = Fleet(spec, self._tools)
        self._fleets.add(fleet)
        return fleet

    def store_at(self, port: int) -> ModelStore | None:
        """The models of the multi-model container that serves at a port."""
        return next((store for each in self._fleets if (store := each.store_at(port)) is not None), None)

    async def _in_thread(self, call: Callable[..., None], *arguments: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)

    def write_log(self, stream: LogStream, line: str) -> None:
        """Add a line that no container wrote."""
        self._logs.write(stream, line)

    @property
    def tails(self) -> Tails:
        """The last lines of every instance."""
        return self._logs.tails

    async def flush_logs(self) -> None:
        """Send what the containers have written so far to CloudWatch Logs."""
        await self._logs.flush()

    async def close(self) -> None:
        """Stop every fleet and send the last log lines."""
        await asyncio.gather(*(each.stop() for each in list(self._fleets)))
        await self._logs.close()
        self._threads.shutdown(wait=False)
