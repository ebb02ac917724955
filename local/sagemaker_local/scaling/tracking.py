"""The two alarms of a target tracking policy (Application Auto Scaling User Guide, "Target tracking")."""

from __future__ import annotations

import uuid
from typing import Any

from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import invalid

_PREDEFINED = {"SageMakerVariantInvocationsPerInstance": ("AWS/SageMaker", "InvocationsPerInstance", "Sum")}
_PERIOD_SECONDS, _HIGH_PERIODS, _LOW_PERIODS = 60, 3, 15
_LOW_SHARE = 0.9
"""A metric this far below its target lets instances go."""


def tracking_alarms(resource_id: str, policy_arn: str, configuration: Document) -> list[dict[str, Any]]:
    """AlarmHigh and AlarmLow, as the inner CloudWatch takes alarms. Raises ApiError for a metric that is not known."""
    namespace, metric, statistic, dimensions = _metric(resource_id, configuration)
    value = configuration["TargetValue"]

    def alarm(side: str, comparison: str, threshold: float, periods: int) -> dict[str, Any]:
        return {
            "name": f"TargetTracking-{resource_id}-Alarm{side}-{uuid.uuid4()}",
            "namespace": namespace,
            "metric_name": metric,
            "statistic": statistic,
            "dimensions": dimensions,
            "comparison_operator": comparison,
            "threshold": threshold,
            "evaluation_periods": periods,
            "period": _PERIOD_SECONDS,
            "description": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy_arn}.",
            "alarm_actions": [policy_arn],
        }

    high = alarm("High", "GreaterThanThreshold", value, _HIGH_PERIODS)
    if configuration.get("DisableScaleIn"):
        return [high]
    return [high, alarm("Low", "LessThanThreshold", value * _LOW_SHARE, _LOW_PERIODS)]


def _metric(resource_id: str, configuration: Document) -> tuple[str, str, str, list[dict[str, str]]]:
    predefined = configuration.get("PredefinedMetricSpecification")
    custom = configuration.get("CustomizedMetricSpecification")
    if (predefined is None) == (custom is None):
        raise invalid("Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be set.")
    if custom is not None:
        if "MetricName" not in custom or "Statistic" not in custom:
            raise invalid("Local SageMaker tracks a custom metric by MetricName and Statistic, not by an expression.")
        dimensions = [dict(each) for each in custom.get("Dimensions", ())]
        return custom.get("Namespace", ""), custom["MetricName"], custom["Statistic"], dimensions
    assert predefined is not None  # noqa: S101 - one of both is set
    kind = predefined["PredefinedMetricType"]
    if kind not in _PREDEFINED:
        raise invalid(f"Local SageMaker does not publish {kind} yet; use SageMakerVariantInvocationsPerInstance.")
    _, endpoint, _, variant = resource_id.split("/")
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
    return (*_PREDEFINED[kind], dimensions)
