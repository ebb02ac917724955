"""The verdict: one word, one exit code, the reasons in plain words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from sagemaker_loadtest.api.thresholds import bare_limit, margin, show, spoken
from sagemaker_loadtest.api.units import clock
from sagemaker_loadtest.judge.generator import Check
from sagemaker_loadtest.judge.measures import Measure

Word = Literal["met", "missed", "generator", "workersLost", "endedEarly"]


class ExitCode(IntEnum):
    """Exit codes of the command. When several apply: 2, 5, 4, 3, 1, 0."""

    MET = 0
    MISSED = 1
    CONFIGURATION = 2
    GENERATOR = 3
    WORKERS_LOST = 4
    ENDED_EARLY = 5


@dataclass(frozen=True, slots=True)
class Loss:
    """A worker that went away during the run: when (seconds since the start), what is known of the cause, what it
    meant for the load.
    """

    worker: str
    second: float
    cause: str
    effect: str = "From then on less load was sent than the test asks for."


@dataclass(frozen=True, slots=True)
class Verdict:
    """`headline` is one line; `reasons` follow it; `advice` is what to do next."""

    word: Word
    exit_code: int
    headline: str
    reasons: tuple[str, ...]
    advice: str


def judge(
    measures: Sequence[Measure],
    checks: Sequence[Check],
    losses: Sequence[Loss],
    workers: int,
    ended_early: str | None,
    advice: str = "",
) -> Verdict:
    """Verdict over a run that started. `ended_early` says why, when it did not reach its end, and `advice` what to do
    about it.
    """
    so_far = _so_far(measures)
    if ended_early:
        return Verdict(
            "endedEarly",
            ExitCode.ENDED_EARLY,
            f"Ended early: {ended_early}",
            (so_far, *_losses(losses)),
            advice or "Run it again to its end.",
        )
    if losses:
        return Verdict(
            "workersLost",
            ExitCode.WORKERS_LOST,
            f"No verdict: {len(losses)} of {workers} workers lost",
            (*_losses(losses), *dict.fromkeys(loss.effect for loss in losses), so_far),
            "Find out why the worker went (memory, eviction), then run it again.",
        )
    limiting = [c for c in checks if c.decisive and not c.ok]
    if limiting:
        return Verdict(
            "generator",
            ExitCode.GENERATOR,
            "No verdict: the load generator was the limit",
            (*(f"{c.reason}." for c in limiting), f"These numbers are not the endpoint's alone. {so_far}"),
            "Add workers (--workers, one free core each), or ask for less.",
        )
    return _missed(measures) if any(not m.met for m in measures) else _met(measures)


def _missed(measures: Sequence[Measure]) -> Verdict:
    missed = [m for m in measures if not m.met]
    first = missed[0]
    return Verdict(
        "missed",
        ExitCode.MISSED,
        f"Missed: {sentence(first)}" + (f", and {len(missed) - 1} more" if len(missed) > 1 else ""),
        tuple(f"{sentence(m)} ({against(m)})." for m in missed),
        "",
    )


def _met(measures: Sequence[Measure]) -> Verdict:
    if not measures:
        return Verdict(
            "met",
            ExitCode.MET,
            "Done: no thresholds were set, so nothing could be missed",
            (),
            "Set thresholds, for example “p99 <= 80ms”.",
        )
    closest = min(measures, key=_room)
    text = f"Closest: {sentence(closest)} ({against(closest)})."
    number = len(measures)
    return Verdict(
        "met",
        ExitCode.MET,
        f"Met: {number} of {number} thresholds" if number > 1 else f"Met: {sentence(closest)}",
        (text,),
        "",
    )


def _room(m: Measure) -> float:
    """Share of the limit that is left; a rate's room is how far it is above."""
    if m.measured is None or not m.threshold.limit:
        return 0.0
    part = m.measured / m.threshold.limit
    return part - 1 if m.threshold.metric == "rate" else 1 - part


def stays_open(exit_code: int, measured: float | None) -> bool:
    """Whether nothing can be said of a threshold: it was not measured in a run that has no verdict."""
    return measured is None and exit_code not in (ExitCode.MET, ExitCode.MISSED)


def against(m: Measure) -> str:
    """How far from the limit, or why that is not known: `19 % over`."""
    told = m.note or margin(m.threshold, m.measured)
    return f"{told}, {m.remark}" if m.remark else told


def sentence(m: Measure) -> str:
    """`p99 of challenger 95.3 ms, limit 80 ms`."""
    measured = show(m.threshold, m.measured) if m.measured is not None else "not measured"
    return f"{spoken(m.threshold)} {measured}, limit {bare_limit(m.threshold)}"


def _so_far(measures: Sequence[Measure]) -> str:
    if not measures:
        return "No thresholds were set."
    if all(m.measured is None for m in measures):
        return "Of what ran, no threshold could be measured."
    met = sum(m.met for m in measures)
    return f"Of what ran, {met} of {len(measures)} thresholds were met, which says nothing about the rest."


def _losses(losses: Sequence[Loss]) -> tuple[str, ...]:
    return tuple(f"{loss.worker} was lost at {clock(loss.second)}: {loss.cause}." for loss in losses)
