"""CloudWatch's metrics of an endpoint from what the router counted (AWS: "Monitor SageMaker AI with CloudWatch")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sagemaker_local.control.state.endpoint import Deployment, Endpoint
from sagemaker_local.router.period import VariantPeriod
from sagemaker_local.router.routes import SERVING, EndpointKey

NAMESPACE = "AWS/SageMaker"
PERIOD_SECONDS = 60

Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Series:
    """What one metric got in one period: counts by value, and the exact sum."""

    key: EndpointKey
    name: str
    unit: str
    dimensions: Dimensions
    values: tuple[tuple[float, int], ...]
    total: float

    def document(self, timestamp: float) -> dict[str, Any]:
        """As the inner CloudWatch takes it; ``timestamp`` is the period's beginning."""
        return {
            "account": self.key[0],
            "region": self.key[1],
            "namespace": NAMESPACE,
            "name": self.name,
            "unit": self.unit,
            "dimensions": self.dimensions,
            "timestamp": timestamp,
            "values": self.values,
            "total": self.total,
        }


def series_of(
    periods: Iterable[VariantPeriod], endpoints: Mapping[EndpointKey, Endpoint], idle_publish_zero: bool
) -> list[Series]:
    """The metrics of all endpoints.

    A variant's count both fleets of a deployment; those of the new fleet alone are published besides, with the
    dimension EndpointConfigName (AWS: "Auto-Rollback Configuration and Monitoring").
    """
    by_variant: dict[tuple[EndpointKey, str], list[VariantPeriod]] = {}
    found: list[Series] = []
    for each in periods:
        endpoint = endpoints.get(each.key)
        if endpoint is None:
            continue
        by_variant.setdefault((each.key, each.variant_name), []).append(each)
        if isinstance(endpoint.change, Deployment) and each.config_name == endpoint.change.config_name:
            dimensions = (*_dimensions(each.key, each.variant_name), ("EndpointConfigName", each.config_name))
            found += _variant_series([each], dimensions, _instances(endpoint, each.variant_name))
    for (key, name), parts in by_variant.items():
        found += _variant_series(parts, _dimensions(key, name), _instances(endpoints[key], name))
    if idle_publish_zero:
        for endpoint in endpoints.values():
            if endpoint.status.value in SERVING:
                for variant in endpoint.variants:
                    if (endpoint.key, variant.name) not in by_variant:
                        found += _idle(endpoint.key, _dimensions(endpoint.key, variant.name))
    return found


def _dimensions(key: EndpointKey, variant: str) -> Dimensions:
    return ("EndpointName", key[2]), ("VariantName", variant)


def _instances(endpoint: Endpoint, variant: str) -> int:
    found = next((each.current_count for each in endpoint.variants if each.name == variant), 1)
    return max(1, found)


def _idle(key: EndpointKey, dimensions: Dimensions) -> list[Series]:
    return [
        Series(key, name, "None", dimensions, ((0.0, 1),), 0.0) for name in ("Invocations", "InvocationsPerInstance")
    ]


def _variant_series(parts: list[VariantPeriod], dimensions: Dimensions, instances: int) -> list[Series]:
    """An invocation sends 1 to Invocations, 1/instances to InvocationsPerInstance, and 1 or 0 to each error metric."""
    key = parts[0].key
    calls = sum(each.invocations for each in parts)
    if not calls:
        return []

    def errors(name: str, count: int) -> Series:
        values = tuple((value, times) for value, times in ((1.0, count), (0.0, calls - count)) if times)
        return Series(key, name, "None", dimensions, values, float(count))

    def latency(name: str, counts: Iterable[Mapping[int, int]], total: int) -> list[Series]:
        merged: Counter[int] = Counter()
        for each in counts:
            merged.update(each)
        values = tuple((float(value), count) for value, count in merged.items())
        return [Series(key, name, "Microseconds", dimensions, values, float(total))] if values else []

    share = 1 / instances
    return [
        Series(key, "Invocations", "None", dimensions, ((1.0, calls),), float(calls)),
        Series(key, "InvocationsPerInstance", "None", dimensions, ((share, calls),), calls * share),
        errors("Invocation4XXErrors", sum(each.client_errors for each in parts)),
        errors("Invocation5XXErrors", sum(each.server_errors for each in parts)),
        errors("InvocationModelErrors", sum(each.model_errors for each in parts)),
        *latency("ModelLatency", (each.latencies for each in parts), sum(each.latency for each in parts)),
        *latency(
            "OverheadLatency",
            (each.overhead_latencies for each in parts),
            sum(each.overhead_latency for each in parts),
        ),
    ]
