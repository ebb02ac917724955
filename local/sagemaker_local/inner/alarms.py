"""CloudWatch's alarms in moto: begun, set and evaluated as CloudWatch does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from moto.cloudwatch import models

from sagemaker_local.inner.clock import CLOCK
from sagemaker_local.inner.metric_data import Key, periods
from sagemaker_local.metrics.alarm import COMPARISONS, EXTRA_PERIODS, AlarmRule, AlarmState, judge
from sagemaker_local.metrics.distribution import statistic_of, too_few

_EVALUATION_SECONDS = 60
"""How often CloudWatch evaluates an alarm, unless its period is shorter."""


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
    found = periods(backend, key, starts[0], end, period)
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


def alarms() -> list[dict[str, Any]]:
    """The state of every alarm of every account and region."""
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


def evaluate(now: float) -> None:
    """Judge every alarm whose turn it is. ``now`` is epoch seconds."""
    for _, _, backend in _backends():
        for alarm in list(backend.alarms.values()):
            _evaluate(backend, alarm, now)


def install() -> None:
    """Let alarms begin without data and keep their state when they are put again or set by hand."""
    replaced: Any = models
    put_metric_alarm = models.CloudWatchBackend.put_metric_alarm
    set_alarm_state = models.CloudWatchBackend.set_alarm_state

    def put_alarm(backend: Any, **fields: Any) -> Any:
        """An alarm that is there keeps its state when it is put again."""
        earlier = backend.alarms.get(fields["name"])
        alarm: Any = put_metric_alarm(backend, **fields)
        alarm.asked = fields
        alarm.state_value = earlier.state_value if earlier else AlarmState.INSUFFICIENT_DATA.value
        if earlier:
            alarm.state_reason, alarm.state_reason_data = earlier.state_reason, earlier.state_reason_data
            alarm.state_updated_timestamp = earlier.state_updated_timestamp
        alarm.next_evaluation = (CLOCK.now() // _interval(alarm) + 1) * _interval(alarm)
        return alarm

    def set_alarm(backend: Any, alarm_name: str, *arguments: Any) -> None:
        """What is set by hand holds for a whole interval, so that whoever looks for it can see it."""
        set_alarm_state(backend, alarm_name, *arguments)
        alarm: Any = backend.alarms[alarm_name]
        alarm.next_evaluation = CLOCK.now() + _interval(alarm)

    replaced.CloudWatchBackend.put_metric_alarm = put_alarm
    replaced.CloudWatchBackend.set_alarm_state = set_alarm
