"""What must hold when local SageMaker runs for long, or when a neighbour of it fails for a moment."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from moto.cloudwatch import models
from moto.core import DEFAULT_ACCOUNT_ID

from sagemaker_local.asynchronous.counts import AsyncRecorder
from sagemaker_local.asynchronous.dispatcher import Dispatcher, DispatcherParts
from sagemaker_local.asynchronous.processing import InstanceGoneError
from sagemaker_local.asynchronous.queue import Lengths, Queue
from sagemaker_local.asynchronous.request import AsyncRequest
from sagemaker_local.control.lifecycle.clock import Clock
from sagemaker_local.control.monitor import Monitor
from sagemaker_local.control.state.features import AsyncInference, AsyncOutputConfig
from sagemaker_local.control.state.store import Store
from sagemaker_local.inner import cloudwatch, metric_data
from sagemaker_local.inner.clock import seconds
from sagemaker_local.inner.process import InnerAws
from sagemaker_local.router.routes import EndpointRoute, RouteTable, VariantRoute
from sagemaker_local.snapshot.file import Changes, StateFile
from sagemaker_local.snapshot.keeper import Keeper

KEY = ("111122223333", "eu-west-1", "e")
CONFIG = AsyncInference(AsyncOutputConfig("s3://b/out"))
ROUTE = EndpointRoute(*KEY, "InService", (VariantRoute("main", 1.0, echo=True),), asynchronous=True)


def played(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*arguments: Any, **fields: Any) -> None:
        asyncio.run(test(*arguments, **fields))

    return run


def request(name: str) -> AsyncRequest:
    return AsyncRequest(name, KEY, name, 1.0, 100.0, 900.0, "s3://b/o", None, "s3://b/i")


class Processor:
    """Loses every instance once it is told to."""

    def __init__(self) -> None:
        self.begun, self.lose = asyncio.Event(), asyncio.Event()
        self.expired: list[str] = []

    async def process(self, asked: AsyncRequest, config: Any, place: Any, counts: AsyncRecorder) -> None:
        self.begun.set()
        await self.lose.wait()
        raise InstanceGoneError("gone")

    async def fail(self, *arguments: Any) -> None:
        raise AssertionError("nobody is to be told of a request of an endpoint that is gone")

    async def expire(self, asked: AsyncRequest, config: Any, counts: AsyncRecorder) -> None:
        self.expired.append(asked.identity)

    async def close(self) -> None:
        pass


def dispatcher_of(queue: Queue, processor: Any, now: Callable[[], float] = lambda: 2.0) -> Dispatcher:
    return Dispatcher(DispatcherParts(queue, processor, lambda key: CONFIG, now, lambda: True))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what changes has no event
            await asyncio.sleep(0.01)


@played
async def test_a_request_whose_instance_is_lost_after_its_endpoint_was_deleted_is_not_left_for_a_namesake(
    tmp_path: Path,
) -> None:
    queue, processor = Queue(tmp_path / "queue"), Processor()
    dispatcher = dispatcher_of(queue, processor)
    dispatcher.table_changed(RouteTable({KEY: ROUTE}))
    dispatcher.accept(request("one"))
    await processor.begun.wait()
    dispatcher.table_changed(RouteTable())
    processor.lose.set()
    await until(lambda: not queue.lengths(KEY).running)
    assert queue.lengths(KEY) == Lengths(0, 0, None)
    await dispatcher.close()


@played
async def test_counts_of_endpoints_that_are_gone_are_forgotten_once_they_were_taken(tmp_path: Path) -> None:
    dispatcher = dispatcher_of(Queue(tmp_path / "queue"), Processor())
    dispatcher.table_changed(RouteTable({KEY: ROUTE}))
    dispatcher._of(KEY, "main").add("expired_requests")
    dispatcher.table_changed(RouteTable())
    assert dispatcher.take() == {(KEY, "main"): {"expired_requests": {1.0: 1}}}
    assert dispatcher.take() == {}
    assert dispatcher.counts() == {}
    await dispatcher.close()


@played
async def test_requests_expire_though_the_queue_failed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue, processor = Queue(tmp_path / "queue"), Processor()
    queue.put(request("late"))
    failures = [sqlite3.OperationalError("disk I/O error")]
    take = queue.take_expired

    def failing(now: float) -> list[AsyncRequest]:
        if failures:
            raise failures.pop()
        return take(now)

    monkeypatch.setattr(queue, "take_expired", failing)
    dispatcher = dispatcher_of(queue, processor, lambda: 1000.0)
    await until(lambda: processor.expired == ["late"])
    await dispatcher.close()


def test_a_request_of_an_endpoint_that_no_record_knows_does_not_wait_for_a_namesake(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "queue")
    queue.put(request("left"))
    queue.keep({("111122223333", "eu-west-1", "other")})
    assert queue.lengths(KEY) == Lengths(0, 0, None)
    queue.put(request("kept"))
    queue.keep({KEY})
    assert queue.lengths(KEY).waiting == 1
    queue.close()


@played
async def test_alarms_that_cloudwatch_could_not_be_told_of_are_told_later() -> None:
    store = Store(lambda key: None)
    monitor = Monitor(Clock(), store, None, ("http://127.0.0.1:1", "token"), None)  # type: ignore[arg-type] # not asked
    state = store.of(*KEY[:2])
    state.scaling.put.append({"name": "new"})
    state.scaling.gone.append("old")
    with pytest.raises(aiohttp.ClientConnectionError):
        await monitor.change_alarms(state)
    assert (state.scaling.put, state.scaling.gone) == ([{"name": "new"}], ["old"])
    await monitor.close()


@played
async def test_moto_is_started_again_though_nobody_could_be_told_the_last_time(tmp_path: Path) -> None:
    inner, told = InnerAws(tmp_path / "aws.sqlite"), asyncio.Semaphore(0)

    async def failing() -> None:
        told.release()
        raise aiohttp.ClientConnectionError("it is gone again")

    inner.restarted.append(failing)
    await inner.start()
    try:
        for _ in range(2):
            assert inner.pid is not None
            os.kill(inner.pid, signal.SIGKILL)
            async with asyncio.timeout(60):
                await told.acquire()
            assert inner.pid is not None
    finally:
        await inner.close()


def test_statistics_are_right_after_the_oldest_values_were_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_data, "_MOST_DATA", 10)
    series = {"account": DEFAULT_ACCOUNT_ID, "region": "eu-west-3", "namespace": "n", "unit": "None", "dimensions": []}
    key = ("n", "m", frozenset[tuple[str, str]]())
    backend: Any = models.cloudwatch_backends[DEFAULT_ACCOUNT_ID]["eu-west-3"]
    for moment in range(18):
        datum = {**series, "name": "m", "timestamp": moment * 60.0, "values": [[1.0, 1]], "total": 1.0}
        cloudwatch.tick({"now": moment * 60.0, "scale": 1.0, "data": [datum]})
        if moment == 4:
            metric_data.periods(backend, key, 0.0, 60.0, 60)  # somebody looked, and then nobody for long
    held = {seconds(each.timestamp) for each in backend.metric_data}
    assert set(metric_data.periods(backend, key, 0.0, 1e6, 60)) == held
    backend.metric_data.clear()


@played
async def test_what_changed_while_the_last_write_was_under_way_is_kept_at_a_stop(tmp_path: Path) -> None:
    file, store = StateFile(tmp_path / "state"), Store(lambda key: None)
    begun, go_on = threading.Event(), threading.Event()
    write = file.write

    def slow(changes: Changes) -> None:
        begun.set()
        assert go_on.wait(60)
        write(changes)

    file.write = slow  # type: ignore[method-assign] # a disk that takes its time
    keeper = Keeper(file, store, {}, lambda: 1.0)
    store.of("1", "r").tags["first"] = {}
    keeper.start({})
    await asyncio.to_thread(begun.wait, 60)
    store.of("1", "r").tags["second"] = {}
    closing = asyncio.create_task(keeper.close())
    await asyncio.sleep(0)
    go_on.set()
    await closing
    again = StateFile(tmp_path / "state")
    assert {key.name for key, _ in again.load().records} == {"first", "second"}
    again.close()
