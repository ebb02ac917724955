"""What the processes of a run tell each other: worker to master through Locust, master to supervisor as JSON lines."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sagemaker_loadtest.api.spec import LoadTest
from sagemaker_loadtest.measure.histogram import Histogram

LOOPBACK = "127.0.0.1"

READY = "ready"
CONNECTED = "connected"
BEGIN = "begin"
SAMPLE = "sample"
LOST = "lost"
END = "end"
STOP = "stop"
FAULT = "fault"
REBALANCED = "rebalanced"


@dataclass(frozen=True, slots=True)
class Counts:
    """A histogram on its way: bucket indexes and how often each."""

    index: tuple[int, ...] = ()
    count: tuple[int, ...] = ()
    maximum_us: int = 0
    total_us: float = 0.0


def pack(histogram: Histogram) -> Counts:
    """A histogram as plain numbers."""
    pairs = sorted(histogram.buckets.items())
    return Counts(tuple(i for i, _ in pairs), tuple(n for _, n in pairs), histogram.maximum_us, histogram.total_us)


def unpack(counts: Counts) -> Histogram:
    """The histogram again."""
    return Histogram(dict(zip(counts.index, counts.count, strict=True)), counts.maximum_us, counts.total_us)


@dataclass(frozen=True, slots=True)
class Second:
    """What one worker saw of one second of the run since its last sample; all numbers add up.

    `offered`, `sent`, latencies and failures belong to the second of the intended start, `answered` to the one in which
    the good answer arrived. Keys: variant (empty when the reply named none), then the words of `replies.Outcome`.
    `measurements` are keyed by the words of `measurement.Measurement`, `statuses` by the HTTP status; `chunks` counts
    the payload parts of streams, the bytes those of bodies. `samples`: keyed like failures, what the first few failed
    requests were told.
    """

    second: int
    offered: int = 0
    sent: int = 0
    answered: int = 0
    latency: Mapping[str, Counts] = field(default_factory=dict)
    service: Counts = Counts()
    failures: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    measurements: Mapping[str, Counts] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    chunks: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    samples: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Health:
    """How a worker itself fared in the second before `second`: CPU of one core, delay of its event loop, lateness of
    sending.
    """

    second: float
    cpu_percent: float
    loop_lag: Counts
    behind: Counts
    in_flight: int
    users: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One worker's report, each second and once at the end (`final`)."""

    worker: str
    seconds: tuple[Second, ...]
    health: Health
    final: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Locust's page, which the master serves, and its login."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Job:
    """The first line that a node reads from its standard input.

    `master_host` is the address at which the master listens, or at which a worker finds it. `reports`: a worker tells
    its samples and faults on its standard output, too.
    `page`: there is no verdict, a person starts and stops the load there.
    """

    role: str
    test: LoadTest
    url: str
    name: str
    master_port: int = 0
    master_host: str = LOOPBACK
    run: str = ""
    reports: bool = False
    page: Page | None = None
