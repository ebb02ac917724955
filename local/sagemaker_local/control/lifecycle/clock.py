"""The clock that phases last by: real time, run faster on demand."""

from __future__ import annotations

import asyncio
import time


class Clock:
    """``scale`` seconds pass in each real second, beginning at the real time of its making."""

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale
        self._epoch, self._began = time.time(), time.monotonic()

    def now(self) -> float:
        """Seconds since the epoch."""
        if self._scale == 1.0:
            return time.time()
        return self._epoch + (time.monotonic() - self._began) * self._scale

    def real(self, seconds: float) -> float:
        """How long a phase of so many seconds really lasts."""
        return seconds / self._scale

    async def sleep(self, seconds: float) -> None:
        """Let so many seconds of a phase pass."""
        await asyncio.sleep(self.real(seconds))
