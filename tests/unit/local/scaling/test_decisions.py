"""What policies want, and what bounds and cooldowns make of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.scaling.decisions import Firing, allowed_capacity, cooled, wanted_capacity
from sagemaker_local.scaling.records import INSTANCES, Cooldown, ScalingPolicy, Suspended, Target

TARGET = Target("endpoint/e/variant/a", INSTANCES, "arn", 1, 4, "role", 0.0)


def tracking(**fields: Any) -> ScalingPolicy:
    return ScalingPolicy("p", "arn", TARGET.resource_id, "TargetTrackingScaling", {"TargetValue": 10.0} | fields, 0.0)


def stepping(**fields: Any) -> ScalingPolicy:
    return ScalingPolicy("p", "arn", TARGET.resource_id, "StepScaling", fields, 0.0)


@pytest.mark.parametrize(
    ("side", "value", "current", "wanted"),
    [("High", 25.0, 2, 5), ("High", 10.1, 2, 3), ("Low", 4.0, 4, 2), ("Low", 0.0, 4, 0), ("Low", 10.5, 4, 4)],
)
def test_tracking_scales_in_proportion(side: str, value: float, current: int, wanted: int) -> None:
    assert wanted_capacity(tracking(), Firing(f"x-Alarm{side}-y", value, 10.0), current) == wanted


def test_tracking_may_be_kept_from_scaling_in() -> None:
    assert wanted_capacity(tracking(DisableScaleIn=True), Firing("AlarmLow", 0.0, 9.0), 4) == 4


STEPS = [
    {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 10.0, "ScalingAdjustment": 1},
    {"MetricIntervalLowerBound": 10.0, "ScalingAdjustment": 3},
    {"MetricIntervalUpperBound": 0.0, "ScalingAdjustment": -1},
]


@pytest.mark.parametrize(("value", "wanted"), [(50.0, 3), (59.9, 3), (60.0, 5), (49.0, 1)])
def test_a_step_is_chosen_by_how_far_the_metric_is_beyond(value: float, wanted: int) -> None:
    policy = stepping(AdjustmentType="ChangeInCapacity", StepAdjustments=STEPS)
    assert wanted_capacity(policy, Firing("own", value, 50.0), 2) == wanted


@pytest.mark.parametrize(
    ("fields", "adjustment", "wanted"),
    [
        ({"AdjustmentType": "ExactCapacity"}, 7, 7),
        ({"AdjustmentType": "PercentChangeInCapacity"}, 50, 15),
        ({"AdjustmentType": "PercentChangeInCapacity"}, 1, 11),
        ({"AdjustmentType": "PercentChangeInCapacity", "MinAdjustmentMagnitude": 3}, 10, 13),
        ({"AdjustmentType": "PercentChangeInCapacity"}, -25, 8),
        ({"AdjustmentType": "ChangeInCapacity"}, -20, 0),
    ],
)
def test_adjustments(fields: dict[str, Any], adjustment: int, wanted: int) -> None:
    steps = [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": adjustment}]
    assert wanted_capacity(stepping(StepAdjustments=steps, **fields), Firing("own", 1.0, 1.0), 10) == wanted


def test_a_larger_scale_out_does_not_wait_and_a_scale_in_waits_for_both() -> None:
    cooldown = cooled(Cooldown(), tracking(ScaleOutCooldown=60, ScaleInCooldown=300), 2, 1, 100.0)
    assert cooldown == Cooldown(160.0, 0.0, 2)
    target = replace(TARGET, cooldown=cooldown)
    assert [allowed_capacity(target, wanted, 2, 150.0) for wanted in (1, 2, 3)] == [2, 2, 3]
    assert [allowed_capacity(target, wanted, 2, 160.0) for wanted in (1, 2, 3)] == [1, 2, 3]
    cooling = replace(TARGET, cooldown=cooled(cooldown, tracking(ScaleInCooldown=300), 1, 2, 200.0))
    assert allowed_capacity(cooling, 1, 2, 499.0) == 2
    assert allowed_capacity(cooling, 1, 2, 500.0) == 1
    assert allowed_capacity(cooling, 3, 1, 300.0) == 3
    assert allowed_capacity(replace(TARGET, cooldown=Cooldown(160.0, 0.0, 3)), 3, 2, 150.0) == 2


def test_the_default_cooldown_is_five_minutes() -> None:
    assert cooled(Cooldown(), tracking(), 2, 1, 0.0).out_until == 300.0
    assert cooled(Cooldown(), stepping(Cooldown=30), 1, 2, 0.0).in_until == 30.0


@given(st.integers(-5, 50), st.integers(1, 4), st.booleans(), st.booleans(), st.floats(0, 1000))
def test_capacity_stays_within_bounds_and_where_it_is_suspended(
    wanted: int, current: int, no_in: bool, no_out: bool, now: float
) -> None:
    target = replace(TARGET, suspended=Suspended(no_in, no_out), cooldown=Cooldown(500.0, 400.0, 3))
    found = allowed_capacity(target, wanted, current, now)
    assert 1 <= found <= 4
    assert not (no_in and found < current)
    assert not (no_out and found > current)
