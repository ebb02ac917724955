"""The clock that is stepped by hand: order, and that it waits for what follows it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from sagemaker_local.control.lifecycle.clock import Clock, ManualClock


def stepped(test: Callable[[ManualClock], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    async def play() -> None:
        await asyncio.wait_for(test(ManualClock()), 30)

    def run() -> None:
        asyncio.run(play())

    run.__name__ = test.__name__
    return run


@stepped
async def test_sleepers_wake_in_order_and_at_their_own_time(clock: ManualClock) -> None:
    start, seen = clock.now(), []

    async def act(name: str, *seconds: float) -> None:
        with clock.acting():
            for each in seconds:
                await clock.sleep(each)
                for _ in range(5):
                    await asyncio.sleep(0)  # work that the clock must wait for
                seen.append((name, clock.now() - start))

    tasks = [asyncio.create_task(act("a", 3, 3, 3)), asyncio.create_task(act("b", 4, 4))]
    await asyncio.sleep(0)
    await clock.advance(8)
    assert seen == [("a", 3), ("b", 4), ("a", 6), ("b", 8)]
    await clock.advance(1)
    await asyncio.gather(*tasks)
    assert seen[-1] == ("a", 9)


@stepped
async def test_at_the_same_moment_the_first_comes_first(clock: ManualClock) -> None:
    seen: list[str] = []

    async def act(name: str, first: bool) -> None:
        with clock.acting():
            await clock.sleep(5, first=first)
            seen.append(name)

    tasks = [asyncio.create_task(act("later", False)), asyncio.create_task(act("first", True))]
    await asyncio.sleep(0)
    await clock.advance(5)
    await asyncio.gather(*tasks)
    assert seen == ["first", "later"]


@stepped
async def test_real_work_is_not_waited_for(clock: ManualClock) -> None:
    work = asyncio.Event()

    async def act() -> float:
        with clock.acting():
            await clock.at_least(5, work.wait())
            return clock.now()

    task = asyncio.create_task(act())
    await asyncio.sleep(0)
    await clock.advance(60)
    assert not task.done()
    work.set()
    assert await task == clock.now()


@stepped
async def test_a_cancelled_sleeper_stops_nothing(clock: ManualClock) -> None:
    async def act() -> None:
        with clock.acting():
            await clock.sleep(5)

    task = asyncio.create_task(act())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await clock.advance(10)


@stepped
async def test_work_that_fails_ends_with_its_failure(clock: ManualClock) -> None:
    async def fail() -> None:
        raise OSError("no")

    with clock.acting():
        task = asyncio.create_task(clock.at_least(0, fail()))
        with pytest.raises(OSError, match="no"):
            await task


def test_a_scaled_clock_dates_by_its_own_time() -> None:
    clock = Clock(1e6)
    before = clock.now()
    assert clock.now() > before
    assert (Clock(60).scale, ManualClock.__name__) == (60, "ManualClock")
