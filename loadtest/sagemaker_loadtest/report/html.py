"""index.html: one file that loads nothing and says its point without script; light and dark, phone and paper."""

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sagemaker_loadtest.api.units import clock, count, format_duration, milliseconds, per_second, percent, significant
from sagemaker_loadtest.judge.failures import failure_rows, whence
from sagemaker_loadtest.judge.found import STEP_HEAD, advice_rows, step_rows
from sagemaker_loadtest.judge.result import Result
from sagemaker_loadtest.report import charts, lines, steps, tables, takes
from sagemaker_loadtest.report.lines import Lines

_COLORS = {0: "good", 1: "bad"}
_ICONS = {"good": "M14 25l7 7 14-15", "bad": "M16 16l16 16M32 16L16 32", "warn": "M24 12v15M24 34v1.5"}
_WORDS = {
    "met": "Met",
    "missed": "Missed",
    "generator": "No verdict",
    "workersLost": "No verdict",
    "endedEarly": "Ended early",
}


@dataclass(frozen=True, slots=True)
class Chart:
    """A section with a chart: what it shows in a sentence, its legend, the drawing, the same as a table."""

    anchor: str
    title: str
    take: str
    legend: tuple[tuple[str, Markup], ...]
    drawing: Markup
    table: tables.Table


def templates() -> Environment:
    """The package's templates: what is put into them is escaped, and numbers are written as everywhere."""
    environment = Environment(
        loader=PackageLoader("sagemaker_loadtest.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {
        "count": count,
        "ms": milliseconds,
        "percent": percent,
        "per_second": per_second,
        "clock": clock,
        "three": significant,
    }
    return environment


def render_html(result: Result) -> str:
    """The page of a result."""
    environment = templates()
    color = _COLORS.get(result.verdict.exit_code, "warn")
    return environment.get_template("report.html.j2").render(
        r=result,
        word=_word(result),
        headline=_headline(result),
        color=color,
        icon=_ICONS[color],
        started=_when(result),
        question=takes.question(result),
        under=takes.under_the_word(result),
        thresholds=tables.thresholds(result),
        over_time=_over_time(result),
        spread=_spread(result),
        tiles=tables.tiles(result),
        facts=tables.facts(result),
        failures=[(row, [(s, whence(s)) for s in row.samples]) for row in failure_rows(result)],
        variants_take=takes.variants(result),
        search=_search(result),
        variant_charts=_figures(result, [lines.variants(result)] if len(result.series.variants) > 1 else []),
        generator_charts=_figures(result, [lines.cpu(result), lines.delays(result)]),
        variant_table=tables.of_lines(result, lines.variants(result)),
        generator_table=tables.of_lines(result, lines.cpu(result), lines.delays(result)),
        measurements=tables.measurements(result),
        measurements_take=takes.measurements(result),
        length=format_duration(round(result.duration_seconds)),
        data=_safe(json.dumps(_data(result), separators=(",", ":")).replace("<", "\\u003c")),
        style=_safe(_asset(environment, "style.css")),
        script=_safe(_asset(environment, "script.js")),
    )


def _word(result: Result) -> str:
    if result.partial:
        return "Not finished"
    return "Found" if result.search and result.verdict.exit_code == 0 else _WORDS[result.verdict.word]


def _headline(result: Result) -> str:
    """The verdict's line without the word that stands above it."""
    told = result.verdict.headline.removeprefix("No verdict: ").removeprefix("Ended early: ")
    return told[:1].upper() + told[1:]


def _safe(markup: str) -> Markup:
    """Marks what this package itself has built or escaped; nothing of a result passes here unescaped."""
    return Markup(markup)  # noqa: S704 - see above


def _asset(environment: Environment, name: str) -> str:
    if environment.loader is None:
        raise RuntimeError("the environment of the templates has no loader")
    return environment.loader.get_source(environment, name)[0]


def _when(result: Result) -> str:
    start = dt.datetime.fromisoformat(result.start)
    end = start + dt.timedelta(seconds=result.duration_seconds)
    return f"{start.day} {start:%B %Y, %H:%M:%S} to {end:%H:%M:%S} UTC"


def _over_time(result: Result) -> list[Chart]:
    if not result.series.achieved or not (result.summary.answered or result.summary.failed):
        return []
    limit = [("limit", _line("var(--bad)", 1.6, "7 4"))] if charts.limits_over_time(result) else []
    warm_up = [("warm-up, not counted", _box("url(#hatch)", "var(--offered)"))] if result.warm_up_seconds else []
    percentiles = [
        ("p50", _line("var(--p50)", 1.8)),
        ("p95", _line("var(--p95)", 2, "6 3")),
        ("p99", _line("var(--p99)", 2.6)),
    ]
    offered = [("offered", _line("var(--offered)", 6))] if result.load.rate else []
    found = [
        Chart(
            "latency",
            "Latency over time",
            takes.latency(result),
            (*percentiles, *limit, *warm_up),
            _safe(charts.latency_over_time(result)),
            tables.latency(result),
        ),
        Chart(
            "rate",
            takes.rate_title(result),
            takes.rate(result),
            (*offered, ("answered", _line("var(--achieved)", 2.2))),
            _safe(charts.rate_over_time(result)),
            tables.rate(result),
        ),
    ]
    flight = lines.in_flight(result)
    if flight.any_value:
        found.append(_lines_chart(result, flight, takes.flight_title(result), takes.flight(result)))
    if any(sum(v) for v in result.series.failures.values()):
        legend = tuple(
            (name, _box(charts.FILLS[i % 6], charts.STROKES[i % 6])) for i, name in enumerate(result.series.failures)
        )
        found.append(
            Chart(
                "errors",
                "Errors by class",
                takes.errors(result),
                legend,
                _safe(charts.errors_over_time(result)),
                tables.errors(result),
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class SearchSection:
    """What a search found: its chart, its steps, the numbers that follow and the YAML to paste."""

    take: str
    drawing: Markup
    table: tables.Table
    rows: tuple[tuple[str, str, str], ...]
    autoscaling: str


def _search(result: Result) -> SearchSection | None:
    facts = result.search
    if facts is None or not facts.steps:
        return None
    head = (*STEP_HEAD[:2], facts.label.removesuffix(", all"), *STEP_HEAD[3:-1], "outcome")
    told = any(s.measured is not None for s in facts.steps)
    return SearchSection(
        takes.search(facts),
        _safe(steps.draw(facts)) if told else Markup(),
        tables.Table(head, tuple(step_rows(facts))),
        tuple(advice_rows(facts)),
        facts.autoscaling,
    )


def _figures(result: Result, found: list[Lines]) -> list[Chart]:
    """Charts inside a section that is there for something else; those without a value are left out."""
    return [_lines_chart(result, chart, chart.label, "") for chart in found if chart.any_value]


def _lines_chart(result: Result, chart: Lines, title: str, take: str) -> Chart:
    legend = tuple((line.name, _line(line.color, line.width, line.dash)) for line in chart.lines)
    return Chart(
        chart.kind,
        title,
        take,
        legend if len(legend) > 1 else (),
        _safe(lines.draw(result, chart)),
        tables.of_lines(result, chart),
    )


def _spread(result: Result) -> list[Chart]:
    if not any(result.distribution.values()):
        return []
    legend = [
        ("all requests" if name == "all" else name, _line(charts.CURVES[i % 6], 2.4, charts.DASHES[i % 6]))
        for i, name in enumerate(result.distribution)
    ]
    limits = [("limit", _line("var(--bad)", 3))] if charts.latency_limits(result) else []
    return [
        Chart(
            "distribution",
            "Latency distribution",
            takes.distribution(result),
            (*legend, *limits),
            _safe(charts.distribution(result)),
            tables.distribution(result),
        ),
        Chart(
            "shape",
            "How often which latency",
            takes.shape(result),
            (),
            _safe(charts.shape(result)),
            tables.shape(result),
        ),
    ]


def _line(color: str, width: float, dash: str = "none") -> Markup:
    return _safe(
        f'<line x1="0" x2="26" y1="6" y2="6" stroke="{color}" stroke-width="{width}" stroke-dasharray="{dash}"/>'
    )


def _box(fill: str, stroke: str) -> Markup:
    return _safe(f'<rect x="5" y="0" width="14" height="12" fill="{fill}" stroke="{stroke}" stroke-width=".8"/>')


def _data(result: Result) -> dict[str, Any]:
    """What the script needs to show numbers under the pointer; everything else on the page is plain HTML."""
    s = result.series
    return {
        "bin": s.bin_seconds,
        "span": max(result.duration_seconds, s.bin_seconds),
        "lat": {"p50": s.p50, "p95": s.p95, "p99": s.p99},
        "rate": {"offered": s.offered, "answered": s.achieved},
        "err": s.failures,
        "dist": result.distribution,
        "lines": {
            chart.kind: {"unit": chart.unit, "of": {line.name: line.values for line in chart.lines}}
            for chart in (lines.in_flight(result), lines.variants(result), lines.cpu(result), lines.delays(result))
        },
        "shape": [[round(a, 4), round(b, 4), round(c, 3)] for a, b, c in charts.shape_bars(result)]
        if result.histograms["all"].index
        else [],
    }
