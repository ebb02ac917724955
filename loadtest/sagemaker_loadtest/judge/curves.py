"""Percentiles, distribution and series over time of a tally, rounded to what the histogram can tell. Pure."""

import math
from collections import Counter

from sagemaker_loadtest.api.spec import LoadTest
from sagemaker_loadtest.judge import measures
from sagemaker_loadtest.judge import result as r
from sagemaker_loadtest.judge.series import FitnessSeries, Series, VariantSeries
from sagemaker_loadtest.measure.blocks import ALL
from sagemaker_loadtest.measure.histogram import TAIL_SAMPLES, Histogram
from sagemaker_loadtest.measure.tally import Tally
from sagemaker_loadtest.measure.timeline import Fitness, Part
from sagemaker_loadtest.workload.schedule import offered_until

_SHOWN = (
    0,
    10,
    25,
    50,
    60,
    70,
    75,
    80,
    85,
    90,
    92.5,
    95,
    96,
    97,
    98,
    98.5,
    99,
    99.3,
    99.5,
    99.7,
    99.8,
    99.9,
    99.93,
    99.95,
    99.97,
    99.98,
    99.99,
    99.995,
    99.998,
    99.999,
)


def three(value: float | None) -> float | None:
    """Three significant digits, which is what the histogram can tell."""
    if value is None or value == 0:
        return value
    return round(value, 2 - math.floor(math.log10(abs(value))))


def percentiles(histogram: Histogram, failed: int = 0) -> r.Percentiles:
    """What is told of a distribution, beside `failed` requests that have no latency."""

    def at(percentile: float) -> float | None:
        if measures.hidden_by_failures(percentile, histogram.count, failed):
            return None
        return three(histogram.percentile(percentile, tail=TAIL_SAMPLES))

    return r.Percentiles(at(50), at(90), at(95), at(99), at(99.9), three(histogram.maximum), three(histogram.mean))


def series(test: LoadTest, tally: Tally) -> Series:
    """One value per bin until the end of the run, or of what ran of it."""
    width, last = tally.bin_seconds, min(len(tally.bins), max(1, math.ceil(tally.elapsed / tally.bin_seconds)))
    bins = tally.bins[:last]
    spans = [max(0.5, min((i + 1) * width, tally.elapsed) - i * width) for i in range(last)]
    lines = [b.latency.percentiles((50, 95, 99), tail=1) for b in bins]
    classes = [name for name, _ in sum((b.failures for b in bins), Counter[str]()).most_common()]
    planned = [offered_until(test.load, i * width) for i in range(last + 1)]
    return Series(
        bin_seconds=width,
        p50=tuple(three(line[0]) for line in lines),
        p95=tuple(three(line[1]) for line in lines),
        p99=tuple(three(line[2]) for line in lines),
        offered=tuple(
            round((planned[i + 1] - planned[i]) / spans[i], 2) if test.load.open else None for i in range(last)
        ),
        achieved=tuple(round(b.answered / span, 2) for b, span in zip(bins, spans, strict=True)),
        failures={name: tuple(b.failures.get(name, 0) for b in bins) for name in classes},
        variants={name: _variant_series(name, tally.timeline.parts[:last]) for name in tally.timeline.variants()},
        fitness=_fitness(tally.timeline.fitness[:last]),
    )


def _variant_series(name: str, bins: list[dict[str, Part]]) -> VariantSeries:
    parts = [parts.get(name) or Part() for parts in bins]
    lines = [part.latency.percentiles((50, 99), tail=1) for part in parts]
    return VariantSeries(
        p50=tuple(three(line[0]) for line in lines),
        p99=tuple(three(line[1]) for line in lines),
        answered=tuple(part.latency.count for part in parts),
        failed=tuple(part.failed for part in parts),
    )


def _fitness(bins: list[dict[str, Fitness]]) -> FitnessSeries:
    def worst(values: list[float]) -> float | None:
        return three(max(values)) if values else None

    return FitnessSeries(
        cpu_percent=tuple(worst([f.cpu for f in workers.values()]) for workers in bins),
        loop_late_ms=tuple(worst([f.lag for f in workers.values()]) for workers in bins),
        behind_ms=tuple(worst([f.behind for f in workers.values()]) for workers in bins),
        in_flight=tuple(sum(f.in_flight for f in w.values()) if w else None for w in bins),
        users=tuple(sum(f.users for f in w.values()) if w else None for w in bins),
        workers=tuple(len(w) for w in bins),
    )


def distribution(tally: Tally) -> dict[str, tuple[tuple[float, float], ...]]:
    """(percentile, ms) of all requests and, with two or more variants, of each; ends where the tail gets too thin."""
    named = {ALL: tally.total.latency, **{name: h for name, h in sorted(tally.variants.items()) if name}}
    if len(named) == 2:
        named.pop(next(name for name in named if name != ALL))
    curves = {}
    for name, histogram in named.items():
        values = histogram.percentiles(_SHOWN, tail=TAIL_SAMPLES)
        curves[name] = tuple((float(p), three(v) or 0.0) for p, v in zip(_SHOWN, values, strict=True) if v is not None)
    return curves
