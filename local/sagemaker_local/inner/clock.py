"""The time in moto's process, which the control plane tells it."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Time:
    """The control plane's clock, as of its last word."""

    def __init__(self) -> None:
        self._now, self._heard, self._scale = time.time(), time.monotonic(), 1.0

    def tell(self, now: float, scale: float) -> None:
        """Epoch seconds, and how fast they pass."""
        self._now, self._heard, self._scale = now, time.monotonic(), scale

    def now(self) -> float:
        """Epoch seconds."""
        return self._now + (time.monotonic() - self._heard) * self._scale

    def utc(self) -> datetime:
        """As moto has its times."""
        return naive(self.now())


def naive(seconds: float) -> datetime:
    """A time as moto has it: UTC, and without saying so."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def seconds(moment: datetime) -> float:
    """Epoch seconds of a time of moto's or of a client's."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


CLOCK = Time()
