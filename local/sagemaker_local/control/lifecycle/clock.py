"""The clock that phases last by: real time, run faster on demand."""

from __future__ import annotations

import asyncio
import time


class Clock:
    """``scale`` seconds of a phase pass in each real second. What is shown as a time is never scaled."""

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def real(self, seconds: float) -> float:
        """How long a phase of so many seconds really lasts."""
        return seconds / self._scale

    async def sleep(self, seconds: float) -> None:
        """Let so many seconds of a phase pass."""
        await asyncio.sleep(self.real(seconds))
