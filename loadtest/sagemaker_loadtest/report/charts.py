"""The charts of the report as inline SVG, each drawn twice: for a page and for a phone. They need no script."""

import math
from collections.abc import Callable, Sequence

from sagemaker_loadtest.api.thresholds import limit_of
from sagemaker_loadtest.api.units import exact, significant
from sagemaker_loadtest.judge.result import Result, ThresholdFacts
from sagemaker_loadtest.report import axes, svg
from sagemaker_loadtest.report.svg import Frame, Scale

_LINES = (("p50", "var(--p50)", 1.8, "none"), ("p95", "var(--p95)", 2.0, "6 3"), ("p99", "var(--p99)", 2.6, "none"))
FILLS = ("var(--e1)", "url(#pe2)", "url(#pe3)", "var(--e4)", "url(#pe5)", "var(--e6)")
STROKES = ("var(--e1)", "var(--e2)", "var(--e3)", "var(--e4)", "var(--e5)", "var(--e6)")
CURVES = ("var(--p99)", "var(--p95)", "var(--v2)", "var(--e3)", "var(--e2)", "var(--e4)")
DASHES = ("none", "7 3", "2 4", "10 3 2 3", "4 4", "1 3")
_FAR_ABOVE = 5
_LIMIT_TEXT = {"class_": "limit", "text_anchor": "end"}


def both(draw: Callable[[Frame], str], label: str, kind: str, height: int, *, right: int = 46) -> str:
    """The same chart for wide and for narrow pages."""
    wide, narrow = (
        Frame(900, height, right=right),
        Frame(400, int(height * 0.86), left=40, right=min(right, 36), small=True),
    )
    return "".join(svg.document(frame, draw(frame), label=label, kind=kind) for frame in (wide, narrow))


def half(draw: Callable[[Frame], str], label: str, kind: str, height: int) -> str:
    """One drawing for half the width of a page, which is about the width of a phone."""
    frame = Frame(480, height, left=40, right=14, small=True)
    return svg.document(frame, draw(frame), label=label, kind=kind, fits="half")


def latency_over_time(result: Result) -> str:
    """p50, p95 and p99 of each bin, with the limit of `limits_over_time`."""
    series, duration = result.series, axes.span(result)
    limits = limits_over_time(result)
    high = svg.nice_above(max([*_counted(result), *(t.limit * 1.06 for t in limits), 0.001]), 6)

    def draw(f: Frame) -> str:
        x, y = Scale(0, duration, f.x0, f.x1), Scale(0, high, f.y0, f.y1)
        parts = [
            axes.background(result, f, x, named=True),
            axes.y_axis(f, y, svg.ticks(high, 6), "ms"),
            axes.x_axis(f, x, duration),
        ]
        for t in limits:
            parts.append(svg.line(f.x0, y(t.limit), f.x1, y(t.limit), class_="limit"))
            parts.append(svg.text(f.x1 - 4, y(t.limit) - 6, _limit_words(t), **_LIMIT_TEXT))
        ends, names, colors = [], [], []
        for name, color, width, dash in _LINES:
            found: Sequence[float | None] = getattr(series, name)
            points = [None if v is None else (x(axes.middle(result, i)), y(v)) for i, v in enumerate(found)]
            parts.append(svg.path(points, stroke=color, stroke_width=width, stroke_dasharray=dash))
            last = next((p for p in reversed(points) if p), None)
            if last:
                ends.append(last[1] + 4)
                names.append(name)
                colors.append(color)
        for at, name, color in zip(svg.spread(ends, 15, f.y0), names, colors, strict=True):
            parts.append(
                svg.text(f.x1 + 6, at, name, class_="strong", style=f"fill:{'var(--soft)' if name == 'p50' else color}")
            )
        return "".join(parts)

    return both(draw, "Latency over time: p50, p95 and p99 in milliseconds", "lat", 320)


def _limit_words(t: ThresholdFacts) -> str:
    """`p99 limit 80 ms`."""
    return f"{t.label.split(',')[0]} limit {limit_of(t.threshold)}"


def rate_over_time(result: Result) -> str:
    """What the schedule asked for and what was answered in each bin; in a closed load only the latter."""
    series, duration = result.series, axes.span(result)
    offered = [v for v in series.offered if v is not None]
    high = svg.nice_above(max([*offered, *series.achieved, 0.1]) * 1.04, 4)

    def draw(f: Frame) -> str:
        x, y = Scale(0, duration, f.x0, f.x1), Scale(0, high, f.y0, f.y1)
        parts = [
            axes.background(result, f, x),
            axes.y_axis(f, y, svg.ticks(high, 4), "req/s"),
            axes.x_axis(f, x, duration),
        ]
        edges = [
            (x(i * series.bin_seconds), x(min((i + 1) * series.bin_seconds, duration)), y(v))
            for i, v in enumerate(series.offered)
            if v is not None
        ]
        if edges:
            parts.append(svg.steps(edges, stroke="var(--offered)", stroke_width=7, stroke_opacity=0.4))
        points = [(x(axes.middle(result, i)), y(v)) for i, v in enumerate(series.achieved)]
        parts.append(svg.path(points, stroke="var(--achieved)", stroke_width=2.2))
        return "".join(parts)

    return both(draw, "Requests per second offered and answered over time", "rate", 260, right=20)


def errors_over_time(result: Result) -> str:
    """Failed requests in each bin, stacked by class."""
    series, duration = result.series, axes.span(result)
    totals = [sum(column) for column in zip(*series.failures.values(), strict=True)]
    high = svg.nice_above(max([*totals, 4]), 4)
    unit = f"in {series.bin_seconds} s"

    def draw(f: Frame) -> str:
        x, y = Scale(0, duration, f.x0, f.x1), Scale(0, high, f.y0, f.y1)
        marks = [t for t in svg.ticks(high, 4) if t == int(t)]
        parts = [axes.background(result, f, x), axes.y_axis(f, y, marks, unit), axes.x_axis(f, x, duration)]
        bases = [0.0] * len(totals)
        for place, counts in enumerate(series.failures.values()):
            drawn = []
            for i, n in enumerate(counts):
                if n:
                    left, right = x(i * series.bin_seconds), x(min((i + 1) * series.bin_seconds, duration))
                    drawn.append((left + 0.5, y(bases[i] + n), max(left + 2.0, right - 0.5), y(bases[i])))
                    bases[i] += n
            fill, stroke = FILLS[place % len(FILLS)], STROKES[place % len(STROKES)]
            parts.append(svg.boxes(drawn, fill=fill, stroke=stroke, stroke_width=0.8))
        return "".join(parts)

    return both(draw, "Failed requests over time by class", "err", 220, right=20)


def distribution(result: Result) -> str:
    """Percentile curves on an axis where every further nine is as wide as the one before (HdrHistogram's axis)."""
    curves = result.distribution
    far = max((points[-1][0] for points in curves.values() if points), default=99.0)
    far = max(far, 99.0)
    limits = [t for t in latency_limits(result, everything=True) if t.percentile is not None and t.percentile <= far]
    tops = [points[-1][1] for points in curves.values() if points]
    high = svg.nice_above(max([*tops, *(t.limit * 1.06 for t in limits), 0.001]), 5)
    rarest = math.log10(100 / (100 - far))

    def draw(f: Frame) -> str:
        y = Scale(0, high, f.y0, f.y1)

        def x(percentile: float) -> float:
            return f.x0 + (f.x1 - f.x0) * min(1.0, math.log10(100 / (100 - min(percentile, 99.9999))) / rarest)

        parts = [axes.y_axis(f, y, svg.ticks(high, 5), "ms")]
        marks = [
            p
            for p in ((0, 90, 99, 99.9, 99.99) if f.small else (0, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99))
            if p <= far
        ]
        for mark in marks:
            parts.append(svg.line(x(mark), f.y1, x(mark), f.y0, class_="grid"))
            parts.append(svg.text(x(mark), f.y0 + 18, f"{mark:g} %", text_anchor="middle"))
        for place, points in reversed(list(enumerate(curves.values()))):
            drawn = [(x(p), y(v)) for p, v in points]
            width = 2.8 if place == 0 else 2.0
            parts.append(
                svg.path(
                    drawn,
                    stroke=CURVES[place % len(CURVES)],
                    stroke_width=width,
                    stroke_dasharray=DASHES[place % len(DASHES)],
                )
            )
        parts.extend(_limit_on_curve(t, x(t.percentile or 0), y, f, i) for i, t in enumerate(limits))
        return "".join(parts)

    return both(draw, "Latency by percentile", "dist", 320, right=24)


def _limit_on_curve(t: ThresholdFacts, at: float, y: Scale, f: Frame, place: int) -> str:
    """The limit as a bar, the measurement as a dot; its words above the curve for the first, else below it."""
    parts = [svg.line(at - 16, y(t.limit), at + 16, y(t.limit), stroke="var(--bad)", stroke_width=3)]
    if t.measured is not None:
        color = "var(--good)" if t.met else "var(--bad)"
        words = f"p{t.percentile:g} {significant(t.measured)} ms {'✓' if t.met else '✗'}"
        parts.append(svg.tag("circle", cx=at, cy=y(t.measured), r=5, fill=color, stroke="var(--card)", stroke_width=2))
        dx, dy, anchor = (-10, -10, "end") if place == 0 and at > f.width / 3 else (8, 19, "start")
        parts.append(svg.text(at + dx, y(t.measured) + dy, words, class_="strong halo", text_anchor=anchor))
    return "".join(parts)


def shape(result: Result) -> str:
    """How often which latency occurred: one bar per tenth of a doubling, on a logarithmic axis."""
    bars = shape_bars(result)
    limits = [t for t in latency_limits(result) if t.limit >= bars[0][0]]
    low = bars[0][0]
    end = max([bars[-1][1], *(t.limit * 1.05 for t in limits)])
    high = svg.nice_above(max(share for _, _, share in bars), 3)
    span = math.log10(end / low)

    def draw(f: Frame) -> str:
        y = Scale(0, high, f.y0, f.y1)

        def x(value: float) -> float:
            return f.x0 + (f.x1 - f.x0) * math.log10(max(value, low) / low) / span

        parts = [axes.y_axis(f, y, svg.ticks(high, 3), "% of answers")]
        drawn = [(x(a) + 0.5, y(share), max(x(a) + 1.5, x(b) - 0.5), f.y0) for a, b, share in bars if share]
        parts.append(svg.boxes(drawn, fill="var(--p95)"))
        last = -99.0
        for mark in _log_marks(low, end):
            if x(mark) - last > (56 if f.small else 62):
                last = x(mark)
                parts.append(svg.line(last, f.y0, last, f.y0 + 4, class_="axis"))
                parts.append(svg.text(last, f.y0 + 18, f"{exact(mark)} ms", text_anchor="middle"))
        for t in limits[:1]:
            parts.append(svg.line(x(t.limit), f.y1, x(t.limit), f.y0, class_="limit"))
            parts.append(svg.text(x(t.limit) - 6, f.y1 + 10, _limit_words(t), **_LIMIT_TEXT))
        return "".join(parts)

    return both(draw, "How often which latency occurred", "shape", 190, right=24)


def shape_bars(result: Result) -> list[tuple[float, float, float]]:
    """(from ms, to ms, percent of answers) for ten bars per doubling."""
    from sagemaker_loadtest.measure.histogram import value_of

    counts = result.histograms["all"]
    per_bar: dict[int, int] = {}
    for index, n in zip(counts.index, counts.count, strict=True):
        bar = math.floor(math.log2(max(value_of(index), 1.0)) * 10)
        per_bar[bar] = per_bar.get(bar, 0) + n
    total = sum(per_bar.values()) or 1
    low, high = min(per_bar), max(per_bar)
    return [
        (2 ** (b / 10) / 1000, 2 ** ((b + 1) / 10) / 1000, 100 * per_bar.get(b, 0) / total)
        for b in range(low, high + 1)
    ]


def _log_marks(low: float, high: float) -> list[float]:
    marks = [m * 10.0**e for e in range(-3, 7) for m in (1, 2, 3, 5, 7)]
    return [round(m, 6) for m in marks if low <= m <= high]


def limits_over_time(result: Result) -> list[ThresholdFacts]:
    """The limit of the highest percentile (that of a maximum is none of these lines), unless it is so far above all
    that was measured that the lines would lie flat on the axis.
    """
    limits = [t for t in latency_limits(result, everything=True) if t.percentile != 100][:1]
    return [t for t in limits if t.limit <= _FAR_ABOVE * max(_counted(result), default=math.inf)]


def _counted(result: Result) -> list[float]:
    """All values of the lines after the warm-up."""
    series = result.series
    first = math.ceil(result.warm_up_seconds / series.bin_seconds)
    return [v for values in (series.p50, series.p95, series.p99) for v in values[first:] if v is not None]


def latency_limits(result: Result, *, everything: bool = False) -> list[ThresholdFacts]:
    """Latency thresholds over all variants, tightest percentile first; only the first two unless `everything`."""
    found = [t for t in result.thresholds if t.metric == "latency" and t.variant is None and t.measurement is None]
    found.sort(key=lambda t: -(t.percentile or 0))
    return found if everything else found[:1]
