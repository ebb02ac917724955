"""The control plane in this process, put together from its records to HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sagemaker_local.asynchronous.dispatcher import Dispatcher, DispatcherParts
from sagemaker_local.asynchronous.processing import Processor
from sagemaker_local.asynchronous.queue import Queue
from sagemaker_local.asynchronous.routing import BothRouters
from sagemaker_local.asynchronous.runtime import AsyncRuntime
from sagemaker_local.control.admin import Admin, AdminParts
from sagemaker_local.control.admin_clock import ClockAdmin
from sagemaker_local.control.api import Api
from sagemaker_local.control.calls import CallLog
from sagemaker_local.control.capture import CaptureWriter, Target
from sagemaker_local.control.faults import Faults
from sagemaker_local.control.instance_metrics import InstanceMetrics
from sagemaker_local.control.lifecycle.changes import Workbench
from sagemaker_local.control.lifecycle.clock import Clock, ManualClock
from sagemaker_local.control.lifecycle.components import Components
from sagemaker_local.control.lifecycle.engine import Engine
from sagemaker_local.control.lifecycle.environments import Environments
from sagemaker_local.control.lifecycle.fleets import Fleets
from sagemaker_local.control.lifecycle.jobs import Jobs
from sagemaker_local.control.lifecycle.models import ModelLoads
from sagemaker_local.control.lifecycle.revival import revive
from sagemaker_local.control.lifecycle.routes import Routes
from sagemaker_local.control.limits import RateLimit
from sagemaker_local.control.monitor import Alarm, Monitor
from sagemaker_local.control.server import ControlServer
from sagemaker_local.control.state.components import ComponentKey
from sagemaker_local.control.state.features import AsyncInference, DataCapture
from sagemaker_local.control.state.jobs import JobKey
from sagemaker_local.control.state.store import Store
from sagemaker_local.hosting.host import Fleet, Host
from sagemaker_local.hosting.settings import HostSettings
from sagemaker_local.hosting.storage import Storage
from sagemaker_local.inner.passage import Passage, Passed
from sagemaker_local.inner.process import InnerAws
from sagemaker_local.inner.roles import Roles
from sagemaker_local.router.callers import DEFAULT_ACCOUNT, AccessKey
from sagemaker_local.router.capture import CAPTURED
from sagemaker_local.router.models import MODEL_UNUSED, MODEL_WANTED
from sagemaker_local.router.process import RouterProcess
from sagemaker_local.router.routes import EndpointKey
from sagemaker_local.router.serverless import ENVIRONMENTS
from sagemaker_local.scaling.api import ScalingApi
from sagemaker_local.scaling.scaler import Scaler
from sagemaker_local.settings import Settings
from sagemaker_local.snapshot.file import Kept, StateFile
from sagemaker_local.snapshot.keeper import Keeper
from sagemaker_local.snapshot.kinds import MARK, put_back
from sagemaker_local.status.gathering import Gathering, Sources, own_pids
from sagemaker_local.status.page import StatusPage

Listeners = dict[str, Callable[[Mapping[str, Any]], None]]
"""Who hears the router's events, by the event's name."""


@dataclass(frozen=True, slots=True)
class Base:
    """What the control plane stands on. ``kept`` is what it begins with, ``file`` where it is kept on."""

    settings: Settings
    host_settings: HostSettings
    router: RouterProcess
    inner: InnerAws
    listener: socket.socket
    listeners: Listeners
    kept: Kept
    file: StateFile | None


@dataclass(frozen=True, slots=True)
class _Lifecycle:
    """The records and what carries out their changes."""

    store: Store
    clock: Clock
    faults: Faults
    dispatcher: Dispatcher
    routes: Routes
    host: Host
    fleets: Fleets
    monitor: Monitor
    bench: Workbench
    engine: Engine
    jobs: Jobs
    components: Components


async def start_control_plane(stack: AsyncExitStack, base: Base) -> None:
    """Everything of it, answering on the listener; the stack ends it."""
    life = await _start_lifecycle(stack, base)
    _start_on_demand(stack, base, life)
    access_keys: dict[str, AccessKey] = dict(base.kept.access_keys or {})
    limit, calls = RateLimit(base.settings.calls_per_second), CallLog()

    async def key_given(name: str, access_key: AccessKey) -> None:
        if access_key == AccessKey(DEFAULT_ACCOUNT):  # as any key that nobody knows: not worth keeping
            return
        access_keys[name] = access_key
        life.routes.add_access_key(name, access_key)
        await life.routes.flush()

    def call_passed(call: Passed) -> None:
        calls.add(call.operation, call.caller.account, call.caller.region, call.outcome, "", call.user_agent)

    passage = Passage(base.inner.url, key_given, call_passed, base.settings.role_session_seconds)
    stack.push_async_callback(passage.close)
    admin = _admin(base, life, limit, calls)
    scaling = _scaling(life, calls)
    runtime = AsyncRuntime(life.store, life.dispatcher, life.clock.now)
    for name, access_key in access_keys.items():
        life.routes.add_access_key(name, access_key)
    await revive(life.bench, life.engine, life.components, life.jobs)
    await life.routes.flush()  # the keys, also where there was nothing to revive
    roles = Roles(base.inner.url)
    stack.push_async_callback(roles.close)
    api = Api(life.store, life.faults, limit, calls, life.clock.now, roles.exists)
    server = ControlServer(api, admin, passage, access_keys, runtime, scaling)
    await server.start(base.listener)
    if base.file is not None:
        own_time = life.clock.scale != 1.0
        keeper = Keeper(base.file, life.store, access_keys, life.clock.now, own_time=own_time, marks=life.faults.marks)
        keeper.start(dict(base.kept.records))
        stack.push_async_callback(keeper.close)
    stack.push_async_callback(server.close)


async def _start_lifecycle(stack: AsyncExitStack, base: Base) -> _Lifecycle:
    """Records with engines that hear of each change; what runs earlier ends later."""
    settings = base.settings

    def endpoint_asked(key: EndpointKey) -> None:
        engine.wake(key)

    def job_asked(key: JobKey) -> None:
        jobs.wake(key)

    def component_asked(key: ComponentKey) -> None:
        components.wake(key)

    def fleet_changed(fleet: Fleet) -> None:
        engine.fleet_changed(fleet)
        jobs.fleet_changed(fleet)
        components.fleet_changed(fleet)

    store = Store(endpoint_asked, settings.switches, job_asked, component_asked)
    storage = Storage(base.inner.url)
    put_back(store, base.kept.records)
    faults = Faults()
    faults.put_back(record for key, record in base.kept.records if key.kind == MARK)
    clock = ManualClock(base.kept.now) if settings.clock == "manual" else Clock(settings.clock_scale, base.kept.now)
    capture = _capture_writer(store, storage, settings.capture_seconds)
    stack.push_async_callback(capture.close)
    base.listeners[CAPTURED] = capture.captured
    dispatcher = _dispatcher(store, storage, base.host_settings.state_dir, clock)
    routes = Routes(BothRouters(base.router, dispatcher))
    host = Host(base.host_settings, fleet_changed)
    stack.push_async_callback(host.close)
    fleets = Fleets(host, routes)
    monitor = Monitor(clock, store, base.router, (base.inner.url, base.inner.token), dispatcher)
    stack.push_async_callback(monitor.close)
    await monitor.sync()
    base.inner.restarted.append(monitor.sync)
    instances = InstanceMetrics(store, fleets, host.load_times.take, base.host_settings.state_dir)
    monitor.minutely.append(instances.minute)
    monitor.start()
    seconds = (settings.create_seconds, settings.delete_seconds)
    bench = Workbench(clock, store, fleets, routes, faults, *seconds, monitor.firing)
    engine = Engine(bench)
    stack.push_async_callback(engine.close)
    jobs = Jobs(clock, store, host, settings.create_seconds)
    stack.push_async_callback(jobs.close)
    components = Components(clock, store, host, routes, *seconds)
    stack.push_async_callback(components.close)
    stack.push_async_callback(dispatcher.close)  # before the hosts of what it sends there
    return _Lifecycle(store, clock, faults, dispatcher, routes, host, fleets, monitor, bench, engine, jobs, components)


def _start_on_demand(stack: AsyncExitStack, base: Base, life: _Lifecycle) -> None:
    """What the router asks for when a call comes: environments of serverless variants, models of multi-model ones."""
    environments = Environments(life.clock, life.store, life.fleets, life.routes, base.settings.serverless_idle_seconds)
    stack.push_async_callback(environments.close)
    base.listeners[ENVIRONMENTS] = environments.heard
    loads = ModelLoads(life.fleets, base.router)
    stack.push_async_callback(loads.close)
    base.listeners[MODEL_WANTED], base.listeners[MODEL_UNUSED] = loads.wanted, loads.unused


def _admin(base: Base, life: _Lifecycle, limit: RateLimit, calls: CallLog) -> Admin:
    """The admin API, with the status page below it."""
    sources = Sources(
        base.host_settings.container_endpoint_url or "",
        life.store,
        life.fleets,
        life.components,
        life.faults,
        calls,
        life.clock,
        life.host.tails,
        lambda: own_pids(base.router.pid, base.inner.pid),
        base.router.counts,
        life.dispatcher.backlogs,
        life.dispatcher.counts,
    )
    status = StatusPage(Gathering(sources))
    return Admin(
        AdminParts(
            life.store,
            life.fleets,
            life.faults,
            limit,
            calls,
            sources.pids,
            life.dispatcher,
            ClockAdmin(life.clock, life.store, life.monitor.sync, life.engine.published).answers,
            {"": status.html, "status": status.json},
        )
    )


def _scaling(life: _Lifecycle, calls: CallLog) -> ScalingApi:
    """Application Auto Scaling, which acts whenever alarms have been judged."""
    scaler = Scaler(life.store, life.clock.now)

    async def alarms_judged(alarms: tuple[Alarm, ...]) -> None:
        scaler.act(alarms)
        for state in life.store.states():
            await life.monitor.change_alarms(state)

    life.monitor.ticked.append(alarms_judged)
    return ScalingApi(life.store, calls, life.clock.now, life.monitor.change_alarms)


def _capture_writer(store: Store, storage: Storage, flush_seconds: float) -> CaptureWriter:
    def config_of(key: EndpointKey) -> DataCapture | None:
        endpoint = store.endpoint(key)
        return endpoint.features.data_capture if endpoint else None

    async def put(target: Target, name: str, body: bytes) -> None:
        url = f"{target.folder}/{name}"
        await asyncio.to_thread(storage.put, url, body, "application/jsonl", target.account, target.region)

    return CaptureWriter(config_of, put, flush_seconds)


def _dispatcher(store: Store, storage: Storage, state_dir: Path, clock: Clock) -> Dispatcher:
    def config_of(key: EndpointKey) -> AsyncInference | None:
        endpoint = store.endpoint(key)
        return endpoint.features.asynchronous if endpoint else None

    folder = state_dir / "asynchronous"
    queue, processor = Queue(folder / "queue.sqlite"), Processor(storage, folder / "bodies", clock.now)
    queue.keep({each.key for each in store.endpoints()})
    return Dispatcher(
        DispatcherParts(queue, processor, config_of, clock.now, lambda: store.switches.backlog_counts_running)
    )
