"""The decision for an object that is to exist: an ordered chain of checks, the first that applies decides.

Read `CHECKS` from the top: that is the operator's behaviour.
"""

from collections.abc import Callable
from dataclasses import replace

from sagemaker_operator.api.identity import describe_owner
from sagemaker_operator.api.status import FailedRevision, Failure, Revisions, ServedRevision
from sagemaker_operator.plan.actions import (
    Action,
    AddFinalizer,
    ChangeTags,
    CreateEndpoint,
    CreateEndpointConfig,
    CreateModel,
    DeleteEndpoint,
    DeleteEndpointConfig,
    DeleteModel,
    Event,
    UpdateEndpoint,
    UpdateWeights,
)
from sagemaker_operator.plan.case import Case, Plan
from sagemaker_operator.plan.failures import classify, failure_of
from sagemaker_operator.plan.problems import Problem
from sagemaker_operator.plan.report import Report, Verdict, clock_words, problem_report, status_of

_HISTORY = 10


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
    return _blocked(case, problem) if problem else None


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
    whose = describe_owner(endpoint.tags)
    return _blocked(
        case,
        Problem(
            "NameTaken",
            f"An endpoint {endpoint.name} exists in {case.desired.region} and {whose}; nothing about it was changed.",
            "Create the object under another name, or with another spec.endpointName, or delete that endpoint.",
            retry_after=case.tuning.blocked,
        ),
        hide_endpoint=True,
    )


def wait_for_change_in_motion(case: Case) -> Plan | None:
    """SageMaker refuses every change meanwhile; the newest spec is acted on afterwards."""
    endpoint, memory = case.endpoint, case.memory
    if endpoint is None or not endpoint.in_motion:
        return None
    if endpoint.pending_config_name == case.desired.config_name or endpoint.status == "Creating":
        asked = endpoint.pending_config_name or endpoint.config_name
        if memory.target_config_name != asked and asked == case.desired.config_name:
            memory = _asked(case, memory, start=endpoint.last_modified_time)
    report = _creating(case, memory) if endpoint.status in ("Creating", "Deleting") else _updating(case)
    return Plan((), status_of(case, report, memory), case.tuning.motion)


def create_missing_endpoint(case: Case) -> Plan | None:
    """No endpoint: the parts that are missing, then the endpoint."""
    if case.endpoint is not None:
        return None
    memory, desired = case.memory, case.desired
    wait = _backoff(case) - case.seconds_since_asked if memory.attempts else 0
    if wait > 0:
        report = _creating(case, memory)
        return Plan((), status_of(case, report, memory), wait)
    asked = _asked(case, memory)
    fleet = f"{len(desired.variants)} variants, " if len(desired.variants) > 1 else ""
    started = Event(
        "Normal",
        "CreateStarted",
        f"Endpoint {desired.endpoint_name}, revision {desired.revision}: {fleet}{_instances(desired.instance_count)}",
    )
    create = CreateEndpoint(desired.endpoint_name, desired.config_name, desired.revision_tags, started)
    return Plan(
        (*_finalizer(case), *_missing_parts(case), create),
        status_of(case, _creating(case, asked), asked),
        case.tuning.motion,
    )


def claim_object(case: Case) -> Plan | None:
    """The endpoint is ours, but the object could go without us: the finalizer first."""
    if case.resource.has_finalizer:
        return None
    return Plan(_finalizer(case), status_of(case, _serving_or_failed(case), case.memory), 0)


def recreate_failed_endpoint(case: Case) -> Plan | None:
    """Failed is final for SageMaker: delete and create, by itself for a passing cause, else for a new spec or a retry."""
    endpoint, memory = case.endpoint, case.memory
    if endpoint is None or endpoint.status != "Failed":
        return None
    row = classify(endpoint.failure_reason)
    asked_again = case.resource.retry_requested or endpoint.config_name != case.desired.config_name
    again = asked_again or (row.transient and memory.attempts < case.tuning.attempts)
    if not again:
        report = _failed(case)
        return Plan((), status_of(case, report, _remember_failure(case, report)), case.tuning.drift)
    attempts = 0 if asked_again else memory.attempts + 1
    memory = replace(memory, attempts=attempts, target=None, target_config_name=None, start_time=case.now)
    event = Event(
        "Normal", "Recreating", f"{row.name}: the failed endpoint {endpoint.name} is deleted and created again"
    )
    report = replace(_creating(case, memory), word="Recreating", why=row.name)
    return Plan((DeleteEndpoint(endpoint.name, event),), status_of(case, report, memory), case.tuning.motion)


def report_rolled_back(case: Case) -> Plan | None:
    """It serves, but not what was asked for although SageMaker was asked: it went back, and the same would fail again."""
    endpoint, memory = case.endpoint, case.memory
    if endpoint is None or case.running_revision == case.desired.revision or not case.already_asked:
        return None
    if case.seconds_since_asked < case.tuning.settle and not endpoint.failure_reason:
        return Plan((), status_of(case, _updating(case), memory), case.tuning.settle - case.seconds_since_asked)
    report = _rolled_back(case)
    return Plan((), status_of(case, report, _remember_failure(case, report)), case.tuning.drift)


def start_update(case: Case) -> Plan | None:
    """Another revision is wanted: a new fleet beside the old one, which serves until the new one is healthy."""
    endpoint, desired = case.endpoint, case.desired
    if endpoint is None or case.running_revision == desired.revision:
        return None
    asked = _asked(case, case.memory)
    running = case.running_revision or endpoint.config_name
    event = Event("Normal", "UpdateStarted", f"{running} -> {desired.revision}: a new fleet; {running} serves on")
    update = UpdateEndpoint(endpoint.name, desired.config_name, event)
    return Plan((*_missing_parts(case), update), status_of(case, _updating(case), asked), case.tuning.motion)


def report_out_of_service(case: Case) -> Plan | None:
    """States that only a person can end; a new spec was already tried above."""
    endpoint = case.endpoint
    if endpoint is None or endpoint.status == "InService":
        return None
    reason = "RollbackFailed" if endpoint.status == "UpdateRollbackFailed" else "OutOfService"
    message = f"SageMaker says {endpoint.status}. {endpoint.failure_reason}".strip()
    return _blocked(case, Problem(reason, message, "Apply a new spec, or delete the object.", retry_after=3600))


def restore_missing_parts(case: Case) -> Plan | None:
    """The config or a model that the running fleet needs is gone: SageMaker could replace no instance without them."""
    config = case.endpoint.config_name if case.endpoint else case.desired.config_name
    parts = _missing_parts(case, config)
    return Plan(parts, status_of(case, _serving(case), _settled(case)), 0) if parts else None


def adjust_weights_and_counts(case: Case) -> Plan | None:
    """Weights and counts are changed in place, with no new fleet."""
    endpoint, desired, memory = case.endpoint, case.desired, case.memory
    if endpoint is None:
        return None
    seen = {v.name: v for v in endpoint.variants}
    weights = any(seen[v.name].desired_weight != v.weight for v in desired.variants if v.name in seen)
    counts = {v.name: v.count for v in desired.variants if v.name in seen and seen[v.name].desired_count != v.count}
    if not weights and not counts:
        return None
    if case.already_asked and memory.target == desired.revision and memory.start_time:
        if case.seconds_since_asked < case.tuning.settle and not endpoint.failure_reason:
            return Plan((), status_of(case, _adjusting(case), memory), case.tuning.settle - case.seconds_since_asked)
        if memory.active == desired.revision:
            report = _adjustment_failed(case)
            return Plan((), status_of(case, report, _remember_failure(case, report)), case.tuning.blocked)
    changed = [
        f"{v.name} {seen[v.name].desired_weight or 0:g} -> {v.weight}"
        for v in desired.variants
        if v.name in seen and seen[v.name].desired_weight != v.weight
    ]
    changed += [f"{name} {_instances(count)}" for name, count in counts.items()]
    reason = "TrafficChanged" if weights else "CountChanged"
    event = Event("Normal", reason, f"{', '.join(changed)}; no new fleet")
    action = UpdateWeights(endpoint.name, desired.traffic if weights else {}, counts, event)
    asked = replace(_asked(case, _settled(case)), attempts=0)
    return Plan((action,), status_of(case, _adjusting(case), asked), case.tuning.motion)


def adjust_tags(case: Case) -> Plan | None:
    """The user's tags follow the spec; tags that somebody else put there stay."""
    endpoint, desired = case.endpoint, case.desired
    if endpoint is None:
        return None
    before = case.resource.status.effective
    ours = set(before.tag_keys) if before else set()
    add = {key: value for key, value in desired.revision_tags.items() if endpoint.tags.get(key) != value}
    remove = tuple(sorted(key for key in ours - set(desired.user_tags) if key in endpoint.tags))
    if not add and not remove:
        return None
    return Plan((ChangeTags(endpoint.arn, add, remove),), status_of(case, _serving(case), _settled(case)), 0)


def collect_garbage(case: Case) -> Plan | None:
    """What the running revision does not need: SageMaker is done with it, for the endpoint is InService on the wanted one."""
    endpoint, desired = case.endpoint, case.desired
    if endpoint is None:
        return None
    configs = sorted(case.observed.configs - {endpoint.config_name})
    models = sorted(case.observed.models - {m.name for m in desired.models})
    actions: tuple[Action, ...] = (*map(DeleteEndpointConfig, configs), *map(DeleteModel, models))
    return Plan(actions, status_of(case, _serving(case), _settled(case)), 0) if actions else None


def steady(case: Case) -> Plan:
    """Nothing to do."""
    return Plan((), status_of(case, _serving(case), _settled(case)), case.tuning.drift)


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


def _finalizer(case: Case) -> tuple[Action, ...]:
    return () if case.resource.has_finalizer else (AddFinalizer(),)


def _missing_parts(case: Case, config_name: str | None = None) -> tuple[Action, ...]:
    """Under `config_name` when given: a fleet whose weights were changed since still names the config it began with."""
    desired, observed = case.desired, case.observed
    name = config_name or desired.config_name
    models = [CreateModel(m.name, m.request, desired.tags) for m in desired.models if m.name not in observed.models]
    request = {**desired.config_request, "EndpointConfigName": name}
    config = [] if name in observed.configs else [CreateEndpointConfig(name, request, desired.revision_tags)]
    return (*models, *config)


def _blocked(case: Case, problem: Problem, *, hide_endpoint: bool = False) -> Plan:
    shown = case if not hide_endpoint else replace(case, observed=replace(case.observed, endpoint=None))
    report = problem_report(problem, case.resource.status, shown.endpoint)
    if hide_endpoint:
        report = replace(report, ready=Verdict("False", problem.reason, problem.message))
    return Plan((), status_of(shown, report, case.memory), problem.retry_after or 0)


def _asked(case: Case, memory: Revisions, start: object = None) -> Revisions:
    return replace(
        memory,
        target=case.desired.revision,
        target_config_name=case.desired.config_name,
        start_time=start or case.now,
    )


def _settled(case: Case) -> Revisions:
    """The memory of an endpoint that serves the wanted revision."""
    memory, endpoint = case.memory, case.endpoint
    config = endpoint.config_name if endpoint else None
    history = memory.history
    if memory.active != case.desired.revision and config:
        history = (ServedRevision(case.desired.revision, config, case.now), *history)[:_HISTORY]
    return Revisions(active=case.desired.revision, active_config_name=config, history=history)


def _remember_failure(case: Case, report: Report) -> Revisions:
    """So that the same is not tried again; told once, for the time stays that of the first look."""
    class_ = report.failure.class_ if report.failure else "Failed"
    message = report.failure.message if report.failure else ""
    known = case.memory.last_failed
    time = known.time if known and known.revision == case.desired.revision and known.class_ == class_ else case.now
    failed = FailedRevision(case.desired.revision, class_, message, time)
    return replace(
        case.memory,
        active=case.running_revision if case.endpoint and case.endpoint.serves else None,
        last_failed=failed,
    )


def _backoff(case: Case) -> float:
    return min(case.tuning.retry_base * 2 ** (case.memory.attempts - 1), case.tuning.retry_limit)


def _instances(count: int) -> str:
    return f"{count} instance" if count == 1 else f"{count} instances"


def _creating(case: Case, memory: Revisions) -> Report:
    asked = f", asked at {clock_words(memory.start_time)}" if memory.start_time else ""
    what = f"SageMaker is starting {_instances(case.desired.instance_count)}{asked}."
    word = "Creating"
    if case.endpoint is not None and case.endpoint.status == "Deleting":
        word, what = "Recreating", "SageMaker is deleting the endpoint; it is created again afterwards."
    elif case.endpoint is None and memory.attempts and case.seconds_since_asked < _backoff(case):
        word, what = "Recreating", f"Waiting before attempt {memory.attempts + 1} of {case.tuning.attempts}."
    return Report(
        ready=Verdict("False", word, what),
        synced=Verdict("False", "Progressing", f"The spec asks for {case.desired.revision}, which is being created."),
        reconciling=Verdict("True", word, what),
        word=word,
    )


def _updating(case: Case) -> Report:
    running, wanted = case.running_revision or "another config", case.desired.revision
    if running == wanted:
        return _adjusting(case)
    return Report(
        ready=Verdict("True", "InService", f"Serving {running} while {wanted} starts."),
        synced=Verdict("False", "Progressing", f"Runs {running}, the spec asks for {wanted}."),
        reconciling=Verdict("True", "Updating", f"SageMaker is starting {wanted}."),
        word="Updating",
    )


def _adjusting(case: Case) -> Report:
    return Report(
        ready=Verdict(
            "True", "InService", f"Serving {case.desired.revision} while weights and counts change in place."
        ),
        synced=Verdict("False", "Progressing", "Weights and counts are being changed."),
        reconciling=Verdict("True", "Updating", "SageMaker is changing weights and counts."),
        word="Updating",
    )


def _serving(case: Case) -> Report:
    revision, endpoint = case.desired.revision, case.endpoint
    current = sum(v.current_count or 0 for v in endpoint.variants) if endpoint else 0
    return Report(
        ready=Verdict(
            "True", "InService", f"Serving {revision} on {current} of {_instances(case.desired.instance_count)}."
        ),
        synced=Verdict("True", "UpToDate", f"{revision} is what the spec asks for."),
        stalled=Verdict("False", "UpToDate"),
        word="InService",
    )


def _serving_or_failed(case: Case) -> Report:
    if case.endpoint is not None and case.endpoint.status == "InService":
        return _updating(case)
    return _creating(case, case.memory)


def _failed(case: Case) -> Report:
    reason = case.endpoint.failure_reason if case.endpoint else ""
    failure = failure_of(reason, case.observed.log_excerpt)
    verdict = Verdict("False", failure.class_, failure.message)
    return Report(
        ready=verdict,
        synced=replace(verdict, message=f"{case.desired.revision} failed to start."),
        reconciling=Verdict("False", failure.class_),
        stalled=replace(verdict, status="True"),
        word="Failed",
        why=failure.class_,
        failure=_with_retry_hint(case, failure),
    )


def _rolled_back(case: Case) -> Report:
    reason = case.endpoint.failure_reason if case.endpoint else ""
    failure = _with_retry_hint(case, failure_of(reason, case.observed.log_excerpt))
    running = case.running_revision or "another config"
    back = f"SageMaker went back to {running}: {case.desired.revision} failed. {classify(reason).message}"
    return Report(
        ready=Verdict("True", "InService", f"Serving {running}."),
        synced=Verdict("False", "RolledBack", f"Runs {running}, the spec asks for {case.desired.revision}."),
        reconciling=Verdict("False", "RolledBack"),
        stalled=Verdict("True", "RolledBack", back),
        rolled_back=Verdict(
            "True", failure.class_, f"{case.desired.revision} failed. Waits for a new spec or a retry."
        ),
        word="RolledBack",
        why=failure.class_,
        failure=failure,
    )


def _adjustment_failed(case: Case) -> Report:
    reason = case.endpoint.failure_reason if case.endpoint else ""
    failure = _with_retry_hint(case, failure_of(reason, case.observed.log_excerpt))
    message = f"SageMaker did not change weights and counts: {classify(reason).message}"
    return Report(
        ready=Verdict("True", "InService", f"Serving {case.desired.revision}."),
        synced=Verdict("False", failure.class_, message),
        reconciling=Verdict("False", failure.class_),
        stalled=Verdict("True", failure.class_, message),
        word="InService",
        why=failure.class_,
        failure=failure,
    )


def _with_retry_hint(case: Case, failure: Failure) -> Failure:
    key = case.resource.key
    again = f"Same spec again: kubectl annotate sme {key.name} -n {key.namespace} --overwrite sagemaker-operator.io/retry=TOKEN"
    return replace(failure, hint=f"{failure.hint} {again}".strip())
