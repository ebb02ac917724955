"""The test as the rest of the program sees it: parsed, checked, in seconds, requests per second and milliseconds."""

import math
from dataclasses import dataclass
from typing import Literal

from sagemaker_loadtest.api.units import exact

Order = Literal["InOrder", "Random"]
Split = Literal["Whole", "Lines", "Rows", "DataCapture"]
Arrivals = Literal["Constant", "Poisson", "Recorded"]
Operation = Literal["InvokeEndpoint", "InvokeEndpointAsync", "InvokeEndpointWithResponseStream"]
Metric = Literal["latency", "failed", "rate"]
ThresholdUnit = Literal["ms", "%", "/s", "% of offered"]

BODY_LIMIT_BYTES = 6_291_456
"""Largest request body of InvokeEndpoint (member Body of the operation in AWS's service model)."""
ASYNC_BODY_LIMIT_BYTES = 128_000
"""Largest request body of InvokeEndpointAsync (member Body); larger inputs are objects in S3."""
ASYNC_OBJECT_LIMIT_BYTES = 1_073_741_824
"""Largest input object of InvokeEndpointAsync (quotas of SageMaker)."""
SOURCE_LIMIT_BYTES = 268_435_456
"""Default bound on what one source of payloads may read from S3."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The SageMaker endpoint under test. `resource`: the SageMakerEndpoint whose status tells name and region, which
    are empty until then.
    """

    name: str
    region: str
    resource: str | None = None


@dataclass(frozen=True, slots=True)
class TargetModels:
    """Models of a multi-model endpoint, each asked for in proportion to its weight."""

    names: tuple[str, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class AsyncResults:
    """How InvokeEndpointAsync gets its input and how its result is waited for. Bodies are objects below `input_s3_uri`
    when it is set, else they go with the request.
    """

    input_s3_uri: str | None = None
    poll_seconds: float = 0.2
    timeout_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Invocation:
    """Which operation of the SageMaker runtime is called, and its members; None leaves a member out.

    `session_per_user`: a user opens a session with its first call and stays in it. `unique_inference_ids`: each
    request has an id of its own, as data capture and monitoring want it.
    """

    operation: Operation = "InvokeEndpoint"
    target_variant: str | None = None
    target_models: TargetModels | None = None
    target_container_hostname: str | None = None
    inference_component_name: str | None = None
    session_id: str | None = None
    session_per_user: bool = False
    unique_inference_ids: bool = False
    custom_attributes: str | None = None
    results: AsyncResults = AsyncResults()


@dataclass(frozen=True, slots=True)
class PayloadSource:
    """One file, folder, glob pattern or S3 URI (an object, or all below a prefix that ends in a slash).

    `split`: Lines makes a request of every `lines_per_request` lines after the first `skip_lines`; Rows does so with
    the first axis of a .npy file; DataCapture takes the inputs out of SageMaker's data-capture files. `weight` is the
    source's share of the requests among all sources, for order Random. `template`: placeholders such as ${uuid} are
    filled in anew for each request. `limit_bytes` bounds what is read from S3.
    """

    file: str
    split: Split = "Whole"
    lines_per_request: int = 1
    content_type: str | None = None
    accept: str | None = None
    skip_lines: int = 0
    weight: float | None = None
    template: bool = False
    limit_bytes: int = SOURCE_LIMIT_BYTES


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
    """`rate` arrivals a second, whatever the answers do; latency counts from the intended start. With stages it is the
    highest of them. Recorded arrivals follow the times in data-capture files, `speed` times as fast.
    """

    rate: float
    arrivals: Arrivals = "Constant"
    max_in_flight: int = 2000
    speed: float = 1.0


SHORTEST_SECONDS = 1e-6


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the run: the level (arrivals a second, or users) goes from `start` to `end` in a straight line."""

    seconds: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Load:
    """Exactly one of `closed` and `open`. `duration_seconds` is the whole run; its first `warm_up_seconds` do not
    count. `stages`, when there are any, say how the level goes; they are as long as the run together.

    Books are kept by whole seconds, so what counts begins at `counted_from`, the end of the warm-up's last second.
    """

    duration_seconds: float
    warm_up_seconds: float = 0.0
    ramp_up_seconds: float = 0.0
    timeout_seconds: float = 60.0
    closed: ClosedLoad | None = None
    open: OpenLoad | None = None
    stages: tuple[Stage, ...] = ()

    @property
    def counted_from(self) -> int:
        """The first second of the run that counts."""
        return math.ceil(self.warm_up_seconds)

    @property
    def intensity(self) -> str:
        """`200/s` or `50 users`."""
        up_to = "up to " if self.stages else ""
        if self.open:
            return f"{up_to}{exact(self.open.rate)}/s"
        return f"{up_to}{self.closed.users:,} users" if self.closed else ""

    @property
    def profile(self) -> tuple[Stage, ...]:
        """The whole run as stages, also when it was written as one level with a ramp."""
        if self.stages:
            return self.stages
        level = self.open.rate if self.open else float(self.closed.users) if self.closed else 0.0
        ramp = min(self.ramp_up_seconds, self.duration_seconds)
        both = (Stage(ramp, 0.0, level), Stage(self.duration_seconds - ramp, level, level))
        return tuple(stage for stage in both if stage.seconds > SHORTEST_SECONDS)


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
    """A whole test. `folder` is where relative files are looked for: the folder of the test file. `locustfile` holds
    users of one's own instead of ours.
    """

    name: str
    endpoint: Endpoint
    payloads: Payloads
    load: Load
    thresholds: tuple[Threshold, ...] = ()
    workers: int = 2
    seed: int = 1
    folder: str = "."
    invocation: Invocation = Invocation()
    locustfile: str | None = None
    search: Search = Search()

    @property
    def answer_seconds(self) -> float:
        """How long after its sending a request may still be answered; an asynchronous one, by a result in S3."""
        later = self.invocation.results.timeout_seconds if self.invocation.operation == "InvokeEndpointAsync" else 0.0
        return self.load.timeout_seconds + later
