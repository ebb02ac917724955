"""PutScheduledAction, DeleteScheduledAction, DescribeScheduledActions."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagemaker_local.control.operations.operation import NOTHING, Operation
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import invalid
from sagemaker_local.scaling.records import ScheduledAction
from sagemaker_local.scaling.resource import (
    DescribeInput,
    ResourceInput,
    absent,
    described,
    target_of,
)
from sagemaker_local.scaling.schedule import parsed


@dataclass(frozen=True, slots=True)
class Bounds:
    """API shape ScalableTargetAction."""

    min_capacity: int | None = None
    max_capacity: int | None = None


@dataclass(frozen=True, slots=True)
class ActionInput:
    """API shape PutScheduledActionRequest."""

    scheduled_action_name: str
    resource_id: str
    scalable_dimension: str
    schedule: str | None = None
    timezone: str | None = None
    start_time: float | None = None
    end_time: float | None = None
    scalable_target_action: Bounds | None = None


def put_action(state: AccountState, request: ActionInput, now: float) -> Document:
    """New, or changed where members are given."""
    target_of(state, request.resource_id, request.scalable_dimension)
    key = (request.resource_id, request.scheduled_action_name)
    known = state.scaling.actions.get(key)
    schedule = request.schedule or (known.schedule if known else None)
    timezone = request.timezone or (known.timezone if known else "UTC")
    bounds = request.scalable_target_action or (Bounds(known.minimum, known.maximum) if known else Bounds())
    if schedule is None or bounds == Bounds():
        raise invalid(
            "A new scheduled action needs Schedule, and ScalableTargetAction with MinCapacity or MaxCapacity."
        )
    try:
        parsed(schedule, timezone, now)
    except ValueError as error:
        raise invalid(f"{error}.") from None
    arn = (
        f"arn:aws:autoscaling:{state.region}:{state.account}:scheduledAction:{uuid.uuid4()}:resource/sagemaker/"
        f"{request.resource_id}:scheduledActionName/{request.scheduled_action_name}"
    )
    state.scaling.actions[key] = ScheduledAction(
        request.scheduled_action_name,
        known.arn if known else arn,
        request.resource_id,
        schedule,
        timezone,
        request.start_time,
        request.end_time,
        bounds.min_capacity,
        bounds.max_capacity,
        known.creation_time if known else now,
        now,
    )
    return NOTHING


def delete_action(state: AccountState, request: ResourceInput, now: float) -> Document:
    """Raises ApiError when there is none of the name."""
    if state.scaling.actions.pop((request.resource_id, request.scheduled_action_name), None) is None:
        raise absent(f"No scheduled action found for resource ID: {request.resource_id}")
    return NOTHING


def describe_actions(state: AccountState, request: DescribeInput, now: float) -> Document:
    """All, or those of a resource or named."""
    found = state.scaling.actions.values()
    told = described(state, found, request.resource_id, request.scheduled_action_names, _action_document)
    return {"ScheduledActions": told}


def _action_document(action: ScheduledAction) -> Mapping[str, Any]:
    return {
        "ScheduledActionName": action.name,
        "ScheduledActionARN": action.arn,
        "Schedule": action.schedule,
        "Timezone": action.timezone,
        "StartTime": action.start_time,
        "EndTime": action.end_time,
        "ScalableTargetAction": {"MinCapacity": action.minimum, "MaxCapacity": action.maximum},
        "CreationTime": action.creation_time,
    }


OPERATIONS = (
    Operation("PutScheduledAction", ActionInput, put_action),
    Operation("DeleteScheduledAction", ResourceInput, delete_action),
    Operation("DescribeScheduledActions", DescribeInput, describe_actions),
)
