"""When requests are to start: pure functions of the load, the seed and the worker's place among its fellows."""

import math
import random
from collections.abc import Iterator

from sagemaker_loadtest.spec import Load, OpenLoad

_BIN_WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)


def offered_until(load: Load, seconds: float) -> float:
    """Arrivals that the open schedule asks for in the first `seconds`: a linear ramp, then the full rate."""
    if load.open is None:
        return 0.0
    ramp = load.ramp_up_seconds
    within = min(max(seconds, 0.0), load.duration_seconds)
    if within < ramp:
        return load.open.rate * within * within / (2 * ramp)
    return load.open.rate * (within - ramp / 2)


def moment_of(load: Load, arrival: float) -> float:
    """Inverse of `offered_until`: the second at which the arrival-th request is due."""
    rate, ramp = _open(load).rate, load.ramp_up_seconds
    in_ramp = rate * ramp / 2
    if arrival < in_ramp:
        return math.sqrt(2 * ramp * arrival / rate)
    return ramp / 2 + arrival / rate


def arrivals(load: Load, *, worker: int, workers: int, seed: int, since: float = 0.0) -> Iterator[float]:
    """Intended starts of one worker from the second `since` of the run on, ascending, before its end.

    Constant arrivals are dealt out in turn, so all workers together make an even stream; Poisson streams of the
    workers are independent and add up to a Poisson stream of the whole rate.
    """
    poisson = _open(load).arrivals == "Poisson"
    stream = f"{seed}/{worker}" if since <= 0 else f"{seed}/{worker}/{since:.6f}"
    rng = random.Random(stream)  # noqa: S311 - a repeatable schedule, nothing secret
    past = offered_until(load, since)
    turns = math.ceil((past - worker - 0.5) / workers) if past else 0
    position = past if poisson else worker + 0.5 + (turns - 1) * workers
    while True:
        position += rng.expovariate(1.0) * workers if poisson else workers
        due = moment_of(load, position)
        if due >= load.duration_seconds:
            return
        yield due


def closed_share(users: int, *, worker: int, workers: int) -> int:
    """Users of one worker when all are dealt out in turn."""
    return users // workers + (1 if worker < users % workers else 0)


def bin_seconds(load: Load) -> int:
    """Width of a bin in the report: at most 120 of them, so that long runs stay small and readable.

    Short runs get wider bins when their rate is low, so that a bin's percentiles stand on about 100 requests.
    """
    duration, rate = load.duration_seconds, load.open.rate if load.open else math.inf
    fitting = [width for width in _BIN_WIDTHS if duration / width <= 120] or [_BIN_WIDTHS[-1]]
    readable = [width for width in fitting if duration / width >= 20] or fitting[:1]
    return next((width for width in readable if rate * width >= 100), readable[-1])


def _open(load: Load) -> OpenLoad:
    if load.open is None:
        raise ValueError("a closed load has no schedule of arrivals")
    return load.open
