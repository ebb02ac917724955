"""Waiting for what another process does. Limits are seconds, and only keep a broken test from hanging."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_LOOK_SECONDS = 0.02


def until(condition: Callable[[], T | None], what: str = "the condition", seconds: float = 90.0) -> T:
    """What the condition returns once that is true. Raises AssertionError with what it returned last."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true within {seconds:g} s; last seen: {found}")
        time.sleep(_LOOK_SECONDS)
    return found


async def until_async(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """The same in an event loop. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - other processes set no events here
            await asyncio.sleep(_LOOK_SECONDS)
