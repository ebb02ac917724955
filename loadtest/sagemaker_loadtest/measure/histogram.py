"""Latencies in a log-linear histogram, as HdrHistogram does it: three significant digits, any range, exact merging."""

from collections.abc import Iterable, Mapping

_SUB_BITS = 10
_LINEAR = 1 << (_SUB_BITS + 1)
TAIL_SAMPLES = 10
"""A percentile is only told with this many samples beyond it; with fewer it is an accident, not a measurement."""


def index_of(value: int) -> int:
    """Bucket of a value in microseconds: exact below 2,048, then 1,024 buckets for each doubling (0.1 % wide)."""
    if value < _LINEAR:
        return max(0, value)
    shift = value.bit_length() - _SUB_BITS - 1
    return (shift << _SUB_BITS) + (value >> shift)


def value_of(index: int) -> float:
    """The middle of a bucket, in microseconds."""
    if index < _LINEAR:
        return float(index)
    shift = (index >> _SUB_BITS) - 1
    low = (index - (shift << _SUB_BITS)) << shift
    return low + ((1 << shift) - 1) / 2


class Histogram:
    """Counts per bucket. Percentiles come out in milliseconds; merging two loses nothing."""

    __slots__ = ("_count", "_maximum", "_total", "buckets")

    def __init__(
        self, buckets: Mapping[int, int] | None = None, maximum_us: int = 0, total_us: float | None = None
    ) -> None:
        self.buckets: dict[int, int] = dict(buckets or {})
        self._count = sum(self.buckets.values())
        self._maximum = maximum_us
        self._total = sum(value_of(i) * n for i, n in self.buckets.items()) if total_us is None else total_us

    def record(self, microseconds: int) -> None:
        index = index_of(microseconds)
        self.buckets[index] = self.buckets.get(index, 0) + 1
        self._count += 1
        self._total += microseconds
        self._maximum = max(self._maximum, microseconds)

    def merge(self, other: "Histogram") -> None:
        for index, number in other.buckets.items():
            self.buckets[index] = self.buckets.get(index, 0) + number
        self._count += other._count
        self._total += other._total
        self._maximum = max(self._maximum, other._maximum)

    @property
    def count(self) -> int:
        return self._count

    @property
    def maximum_us(self) -> int:
        return self._maximum

    @property
    def total_us(self) -> float:
        return self._total

    @property
    def mean(self) -> float | None:
        """Mean in milliseconds, from the sums and not from the buckets."""
        return self._total / self._count / 1000 if self._count else None

    @property
    def maximum(self) -> float | None:
        """Largest value in milliseconds, exact."""
        return self._maximum / 1000 if self._count else None

    def percentile(self, percent: float, *, tail: int = 0) -> float | None:
        """The latency in milliseconds that `percent` of the samples stay within; None with fewer than `tail` beyond
        it.
        """
        return next(iter(self.percentiles((percent,), tail=tail)))

    def percentiles(self, percents: Iterable[float], *, tail: int = 0) -> list[float | None]:
        """Several percentiles (ascending) in one walk over the buckets."""
        ordered = sorted(self.buckets.items())
        results: list[float | None] = []
        seen, position = 0, -1
        for percent in percents:
            if percent >= 100:
                results.append(self.maximum)
                continue
            if not self._count or self._count * (100 - percent) / 100 < tail - 1e-9:
                results.append(None)
                continue
            while seen < self._count * percent / 100 - 1e-9 or position < 0:
                position += 1
                seen += ordered[position][1]
            results.append(min(value_of(ordered[position][0]), float(self._maximum)) / 1000)
        return results

    def bucket_of(self, percents: Iterable[float]) -> list[int | None]:
        """Indexes of the buckets in which the percentiles (ascending) lie; None without samples."""
        ordered = sorted(self.buckets.items())
        found: list[int | None] = []
        seen, position = 0, -1
        for percent in percents:
            if not ordered:
                found.append(None)
                continue
            while position < 0 or (seen < self._count * percent / 100 - 1e-9 and position + 1 < len(ordered)):
                position += 1
                seen += ordered[position][1]
            found.append(ordered[position][0])
        return found

    def count_until(self, index: int) -> int:
        """Samples in the buckets up to `index`."""
        return sum(number for bucket, number in self.buckets.items() if bucket <= index)
