"""The run in some thirty stretches, for comparing it with another: how many answers of each stretch stayed within the
run's own percentiles. What a comparison needs of the order of the requests, in a few hundred numbers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sagemaker_loadtest.histogram import Histogram
from sagemaker_loadtest.tally import Tally
from sagemaker_loadtest.timeline import Part

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
    timeline = tally.timeline
    width = timeline.bin_seconds
    first = math.ceil(tally.load.warm_up_seconds / width)
    last = math.floor(tally.elapsed / width)
    if last <= first:
        return {}
    parts = timeline.parts[first:last]
    group = max(1, math.ceil(len(parts) / MOST_BLOCKS))
    groups = [parts[i : i + group] for i in range(0, len(parts) - group + 1, group)]
    names = timeline.variants()
    found = {ALL: stretches(groups, None, group * width)}
    if len(names) > 1:
        found |= {name: stretches(groups, name, group * width) for name in names}
    return found


def stretches(groups: Sequence[Sequence[Mapping[str, Part]]], name: str | None, seconds: int) -> Blocks:
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
