"""The state of an alarm from the values of its last periods (CloudWatch User Guide, "Alarm evaluation" and "Configuring
how CloudWatch alarms treat missing data")."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

EXTRA_PERIODS = 2
"""CloudWatch looks further back than EvaluationPeriods for values that came; by so many periods in its own examples."""

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}

COMPARISONS = frozenset(_COMPARE)
"""Comparison operators that are judged; those of anomaly detection are not."""


class AlarmState(StrEnum):
    """API shape StateValue."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """Of API shape MetricAlarm what its state depends on."""

    comparison: str
    threshold: float
    evaluation_periods: int
    datapoints_to_alarm: int
    treat_missing_data: str = "missing"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A state and why, in CloudWatch's manner."""

    state: AlarmState
    reason: str


def judge(rule: AlarmRule, values: Sequence[float | None], current: AlarmState) -> Judgement:
    """``values``: one a period, oldest first, None where none came; EvaluationPeriods + EXTRA_PERIODS of them.

    Values that came are preferred to older periods' gaps, and gaps are filled only as far as values are lacking.
    """
    breaches = _COMPARE[rule.comparison]
    came = [(age, value) for age, value in _by_age(values) if value is not None][: rule.evaluation_periods]
    breaching = [(age, value) for age, value in came if breaches(value, rule.threshold)]
    lacking = rule.evaluation_periods - len(came)
    state = _state(rule, len(breaching), len(came), lacking, max((age for age, _ in breaching), default=0), current)
    return Judgement(state, _reason(rule, [value for _, value in breaching], len(came), state))


def _by_age(values: Sequence[float | None]) -> list[tuple[int, float | None]]:
    return list(enumerate(reversed(values), start=1))


def _state(
    rule: AlarmRule, breaching: int, came: int, lacking: int, oldest_breach: int, current: AlarmState
) -> AlarmState:
    needed, treatment = rule.datapoints_to_alarm, rule.treat_missing_data
    if treatment == "breaching":
        breaching += lacking
    if breaching >= needed:
        return AlarmState.ALARM
    if not lacking or treatment in ("breaching", "notBreaching") or breaching < came:
        return AlarmState.OK
    if treatment == "ignore":
        return current
    if not came:
        return AlarmState.INSUFFICIENT_DATA
    return AlarmState.ALARM if oldest_breach >= needed else current


def _reason(rule: AlarmRule, breaching: Sequence[float], came: int, state: AlarmState) -> str:
    if state is AlarmState.INSUFFICIENT_DATA:
        return f"Insufficient Data: {rule.evaluation_periods} datapoints were unknown."
    shown = ", ".join(f"{each:g}" for each in breaching) or "none"
    return (
        f"Threshold Crossed: {len(breaching)} of the last {came} datapoints [{shown}] satisfied "
        f"{rule.comparison} {rule.threshold:g} (minimum {rule.datapoints_to_alarm} for ALARM)."
    )
