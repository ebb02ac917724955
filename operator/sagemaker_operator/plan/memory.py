"""What the operator remembers between two passes, as functions from a case to the next `status.revisions`."""

import datetime as dt
from dataclasses import replace

from sagemaker_operator.api.status import FailedRevision, Revisions, ServedRevision
from sagemaker_operator.plan.case import Case
from sagemaker_operator.plan.report import Report

_HISTORY = 10


def asked_for_revision(case: Case) -> bool:
    """Whether SageMaker was asked for this revision and the user wants no other try.

    Weights and counts do not matter here: a revision that failed does not get better by another split.
    """
    return case.memory.target == case.desired.revision and not case.resource.retry_requested


def went_back(case: Case) -> bool:
    """Whether what runs is what ran when the wanted revision was asked for; else somebody changed it since."""
    endpoint, memory = case.endpoint, case.memory
    if endpoint is None:
        return False
    failed = memory.last_failed is not None and memory.last_failed.revision == case.desired.revision
    return memory.active_config_name in (None, endpoint.config_name) or (
        failed and memory.active != case.desired.revision
    )


def asked(case: Case, memory: Revisions, start: dt.datetime | None = None) -> Revisions:
    """SageMaker was asked for what is wanted, at `start` or now; another revision has all its attempts again."""
    return replace(
        memory,
        target=case.desired.revision,
        target_config_name=case.desired.config_name,
        start_time=start or case.now,
        attempts=memory.attempts if memory.target == case.desired.revision else 0,
        last_failed=None,
    )


def running(case: Case) -> Revisions:
    """The memory with what runs now as the active revision: an update that ends there again has failed."""
    config = case.endpoint.config_name if case.endpoint else None
    return replace(case.memory, active=case.running_revision, active_config_name=config)


def settled(case: Case) -> Revisions:
    """The memory of an endpoint that serves the wanted revision."""
    memory, endpoint = case.memory, case.endpoint
    config = endpoint.config_name if endpoint else None
    history = memory.history
    if memory.active != case.desired.revision and config:
        history = (ServedRevision(case.desired.revision, config, case.now), *history)[:_HISTORY]
    return Revisions(active=case.desired.revision, active_config_name=config, history=history)


def remember_failure(case: Case, report: Report) -> Revisions:
    """So that the same is not tried again; told once, for the time stays that of the first look."""
    class_ = report.failure.class_ if report.failure else "Failed"
    message = report.failure.message if report.failure else ""
    known = case.memory.last_failed
    time = known.time if known and known.revision == case.desired.revision and known.class_ == class_ else case.now
    serves = case.endpoint is not None and case.endpoint.serves
    return replace(
        running(case) if serves else replace(case.memory, active=None, active_config_name=None),
        last_failed=FailedRevision(case.desired.revision, class_, message, time),
    )


def log_excerpt_wanted(case: Case) -> bool:
    """Whether a fleet has failed whose last log lines are not known yet."""
    endpoint, memory, failure = case.endpoint, case.memory, case.resource.status.failure
    if endpoint is None or (endpoint.status != "Failed" and not _rolled_back(case)):
        return False
    told = memory.last_failed is not None and memory.last_failed.revision == case.desired.revision
    return not (told and failure is not None and failure.log_excerpt)


def known_log_excerpt(case: Case) -> tuple[str, ...]:
    """The lines that the status has already, for as long as what they tell of is still so."""
    endpoint, failure = case.endpoint, case.resource.status.failure
    if endpoint is None or failure is None or (endpoint.status != "Failed" and not _rolled_back(case)):
        return ()
    return failure.log_excerpt


def _rolled_back(case: Case) -> bool:
    endpoint = case.endpoint
    changed = endpoint is not None and endpoint.status == "InService" and case.running_revision != case.desired.revision
    return changed and asked_for_revision(case) and went_back(case)


def backoff(case: Case) -> float:
    """Seconds before the next attempt, doubled with each one."""
    return min(case.tuning.retry_base * 2.0 ** (case.memory.attempts - 1), case.tuning.retry_limit)
