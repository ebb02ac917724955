"""The clock that everything in SageMaker lasts and is dated by: real time, run faster, or stepped by hand.

The latency of requests and the time-outs of clients are not its business: they stay real.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class Clock:
    """``scale`` seconds pass in each real second, beginning at the real time of its making, or later: at ``begin``."""

    def __init__(self, scale: float = 1.0, begin: float | None = None) -> None:
        self._scale = scale
        real = time.time()
        self._ahead = begin is not None and begin > real
        self._epoch, self._began = max(real, begin or 0.0), time.monotonic()

    @property
    def scale(self) -> float:
        """Seconds that pass in a real second; 0 when it is stepped by hand."""
        return self._scale

    def now(self) -> float:
        """Seconds since the epoch."""
        if self._scale == 1.0 and not self._ahead:
            return time.time()
        return self._epoch + (time.monotonic() - self._began) * self._scale

    def real(self, seconds: float) -> float:
        """How long a phase of so many seconds really lasts."""
        return seconds / self._scale

    async def sleep(self, seconds: float, *, first: bool = False) -> None:
        """Let so many seconds of a phase pass. ``first``: before others that wait for the same moment."""
        await asyncio.sleep(self.real(seconds))

    @contextmanager
    def acting(self) -> Iterator[None]:
        """What is done within follows the clock: stepped by hand, it stands still until that is done or sleeps."""
        yield

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Within ``acting``: what is waited for here is real and the clock does not wait for it."""
        yield

    async def at_least(self, seconds: float, work: Awaitable[T]) -> T:
        """The outcome of real work, once so many seconds have passed too."""
        task = asyncio.ensure_future(work)
        try:
            await self.sleep(seconds)
            with self.resting():
                return await task
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


class ManualClock(Clock):
    """Stands still but for ``advance``, beginning at the real time or at ``begin``."""

    def __init__(self, begin: float | None = None) -> None:
        super().__init__()
        self._scale = 0.0
        self._now = self._epoch if begin is None else begin
        self._busy = 0
        self._still = asyncio.Event()
        self._still.set()
        self._numbers = itertools.count()
        self._sleepers: list[tuple[float, bool, int, asyncio.Future[None]]] = []
        self._stepping = asyncio.Lock()

    def now(self) -> float:
        return self._now

    def real(self, seconds: float) -> float:
        return 0.0

    async def sleep(self, seconds: float, *, first: bool = False) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, not first, next(self._numbers), woken))
        self._count(-1)
        try:
            await woken
        except asyncio.CancelledError:
            if woken.cancelled():  # else ``advance`` has counted it
                self._count(1)
            raise

    @contextmanager
    def acting(self) -> Iterator[None]:
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    @contextmanager
    def resting(self) -> Iterator[None]:
        self._count(-1)
        try:
            yield
        finally:
            self._count(1)

    def _count(self, change: int) -> None:
        self._busy += change
        if self._busy > 0:
            self._still.clear()
        else:
            self._still.set()

    async def advance(self, seconds: float) -> None:
        """Go on by so many seconds, stopping at every moment that somebody waits for until they have acted on it."""
        async with self._stepping:
            target = self._now + seconds
            await self._still.wait()
            while self._sleepers and self._sleepers[0][0] <= target:
                moment, _, _, woken = heapq.heappop(self._sleepers)
                if woken.done():
                    continue
                self._now = max(self._now, moment)
                self._count(1)
                woken.set_result(None)
                await self._still.wait()
            self._now = target
