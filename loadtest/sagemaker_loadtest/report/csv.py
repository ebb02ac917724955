"""CSV for spreadsheets and notebooks: series.csv, a row per second, and summary.csv, a row per number."""

import csv
import io
from collections.abc import Iterable, Sequence

from sagemaker_loadtest.judge.result import Percentiles, Result
from sagemaker_loadtest.measure.timeline import Row

SERIES_HEAD = ("second", "offered", "sent", "answered", "failed", "p50_ms", "p95_ms", "p99_ms", "max_ms")
SUMMARY_HEAD = ("name", "of", "value", "unit")


def render_series(rows: Iterable[tuple[int, Row]]) -> str:
    """A row per second in which anything was due or answered, warm-up included. Latencies and failures stand in the
    second of the intended start, answers in the one in which they came. Percentiles of one second are for looking at.
    """
    return _text(
        SERIES_HEAD,
        (
            (
                second,
                row.offered,
                row.sent,
                row.answered,
                row.failed,
                *map(_ms, (row.p50, row.p95, row.p99, row.maximum)),
            )
            for second, row in rows
        ),
    )


def render_summary(result: Result) -> str:
    """Everything that is judged or told as one number, after the warm-up. An empty value: not known."""
    s = result.summary
    rows: list[Sequence[object]] = [
        ("verdict", "all", result.verdict.word, ""),
        ("exit code", "all", result.verdict.exit_code, ""),
        ("measured", "all", s.measured_seconds, "s"),
        ("offered", "all", s.offered, "requests"),
        ("answered", "all", s.answered, "requests"),
        ("failed", "all", s.failed, "requests"),
        ("failed share", "all", s.failed_percent, "%"),
        ("rate", "all", s.rate, "/s"),
        ("offered rate", "all", s.offered_rate, "/s"),
        ("rate reached", "all", s.rate_reached_percent, "%"),
        *_percentiles("all", "latency", s.latency),
        *_percentiles("all", "service time", s.service_time),
    ]
    for variant in result.variants:
        rows += [
            ("answered", variant.name, variant.answered, "requests"),
            ("failed", variant.name, variant.failed, "requests"),
            ("share asked", variant.name, variant.asked_percent, "%"),
            ("share seen", variant.name, variant.seen_percent, "%"),
            *_percentiles(variant.name, "latency", variant.latency),
        ]
    for measured in result.exchange.measurements:
        rows += _percentiles("all", measured.name, measured.time)
    rows += [("failed", name, number, "requests") for name, number in result.errors.items()]
    rows += [(f"threshold {t.text}", t.variant or "all", t.measured, t.unit) for t in result.thresholds]
    return _text(SUMMARY_HEAD, rows)


def _percentiles(of: str, what: str, p: Percentiles) -> list[tuple[str, str, float | None, str]]:
    named = (("p50", p.p50), ("p90", p.p90), ("p95", p.p95), ("p99", p.p99), ("p99.9", p.p999))
    return [(f"{what} {name}", of, value, "ms") for name, value in (*named, ("max", p.maximum), ("mean", p.mean))]


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _text(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: object) -> object:
    """None becomes empty; a text that a spreadsheet would take for a formula is kept a text."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@"):
        return f"'{value}"
    return "" if value is None else value
