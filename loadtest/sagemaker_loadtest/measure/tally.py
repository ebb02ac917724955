"""Adds up the samples of all workers: totals after the warm-up, bins over time, the last seconds, each worker's
health.
"""

import math
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import replace

from sagemaker_loadtest.api.spec import Load
from sagemaker_loadtest.exchange.replies import Outcome
from sagemaker_loadtest.measure.histogram import Histogram
from sagemaker_loadtest.measure.samples import MOST_SAMPLES, ErrorSample, likeness
from sagemaker_loadtest.measure.timeline import Timeline
from sagemaker_loadtest.measure.volume import Volume
from sagemaker_loadtest.measure.wire import Sample, Second, unpack
from sagemaker_loadtest.workload.schedule import bin_seconds, offered_until

RECENT_SECONDS = 10
CPU_WINDOW = 5
"""Reports, of a second each, over which a worker's CPU is averaged before it is judged."""
_SILENT_SECONDS = 3.0


class Bin(Volume):
    """A stretch of the run, over all workers and variants."""

    __slots__ = ("failures", "latency", "measurements")

    def __init__(self) -> None:
        super().__init__()
        self.latency = Histogram()
        self.failures: Counter[str] = Counter()
        self.measurements: dict[str, Histogram] = {}

    def add(self, second: Second) -> None:
        self.grow(second)
        for counts in second.latency.values():
            self.latency.merge(unpack(counts))
        for failures in second.failures.values():
            self.failures.update(failures)
        for name, counts in second.measurements.items():
            self.measurements.setdefault(name, Histogram()).merge(unpack(counts))

    @property
    def failed(self) -> int:
        return self.failures.total()


class WorkerHealth:
    """What one worker reported about itself. `busiest` is the highest mean CPU over `CPU_WINDOW` reports after the
    warm-up and the second at which that window began.
    """

    def __init__(self) -> None:
        self.cpu: deque[tuple[float, float]] = deque(maxlen=CPU_WINDOW)
        self.busiest = (0.0, 0.0)
        self._window: deque[tuple[float, float]] = deque(maxlen=CPU_WINDOW)
        self._had_full = False
        self.lag = Histogram()
        self.behind = Histogram()
        self.in_flight = 0
        self.users = 0
        self.final = False

    def take_cpu(self, second: float, percent: float, *, counts: bool) -> None:
        """One report; a window that is not yet full counts with what it has only as long as there is no full one."""
        self.cpu.append((second, percent))
        if not counts:
            return
        self._window.append((second, percent))
        mean = sum(cpu for _, cpu in self._window) / len(self._window)
        full = len(self._window) == CPU_WINDOW
        if not self._had_full or (full and mean > self.busiest[0]):
            self.busiest = (mean, self._window[0][0])
        self._had_full = self._had_full or full


class Tally:
    """Mutable sum of samples; everything else of a run is computed from it by pure functions. `answer_seconds`: how
    long an answer may take, when that is longer than the load's time-out.
    """

    def __init__(self, load: Load, answer_seconds: float = 0.0) -> None:
        self.load = load
        self.bin_seconds = bin_seconds(load)
        self.bins = [Bin() for _ in range(math.ceil(load.duration_seconds / self.bin_seconds))]
        self.total = Bin()
        self.variants: dict[str, Histogram] = {}
        self.variant_failures: dict[str, Counter[str]] = {}
        self.service = Histogram()
        self.statuses: Counter[str] = Counter()
        self.samples: dict[str, list[ErrorSample]] = {}
        self.workers: dict[str, WorkerHealth] = {}
        self.timeline = Timeline(load, self.bin_seconds, max(answer_seconds, load.timeout_seconds))
        self.elapsed = 0.0
        self._recent: deque[tuple[int, Bin]] = deque()

    def add(self, sample: Sample) -> None:
        self.timeline.add(sample)
        worker = self.workers.setdefault(sample.worker, WorkerHealth())
        health = sample.health
        worker.take_cpu(health.second, health.cpu_percent, counts=health.second >= self.load.counted_from)
        if health.second >= self.load.counted_from:
            worker.lag.merge(unpack(health.loop_lag))
            worker.behind.merge(unpack(health.behind))
        worker.in_flight, worker.users = health.in_flight, health.users
        worker.final = worker.final or sample.final
        self.elapsed = max(self.elapsed, min(health.second, self.load.duration_seconds))
        for second in sample.seconds:
            self._add_second(second)

    def _add_second(self, second: Second) -> None:
        self.bins[min(second.second // self.bin_seconds, len(self.bins) - 1)].add(second)
        self._recent_bin(second.second).add(second)
        if second.second < self.load.counted_from:
            return
        counted = second
        if second.second >= self.load.duration_seconds:  # answers after the end are answers, but no rate of the run
            counted = replace(second, offered=0, sent=0, answered=0)
        self.total.add(counted)
        self.statuses.update(second.statuses)
        self.service.merge(unpack(second.service))
        for variant, counts in second.latency.items():
            self.variants.setdefault(variant, Histogram()).merge(unpack(counts))
        for variant, failures in second.failures.items():
            self.variant_failures.setdefault(variant, Counter()).update(failures)
        for variant, told in second.samples.items():
            for outcome, texts in told.items():
                self._keep_samples(outcome, [ErrorSample(text, variant, second.second) for text in texts])

    def _keep_samples(self, outcome: str, found: Iterable[ErrorSample]) -> None:
        """The first few different ones of a class."""
        kept = self.samples.setdefault(outcome, [])
        for told in found:
            if len(kept) < MOST_SAMPLES and likeness(told.text) not in {likeness(k.text) for k in kept}:
                kept.append(told)

    def _recent_bin(self, number: int) -> Bin:
        for known, found in self._recent:
            if known == number:
                return found
        fresh = Bin()
        self._recent.append((number, fresh))
        while len(self._recent) > 4 * RECENT_SECONDS:
            self._recent.popleft()
        return fresh

    def recent(self, seconds: int = RECENT_SECONDS) -> tuple[Bin, int]:
        """The last complete seconds as one bin, and how many there are."""
        newest = int(self.elapsed) - 1
        chosen = [found for number, found in self._recent if newest - seconds < number <= newest]
        return merged(chosen), len(chosen)

    def recent_outcomes(self, seconds: int) -> tuple[dict[str, int], int]:
        """Replies of the last complete seconds by class, dropped and unfinished ones left out, and of how many
        seconds.
        """
        last, number = self.recent(seconds)
        outcomes = {k: n for k, n in last.failures.items() if k not in (Outcome.DROPPED, Outcome.UNFINISHED)}
        outcomes[Outcome.OK] = last.latency.count
        return outcomes, number

    @property
    def in_step(self) -> bool:
        """Whether all workers that still report have reported the newest second: only then do their sums compare."""
        newest = max((w.cpu[-1][0] for w in self.workers.values()), default=0.0)
        moments = [w.cpu[-1][0] for w in self.workers.values()]
        return all(int(t) == int(newest) for t in moments if t > newest - _SILENT_SECONDS)

    @property
    def in_flight(self) -> int:
        return sum(worker.in_flight for worker in self.workers.values())

    @property
    def requests(self) -> int:
        """Requests after the warm-up whose fate is known: answered and failed."""
        return self.total.latency.count + self.total.failed

    @property
    def failed_percent(self) -> float | None:
        return 100 * self.total.failed / self.requests if self.requests else None

    def measured_until(self) -> float:
        """Seconds of the run that count so far."""
        return max(0.0, self.elapsed - self.load.counted_from)

    def offered(self, *, workers_lost: bool) -> int | None:
        """Requests that were due after the warm-up; None in a closed load. What lost workers should have sent counts
        too.
        """
        if self.load.open is None:
            return None
        planned = offered_until(self.load, self.elapsed) - offered_until(self.load, self.load.counted_from)
        return max(self.total.offered, round(planned)) if workers_lost else self.total.offered


def merged(bins: Iterable[Bin]) -> Bin:
    """Several bins as one."""
    result = Bin()
    for found in bins:
        result.grow(found)
        result.latency.merge(found.latency)
        result.failures.update(found.failures)
        for name, histogram in found.measurements.items():
            result.measurements.setdefault(name, Histogram()).merge(histogram)
    return result
