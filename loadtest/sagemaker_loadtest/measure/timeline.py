"""What is kept of a run over time beside its bins: a row for each second, each variant's part, the workers' health."""

import math
from collections import Counter

from sagemaker_loadtest.api.spec import Load
from sagemaker_loadtest.measure.histogram import Histogram
from sagemaker_loadtest.measure.wire import Health, Sample, Second, unpack

MOST_ROWS = 43_200
"""Rows of a second each for runs of up to 12 h; longer runs get wider rows, so that no run fills the memory."""
_LATE_SECONDS = 5.0


class Row:
    """One second of the run (or a few, in runs beyond 12 h). Latencies in ms, fixed once no more answers are due."""

    __slots__ = ("answered", "failed", "latency", "maximum", "offered", "p50", "p95", "p99", "sent")

    def __init__(self) -> None:
        self.offered = self.sent = self.answered = self.failed = 0
        self.p50: float | None = None
        self.p95: float | None = None
        self.p99: float | None = None
        self.maximum: float | None = None
        self.latency: Histogram | None = Histogram()

    def settle(self) -> None:
        """Takes the percentiles from the histogram and lets go of it."""
        if self.latency is None:
            return
        self.p50, self.p95, self.p99 = self.latency.percentiles((50, 95, 99), tail=1)
        self.maximum = self.latency.maximum
        self.latency = None


class Fitness:
    """How one worker fared in one bin: the worst of its reports."""

    __slots__ = ("behind", "cpu", "in_flight", "lag", "users")

    def __init__(self) -> None:
        self.cpu = self.lag = self.behind = 0.0
        self.users = self.in_flight = 0

    def add(self, health: Health) -> None:
        self.cpu = max(self.cpu, health.cpu_percent)
        self.lag = max(self.lag, unpack(health.loop_lag).percentile(99) or 0.0)
        self.behind = max(self.behind, unpack(health.behind).percentile(99) or 0.0)
        self.in_flight = max(self.in_flight, health.in_flight)
        self.users = health.users


class Part:
    """One variant's part of one bin."""

    __slots__ = ("failed", "latency")

    def __init__(self) -> None:
        self.latency = Histogram()
        self.failed = 0


class Timeline:
    """Grows with the samples; its size is bounded by the number of bins and of rows, not by the load."""

    def __init__(self, load: Load, bin_seconds: int, answer_seconds: float) -> None:
        self._patience = answer_seconds + _LATE_SECONDS
        self.bin_seconds = bin_seconds
        self.row_seconds = max(1, math.ceil(load.duration_seconds / MOST_ROWS))
        self.rows: dict[int, Row] = {}
        number = math.ceil(load.duration_seconds / bin_seconds)
        self.parts: list[dict[str, Part]] = [{} for _ in range(number)]
        self.fitness: list[dict[str, Fitness]] = [{} for _ in range(number)]
        self._settled = 0

    def add(self, sample: Sample) -> None:
        """Takes in what one worker reports."""
        health = sample.health
        place = self._bin(health.second - 0.5)
        self.fitness[place].setdefault(sample.worker, Fitness()).add(health)
        for second in sample.seconds:
            self._add_parts(second)
            self._add_row(second)
        self._settle_until(int(health.second - self._patience))

    def _bin(self, moment: float) -> int:
        return min(max(0, int(moment)) // self.bin_seconds, len(self.parts) - 1)

    def _add_parts(self, second: Second) -> None:
        parts = self.parts[self._bin(second.second)]
        for variant, counts in second.latency.items():
            parts.setdefault(variant, Part()).latency.merge(unpack(counts))
        for variant, failures in second.failures.items():
            parts.setdefault(variant, Part()).failed += sum(failures.values())

    def _add_row(self, second: Second) -> None:
        row = self.rows.setdefault(second.second // self.row_seconds, Row())
        row.offered += second.offered
        row.sent += second.sent
        row.answered += second.answered
        row.failed += sum(sum(failures.values()) for failures in second.failures.values())
        if row.latency is not None:
            for counts in second.latency.values():
                row.latency.merge(unpack(counts))

    def _settle_until(self, second: int) -> None:
        while (self._settled + 1) * self.row_seconds <= second:
            if row := self.rows.get(self._settled):
                row.settle()
            self._settled += 1

    def settled_rows(self) -> tuple[tuple[int, Row], ...]:
        """(first second, row) for each that has any, in order; for the end of a run, since no row changes any more."""
        for row in self.rows.values():
            row.settle()
        return tuple((number * self.row_seconds, row) for number, row in sorted(self.rows.items()))

    def variants(self) -> tuple[str, ...]:
        """Names of the variants seen, busiest first; requests without one are left out."""
        counts: Counter[str] = Counter()
        for parts in self.parts:
            counts.update({name: part.latency.count + part.failed for name, part in parts.items() if name})
        return tuple(name for name, _ in counts.most_common())
