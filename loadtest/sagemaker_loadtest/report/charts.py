"""The charts of the report as inline SVG, each drawn twice: for a page and for a phone. They need no script."""

import math
from collections.abc import Callable, Sequence

from sagemaker_loadtest.report import svg
from sagemaker_loadtest.report.svg import Frame, Scale
from sagemaker_loadtest.result import Happening, Result, ThresholdFacts
from sagemaker_loadtest.units import clock, significant

_LINES = (("p50", "var(--p50)", 1.8, "none"), ("p95", "var(--p95)", 2.0, "6 3"), ("p99", "var(--p99)", 2.6, "none"))
FILLS = ("var(--e1)", "url(#pe2)", "url(#pe3)", "var(--e4)", "url(#pe5)", "var(--e6)")
STROKES = ("var(--e1)", "var(--e2)", "var(--e3)", "var(--e4)", "var(--e5)", "var(--e6)")
CURVES = ("var(--p99)", "var(--p95)", "var(--v2)", "var(--e3)", "var(--e2)", "var(--e4)")
DASHES = ("none", "7 3", "2 4", "10 3 2 3", "4 4", "1 3")
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
    """p50, p95 and p99 of each bin, with the limit of the tightest p99 (else p95, else p50) threshold."""
    series, duration = result.series, span(result)
    limits = latency_limits(result)
    first = math.ceil(result.warm_up_seconds / series.bin_seconds)
    values = [v for name in ("p50", "p95", "p99") for v in getattr(series, name)[first:] if v is not None]
    high = svg.nice_above(max([*values, *(t.limit * 1.06 for t in limits), 0.001]), 6)

    def draw(f: Frame) -> str:
        x, y = Scale(0, duration, f.x0, f.x1), Scale(0, high, f.y0, f.y1)
        parts = [
            background(result, f, x, named=True),
            y_axis(f, y, svg.ticks(high, 6), "ms"),
            x_axis(f, x, duration),
        ]
        for t in limits:
            parts.append(svg.line(f.x0, y(t.limit), f.x1, y(t.limit), class_="limit"))
            parts.append(
                svg.text(f.x1 - 4, y(t.limit) - 6, f"{t.label.split(',')[0]} limit {t.limit:g} ms", **_LIMIT_TEXT)
            )
        ends, names, colors = [], [], []
        for name, color, width, dash in _LINES:
            found: Sequence[float | None] = getattr(series, name)
            points = [None if v is None else (x(middle(result, i)), y(v)) for i, v in enumerate(found)]
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


def rate_over_time(result: Result) -> str:
    """What the schedule asked for and what was answered in each bin; in a closed load only the latter."""
    series, duration = result.series, span(result)
    offered = [v for v in series.offered if v is not None]
    high = svg.nice_above(max([*offered, *series.achieved, 0.1]) * 1.04, 4)

    def draw(f: Frame) -> str:
        x, y = Scale(0, duration, f.x0, f.x1), Scale(0, high, f.y0, f.y1)
        parts = [background(result, f, x), y_axis(f, y, svg.ticks(high, 4), "req/s"), x_axis(f, x, duration)]
        edges = [
            (x(i * series.bin_seconds), x(min((i + 1) * series.bin_seconds, duration)), y(v))
            for i, v in enumerate(series.offered)
            if v is not None
        ]
        if edges:
            parts.append(svg.steps(edges, stroke="var(--offered)", stroke_width=7, stroke_opacity=0.4))
        points = [(x(middle(result, i)), y(v)) for i, v in enumerate(series.achieved)]
        parts.append(svg.path(points, stroke="var(--achieved)", stroke_width=2.2))
        return "".join(parts)

    return both(draw, "Requests per second offered and answered over time", "rate", 260, right=20)


def errors_over_time(result: Result) -> str:
    """Failed requests in each bin, stacked by class."""
    series, duration = result.series, span(result)
    totals = [sum(column) for column in zip(*series.failures.values(), strict=True)]
    high = svg.nice_above(max([*totals, 4]), 4)
    unit = f"in {series.bin_seconds} s"

    def draw(f: Frame) -> str:
        x, y = Scale(0, duration, f.x0, f.x1), Scale(0, high, f.y0, f.y1)
        marks = [t for t in svg.ticks(high, 4) if t == int(t)]
        parts = [background(result, f, x), y_axis(f, y, marks, unit), x_axis(f, x, duration)]
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

        parts = [y_axis(f, y, svg.ticks(high, 5), "ms")]
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

        parts = [y_axis(f, y, svg.ticks(high, 3), "% of answers")]
        drawn = [(x(a) + 0.5, y(share), max(x(a) + 1.5, x(b) - 0.5), f.y0) for a, b, share in bars if share]
        parts.append(svg.boxes(drawn, fill="var(--p95)"))
        last = -99.0
        for mark in _log_marks(low, end):
            if x(mark) - last > (52 if f.small else 46):
                last = x(mark)
                parts.append(svg.line(last, f.y0, last, f.y0 + 4, class_="axis"))
                parts.append(svg.text(last, f.y0 + 18, f"{mark:g} ms", text_anchor="middle"))
        for t in limits[:1]:
            parts.append(svg.line(x(t.limit), f.y1, x(t.limit), f.y0, class_="limit"))
            parts.append(
                svg.text(
                    x(t.limit) - 6,
                    f.y1 + 10,
                    f"{t.label.split(',')[0]} limit {t.limit:g} ms",
                    class_="limit",
                    text_anchor="end",
                )
            )
        return "".join(parts)

    return both(draw, "How often which latency occurred", "shape", 190, right=24)


def shape_bars(result: Result) -> list[tuple[float, float, float]]:
    """(from ms, to ms, percent of answers) for ten bars per doubling."""
    from sagemaker_loadtest.histogram import value_of

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


def latency_limits(result: Result, *, everything: bool = False) -> list[ThresholdFacts]:
    """Latency thresholds over all variants, tightest percentile first; only the first two unless `everything`."""
    found = [t for t in result.thresholds if t.metric == "latency" and t.variant is None and t.measurement is None]
    found.sort(key=lambda t: -(t.percentile or 0))
    return found if everything else found[:1]


def span(result: Result) -> float:
    """Seconds on the axis of time."""
    return max(result.duration_seconds, result.series.bin_seconds * 1.0, 1.0)


def middle(result: Result, i: int) -> float:
    """The moment, in seconds, at which the value of bin `i` is drawn."""
    width = result.series.bin_seconds
    return (i * width + min((i + 1) * width, span(result))) / 2


def y_axis(f: Frame, y: Scale, marks: Sequence[float], unit: str) -> str:
    """Grid, numbers and unit."""
    grid = "".join(f"M{svg.number(f.x0)} {svg.number(y(mark))}H{svg.number(f.x1)}" for mark in marks if mark)
    words = (f"{mark:,g}" if mark < 10000 else f"{mark / 1000:,g}k" for mark in marks)
    numbers = "".join(svg.text(f.x0 - 7, y(mark) + 4, told) for mark, told in zip(marks, words, strict=True))
    return (
        svg.text(0, 11, unit)
        + svg.tag("path", d=grid, class_="grid")
        + svg.line(f.x0, f.y0, f.x1, f.y0, class_="axis")
        + svg.tag("g", numbers, class_="y")
    )


def x_axis(f: Frame, x: Scale, duration: float) -> str:
    """Numbers of the axis of time."""
    want = 5 if f.small else 10
    step = next(
        (
            s
            for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400)
            if duration / s <= want
        ),
        86400,
    )
    parts = []
    mark = 0
    while mark <= duration + 1e-6:
        words = f"{mark} s" if duration < 120 else clock(mark)
        parts.append(svg.text(x(mark), f.y0 + 19, words))
        mark += step
    return svg.tag("g", "".join(parts), class_="x")


def background(result: Result, f: Frame, x: Scale, *, named: bool = False) -> str:
    """Warm-up and numbered events: the same in every chart over time."""
    parts = []
    warm_up = min(result.warm_up_seconds, span(result))
    if warm_up:
        parts.append(svg.tag("rect", x=x(0), y=f.y1, width=x(warm_up) - x(0), height=f.y0 - f.y1, fill="url(#hatch)"))
    places = svg.spread([x(e.second) for e in result.events], 20, f.width - 9)
    for i, (event, at) in enumerate(zip(result.events, places, strict=True)):
        parts.append(_event(f, x, event, at, i + 1))
    if named and warm_up:
        words = "← warm-up" if f.small else "← warm-up, not counted"
        parts.append(svg.text(x(warm_up) + 5, f.y1 + 14, words, class_="halo"))
    return "".join(parts)


def _event(f: Frame, x: Scale, event: Happening, at: float, label: int) -> str:
    where = x(event.second)
    return (
        svg.path(
            [(at, f.y1 - 2), (where, f.y1 + 6), (where, f.y0)],
            stroke="var(--ink)",
            stroke_width=1,
            stroke_dasharray="2 3",
            stroke_opacity=0.75,
        )
        + svg.tag("circle", cx=at, cy=f.y1 - 11, r=9, fill="var(--ink)")
        + svg.text(at, f.y1 - 7, str(label), class_="badge-text", text_anchor="middle")
    )
