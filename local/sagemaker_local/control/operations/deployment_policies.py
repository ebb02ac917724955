"""DeploymentConfig as a policy, and what SageMaker refuses of it (AWS: "Deployment guardrails", "Exclusions")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sagemaker_local.control.state.endpoint import Variant
from sagemaker_local.control.state.policy import WHOLE, BlueGreen, CapacitySize, Policy, Rolling, Traffic
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import invalid

_SIZES = {Traffic.CANARY: ("CanarySize", 1, 50), Traffic.LINEAR: ("LinearStepSize", 10, 50)}
_BATCH = ("MaximumBatchSize", 5, 50)


def policy_of(document: Document | None) -> Policy:
    """Without a document all at once. Raises ApiError for members that exclude or lack each other."""
    if document is None:
        return Policy()
    blue_green, rolling = document.get("BlueGreenUpdatePolicy"), document.get("RollingUpdatePolicy")
    if blue_green is not None and rolling is not None:
        raise invalid("BlueGreenUpdatePolicy and RollingUpdatePolicy exclude each other; set one of them.")
    alarms = tuple(
        each["AlarmName"]
        for each in document.get("AutoRollbackConfiguration", {}).get("Alarms", ())
        if each.get("AlarmName")
    )
    seconds = (blue_green or rolling or {}).get("MaximumExecutionTimeoutInSeconds")
    if rolling is not None:
        strategy: BlueGreen | Rolling = Rolling(
            _size(rolling["MaximumBatchSize"]),
            rolling["WaitIntervalInSeconds"],
            _size(rolling["RollbackMaximumBatchSize"]) if "RollbackMaximumBatchSize" in rolling else WHOLE,
        )
    else:
        strategy = _blue_green(blue_green) if blue_green is not None else BlueGreen()
    return Policy(strategy, seconds, alarms, document)


def _blue_green(document: Document) -> BlueGreen:
    routing = document["TrafficRoutingConfiguration"]
    traffic = Traffic(routing["Type"])
    for kind, (member, _, _) in _SIZES.items():
        if (member in routing) != (kind is traffic):
            raise invalid(
                f"{member} must be set exactly when the Type of TrafficRoutingConfiguration is {kind}; it is {traffic}."
            )
    step = _size(routing[_SIZES[traffic][0]]) if traffic in _SIZES else WHOLE
    return BlueGreen(traffic, step, routing["WaitIntervalInSeconds"], document.get("TerminationWaitInSeconds", 0))


def _size(document: Document) -> CapacitySize:
    return CapacitySize(document["Type"], document["Value"])


def fitting(policy: Policy, old: Sequence[Variant], new: Sequence[Variant]) -> Policy:
    """The policy as an update from the one variants to the others goes by it.

    Inf1 instances, serverless variants and variants without an instance fall back to all at once without baking.
    Raises ApiError for what SageMaker excludes.
    """
    strategy = policy.strategy
    guarded = isinstance(strategy, Rolling) or strategy.traffic is not Traffic.ALL_AT_ONCE or bool(policy.alarms)
    if not guarded:
        return policy
    if any(_excluded(each) for each in (*old, *new)):
        return replace(policy, strategy=BlueGreen(), alarms=())
    if {each.name for each in old} != {each.name for each in new}:
        raise invalid(
            "Deployment guardrails need the same variant names in the new endpoint configuration as in the old."
        )
    if isinstance(strategy, Rolling):
        if sum(not each.production.shadow for each in new) > 1:
            raise invalid("RollingUpdatePolicy does not support endpoints with multiple variants; use another policy.")
        _check_size(strategy.batch, new, *_BATCH)
    elif strategy.traffic in _SIZES:
        _check_size(strategy.step, new, *_SIZES[strategy.traffic])
    return policy


def _excluded(variant: Variant) -> bool:
    serverless = variant.desired_serverless is not None
    return serverless or not variant.desired_count or variant.production.instance_type.startswith("ml.inf1.")


def _check_size(size: CapacitySize, variants: Sequence[Variant], member: str, least: int, most: int) -> None:
    for each in variants:
        percent = size.value if size.type == "CAPACITY_PERCENT" else 100 * size.value / each.desired_count
        one_of_few = size.type == "INSTANCE_COUNT" and size.value == 1
        if percent > most or (percent < least and not one_of_few):
            raise invalid(
                f"{member} must be between {least}% and {most}% of the instances of variant {each.name}, which has "
                f"{each.desired_count}."
            )
