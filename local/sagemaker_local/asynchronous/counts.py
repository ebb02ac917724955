"""What asynchronous endpoints have to say to CloudWatch, namespace AWS/SageMaker; whoever publishes asks for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sagemaker_local.asynchronous.queue import Lengths


@dataclass(frozen=True, slots=True)
class Backlog:
    """Metrics of one endpoint, by the dimension EndpointName alone. The age is seconds.

    ``approximate_backlog_size_per_instance`` is None without an instance: CloudWatch then gets no value.
    """

    approximate_backlog_size: int
    approximate_backlog_size_per_instance: float | None
    approximate_age_of_oldest_request: float
    has_backlog_without_capacity: int


def backlog(lengths: Lengths, instances: int, now: float, *, counts_running: bool) -> Backlog:
    """``instances`` can take requests; ``counts_running``: what is being processed is backlog too."""
    size = lengths.waiting + (lengths.running if counts_running else 0)
    return Backlog(
        approximate_backlog_size=size,
        approximate_backlog_size_per_instance=size / instances if instances else None,
        approximate_age_of_oldest_request=0.0 if lengths.oldest is None else max(0.0, now - lengths.oldest),
        has_backlog_without_capacity=int(bool(lengths.waiting) and not instances),
    )


@dataclass(slots=True)
class AsyncCounts:
    """Running totals of one variant. Latencies are sums in the unit that the metric has.

    The names are CloudWatch's, in METRICS to the letter (AWS: Alarms and logs for asynchronous endpoints).
    """

    invocations_processed: int = 0
    invocation_failures: int = 0
    invocation_4xx_errors: int = 0
    invocation_5xx_errors: int = 0
    expired_requests: int = 0
    time_in_backlog_milliseconds: float = 0.0
    total_processing_time_milliseconds: float = 0.0
    model_latency_microseconds: float = 0.0
    request_download_failures: int = 0
    request_download_latency_microseconds: float = 0.0
    response_upload_failures: int = 0
    response_upload_latency_microseconds: float = 0.0
    notification_failures: int = 0


class AsyncRecorder:
    """Counts what happens to one variant's requests: ``totals`` since the start, values since they were last taken."""

    def __init__(self) -> None:
        self.totals = AsyncCounts()
        self._values: dict[str, Counter[float]] = {}

    def add(self, field: str, value: float = 1) -> None:
        """One value of a field of AsyncCounts."""
        setattr(self.totals, field, getattr(self.totals, field) + value)
        self._values.setdefault(field, Counter())[float(value)] += 1

    def answered(self, status: int, microseconds: float) -> None:
        """The model answered, 0 being no answer. Every answer has a value for each kind of error."""
        self.add("model_latency_microseconds", microseconds)
        refused = 400 <= status < 500
        self.add("invocation_4xx_errors", int(refused))
        self.add("invocation_5xx_errors", int(not refused and not 200 <= status < 300))

    def take(self) -> Mapping[str, Mapping[float, int]]:
        """How often each value came, by field; from now on they are counted anew."""
        values, self._values = self._values, {}
        return values


METRICS = {
    "invocations_processed": ("InvocationsProcesssed", "None"),
    "invocation_failures": ("InvocationFailures", "None"),
    "invocation_4xx_errors": ("Invocation4XXErrors", "None"),
    "invocation_5xx_errors": ("Invocation5XXErrors", "None"),
    "expired_requests": ("ExpiredRequests", "None"),
    "time_in_backlog_milliseconds": ("TimeInBacklog", "Milliseconds"),
    "total_processing_time_milliseconds": ("TotalProcessingTime", "Milliseconds"),
    "model_latency_microseconds": ("ModelLatency", "Microseconds"),
    "request_download_failures": ("RequestDownloadFailures", "None"),
    "request_download_latency_microseconds": ("RequestDownloadLatency", "Microseconds"),
    "response_upload_failures": ("ResponseUploadFailures", "None"),
    "response_upload_latency_microseconds": ("ResponseUploadLatency", "Microseconds"),
    "notification_failures": ("NotificationFailures", "None"),
}
"""Metric name and unit of each field of AsyncCounts, by the dimensions EndpointName and VariantName."""
