"""An endpoint's way from status to status: pure functions, endpoint in, endpoint out. Times are epoch seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sagemaker_local.control.state.endpoint import (
    Deletion,
    Deployment,
    Endpoint,
    EndpointStatus,
    Maintenance,
    Scaling,
    Stage,
    Variant,
    VariantStatus,
)
from sagemaker_local.control.state.records import ServerlessConfig

EDGES: Mapping[EndpointStatus, frozenset[EndpointStatus]] = {
    EndpointStatus.CREATING: frozenset({EndpointStatus.IN_SERVICE, EndpointStatus.FAILED}),
    EndpointStatus.IN_SERVICE: frozenset(
        {
            EndpointStatus.UPDATING,
            EndpointStatus.SYSTEM_UPDATING,
            EndpointStatus.OUT_OF_SERVICE,
            EndpointStatus.DELETING,
        }
    ),
    EndpointStatus.UPDATING: frozenset(
        {EndpointStatus.IN_SERVICE, EndpointStatus.ROLLING_BACK, EndpointStatus.UPDATE_ROLLBACK_FAILED}
    ),
    EndpointStatus.SYSTEM_UPDATING: frozenset({EndpointStatus.IN_SERVICE}),
    EndpointStatus.ROLLING_BACK: frozenset({EndpointStatus.IN_SERVICE, EndpointStatus.UPDATE_ROLLBACK_FAILED}),
    EndpointStatus.OUT_OF_SERVICE: frozenset(
        {EndpointStatus.IN_SERVICE, EndpointStatus.UPDATING, EndpointStatus.DELETING}
    ),
    EndpointStatus.UPDATE_ROLLBACK_FAILED: frozenset({EndpointStatus.UPDATING, EndpointStatus.DELETING}),
    EndpointStatus.FAILED: frozenset({EndpointStatus.DELETING}),
    EndpointStatus.DELETING: frozenset(),
}
"""Where each status may lead (API reference, DescribeEndpoint; a failed update ends InService with the old config)."""


@dataclass(frozen=True, slots=True)
class Target:
    """What UpdateEndpointWeightsAndCapacities asks of one variant; None leaves it."""

    variant_name: str
    desired_weight: float | None = None
    desired_instance_count: int | None = None
    desired_serverless: ServerlessConfig | None = None


def _move(endpoint: Endpoint, to: EndpointStatus, now: float, **fields: Any) -> Endpoint:
    """Raises ValueError off the edges: a mistake of ours."""
    if to not in EDGES[endpoint.status]:
        raise ValueError(f"endpoint {endpoint.name} cannot go from {endpoint.status} to {to}")
    return replace(endpoint, status=to, last_modified_time=now, **fields)


def updating(endpoint: Endpoint, deployment: Deployment) -> Endpoint:
    """UpdateEndpoint was accepted; the earlier fleet serves on."""
    return _move(endpoint, EndpointStatus.UPDATING, deployment.start_time, change=deployment)


def activating(endpoint: Endpoint, now: float, shares: Mapping[str, float] | None = None) -> Endpoint:
    """The new fleet is healthy and gets these shares of its variants' calls, all of them without ``shares``.

    A created endpoint has its variants from now on; an updated one keeps the earlier until it is deployed.
    """
    deployment = _deployment(endpoint)
    given = dict.fromkeys((each.name for each in deployment.variants), 1.0) if shares is None else dict(shares)
    status = VariantStatus(Stage.ACTIVATING_TRAFFIC, now)
    variants = tuple(
        replace(
            each,
            current_weight=each.desired_weight * given[each.name],
            current_count=each.desired_count,
            status=status,
        )
        for each in deployment.variants
    )
    change = replace(deployment, variants=variants, shares=given)
    if endpoint.status is EndpointStatus.CREATING:
        return replace(endpoint, variants=variants, change=change, features=deployment.features)
    return replace(_with_stage(endpoint, status), change=change)


def baking(endpoint: Endpoint, now: float) -> Endpoint:
    """The new fleet has its share of the traffic; the policy's wait has begun."""
    return staged(endpoint, Stage.BAKING, now)


def staged(endpoint: Endpoint, stage: Stage, now: float) -> Endpoint:
    """Old and new variants of a deployment are busy with this."""
    deployment, status = _deployment(endpoint), VariantStatus(stage, now)
    variants = tuple(replace(each, status=status) for each in deployment.variants)
    return replace(_with_stage(endpoint, status), change=replace(deployment, variants=variants))


def retiring(endpoint: Endpoint, now: float) -> Endpoint:
    """The new fleet has everything; the earlier one waits for its end."""
    deployment = _deployment(endpoint)
    variants = tuple(replace(each, status=None) for each in deployment.variants)
    gone = _with_stage(endpoint, VariantStatus(Stage.DELETING, now))
    return replace(gone, change=replace(deployment, variants=variants))


def _as_desired(variants: Iterable[Variant]) -> tuple[Variant, ...]:
    """Weights and capacities are what was desired, and no stage is under way."""
    return tuple(
        replace(
            each,
            current_weight=each.desired_weight,
            current_count=each.desired_count,
            current_serverless=each.desired_serverless,
            status=None,
        )
        for each in variants
    )


def deployed(endpoint: Endpoint, now: float) -> Endpoint:
    """The deployment is over and good; an earlier update's failure is forgotten."""
    deployment = _deployment(endpoint)
    variants = _as_desired(deployment.variants)
    return _move(
        endpoint,
        EndpointStatus.IN_SERVICE,
        now,
        variants=variants,
        config_name=deployment.config_name,
        features=deployment.features,
        change=None,
        failure_reason="",
        last_policy=deployment.policy,
        stranded=None,
    )


def not_deployed(endpoint: Endpoint, reason: str, now: float) -> Endpoint:
    """The new fleet is gone: a creation has failed for good, an updated endpoint is as it was before."""
    deployment = _deployment(endpoint)
    if endpoint.status is EndpointStatus.CREATING:
        variants = tuple(replace(each, status=None) for each in deployment.variants)
        return _move(endpoint, EndpointStatus.FAILED, now, change=None, failure_reason=reason, variants=variants)
    return _move(_with_stage(endpoint, None), _settled(endpoint), now, change=None, failure_reason=reason)


def _settled(endpoint: Endpoint) -> EndpointStatus:
    """Where a change ends that is no deployment, or none that was good: a fleet that is stranded stays so."""
    return EndpointStatus.UPDATE_ROLLBACK_FAILED if endpoint.stranded else EndpointStatus.IN_SERVICE


def deployment_rolling_back(endpoint: Endpoint, now: float) -> Endpoint:
    """The new fleet gives back what it took."""
    _deployment(endpoint)
    return _move(endpoint, EndpointStatus.ROLLING_BACK, now)


def rollback_failed(endpoint: Endpoint, reason: str, now: float) -> Endpoint:
    """The new fleet could not give back what it took: both serve."""
    stranded = _deployment(endpoint)
    return _move(
        _with_stage(endpoint, None),
        EndpointStatus.UPDATE_ROLLBACK_FAILED,
        now,
        change=None,
        failure_reason=reason,
        stranded=stranded,
    )


def maintaining(endpoint: Endpoint, seconds: float, now: float) -> Endpoint:
    """SageMaker works on the endpoint, which serves on."""
    return _move(endpoint, EndpointStatus.SYSTEM_UPDATING, now, change=Maintenance(now, seconds))


def maintained(endpoint: Endpoint, now: float) -> Endpoint:
    """SageMaker's work is over."""
    return _move(endpoint, EndpointStatus.IN_SERVICE, now, change=None)


def out_of_service(endpoint: Endpoint, now: float) -> Endpoint:
    """The endpoint takes no calls until it is put back."""
    return _move(endpoint, EndpointStatus.OUT_OF_SERVICE, now)


def back_in_service(endpoint: Endpoint, now: float) -> Endpoint:
    """The endpoint takes calls again. Raises ValueError for one that was not out of service."""
    if endpoint.status is not EndpointStatus.OUT_OF_SERVICE:
        raise ValueError(f"endpoint {endpoint.name} is not out of service")
    return _move(endpoint, EndpointStatus.IN_SERVICE, now)


def scaling(endpoint: Endpoint, targets: tuple[Target, ...], now: float) -> Endpoint:
    """UpdateEndpointWeightsAndCapacities was accepted."""
    by_name = {each.variant_name: each for each in targets}
    status = VariantStatus(Stage.UPDATING, now)
    variants = tuple(
        each if (target := by_name.get(each.name)) is None else _aimed(each, target, status)
        for each in endpoint.variants
    )
    return _move(endpoint, EndpointStatus.UPDATING, now, change=Scaling(now), variants=variants)


def _aimed(variant: Variant, target: Target, status: VariantStatus) -> Variant:
    weight, count = target.desired_weight, target.desired_instance_count
    return replace(
        variant,
        desired_weight=variant.desired_weight if weight is None else weight,
        desired_count=variant.desired_count if count is None else count,
        desired_serverless=target.desired_serverless or variant.desired_serverless,
        status=status,
    )


def scaled(endpoint: Endpoint, now: float) -> Endpoint:
    """Weights and counts are what was desired."""
    _require_scaling(endpoint)
    variants = _as_desired(endpoint.variants)
    return _move(endpoint, _settled(endpoint), now, change=None, failure_reason="", variants=variants)


def rolling_back(endpoint: Endpoint, reason: str, counts: Mapping[str, int], now: float) -> Endpoint:
    """A change of weights and counts failed: desired is again what was, ``counts`` being the fleets' sizes before."""
    _require_scaling(endpoint)
    variants = tuple(
        replace(
            each,
            desired_weight=each.current_weight,
            desired_count=counts[each.name],
            desired_serverless=each.current_serverless,
        )
        for each in endpoint.variants
    )
    return _move(endpoint, EndpointStatus.ROLLING_BACK, now, failure_reason=reason, variants=variants)


def rolled_back(endpoint: Endpoint, now: float) -> Endpoint:
    """Everything is as it was before the failed change, whose reason stays."""
    if endpoint.status is not EndpointStatus.ROLLING_BACK:
        raise ValueError(f"endpoint {endpoint.name} is not rolling back")
    variants = tuple(replace(each, status=None) for each in endpoint.variants)
    return _move(endpoint, _settled(endpoint), now, change=None, variants=variants)


def deleting(endpoint: Endpoint, now: float) -> Endpoint:
    """DeleteEndpoint was accepted."""
    gone = _with_stage(endpoint, VariantStatus(Stage.DELETING, now))
    return _move(gone, EndpointStatus.DELETING, now, change=Deletion(now))


def observed(endpoint: Endpoint, variant_name: str, count: int, message: str, now: float) -> Endpoint:
    """``count`` instances of a variant can take requests; ``message`` says what is wrong with the others.

    A variant short of instances is Updating while SageMaker replaces them; the endpoint stays InService.
    """
    variants = tuple(
        _seen(each, count, message, now) if each.name == variant_name else each for each in endpoint.variants
    )
    return endpoint if variants == endpoint.variants else replace(endpoint, variants=variants)


def _seen(variant: Variant, count: int, message: str, now: float) -> Variant:
    if variant.desired_serverless is not None:
        return variant
    busy = variant.status is not None and not variant.status.message
    if busy:
        return replace(variant, current_count=count)
    if count >= variant.desired_count:
        return replace(variant, current_count=count, status=None)
    start = variant.status.start_time if variant.status else now
    return replace(
        variant, current_count=count, status=VariantStatus(Stage.UPDATING, start, message or "Replacing an instance.")
    )


def _deployment(endpoint: Endpoint) -> Deployment:
    if not isinstance(endpoint.change, Deployment):
        raise ValueError(f"endpoint {endpoint.name} has no deployment under way")
    return endpoint.change


def _require_scaling(endpoint: Endpoint) -> None:
    if not isinstance(endpoint.change, Scaling):
        raise ValueError(f"endpoint {endpoint.name} has no change of weights and counts under way")


def _with_stage(endpoint: Endpoint, status: VariantStatus | None) -> Endpoint:
    return replace(endpoint, variants=tuple(replace(each, status=status) for each in endpoint.variants))
