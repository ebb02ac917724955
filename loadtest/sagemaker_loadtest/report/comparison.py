"""The page of a comparison: one file that loads nothing; both runs in the same charts, before dashed, after solid."""

from dataclasses import dataclass, replace

from markupsafe import Markup

from sagemaker_loadtest.api.units import count, format_duration, per_second, percent
from sagemaker_loadtest.judge.compare import Comparison, Row
from sagemaker_loadtest.judge.comparison import cells, change, interval, method
from sagemaker_loadtest.judge.found import advice_rows
from sagemaker_loadtest.judge.result import Result
from sagemaker_loadtest.report import charts, lines, svg, tables
from sagemaker_loadtest.report.html import templates
from sagemaker_loadtest.report.lines import Line, Lines
from sagemaker_loadtest.report.svg import Frame, Scale

_WORDS = {0: ("good", "Nothing worse"), 1: ("bad", "Worse"), 2: ("warn", "Not comparable")}
_ICONS = {"good": "M14 25l7 7 14-15", "bad": "M16 16l16 16M32 16L16 32", "warn": "M24 12v15M24 34v1.5"}
_COLORS = {"slower": "bad", "more": "bad", "lower": "bad", "faster": "good", "fewer": "good", "higher": "good"}
_DASH = "6 4"
_MOST_PERCENT = 100.0
_BAR = Frame(200, 22, left=6, right=6, top=2, bottom=2)


@dataclass(frozen=True, slots=True)
class RowView:
    """A row of the comparison, ready to print; `color` is that of its reading, empty when nothing is to be seen."""

    label: str
    before: str
    after: str
    change: str
    interval: str
    drawing: Markup
    reading: str
    color: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with both runs, its legend, and the same as a table."""

    title: str
    take: str
    legend: tuple[tuple[str, Markup], ...]
    drawing: Markup
    table: tables.Table


def render_comparison(found: Comparison, before: Result, after: Result) -> str:
    """The page of a comparison of these two results."""
    environment = templates()
    loader = environment.loader
    if loader is None:
        raise RuntimeError("the environment of the templates has no loader")
    color, word = _WORDS[found.exit_code]
    return environment.get_template("comparison.html.j2").render(
        c=found,
        word=word,
        color=color,
        icon=_ICONS[color],
        reasons=_reasons(found),
        rows=_rows(found),
        scale=_extent(found, "ms"),
        method=method(found),
        figures=_figures(before, after),
        searches=_searches(before, after),
        sides=(("Before", found.before, _facts(before)), ("After", found.after, _facts(after))),
        version=after.tool.version,
        style=_safe(loader.get_source(environment, "style.css")[0]),
    )


def _safe(markup: str) -> Markup:
    """Marks what this package itself has built or escaped; nothing of a result passes here unescaped."""
    return Markup(markup)  # noqa: S704 - see above


def _reasons(found: Comparison) -> list[str]:
    if found.differences:
        return [f"{words[0].upper()}{words[1:]}." for words in found.differences]
    moved = [row for row in found.rows if row.reading in _COLORS]
    moved.sort(key=lambda row: not row.worse)
    told = [f"{row.label}: {row.reading}, {_row_words(row)}." for row in moved]
    if not any(row.worse for row in found.rows):
        sure = f"by more than {found.tolerance_percent:g} % for sure"
        told.insert(0, f"None of {len(found.rows)} numbers got worse {sure}.")
    return told


def _row_words(row: Row) -> str:
    """`41.2 ms before, 63 ms after, +53 % (+31 to +79 %)`."""
    before, after, changed = cells(row)
    return f"{before} before, {after} after, {changed} ({interval(row)})"


def _rows(found: Comparison) -> list[RowView]:
    return [
        RowView(row.label, *cells(row), interval(row), _bar(row, found), row.reading, _COLORS.get(row.reading, ""))
        for row in found.rows
    ]


def _extent(found: Comparison, unit: str) -> float:
    """How far the scale of the drawn intervals reaches: shares of requests have one of their own."""
    shares = unit == "%"
    ends = [abs(end) for row in found.rows if (row.unit == "%") == shares for end in (row.low, row.high)]
    near = [end for end in ends if end <= _MOST_PERCENT]
    least = 0.1 if shares else 2 * found.tolerance_percent
    return svg.nice_above(max([*near, least, 1e-3]), 4)


def _bar(row: Row, found: Comparison) -> Markup:
    """The interval of a change as a line with the change as its dot; the band is the tolerance, the mark is nothing."""
    extent = _extent(found, row.unit)
    x, middle = Scale(-extent, extent, _BAR.x0, _BAR.x1), (_BAR.y0 + _BAR.y1) / 2
    color = f"var(--{_COLORS.get(row.reading, 'soft')})"
    parts = []
    if row.unit != "%" and found.tolerance_percent:
        left, right = x(-found.tolerance_percent), x(found.tolerance_percent)
        parts.append(svg.boxes([(left, _BAR.y1, right, _BAR.y0)], fill="var(--hatch)"))
    parts += [
        svg.line(x(0), _BAR.y1, x(0), _BAR.y0, stroke="var(--offered)"),
        svg.line(x(row.low), middle, x(row.high), middle, stroke=color, stroke_width=3, stroke_linecap="round"),
        svg.tag("circle", cx=x(row.change), cy=middle, r=5, fill=color, stroke="var(--card)", stroke_width=1.5),
    ]
    words = f"{change(row, row.change)}, {interval(row)}"
    return _safe(svg.document(_BAR, "".join(parts), label=words, kind="bar", fits="bar"))


def _figures(before: Result, after: Result) -> list[Figure]:
    found = []
    curves = {name: result.distribution.get("all", ()) for name, result in (("before", before), ("after", after))}
    if all(curves.values()):
        both = replace(after, distribution=dict(reversed(curves.items())), thresholds=(), events=())
        named = (("after", _mark(charts.CURVES[0], 2.8)), ("before", _mark(charts.CURVES[1], 2.0, charts.DASHES[1])))
        drawing = _safe(charts.distribution(both))
        take = "How many of the answered requests took at most how long, after the warm-up."
        if before.search and after.search:
            take += " Each at the highest rate that it found."
        found.append(Figure("Latency distribution", take, named, drawing, tables.distribution(both)))
    if before.series.bin_seconds != after.series.bin_seconds:
        return found
    longer = max(before, after, key=lambda result: result.duration_seconds)
    base = replace(longer, events=())
    for title, take, chart in _over_time(before, after):
        if chart.any_value:
            legend = tuple((line.name, _mark(line.color, line.width, line.dash)) for line in chart.lines)
            drawing = _safe(lines.draw(base, chart))
            found.append(Figure(title, take, legend, drawing, tables.of_lines(base, chart)))
    return found


def _over_time(before: Result, after: Result) -> list[tuple[str, str, Lines]]:
    a, b = before.series, after.series
    latency = (
        Line("p50 before", a.p50, "var(--v2)", 1.6, _DASH),
        Line("p50 after", b.p50, "var(--p95)", 1.6),
        Line("p99 before", a.p99, "var(--v2)", 2.4, _DASH),
        Line("p99 after", b.p99, "var(--p99)", 2.4),
    )
    rate = (
        Line("before", a.achieved, "var(--v2)", 2.2, _DASH),
        Line("after", b.achieved, "var(--achieved)", 2.2),
    )
    seconds = f"{a.bin_seconds} s"
    return [
        (
            "Latency over time",
            f"p50 and p99 of each {seconds}. The p99 of so short a time is shown, not compared.",
            Lines("lat", "p50 and p99 of both runs over time", "ms", latency, 300),
        ),
        (
            "Answered over time",
            f"Answers a second in each {seconds}.",
            Lines("rate", "Answers a second of both runs over time", "req/s", rate, 220),
        ),
    ]


def _searches(before: Result, after: Result) -> tables.Table | None:
    """What followed from each search, side by side."""
    if before.search is None or after.search is None:
        return None
    sides = [{name: value for name, _, value in advice_rows(s)} for s in (before.search, after.search)]
    names = list(dict.fromkeys([*sides[0], *sides[1]]))
    rows = tuple((name, *(side.get(name, "–") for side in sides)) for name in names)
    return tables.Table(("from the search", "before", "after"), rows)


def _facts(result: Result) -> list[tuple[str, str]]:
    load, s = result.load, result.summary
    level = per_second(load.rate) if load.rate else f"{load.users} users"
    return [
        ("Run", f"{result.run}, {result.name}"),
        ("Start", result.start),
        ("Endpoint", f"{result.endpoint.name}, {result.endpoint.region}"),
        ("Load", f"{load.model}, {'up to ' if load.stages else ''}{level}, {format_duration(result.planned_seconds)}"),
        ("Answered", f"{count(s.answered)}, failed {count(s.failed)} ({percent(s.failed_percent)})"),
        ("Verdict", result.verdict.headline),
        ("Sent from", f"{load.workers} workers, seed {load.seed}"),
        ("Versions", f"sagemaker-loadtest {result.tool.version}, Locust {result.tool.locust}"),
    ]


def _mark(color: str, width: float, dash: str = "none") -> Markup:
    return _safe(svg.line(0, 6, 26, 6, stroke=color, stroke_width=width, stroke_dasharray=dash))
