"""What each check of the planner has found, in conditions and words."""

from dataclasses import replace

from sagemaker_operator.api.resource import RETRY_ANNOTATION
from sagemaker_operator.api.status import Failure, Revisions
from sagemaker_operator.plan.case import Case
from sagemaker_operator.plan.failures import cause_of, failure_of
from sagemaker_operator.plan.memory import backoff
from sagemaker_operator.plan.report import Report, Verdict, clock_words


def instances_words(count: int) -> str:
    """`1 instance`, `3 instances`."""
    return f"{count} instance" if count == 1 else f"{count} instances"


def creating(case: Case, memory: Revisions) -> Report:
    """No fleet serves yet."""
    asked = f", asked at {clock_words(memory.start_time)}" if memory.start_time else ""
    what = f"SageMaker is starting {instances_words(case.desired.instance_count)}{asked}."
    word = "Creating"
    if case.endpoint is not None and case.endpoint.status == "Deleting":
        word, what = "Recreating", "SageMaker is deleting the endpoint; it is created again afterwards."
    elif case.endpoint is None and memory.attempts and case.seconds_since_asked < backoff(case):
        word, what = "Recreating", f"Waiting before retry {memory.attempts} of {case.tuning.attempts}."
    return Report(
        ready=Verdict("False", word, what),
        synced=Verdict("False", "Progressing", f"The spec asks for {case.desired.revision}, which is being created."),
        reconciling=Verdict("True", word, what),
        word=word,
    )


def updating(case: Case) -> Report:
    """One fleet serves while another starts."""
    running, wanted = case.running_revision or "another config", case.desired.revision
    if running == wanted:
        return adjusting(case)
    ready = Verdict("True", "InService", f"Serving {running} while {wanted} starts.")
    if case.endpoint is not None and not case.endpoint.serves:
        ready = Verdict("False", case.endpoint.status, f"SageMaker says {case.endpoint.status}; {wanted} is to serve.")
    return Report(
        ready=ready,
        synced=Verdict("False", "Progressing", f"Runs {running}, the spec asks for {wanted}."),
        reconciling=Verdict("True", "Updating", f"SageMaker is starting {wanted}."),
        word="Updating",
    )


def maintained(case: Case) -> Report:
    """SystemUpdating: AWS replaces what the endpoint runs on; nobody asked for it."""
    running = case.running_revision or "another config"
    return Report(
        ready=Verdict("True", "InService", f"Serving {running} while AWS maintains the endpoint."),
        synced=Verdict("False", "Progressing", "AWS maintains the endpoint; changes wait until it is done."),
        reconciling=Verdict("True", "SystemUpdating", "AWS maintains the endpoint."),
        word="SystemUpdating",
    )


def adjusting(case: Case) -> Report:
    """The fleet stays; weights and counts change."""
    return Report(
        ready=Verdict(
            "True", "InService", f"Serving {case.desired.revision} while weights and counts change in place."
        ),
        synced=Verdict("False", "Progressing", "Weights and counts are being changed."),
        reconciling=Verdict("True", "Updating", "SageMaker is changing weights and counts."),
        word="Updating",
    )


def serving(case: Case) -> Report:
    """Everything is as the spec asks."""
    revision, endpoint = case.desired.revision, case.endpoint
    current = sum(v.current_count or 0 for v in endpoint.variants) if endpoint else 0
    return Report(
        ready=Verdict(
            "True", "InService", f"Serving {revision} on {current} of {instances_words(case.desired.instance_count)}."
        ),
        synced=Verdict("True", "UpToDate", f"{revision} is what the spec asks for."),
        stalled=Verdict("False", "UpToDate"),
        word="InService",
    )


def serving_or_failed(case: Case) -> Report:
    """Before the first change in this pass: in service and being worked on, or not."""
    if case.endpoint is not None and case.endpoint.status == "InService":
        return updating(case)
    return creating(case, case.memory)


def failed(case: Case) -> Report:
    """SageMaker gave up on the endpoint."""
    reason = case.endpoint.failure_reason if case.endpoint else ""
    failure = failure_of(reason, case.observed.log_excerpt)
    verdict = Verdict("False", failure.class_, cause_of(reason))
    return Report(
        ready=verdict,
        synced=replace(verdict, message=f"{case.desired.revision} failed to start."),
        reconciling=Verdict("False", failure.class_),
        stalled=replace(verdict, status="True"),
        word="Failed",
        why=failure.class_,
        failure=_with_retry_hint(case, failure),
    )


def rolled_back(case: Case) -> Report:
    """The old fleet serves on, the new one failed."""
    reason = case.endpoint.failure_reason if case.endpoint else ""
    failure = _with_retry_hint(case, failure_of(reason, case.observed.log_excerpt))
    running = case.running_revision or "another config"
    back = f"SageMaker went back to {running}: {case.desired.revision} failed. {cause_of(reason)}"
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


def adjustment_failed(case: Case) -> Report:
    """The fleet is the wanted one; SageMaker did not change its weights or counts."""
    reason = case.endpoint.failure_reason if case.endpoint else ""
    failure = _with_retry_hint(case, failure_of(reason, case.observed.log_excerpt))
    message = f"SageMaker did not change weights and counts: {cause_of(reason)}"
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
    command = f"kubectl annotate sme {key.name} -n {key.namespace} --overwrite {RETRY_ANNOTATION}=TOKEN"
    again = f"Same spec again: {command}"
    return replace(failure, hint=f"{failure.hint} {again}".strip())
