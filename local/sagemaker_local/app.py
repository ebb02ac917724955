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

from sagemaker_local.control_plane import Base, Listeners, start_control_plane
from sagemaker_local.hosting.images import ImageRule, built_in_rules, load_rules
from sagemaker_local.hosting.python_environment import cache_folder
from sagemaker_local.hosting.settings import MEBIBYTE, HostSettings
from sagemaker_local.inner.process import InnerAws, InnerAwsError
from sagemaker_local.router.process import RouterProcess, RouterSettings
from sagemaker_local.settings import Settings
from sagemaker_local.snapshot.file import Kept, StateFile, lock_folder

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
        for name in ("fleets", "transform"):  # of a life that could not clean up
            shutil.rmtree(state_dir / name, ignore_errors=True)
        file, kept = None, Kept()
        if settings.state_dir is not None:
            file = StateFile(state_dir / STATE_FILE)
            stack.callback(file.close)
            kept = file.load()
        listener = socket.create_server((_LOOPBACK, 0), backlog=1024)
        stack.callback(listener.close)
        upstream = (_LOOPBACK, listener.getsockname()[1])
        router_settings = RouterSettings(
            *upstream,
            settings.host,
            settings.port,
            model_timeout_seconds=settings.model_timeout_seconds,
            stream_timeout_seconds=settings.stream_seconds,
        )
        listeners: Listeners = {}
        router = RouterProcess(router_settings, lambda event: _heard(event, listeners))
        port = await router.start()
        stack.push_async_callback(router.close)
        inner = InnerAws(state_dir / INNER_FILE, inner_failed)
        stack.push_async_callback(inner.close)
        await inner.start()
        url = f"http://{_shown_host(settings.host)}:{port}"
        host_settings = _host_settings(settings, state_dir, rules, inner.url, url)
        base = Base(settings, host_settings, router, inner, listener, listeners, kept, file)
        await start_control_plane(stack, base)
        yield url


def _heard(event: Mapping[str, Any], listeners: Listeners) -> None:
    listener = listeners.get(event["event"])
    if listener is not None:
        listener(event)


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
    """Whole or not at all. Raises OSError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(json.dumps({"url": url, "pid": os.getpid()}))
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        reason = f"{path} was not written: {error.strerror}"
        raise OSError(f"--ready-file: {reason}. Make room there or name another file") from error
