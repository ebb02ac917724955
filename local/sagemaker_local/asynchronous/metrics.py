"""CloudWatch's metrics of asynchronous endpoints (AWS: "Alarms and logs for tracking metrics from asynchronous
endpoints")."""

from __future__ import annotations

from collections.abc import Mapping

from sagemaker_local.asynchronous.counts import METRICS, Backlog
from sagemaker_local.control.metrics import Series, dimensions_of, gauge, samples
from sagemaker_local.router.routes import EndpointKey


def backlog_series(backlogs: Mapping[EndpointKey, Backlog]) -> list[Series]:
    """By EndpointName alone. Without an instance there is no size per instance, so that no tracking acts on it."""
    found: list[Series] = []
    for key, backlog in backlogs.items():
        dimensions = (("EndpointName", key[2]),)
        per_instance = backlog.approximate_backlog_size_per_instance
        values = {
            ("ApproximateBacklogSize", "Count"): backlog.approximate_backlog_size,
            ("ApproximateAgeOfOldestRequest", "Seconds"): backlog.approximate_age_of_oldest_request,
            ("HasBacklogWithoutCapacity", "None"): backlog.has_backlog_without_capacity,
        }
        if per_instance is not None:
            values["ApproximateBacklogSizePerInstance", "Count"] = per_instance
        found += [gauge(key, name, unit, dimensions, float(value)) for (name, unit), value in values.items()]
    return found


def variant_series(taken: Mapping[tuple[EndpointKey, str], Mapping[str, Mapping[float, int]]]) -> list[Series]:
    """By EndpointName and VariantName, of what ``Dispatcher.take`` gives."""
    return [
        series
        for (key, variant), fields in taken.items()
        for field, values in fields.items()
        for series in samples(key, *METRICS[field], dimensions_of(key, variant), values)
    ]
