"""The rate budget: how often one operation may be called per account and region. First come, first served."""

import threading
import time
from collections.abc import Callable

_BURST_SECONDS = 1.0


class TokenBucket:
    """`rate` calls a second with one second's worth of burst. Callers are given their turn in the order they came."""

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._rate, self._clock, self._sleep = rate, clock, sleep
        self._lock = threading.Lock()
        self._free_at = clock() - _BURST_SECONDS
        self._paused_until = self._delays = 0.0

    def take(self) -> None:
        """Waits for the caller's turn."""
        with self._lock:
            now = self._clock()
            turn = max(self._free_at + 1 / self._rate, now - _BURST_SECONDS)
            self._free_at, delays = turn, self._delays
        wait = turn - now
        while wait > 0:
            self._sleep(wait)
            with self._lock:
                wait, delays = self._delays - delays, self._delays

    def pause(self, seconds: float) -> None:
        """AWS throttled us: nobody's turn comes sooner than this from now, also of those who wait already."""
        with self._lock:
            now, gap = self._clock(), 1 / self._rate
            ahead = max(0.0, self._free_at - now)
            soonest = max(ahead % gap or min(ahead, gap), self._paused_until - now)
            delay = max(0.0, seconds - soonest)
            self._free_at = max(self._free_at, now) + delay
            self._delays += delay
            self._paused_until = max(self._paused_until, now + seconds)


class Budget:
    """One bucket per operation, made when first used."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._buckets: dict[str, TokenBucket] = {}

    def of(self, operation: str) -> TokenBucket:
        """The operation's bucket."""
        with self._lock:
            return self._buckets.setdefault(operation, TokenBucket(self._rate))
