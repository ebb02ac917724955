"""What asynchronous endpoints have to say to CloudWatch, namespace AWS/SageMaker; whoever publishes asks for it."""

from __future__ import annotations

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

    def answered(self, status: int, microseconds: float) -> None:
        """The model answered, 0 being no answer."""
        self.model_latency_microseconds += microseconds
        if 400 <= status < 500:
            self.invocation_4xx_errors += 1
        elif not 200 <= status < 300:
            self.invocation_5xx_errors += 1


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
