"""What all charts over time share: axes, warm-up, numbered events."""

from collections.abc import Sequence

from sagemaker_loadtest.api.units import clock
from sagemaker_loadtest.judge.result import Happening, Result
from sagemaker_loadtest.report import svg
from sagemaker_loadtest.report.svg import Frame, Scale


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
