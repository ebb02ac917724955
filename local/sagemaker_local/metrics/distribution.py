"""Values of a metric within a period, kept as counts of values, so that percentiles can be told."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")


@dataclass(frozen=True, slots=True)
class Distribution:
    """``counts`` by value; ``total`` is the exact sum, since values may have been rounded before they were counted."""

    counts: Mapping[float, int]
    total: float

    @property
    def samples(self) -> int:
        """How many values there are."""
        return sum(self.counts.values())


def of_values(counts: Mapping[float, int]) -> Distribution:
    """A distribution of exact values."""
    return Distribution(counts, math.fsum(value * count for value, count in counts.items()))


def merged(parts: Iterable[Distribution]) -> Distribution:
    """All values of all parts."""
    counts: Counter[float] = Counter()
    total = 0.0
    for each in parts:
        counts.update(each.counts)
        total += each.total
    return Distribution(counts, total)


def percentile_of(statistic: str) -> float | None:
    """The percentage that an extended statistic such as ``p99.9`` names; None when it is not a percentile."""
    found = _PERCENTILE.fullmatch(statistic)
    return float(found[1]) if found else None


def statistic_of(found: Distribution, statistic: str) -> float | None:
    """A statistic by its name in CloudWatch's API (shape Statistic, or a percentile); None without values.

    Raises ValueError for a statistic that is not known here, such as a trimmed mean.
    """
    samples = found.samples
    if not samples:
        return None
    simple = {
        "SampleCount": lambda: float(samples),
        "Sum": lambda: found.total,
        "Average": lambda: found.total / samples,
        "Minimum": lambda: min(found.counts),
        "Maximum": lambda: max(found.counts),
    }
    if statistic in simple:
        return simple[statistic]()
    percentage = percentile_of(statistic)
    if percentage is None:
        raise ValueError(f"the statistic {statistic} is not known; use Sum, Average, p99 or the like")
    return _percentile(found.counts, percentage, samples)


def _percentile(counts: Mapping[float, int], percentage: float, samples: int) -> float:
    """The least value that so many per cent of the values do not exceed (nearest rank)."""
    rank = max(1, math.ceil(samples * percentage / 100 - 1e-9))
    seen = 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= rank:
            return value
    return max(counts)


def too_few(found: Distribution, statistic: str) -> bool:
    """Whether a percentile of so few values says little (CloudWatch User Guide, "Percentile-based alarms and low data
    samples"): fewer than 10 beyond the percentile."""
    percentage = percentile_of(statistic)
    if percentage is None:
        return False
    share = percentage / 100
    beyond = 1 - share if share >= 0.5 else share
    return beyond == 0 or found.samples < round(10 / beyond, 6)
