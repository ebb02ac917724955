"""A very small SVG kit: scales, axes, lines. Strings in, strings out; colours are the page's CSS variables."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """A drawing area in pixels. `small` is the drawing for a phone."""

    width: int
    height: int
    left: int = 46
    right: int = 46
    top: int = 30
    bottom: int = 28
    small: bool = False

    @property
    def x0(self) -> float:
        return self.left

    @property
    def x1(self) -> float:
        return self.width - self.right

    @property
    def y0(self) -> float:
        return self.height - self.bottom

    @property
    def y1(self) -> float:
        return self.top


@dataclass(frozen=True, slots=True)
class Scale:
    """Linear from the domain `low`..`high` to pixels `start`..`end`; what lies beyond is drawn at the edge."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / ((self.high - self.low) or 1.0)
        return self.start + (self.end - self.start) * share


def ticks(high: float, want: int) -> list[float]:
    """Round numbers from 0 to `high`, about `want` of them."""
    if high <= 0:
        return [0.0]
    raw = high / max(want, 1)
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    return [round(i * step, 9) for i in range(int(high / step + 1e-6) + 1)]


def nice_above(value: float, want: int = 5) -> float:
    """The next tick at or above `value`, so that an axis ends on a number."""
    if value <= 0:
        return 1.0
    marks = ticks(value * 1.0001, want)
    step = marks[1] - marks[0] if len(marks) > 1 else value
    return step * math.ceil(value / step - 1e-9)


def number(value: float) -> str:
    """A coordinate with one decimal and no trailing zero: half the bytes of a chart are these."""
    return f"{value:.1f}".removesuffix(".0")


def tag(name: str, body: str = "", /, **attributes: str | float) -> str:
    """An element; underscores in attribute names become hyphens."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value) if isinstance(value, str) else number(value)}"'
        for key, value in attributes.items()
    )
    return f"<{name}{told}>{body}</{name}>" if body else f"<{name}{told}/>"


def line(x1: float, y1: float, x2: float, y2: float, **attributes: str | float) -> str:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, **attributes)


def text(x: float, y: float, words: str, **attributes: str | float) -> str:
    return tag("text", escape(words), x=x, y=y, **attributes)


def path(points: Sequence[Point | None], **attributes: str | float) -> str:
    """A polyline with gaps where a point is None; a point alone between two gaps becomes a dot.

    Relative moves of whole tenths: half the bytes of absolute ones, and no error adds up.
    """
    parts: list[str] = []
    pen: tuple[int, int] | None = None
    for i, point in enumerate(points):
        if point is None:
            pen = None
            continue
        x, y = round(point[0] * 10), round(point[1] * 10)
        if pen is None:
            alone = i + 1 == len(points) or points[i + 1] is None
            parts.append(f"M{number(x / 10)} {number(y / 10)}" + ("h.1" if alone else ""))
        else:
            parts.append(f"l{_short(x - pen[0])}{_short(y - pen[1], after=True)}")
        pen = (x, y)
    return tag("path", d="".join(parts), fill="none", stroke_linejoin="round", stroke_linecap="round", **attributes)


def _short(tenths: int, *, after: bool = False) -> str:
    text = f"{tenths / 10:g}".replace("0.", ".", 1) if abs(tenths) < 10 else f"{tenths / 10:g}"
    return f" {text}" if after and not text.startswith("-") else text


def boxes(found: Sequence[tuple[float, float, float, float]], **attributes: str | float) -> str:
    """Rectangles (left, top, right, bottom) of one colour as a single path."""
    drawn = (f"M{number(a)} {number(t)}H{number(b)}V{number(u)}H{number(a)}z" for a, t, b, u in found)
    return tag("path", d="".join(drawn), **attributes)


def steps(edges: Sequence[tuple[float, float, float]], **attributes: str | float) -> str:
    """A step line: (left, right, y) each."""
    parts: list[str] = []
    for i, (a, b, y) in enumerate(edges):
        if i and edges[i - 1][2] == y:
            parts[-1] = parts[-1].rsplit("H", 1)[0] + f"H{number(b)}"
        else:
            parts.append(f"{'L' if i else 'M'}{number(a)} {number(y)}H{number(b)}")
    return tag("path", d="".join(parts), fill="none", **attributes)


def spread(values: Sequence[float], gap: float, high: float) -> list[float]:
    """Positions of labels, pushed apart to at least `gap`, none beyond `high`; the order of `values` is kept."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    placed = list(values)
    for before, after in pairwise(order):
        placed[after] = max(placed[after], placed[before] + gap)
    if order and placed[order[-1]] > high:
        placed[order[-1]] = high
        for after, before in zip(order[::-1], order[-2::-1], strict=False):
            placed[before] = min(placed[before], placed[after] - gap)
    return placed


def document(frame: Frame, body: str, *, label: str, kind: str, fits: str = "") -> str:
    """The whole drawing. `kind` tells the page's script which data belong to it; `fits` is its class of width."""
    edges = {"x0": frame.x0, "x1": frame.x1, "y0": frame.y0, "y1": frame.y1}
    data = f'data-kind="{kind}" ' + " ".join(f'data-{name}="{number(edge)}"' for name, edge in edges.items())
    head = f'class="{fits or ("narrow" if frame.small else "wide")}" viewBox="0 0 {frame.width} {frame.height}"'
    return f'<svg {head} role="img" aria-label="{escape(label)}" {data}>{body}</svg>'
