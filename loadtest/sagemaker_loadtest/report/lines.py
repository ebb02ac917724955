"""Lines over time that share the axis, the hatching and the numbered events of the other charts."""

from collections.abc import Sequence
from dataclasses import dataclass

from sagemaker_loadtest.judge.result import Result
from sagemaker_loadtest.report import axes, charts, svg
from sagemaker_loadtest.report.svg import Frame, Scale


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a value per bin, None where there is none."""

    name: str
    values: Sequence[float | None]
    color: str
    width: float = 2.0
    dash: str = "none"


@dataclass(frozen=True, slots=True)
class Lines:
    """A chart of lines in one unit. `limit` is drawn across it, with its words."""

    kind: str
    label: str
    unit: str
    lines: tuple[Line, ...]
    height: int = 220
    half: bool = False
    limit: float | None = None
    limit_words: str = ""

    @property
    def any_value(self) -> bool:
        return any(v is not None for line in self.lines for v in line.values)


def draw(result: Result, chart: Lines) -> str:
    """The chart as inline SVG, once for a page and once for a phone."""
    duration = axes.span(result)
    values = [v for line in chart.lines for v in line.values if v is not None]
    limit = chart.limit
    shown = limit is not None and limit <= 4 * max([*values, 1e-9])
    high = svg.nice_above(max([*values, *([limit * 1.06] if limit is not None and shown else []), 0.001]) * 1.02, 4)

    def on(f: Frame) -> str:
        x, y = Scale(0, duration, f.x0, f.x1), Scale(0, high, f.y0, f.y1)
        parts = [
            axes.background(result, f, x),
            axes.y_axis(f, y, svg.ticks(high, 4), chart.unit),
            axes.x_axis(f, x, duration),
        ]
        if limit is not None and shown:
            parts.append(svg.line(f.x0, y(limit), f.x1, y(limit), class_="limit"))
            words = {"class_": "limit", "text_anchor": "end"}
            parts.append(svg.text(f.x1 - 4, y(limit) - 6, chart.limit_words, **words))
        for line in chart.lines:
            points = [None if v is None else (x(axes.middle(result, i)), y(v)) for i, v in enumerate(line.values)]
            parts.append(svg.path(points, stroke=line.color, stroke_width=line.width, stroke_dasharray=line.dash))
        return "".join(parts)

    if chart.half:
        return charts.half(on, chart.label, chart.kind, chart.height)
    return charts.both(on, chart.label, chart.kind, chart.height, right=20)


def in_flight(result: Result) -> Lines:
    """Requests on their way and, in a closed load, the users that send them."""
    fitness = result.series.fitness
    found = [Line("requests in flight", fitness.in_flight, "var(--achieved)", 2.2)]
    if result.load.model == "closed":
        found.insert(0, Line("users", fitness.users, "var(--offered)", 5))
    return Lines("flight", "Users and requests in flight over time", "at once", tuple(found))


def variants(result: Result) -> Lines:
    """The same percentile of each variant: p99 where a point stands on about 100 answers or more, else p50."""
    series = result.series.variants
    p99 = told_percentile(result) == "p99"
    found = [
        Line(
            name,
            one.p99 if p99 else one.p50,
            charts.CURVES[(i + 1) % len(charts.CURVES)],
            2.2,
            charts.DASHES[i % len(charts.DASHES)],
        )
        for i, (name, one) in enumerate(series.items())
    ]
    return Lines("variants", f"{told_percentile(result)} of each variant over time", "ms", tuple(found))


def told_percentile(result: Result) -> str:
    """`p99` when the rarest variant has some 100 answers in a point, else `p50`."""
    rarest = min((sum(one.answered) / max(1, len(one.answered)) for one in result.series.variants.values()), default=0)
    return "p99" if rarest >= 80 else "p50"


def cpu(result: Result) -> Lines:
    """CPU of the busiest worker, in percent of one core."""
    line = Line("busiest worker", result.series.fitness.cpu_percent, "var(--achieved)", 2.2)
    return Lines("cpu", "CPU of the busiest worker, of one core", "%", (line,), 190, True, 85, "limit 85 %")


def delays(result: Result) -> Lines:
    """Delays inside the generator, p99 of the worst worker."""
    fitness = result.series.fitness
    found = [Line("event loop late", fitness.loop_late_ms, "var(--v2)", 2.2)]
    if result.load.model == "open":
        found.append(Line("sent behind schedule", fitness.behind_ms, "var(--e2)", 2.0, "7 3"))
    return Lines("delays", "Delays inside the generator over time", "ms, p99", tuple(found), 190, True)
