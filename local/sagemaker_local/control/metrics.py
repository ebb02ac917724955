"""CloudWatch's metrics of an endpoint from what the router counted (AWS: "Monitor SageMaker AI with CloudWatch")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sagemaker_local.control.state.endpoint import Deployment, Endpoint, Variant
from sagemaker_local.control.state.records import ServerlessConfig
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
    namespace: str = NAMESPACE

    def document(self, timestamp: float) -> dict[str, Any]:
        """As the inner CloudWatch takes it; ``timestamp`` is the period's beginning."""
        return {
            "account": self.key[0],
            "region": self.key[1],
            "namespace": self.namespace,
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
            dimensions = (*dimensions_of(each.key, each.variant_name), ("EndpointConfigName", each.config_name))
            found += _variant_series([each], dimensions, endpoint)
    for (key, name), parts in by_variant.items():
        found += _variant_series(parts, dimensions_of(key, name), endpoints[key])
    if idle_publish_zero:
        for endpoint in endpoints.values():
            if endpoint.status.value in SERVING and endpoint.features.asynchronous is None:
                for variant in endpoint.variants:
                    if (endpoint.key, variant.name) not in by_variant:
                        found += _idle(endpoint.key, variant)
    return found


def dimensions_of(key: EndpointKey, variant: str) -> Dimensions:
    """Of a variant's metrics."""
    return ("EndpointName", key[2]), ("VariantName", variant)


def gauge(key: EndpointKey, name: str, unit: str, dimensions: Dimensions, value: float) -> Series:
    """A metric that had one value in its period."""
    return Series(key, name, unit, dimensions, ((value, 1),), value)


def samples(
    key: EndpointKey, name: str, unit: str, dimensions: Dimensions, counts: Mapping[float, int]
) -> list[Series]:
    """A metric by how often each value came, nothing without a value."""
    values = tuple((float(value), count) for value, count in counts.items())
    return (
        [Series(key, name, unit, dimensions, values, sum(value * count for value, count in values))] if values else []
    )


def _serverless(endpoint: Endpoint, variant: str) -> ServerlessConfig | None:
    return next((each.current_serverless for each in endpoint.variants if each.name == variant), None)


def _instances(endpoint: Endpoint, variant: str) -> int:
    found = next((each.current_count for each in endpoint.variants if each.name == variant), 1)
    return max(1, found)


def _idle(key: EndpointKey, variant: Variant) -> list[Series]:
    names = ["Invocations", "InvocationsPerInstance"]
    if (serverless := variant.current_serverless) is not None:
        names = ["Invocations", "ServerlessConcurrentExecutionsUtilization"]
        if serverless.provisioned:
            names += ["ServerlessProvisionedConcurrencyExecutions", "ServerlessProvisionedConcurrencyUtilization"]
    return [gauge(key, name, "None", dimensions_of(key, variant.name), 0.0) for name in names]


def _variant_series(parts: list[VariantPeriod], dimensions: Dimensions, endpoint: Endpoint) -> list[Series]:
    """An invocation sends 1 to Invocations, 1/instances to InvocationsPerInstance, and 1 or 0 to each error metric.

    A serverless variant publishes what the page "Alarms and logs for tracking metrics from serverless endpoints" lists,
    which it calls exhaustive.
    """
    key, serverless = endpoint.key, _serverless(endpoint, parts[0].variant_name)
    instances = _instances(endpoint, parts[0].variant_name)
    found = _serverless_series(parts, dimensions, serverless) if serverless is not None else []
    calls = sum(each.invocations for each in parts)
    if not calls:
        return found

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
    if serverless is None:
        found = [
            Series(key, "InvocationsPerInstance", "None", dimensions, ((share, calls),), calls * share),
            errors("InvocationModelErrors", sum(each.model_errors for each in parts)),
        ]
    return [
        *found,
        *_model_series(parts, dimensions),
        Series(key, "Invocations", "None", dimensions, ((1.0, calls),), float(calls)),
        errors("Invocation4XXErrors", sum(each.client_errors for each in parts)),
        errors("Invocation5XXErrors", sum(each.server_errors for each in parts)),
        *latency("ModelLatency", (each.latencies for each in parts), sum(each.latency for each in parts)),
        *latency(
            "OverheadLatency",
            (each.overhead_latencies for each in parts),
            sum(each.overhead_latency for each in parts),
        ),
    ]


def _model_series(parts: list[VariantPeriod], dimensions: Dimensions) -> list[Series]:
    """Of a multi-model variant (AWS: "CloudWatch Metrics for Multi-Model Endpoint Deployments")."""
    waits: Counter[float] = Counter()
    for each in parts:
        waits.update(each.model_waits)
    counts = {1.0: sum(each.cache_hits for each in parts), 0.0: sum(each.cache_misses for each in parts)}
    hits = {value: count for value, count in counts.items() if count}
    return [
        *samples(parts[0].key, "ModelCacheHit", "None", dimensions, hits),
        *samples(parts[0].key, "ModelLoadingWaitTime", "Microseconds", dimensions, waits),
    ]


def _serverless_series(parts: list[VariantPeriod], dimensions: Dimensions, config: ServerlessConfig) -> list[Series]:
    """Each call sends how many ran with it, as a share of what may; those beyond what is provisioned spill over."""
    key = parts[0].key
    setups: Counter[float] = Counter()
    executions: Counter[int] = Counter()
    for each in parts:
        setups.update(each.setup_times)
        executions.update(each.executions)

    def shares(name: str, of: int) -> list[Series]:
        return samples(key, name, "None", dimensions, {number / of: count for number, count in executions.items()})

    found = [
        *samples(key, "ModelSetupTime", "Microseconds", dimensions, setups),
        *shares("ServerlessConcurrentExecutionsUtilization", config.max_concurrency),
    ]
    if not config.provisioned:
        return found
    warm = sum(count for number, count in executions.items() if number <= config.provisioned)
    spilled = executions.total() - warm
    return [
        *found,
        *shares("ServerlessProvisionedConcurrencyUtilization", config.provisioned),
        *shares("ServerlessProvisionedConcurrencyExecutions", 1),
        *samples(key, "ServerlessProvisionedConcurrencyInvocations", "Count", dimensions, {1.0: warm} if warm else {}),
        *samples(
            key,
            "ServerlessProvisionedConcurrencySpilloverInvocations",
            "Count",
            dimensions,
            {1.0: spilled} if spilled else {},
        ),
    ]
