"""From the books of a run to its `Result`. Pure: the same tally gives the same result."""

import math
from collections import Counter
from dataclasses import dataclass

from sagemaker_loadtest import SCHEMA_VERSION
from sagemaker_loadtest.api import variants
from sagemaker_loadtest.api.measurement import Measurement
from sagemaker_loadtest.api.spec import LoadTest
from sagemaker_loadtest.api.thresholds import label
from sagemaker_loadtest.exchange.replies import ANSWERED
from sagemaker_loadtest.judge import curves, generator, measures, reasons, verdict
from sagemaker_loadtest.judge import result as r
from sagemaker_loadtest.judge.measures import Measure
from sagemaker_loadtest.judge.verdict import Loss
from sagemaker_loadtest.measure.blocks import ALL, blocks_of, measured_blocks
from sagemaker_loadtest.measure.samples import ErrorSample
from sagemaker_loadtest.measure.tally import Tally
from sagemaker_loadtest.measure.wire import pack
from sagemaker_loadtest.workload.payloads import Payload

NO_VARIANT = "no variant named"
_Z_999 = 3.2905


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is known beside the numbers. `start` is ISO 8601 in UTC; `asked` the variants' weights in percent;
    `advice` what to do about the early end.
    """

    run: str
    start: str
    url: str
    tool: r.ToolFacts
    asked: dict[str, float]
    losses: tuple[Loss, ...] = ()
    ended_early: str | None = None
    advice: str = ""
    partial: bool = False


def build_result(test: LoadTest, payloads: tuple[Payload, ...], tally: Tally, facts: RunFacts) -> r.Result:
    """Judges the run and gathers all that is told about it."""
    lost = bool(facts.losses)
    judged = [measures.measure(t, tally, workers_lost=lost) for t in test.thresholds]
    latency_missed = any(not m.met and m.measured is not None for m in judged if m.threshold.metric == "latency")
    latency_missed = latency_missed and not any(_answered_errors_over(m, tally) for m in judged)
    checks = generator.checks(test, tally, workers_lost=len(facts.losses), latency_missed=latency_missed)
    found = verdict.judge(judged, checks, facts.losses, test.workers, facts.ended_early, facts.advice)
    return r.Result(
        schema_version=SCHEMA_VERSION,
        tool=facts.tool,
        run=facts.run,
        name=test.name,
        start=facts.start,
        duration_seconds=round(tally.elapsed, 1),
        planned_seconds=test.load.duration_seconds,
        warm_up_seconds=test.load.warm_up_seconds,
        endpoint=r.EndpointFacts(test.endpoint.name, test.endpoint.region, facts.url),
        load=_load(test),
        payloads=_payloads(test, payloads),
        verdict=reasons.reasoned(found, judged, tally, checks),
        thresholds=tuple(_threshold(m) for m in judged),
        summary=_summary(tally, workers_lost=lost),
        series=curves.series(test, tally),
        distribution=curves.distribution(tally),
        errors=dict(tally.total.failures.most_common()),
        samples=_samples(tally),
        variants=_variants(tally, variants.asked(test, facts.asked)),
        events=_events(test, tally, facts),
        generator=r.GeneratorFacts(
            fit=all(c.ok or not c.decisive for c in checks),
            workers=test.workers,
            lost=tuple(r.LostWorker(loss.worker, round(loss.second, 1), loss.cause) for loss in facts.losses),
            checks=tuple(r.CheckFacts(c.name, c.seen, c.limit, c.ok, c.decisive) for c in checks),
        ),
        histograms={
            ALL: pack(tally.total.latency),
            **{name or NO_VARIANT: pack(h) for name, h in sorted(tally.variants.items())},
        },
        partial=facts.partial,
        blocks=blocks_of(tally),
        exchange=_exchange(test, tally),
    )


def _exchange(test: LoadTest, tally: Tally) -> r.ExchangeFacts:
    total = tally.total
    return r.ExchangeFacts(
        operation=test.invocation.operation,
        measurements=tuple(
            r.MeasurementFacts(
                name,
                total.measurements[name].count,
                curves.percentiles(total.measurements[name]),
                pack(total.measurements[name]),
                measured_blocks(tally, name),
            )
            for name in Measurement
            if name in total.measurements
        ),
        statuses=dict(sorted(tally.statuses.items())),
        chunks=total.chunks,
        sent_bytes=total.sent_bytes,
        received_bytes=total.received_bytes,
    )


def _samples(tally: Tally) -> dict[str, tuple[ErrorSample, ...]]:
    """In the order of the errors; classes of which nothing was told are left out."""
    return {name: tuple(tally.samples[name]) for name, _ in tally.total.failures.most_common() if name in tally.samples}


def _load(test: LoadTest) -> r.LoadFacts:
    load = test.load
    return r.LoadFacts(
        model="open" if load.open else "closed",
        rate=load.open.rate if load.open else None,
        arrivals=load.open.arrivals if load.open else None,
        max_in_flight=load.open.max_in_flight if load.open else None,
        users=load.closed.users if load.closed else None,
        pacing_seconds=load.closed.pacing_seconds if load.closed else None,
        ramp_up_seconds=load.ramp_up_seconds,
        timeout_seconds=load.timeout_seconds,
        workers=test.workers,
        seed=test.seed,
        stages=tuple(r.StageFacts(round(s.seconds, 6), round(s.start, 6), round(s.end, 6)) for s in load.stages),
    )


def _payloads(test: LoadTest, payloads: tuple[Payload, ...]) -> r.PayloadFacts:
    sizes = [len(p.body) for p in payloads] or [0]
    types = tuple(sorted({p.content_type for p in payloads}))
    return r.PayloadFacts(len(payloads), types, min(sizes), max(sizes), test.payloads.order)


def _threshold(m: Measure) -> r.ThresholdFacts:
    t = m.threshold
    measured = None if m.measured is None else curves.three(m.measured) if t.unit == "ms" else round(m.measured, 4)
    return r.ThresholdFacts(
        t.text,
        label(t),
        t.metric,
        t.percentile,
        t.variant,
        t.limit,
        t.unit,
        t.inclusive,
        measured,
        m.met,
        verdict.against(m),
        t.measurement,
    )


def _summary(tally: Tally, *, workers_lost: bool) -> r.Summary:
    seconds = tally.measured_until()
    offered = tally.offered(workers_lost=workers_lost)
    return r.Summary(
        measured_seconds=round(seconds, 1),
        offered=offered,
        answered=tally.total.latency.count,
        failed=tally.total.failed,
        failed_percent=None if tally.failed_percent is None else round(tally.failed_percent, 4),
        rate=round(tally.total.answered / seconds, 2) if seconds else 0.0,
        offered_rate=None if offered is None or not seconds else round(offered / seconds, 2),
        rate_reached_percent=round(min(100.0, 100 * tally.total.answered / offered), 4) if offered else None,
        latency=curves.percentiles(tally.total.latency, tally.total.failed),
        service_time=curves.percentiles(tally.service, tally.total.failed),
        failed_unnamed=measures.unnamed_failures(tally),
    )


def _answered_errors_over(m: Measure, tally: Tally) -> bool:
    """Whether the errors that came as answers are alone over the limit: no delay inside the generator made them."""
    if m.met or m.threshold.metric != "failed" or m.measured is None:
        return False
    variant = m.threshold.variant
    failures = tally.total.failures if variant is None else tally.variant_failures.get(variant, Counter[str]())
    errors = sum(failures[outcome.value] for outcome in ANSWERED)
    return 100 * errors > m.threshold.limit * sum(measures.most_failed(tally, variant))


def _variants(tally: Tally, asked: dict[str, float]) -> tuple[r.VariantFacts, ...]:
    answered = sum(h.count for name, h in tally.variants.items() if name)
    names = sorted(
        {*tally.variants, *asked, *tally.variant_failures} - {""}, key=lambda n: -measures.counts_of(tally, n)[0]
    )
    facts = []
    for name in names:
        good, failed = measures.counts_of(tally, name)
        share = asked.get(name)
        spread = _Z_999 * math.sqrt(share * (100 - share) / answered) if share is not None and answered else None
        facts.append(
            r.VariantFacts(
                name=name,
                asked_percent=None if share is None else round(share, 2),
                seen_percent=round(100 * good / answered, 3) if answered else 0.0,
                chance_low_percent=None if spread is None or share is None else round(max(0.0, share - spread), 2),
                chance_high_percent=None if spread is None or share is None else round(min(100.0, share + spread), 2),
                answered=good,
                failed=failed,
                latency=curves.percentiles(measures.latency_of(tally, name), measures.most_failed(tally, name)[1]),
            )
        )
    return tuple(facts)


def _events(test: LoadTest, tally: Tally, facts: RunFacts) -> tuple[r.Happening, ...]:
    found = []
    if 0 < test.load.ramp_up_seconds <= tally.elapsed:
        found.append(r.Happening(test.load.ramp_up_seconds, "load", f"Full load of {test.load.intensity} reached"))
    found += [
        r.Happening(round(loss.second, 1), "worker", f"{loss.worker} lost: {loss.cause}") for loss in facts.losses
    ]
    if facts.ended_early:
        found.append(r.Happening(round(tally.elapsed, 1), "end", f"Ended early: {facts.ended_early}"))
    return tuple(sorted(found, key=lambda e: e.second))
