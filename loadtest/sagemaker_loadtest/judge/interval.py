"""How sure a number of one run is, from how it varies between the stretches of the run. Pure.

Requests that follow each other are alike (a stall slows all that wait), so the unit of chance is a stretch of the run
and not a request. How the share of answers within the run's own percentile varies from stretch to stretch gives the
interval of that share (the variance of a ratio, Student's t), and the run's histogram turns it into one of the
percentile (Woodruff's method). Rates and shares of failed requests vary from stretch to stretch in the same way.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from sagemaker_loadtest.measure.blocks import Blocks
from sagemaker_loadtest.measure.histogram import Histogram

_LAGS = 3
_FEW = 10


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with the bounds of its interval."""

    value: float
    low: float
    high: float


def quantile(histogram: Histogram, blocks: Blocks, percent: float, alpha: float) -> Interval:
    """The percentile of a run with its interval at confidence 1 - alpha, in ms."""
    value = histogram.percentile(percent) or 0.0
    within = blocks.within.get(f"p{percent:g}", ())
    share, error = ratio(within, blocks.answered)
    reach = student(alpha, freedom(len(blocks.answered))) * max(error, binomial(share, sum(blocks.answered)))
    low, high = 100 * max(0.0, share - reach), 100 * min(1.0, share + reach)
    return Interval(
        value, min(value, histogram.percentile(low) or 0.0), max(value, histogram.percentile(high) or math.inf)
    )


def freedom(stretches: int) -> int:
    """Half of the stretches: what is known of their likeness is itself an estimate."""
    return max(3, (stretches - 1) // 2)


def ratio(parts: Sequence[float], wholes: Sequence[float]) -> tuple[float, float]:
    """A share, or a rate, over stretches and its standard error, by how the stretches differ from it.

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


def binomial(share: float, number: int) -> float:
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


def share(parts: Sequence[int], wholes: Sequence[int], alpha: float) -> Interval:
    """What part of all requests are of one kind, in percent, with its interval at confidence 1 - alpha. The parts are
    those of each stretch. None seen is not none possible: the interval then still has a width.
    """
    found, error = ratio(parts, wholes)
    total = sum(wholes)
    smoothed = (sum(parts) + 1) / (total + 2)
    reach = 100 * student(alpha, freedom(len(wholes))) * max(error, binomial(smoothed, total))
    return Interval(100 * found, 100 * found - reach, 100 * found + reach)


def rate(values: Sequence[float], alpha: float) -> Interval:
    """The mean of the stretches' rates with its interval at confidence 1 - alpha.

    A rate wanders for longer than a stretch lasts and has no other chance in it, so it is judged on some ten longer
    stretches.
    """
    size = max(1, len(values) // _FEW)
    longer = [sum(values[i : i + size]) / size for i in range(0, len(values) - size + 1, size)]
    _, error = ratio(longer, [1.0] * len(longer))
    found = sum(values) / len(values)
    reach = student(alpha, freedom(len(longer))) * error
    return Interval(found, max(0.0, found - reach), found + reach)
