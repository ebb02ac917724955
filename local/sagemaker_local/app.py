"""Local SageMaker as a whole: its processes started in order, ended in reverse."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
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
from sagemaker_local.hosting.images import ImageRule, built_in_rules, load_rules
from sagemaker_local.hosting.python_environment import cache_folder
from sagemaker_local.hosting.settings import MEBIBYTE, HostSettings
from sagemaker_local.hosting.storage import Storage
from sagemaker_local.inner.passage import Passage, Passed
from sagemaker_local.inner.process import InnerAws, InnerAwsError
from sagemaker_local.inner.roles import Roles
from sagemaker_local.router.capture import CAPTURED
from sagemaker_local.router.models import MODEL_UNUSED, MODEL_WANTED
from sagemaker_local.router.process import RouterProcess, RouterSettings
from sagemaker_local.router.routes import EndpointKey
from sagemaker_local.router.serverless import ENVIRONMENTS
from sagemaker_local.scaling.api import ScalingApi
from sagemaker_local.scaling.scaler import Scaler
from sagemaker_local.settings import Settings
from sagemaker_local.snapshot.file import Kept, StateFile, lock_folder
from sagemaker_local.snapshot.keeper import Keeper
from sagemaker_local.snapshot.kinds import put_back
from sagemaker_local.status.gathering import Gathering, Sources, own_pids
from sagemaker_local.status.page import StatusPage

log = logging.getLogger(__name__)

_LOOPBACK = "127.0.0.1"
STATE_FILE, INNER_FILE = "state.sqlite", "aws.sqlite"
"""Below the state folder: the control plane's records, and what the inner AWS keeps."""


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises OSError when the port is taken, ValueError for a bad image map, folder or state file, InnerAwsError when
    moto does not start or dies again and again.
    """
    if settings.ready_file is not None:
        if not settings.ready_file.parent.is_dir():
            raise ValueError(f"--ready-file: there is no folder {settings.ready_file.parent}. Make it first")
        settings.ready_file.unlink(missing_ok=True)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    failures: list[InnerAwsError] = []

    def inner_failed(error: InnerAwsError) -> None:
        failures.append(error)
        stopped.set()

    async with serving(settings, inner_failed) as url:
        log.info("SageMaker answers at %s, its status page at %s/_local/", url, url)
        if settings.ready_file is not None:
            _write_ready(settings.ready_file, url)
        await stopped.wait()
        log.info("Stopping")
    if failures:
        raise failures[0]


@asynccontextmanager
async def serving(
    settings: Settings, inner_failed: Callable[[InnerAwsError], None] = lambda error: None
) -> AsyncIterator[str]:
    """Everything running; gives the URL. ``inner_failed`` hears that the inner AWS is gone for good."""
    rules = load_rules(settings.images) if settings.images else built_in_rules()
    async with AsyncExitStack() as stack:
        state_dir = _state_dir(settings, stack)
        stack.callback(lock_folder(state_dir).close)
        file, kept = None, Kept()
        if settings.state_dir is not None:
            file = StateFile(state_dir / STATE_FILE)
            stack.callback(file.close)
            kept = file.load()
        listener = socket.create_server((_LOOPBACK, 0), backlog=1024)
        stack.callback(listener.close)
        upstream = (_LOOPBACK, listener.getsockname()[1])
        router_settings = RouterSettings(
            *upstream, settings.host, settings.port, stream_timeout_seconds=settings.stream_seconds
        )
        listeners: dict[str, Callable[[Mapping[str, Any]], None]] = {}
        router = RouterProcess(router_settings, lambda event: _heard(event, listeners))
        port = await router.start()
        stack.push_async_callback(router.close)
        inner = InnerAws(state_dir / INNER_FILE, inner_failed)
        stack.push_async_callback(inner.close)
        await inner.start()
        url = f"http://{_shown_host(settings.host)}:{port}"
        host_settings = _host_settings(settings, state_dir, rules, inner.url, url)
        await _start_control(stack, settings, host_settings, router, inner, listener, listeners, kept, file)
        yield url


async def _start_control(
    stack: AsyncExitStack,
    settings: Settings,
    host_settings: HostSettings,
    router: RouterProcess,
    inner: InnerAws,
    listener: socket.socket,
    listeners: dict[str, Callable[[Mapping[str, Any]], None]],
    kept: Kept,
    file: StateFile | None,
) -> None:
    """The control plane in this process, from records to HTTP; ``kept`` is what it begins with."""
    faults, limit, calls = Faults(), RateLimit(settings.calls_per_second), CallLog()
    accounts: dict[str, str] = dict(kept.access_keys or {})

    def key_given(access_key: str, account: str) -> None:
        accounts[access_key] = account
        routes.add_account(access_key, account)
        routes.flush_soon()

    def call_passed(call: Passed) -> None:
        calls.add(call.operation, call.caller.account, call.caller.region, call.outcome, "", call.user_agent)

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
    storage = Storage(inner.url)
    put_back(store, kept.records)
    clock = ManualClock(kept.now) if settings.clock == "manual" else Clock(settings.clock_scale, kept.now)
    capture = _capture_writer(store, storage, settings.capture_seconds)
    stack.push_async_callback(capture.close)
    listeners[CAPTURED] = capture.captured
    dispatcher = _dispatcher(store, storage, host_settings.state_dir, clock)
    routes = Routes(BothRouters(router, dispatcher))
    host = Host(host_settings, fleet_changed)
    stack.push_async_callback(host.close)
    fleets = Fleets(host, routes)
    monitor = Monitor(clock, store, router, inner.url, dispatcher)
    stack.push_async_callback(monitor.close)
    await monitor.sync()
    inner.restarted.append(monitor.sync)
    monitor.start()
    seconds = (settings.create_seconds, settings.delete_seconds)
    bench = Workbench(clock, store, fleets, routes, faults, *seconds, monitor.firing)
    engine = Engine(bench)
    stack.push_async_callback(engine.close)
    jobs = Jobs(clock, store, host, settings.create_seconds)
    stack.push_async_callback(jobs.close)
    components = Components(clock, store, host, routes, settings.create_seconds, settings.delete_seconds)
    stack.push_async_callback(components.close)
    stack.push_async_callback(dispatcher.close)  # before the hosts of what it sends there
    environments = Environments(clock, store, fleets, routes, settings.serverless_idle_seconds)
    stack.push_async_callback(environments.close)
    listeners[ENVIRONMENTS] = environments.heard
    loads = ModelLoads(fleets, router)
    stack.push_async_callback(loads.close)
    listeners[MODEL_WANTED], listeners[MODEL_UNUSED] = loads.wanted, loads.unused
    passage = Passage(inner.url, key_given, call_passed)
    stack.push_async_callback(passage.close)
    sources = Sources(
        host_settings.container_endpoint_url or "",
        store,
        fleets,
        components,
        faults,
        calls,
        clock,
        host.tails,
        lambda: own_pids(router.pid, inner.pid),
        router.counts,
        dispatcher.backlogs,
        dispatcher.counts,
    )
    status = StatusPage(Gathering(sources))
    admin = Admin(
        AdminParts(
            store,
            fleets,
            faults,
            limit,
            calls,
            sources.pids,
            dispatcher,
            ClockAdmin(clock, store, monitor.sync, engine.published).answers,
            {"": status.html, "status": status.json},
        )
    )
    scaler = Scaler(store, clock.now)
    scaling = ScalingApi(store, calls, clock.now, monitor.change_alarms)

    async def alarms_judged(alarms: tuple[Alarm, ...]) -> None:
        scaler.act(alarms)
        for state in store.states():
            await monitor.change_alarms(state)

    monitor.ticked.append(alarms_judged)
    runtime = AsyncRuntime(store, dispatcher, clock.now)
    for access_key, account in accounts.items():
        routes.add_account(access_key, account)
    await revive(bench, engine, components, jobs)
    roles = Roles(inner.url)
    stack.push_async_callback(roles.close)
    api = Api(store, faults, limit, calls, clock.now, roles.exists)
    server = ControlServer(api, admin, passage, accounts, runtime, scaling)
    await server.start(listener)
    if file is not None:
        keeper = Keeper(file, store, accounts, clock.now, own_time=clock.scale != 1.0)
        keeper.start(dict(kept.records))
        stack.push_async_callback(keeper.close)
    stack.push_async_callback(server.close)


def _heard(event: Mapping[str, Any], listeners: Mapping[str, Callable[[Mapping[str, Any]], None]]) -> None:
    listener = listeners.get(event["event"])
    if listener is not None:
        listener(event)


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
    return Dispatcher(
        DispatcherParts(queue, processor, config_of, clock.now, lambda: store.switches.backlog_counts_running)
    )


def _host_settings(
    settings: Settings, state_dir: Path, rules: tuple[ImageRule, ...], aws_url: str, public_url: str
) -> HostSettings:
    optional: dict[str, Any] = {}
    if settings.max_processes_per_variant is not None:
        optional["max_processes_per_variant"] = settings.max_processes_per_variant
    return HostSettings(
        state_dir,
        aws_url,
        container_endpoint_url=public_url,
        image_rules=rules,
        container_startup_health_check_timeout_seconds=settings.startup_seconds,
        health_check_interval_seconds=settings.health_check_seconds,
        stop_grace_seconds=settings.stop_grace_seconds,
        allow_requirements=settings.allow_requirements,
        multi_model_memory_bytes=settings.multi_model_memory_mib * MEBIBYTE,
        cache_dir=cache_folder(os.environ),
        **optional,
    )


def _state_dir(settings: Settings, stack: AsyncExitStack) -> Path:
    if settings.state_dir is not None:
        try:
            settings.state_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = f"{settings.state_dir} cannot be made a folder: {error.strerror}"
            raise ValueError(f"--state-dir: {reason}. Name a folder that can be written") from error
        return settings.state_dir.resolve()
    folder = Path(tempfile.mkdtemp(prefix="sagemaker-local-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _shown_host(host: str) -> str:
    host = {"0.0.0.0": _LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"[{host}]" if ":" in host else host


def _write_ready(path: Path, url: str) -> None:
    """Whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    beside.replace(path)
