"""The search for the highest rate that keeps the thresholds: which rate is tried next, and when it is found. Pure.

Rates double until one is over, then the gap between the highest that held and the lowest that was over is halved (on a
logarithmic scale) until it is small enough; the rate that is left has to hold a second time. A rate that held once and
was over once counts as over. A step in which the load generator was the limit says nothing about the endpoint: it is
tried once more, and then bounds the search as a limit of the generator.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sagemaker_loadtest.api.spec import Arrivals, Load, OpenLoad, Search, Threshold
from sagemaker_loadtest.api.units import exact, per_second
from sagemaker_loadtest.judge.measures import needed_for

Outcome = Literal["held", "over", "generator", "short"]
Why = Literal["grow", "lower", "narrow", "confirm", "again"]
LOWEST_RATE = 0.05
GROWTH = 2.0
_ANSWERS_SPARE = 1.3
_UNKNOWN_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Step:
    """A rate that was tried for `seconds`, warm-up included. `short`: too few answers to tell."""

    rate: float
    outcome: Outcome
    seconds: float


@dataclass(frozen=True, slots=True)
class Try:
    """The rate that is to be tried next, and why."""

    rate: float
    why: Why


@dataclass(frozen=True, slots=True)
class Found:
    """The end of a search: the highest rate that held (None: none did) and the lowest that was over. `stopped` says
    what ended the search before the gap between the two was small enough.
    """

    rate: float | None
    over: float | None
    confirmed: bool
    generator: bool
    stopped: str = ""


def next_step(search: Search, steps: Sequence[Step], step_seconds: float) -> Try | Found:
    """What to do after `steps`. `step_seconds`: how long the next step takes at the rate tried last."""
    spent = sum(step.seconds for step in steps)
    left = search.max_steps - len(steps)
    floor, ceiling, generator = bounds(steps)
    confirmed = floor is not None and sum(s.rate == floor and s.outcome == "held" for s in steps) > 1
    found = Found(floor, ceiling, confirmed, generator)
    narrow = floor is not None and _narrow(search, floor, ceiling)
    if narrow and confirmed:
        words = f"{exact(search.max_rate)}/s was the highest rate to try (search.maxRate)"
        return _stopped(found, words) if ceiling is None else found
    if left <= 0:
        return _stopped(found, f"{search.max_steps} steps were made, which is the limit (search.maxSteps)")
    if steps and spent + step_seconds > search.max_seconds:
        return _stopped(
            found, f"another step does not fit into {search.max_seconds / 60:g} minutes (search.maxDuration)"
        )
    if steps and steps[-1].outcome in ("short", "generator") and ceiling != steps[-1].rate:
        return Try(steps[-1].rate, "again")
    last_chance = left == 1 or spent + 2 * step_seconds > search.max_seconds
    if floor is not None and not confirmed and (narrow or last_chance):
        return Try(floor, "confirm")
    return _onwards(search, steps, found)


def _onwards(search: Search, steps: Sequence[Step], found: Found) -> Try | Found:
    floor, ceiling = found.rate, found.over
    if floor is None and ceiling is None:
        return Try(rounded(min(search.start_rate, search.max_rate)), "grow")
    if floor is None:
        lower = rounded((ceiling or 0.0) / GROWTH)
        if lower < LOWEST_RATE:
            return _stopped(found, f"not even {per_second(ceiling)} was held")
        return Try(lower, "lower")
    if ceiling is None:
        return Try(rounded(min(floor * GROWTH, search.max_rate)), "grow")
    return Try(rounded(math.sqrt(floor * ceiling)), "narrow")


def bounds(steps: Sequence[Step]) -> tuple[float | None, float | None, bool]:
    """Highest rate that held below every one that did not, the lowest that did not, and whether the generator, not the
    endpoint, was the limit there.
    """
    over = {s.rate for s in steps if s.outcome == "over"}
    tired = {s.rate for s in steps if sum(t.rate == s.rate and t.outcome == "generator" for t in steps) > 1}
    ceiling = min(over | tired, default=None)
    held = [s.rate for s in steps if s.outcome == "held" and (ceiling is None or s.rate < ceiling)]
    return max(held, default=None), ceiling, ceiling is not None and ceiling not in over


def _narrow(search: Search, floor: float, ceiling: float | None) -> bool:
    """Whether nothing worth trying lies between the two."""
    if ceiling is None:
        return floor >= search.max_rate
    middle = rounded(math.sqrt(floor * ceiling))
    return ceiling <= floor * (1 + search.precision_percent / 100) or not floor < middle < ceiling


def _stopped(found: Found, words: str) -> Found:
    return Found(found.rate, found.over, found.confirmed, found.generator, words)


def rounded(rate: float) -> float:
    """Three significant digits: a rate that a person can name again."""
    return round(rate, 2 - math.floor(math.log10(rate)))


def seconds_for(
    search: Search, thresholds: Sequence[Threshold], load: Load, rate: float, shares: dict[str, float]
) -> float:
    """Length of a step at `rate`: the warm-up, then long enough for the rarest percentile to have 10 answers beyond it.

    `shares`: percent of the requests that each variant gets, as far as it is known.
    """
    needed = 1.0
    for threshold in thresholds:
        share = shares.get(threshold.variant, 100 * _UNKNOWN_SHARE) / 100 if threshold.variant else 1.0
        needed = max(needed, needed_for(threshold) / max(share, 0.001))
    return math.ceil(load.warm_up_seconds + max(search.step_seconds, _ANSWERS_SPARE * needed / rate))


def load_at(load: Load, rate: float, seconds: float) -> Load:
    """The file's load at another rate: open, by chance (Poisson) as in the file or else constant, rising within the
    warm-up.
    """
    arrivals: Arrivals = "Poisson" if load.open and load.open.arrivals == "Poisson" else "Constant"
    in_flight = load.open.max_in_flight if load.open else 2000
    return Load(
        duration_seconds=seconds,
        warm_up_seconds=load.warm_up_seconds,
        ramp_up_seconds=load.warm_up_seconds / 2,
        timeout_seconds=load.timeout_seconds,
        open=OpenLoad(rate, arrivals, in_flight),
    )
