"""GetMetricStatistics and GetMetricData of moto's CloudWatch, with percentiles and exact dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from moto.cloudwatch import responses
from moto.cloudwatch.exceptions import InvalidParameterCombination, InvalidParameterValue, ValidationError
from moto.core.responses import ActionResult

from sagemaker_local.inner.clock import naive, seconds
from sagemaker_local.inner.metric_data import key_of, periods
from sagemaker_local.metrics.distribution import Distribution, statistic_of


def install() -> None:
    """Let both read the values of each period as they came. Metric math stays moto's."""
    replaced: Any = responses
    get_metric_data = responses.CloudWatchResponse.get_metric_data

    def statistics(response: Any) -> Any:
        parameters = response._get_params()
        wanted = (*(parameters.get("Statistics") or ()), *(parameters.get("ExtendedStatistics") or ()))
        if not wanted:
            raise InvalidParameterCombination("Must specify either Statistics or ExtendedStatistics")
        start, end = seconds(parameters["StartTime"]), seconds(parameters["EndTime"])
        if start >= end:
            raise InvalidParameterValue("The parameter StartTime must be less than the parameter EndTime.")
        key = key_of(parameters["Namespace"], parameters["MetricName"], parameters.get("Dimensions") or ())
        found = periods(response.cloudwatch_backend, key, start, end, int(parameters["Period"]))
        return ActionResult(
            {
                "Label": parameters["MetricName"],
                "Datapoints": [_datapoint(moment, each, wanted) for moment, each in sorted(found.items())],
            }
        )

    def metric_data(response: Any) -> Any:
        parameters = response._get_params()
        queries = parameters.get("MetricDataQueries") or []
        if not queries or any("MetricStat" not in each for each in queries):
            return get_metric_data(response)
        start, end = seconds(parameters["StartTime"]), seconds(parameters["EndTime"])
        if start >= end:
            raise ValidationError("The parameter EndTime must be greater than StartTime.")
        latest_first = (parameters.get("ScanBy") or "TimestampDescending") == "TimestampDescending"
        results = [
            _result(response.cloudwatch_backend, each, start, end, latest_first)
            for each in queries
            if each.get("ReturnData", True)
        ]
        return ActionResult({"MetricDataResults": results})

    replaced.CloudWatchResponse.get_metric_statistics = statistics
    replaced.CloudWatchResponse.get_metric_data = metric_data


def _datapoint(moment: float, found: Distribution, wanted: Iterable[str]) -> dict[str, Any]:
    values = {each: statistic_of(found, each) for each in wanted}
    extended = {each: value for each, value in values.items() if each.startswith("p")}
    plain = {each: value for each, value in values.items() if each not in extended}
    return {"Timestamp": naive(moment), **plain, "ExtendedStatistics": extended or None}


def _result(backend: Any, query: Mapping[str, Any], start: float, end: float, latest_first: bool) -> dict[str, Any]:
    wanted = query["MetricStat"]
    metric, statistic = wanted["Metric"], wanted["Stat"]
    key = key_of(metric["Namespace"], metric["MetricName"], metric.get("Dimensions") or ())
    found = sorted(periods(backend, key, start, end, int(wanted["Period"])).items(), reverse=latest_first)
    return {
        "Id": query["Id"],
        "Label": query.get("Label") or metric["MetricName"],
        "Timestamps": [naive(moment) for moment, _ in found],
        "Values": [statistic_of(each, statistic) for _, each in found],
        "StatusCode": "Complete",
    }
