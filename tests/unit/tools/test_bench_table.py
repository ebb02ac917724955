"""The benchmarks' table."""

from __future__ import annotations

from bench.local.table import Row, head, line


def test_a_figure_stands_beside_its_baseline() -> None:
    row = Row("router", "no-op: p50", 0.42, "ms", "of the bare server", 0.21)
    assert row.ratio == 2.0
    assert line(row).split() == [
        "router",
        "no-op:",
        "p50",
        "0.42",
        "ms",
        "2.00",
        "0.21",
        "ms",
        "of",
        "the",
        "bare",
        "server",
    ]
    assert line(row).index("2.00") + len("2.00") == head().index("ratio") + len("ratio")


def test_without_a_baseline_there_is_no_ratio() -> None:
    row = Row("processes", "router", 26.14, "MiB")
    assert row.ratio is None
    assert line(row).split() == ["processes", "router", "26.1", "MiB"]
