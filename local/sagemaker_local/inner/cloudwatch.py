"""CloudWatch beyond what moto does: distributions with percentiles, exact dimensions, alarms that are evaluated.

moto keeps alarms and data; this reads and changes them in moto's own process. The control plane tells the time.
"""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

from moto.cloudwatch import models, responses
from moto.cloudwatch.exceptions import InvalidParameterCombination, InvalidParameterValue, ValidationError
from moto.core.responses import ActionResult

from sagemaker_local.metrics.alarm import COMPARISONS, EXTRA_PERIODS, AlarmRule, AlarmState, judge
from sagemaker_local.metrics.distribution import Distribution, merged, of_values, statistic_of, too_few

PATH = "/_local/cloudwatch"
PROOF_HEADER = "X-Sagemaker-Local-Proof"
"""Only the control plane knows its value: a path alone can be written in ways that lead here past it."""

Key = tuple[str, str, frozenset[tuple[str, str]]]
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class _Time:
    """The control plane's clock, as of its last word."""

    def __init__(self) -> None:
        self._now, self._heard, self._scale = time.time(), time.monotonic(), 1.0

    def tell(self, now: float, scale: float) -> None:
        self._now, self._heard, self._scale = now, time.monotonic(), scale

    def now(self) -> float:
        return self._now + (time.monotonic() - self._heard) * self._scale

    def utc(self) -> datetime:
        return _naive(self.now())


class _Datum(models.MetricAggregatedDatum):
    """Values of one period of a metric."""

    def __init__(self, namespace: str, series: Mapping[str, Any], found: Distribution) -> None:
        super().__init__(
            namespace=namespace,
            name=series["name"],
            min_stat=min(found.counts),
            max_stat=max(found.counts),
            sample_count=float(found.samples),
            sum_stat=found.total,
            dimensions=[{"Name": name, "Value": value} for name, value in series["dimensions"]],
            timestamp=_naive(series["timestamp"]),
            unit=series["unit"],
        )
        self.distribution = found


class _Index:
    """A backend's data by metric, kept up with what moto appends."""

    def __init__(self) -> None:
        self._series: dict[Key, list[tuple[float, Any]]] = {}
        self._seen = 0

    def of(self, backend: Any, key: Key) -> list[tuple[float, Any]]:
        data = backend.metric_data
        if len(data) < self._seen:
            self._series, self._seen = {}, 0
        while self._seen < len(data):
            datum = data[self._seen]
            self._seen += 1
            dimensions = frozenset((each.name, each.value) for each in datum.dimensions)
            self._series.setdefault((datum.namespace, datum.name, dimensions), []).append(
                (_seconds(datum.timestamp), datum)
            )
        return self._series.get(key, [])


_EVALUATION_SECONDS = 60
"""How often CloudWatch evaluates an alarm, unless its period is shorter."""

_MOST_DATA = 200_000

_time = _Time()
_lock = threading.Lock()
_indexes: WeakKeyDictionary[Any, _Index] = WeakKeyDictionary()


def _naive(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def _seconds(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _distribution(datum: Any) -> Distribution:
    if isinstance(datum, _Datum):
        return datum.distribution
    if isinstance(datum, models.MetricAggregatedDatum):  # a statistic set has no values: its mean stands for them
        count = max(1, round(datum.sample_count))
        ends = {datum.min: 1, datum.max: 1} if count > 2 else {}
        return Distribution({datum.sum / count: count - len(ends)} | ends, datum.sum)
    return of_values({datum.value: 1})


def _periods(backend: Any, key: Key, start: float, end: float, period: int) -> dict[float, Distribution]:
    """What came in each period of a span, by the period's beginning."""
    parts: dict[float, list[Distribution]] = {}
    with _lock:
        found = list(_indexes.setdefault(backend, _Index()).of(backend, key))
    for moment, datum in found:
        if start <= moment < end:
            parts.setdefault(moment // period * period, []).append(_distribution(datum))
    return {moment: merged(each) for moment, each in parts.items()}


def _same(one: Iterable[Any], other: Iterable[Any]) -> bool:
    return {(each.name, each.value) for each in one} == {(each.name, each.value) for each in other}


def _forget_oldest(backend: Any) -> None:
    """CloudWatch keeps minutes for fifteen days; here memory is the limit, days of a dozen endpoints."""
    with _lock:
        if len(backend.metric_data) > _MOST_DATA:
            del backend.metric_data[: _MOST_DATA // 2]
            _indexes.pop(backend, None)  # it counts from the beginning


def _key(namespace: str, name: str, dimensions: Iterable[Mapping[str, str]]) -> Key:
    return namespace, name, frozenset((each["Name"], each["Value"]) for each in dimensions)


def _alarm_metric(alarm: Any) -> tuple[Key, int, str] | None:
    """Metric, period and statistic of an alarm; None for one on an expression or on other alarms."""
    if alarm.rule is not None or alarm.comparison_operator not in COMPARISONS:
        return None
    if alarm.metric_name:
        dimensions = frozenset((each.name, each.value) for each in alarm.dimensions)
        statistic = alarm.statistic or alarm.extended_statistic
        return (alarm.namespace, alarm.metric_name, dimensions), int(alarm.period), statistic
    queries = [each.metric_stat for each in alarm.metric_data_queries]
    if len(queries) != 1 or queries[0] is None:
        return None
    metric = queries[0].metric
    dimensions = frozenset((each.name, each.value) for each in metric.dimensions)
    return (metric.namespace, metric.metric_name, dimensions), int(queries[0].period), queries[0].stat


def _interval(alarm: Any) -> int:
    metric = _alarm_metric(alarm)
    return min(_EVALUATION_SECONDS, metric[1]) if metric else _EVALUATION_SECONDS


def _evaluate(backend: Any, alarm: Any, now: float) -> None:
    metric = _alarm_metric(alarm)
    if metric is None:
        return
    key, period, statistic = metric
    if now < alarm.next_evaluation:
        return
    interval = _interval(alarm)
    alarm.next_evaluation = (now // interval + 1) * interval
    count = int(alarm.evaluation_periods)
    treatment = alarm.treat_missing_data or "missing"
    rule = AlarmRule(
        alarm.comparison_operator, float(alarm.threshold), count, int(alarm.datapoints_to_alarm or count), treatment
    )
    end = now // period * period
    starts = [end - period * age for age in range(count + EXTRA_PERIODS, 0, -1)]
    found = _periods(backend, key, starts[0], end, period)
    if alarm.evaluate_low_sample_count_percentile == "ignore" and any(
        too_few(each, statistic) for each in found.values()
    ):
        return
    try:
        values = [statistic_of(found[each], statistic) if each in found else None for each in starts]
    except ValueError:
        return
    alarm.last_value = next((each for each in reversed(values) if each is not None), None)
    judgement = judge(rule, values, AlarmState(alarm.state_value))
    if judgement.state != alarm.state_value:
        data = {"version": "1.0", "statistic": statistic, "period": period, "threshold": rule.threshold}
        data["recentDatapoints"] = [each for each in values if each is not None]
        alarm.update_state(judgement.reason, json.dumps(data), judgement.state.value)


def _backends() -> Iterator[tuple[str, str, Any]]:
    for account, regions in list(models.cloudwatch_backends.items()):
        for region, backend in list(regions.items()):
            yield account, region, backend


def _alarms() -> list[dict[str, Any]]:
    return [
        {
            "account": account,
            "region": region,
            "name": alarm.name,
            "state": alarm.state_value,
            "actions": alarm.alarm_actions if alarm.actions_enabled else [],
            "threshold": float(alarm.threshold or 0),
            "value": getattr(alarm, "last_value", None),
        }
        for account, region, backend in _backends()
        for alarm in list(backend.alarms.values())
    ]


def tick(message: Mapping[str, Any]) -> dict[str, Any]:
    """Take the time, then data, then judge every alarm if asked to; answers with the state of all alarms."""
    _time.tell(message["now"], message["scale"])
    for each in message.get("data", ()):
        backend = models.cloudwatch_backends[each["account"]][each["region"]]
        counts = {float(value): int(count) for value, count in each["values"]}
        backend.metric_data.append(_Datum(each["namespace"], each, Distribution(counts, each["total"])))
        _forget_oldest(backend)
    if message.get("change"):
        account, region, put, gone = message["change"]
        for each in put:
            models.cloudwatch_backends[account][region].put_metric_alarm(**each)
        models.cloudwatch_backends[account][region].delete_alarms(gone)
    if message.get("evaluate"):
        for _, _, backend in _backends():
            for alarm in list(backend.alarms.values()):
                _evaluate(backend, alarm, message["now"])
    return {"alarms": _alarms()}


def with_ticks(application: Application, token: str) -> Application:
    """The application, and ``PATH`` for whoever has the token: the control plane."""
    header = f"HTTP_{PROOF_HEADER.upper().replace('-', '_')}"

    def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != PATH or not hmac.compare_digest(environ.get(header, ""), token):
            return application(environ, start_response)
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        answer = json.dumps(tick(json.loads(body))).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))]
        start_response("200 OK", headers)
        return [answer]

    return call


def install() -> None:
    """Let moto's CloudWatch date by our clock, begin alarms as CloudWatch does, and read as above."""
    replaced_models: Any = models
    replaced_responses: Any = responses
    replaced_models.utcnow = _time.utc
    replaced_models.are_dimensions_same = _same
    put_metric_alarm = models.CloudWatchBackend.put_metric_alarm
    set_alarm_state = models.CloudWatchBackend.set_alarm_state
    get_metric_data = responses.CloudWatchResponse.get_metric_data

    def put_alarm(backend: Any, **fields: Any) -> Any:
        """An alarm that is there keeps its state when it is put again."""
        earlier = backend.alarms.get(fields["name"])
        alarm: Any = put_metric_alarm(backend, **fields)
        alarm.asked = fields
        alarm.state_value = earlier.state_value if earlier else AlarmState.INSUFFICIENT_DATA.value
        if earlier:
            alarm.state_reason, alarm.state_reason_data = earlier.state_reason, earlier.state_reason_data
            alarm.state_updated_timestamp = earlier.state_updated_timestamp
        alarm.next_evaluation = (_time.now() // _interval(alarm) + 1) * _interval(alarm)
        return alarm

    def set_alarm(backend: Any, alarm_name: str, *arguments: Any) -> None:
        """What is set by hand holds for a whole interval, so that whoever looks for it can see it."""
        set_alarm_state(backend, alarm_name, *arguments)
        alarm: Any = backend.alarms[alarm_name]
        alarm.next_evaluation = _time.now() + _interval(alarm)

    def statistics(response: Any) -> Any:
        parameters = response._get_params()
        wanted = (*(parameters.get("Statistics") or ()), *(parameters.get("ExtendedStatistics") or ()))
        if not wanted:
            raise InvalidParameterCombination("Must specify either Statistics or ExtendedStatistics")
        start, end = _seconds(parameters["StartTime"]), _seconds(parameters["EndTime"])
        if start >= end:
            raise InvalidParameterValue("The parameter StartTime must be less than the parameter EndTime.")
        key = _key(parameters["Namespace"], parameters["MetricName"], parameters.get("Dimensions") or ())
        found = _periods(response.cloudwatch_backend, key, start, end, int(parameters["Period"]))
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
        start, end = _seconds(parameters["StartTime"]), _seconds(parameters["EndTime"])
        if start >= end:
            raise ValidationError("The parameter EndTime must be greater than StartTime.")
        latest_first = (parameters.get("ScanBy") or "TimestampDescending") == "TimestampDescending"
        results = [
            _result(response.cloudwatch_backend, each, start, end, latest_first)
            for each in queries
            if each.get("ReturnData", True)
        ]
        return ActionResult({"MetricDataResults": results})

    replaced_models.CloudWatchBackend.put_metric_alarm = put_alarm
    replaced_models.CloudWatchBackend.set_alarm_state = set_alarm
    replaced_responses.CloudWatchResponse.get_metric_statistics = statistics
    replaced_responses.CloudWatchResponse.get_metric_data = metric_data


def _datapoint(moment: float, found: Distribution, wanted: Iterable[str]) -> dict[str, Any]:
    values = {each: statistic_of(found, each) for each in wanted}
    extended = {each: value for each, value in values.items() if each.startswith("p")}
    plain = {each: value for each, value in values.items() if each not in extended}
    return {"Timestamp": _naive(moment), **plain, "ExtendedStatistics": extended or None}


def _result(backend: Any, query: Mapping[str, Any], start: float, end: float, latest_first: bool) -> dict[str, Any]:
    wanted = query["MetricStat"]
    metric, statistic = wanted["Metric"], wanted["Stat"]
    key = _key(metric["Namespace"], metric["MetricName"], metric.get("Dimensions") or ())
    found = sorted(_periods(backend, key, start, end, int(wanted["Period"])).items(), reverse=latest_first)
    return {
        "Id": query["Id"],
        "Label": query.get("Label") or metric["MetricName"],
        "Timestamps": [_naive(moment) for moment, _ in found],
        "Values": [statistic_of(each, statistic) for _, each in found],
        "StatusCode": "Complete",
    }
