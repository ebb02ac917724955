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
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from sagemaker_local.control.admin import Admin, AdminParts
from sagemaker_local.control.admin_clock import ClockAdmin
from sagemaker_local.control.api import Api
from sagemaker_local.control.calls import CallLog
from sagemaker_local.control.faults import Faults
from sagemaker_local.control.lifecycle.changes import Workbench
from sagemaker_local.control.lifecycle.clock import Clock, ManualClock
from sagemaker_local.control.lifecycle.engine import Engine
from sagemaker_local.control.lifecycle.fleets import Fleets
from sagemaker_local.control.lifecycle.routes import Routes
from sagemaker_local.control.limits import RateLimit
from sagemaker_local.control.monitor import Alarm, Monitor
from sagemaker_local.control.server import ControlServer
from sagemaker_local.control.state.store import Store
from sagemaker_local.hosting.host import Fleet, Host
from sagemaker_local.hosting.images import ImageRule, built_in_rules, load_rules
from sagemaker_local.hosting.settings import HostSettings
from sagemaker_local.inner.passage import Passage, Passed
from sagemaker_local.inner.process import InnerAws
from sagemaker_local.router.process import RouterProcess, RouterSettings
from sagemaker_local.router.routes import EndpointKey
from sagemaker_local.scaling.api import ScalingApi
from sagemaker_local.scaling.scaler import Scaler
from sagemaker_local.settings import Settings

log = logging.getLogger(__name__)

_LOOPBACK = "127.0.0.1"


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises OSError when the port is taken, ValueError for a bad image map, InnerAwsError when moto does not start.
    """
    if settings.ready_file is not None:
        settings.ready_file.unlink(missing_ok=True)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with serving(settings) as url:
        log.info("SageMaker answers at %s", url)
        if settings.ready_file is not None:
            _write_ready(settings.ready_file, url)
        await stopped.wait()
        log.info("Stopping")


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    """Everything running; gives the URL."""
    rules = load_rules(settings.images) if settings.images else built_in_rules()
    async with AsyncExitStack() as stack:
        state_dir = _state_dir(settings, stack)
        listener = socket.create_server((_LOOPBACK, 0), backlog=1024)
        stack.callback(listener.close)
        router = RouterProcess(RouterSettings(_LOOPBACK, listener.getsockname()[1], settings.host, settings.port))
        port = await router.start()
        stack.push_async_callback(router.close)
        inner = InnerAws()
        stack.push_async_callback(inner.close)
        await inner.start()
        url = f"http://{_shown_host(settings.host)}:{port}"
        host_settings = _host_settings(settings, state_dir, rules, inner.url, url)
        await _start_control(stack, settings, host_settings, router, inner, listener)
        yield url


async def _start_control(
    stack: AsyncExitStack,
    settings: Settings,
    host_settings: HostSettings,
    router: RouterProcess,
    inner: InnerAws,
    listener: socket.socket,
) -> None:
    """The control plane in this process, from records to HTTP."""
    faults, limit, calls, routes = Faults(), RateLimit(settings.calls_per_second), CallLog(), Routes(router)
    accounts: dict[str, str] = {}

    def key_given(access_key: str, account: str) -> None:
        accounts[access_key] = account
        routes.add_account(access_key, account)
        routes.flush_soon()

    def call_passed(call: Passed) -> None:
        calls.add(call.operation, call.caller.account, call.caller.region, call.outcome, "", call.user_agent)

    def endpoint_asked(key: EndpointKey) -> None:
        engine.wake(key)

    def fleet_changed(fleet: Fleet) -> None:
        engine.fleet_changed(fleet)

    store = Store(endpoint_asked)
    host = Host(host_settings, fleet_changed)
    stack.push_async_callback(host.close)
    fleets = Fleets(host, routes)
    clock = ManualClock() if settings.clock == "manual" else Clock(settings.clock_scale)
    monitor = Monitor(clock, store, router, inner.url)
    stack.push_async_callback(monitor.close)
    await monitor.sync()
    monitor.start()
    seconds = (settings.create_seconds, settings.delete_seconds)
    bench = Workbench(clock, store, fleets, routes, faults, *seconds, monitor.firing)
    engine = Engine(bench)
    stack.push_async_callback(engine.close)
    passage = Passage(inner.url, key_given, call_passed)
    stack.push_async_callback(passage.close)
    admin = Admin(
        AdminParts(
            store,
            fleets,
            faults,
            limit,
            calls,
            lambda: {"control": os.getpid(), "router": router.pid, "aws": inner.pid},
            ClockAdmin(clock, store, monitor.sync, engine.published).answers,
        )
    )
    scaler = Scaler(store, clock.now)
    scaling = ScalingApi(store, calls, clock.now, monitor.change_alarms)

    async def alarms_judged(alarms: tuple[Alarm, ...]) -> None:
        scaler.act(alarms)
        for state in store.states():
            await monitor.change_alarms(state)

    monitor.ticked.append(alarms_judged)
    server = ControlServer(Api(store, faults, limit, calls, clock.now), admin, passage, accounts, scaling)
    await server.start(listener)
    stack.push_async_callback(server.close)


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
        **optional,
    )


def _state_dir(settings: Settings, stack: AsyncExitStack) -> Path:
    if settings.state_dir is not None:
        settings.state_dir.mkdir(parents=True, exist_ok=True)
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
