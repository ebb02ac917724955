"""Two results of the same test against each other: what got slower, and how sure that is. Pure.

Requests that follow each other are alike (a stall slows all that wait), so the unit of chance is a stretch of the run
and not a request. How the share of answers within the run's own percentile varies from stretch to stretch gives the
interval of that share (the variance of a ratio, Student's t), and the run's histogram turns it into one of the
percentile (Woodruff's method). The intervals of both runs are joined on a logarithmic scale (MOVER), and all rows of a
comparison together get the confidence that is told (Bonferroni).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from sagemaker_loadtest.blocks import ALL, Blocks
from sagemaker_loadtest.histogram import TAIL_SAMPLES, Histogram
from sagemaker_loadtest.measurement import Measurement
from sagemaker_loadtest.result import Result
from sagemaker_loadtest.units import format_duration
from sagemaker_loadtest.wire import unpack

Reading = Literal["slower", "faster", "more", "fewer", "about the tolerance", "no difference seen"]
CONFIDENCE_PERCENT = 95.0
FEWEST_BLOCKS = 8
_LAGS = 3
_TOLD = (50.0, 95.0, 99.0)


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with the bounds of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `before` and `after` in ms, or in percent for failed requests; change and interval in percent, for
    failed requests in points. `worse`: by more than the tolerance, with the confidence told.
    """

    label: str
    unit: Literal["ms", "%"]
    before: float
    after: float
    change: float
    low: float
    high: float
    reading: Reading
    worse: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """`differences`: why the two cannot be compared, then there are no rows. `notes`: what differs and may matter, and
    what could not be compared.
    """

    before: str
    after: str
    tolerance_percent: float
    confidence_percent: float
    differences: tuple[str, ...]
    notes: tuple[str, ...]
    rows: tuple[Row, ...]
    block_seconds: int
    blocks: tuple[int, int]

    @property
    def exit_code(self) -> int:
        """0: nothing got worse; 1: something did; 2: the two cannot be compared."""
        if self.differences:
            return 2
        return int(any(row.worse for row in self.rows))


def compare(before: Result, after: Result, names: tuple[str, str], tolerance_percent: float = 5.0) -> Comparison:
    """`after` against `before`. `names` are how the two are called."""
    differences = different_tests(before, after)
    rows: tuple[Row, ...] = ()
    notes: list[str] = []
    if not differences:
        rows, notes = _rows(before, after, tolerance_percent)
        if not rows:
            differences = (
                f"the runs are too short to be compared: each needs at least {FEWEST_BLOCKS} stretches with "
                "answers after the warm-up, and 10 answers beyond a percentile",
            )
    blocks = (before.blocks.get(ALL), after.blocks.get(ALL))
    return Comparison(
        names[0],
        names[1],
        tolerance_percent,
        CONFIDENCE_PERCENT,
        differences,
        (*_other(before, after), *_untold(before, after), *notes),
        rows,
        blocks[0].seconds if blocks[0] else 0,
        (len(blocks[0].answered) if blocks[0] else 0, len(blocks[1].answered) if blocks[1] else 0),
    )


def different_tests(before: Result, after: Result) -> tuple[str, ...]:
    """What makes the two different tests, in words; empty when they can be compared."""
    pairs = [
        ("operation", before.exchange.operation, after.exchange.operation),
        ("load model", before.load.model, after.load.model),
        ("rate", before.load.rate, after.load.rate),
        ("arrivals", before.load.arrivals, after.load.arrivals),
        ("users", before.load.users, after.load.users),
        ("pacing in s", before.load.pacing_seconds, after.load.pacing_seconds),
        ("stages", _stages(before), _stages(after)),
        ("ramp-up in s", before.load.ramp_up_seconds, after.load.ramp_up_seconds),
        ("warm-up in s", before.warm_up_seconds, after.warm_up_seconds),
        ("length in s", before.planned_seconds, after.planned_seconds),
        ("time-out in s", before.load.timeout_seconds, after.load.timeout_seconds),
        ("number of payloads", before.payloads.number, after.payloads.number),
        ("content types", before.payloads.content_types, after.payloads.content_types),
        ("smallest payload in bytes", before.payloads.smallest_bytes, after.payloads.smallest_bytes),
        ("largest payload in bytes", before.payloads.largest_bytes, after.payloads.largest_bytes),
        ("order of payloads", before.payloads.order, after.payloads.order),
    ]
    found = [f"{name}: {_word(a)} and {_word(b)}" for name, a, b in pairs if a != b]
    for result, which in ((before, "first"), (after, "second")):
        if not result.blocks and result.summary.answered:
            found.append(
                f"the {which} was written without stretches of the run, or ended within its first; run it again"
            )
        if result.verdict.exit_code > 1:
            found.append(f"the {which} has no verdict of its endpoint: {result.verdict.headline}")
    return tuple(found)


def _other(before: Result, after: Result) -> tuple[str, ...]:
    pairs = [
        ("endpoint", before.endpoint.name, after.endpoint.name),
        ("region", before.endpoint.region, after.endpoint.region),
        ("workers", before.load.workers, after.load.workers),
        ("sagemaker-loadtest", before.tool.version, after.tool.version),
        ("Locust", before.tool.locust, after.tool.locust),
        ("Python", before.tool.python, after.tool.python),
    ]
    return tuple(f"{name}: {_word(a)} and {_word(b)}" for name, a, b in pairs if a != b)


def _stages(result: Result) -> tuple[str, ...]:
    return tuple(
        (f"{s.start:g}" if s.start == s.end else f"{s.start:g} to {s.end:g}") + f" in {format_duration(s.seconds)}"
        for s in result.load.stages
    )


def _untold(before: Result, after: Result) -> tuple[str, ...]:
    """Times beside the latency have no stretches to compare by."""
    found = {m.name for result in (before, after) for m in result.exchange.measurements} - {Measurement.CONNECT}
    return tuple(f"{name}: not compared; each report has its percentiles" for name in sorted(found))


def _word(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _rows(before: Result, after: Result, tolerance: float) -> tuple[tuple[Row, ...], list[str]]:
    names = [name for name in before.blocks if name in after.blocks]
    missing = sorted({*before.blocks, *after.blocks} - {*names})
    notes = [f"{name} is in one of the two only" for name in missing]
    latencies = []
    for name in names:
        pair = (before.blocks[name], after.blocks[name])
        histograms = [unpack(r.histograms[name]) for r in (before, after) if name in r.histograms]
        if len(histograms) < 2 or any(sum(n > 0 for n in b.answered) < FEWEST_BLOCKS for b in pair):
            notes.append(f"{name}: too few stretches with answers")
            continue
        for percent in _TOLD:
            if any(h.percentile(percent, tail=TAIL_SAMPLES) is None for h in histograms):
                notes.append(f"p{percent:g}, {name}: too few answers")
                continue
            latencies.append((f"p{percent:g}, {name}", percent, histograms, pair))
    if not latencies:
        return (), notes
    alpha = (1 - CONFIDENCE_PERCENT / 100) / (len(latencies) + 1)
    rows = [
        _latency_row(label, [quantile(h, b, percent, alpha) for h, b in zip(histograms, pair, strict=True)], tolerance)
        for label, percent, histograms, pair in latencies
    ]
    return (*rows, _failed_row(before.blocks[ALL], after.blocks[ALL], alpha)), notes


def quantile(histogram: Histogram, blocks: Blocks, percent: float, alpha: float) -> Interval:
    """The percentile of a run with its interval at confidence 1 - alpha, in ms."""
    value = histogram.percentile(percent) or 0.0
    within = blocks.within.get(f"p{percent:g}", ())
    share, error = ratio(within, blocks.answered)
    reach = student(alpha, _freedom(blocks)) * max(error, _binomial(share, sum(blocks.answered)))
    low, high = 100 * max(0.0, share - reach), 100 * min(1.0, share + reach)
    return Interval(
        value, min(value, histogram.percentile(low) or 0.0), max(value, histogram.percentile(high) or math.inf)
    )


def _freedom(blocks: Blocks) -> int:
    """Half of the stretches: what is known of their likeness is itself an estimate."""
    return max(3, (len(blocks.answered) - 1) // 2)


def ratio(parts: Sequence[int], wholes: Sequence[int]) -> tuple[float, float]:
    """A share over stretches and its standard error, by how the stretches differ from it.

    Neighbouring stretches may be alike, too: their products count with falling weights (Newey and West), never in
    favour of a smaller error.
    """
    total, number = sum(wholes), len(wholes)
    if not total or number < 2:
        return 0.0, 0.0
    share = sum(parts) / total
    off = [part - share * whole for part, whole in zip(parts, wholes, strict=True)]
    squares = sum(x * x for x in off)
    alike = sum(
        2 * (1 - lag / (_LAGS + 1)) * sum(x * y for x, y in zip(off[lag:], off[:-lag], strict=True))
        for lag in range(1, min(_LAGS, number - 1) + 1)
    )
    return share, math.sqrt(number / (number - 1) * max(squares, squares + alike)) / total


def _binomial(share: float, number: int) -> float:
    """Independent requests have at least this error; stretches that agree by chance shall not promise less."""
    return math.sqrt(share * (1 - share) / number) if number else 0.0


def student(alpha: float, freedom: int) -> float:
    """Two-sided quantile of Student's t (Cornish-Fisher expansion; within 1 % from 7 degrees of freedom on)."""
    z = NormalDist().inv_cdf(1 - alpha / 2)
    n = max(1, freedom)
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    )


def _latency_row(label: str, pair: Sequence[Interval], tolerance: float) -> Row:
    a, b = pair
    change = math.log(b.value / a.value)
    below = math.hypot(_log(b.value, b.low), _log(a.high, a.value))
    above = math.hypot(_log(b.high, b.value), _log(a.value, a.low))
    low, high = (100 * math.expm1(min(50.0, change + reach)) for reach in (-below, above))
    percent = 100 * math.expm1(change)
    reading: Reading = "no difference seen"
    if low > tolerance:
        reading = "slower"
    elif high < -tolerance:
        reading = "faster"
    elif low > 0 or high < 0:
        reading = "about the tolerance"
    return Row(label, "ms", a.value, b.value, percent, low, high, reading, reading == "slower")


def _log(above: float, below: float) -> float:
    return math.inf if below <= 0 or math.isinf(above) else max(0.0, math.log(above / below))


def _failed_row(a: Blocks, b: Blocks, alpha: float) -> Row:
    """Failed requests in percent of all; more of them is worse without any tolerance, as soon as it is no chance."""
    shares, errors = [], []
    for blocks in (a, b):
        wholes = [n + m for n, m in zip(blocks.answered, blocks.failed, strict=True)]
        share, error = ratio(blocks.failed, wholes)
        total = sum(wholes)
        smoothed = (sum(blocks.failed) + 1) / (total + 2)  # none seen is not none possible
        shares.append(share)
        errors.append(student(alpha, _freedom(blocks)) * max(error, _binomial(smoothed, total)))
    change, reach = 100 * (shares[1] - shares[0]), 100 * math.hypot(*errors)
    reading: Reading = "more" if change > reach else "fewer" if change < -reach else "no difference seen"
    return Row(
        "failed",
        "%",
        100 * shares[0],
        100 * shares[1],
        change,
        change - reach,
        change + reach,
        reading,
        reading == "more",
    )
