"""The two alarms of a target tracking policy (Application Auto Scaling User Guide, "Target tracking")."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import invalid
from sagemaker_local.scaling.records import COPIES, INSTANCES, PROVISIONED, Target

_MINUTE, _HIGH_RESOLUTION = 60, 10
_HIGH_PERIODS, _LOW_SECONDS = 3, 900
_LOW_SHARE = 0.9
"""A metric this far below its target lets capacity go."""


@dataclass(frozen=True, slots=True)
class _Metric:
    """What an alarm looks at; ``period`` is seconds."""

    namespace: str
    name: str
    statistic: str
    dimensions: list[dict[str, str]]
    period: int = _MINUTE


_PREDEFINED: Mapping[str, Mapping[str, tuple[str, str, int]]] = {
    INSTANCES: {
        "SageMakerVariantInvocationsPerInstance": ("InvocationsPerInstance", "Sum", _MINUTE),
        "SageMakerVariantConcurrentRequestsPerModelHighResolution": (
            "ConcurrentRequestsPerModel",
            "Average",
            _HIGH_RESOLUTION,
        ),
    },
    PROVISIONED: {
        "SageMakerVariantProvisionedConcurrencyUtilization": (
            "ServerlessProvisionedConcurrencyUtilization",
            "Average",
            _MINUTE,
        ),
    },
    COPIES: {
        "SageMakerInferenceComponentInvocationsPerCopy": ("InvocationsPerCopy", "Sum", _MINUTE),
        "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution": (
            "ConcurrentRequestsPerCopy",
            "Average",
            _HIGH_RESOLUTION,
        ),
    },
}
"""CloudWatch's metric, statistic and period of each predefined one (Application Auto Scaling API, MetricType). Each
dimension has its own (aws/aws-cdk #29065)."""


def tracking_alarms(target: Target, policy_arn: str, configuration: Document) -> list[dict[str, Any]]:
    """AlarmHigh and AlarmLow, as the inner CloudWatch takes alarms. Raises ApiError for a metric that is not known."""
    metric = _metric(target, configuration)
    value = configuration["TargetValue"]

    def alarm(side: str, comparison: str, threshold: float, periods: int) -> dict[str, Any]:
        return {
            "name": f"TargetTracking-{target.resource_id}-Alarm{side}-{uuid.uuid4()}",
            "namespace": metric.namespace,
            "metric_name": metric.name,
            "statistic": metric.statistic,
            "dimensions": metric.dimensions,
            "comparison_operator": comparison,
            "threshold": threshold,
            "evaluation_periods": periods,
            "period": metric.period,
            "description": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy_arn}.",
            "alarm_actions": [policy_arn],
        }

    high = alarm("High", "GreaterThanThreshold", value, _HIGH_PERIODS)
    if configuration.get("DisableScaleIn"):
        return [high]
    return [high, alarm("Low", "LessThanThreshold", value * _LOW_SHARE, _LOW_SECONDS // metric.period)]


def _metric(target: Target, configuration: Document) -> _Metric:
    predefined = configuration.get("PredefinedMetricSpecification")
    custom = configuration.get("CustomizedMetricSpecification")
    if (predefined is None) == (custom is None):
        raise invalid("Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be set.")
    if custom is not None:
        if "MetricName" not in custom or "Statistic" not in custom:
            raise invalid("Local SageMaker tracks a custom metric by MetricName and Statistic, not by an expression.")
        dimensions = [dict(each) for each in custom.get("Dimensions", ())]
        return _Metric(custom.get("Namespace", ""), custom["MetricName"], custom["Statistic"], dimensions)
    assert predefined is not None  # noqa: S101 - one of both is set
    kind, known = predefined["PredefinedMetricType"], _PREDEFINED[target.dimension]
    if kind not in known:
        raise invalid(f"{kind} is no metric of {target.dimension}; there are {', '.join(sorted(known))}.")
    name, statistic, period = known[kind]
    return _Metric("AWS/SageMaker", name, statistic, _dimensions(target), period)


def _dimensions(target: Target) -> list[dict[str, str]]:
    if target.component:
        return [{"Name": "InferenceComponentName", "Value": target.component}]
    return [{"Name": "EndpointName", "Value": target.endpoint}, {"Name": "VariantName", "Value": target.variant}]
