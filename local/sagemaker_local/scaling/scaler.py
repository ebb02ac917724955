"""Acts on alarms and schedules: the shell around the decisions. Called after each round of alarms."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace

from sagemaker_local.control.monitor import Alarm
from sagemaker_local.control.state.store import AccountState, Store
from sagemaker_local.control.wire.errors import ApiError
from sagemaker_local.scaling.decisions import Firing, allowed_capacity, cooled, wanted_capacity
from sagemaker_local.scaling.dimensions import DIMENSIONS
from sagemaker_local.scaling.records import Activity, ScalingPolicy, Target
from sagemaker_local.scaling.schedule import one_time, parsed

_KEPT = 1000
_SECONDS_BETWEEN = 60.0


class Scaler:
    """Every account's targets. An alarm that stays in ALARM acts once a minute, as CloudWatch's actions do."""

    def __init__(self, store: Store, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self._acted: dict[tuple[str, str, str], float] = {}

    def act(self, alarms: tuple[Alarm, ...]) -> None:
        """Finish activities, carry out schedules, then what alarms ask for."""
        now = self._now()
        for state in self._store.states():
            _finish(state, now)
            _schedules(state, now)
        for alarm in alarms:
            if alarm.firing and alarm.value is not None and self._due(alarm, now):
                self._fired(alarm, Firing(alarm.name, alarm.value, alarm.threshold), now)

    def _due(self, alarm: Alarm, now: float) -> bool:
        key = (alarm.account, alarm.region, alarm.name)
        if now - self._acted.get(key, -_SECONDS_BETWEEN) < _SECONDS_BETWEEN:
            return False
        self._acted[key] = now
        return True

    def _fired(self, alarm: Alarm, firing: Firing, now: float) -> None:
        state = self._store.of(alarm.account, alarm.region)
        by_arn: Mapping[str, ScalingPolicy] = {each.arn: each for each in state.scaling.policies.values()}
        for policy in [by_arn[each] for each in alarm.actions if each in by_arn]:
            target = state.scaling.targets.get(policy.resource_id)
            current = None if target is None else capacity_of(state, target)
            if target is None or current is None or _under_way(state, target):
                continue
            wanted = allowed_capacity(target, wanted_capacity(policy, firing, current), current, now)
            cause = f"monitor alarm {alarm.name} in state ALARM triggered policy {policy.name}"
            if wanted != current and set_capacity(state, target, wanted, cause, now):
                cooldown = cooled(target.cooldown, policy, wanted, current, now)
                state.scaling.targets[target.resource_id] = replace(target, cooldown=cooldown)


def capacity_of(state: AccountState, target: Target) -> int | None:
    """The desired capacity; None when what is scaled is gone."""
    return DIMENSIONS[target.dimension].current(state, target)


def _under_way(state: AccountState, target: Target) -> bool:
    return any(
        each.resource_id == target.resource_id and each.status == "InProgress" for each in state.scaling.activities
    )


def set_capacity(state: AccountState, target: Target, wanted: int, cause: str, now: float) -> bool:
    """Ask SageMaker for a capacity; False, with a failed activity, when it refuses, as while updating."""
    dimension = DIMENSIONS[target.dimension]
    activity = Activity(
        str(uuid.uuid4()),
        target.resource_id,
        target.dimension,
        f"Setting {dimension.quantity} to {wanted}.",
        cause,
        now,
        "InProgress",
        wanted,
        f"Successfully set {dimension.quantity} to {wanted}. Waiting for change to be fulfilled by sagemaker.",
    )
    try:
        dimension.ask(state, target, wanted, now)
    except ApiError as error:
        said = f"Failed to set {dimension.quantity} to {wanted}. Reason: {error.message}"
        activity = replace(activity, status="Failed", message=said, end_time=now)
    state.scaling.activities.append(activity)
    del state.scaling.activities[:-_KEPT]
    return activity.status != "Failed"


def into_bounds(state: AccountState, target: Target, cause: str, now: float) -> None:
    """Move the capacity into the target's bounds when it is outside."""
    current = capacity_of(state, target)
    if current is not None and not target.minimum <= current <= target.maximum:
        set_capacity(state, target, min(target.maximum, max(target.minimum, current)), cause, now)


def _finish(state: AccountState, now: float) -> None:
    for number, each in enumerate(state.scaling.activities):
        if each.status != "InProgress":
            continue
        dimension, target = DIMENSIONS[each.dimension], state.scaling.targets.get(each.resource_id)
        if target is not None and dimension.changing(state, target):
            continue
        done = target is not None and capacity_of(state, target) == each.wanted
        status = "Successful" if done else "Failed"
        ending = "Change successfully fulfilled" if done else "Change was not fulfilled"
        said = f"Successfully set {dimension.quantity} to {each.wanted}. {ending} by sagemaker."
        state.scaling.activities[number] = replace(each, status=status, message=said, end_time=now)


def _schedules(state: AccountState, now: float) -> None:
    for key, action in list(state.scaling.actions.items()):
        due = parsed(action.schedule, action.timezone, action.start_time or action.creation_time)
        state.scaling.actions[key] = replace(action, looked=now)
        target = state.scaling.targets[action.resource_id]
        after = max(action.looked, action.start_time or action.looked)
        if not due(after, min(now, action.end_time or now)) or target.suspended.scheduled_scaling_suspended:
            continue
        minimum = target.minimum if action.minimum is None else action.minimum
        maximum = target.maximum if action.maximum is None else action.maximum
        target = replace(target, minimum=min(minimum, maximum), maximum=max(minimum, maximum))
        state.scaling.targets[action.resource_id] = target
        into_bounds(state, target, f"scheduled action name {action.name} was triggered", now)
        if one_time(action.schedule):
            del state.scaling.actions[key]
