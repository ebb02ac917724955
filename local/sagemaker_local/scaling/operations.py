"""Application Auto Scaling's API for the namespace sagemaker."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sagemaker_local.control.operations.operation import NOTHING, Operation
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import ApiError, invalid
from sagemaker_local.scaling.dimensions import dimension_of
from sagemaker_local.scaling.records import Activity, ScalingPolicy, ScheduledAction, Suspended, Target
from sagemaker_local.scaling.scaler import into_bounds
from sagemaker_local.scaling.schedule import parsed
from sagemaker_local.scaling.tracking import tracking_alarms

_ROLE = (
    "aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)


@dataclass(frozen=True, slots=True)
class RegisterInput:
    """API shape RegisterScalableTargetRequest."""

    resource_id: str
    scalable_dimension: str
    min_capacity: int | None = None
    max_capacity: int | None = None
    suspended_state: Suspended | None = None


@dataclass(frozen=True, slots=True)
class ResourceInput:
    """Of operations that name a resource, and some of them a policy or an action."""

    resource_id: str
    scalable_dimension: str
    policy_name: str = ""
    scheduled_action_name: str = ""


@dataclass(frozen=True, slots=True)
class DescribeInput:
    """Of the Describe operations; everything fits on one page."""

    resource_id: str | None = None
    resource_ids: tuple[str, ...] = ()
    policy_names: tuple[str, ...] = ()
    scheduled_action_names: tuple[str, ...] = ()
    scalable_dimension: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyInput:
    """API shape PutScalingPolicyRequest."""

    policy_name: str
    resource_id: str
    scalable_dimension: str
    policy_type: str | None = None
    step_scaling_policy_configuration: Document | None = None
    target_tracking_scaling_policy_configuration: Document | None = None


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


def register(state: AccountState, request: RegisterInput, now: float) -> Document:
    """New, or changed where members are given; a capacity out of bounds is moved into them."""
    least = dimension_of(request.scalable_dimension).least(state, request.resource_id)
    known = state.scaling.targets.get(request.resource_id)
    if known is None and (request.min_capacity is None or request.max_capacity is None):
        raise invalid("MinCapacity and MaxCapacity are required to register a new scalable target.")
    target = known or Target(
        request.resource_id,
        request.scalable_dimension,
        f"arn:aws:application-autoscaling:{state.region}:{state.account}:scalable-target/{uuid.uuid4().hex[:36]}",
        0,
        0,
        f"arn:aws:iam::{state.account}:role/{_ROLE}",
        now,
    )
    target = replace(
        target,
        dimension=request.scalable_dimension,
        minimum=target.minimum if request.min_capacity is None else request.min_capacity,
        maximum=target.maximum if request.max_capacity is None else request.max_capacity,
        suspended=request.suspended_state or target.suspended,
    )
    if target.minimum > target.maximum:
        raise invalid("Maximum capacity cannot be less than minimum capacity.")
    if target.minimum < least:
        raise invalid(
            "MinCapacity must be at least 1: only asynchronous endpoints and inference components scale to 0."
        )
    state.scaling.targets[target.resource_id] = target
    into_bounds(state, target, "scalable target was registered", now)
    return {"ScalableTargetARN": target.arn}


def deregister(state: AccountState, request: ResourceInput, now: float) -> Document:
    """With its policies and scheduled actions; the count stays."""
    _target(state, request.resource_id, request.scalable_dimension)
    state.scaling.forget(request.resource_id)
    return NOTHING


def _target(state: AccountState, resource_id: str, dimension: str) -> Target:
    found = state.scaling.targets.get(resource_id)
    if found is None or found.dimension != dimension:
        raise _absent(f"No scalable target found for resource ID: {resource_id}, scalable dimension: {dimension}")
    return found


def _absent(message: str) -> ApiError:
    return ApiError("ObjectNotFoundException", message)


def describe_targets(state: AccountState, request: DescribeInput, now: float) -> Document:
    """All, or those named."""
    found = [
        each
        for each in state.scaling.targets.values()
        if _named(each.resource_id, request.resource_ids) and request.scalable_dimension in (None, each.dimension)
    ]
    return {"ScalableTargets": [{**_of(each.resource_id, each.dimension), **_target_document(each)} for each in found]}


def _named(name: str, names: Iterable[str]) -> bool:
    wanted = tuple(names)
    return not wanted or name in wanted


def _of(resource_id: str, dimension: str) -> dict[str, Any]:
    return {"ServiceNamespace": "sagemaker", "ResourceId": resource_id, "ScalableDimension": dimension}


def _scaled(state: AccountState, resource_id: str) -> dict[str, Any]:
    """Of what goes with its target."""
    return _of(resource_id, state.scaling.targets[resource_id].dimension)


def _target_document(target: Target) -> Mapping[str, Any]:
    suspended = target.suspended
    return {
        "MinCapacity": target.minimum,
        "MaxCapacity": target.maximum,
        "RoleARN": target.role_arn,
        "CreationTime": target.creation_time,
        "ScalableTargetARN": target.arn,
        "SuspendedState": {
            "DynamicScalingInSuspended": suspended.dynamic_scaling_in_suspended,
            "DynamicScalingOutSuspended": suspended.dynamic_scaling_out_suspended,
            "ScheduledScalingSuspended": suspended.scheduled_scaling_suspended,
        },
    }


def put_policy(state: AccountState, request: PolicyInput, now: float) -> Document:
    """A target tracking policy makes its two alarms; a step policy is named in alarms of the user's own."""
    target = _target(state, request.resource_id, request.scalable_dimension)
    key = (request.resource_id, request.policy_name)
    known = state.scaling.policies.get(key)
    kind = request.policy_type or (known.kind if known else "StepScaling")
    configuration = {
        "StepScaling": request.step_scaling_policy_configuration,
        "TargetTrackingScaling": request.target_tracking_scaling_policy_configuration,
    }.get(kind)
    if configuration is None:
        raise invalid(f"PolicyType {kind} needs its own configuration: {kind}PolicyConfiguration.")
    arn = (
        known.arn
        if known
        else (
            f"arn:aws:autoscaling:{state.region}:{state.account}:scalingPolicy:{uuid.uuid4()}:resource/sagemaker/"
            f"{request.resource_id}:policyName/{request.policy_name}"
        )
    )
    alarms = tracking_alarms(target, arn, configuration) if kind == "TargetTrackingScaling" else []
    if known is not None:
        state.scaling.forget_policy(known)
    names = tuple(each["name"] for each in alarms)
    created = known.creation_time if known else now
    policy = ScalingPolicy(request.policy_name, arn, request.resource_id, kind, configuration, created, names)
    state.scaling.policies[key] = policy
    state.scaling.put += alarms
    return {"PolicyARN": arn, "Alarms": _alarms(state, policy)}


def _alarms(state: AccountState, policy: ScalingPolicy) -> list[Document]:
    prefix = f"arn:aws:cloudwatch:{state.region}:{state.account}:alarm:"
    return [{"AlarmName": each, "AlarmARN": prefix + each} for each in policy.alarms]


def delete_policy(state: AccountState, request: ResourceInput, now: float) -> Document:
    """With the alarms that it made."""
    found = state.scaling.policies.get((request.resource_id, request.policy_name))
    if found is None:
        raise _absent(f"No scaling policy found for resource ID: {request.resource_id}, name: {request.policy_name}")
    state.scaling.forget_policy(found)
    return NOTHING


def describe_policies(state: AccountState, request: DescribeInput, now: float) -> Document:
    """All, or those of a resource or named."""
    found = [
        each
        for each in state.scaling.policies.values()
        if request.resource_id in (None, each.resource_id) and _named(each.name, request.policy_names)
    ]
    return {
        "ScalingPolicies": [{**_scaled(state, each.resource_id), **_policy_document(state, each)} for each in found]
    }


def _policy_document(state: AccountState, policy: ScalingPolicy) -> Mapping[str, Any]:
    return {
        "PolicyARN": policy.arn,
        "PolicyName": policy.name,
        "PolicyType": policy.kind,
        f"{policy.kind}PolicyConfiguration": policy.configuration,
        "Alarms": _alarms(state, policy),
        "CreationTime": policy.creation_time,
    }


def put_action(state: AccountState, request: ActionInput, now: float) -> Document:
    """New, or changed where members are given."""
    _target(state, request.resource_id, request.scalable_dimension)
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
        raise _absent(f"No scheduled action found for resource ID: {request.resource_id}")
    return NOTHING


def describe_actions(state: AccountState, request: DescribeInput, now: float) -> Document:
    """All, or those of a resource or named."""
    found = [
        each
        for each in state.scaling.actions.values()
        if request.resource_id in (None, each.resource_id) and _named(each.name, request.scheduled_action_names)
    ]
    return {"ScheduledActions": [{**_scaled(state, each.resource_id), **_action_document(each)} for each in found]}


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


def describe_activities(state: AccountState, request: DescribeInput, now: float) -> Document:
    """The newest first."""
    found = [each for each in reversed(state.scaling.activities) if request.resource_id in (None, each.resource_id)]
    return {
        "ScalingActivities": [{**_of(each.resource_id, each.dimension), **_activity_document(each)} for each in found]
    }


def _activity_document(activity: Activity) -> Mapping[str, Any]:
    return {
        "ActivityId": activity.identifier,
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": activity.start_time,
        "EndTime": activity.end_time,
        "StatusCode": activity.status,
        "StatusMessage": activity.message,
    }


OPERATIONS: Mapping[str, Operation] = {
    each.name: each
    for each in (
        Operation("RegisterScalableTarget", RegisterInput, register),
        Operation("DeregisterScalableTarget", ResourceInput, deregister),
        Operation("DescribeScalableTargets", DescribeInput, describe_targets),
        Operation("PutScalingPolicy", PolicyInput, put_policy),
        Operation("DeleteScalingPolicy", ResourceInput, delete_policy),
        Operation("DescribeScalingPolicies", DescribeInput, describe_policies),
        Operation("PutScheduledAction", ActionInput, put_action),
        Operation("DeleteScheduledAction", ResourceInput, delete_action),
        Operation("DescribeScheduledActions", DescribeInput, describe_actions),
        Operation("DescribeScalingActivities", DescribeInput, describe_activities),
    )
}
