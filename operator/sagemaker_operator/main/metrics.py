"""Prometheus metrics. None is labelled by object: their number has no bound."""

import logging

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from sagemaker_operator.aws.client import Call

log = logging.getLogger("sagemaker_operator.aws")

_PASS_BUCKETS = (0.005, 0.02, 0.1, 0.5, 2, 10, 60)
_CALL_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 20)


class Metrics:
    """The names follow controller-runtime's, so that habits and dashboards carry over."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.passes = Counter(
            "sagemaker_operator_reconcile", "Passes over an object, by how they ended.", ["result"],
            registry=self.registry,
        )  # fmt: skip
        self.pass_seconds = Histogram(
            "sagemaker_operator_reconcile_seconds", "Time of a pass, waits for the budget included.",
            buckets=_PASS_BUCKETS, registry=self.registry,
        )  # fmt: skip
        self.calls = Counter(
            "sagemaker_operator_aws_calls", "Calls to AWS, by operation and outcome.", ["operation", "outcome"],
            registry=self.registry,
        )  # fmt: skip
        self.call_seconds = Histogram(
            "sagemaker_operator_aws_call_seconds", "Time of a call to AWS, waits for the budget left out.",
            ["operation"], buckets=_CALL_BUCKETS, registry=self.registry,
        )  # fmt: skip
        self.missed_events = Counter(
            "sagemaker_operator_missed_events", "Changes of objects that a listing showed before the watch did.",
            registry=self.registry,
        )  # fmt: skip
        self.queue_depth = Gauge(
            "sagemaker_operator_queue_depth", "Objects that wait for a worker.", registry=self.registry
        )
        self.objects = Gauge("sagemaker_operator_objects", "Objects that are watched.", registry=self.registry)
        self.leader = Gauge("sagemaker_operator_leader", "1 while the Lease is held.", registry=self.registry)

    def record_call(self, call: Call) -> None:
        """Counts a call; one that changes something, or fails, is logged too."""
        self.calls.labels(call.operation, call.outcome).inc()
        self.call_seconds.labels(call.operation).observe(call.seconds)
        if call.outcome != "ok" or call.changes:
            level = logging.INFO if call.outcome in ("ok", "absent") else logging.WARNING
            extra = {"call": call.operation, "ms": round(call.seconds * 1000), "requestId": call.request_id}
            log.log(level, "%s %s %s", call.operation, call.target, call.outcome, extra=extra)
