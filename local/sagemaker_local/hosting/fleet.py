"""The running instances of one variant."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from sagemaker_local.hosting import failures
from sagemaker_local.hosting.commands import command_of
from sagemaker_local.hosting.group import ContainerNeverHealthyError, Server, ServerGroup
from sagemaker_local.hosting.images import ECHO_IMAGE
from sagemaker_local.hosting.load_times import LoadTimes
from sagemaker_local.hosting.logs import LogShipper, LogStream
from sagemaker_local.hosting.model_data import prepare
from sagemaker_local.hosting.multi_model import ModelStore, StoreTools
from sagemaker_local.hosting.server import ModelServer, NeverHealthyError, ServerCommand
from sagemaker_local.hosting.settings import HostSettings
from sagemaker_local.hosting.storage import Storage
from sagemaker_local.hosting.types import (
    ContainerSpec,
    FleetFailure,
    FleetSpec,
    InstanceState,
    InstanceStatus,
    container_names,
)
from sagemaker_local.router.routes import Instance

LOOPBACK = "127.0.0.1"
BeforeStop = Callable[[tuple[Instance, ...]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class FleetTools:
    """What a fleet needs of its host."""

    settings: HostSettings
    storage: Storage
    logs: LogShipper
    load_times: LoadTimes
    in_thread: Callable[..., Awaitable[None]]
    """Runs a blocking call off the event loop."""

    changed: Callable[[Fleet], None]
    stopped: Callable[[Fleet], None]


class Fleet:
    """The running instances of one variant, made by ``Host.start_fleet``; all of it runs on the host's event loop."""

    def __init__(self, spec: FleetSpec, tools: FleetTools) -> None:
        self._spec = spec
        self._tools = tools
        self._ids: list[str] = [_instance_id() for _ in range(spec.count)]
        self._servers: list[Server] = []
        self._leaving: set[Server] = set()
        self._stores: dict[Server, ModelStore] = {}
        self._commands: tuple[ServerCommand, ...] = ()
        self._names = container_names(each.hostname for each in spec.containers)
        self._preparing: asyncio.Future[None] | None = None
        safe_name = f"{spec.account}-{spec.region}-{spec.endpoint_name}-{spec.variant_name}-{secrets.token_hex(4)}"
        self._base = tools.settings.state_dir / "fleets" / safe_name
        self._stopping: asyncio.Task[None] | None = None
        self._resizing = asyncio.Lock()
        self._starting = asyncio.create_task(self._start())
        self._starting.add_done_callback(lambda task: task.cancelled() or task.exception())

    @property
    def spec(self) -> FleetSpec:
        """As asked for at the start, with the count of the last ``resize``."""
        return self._spec

    @property
    def needs_process(self) -> bool:
        """False for ``local://echo``, which the router answers itself (``VariantRoute.echo``)."""
        return any(each.image != ECHO_IMAGE for each in self._spec.containers)

    @property
    def instances(self) -> tuple[InstanceState, ...]:
        """Every instance as it is now."""
        if not self.needs_process:
            return tuple(InstanceState(each, InstanceStatus.IN_SERVICE) for each in self._ids)
        if not self._servers:
            return tuple(InstanceState(each, InstanceStatus.STARTING) for each in self._ids)
        return tuple(self._state(index) for index in range(len(self._ids)))

    @property
    def routes(self) -> tuple[Instance, ...]:
        """The instances that can take requests now, as the router wants them."""
        return tuple(
            Instance(each.instance_id, LOOPBACK, each.port, each.containers)
            for each in self.instances
            if each.status is InstanceStatus.IN_SERVICE and each.port is not None
        )

    def _state(self, index: int) -> InstanceState:
        server = self._servers[index % len(self._servers)]
        shared_by = len(range(index % len(self._servers), len(self._ids), len(self._servers)))
        serving = server.status is InstanceStatus.IN_SERVICE
        return InstanceState(
            self._ids[index],
            server.status,
            pid=server.pid,
            port=server.port if serving else None,
            shared_by=shared_by,
            restarts=server.restarts,
            message=server.message,
            containers=server.ports if serving and len(self._names) > 1 else (),
            models=self._stores[server].models if server in self._stores else (),
            pids=server.pids,
        )

    def store_at(self, port: int) -> ModelStore | None:
        """The models of the multi-model container that serves at a port."""
        return next((store for server, store in self._stores.items() if server.port == port), None)

    async def started(self) -> None:
        """Return when every instance is in service. Raises FleetFailure; the fleet must then be stopped."""
        await asyncio.shield(self._starting)

    async def _start(self) -> None:
        if not self.needs_process:
            return
        try:
            await self._prepare()
            await self._grow()
        except FleetFailure as failure:
            self._say(f"[sagemaker-local] {failure.message}")
            await self._tools.logs.flush()  # whoever reads of the failure finds the last lines in the log
            raise

    async def _prepare(self) -> None:
        spec = self._spec
        if any(each.image == ECHO_IMAGE for each in spec.containers):
            raise failures.echo_among_others(spec.variant_name)
        commands: list[ServerCommand] = []
        for name, container in zip(self._names, spec.containers, strict=True):
            base = self._base / name if len(spec.containers) > 1 else self._base
            arguments = (container, base, self._say_outside(name), commands)
            self._preparing = asyncio.ensure_future(self._tools.in_thread(self._make_ready, *arguments))
            await asyncio.shield(self._preparing)
        self._commands = tuple(commands)

    def _make_ready(
        self, container: ContainerSpec, base: Path, say: Callable[[str], None], commands: list[ServerCommand]
    ) -> None:
        """Blocks. Raises FleetFailure."""
        settings = self._tools.settings
        prepare(self._spec, container, settings, self._tools.storage, base, say)
        commands.append(command_of(self._spec, container, settings, base, say))

    async def _grow(self) -> None:
        """Start the processes that the count asks for and wait for them. Raises FleetFailure."""
        wanted = min(len(self._ids), max(1, self._tools.settings.max_processes_per_variant // len(self._names)))
        new = [self._server(index) for index in range(len(self._servers), wanted)]
        self._servers = [*self._servers, *new]
        try:
            await self._until_ready(new)
        except FleetFailure:
            self._servers = [each for each in self._servers if each not in new]
            await self._end(new)
            raise

    async def _until_ready(self, servers: list[Server]) -> None:
        variant = self._spec.variant_name
        try:
            await asyncio.gather(*(each.ready() for each in servers))
        except ContainerNeverHealthyError as error:
            raise failures.ping_failed(variant, str(error), error.container) from error
        except NeverHealthyError as error:
            raise failures.ping_failed(variant, str(error)) from error
        for each in servers:
            wrong = await self._stores[each].check() if each in self._stores else None
            if wrong is not None:
                raise failures.no_multi_model(variant, wrong)

    async def _end(self, servers: Iterable[Server]) -> None:
        await asyncio.gather(*(each.stop() for each in servers))
        for each in servers:
            self._stores.pop(each, None)

    def _server(self, index: int) -> Server:
        names, instance_id = self._names, self._ids[index]
        servers = [
            self._model_server(each, instance_id, name) for each, name in zip(self._commands, names, strict=True)
        ]
        if len(servers) > 1:
            return ServerGroup(servers, names)
        if self._spec.containers[0].multi_model:
            settings, stream = self._tools.settings, self._stream(instance_id)

            def say(line: str) -> None:
                self._tools.logs.write(stream, line)

            tools = StoreTools(settings, self._tools.storage, self._tools.in_thread, say, self._tools.load_times)
            self._stores[servers[0]] = ModelStore(servers[0], self._spec, tools, self._base / instance_id)
        return servers[0]

    def _model_server(self, command: ServerCommand, instance_id: str, name: str) -> ModelServer:
        spec, settings = self._spec, self._tools.settings
        seconds = spec.container_startup_health_check_timeout_seconds
        if seconds is None:
            seconds = settings.container_startup_health_check_timeout_seconds
        stream = self._stream(instance_id, name)
        return ModelServer(
            command,
            settings,
            seconds if spec.most_startup_seconds is None else min(seconds, spec.most_startup_seconds),
            on_line=lambda line: self._tools.logs.write(stream, line),
            on_change=lambda: self._tools.changed(self),
        )

    def _stream(self, instance_id: str, name: str = "") -> LogStream:
        """The container's name ends the stream's where there are several."""
        spec = self._spec
        group = spec.log_group or f"/aws/sagemaker/Endpoints/{spec.endpoint_name}"
        end = f"/{name}" if name and len(self._names) > 1 else ""
        return LogStream(spec.account, spec.region, group, f"{spec.variant_name}/{instance_id}{end}{spec.log_suffix}")

    def _say(self, line: str, name: str = "") -> None:
        if self._ids:
            self._tools.logs.write(self._stream(self._ids[0], name), line)

    def _say_outside(self, name: str) -> Callable[[str], None]:
        loop = asyncio.get_running_loop()

        def say(line: str) -> None:
            loop.call_soon_threadsafe(self._say, line, name)

        return say

    async def resize(self, count: int, before_stop: BeforeStop | None = None) -> None:
        """Return when ``count`` instances are in service. Raises FleetFailure; the earlier instances keep running.

        ``before_stop`` is awaited with the instances that leave, already without a place in ``routes``: the moment to
        publish the new routes and to wait until the router has drained the old ones.
        """
        async with self._resizing:
            before, ids = self._spec, self._ids
            self._spec = replace(before, count=count)
            if count >= len(ids):
                self._ids = ids + [_instance_id() for _ in range(count - len(ids))]
                try:
                    if self.needs_process:
                        await self._grow()
                except FleetFailure:
                    self._spec, self._ids = before, ids
                    raise
            else:
                await self._shrink(count, before_stop)
            self._tools.changed(self)

    async def _shrink(self, count: int, before_stop: BeforeStop | None) -> None:
        keep = min(count, max(1, self._tools.settings.max_processes_per_variant // len(self._names)))
        leaving = self._servers[keep:]
        left = tuple(Instance("", LOOPBACK, each.port, each.ports) for each in leaving if each.port is not None)
        self._ids = self._ids[:count]
        self._servers = self._servers[:keep]
        self._leaving.update(leaving)
        self._tools.changed(self)
        if before_stop is not None and left:
            await before_stop(left)
        await self._end(leaving)
        self._leaving.difference_update(leaving)

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL after the grace period; model folder removed. Safe to call at any time, twice too."""
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        self._starting.cancel()
        with contextlib.suppress(asyncio.CancelledError, FleetFailure):
            await self._starting
        if self._preparing is not None:  # a thread cannot be interrupted; it must not write into a removed folder
            await asyncio.wait({self._preparing})
        await self._end((*self._servers, *self._leaving))
        await self._tools.logs.flush()
        await self._tools.in_thread(_remove, self._base)
        self._tools.stopped(self)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _instance_id() -> str:
    return f"i-{secrets.token_hex(9)[:17]}"
