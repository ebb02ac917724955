"""RegisterScalableTarget, DeregisterScalableTarget, DescribeScalableTargets."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sagemaker_local.control.operations.operation import NOTHING, Operation
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import invalid
from sagemaker_local.scaling.dimensions import dimension_of
from sagemaker_local.scaling.records import Suspended, Target
from sagemaker_local.scaling.resource import DescribeInput, ResourceInput, identified, named, target_of
from sagemaker_local.scaling.scaler import into_bounds

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
    target_of(state, request.resource_id, request.scalable_dimension)
    state.scaling.forget(request.resource_id)
    return NOTHING


def describe_targets(state: AccountState, request: DescribeInput, now: float) -> Document:
    """All, or those named."""
    found = [
        each
        for each in state.scaling.targets.values()
        if named(each.resource_id, request.resource_ids) and request.scalable_dimension in (None, each.dimension)
    ]
    return {
        "ScalableTargets": [
            {**identified(each.resource_id, each.dimension), **_target_document(each)} for each in found
        ]
    }


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


OPERATIONS = (
    Operation("RegisterScalableTarget", RegisterInput, register),
    Operation("DeregisterScalableTarget", ResourceInput, deregister),
    Operation("DescribeScalableTargets", DescribeInput, describe_targets),
)
