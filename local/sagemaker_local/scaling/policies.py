"""PutScalingPolicy, DeleteScalingPolicy, DescribeScalingPolicies."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sagemaker_local.control.operations.operation import NOTHING, Operation
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import invalid
from sagemaker_local.scaling.records import ScalingPolicy
from sagemaker_local.scaling.resource import (
    DescribeInput,
    ResourceInput,
    absent,
    described,
    target_of,
)
from sagemaker_local.scaling.tracking import tracking_alarms


@dataclass(frozen=True, slots=True)
class PolicyInput:
    """API shape PutScalingPolicyRequest."""

    policy_name: str
    resource_id: str
    scalable_dimension: str
    policy_type: str | None = None
    step_scaling_policy_configuration: Document | None = None
    target_tracking_scaling_policy_configuration: Document | None = None


def put_policy(state: AccountState, request: PolicyInput, now: float) -> Document:
    """A target tracking policy makes its two alarms; a step policy is named in alarms of the user's own."""
    target = target_of(state, request.resource_id, request.scalable_dimension)
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
        raise absent(f"No scaling policy found for resource ID: {request.resource_id}, name: {request.policy_name}")
    state.scaling.forget_policy(found)
    return NOTHING


def describe_policies(state: AccountState, request: DescribeInput, now: float) -> Document:
    """All, or those of a resource or named."""
    found, document = state.scaling.policies.values(), partial(_policy_document, state)
    told = described(state, found, request.resource_id, request.policy_names, document)
    return {"ScalingPolicies": told}


def _policy_document(state: AccountState, policy: ScalingPolicy) -> Mapping[str, Any]:
    return {
        "PolicyARN": policy.arn,
        "PolicyName": policy.name,
        "PolicyType": policy.kind,
        f"{policy.kind}PolicyConfiguration": policy.configuration,
        "Alarms": _alarms(state, policy),
        "CreationTime": policy.creation_time,
    }


OPERATIONS = (
    Operation("PutScalingPolicy", PolicyInput, put_policy),
    Operation("DeleteScalingPolicy", ResourceInput, delete_policy),
    Operation("DescribeScalingPolicies", DescribeInput, describe_policies),
)
