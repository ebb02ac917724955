"""When requests are to start: pure functions of the load, the seed and the worker's place among its fellows."""

import math
import random
from collections.abc import Iterator, Sequence

from sagemaker_loadtest.api.spec import Load, OpenLoad, Stage

_BIN_WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
_MOST_RECORDED_STAGES = 300


def offered_until(load: Load, seconds: float) -> float:
    """Arrivals that the open schedule asks for in the first `seconds`."""
    if load.open is None:
        return 0.0
    total, left = 0.0, min(max(seconds, 0.0), load.duration_seconds)
    for stage in load.profile:
        total += _area(stage, min(left, stage.seconds))
        left -= stage.seconds
        if left <= 0:
            break
    return total


def moment_of(load: Load, arrival: float) -> float:
    """Inverse of `offered_until`: the second at which the arrival-th request is due; the last level never ends."""
    return next(_moments(load.profile, iter((arrival,))))


def _moments(profile: Sequence[Stage], positions: Iterator[float]) -> Iterator[float]:
    """The moments of ascending positions in one walk over the stages."""
    last = len(profile) - 1
    index, began, before = 0, 0.0, 0.0
    stage = profile[0]
    slope, area = _slope(stage), _area(stage, stage.seconds)
    for position in positions:
        while position - before >= area and index < last:
            before += area
            began += stage.seconds
            index += 1
            stage = profile[index]
            slope, area = _slope(stage), _area(stage, stage.seconds)
        within = position - before
        if not slope:
            yield began + within / stage.start if stage.start else math.inf
        elif within > area:  # beyond the last stage its last level goes on
            yield began + stage.seconds + (within - area) / stage.end if stage.end else math.inf
        else:
            rates = stage.start + math.sqrt(max(0.0, stage.start * stage.start + 2 * slope * within))
            yield began + 2 * within / rates if rates else began


def _slope(stage: Stage) -> float:
    return (stage.end - stage.start) / stage.seconds


def _area(stage: Stage, seconds: float) -> float:
    return seconds * (stage.start + _slope(stage) * seconds / 2)


def arrivals(load: Load, *, worker: int, workers: int, seed: int, since: float = 0.0) -> Iterator[float]:
    """Intended starts of one worker from the second `since` of the run on, ascending, before its end.

    Constant arrivals are dealt out in turn, so all workers together make an even stream; Poisson streams of the
    workers are independent and add up to a Poisson stream of the whole rate.
    """
    poisson = _open(load).arrivals == "Poisson"
    stream = f"{seed}/{worker}" if since <= 0 else f"{seed}/{worker}/{since:.6f}"
    rng = random.Random(stream)  # noqa: S311 - a repeatable schedule, nothing secret
    past = offered_until(load, since)
    turns = max(0, math.ceil((past - worker - 0.5) / workers) - 1) if past else 0  # one more, as `past` is rounded

    def positions() -> Iterator[float]:
        position = past if poisson else worker + 0.5 + (turns - 1) * workers
        while True:
            position += rng.expovariate(1.0) * workers if poisson else workers
            yield position

    for due in _moments(load.profile, positions()):
        if due >= load.duration_seconds:
            return
        if due >= since:
            yield due


def recorded(moments: Sequence[float], load: Load, *, worker: int, workers: int, since: float = 0.0) -> Iterator[float]:
    """As `arrivals`, at the moments of a recording (ascending, in any unit's zero), again from its start when it is
    over. The workers take turns, as they do with payloads in order.
    """
    speed = _open(load).speed
    span = (moments[-1] - moments[0]) / speed
    cycle = span + (span / (len(moments) - 1) if len(moments) > 1 else 1.0)
    number = worker
    while True:
        round_, index = divmod(number, len(moments))
        due = round_ * cycle + (moments[index] - moments[0]) / speed
        if due >= load.duration_seconds:
            return
        if due >= since:
            yield due
        number += workers


def recorded_stages(moments: Sequence[float], load: Load) -> tuple[Stage, ...]:
    """The recording's rate over time, for plans and plots."""
    width = max(1.0, load.duration_seconds / _MOST_RECORDED_STAGES)
    counts = [0] * math.ceil(load.duration_seconds / width)
    for due in recorded(moments, load, worker=0, workers=1):
        counts[min(int(due / width), len(counts) - 1)] += 1
    widths = [min(width, load.duration_seconds - i * width) for i in range(len(counts))]
    return tuple(Stage(w, n / w, n / w) for n, w in zip(counts, widths, strict=True))


def level_at(load: Load, seconds: float) -> float:
    """Rate or users that the profile asks for at a moment; 0 after its end."""
    began = 0.0
    for stage in load.profile:
        if seconds < began + stage.seconds:
            return stage.start + (stage.end - stage.start) * (seconds - began) / stage.seconds
        began += stage.seconds
    return 0.0


def active_from(load: Load, user: int, seconds: float) -> float:
    """The first moment from `seconds` on at which the profile has work for the user (counted from 0); infinite when
    there is none any more.
    """
    wanted, began = user + 0.5, 0.0
    for stage in load.profile:
        ended = began + stage.seconds
        if seconds < ended:
            at = max(seconds, began)
            level = stage.start + (stage.end - stage.start) * (at - began) / stage.seconds
            if level >= wanted:
                return at
            if stage.end > wanted and stage.end > stage.start:
                return began + (wanted - stage.start) / (stage.end - stage.start) * stage.seconds
        began = ended
    return math.inf


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
