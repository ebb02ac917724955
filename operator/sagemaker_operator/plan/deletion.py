"""The decision for an object that is to go: an ordered chain of checks, the first that applies decides.

Nothing but `RemoveFinalizer` lets the object go, and that stands only where AWS has nothing of it, or by policy.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

from sagemaker_operator.api.identity import Owner
from sagemaker_operator.api.resource import Resource
from sagemaker_operator.api.status import Failure, Status
from sagemaker_operator.plan.actions import (
    Action,
    DeleteEndpoint,
    DeleteEndpointConfig,
    DeleteModel,
    Event,
    RemoveFinalizer,
)
from sagemaker_operator.plan.case import Plan, Tuning
from sagemaker_operator.plan.observed import Observed, ObservedEndpoint
from sagemaker_operator.plan.problems import Problem
from sagemaker_operator.plan.report import Report, Verdict, show_endpoint


@dataclass(frozen=True, slots=True)
class DeletionCase:
    """What is to go and what was seen of it. The spec need not be valid: names and owner are enough."""

    resource: Resource
    owner: Owner
    endpoint_name: str
    region: str
    observed: Observed
    now: dt.datetime
    tuning: Tuning

    @property
    def endpoint(self) -> ObservedEndpoint | None:
        """The endpoint, if there is one and it is ours."""
        endpoint = self.observed.endpoint
        return endpoint if endpoint is not None and self.owner.owns(endpoint.tags) else None


def plan_deletion(case: DeletionCase) -> Plan:
    """What to do next for an object that is to go. Pure."""
    for check in CHECKS:
        decided = check(case)
        if decided is not None:
            return decided
    raise AssertionError("the last check always applies")


def blocked_deletion(case: DeletionCase, problem: Problem) -> Plan:
    """The deletion waits for `problem` to pass: the object stays and says why."""
    retry = case.tuning.motion if problem.retry_after is None else problem.retry_after
    blocked = Verdict("True", problem.reason, problem.message)
    failure = Failure(problem.reason, problem.message, problem.hint)
    return Plan((), _status(case, problem.reason, blocked, failure), retry)


def release_by_policy(case: DeletionCase) -> Plan | None:
    """`Retain`, `Observe` or never claimed. First, for it needs nothing of AWS: no outage may hold the object."""
    if not case.resource.has_finalizer:
        return Plan((RemoveFinalizer(),), _status(case), 0)
    placed = case.resource.placed
    if placed is None:
        message = f"The spec cannot be read, so nobody knows its deletionPolicy: {case.resource.spec_error}."
        hint = "Correct the spec, or upgrade the operator to the version that the object was written for."
        return blocked_deletion(case, Problem("InvalidSpec", message, hint, retry_after=case.tuning.blocked))
    if placed.deletion_policy != "Retain" and placed.management_policy != "Observe":
        return None
    policy = "deletionPolicy is Retain" if placed.deletion_policy == "Retain" else "managementPolicy is Observe"
    event = Event("Normal", "Retained", f"{policy}: endpoint {case.endpoint_name} stays on AWS as it is")
    return Plan((RemoveFinalizer(event),), _status(case), 0)


def report_problem(case: DeletionCase) -> Plan | None:
    """AWS could not be looked at, so nobody knows what is left."""
    problem = case.observed.problem
    return blocked_deletion(case, problem) if problem else None


def keep_parts_in_use(case: DeletionCase) -> Plan | None:
    """An endpoint without our tags that runs on our config: it bills, and would heal no instance without the config."""
    endpoint = case.observed.endpoint
    if endpoint is None or case.endpoint is not None or endpoint.config_name not in case.observed.configs:
        return None
    message = f"Endpoint {endpoint.name} runs on {endpoint.config_name}, which is ours, but does not carry our tags."
    hint = "Delete the endpoint or put its tags back; or set deletionPolicy: Retain, and all of it stays."
    return blocked_deletion(case, Problem("NameTaken", message, hint, retry_after=case.tuning.blocked))


def wait_for_change_in_motion(case: DeletionCase) -> Plan | None:
    """SageMaker deletes no endpoint that is changing; one that is Deleting is waited for."""
    endpoint = case.endpoint
    if endpoint is None or not endpoint.in_motion:
        return None
    if endpoint.status == "Deleting":
        return Plan((), _status(case), case.tuning.motion)
    message = (
        f"SageMaker deletes no endpoint that is {endpoint.status}. Tried again every {case.tuning.motion:g} s; "
        f"AWS bills for {endpoint.name} until it is gone."
    )
    return blocked_deletion(case, Problem("EndpointBusy", message, "Nothing; it is deleted as soon as it can be."))


def delete_endpoint(case: DeletionCase) -> Plan | None:
    """The endpoint first: it is what costs, and it needs its config and models until it is gone."""
    endpoint = case.endpoint
    if endpoint is None:
        return None
    return Plan((DeleteEndpoint(endpoint.name),), _status(case), case.tuning.motion)


def delete_parts_and_release(case: DeletionCase) -> Plan:
    """The endpoint was seen gone (or is not ours): configs, models, then the object.

    The release may stand in the same plan: deletions of configs and models take effect at once, and the executor stops
    at the first error, so it is reached only when AWS has accepted each of them. That saves a look at AWS per object.
    """
    configs, models = sorted(case.observed.configs), sorted(case.observed.models)
    had_endpoint = case.observed.endpoint is None and case.resource.status.endpoint_arn is not None
    counted = ["Endpoint"] if had_endpoint else []
    counted += [_count(len(models), "model")] if models else []
    counted += [_count(len(configs), "config")] if configs else []
    what = f"{', '.join(counted)} deleted on AWS; " if counted else ""
    event = Event("Normal", "Deleted", f"{what}nothing of {case.resource.key.name} is left")
    actions: tuple[Action, ...] = (*map(DeleteEndpointConfig, configs), *map(DeleteModel, models))
    return Plan((*actions, RemoveFinalizer(event)), _status(case), 0)


CHECKS: tuple[Callable[[DeletionCase], Plan | None], ...] = (
    release_by_policy,
    report_problem,
    keep_parts_in_use,
    wait_for_change_in_motion,
    delete_endpoint,
    delete_parts_and_release,
)


def _status(
    case: DeletionCase, why: str = "", blocked: Verdict | None = None, failure: Failure | None = None
) -> Status:
    serves = case.endpoint is not None and case.endpoint.serves
    gone = Verdict("False", "Deleting", "The object is being deleted.")
    report = Report(
        ready=Verdict("True", "InService", "Serves until it is deleted.") if serves else gone,
        synced=gone,
        reconciling=Verdict("True", "Deleting", "The object is being deleted."),
        stalled=Verdict("False", "Deleting"),
        deletion_blocked=blocked,
        word="Deleting",
        why=why,
        failure=failure,
    )
    observed = replace(case.observed, endpoint=case.endpoint)
    shown = show_endpoint(case.resource, observed, report)
    return replace(shown, endpoint_name=case.endpoint_name, region=case.region)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
