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

    def take(self) -> None:
        """Waits for the caller's turn."""
        with self._lock:
            now = self._clock()
            turn = max(self._free_at + 1 / self._rate, now - _BURST_SECONDS)
            self._free_at = turn
        if turn > now:
            self._sleep(turn - now)

    def pause(self, seconds: float) -> None:
        """AWS throttled us: nobody's turn comes sooner than this from now."""
        with self._lock:
            self._free_at = max(self._free_at, self._clock() + seconds)


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
