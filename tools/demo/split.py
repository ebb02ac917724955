"""How a number of calls may split between variants by chance alone. Pure and exact: no normal approximation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb

CONFIDENCE = 0.999


@dataclass(frozen=True, slots=True)
class Share:
    """What one variant should get and got of `of` calls; `low` and `high` are calls, both still chance."""

    variant: str
    weight: float
    calls: int
    of: int
    low: int
    high: int

    @property
    def plausible(self) -> bool:
        return self.low <= self.calls <= self.high


def interval(trials: int, weight: int, total: int, confidence: float = CONFIDENCE) -> tuple[int, int]:
    """The central interval of the binomial distribution: at most (1 - confidence) / 2 lie below, and as much above.

    The probability of a success is `weight` of `total`.
    """
    tail = (1 - confidence) / 2
    low, below = 0, 0.0
    while (below := below + _mass(trials, low, weight, total)) <= tail:
        low += 1
    high, above = trials, 0.0
    while (above := above + _mass(trials, high, weight, total)) <= tail:
        high -= 1
    return low, high


def judge(seen: Sequence[str], weights: Mapping[str, int]) -> tuple[Share, ...]:
    """The share of each variant in `weights`, whose sum is above 0. A reply of another variant counts for none."""
    total = sum(weights.values())
    shares = []
    for variant, weight in weights.items():
        low, high = interval(len(seen), weight, total)
        shares.append(Share(variant, weight / total, list(seen).count(variant), len(seen), low, high))
    return tuple(shares)


def _mass(trials: int, successes: int, weight: int, total: int) -> float:
    """Of exactly so many successes. In integers: factors as floats would underflow from about 300 trials on."""
    ways: int = comb(trials, successes) * weight**successes * (total - weight) ** (trials - successes)
    return float(ways / total**trials)
