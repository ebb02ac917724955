"""Rates over the last minute, from running totals that are looked at now and then."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Generic, TypeVar

K = TypeVar("K")

WINDOW_SECONDS = 60.0


class Meter(Generic[K]):
    """Keeps the totals of each look for a minute."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, Mapping[K, int]]] = deque()

    def look(self, now: float, totals: Mapping[K, int]) -> Mapping[K, float]:
        """Per second since the oldest look within the minute; empty at the first. A total that fell began anew."""
        while self._looks and now - self._looks[0][0] > WINDOW_SECONDS:
            self._looks.popleft()
        self._looks.append((now, totals))
        then, before = self._looks[0]
        if now <= then:
            return {}
        return {key: max(0, total - before.get(key, 0)) / (now - then) for key, total in totals.items()}
