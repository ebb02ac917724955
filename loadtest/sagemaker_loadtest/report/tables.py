"""The tables and tiles of the report as rows of text, ready to print."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sagemaker_loadtest.api.thresholds import bare_limit, show, show_limit
from sagemaker_loadtest.api.units import (
    clock,
    count,
    exact,
    format_duration,
    milliseconds,
    per_second,
    percent,
    significant,
)
from sagemaker_loadtest.judge.result import Result, StageFacts, ThresholdFacts
from sagemaker_loadtest.judge.verdict import stays_open
from sagemaker_loadtest.report import takes
from sagemaker_loadtest.report.charts import shape_bars
from sagemaker_loadtest.report.lines import Lines

_MOST_ROWS = 45


@dataclass(frozen=True, slots=True)
class Table:
    """A head and rows; the first cell of a row names it."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Tile:
    """A number that is read first."""

    name: str
    value: str
    unit: str
    under: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class ThresholdRow:
    """One threshold with its meter: `fill` and `mark` in percent of the meter's width. `open`: nothing can be said."""

    facts: ThresholdFacts
    open: bool
    limit: str
    measured: str
    fill: float
    mark: float


def thresholds(result: Result) -> list[ThresholdRow]:
    rows = []
    for t in result.thresholds:
        top = max(t.limit * 4 / 3, (t.measured or 0) * 1.05, 1e-9)
        rows.append(
            ThresholdRow(
                t,
                stays_open(result.verdict.exit_code, t.measured),
                show_limit(t.threshold),
                show(t.threshold, t.measured),
                min(100.0, 100 * (t.measured or 0) / top),
                100 * t.limit / top,
            )
        )
    return rows


def tiles(result: Result) -> list[Tile]:
    s, p = result.summary, result.summary.latency
    code = result.verdict.exit_code
    missed = {t.label for t in result.thresholds if not t.met and not stays_open(code, t.measured)}

    def limit(label: str, otherwise: str) -> tuple[str, bool]:
        found = next((t for t in result.thresholds if t.label == label), None)
        if found is None:
            return otherwise, False
        return f"limit {bare_limit(found.threshold)}", label in missed

    reached = (
        f"{percent(s.rate_reached_percent)} of what was offered{_asked(result)}"
        if s.rate_reached_percent is not None
        else "answered on average"
    )
    uncounted = math.ceil(result.warm_up_seconds)
    warm_up = f", {format_duration(uncounted)} warm-up not counted" if uncounted else ""
    under, bad = limit("rate reached", "")
    rate = per_second(s.rate).removesuffix("/s")
    found = [
        Tile("Answered", count(s.answered), "", f"requests in {format_duration(round(s.measured_seconds))}{warm_up}"),
        Tile("Rate", rate, "/s", f"{under}; {reached}" if bad else reached, bad),
    ]
    notes = {"p50": "half of all answers were faster", "p95": "19 of 20 were faster", "p99": "99 of 100 were faster"}
    for name, value in (("p50", p.p50), ("p95", p.p95), ("p99", p.p99)):
        under, bad = limit(f"{name}, all", notes[name])
        found.append(Tile(f"{name} latency", significant(value), "ms" if value is not None else "", under, bad))
    under, bad = limit("failed", f"{count(s.failed)} of {count(s.answered + s.failed)}")
    shown = percent(s.failed_percent).removesuffix(" %")
    found.append(
        Tile(
            "Failed",
            shown,
            "%" if s.failed_percent is not None else "",
            f"{count(s.failed)} requests; {under}" if "limit" in under else under,
            bad,
        )
    )
    return found


def _asked(result: Result) -> str:
    return f", {per_second(result.load.rate)} on average by Poisson" if takes.by_chance(result) else ""


def latency(result: Result) -> Table:
    s = result.series
    rows = [
        (clock(i * s.bin_seconds), significant(s.p50[i]), significant(s.p95[i]), significant(s.p99[i]))
        for i in _some(len(s.p99))
    ]
    return Table(("from", "p50 ms", "p95 ms", "p99 ms"), tuple(rows))


def rate(result: Result) -> Table:
    s = result.series
    rows = [
        (clock(i * s.bin_seconds), significant(s.offered[i]), significant(s.achieved[i]))
        for i in _some(len(s.achieved))
    ]
    return Table(("from", "offered /s", "answered /s"), tuple(rows))


def of_lines(result: Result, *charts: Lines) -> Table:
    """The values of charts of lines side by side."""
    found = [(line, chart.unit) for chart in charts for line in chart.lines]
    rows = [
        (clock(i * result.series.bin_seconds), *(significant(line.values[i]) for line, _ in found))
        for i in _some(min((len(line.values) for line, _ in found), default=0))
    ]
    return Table(("from", *(f"{line.name}, {unit}" for line, unit in found)), tuple(rows))


def measurements(result: Result) -> Table | None:
    """Times beside the latency: connecting, acceptance, chunks; None when none was measured."""
    found = result.exchange.measurements
    if not found:
        return None
    rows = [
        (
            m.name,
            count(m.count),
            *(milliseconds(v) for v in (m.time.p50, m.time.p90, m.time.p95, m.time.p99, m.time.p999, m.time.maximum)),
        )
        for m in found
    ]
    return Table(("time", "measured", "p50", "p90", "p95", "p99", "p99.9", "longest"), tuple(rows))


def errors(result: Result) -> Table:
    s = result.series
    with_any = [i for i in range(len(s.achieved)) if any(values[i] for values in s.failures.values())]
    rows = [(clock(i * s.bin_seconds), *(count(values[i]) for values in s.failures.values())) for i in with_any]
    return Table(("from", *s.failures), tuple(rows))


def distribution(result: Result) -> Table:
    named = {name: dict(points) for name, points in result.distribution.items()}
    shown = sorted({p for points in named.values() for p in points})
    rows = [(f"{p:g} %", *(significant(points.get(p)) for points in named.values())) for p in shown]
    return Table(("within", *(f"{name}, ms" for name in named)), tuple(rows))


def shape(result: Result) -> Table:
    rows = [(f"{significant(a)} to {significant(b)} ms", percent(share)) for a, b, share in shape_bars(result) if share]
    return Table(("latency", "of all answers"), tuple(rows))


def _schedule(result: Result) -> str:
    parts = [f"{format_duration(result.planned_seconds)} in all"]
    if result.warm_up_seconds:
        parts.append(f"the first {format_duration(result.warm_up_seconds)} warm-up")
    if result.load.ramp_up_seconds:
        parts.append(f"rising over {format_duration(result.load.ramp_up_seconds)}")
    return ", ".join((*parts, *map(_stage, result.load.stages)))


def _stage(stage: StageFacts) -> str:
    level = f"at {exact(stage.end)}" if stage.start == stage.end else f"from {exact(stage.start)} to {exact(stage.end)}"
    return f"{format_duration(stage.seconds)} {level}"


def facts(result: Result) -> list[list[tuple[str, str]]]:
    """What was run, in two columns."""
    load, payloads = result.load, result.payloads
    up_to = "up to " if load.stages else ""
    if load.model == "open":
        arrivals = f"{(load.arrivals or '').lower()} arrivals"
        model = f"open, {up_to}{per_second(load.rate)}, {arrivals}; latency from the intended start"
    else:
        pacing = f", each at most once in {format_duration(load.pacing_seconds)}" if load.pacing_seconds else ""
        model = f"closed, {up_to}{count(load.users)} users{pacing}; latency from the sending"
    sizes = (
        f"{payloads.smallest_bytes:,} to {payloads.largest_bytes:,} bytes"
        if payloads.smallest_bytes != payloads.largest_bytes
        else f"{payloads.largest_bytes:,} bytes"
    )
    order = "in order" if payloads.order == "InOrder" else "at random"
    left = [
        ("Endpoint", f"{result.endpoint.name}, {result.endpoint.region}"),
        ("Address", result.endpoint.url),
        ("Payload", f"{', '.join(payloads.content_types)}; {payloads.number:,} bodies of {sizes}, {order}"),
        ("Service time", _service(result)),
    ]
    right = [
        ("Load model", model),
        ("Schedule", _schedule(result)),
        (
            "Sent from",
            f"{load.workers} worker processes; time-out {format_duration(load.timeout_seconds)}; seed {load.seed}",
        ),
        (
            "Versions",
            f"sagemaker-loadtest {result.tool.version}, Locust {result.tool.locust}, Python {result.tool.python}; "
            f"result schema {result.schema_version}",
        ),
    ]
    return [left, right]


def _service(result: Result) -> str:
    s = result.summary.service_time
    values = f"p50 {milliseconds(s.p50)}, p95 {milliseconds(s.p95)}, p99 {milliseconds(s.p99)}"
    return f"{values}: from the sending to the last byte"


def _some(number: int) -> Sequence[int]:
    step = -(-number // _MOST_ROWS) or 1
    return range(0, number, step)
