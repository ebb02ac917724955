"""How many instances a policy wants, and whether it may have them now. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sagemaker_local.scaling.records import DEFAULT_COOLDOWN_SECONDS, Cooldown, ScalingPolicy, Target


@dataclass(frozen=True, slots=True)
class Firing:
    """An alarm in ALARM: its last value, and what it was compared with."""

    name: str
    value: float
    threshold: float


def wanted_capacity(policy: ScalingPolicy, firing: Firing, current: int) -> int:
    """The count that a policy wants when its alarm fires; ``current`` when none of its steps fits."""
    if policy.kind == "TargetTrackingScaling":
        return _tracked(policy.configuration, firing, current)
    return _stepped(policy.configuration, firing, current)


def _tracked(configuration: Mapping[str, Any], firing: Firing, current: int) -> int:
    """In proportion to the metric, rounded up. Out by at least one; in only when the target still holds after it."""
    target: float = configuration["TargetValue"]
    wanted = math.ceil(current * firing.value / target - 1e-9)
    if "AlarmHigh" in firing.name:
        return max(current + 1, wanted)
    return current if configuration.get("DisableScaleIn") else min(current, wanted)


def _stepped(configuration: Mapping[str, Any], firing: Firing, current: int) -> int:
    beyond = firing.value - firing.threshold
    for step in configuration.get("StepAdjustments", ()):
        low, high = step.get("MetricIntervalLowerBound", -math.inf), step.get("MetricIntervalUpperBound", math.inf)
        inside = low <= beyond < high if beyond >= 0 else low < beyond <= high
        if inside:
            return _adjusted(configuration, step["ScalingAdjustment"], current)
    return current


def _adjusted(configuration: Mapping[str, Any], adjustment: int, current: int) -> int:
    kind = configuration.get("AdjustmentType", "ChangeInCapacity")
    if kind == "ExactCapacity":
        return max(0, adjustment)
    if kind == "ChangeInCapacity":
        return max(0, current + adjustment)
    change = current * adjustment / 100  # rounded towards zero, but to at least one (User Guide, "Scaling adjustment")
    size = max(math.floor(abs(change)), 1 if change else 0, configuration.get("MinAdjustmentMagnitude", 0))
    return max(0, current + int(math.copysign(size, adjustment)))


def allowed_capacity(target: Target, wanted: int, current: int, now: float) -> int:
    """Within the bounds, and ``current`` while suspended or cooling down.

    A scale-out that goes further than the last one does not wait for it; a scale-in waits for both.
    """
    wanted = min(target.maximum, max(target.minimum, wanted))
    cooldown = target.cooldown
    if wanted > current:
        cooling = now < cooldown.out_until and wanted <= cooldown.out_capacity
        return current if target.suspended.dynamic_scaling_out_suspended or cooling else wanted
    if wanted < current:
        cooling = now < max(cooldown.in_until, cooldown.out_until)
        return current if target.suspended.dynamic_scaling_in_suspended or cooling else wanted
    return current


def cooled(cooldown: Cooldown, policy: ScalingPolicy, wanted: int, current: int, now: float) -> Cooldown:
    """After the policy has scaled."""
    configuration = policy.configuration
    both = configuration.get("Cooldown", DEFAULT_COOLDOWN_SECONDS)
    if wanted > current:
        seconds = configuration.get("ScaleOutCooldown", both)
        return replace(cooldown, out_until=now + seconds, out_capacity=wanted)
    return replace(cooldown, in_until=now + configuration.get("ScaleInCooldown", both))
