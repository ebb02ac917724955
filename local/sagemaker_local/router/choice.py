"""Which variant and which instance take a request. Pure: the random number comes from the caller."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate


class WeightedChoice:
    """Picks an index with a probability equal to its weight's share of the sum; weight 0 is never picked."""

    __slots__ = ("_bounds", "_last", "_total")

    def __init__(self, weights: Sequence[float]) -> None:
        if any(weight < 0 for weight in weights):
            raise ValueError(f"weights {list(weights)}: every weight must be 0 or more")
        self._bounds = list(accumulate(weights))
        self._total = self._bounds[-1] if self._bounds else 0.0
        self._last = max((index for index, weight in enumerate(weights) if weight > 0), default=0)

    def pick(self, point: float) -> int | None:
        """The index at ``point`` (0 <= point < 1) of the cumulated weights, or None when all weights are 0."""
        if not self._total:
            return None
        index = bisect_right(self._bounds, point * self._total)
        return min(index, self._last)  # point * total may round up to total
