"""Prometheus metrics of a run, on the master of all workers and on each worker of its own."""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from sagemaker_loadtest.measure.histogram import value_of
from sagemaker_loadtest.measure.wire import Counts, Health, Sample

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_PREFIX = "sagemaker_loadtest"


class _Latency:
    """One histogram in Prometheus' buckets."""

    def __init__(self) -> None:
        self.counts = [0] * (len(_BUCKETS) + 1)
        self.seconds = 0.0

    def add(self, counts: Counts) -> None:
        for index, number in zip(counts.index, counts.count, strict=True):
            self.counts[bisect_left(_BUCKETS, value_of(index) / 1_000_000)] += number
        self.seconds += counts.total_us / 1_000_000

    def cumulative(self) -> list[tuple[str, float]]:
        total, found = 0, []
        for bound, number in zip((*map(str, _BUCKETS), "+Inf"), self.counts, strict=True):
            total += number
            found.append((bound, float(total)))
        return found


class Metrics(Collector):
    """Adds up samples. Labels: the worker, and what an answer was; nothing that grows with the length of a run."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self._offered: Counter[str] = Counter()
        self._sent: Counter[str] = Counter()
        self._latency: dict[str, _Latency] = {}
        self._health: dict[str, Health] = {}
        self._lost: set[str] = set()
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def observe(self, sample: Sample) -> None:
        """One worker's report of a second."""
        with self._lock:
            self._health[sample.worker] = sample.health
            for second in sample.seconds:
                self._offered[sample.worker] += second.offered
                self._sent[sample.worker] += second.sent
                for variant, counts in second.latency.items():
                    self._requests[sample.worker, variant, "ok"] += sum(counts.count)
                    self._latency.setdefault(variant, _Latency()).add(counts)
                for variant, failures in second.failures.items():
                    for outcome, number in failures.items():
                        self._requests[sample.worker, variant, outcome] += number

    def lost(self, worker: str) -> None:
        """The worker is gone; its counts stay."""
        with self._lock:
            self._lost.add(worker)
            self._health.pop(worker, None)

    def exposition(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            yield from self._families()

    def _families(self) -> Iterator[Metric]:
        info = GaugeMetricFamily(f"{_PREFIX}_run", "1; names the run.", labels=["run"])
        info.add_metric([self._run], 1)
        yield info
        workers = GaugeMetricFamily(f"{_PREFIX}_workers", "Workers by state.", labels=["state"])
        workers.add_metric(["reporting"], len(self._health))
        workers.add_metric(["lost"], len(self._lost))
        yield workers
        requests = CounterMetricFamily(
            f"{_PREFIX}_requests",
            "Requests whose fate is known, by outcome (ok, or the class of the failure).",
            labels=["worker", "variant", "outcome"],
        )
        for labels, number in sorted(self._requests.items()):
            requests.add_metric(labels, number)
        yield requests
        for name, text, counter in (
            ("offered", "Requests that were due.", self._offered),
            ("sent", "Requests that were sent.", self._sent),
        ):
            family = CounterMetricFamily(f"{_PREFIX}_{name}", text, labels=["worker"])
            for worker, number in sorted(counter.items()):
                family.add_metric([worker], number)
            yield family
        latency = HistogramMetricFamily(
            f"{_PREFIX}_latency_seconds",
            "Latency of good answers: from the intended start in an open load, from the sending in a closed one.",
            labels=["variant"],
        )
        for variant, found in sorted(self._latency.items()):
            latency.add_metric([variant], found.cumulative(), found.seconds)
        yield latency
        yield from self._gauges()

    def _gauges(self) -> Iterator[Metric]:
        users = GaugeMetricFamily(f"{_PREFIX}_users", "Locust users that run.", labels=["worker"])
        flying = GaugeMetricFamily(f"{_PREFIX}_in_flight", "Requests without an answer yet.", labels=["worker"])
        cpu = GaugeMetricFamily(f"{_PREFIX}_cpu_ratio", "Share of one core that a worker used.", labels=["worker"])
        for worker, health in sorted(self._health.items()):
            users.add_metric([worker], health.users)
            flying.add_metric([worker], health.in_flight)
            cpu.add_metric([worker], health.cpu_percent / 100)
        yield from (users, flying, cpu)
