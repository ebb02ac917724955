"""The decision for an object that is to exist: an ordered chain of checks, the first that applies decides.

Read `CHECKS` from the top: that is the operator's behaviour.
"""

from collections.abc import Callable
from dataclasses import replace

from sagemaker_operator.api.identity import describe_owner
from sagemaker_operator.api.status import Revisions
from sagemaker_operator.plan.actions import CreateEndpoint, DeleteEndpoint, Event, UpdateEndpoint
from sagemaker_operator.plan.case import Case, Plan
from sagemaker_operator.plan.failures import classify
from sagemaker_operator.plan.in_place import adjust_tags, adjust_weights_and_counts
from sagemaker_operator.plan.memory import (
    asked,
    asked_for_revision,
    backoff,
    remember_failure,
    running,
    settled,
    went_back,
)
from sagemaker_operator.plan.problems import Problem
from sagemaker_operator.plan.report import Report, Verdict, status_of
from sagemaker_operator.plan.reports import (
    creating,
    failed,
    instances_words,
    maintained,
    rolled_back,
    serving,
    serving_or_failed,
    updating,
)
from sagemaker_operator.plan.steps import blocked, claim, deletions, missing_parts
from sagemaker_operator.plan.wording import sentence


def plan(case: Case) -> Plan:
    """What to do next for the case. Pure; at the fixed point the plan has no actions and the status does not change."""
    for check in CHECKS:
        decided = check(case)
        if decided is not None:
            return decided
    raise AssertionError("the last check always applies")


def report_problem(case: Case) -> Plan | None:
    """AWS could not be looked at."""
    problem = case.observed.problem
    return blocked(case, problem) if problem else None


def observe_only(case: Case) -> Plan | None:
    """`managementPolicy: Observe`: say what is there and change nothing."""
    spec, endpoint = case.resource.spec, case.endpoint
    if spec is None or spec.management_policy != "Observe":
        return None
    synced = Verdict("False", "ObserveOnly", "managementPolicy is Observe: nothing is changed on AWS.")
    if endpoint is None:
        message = f"There is no endpoint {case.desired.endpoint_name} in {case.desired.region}."
        report = Report(Verdict("False", "NotFound", message), synced, "NotFound", "ObserveOnly")
    else:
        ready = Verdict("True" if endpoint.serves else "False", endpoint.status, f"SageMaker says {endpoint.status}.")
        report = Report(ready, synced, endpoint.status, "ObserveOnly")
    return Plan((), status_of(case, report, Revisions(active=case.running_revision)), case.tuning.drift)


def refuse_foreign_endpoint(case: Case) -> Plan | None:
    """The name is taken by an endpoint that does not carry our tags: it is never touched."""
    endpoint = case.endpoint
    if endpoint is None or case.desired.owner.owns(endpoint.tags):
        return None
    whose = describe_owner(endpoint.tags, case.desired.owner.cluster)
    refused = blocked(
        case,
        Problem(
            "NameTaken",
            f"An endpoint {endpoint.name} exists in {case.desired.region} and {whose}; nothing about it was changed.",
            "Create the object under another name, or with another spec.endpointName, or delete that endpoint.",
            retry_after=case.tuning.blocked,
        ),
        hide_endpoint=True,
    )
    if endpoint.config_name in case.observed.configs:
        return refused  # ours once: somebody took the tags away, and it needs its parts
    # Made in the same moment as the other one's; under another name nobody would find them again.
    return replace(refused, actions=deletions(case.observed.configs, case.observed.models))


def wait_for_change_in_motion(case: Case) -> Plan | None:
    """SageMaker refuses every change meanwhile; the newest spec is acted on afterwards."""
    endpoint, memory = case.endpoint, case.memory
    if endpoint is None or not endpoint.in_motion:
        return None
    if endpoint.pending_config_name == case.desired.config_name or endpoint.status == "Creating":
        goal = endpoint.pending_config_name or endpoint.config_name
        if memory.target_config_name != goal and goal == case.desired.config_name:
            # The status was lost meanwhile; during an update the endpoint still names the config it came from.
            came_from = memory if endpoint.status == "Creating" else running(case)
            memory = asked(case, came_from, start=endpoint.last_modified_time)
    if endpoint.status == "SystemUpdating":
        report = maintained(case)
    else:
        report = creating(case, memory) if endpoint.status in ("Creating", "Deleting") else updating(case)
    return Plan((), status_of(case, report, memory), case.tuning.motion)


def create_missing_endpoint(case: Case) -> Plan | None:
    """No endpoint: the parts that are missing, then the endpoint."""
    if case.endpoint is not None:
        return None
    memory, desired = case.memory, case.desired
    failed_before = memory.attempts > 0 and asked_for_revision(case)
    wait = backoff(case) - case.seconds_since_asked if failed_before else 0
    if wait > 0:
        report = creating(case, memory)
        return Plan((), status_of(case, report, memory), wait)
    requested = asked(case, replace(memory, active=None, active_config_name=None))
    fleet = f"{len(desired.variants)} variants, " if len(desired.variants) > 1 else ""
    size = instances_words(desired.instance_count)
    started = Event(
        "Normal",
        "CreateStarted",
        f"Endpoint {desired.endpoint_name}, revision {desired.revision}: {fleet}{size}",
    )
    create = CreateEndpoint(desired.endpoint_name, desired.config_name, desired.revision_tags, started)
    return Plan(
        (*claim(case), *missing_parts(case), create),
        status_of(case, creating(case, requested), requested, retry_handled=True),
        case.tuning.motion,
    )


def claim_object(case: Case) -> Plan | None:
    """The endpoint is ours, but the object could go without us: the finalizer first."""
    if case.resource.has_finalizer:
        return None
    return Plan(claim(case), status_of(case, serving_or_failed(case), case.memory), 0)


def recreate_failed_endpoint(case: Case) -> Plan | None:
    """Failed is final for SageMaker: delete and create; for a passing cause, a new spec or a retry."""
    endpoint, memory = case.endpoint, case.memory
    if endpoint is None or endpoint.status != "Failed":
        return None
    row = classify(endpoint.failure_reason)
    # SageMaker may name no config for an endpoint whose creation failed: it is then the one that was asked for.
    tried = endpoint.config_name or memory.target_config_name
    asked_again = case.resource.retry_requested or tried != case.desired.config_name
    tries = memory.attempts if memory.target == case.desired.revision else 0
    again = asked_again or (row.transient and tries < case.tuning.attempts)
    if not again:
        report = failed(case)
        return Plan((), status_of(case, report, remember_failure(case, report)), case.tuning.drift)
    attempts = 0 if asked_again else tries + 1
    memory = replace(
        memory,
        active=None,
        active_config_name=None,
        target=case.desired.revision,
        target_config_name=None,
        start_time=case.now,
        attempts=attempts,
        last_failed=None,
    )
    event = Event(
        "Normal", "Recreating", f"{row.name}: the failed endpoint {endpoint.name} is deleted and created again"
    )
    report = replace(creating(case, memory), word="Recreating", why=row.name)
    status = status_of(case, report, memory, retry_handled=True)
    return Plan((DeleteEndpoint(endpoint.name, event),), status, case.tuning.motion)


def report_rolled_back(case: Case) -> Plan | None:
    """SageMaker was asked for the wanted revision and went back to another: the same would fail again."""
    endpoint, memory = case.endpoint, case.memory
    if endpoint is None or endpoint.status != "InService" or case.running_revision == case.desired.revision:
        return None
    if not asked_for_revision(case) or not went_back(case):
        return None
    # A FailureReason says nothing before it has settled: it can be that of the update before this one.
    if case.seconds_since_asked < case.tuning.settle:
        return Plan((), status_of(case, updating(case), memory), case.tuning.settle - case.seconds_since_asked)
    report = rolled_back(case)
    return Plan((), status_of(case, report, remember_failure(case, report)), case.tuning.drift)


def start_update(case: Case) -> Plan | None:
    """Another revision is wanted: a new fleet beside the old one, which serves until the new one is healthy."""
    endpoint, desired = case.endpoint, case.desired
    if endpoint is None or case.running_revision == desired.revision:
        return None
    if endpoint.status != "InService" and asked_for_revision(case):
        return None
    requested = asked(case, running(case))
    before = case.running_revision or endpoint.config_name
    meanwhile = f"; {before} serves on" if endpoint.serves else ""
    event = Event("Normal", "UpdateStarted", f"{before} -> {desired.revision}: a new fleet{meanwhile}")
    update = UpdateEndpoint(endpoint.name, desired.config_name, event)
    status = status_of(case, updating(case), requested, retry_handled=True)
    return Plan((*missing_parts(case), update), status, case.tuning.motion)


def report_out_of_service(case: Case) -> Plan | None:
    """States that only a person can end; a new spec was already tried above."""
    endpoint = case.endpoint
    if endpoint is None or endpoint.status == "InService":
        return None
    reason = "RollbackFailed" if endpoint.status == "UpdateRollbackFailed" else "OutOfService"
    reason_given = f": {endpoint.failure_reason}" if endpoint.failure_reason else ""
    message = sentence(f"SageMaker says {endpoint.status}{reason_given}")
    return blocked(case, Problem(reason, message, "Apply a new spec, or delete the object.", retry_after=3600))


def restore_missing_parts(case: Case) -> Plan | None:
    """The config or a model that the running fleet needs is gone: SageMaker could replace no instance without them."""
    config = case.endpoint.config_name if case.endpoint else case.desired.config_name
    parts = missing_parts(case, config)
    return Plan(parts, status_of(case, serving(case), settled(case)), 0) if parts else None


def collect_garbage(case: Case) -> Plan | None:
    """What the running revision does not need; safe only now, InService on the wanted revision."""
    endpoint, desired = case.endpoint, case.desired
    if endpoint is None:
        return None
    configs = case.observed.configs - {endpoint.config_name}
    actions = deletions(configs, case.observed.models - {m.name for m in desired.models})
    return Plan(actions, status_of(case, serving(case), settled(case)), 0) if actions else None


def steady(case: Case) -> Plan:
    """Nothing to do."""
    return Plan((), status_of(case, serving(case), settled(case), retry_handled=True), case.tuning.drift)


CHECKS: tuple[Callable[[Case], Plan | None], ...] = (
    report_problem,
    observe_only,
    refuse_foreign_endpoint,
    create_missing_endpoint,
    claim_object,
    wait_for_change_in_motion,
    recreate_failed_endpoint,
    report_rolled_back,
    start_update,
    report_out_of_service,
    restore_missing_parts,
    adjust_weights_and_counts,
    adjust_tags,
    collect_garbage,
    steady,
)
