"""Fleets, a host and a router without processes, for tests of the control plane alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from typing import Any

from sagemaker_local.hosting.tails import Tails
from sagemaker_local.hosting.types import FailureClass, FleetFailure, FleetSpec, InstanceState, InstanceStatus
from sagemaker_local.router.routes import Instance, RouteTable

BeforeStop = Callable[[tuple[Instance, ...]], Coroutine[Any, Any, None]]
NO_CAPACITY = FleetFailure(FailureClass.INTERNAL, "no capacity")


class Fleet:
    """Starts at once, never, or when the test says so: its image tells which."""

    def __init__(self, spec: FleetSpec, host: Host) -> None:
        self.spec, self._host = spec, host
        self.needs_process, self.stopped = True, False
        self.outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.outcome.add_done_callback(lambda done: done.cancelled() or done.exception())
        image = spec.containers[0].image
        if image == "good":
            self.outcome.set_result(None)
        elif image == "bad":
            self.outcome.set_exception(FleetFailure(FailureClass.PING_HEALTH_CHECK, "never healthy"))

    @property
    def started_well(self) -> bool:
        """Whether all of it serves."""
        return self.outcome.done() and self.outcome.exception() is None

    @property
    def instances(self) -> tuple[InstanceState, ...]:
        """All at the same point."""
        status = InstanceStatus.IN_SERVICE if self.started_well else InstanceStatus.STARTING
        return tuple(InstanceState(f"i-{number}", status) for number in range(self.spec.count))

    @property
    def routes(self) -> tuple[Instance, ...]:
        """None before it serves."""
        if not self.started_well:
            return ()
        return tuple(Instance(f"i-{number}", "127.0.0.1", id(self)) for number in range(self.spec.count))

    async def started(self) -> None:
        """Raises FleetFailure."""
        await asyncio.shield(self.outcome)

    async def resize(self, count: int, before_stop: BeforeStop) -> None:
        """Raises FleetFailure when it is to grow and the host is full."""
        await asyncio.sleep(0)
        if count > self.spec.count and self._host.full:
            raise NO_CAPACITY
        leaving = self.routes[count:]
        self.spec = replace(self.spec, count=count)
        if leaving:
            await before_stop(leaving)

    async def stop(self) -> None:
        """For good."""
        await asyncio.sleep(0)
        self.stopped = True


class Host:
    """Every fleet that was ever started. ``full``: none can grow."""

    def __init__(self) -> None:
        self.fleets: list[Fleet] = []
        self.full = False
        self.tails = Tails()

    def start_fleet(self, spec: FleetSpec) -> Fleet:
        """Never refuses."""
        self.fleets.append(Fleet(spec, self))
        return self.fleets[-1]

    @property
    def running(self) -> set[Fleet]:
        """Those that nobody has stopped."""
        return {each for each in self.fleets if not each.stopped}


class Router:
    """Knows the last table."""

    def __init__(self) -> None:
        self.table = RouteTable()

    async def publish(self, table: RouteTable) -> None:
        """Takes a turn of the loop."""
        await asyncio.sleep(0)
        self.table = table

    async def drained(self, instances: Iterable[Instance]) -> None:
        """At once: no call is under way here."""
        await asyncio.sleep(0)


class Mistakes(logging.Handler):
    """What the engine gave up on: only a mistake of ours is logged so."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps its text."""
        self.records.append(record.getMessage())
