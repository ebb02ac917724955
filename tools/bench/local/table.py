"""What benchmarks found, as one table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. ``baseline`` is the same figure of something else, named by ``against``."""

    part: str
    what: str
    value: float
    unit: str
    against: str = ""
    baseline: float | None = None

    @property
    def ratio(self) -> float | None:
        """To the baseline; None without one."""
        return self.value / self.baseline if self.baseline else None


def head() -> str:
    """The line above all rows."""
    return f"{'part':14} {'what':44} {'value':>9} {'unit':6} {'ratio':>7}  {'to'}"


def line(row: Row) -> str:
    """The ratio comes with what it is a ratio to."""
    shown = f"{row.part:14} {row.what:44} {_figure(row.value):>9} {row.unit:6}"
    if row.ratio is None:
        return shown.rstrip()
    return f"{shown} {row.ratio:7.2f}  {_figure(row.baseline or 0.0)} {row.unit} {row.against}"


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
