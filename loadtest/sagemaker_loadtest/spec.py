"""The test as the rest of the program sees it: parsed, checked, in seconds, requests per second and milliseconds."""

from dataclasses import dataclass
from typing import Literal

Order = Literal["InOrder", "Random"]
Split = Literal["Whole", "Lines"]
Arrivals = Literal["Constant", "Poisson"]
Operation = Literal["InvokeEndpoint", "InvokeEndpointAsync", "InvokeEndpointWithResponseStream"]
Metric = Literal["latency", "failed", "rate"]
ThresholdUnit = Literal["ms", "%", "/s", "% of offered"]

BODY_LIMIT_BYTES = 6_291_456
"""Largest request body of InvokeEndpoint (member Body of the operation in AWS's service model)."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The SageMaker endpoint under test. `resource`: the SageMakerEndpoint whose status tells name and region, which
    are empty until then.
    """

    name: str
    region: str
    resource: str | None = None


@dataclass(frozen=True, slots=True)
class Invocation:
    """Which operation of the SageMaker runtime is called."""

    operation: Operation = "InvokeEndpoint"


@dataclass(frozen=True, slots=True)
class PayloadSource:
    """One file or glob pattern; `split` Lines makes a request of every `lines_per_request` lines."""

    file: str
    split: Split = "Whole"
    lines_per_request: int = 1
    content_type: str | None = None
    accept: str | None = None


@dataclass(frozen=True, slots=True)
class Payloads:
    """What is sent. A source's own content type and accept win over these."""

    sources: tuple[PayloadSource, ...]
    content_type: str | None = None
    accept: str | None = None
    order: Order = "InOrder"


@dataclass(frozen=True, slots=True)
class ClosedLoad:
    """`users` callers, each of which waits for its answer. `pacing_seconds`: one call per user in that time at most."""

    users: int
    pacing_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class OpenLoad:
    """`rate` arrivals a second, whatever the answers do; latency counts from the intended start."""

    rate: float
    arrivals: Arrivals = "Constant"
    max_in_flight: int = 2000


@dataclass(frozen=True, slots=True)
class Load:
    """Exactly one of `closed` and `open`. `duration_seconds` is the whole run; its first `warm_up_seconds` do not
    count.
    """

    duration_seconds: float
    warm_up_seconds: float = 0.0
    ramp_up_seconds: float = 0.0
    timeout_seconds: float = 60.0
    closed: ClosedLoad | None = None
    open: OpenLoad | None = None

    @property
    def measured_seconds(self) -> float:
        return self.duration_seconds - self.warm_up_seconds

    @property
    def intensity(self) -> str:
        """`200/s` or `50 users`."""
        if self.open:
            return f"{self.open.rate:g}/s"
        return f"{self.closed.users} users" if self.closed else ""


@dataclass(frozen=True, slots=True)
class Threshold:
    """One promise, e.g. `p99 of challenger <= 80ms`. `limit` is in `unit`; rates are lower bounds, all else upper
    bounds. `measurement`: a word of `measurement.Measurement` instead of the latency.
    """

    text: str
    metric: Metric
    limit: float
    unit: ThresholdUnit
    inclusive: bool
    percentile: float | None = None
    variant: str | None = None
    measurement: str | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """How the highest rate is looked for (`sagemaker-loadtest search`). `step_seconds` is the least that a step lasts
    after its warm-up; `peak_rate`, `base_rate` and `price_per_hour` (of one instance) go into the advice only.
    """

    start_rate: float = 10.0
    max_rate: float = 100_000.0
    precision_percent: float = 5.0
    step_seconds: float = 30.0
    max_steps: int = 20
    max_seconds: float = 3600.0
    safety_factor: float = 0.5
    peak_rate: float | None = None
    base_rate: float | None = None
    price_per_hour: float | None = None
    instances: int | None = None


@dataclass(frozen=True, slots=True)
class LoadTest:
    """A whole test. `folder` is where relative payload files are looked for: the folder of the test file."""

    name: str
    endpoint: Endpoint
    payloads: Payloads
    load: Load
    thresholds: tuple[Threshold, ...] = ()
    workers: int = 2
    seed: int = 1
    folder: str = "."
    invocation: Invocation = Invocation()
    search: Search = Search()
