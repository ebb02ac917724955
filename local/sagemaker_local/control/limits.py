"""A rate limit per operation, account and region, as SageMaker has them (its rates are not published)."""

from __future__ import annotations

import time
from collections.abc import Callable


class RateLimit:
    """A token bucket that holds one second's worth of calls; no rate is no limit."""

    def __init__(self, calls_per_second: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, str, str], tuple[float, float]] = {}
        self._rate = calls_per_second

    @property
    def calls_per_second(self) -> float | None:
        """None when there is no limit."""
        return self._rate

    @calls_per_second.setter
    def calls_per_second(self, rate: float | None) -> None:
        self._rate = rate
        self._buckets.clear()

    def allows(self, operation: str, account: str, region: str) -> bool:
        """Whether the call may go on; it is counted if so."""
        if self._rate is None:
            return True
        now, size = self._clock(), max(1.0, self._rate)
        tokens, since = self._buckets.get((operation, account, region), (size, now))
        tokens = min(size, tokens + (now - since) * self._rate)
        allowed = tokens >= 1.0
        self._buckets[operation, account, region] = (tokens - 1.0 if allowed else tokens, now)
        return allowed
