"""result.json, as dataclasses. Its schema: docs/schemas/loadtest-result-v1.schema.json.

Within version 1 members are added, never changed. Times: seconds since the start of the run. Latencies: milliseconds
from the intended start (open load) or from the sending (closed load). Rates: requests per second. Shares: percent.
null: not known, or too few samples to tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sagemaker_loadtest.api.spec import Arrivals, Metric, Operation, Order, Threshold, ThresholdUnit
from sagemaker_loadtest.judge.capacity import Capacity
from sagemaker_loadtest.judge.search import Outcome as StepOutcome
from sagemaker_loadtest.judge.search import Why
from sagemaker_loadtest.judge.series import Series
from sagemaker_loadtest.judge.verdict import Word
from sagemaker_loadtest.measure.blocks import Blocks
from sagemaker_loadtest.measure.samples import ErrorSample
from sagemaker_loadtest.measure.wire import Counts


@dataclass(frozen=True, slots=True)
class ToolFacts:
    """What made the result."""

    version: str
    locust: str
    python: str


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    name: str
    region: str
    url: str


@dataclass(frozen=True, slots=True)
class StageFacts:
    """A part of the run, in which the level (arrivals a second, or users) went from `start` to `end`."""

    seconds: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class LoadFacts:
    """The load as it was asked for, flags included. With `stages`, `rate` or `users` is the highest level of them."""

    model: Literal["closed", "open"]
    rate: float | None
    arrivals: Arrivals | None
    max_in_flight: int | None
    users: int | None
    pacing_seconds: float | None
    ramp_up_seconds: float
    timeout_seconds: float
    workers: int
    seed: int
    stages: tuple[StageFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class PayloadFacts:
    number: int
    content_types: tuple[str, ...]
    smallest_bytes: int
    largest_bytes: int
    order: Order


@dataclass(frozen=True, slots=True)
class VerdictFacts:
    word: Word
    exit_code: int
    headline: str
    reasons: tuple[str, ...]
    advice: str


@dataclass(frozen=True, slots=True)
class ThresholdFacts:
    """One threshold: as written, in columns, and judged."""

    text: str
    label: str
    metric: Metric
    percentile: float | None
    variant: str | None
    limit: float
    unit: ThresholdUnit
    inclusive: bool
    measured: float | None
    met: bool
    margin: str
    measurement: str | None = None

    @property
    def threshold(self) -> Threshold:
        return Threshold(
            self.text,
            self.metric,
            self.limit,
            self.unit,
            self.inclusive,
            self.percentile,
            self.variant,
            self.measurement,
        )


@dataclass(frozen=True, slots=True)
class Percentiles:
    """null: fewer than 10 samples beyond it, or so many failed that it would fall on a failed request. `maximum` and
    `mean` are of the answers alone.
    """

    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    p999: float | None
    maximum: float | None
    mean: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything after the warm-up. `failed_unnamed`: the part of `failed` of which no reply named a variant; it counts
    against each variant's thresholds.
    """

    measured_seconds: float
    offered: int | None
    answered: int
    failed: int
    failed_percent: float | None
    rate: float
    offered_rate: float | None
    rate_reached_percent: float | None
    latency: Percentiles
    service_time: Percentiles
    failed_unnamed: int = 0


@dataclass(frozen=True, slots=True)
class VariantFacts:
    """One production variant, told by the reply header; asked by DescribeEndpoint when it may be called."""

    name: str
    asked_percent: float | None
    seen_percent: float
    chance_low_percent: float | None
    chance_high_percent: float | None
    answered: int
    failed: int
    latency: Percentiles


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that the reader of a chart should know of."""

    second: float
    kind: Literal["load", "worker", "end"]
    text: str


@dataclass(frozen=True, slots=True)
class CheckFacts:
    name: str
    seen: str
    limit: str
    ok: bool
    decisive: bool


@dataclass(frozen=True, slots=True)
class LostWorker:
    worker: str
    second: float
    cause: str


@dataclass(frozen=True, slots=True)
class GeneratorFacts:
    fit: bool
    workers: int
    lost: tuple[LostWorker, ...]
    checks: tuple[CheckFacts, ...]


@dataclass(frozen=True, slots=True)
class MeasurementFacts:
    """A time beside the latency (`measurement.Measurement` says what each is), after the warm-up. `blocks`: its
    stretches, as those of the latency.
    """

    name: str
    count: int
    time: Percentiles
    histogram: Counts
    blocks: Blocks | None = None


@dataclass(frozen=True, slots=True)
class ExchangeFacts:
    """What was called and what came back, after the warm-up. `statuses` by HTTP status; bytes are those of bodies;
    `chunks` counts the payload parts of streams.
    """

    operation: Operation = "InvokeEndpoint"
    measurements: tuple[MeasurementFacts, ...] = ()
    statuses: Mapping[str, int] = field(default_factory=dict)
    chunks: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0


@dataclass(frozen=True, slots=True)
class StepFacts:
    """A rate that a search tried. `measured`: the percentile of `SearchFacts.label`, in ms."""

    rate: float
    why: Why
    outcome: StepOutcome
    seconds: float
    answered: int
    measured: float | None
    p50: float | None
    failed_percent: float | None
    rate_reached_percent: float | None
    told: str


@dataclass(frozen=True, slots=True)
class SearchFacts:
    """The highest rate that held (`rate`), the lowest that did not (`over`), and what follows for each variant.

    `confirmed`: it held twice. `generator`: the load generator, not the endpoint, was the limit. `stopped`: what ended
    the search before the two rates were within the precision; empty when nothing did. `autoscaling` is YAML.
    """

    rate: float | None
    over: float | None
    confirmed: bool
    generator: bool
    stopped: str
    precision_percent: float
    safety_factor: float
    price_per_hour: float | None
    label: str
    limit: float | None
    steps: tuple[StepFacts, ...]
    capacities: tuple[Capacity, ...]
    autoscaling: str


@dataclass(frozen=True, slots=True)
class Result:
    """The whole outcome of a run. `partial`: written while the run went on, and what is left of it if it was killed.
    `samples`: by class of error, what the first few of different wording said.
    """

    schema_version: int
    tool: ToolFacts
    run: str
    name: str
    start: str
    duration_seconds: float
    planned_seconds: float
    warm_up_seconds: float
    endpoint: EndpointFacts
    load: LoadFacts
    payloads: PayloadFacts
    verdict: VerdictFacts
    thresholds: tuple[ThresholdFacts, ...]
    summary: Summary
    series: Series
    distribution: Mapping[str, tuple[tuple[float, float], ...]]
    errors: Mapping[str, int]
    variants: tuple[VariantFacts, ...]
    events: tuple[Happening, ...]
    generator: GeneratorFacts
    histograms: Mapping[str, Counts]
    exchange: ExchangeFacts = ExchangeFacts()
    partial: bool = False
    blocks: Mapping[str, Blocks] = field(default_factory=dict)
    search: SearchFacts | None = None
    samples: Mapping[str, tuple[ErrorSample, ...]] = field(default_factory=dict)
