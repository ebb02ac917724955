"""How long to wait before a pass is repeated that something stood in the way of."""

import random
import threading
from collections.abc import Callable

from sagemaker_operator.api.resource import ObjectKey

_JITTER = 0.2


class Backoff:
    """Seconds, doubled with each failure in a row of one key, from `base` up to `limit`. Thread-safe."""

    def __init__(self, base: float, limit: float, spread: Callable[[float, float], float] = random.uniform) -> None:
        self._base, self._limit, self._spread = base, limit, spread
        self._failures: dict[ObjectKey, int] = {}
        self._lock = threading.Lock()

    def failed(self, key: ObjectKey) -> float:
        """The seconds to wait after one more failure."""
        with self._lock:
            count = self._failures.get(key, 0)
            self._failures[key] = count + 1
        seconds = min(self._base * 2.0 ** min(count, 30), self._limit)
        return seconds * self._spread(1 - _JITTER, 1 + _JITTER)

    def failures(self, key: ObjectKey) -> int:
        """In a row, until now."""
        return self._failures.get(key, 0)

    def succeeded(self, key: ObjectKey) -> None:
        """The next failure is the first again."""
        with self._lock:
            self._failures.pop(key, None)
