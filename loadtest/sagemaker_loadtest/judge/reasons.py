"""Why the verdict is as it is, beyond the thresholds themselves, and what to do next. Pure."""

import math
from collections import Counter
from collections.abc import Sequence

from sagemaker_loadtest.api.thresholds import limit_of, spoken
from sagemaker_loadtest.api.units import clock, format_duration
from sagemaker_loadtest.exchange.replies import Outcome
from sagemaker_loadtest.judge import measures
from sagemaker_loadtest.judge import result as r
from sagemaker_loadtest.judge.generator import Check
from sagemaker_loadtest.judge.measures import Measure
from sagemaker_loadtest.judge.verdict import ExitCode, Verdict
from sagemaker_loadtest.measure.tally import Tally

_REMEDIES = {
    Outcome.THROTTLED: "give the endpoint more or larger instances, or scale out earlier",
    Outcome.MODEL_ERROR: "the container's log has more of it",
    Outcome.NOT_READY: "see why the endpoint or the model was not in service",
    Outcome.NO_ENDPOINT: "see who deleted the endpoint",
    Outcome.TIME_OUT: "the endpoint did not answer within load.timeout; give it more or larger instances",
    Outcome.REFUSED: "nothing listened at the address; see whether instances went away",
    Outcome.RESET: "see whether instances, or what stands before them, went away",
    Outcome.UNREACHABLE: "see to the network between here and the endpoint",
    Outcome.BAD_CREDENTIALS: "renew the credentials, or allow them sagemaker:InvokeEndpoint",
    Outcome.BAD_REQUEST: "mend the payloads, their content type or the section invocation",
    Outcome.SERVICE_ERROR: "they came from SageMaker itself; if they stay, ask AWS",
    Outcome.DROPPED: "answers came too slowly for load.open.maxInFlight; give the endpoint more instances, or raise it",
    Outcome.UNFINISHED: "the endpoint still owed answers when the run had ended; it could not keep up",
    Outcome.OTHER: "look into your locustfile",
}
_WORTH_A_LOOK = 0.01


def reasoned(found: Verdict, judged: Sequence[Measure], tally: Tally, checks: Sequence[Check]) -> r.VerdictFacts:
    """The verdict with all that a reader wants to know beside it."""
    reasons, advice = list(found.reasons), found.advice
    missed = found.exit_code == ExitCode.MISSED
    if missed:
        reasons += _when(judged, tally)
        advice = _advice(judged, tally)
    if tally.total.failed:
        classes = _classes(tally.total.failures)
        reasons.append(f"{tally.total.failed:,} of {tally.requests:,} requests failed: {classes}.")
    if missed or (found.exit_code == ExitCode.MET and judged):
        reasons += _unnamed(judged, tally)
        strained = [c.brief for c in checks if not c.ok and c.brief]
        told = [c.brief for c in checks if c.brief][:3]
        fitness = f", though strained: {_and(strained)}" if strained else f": {_and(told)}"
        reasons.append(f"The load generator was not the limit{fitness}.")
    return r.VerdictFacts(found.word, int(found.exit_code), found.headline, tuple(reasons), advice)


def _unnamed(judged: Sequence[Measure], tally: Tally) -> list[str]:
    number = measures.unnamed_failures(tally)
    if not number or not any(m.threshold.variant for m in judged):
        return []
    return [f"{number:,} of these named no variant and count against each variant that has a threshold."]


def _when(judged: Sequence[Measure], tally: Tally) -> list[str]:
    """Where in the run the first missed latency threshold was exceeded, when it was in one part of it only."""
    missed = next(
        (
            m
            for m in judged
            if not m.met
            and m.threshold.metric == "latency"
            and m.measured
            and not (m.threshold.variant or m.threshold.measurement)
        ),
        None,
    )
    if missed is None or missed.threshold.percentile is None:
        return []
    percentile, width = min(missed.threshold.percentile, 99.0), tally.bin_seconds
    first, limit = math.ceil(tally.load.counted_from / width), limit_of(missed.threshold)
    values = [(i, b.latency.percentile(percentile)) for i, b in enumerate(tally.bins) if i >= first and b.latency.count]
    over = [i for i, value in values if value is not None and value > missed.threshold.limit]
    if not over or len(over) == len(values):
        return [f"It stood above {limit} all through the run."] if over else []
    span = (
        f"from {clock(over[0] * width)} to {clock((over[-1] + 1) * width)}"
        if len(over) > 1
        else f"at {clock(over[0] * width)}"
    )
    return [f"p{percentile:g} stood above {limit} for {len(over) * width} s of the run, {span}."]


def _advice(judged: Sequence[Measure], tally: Tally) -> str:
    missed = [m for m in judged if not m.met]
    if all(m.needed for m in missed):
        return _longer(max(missed, key=lambda m: m.needed), tally)
    failures = tally.total.failures
    by_errors = any(m.threshold.metric == "failed" or (m.measured is None and not m.needed) for m in missed)
    if failures and (by_errors or failures.total() > tally.total.latency.count * _WORTH_A_LOOK):
        leading = failures.most_common(1)[0][0]
        return f"Look at the errors first, “{leading}” leads: {_REMEDIES[Outcome(leading)]}. Then run this test again."
    return "Give the endpoint more or larger instances, or scale out earlier; then run this test again."


def _longer(m: Measure, tally: Tally) -> str:
    """What it takes for the percentile to be told, said of all variants when the threshold is of one."""
    seconds = tally.measured_until()
    answered, _ = measures.counts_of(tally, m.threshold.variant)
    name = spoken(m.threshold)
    words = f"The run was too short to say, the endpoint not known to be slow: {name} needs {m.needed:,} answers"
    if not answered or not seconds:
        return f"{words}. Run it longer, or ask for a lower percentile."
    length = tally.load.counted_from + m.needed * seconds / answered
    rounded = math.ceil(length / 10) * 10
    return f"{words}. Run it for {format_duration(rounded)} or longer at this rate, or ask for a lower percentile."


def _classes(failures: Counter[str]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in failures.most_common())


def _and(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)
