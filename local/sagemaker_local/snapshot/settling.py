"""What a record says after its process was ended in the middle of something: pure, record in, record out."""

from __future__ import annotations

from dataclasses import replace

from sagemaker_local.control.lifecycle import transitions
from sagemaker_local.control.state.components import ComponentStatus, InferenceComponent, Rollout
from sagemaker_local.control.state.endpoint import (
    Deployment,
    Endpoint,
    EndpointStatus,
    Maintenance,
    Scaling,
    Variant,
)
from sagemaker_local.control.state.jobs import JobStatus, TransformJob, stopped

_NOTHING_SERVES = frozenset({EndpointStatus.CREATING, EndpointStatus.FAILED, EndpointStatus.DELETING})


def settled(endpoint: Endpoint, now: float) -> Endpoint:
    """A change begins anew; one that was being taken back is taken back."""
    change = endpoint.change
    if endpoint.status is EndpointStatus.ROLLING_BACK:
        if isinstance(change, Scaling):
            return transitions.rolled_back(endpoint, now)
        return transitions.not_deployed(endpoint, endpoint.failure_reason, now)
    if isinstance(change, Deployment):
        begun = tuple(replace(each, status=None) for each in change.variants)
        serving = tuple(replace(each, status=None) for each in endpoint.variants)
        return replace(endpoint, variants=serving, change=replace(change, variants=begun, shares={}))
    if isinstance(change, Maintenance):
        left = max(0.0, change.start_time + change.seconds - now)
        return replace(endpoint, change=replace(change, start_time=now, seconds=left))
    return endpoint


def serving_variants(endpoint: Endpoint) -> tuple[Variant, ...]:
    """The variants whose fleets served, with the counts to start them with: of serverless ones what is provisioned."""
    if endpoint.status in _NOTHING_SERVES:
        return ()
    return tuple(
        replace(each, desired_count=each.current_serverless.provisioned) if each.current_serverless else each
        for each in endpoint.variants
    )


def cannot_serve(endpoint: Endpoint, reason: str, now: float) -> Endpoint:
    """Its processes did not start again: it takes no calls, and its change, if any, has ended."""
    if endpoint.change is None and endpoint.status is EndpointStatus.IN_SERVICE:
        return replace(transitions.out_of_service(endpoint, now), failure_reason=reason)
    return replace(
        endpoint, status=EndpointStatus.OUT_OF_SERVICE, change=None, failure_reason=reason, last_modified_time=now
    )


def serving_copies(component: InferenceComponent) -> int | None:
    """How many copies served; None when nothing did."""
    if component.status is ComponentStatus.IN_SERVICE:
        return component.desired_copies
    if component.status is ComponentStatus.UPDATING:
        return component.current_copies if isinstance(component.change, Rollout) else component.desired_copies
    return None


def settled_job(job: TransformJob, now: float) -> TransformJob:
    """A job that was to stop has; one under way begins anew, for it stores its outputs at its end only."""
    if job.status is JobStatus.STOPPING:
        return stopped(job, now)
    return job if job.over else replace(job, start_time=None)
