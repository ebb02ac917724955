"""The result of a search: its verdict in words, its steps and the advice that follows. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from sagemaker_loadtest.api.spec import LoadTest
from sagemaker_loadtest.api.units import clock, exact, milliseconds, per_second, percent, significant
from sagemaker_loadtest.exchange.fleet import Fleet
from sagemaker_loadtest.judge import result as r
from sagemaker_loadtest.judge.capacity import capacities, snippet
from sagemaker_loadtest.judge.search import Found, Outcome, Why
from sagemaker_loadtest.judge.verdict import ExitCode, Word


def outcome_of(result: r.Result) -> Outcome:
    """What a step says about its rate. Thresholds that only lacked answers say nothing."""
    if result.verdict.exit_code == ExitCode.MET:
        return "held"
    if result.verdict.exit_code == ExitCode.GENERATOR:
        return "generator"
    short = all(t.met or (t.measured is None and "too few" in t.margin) for t in result.thresholds)
    return "short" if short else "over"


def step_of(result: r.Result, rate: float, why: Why) -> r.StepFacts:
    """One row of the table of steps."""
    tightest = _tightest(result)
    return r.StepFacts(
        rate=rate,
        why=why,
        outcome=outcome_of(result),
        seconds=result.duration_seconds,
        answered=result.summary.answered,
        measured=tightest.measured if tightest else result.summary.latency.p99,
        p50=result.summary.latency.p50,
        failed_percent=result.summary.failed_percent,
        rate_reached_percent=result.summary.rate_reached_percent,
        told=result.verdict.headline,
    )


def _tightest(result: r.Result) -> r.ThresholdFacts | None:
    """The latency threshold with the highest percentile, over all variants when there is one."""
    found = [t for t in result.thresholds if t.metric == "latency"]
    return min(found, key=lambda t: (t.variant is not None, -(t.percentile or 0)), default=None)


def counted(rate: float | None, steps: Sequence[tuple[r.StepFacts, r.Result]]) -> int:
    """Which of the steps the result is of: the last one that held at the rate found, else the last of all."""
    held = [i for i, (step, _) in enumerate(steps) if step.rate == rate and step.outcome == "held"]
    return held[-1] if held else len(steps) - 1


def searched(
    test: LoadTest, fleet: Fleet, found: Found, steps: Sequence[tuple[r.StepFacts, r.Result]], aborted: str = ""
) -> r.Result:
    """The result of the step that counts (`counted`) with the search.

    `aborted`: why the search could not go on, in words.
    """
    last, base = steps[-1][1], steps[counted(found.rate, steps)][1]
    tightest = _tightest(base)
    shares = {v.name: v.seen_percent for v in base.variants if v.seen_percent}
    mean = base.summary.service_time.mean
    carried = (
        capacities(test.search, found.rate, shares, fleet, mean / 1000 if mean is not None else None)
        if found.rate is not None
        else ()
    )
    facts = r.SearchFacts(
        rate=found.rate,
        over=found.over,
        confirmed=found.confirmed,
        generator=found.generator,
        stopped=aborted or found.stopped,
        precision_percent=test.search.precision_percent,
        safety_factor=test.search.safety_factor,
        price_per_hour=test.search.price_per_hour,
        label=tightest.label if tightest else "p99, all",
        limit=tightest.limit if tightest else None,
        steps=tuple(step for step, _ in steps),
        capacities=carried,
        autoscaling=snippet(carried),
    )
    return replace(base, verdict=_verdict(facts, found, last.verdict, aborted), search=facts)


def _verdict(facts: r.SearchFacts, found: Found, last: r.VerdictFacts, aborted: str) -> r.VerdictFacts:
    so_far = _so_far(facts)
    if last.exit_code in (ExitCode.WORKERS_LOST, ExitCode.ENDED_EARLY):
        return replace(last, reasons=(*last.reasons, so_far))
    if aborted:
        return _told("endedEarly", ExitCode.ENDED_EARLY, f"Ended early: {aborted}", (so_far,), "Search again.")
    if found.rate is None and not found.generator:
        words = f"Missed: no rate held; {per_second(found.over)} was still over"
        return _told("missed", ExitCode.MISSED, words, (f"{last.headline}.",), "Look at one request first.")
    if found.generator:
        least = f"; the endpoint holds at least {per_second(found.rate)}" if found.rate else ""
        words = f"No verdict: the load generator was the limit at {per_second(found.over)}{least}"
        return _told("generator", ExitCode.GENERATOR, words, (so_far,), "Add workers (--workers, one free core each).")
    if not found.confirmed:
        words = f"Ended early: {per_second(found.rate)} held once and could not be confirmed, {found.stopped}"
        return _told("endedEarly", ExitCode.ENDED_EARLY, words, (so_far,), "Allow more steps or more time.")
    return _met(facts, so_far)


def _met(facts: r.SearchFacts, so_far: str) -> r.VerdictFacts:
    on = [f"{c.instances} × {c.instance_type or 'instance'}" for c in facts.capacities if c.instances]
    where = f" on {' and '.join(on)}" if on else ""
    least = "at least " if facts.over is None else ""
    reasons = [so_far, *([f"The search ended because {facts.stopped}."] if facts.stopped else [])]
    advice = "Run the peak again with the autoscaling below: it is a proposal, not a promise."
    if not any(c.target for c in facts.capacities):
        advice = "The instances are not known: allow sagemaker:DescribeEndpoint or set search.instances."
    headline = f"Found: {least}{per_second(facts.rate)} holds{where}"
    return _told("met", ExitCode.MET, headline, tuple(reasons), advice)


def _told(word: Word, code: ExitCode, headline: str, reasons: Sequence[str], advice: str) -> r.VerdictFacts:
    return r.VerdictFacts(word, int(code), headline, tuple(reasons), advice)


def _so_far(facts: r.SearchFacts) -> str:
    steps = f"{len(facts.steps)} steps in {clock(sum(s.seconds for s in facts.steps))}"
    if facts.rate is None:
        return f"{steps}; no rate held."
    held = [s for s in facts.steps if s.rate == facts.rate and s.outcome == "held"]
    words = f"{steps}: {per_second(facts.rate)} held {'twice' if len(held) > 1 else 'once'}"
    measured = held[-1].measured if held else None
    if facts.limit is not None and measured is not None:
        words += f" ({facts.label.removesuffix(', all')} {milliseconds(measured)}, limit {exact(facts.limit)} ms)"
    return f"{words}, {per_second(facts.over)} was over." if facts.over is not None else f"{words}, none was over."


def advice_rows(facts: r.SearchFacts) -> list[tuple[str, str, str]]:
    """(what, how it is computed, value) for each variant: the same in terminal, page and summary."""
    rows: list[tuple[str, str, str]] = []
    for c in facts.capacities:
        name = f"{c.variant}: " if len(facts.capacities) > 1 else ""
        rows.append(
            (
                f"{name}highest rate",
                "within the thresholds, twice" if facts.confirmed else "once",
                per_second(c.rate),
            )
        )
        if c.rate_per_instance is None or c.instances is None:
            rows.append((f"{name}instances", "serverless, or not known", "–"))
            continue
        each, factor = significant(c.rate_per_instance), f"{facts.safety_factor:g}"
        rows.append((f"{name}per instance", f"{per_second(c.rate)} / {c.instances}", f"{each}/s"))
        rows.append((f"{name}target", f"{each} × {factor} safety × 60", f"{c.target:,} a minute and instance"))
        if c.concurrency is not None:
            how = f"rate × mean time = {significant(c.concurrency, 2)} at once (Little), × {factor}"
            rows.append((f"{name}concurrency target", how, f"{c.concurrency_target} an instance"))
        if c.base_rate:
            rows.append(
                (
                    f"{name}for the base",
                    f"{significant(c.base_rate)} / ({each} × {factor}), at least 2",
                    f"{c.min_count} instances",
                )
            )
        rows.append(
            (
                f"{name}for the peak",
                f"{significant(c.peak_rate)} / ({each} × {factor}), at least 2",
                f"{c.max_count} instances",
            )
        )
        if c.cost_per_million is not None and facts.price_per_hour is not None:
            how = f"at {exact(facts.price_per_hour)} an hour and instance"
            rows.append((f"{name}cost", how, f"{significant(c.cost_per_million)} a million requests"))
    return rows


def step_rows(facts: r.SearchFacts) -> list[tuple[str, ...]]:
    """The steps in order, as cells of a table."""
    signs = {"held": "✓ held", "over": "✗ over", "generator": "! generator", "short": "! too few answers"}
    return [
        (
            per_second(s.rate),
            milliseconds(s.p50),
            milliseconds(s.measured),
            percent(s.failed_percent),
            percent(s.rate_reached_percent),
            clock(s.seconds),
            signs[s.outcome] + (", confirmed" if s.why == "confirm" and s.outcome == "held" else ""),
        )
        for s in facts.steps
    ]


STEP_HEAD = ("rate", "p50", "measured", "failed", "reached", "length", "")
