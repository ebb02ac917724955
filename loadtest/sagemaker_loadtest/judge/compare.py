"""Two results of the same test against each other: what got slower, and how sure that is. Pure.

Each number of a run has its interval from the stretches of the run (`interval`). The intervals of both runs are joined
on a logarithmic scale (MOVER), those of shares as they are, and all rows of a comparison together get the confidence
that is told (Bonferroni). Of two searches the highest rates are compared, by the rates that held and that were over.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sagemaker_loadtest.api.measurement import Measurement
from sagemaker_loadtest.judge import interval
from sagemaker_loadtest.judge.comparable import different_tests, other_differences
from sagemaker_loadtest.judge.interval import Interval
from sagemaker_loadtest.judge.result import Result, SearchFacts
from sagemaker_loadtest.measure.blocks import ALL, Blocks
from sagemaker_loadtest.measure.histogram import TAIL_SAMPLES, Histogram
from sagemaker_loadtest.measure.wire import unpack

Reading = Literal["slower", "faster", "more", "fewer", "lower", "higher", "about the tolerance", "no difference seen"]
Unit = Literal["ms", "%", "/s"]
COMPARISON_VERSION = 1
CONFIDENCE_PERCENT = 95.0
FEWEST_BLOCKS = 8
LATENCY, FAILED, RATE, HIGHEST_RATE = "latency", "failed", "rate", "highest rate"
_TOLD = (50.0, 95.0, 99.0)
_FAR = 50.0
"""Logarithm of a factor that stands for no bound at all."""
_RESOLUTION = 0.001
"""The histogram's, in ms."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `measure`: latency, a word of `measurement.Measurement`, failed, rate, or highest rate of a search;
    `of`: all requests, a variant, or a class of errors. `before` and `after` in `unit`; change and interval in percent,
    of shares of requests (unit %) in points. `worse`: by more than the tolerance, with the confidence told.
    """

    label: str
    measure: str
    of: str
    percentile: float | None
    unit: Unit
    before: float
    after: float
    change: float
    low: float
    high: float
    reading: Reading
    worse: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """`exit_code` 0: nothing got worse; 1: something did; 2: the two cannot be compared. `differences`: why not, then
    there are no rows. `notes`: what differs and may matter, and what could not be compared. `blocks`: stretches of
    `block_seconds` in each run.
    """

    schema_version: int
    exit_code: int
    before: str
    after: str
    tolerance_percent: float
    confidence_percent: float
    differences: tuple[str, ...]
    notes: tuple[str, ...]
    rows: tuple[Row, ...]
    block_seconds: int
    blocks: tuple[int, int]


def compare(before: Result, after: Result, names: tuple[str, str], tolerance_percent: float = 5.0) -> Comparison:
    """`after` against `before`. `names` are how the two are called."""
    differences = different_tests(before, after)
    rows: tuple[Row, ...] = ()
    notes: list[str] = []
    if not differences:
        if before.search and after.search:
            rows = (_highest_rate(before.search, after.search, tolerance_percent),)
        else:
            rows, notes = _rows(before, after, tolerance_percent)
        if not rows:
            differences = (
                f"the runs are too short to be compared: each needs at least {FEWEST_BLOCKS} stretches with "
                "answers after the warm-up, and 10 answers beyond a percentile",
            )
    blocks = (before.blocks.get(ALL), after.blocks.get(ALL))
    return Comparison(
        COMPARISON_VERSION,
        2 if differences else int(any(row.worse for row in rows)),
        names[0],
        names[1],
        tolerance_percent,
        CONFIDENCE_PERCENT,
        differences,
        (*other_differences(before, after), *notes),
        rows,
        blocks[0].seconds if blocks[0] else 0,
        (len(blocks[0].answered) if blocks[0] else 0, len(blocks[1].answered) if blocks[1] else 0),
    )


@dataclass(frozen=True, slots=True)
class _Time:
    """A time that both runs measured: its histograms, and its stretches."""

    measure: str
    of: str
    words: str
    histograms: tuple[Histogram, Histogram]
    blocks: tuple[Blocks, Blocks]

    def label(self, percent: float) -> str:
        return f"p{percent:g}{self.words}"


def _rows(before: Result, after: Result, tolerance: float) -> tuple[tuple[Row, ...], list[str]]:
    notes: list[str] = []
    times = [*_latencies(before, after, notes), *_measurements(before, after, notes)]
    told = [(time, percent) for time in times for percent in _told(time, notes)]
    if not any(time.measure == LATENCY for time, _ in told):
        return (), notes
    classes = sorted({*before.series.failures, *after.series.failures})
    alpha = (1 - CONFIDENCE_PERCENT / 100) / (len(told) + len(classes) + 2)
    rows = [_time_row(time, percent, alpha, tolerance) for time, percent in told]
    sides = (before, after)
    rows.append(_failed_row("failed", ALL, [result.blocks[ALL].failed for result in sides], sides, alpha))
    for name in classes:
        counts = [_in_stretches(result, name) for result in sides]
        if any(map(sum, counts)):
            rows.append(_failed_row(f"failed, {name}", name, counts, sides, alpha))
    rates = [achieved(result) for result in sides]
    if all(sum(values) for values in rates):
        pair = [interval.rate(values, alpha) for values in rates]
        rows.append(_row("rate achieved", RATE, ALL, None, "/s", pair, tolerance))
    return tuple(rows), notes


def _latencies(before: Result, after: Result, notes: list[str]) -> list[_Time]:
    names = [name for name in before.blocks if name in after.blocks]
    notes += [f"{name} is in one of the two only" for name in sorted({*before.blocks, *after.blocks} - {*names})]
    until = " to the result" if before.exchange.operation == "InvokeEndpointAsync" else ""
    found = []
    for name in names:
        pair = (before.blocks[name], after.blocks[name])
        histograms = [unpack(r.histograms[name]) for r in (before, after) if name in r.histograms]
        if len(histograms) < 2 or _short(pair):
            notes.append(f"{name}: too few stretches with answers")
            continue
        found.append(_Time(LATENCY, name, f"{until}, {name}", (histograms[0], histograms[1]), pair))
    return found


def _measurements(before: Result, after: Result, notes: list[str]) -> list[_Time]:
    """Times beside the latency; not that of connecting, which a run does at its beginning only."""
    sides = [{m.name: m for m in result.exchange.measurements} for result in (before, after)]
    found = []
    for name in Measurement:
        if name is Measurement.CONNECT or not any(name in side for side in sides):
            continue
        if not all(name in side for side in sides):
            notes.append(f"{name} is in one of the two only")
            continue
        first, second = (side[name] for side in sides)
        if first.blocks is None or second.blocks is None:
            notes.append(f"{name}: not compared, for one of the two was written without its stretches; run it again")
        elif _short((first.blocks, second.blocks)):
            notes.append(f"{name}: too few stretches with answers")
        else:
            histograms = (unpack(first.histogram), unpack(second.histogram))
            found.append(_Time(name, ALL, f" {name}", histograms, (first.blocks, second.blocks)))
    return found


def _short(pair: tuple[Blocks, Blocks]) -> bool:
    return any(sum(n > 0 for n in blocks.answered) < FEWEST_BLOCKS for blocks in pair)


def _told(time: _Time, notes: list[str]) -> list[float]:
    """The percentiles with enough answers beyond them on both sides."""
    found = []
    for percent in _TOLD:
        if any(h.percentile(percent, tail=TAIL_SAMPLES) is None for h in time.histograms):
            notes.append(f"{time.label(percent)}: too few answers")
        else:
            found.append(percent)
    return found


def _time_row(time: _Time, percent: float, alpha: float, tolerance: float) -> Row:
    both = zip(time.histograms, time.blocks, strict=True)
    pair = [interval.quantile(histogram, blocks, percent, alpha) for histogram, blocks in both]
    return _row(time.label(percent), time.measure, time.of, percent, "ms", pair, tolerance)


def _row(
    label: str, measure: str, of: str, percentile: float | None, unit: Unit, pair: Sequence[Interval], tolerance: float
) -> Row:
    """By what factor a number changed. A time that grows is worse, a rate that falls is."""
    a, b = (_at_least(one, _RESOLUTION) for one in pair)
    shift = math.log(b.value / a.value)
    below = math.hypot(_log(b.value, b.low), _log(a.high, a.value))
    above = math.hypot(_log(b.high, b.value), _log(a.value, a.low))
    low, high = (100 * math.expm1(min(_FAR, shift + reach)) for reach in (-below, above))
    reading = _reading(unit, low, high, tolerance)
    worse, change = reading in ("slower", "lower"), 100 * math.expm1(shift)
    return Row(label, measure, of, percentile, unit, a.value, b.value, change, low, high, reading, worse)


def _at_least(found: Interval, least: float) -> Interval:
    """The chunks of a stream may come in one piece, with no time between them."""
    return Interval(max(found.value, least), max(found.low, least), max(found.high, least))


def _reading(unit: Unit, low: float, high: float, tolerance: float) -> Reading:
    if low > tolerance:
        return "slower" if unit == "ms" else "higher"
    if high < -tolerance:
        return "faster" if unit == "ms" else "lower"
    return "about the tolerance" if low > 0 or high < 0 else "no difference seen"


def _log(above: float, below: float) -> float:
    return math.inf if below <= 0 or math.isinf(above) else max(0.0, math.log(above / below))


def _failed_row(
    label: str, of: str, counts: Sequence[Sequence[int]], sides: tuple[Result, Result], alpha: float
) -> Row:
    """Failed requests in percent of all; more of them is worse without any tolerance, as soon as it is no chance."""
    wholes = [[n + m for n, m in zip(b.answered, b.failed, strict=True)] for b in (r.blocks[ALL] for r in sides)]
    a, b = (interval.share(parts, whole, alpha) for parts, whole in zip(counts, wholes, strict=True))
    change, reach = b.value - a.value, math.hypot(a.high - a.value, b.high - b.value)
    reading: Reading = "more" if change > reach else "fewer" if change < -reach else "no difference seen"
    worse = reading == "more"
    return Row(label, FAILED, of, None, "%", a.value, b.value, change, change - reach, change + reach, reading, worse)


def _in_stretches(result: Result, name: str) -> list[int]:
    """Errors of one class in each stretch."""
    counts = result.series.failures.get(name, ())
    return [sum(counts[bins]) for bins in _bins(result)]


def achieved(result: Result) -> list[float]:
    """Answers a second in each stretch, by when they came; nothing when the series does not reach so far."""
    values = result.series.achieved
    found = [values[bins] for bins in _bins(result)]
    return [sum(part) / len(part) for part in found] if all(found) else []


def _bins(result: Result) -> list[slice]:
    """Which bins of the series each stretch is made of (`blocks.blocks_of`)."""
    blocks, width = result.blocks[ALL], result.series.bin_seconds
    first, group = math.ceil(result.warm_up_seconds / width), max(1, blocks.seconds // width)
    return [slice(first + i * group, first + (i + 1) * group) for i in range(len(blocks.answered))]


def _highest_rate(before: SearchFacts, after: SearchFacts, tolerance: float) -> Row:
    """The true limit lies between the rate that held and the one that was over, if any was."""
    a, b = (s.rate or 0.0 for s in (before, after))
    low = 100 * (b / before.over - 1) if before.over else -100.0
    high = 100 * ((after.over / a - 1) if after.over else math.expm1(_FAR))
    reading = _reading("/s", low, high, tolerance)
    worse, change = reading == "lower", 100 * (b / a - 1)
    return Row(HIGHEST_RATE, HIGHEST_RATE, ALL, None, "/s", a, b, change, low, high, reading, worse)
