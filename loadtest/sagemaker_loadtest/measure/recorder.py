"""A worker's own books: what was offered, sent and answered in each second, handed over once a second."""

from sagemaker_loadtest.api.measurement import Measurement
from sagemaker_loadtest.exchange.replies import Outcome
from sagemaker_loadtest.measure.histogram import Histogram
from sagemaker_loadtest.measure.samples import MOST_SAMPLES, Sampler
from sagemaker_loadtest.measure.volume import Volume
from sagemaker_loadtest.measure.wire import Second, pack

_STATUS_NAMES = tuple(map(str, range(600)))


class _Open(Volume):
    __slots__ = ("failures", "latency", "measurements", "samples", "service", "statuses")

    def __init__(self) -> None:
        super().__init__()
        self.latency: dict[str, Histogram] = {}
        self.service = Histogram()
        self.failures: dict[str, dict[str, int]] = {}
        self.measurements: dict[str, Histogram] = {}
        self.statuses: dict[str, int] = {}
        self.samples: dict[str, dict[str, list[str]]] = {}


class Recorder:
    """All times are seconds since the start of the run. Not safe between threads; greenlets are fine."""

    def __init__(self) -> None:
        self._open: dict[int, _Open] = {}
        self._in_flight: dict[int, float] = {}
        self._next = 0
        self._sampler = Sampler()
        self.behind = Histogram()

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    def started(self, intended: float) -> int:
        """A request is on its way; returns the number under which it is finished."""
        second = self._at(intended)
        second.offered += 1
        second.sent += 1
        self._next += 1
        self._in_flight[self._next] = intended
        return self._next

    def sending(self, intended: float, now: float) -> None:
        """The moment at which its first byte leaves: how far behind the intended start."""
        self.behind.record(_microseconds(now - intended))

    def finished(self, number: int, sent: float, now: float, outcome: Outcome, variant: str) -> None:
        """The reply, or its absence, is known."""
        intended = self._in_flight.pop(number, None)
        if intended is None:  # given up at the end of the run, and counted there
            return
        second = self._at(intended)
        if outcome is Outcome.OK:
            second.latency.setdefault(variant, Histogram()).record(_microseconds(now - intended))
            second.service.record(_microseconds(now - sent))
            self._at(now).answered += 1
        else:
            self._fail(second, outcome, variant)

    def curious(self, intended: float, outcome: Outcome, variant: str) -> bool:
        """Whether a failure of this class in that second is still to be described with `told`."""
        told = self._at(intended).samples.get(variant, {}).get(outcome.value, ())
        return len(told) < MOST_SAMPLES

    def told(self, intended: float, outcome: Outcome, variant: str, said: tuple[str, str], body: bytes) -> None:
        """What a request with this `body` was told when it failed: head and message, as `exchange.Reply.said`."""
        text = self._sampler.of(said, body)
        if text:
            self._at(intended).samples.setdefault(variant, {}).setdefault(outcome.value, []).append(text)

    def measured(self, moment: float, measurement: Measurement, seconds: float) -> None:
        """A time beside the latency, counted in the second of `moment`."""
        measurements = self._at(moment).measurements
        histogram = measurements.get(measurement)
        if histogram is None:
            histogram = measurements[measurement.value] = Histogram()
        histogram.record(_microseconds(seconds))

    def carried(self, intended: float, status: int, sent_bytes: int, received_bytes: int, chunks: int = 0) -> None:
        """What went over the wire for one request; `status` is 0 when no reply came."""
        second = self._at(intended)
        second.sent_bytes += sent_bytes
        second.received_bytes += received_bytes
        second.chunks += chunks
        if status:
            key = _STATUS_NAMES[status] if status < len(_STATUS_NAMES) else str(status)
            second.statuses[key] = second.statuses.get(key, 0) + 1

    def not_sent(self, intended: float, *, dropped: bool) -> None:
        """An arrival that was due and not sent: at the bound of requests in flight (dropped), or because the worker
        was too slow.
        """
        second = self._at(intended)
        second.offered += 1
        if dropped:
            self._fail(second, Outcome.DROPPED, "")

    def give_up(self) -> None:
        """Whatever is still in flight is counted as unfinished: leaving it out would hide a stall at the end of the
        run.
        """
        for intended in self._in_flight.values():
            self._fail(self._at(intended), Outcome.UNFINISHED, "")
        self._in_flight.clear()

    def take(self) -> tuple[Second, ...]:
        """Everything since the last call."""
        taken, self._open = self._open, {}
        return tuple(
            Second(
                number,
                second.offered,
                second.sent,
                second.answered,
                {variant: pack(histogram) for variant, histogram in second.latency.items()},
                pack(second.service),
                second.failures,
                {name: pack(histogram) for name, histogram in second.measurements.items()},
                second.statuses,
                second.chunks,
                second.sent_bytes,
                second.received_bytes,
                {
                    variant: {outcome: tuple(dict.fromkeys(texts)) for outcome, texts in told.items()}
                    for variant, told in second.samples.items()
                },
            )
            for number, second in sorted(taken.items())
        )

    def take_behind(self) -> Histogram:
        taken, self.behind = self.behind, Histogram()
        return taken

    def _at(self, moment: float) -> _Open:
        number = max(0, int(moment))
        second = self._open.get(number)
        if second is None:
            second = self._open[number] = _Open()
        return second

    @staticmethod
    def _fail(second: _Open, outcome: Outcome, variant: str) -> None:
        failures = second.failures.setdefault(variant, {})
        failures[outcome.value] = failures.get(outcome.value, 0) + 1


def _microseconds(seconds: float) -> int:
    return max(0, int(seconds * 1_000_000))
