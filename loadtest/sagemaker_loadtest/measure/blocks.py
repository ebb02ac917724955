"""The run in some thirty stretches, for comparing it with another: how many answers of each stretch stayed within the
run's own percentiles. What a comparison needs of the order of the requests, in a few hundred numbers.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sagemaker_loadtest.measure.histogram import Histogram
from sagemaker_loadtest.measure.tally import Tally
from sagemaker_loadtest.measure.timeline import Part

T = TypeVar("T")
PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)
MOST_BLOCKS = 30
ALL = "all"


@dataclass(frozen=True, slots=True)
class Blocks:
    """Stretches of `seconds` after the warm-up. `within`: of `answered`, those at or below the run's own percentile
    (key `p99`); one number per stretch each.
    """

    seconds: int
    answered: tuple[int, ...]
    failed: tuple[int, ...]
    within: Mapping[str, tuple[int, ...]]


def blocks_of(tally: Tally) -> dict[str, Blocks]:
    """The stretches of all requests and, with two or more variants, of each. Empty before the first is complete."""
    groups, seconds = _grouped(tally, tally.timeline.parts)
    if not groups:
        return {}
    names = tally.timeline.variants()
    found = {ALL: stretches(groups, None, seconds)}
    if len(names) > 1:
        found |= {name: stretches(groups, name, seconds) for name in names}
    return found


def measured_blocks(tally: Tally, name: str) -> Blocks | None:
    """The stretches of a time beside the latency; None before the first is complete."""
    groups, seconds = _grouped(tally, tally.bins)
    if not groups:
        return None
    histograms = []
    for group in groups:
        histogram = Histogram()
        for part in group:
            if name in part.measurements:
                histogram.merge(part.measurements[name])
        histograms.append(histogram)
    return _within(histograms, [0] * len(histograms), seconds)


def _grouped(tally: Tally, bins: Sequence[T]) -> tuple[list[Sequence[T]], int]:
    """The complete bins after the warm-up in stretches of equal length, and how many seconds that is."""
    width = tally.bin_seconds
    complete = bins[math.ceil(tally.load.warm_up_seconds / width) : math.floor(tally.elapsed / width)]
    group = max(1, math.ceil(len(complete) / MOST_BLOCKS))
    return [complete[i : i + group] for i in range(0, len(complete) - group + 1, group)], group * width


def stretches(groups: Iterable[Sequence[Mapping[str, Part]]], name: str | None, seconds: int) -> Blocks:
    """One stretch for each group of bins, of one variant or (None) of all requests."""
    histograms, failed = [], []
    for group in groups:
        histogram, lost = Histogram(), 0
        for parts in group:
            for variant, part in parts.items():
                if name is None or variant == name:
                    histogram.merge(part.latency)
                    lost += part.failed
        histograms.append(histogram)
        failed.append(lost)
    return _within(histograms, failed, seconds)


def _within(histograms: Sequence[Histogram], failed: Sequence[int], seconds: int) -> Blocks:
    total = Histogram()
    for histogram in histograms:
        total.merge(histogram)
    marks = dict(zip(PERCENTILES, total.bucket_of(PERCENTILES), strict=True))
    within = {
        f"p{percentile:g}": tuple(h.count_until(mark) for h in histograms)
        for percentile, mark in marks.items()
        if mark is not None
    }
    return Blocks(seconds, tuple(h.count for h in histograms), tuple(failed), within)
