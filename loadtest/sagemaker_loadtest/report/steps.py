"""The chart of a search: every rate that was tried against the percentile that the limit is on."""

from sagemaker_loadtest.api.units import exact, per_second
from sagemaker_loadtest.judge.result import SearchFacts
from sagemaker_loadtest.report import axes, charts, svg
from sagemaker_loadtest.report.svg import Frame, Scale

_COLORS = {"held": "var(--good)", "over": "var(--bad)", "generator": "var(--warn)", "short": "var(--soft)"}
_SIGNS = {"over": "✗", "generator": "!", "short": "?"}
_TALLEST = 3.0


def draw(facts: SearchFacts) -> str:
    """Held rates as dots, the others as signs; what lies far above the limit is drawn at the edge."""
    told = [s for s in facts.steps if s.measured is not None]
    tops = [s.measured or 0.0 for s in told if s.outcome == "held"]
    bound = _TALLEST * max([facts.limit or 0.0, *tops, 0.001])
    high = svg.nice_above(min(bound, max([s.measured or 0.0 for s in told], default=1.0) * 1.1), 4)
    wide = svg.nice_above(max(s.rate for s in facts.steps) * 1.05, 5)

    def on(f: Frame) -> str:
        x, y = Scale(0, wide, f.x0, f.x1), Scale(0, high, f.y0, f.y1)
        parts = [axes.y_axis(f, y, svg.ticks(high, 4), f"{facts.label.removesuffix(', all')}, ms")]
        marks = svg.ticks(wide, 3 if f.small else 5)
        numbers = "".join(svg.text(x(mark), f.y0 + 19, per_second(mark)) for mark in marks)
        parts.append(svg.tag("g", numbers, class_="x"))
        if facts.limit is not None and facts.limit <= high:
            parts.append(svg.line(f.x0, y(facts.limit), f.x1, y(facts.limit), class_="limit"))
            words = {"class_": "limit", "text_anchor": "start"}
            parts.append(svg.text(f.x0 + 6, y(facts.limit) - 6, f"limit {exact(facts.limit)} ms", **words))
        held = sorted((s.rate, s.measured) for s in told if s.outcome == "held")
        points = [(x(rate), y(measured or 0.0)) for rate, measured in held]
        parts.append(svg.path(points, stroke="var(--good)", stroke_width=1.4, stroke_opacity=0.6))
        if facts.rate is not None:
            parts.append(
                svg.line(x(facts.rate), f.y1, x(facts.rate), f.y0, stroke="var(--good)", stroke_dasharray="2 3")
            )
            anchor = "end" if facts.rate > wide / 2 else "start"
            dx = -6 if anchor == "end" else 6
            parts.append(
                svg.text(
                    x(facts.rate) + dx, f.y1 + 10, per_second(facts.rate), class_="strong halo", text_anchor=anchor
                )
            )
        for s in told:
            at = (x(s.rate), y(s.measured or 0.0))
            if s.outcome == "held":
                parts.append(svg.tag("circle", cx=at[0], cy=at[1], r=5, fill=_COLORS["held"], stroke="var(--card)"))
            else:
                style = f"fill:{_COLORS[s.outcome]}"
                parts.append(
                    svg.text(
                        at[0], at[1] + 5, _SIGNS[s.outcome], class_="strong halo", text_anchor="middle", style=style
                    )
                )
        return "".join(parts)

    return charts.half(on, f"{facts.label} at each rate that was tried", "steps", 260)
