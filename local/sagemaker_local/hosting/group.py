"""The containers of one instance of a variant that has several: started, healthy and ended together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from typing import Protocol

from sagemaker_local.hosting.server import ModelServer, NeverHealthyError
from sagemaker_local.hosting.types import InstanceStatus

_WORST_FIRST = (
    InstanceStatus.STOPPING,
    InstanceStatus.UNHEALTHY,
    InstanceStatus.STARTING,
    InstanceStatus.IN_SERVICE,
)


class Server(Protocol):
    """What serves one instance, or several that share it."""

    @property
    def status(self) -> InstanceStatus:
        """Whether it can take requests."""

    @property
    def port(self) -> int | None:
        """Of the container that requests begin with; None before its first start."""

    @property
    def ports(self) -> tuple[int, ...]:
        """Of all containers that were started so far, in the order of the model's containers."""

    @property
    def pid(self) -> int | None:
        """Of the container that requests begin with."""

    @property
    def pids(self) -> tuple[int, ...]:
        """Of all containers that run."""

    @property
    def restarts(self) -> int:
        """Healed deaths."""

    @property
    def message(self) -> str:
        """What was last wrong."""

    async def ready(self) -> None:
        """Return once it is healthy. Raises NeverHealthyError."""

    async def stop(self) -> None:
        """End it."""


class ServerGroup:
    """Several model servers that are one instance: it can take requests while all of them can."""

    def __init__(self, servers: Sequence[ModelServer], names: Sequence[str]) -> None:
        self._servers = tuple(servers)
        self._names = tuple(names)

    @property
    def status(self) -> InstanceStatus:
        """That of the container which is furthest from serving."""
        found = {each.status for each in self._servers}
        return next(each for each in _WORST_FIRST if each in found)

    @property
    def port(self) -> int | None:
        """The first container's."""
        return self._servers[0].port

    @property
    def ports(self) -> tuple[int, ...]:
        """All of them."""
        return tuple(port for each in self._servers for port in each.ports)

    @property
    def pid(self) -> int | None:
        """The first container's."""
        return self._servers[0].pid

    @property
    def pids(self) -> tuple[int, ...]:
        """All of them."""
        return tuple(pid for each in self._servers for pid in each.pids)

    @property
    def restarts(self) -> int:
        """Of all containers together."""
        return sum(each.restarts for each in self._servers)

    @property
    def message(self) -> str:
        """What was last wrong with a container that has something wrong."""
        pairs = zip(self._names, self._servers, strict=True)
        return next((f"{name}: {each.message}" for name, each in pairs if each.message), "")

    async def ready(self) -> None:
        """Return once all are healthy. Raises ContainerNeverHealthyError for the first that never is."""
        tasks = [asyncio.create_task(_named(name, each)) for name, each in zip(self._names, self._servers, strict=True)]
        with _ended(tasks):
            await asyncio.gather(*tasks)

    async def stop(self) -> None:
        """End them all, at the same time."""
        await asyncio.gather(*(each.stop() for each in self._servers))


class ContainerNeverHealthyError(NeverHealthyError):
    """``container`` is the name of the one that did not become healthy."""

    def __init__(self, container: str, cause: str) -> None:
        super().__init__(cause)
        self.container = container


async def _named(name: str, server: ModelServer) -> None:
    try:
        await server.ready()
    except NeverHealthyError as error:
        raise ContainerNeverHealthyError(name, str(error)) from error


@contextlib.contextmanager
def _ended(tasks: Sequence[asyncio.Task[None]]) -> Iterator[None]:
    """None of the tasks goes on afterwards, and each one's outcome was looked at."""
    try:
        yield
    finally:
        for each in tasks:
            each.add_done_callback(lambda task: task.cancelled() or task.exception())
            each.cancel()
