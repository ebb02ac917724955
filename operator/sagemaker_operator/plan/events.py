"""Events that no action tells: what SageMaker has done, seen as the difference of two statuses."""

import datetime as dt

from sagemaker_operator.api.status import Condition, Status
from sagemaker_operator.plan.actions import Event
from sagemaker_operator.plan.report import duration_words


def transition_events(old: Status, new: Status, now: dt.datetime) -> tuple[Event, ...]:
    """One event per transition from the status before to the status now; none when nothing turned."""
    found = (_in_service(old, new, now), _rolled_back(old, new), _stalled(old, new), _blocked(old, new))
    told = [event for event in found if event is not None]
    problem = _problem(old, new)
    if problem is not None and all(event.reason != problem.reason for event in told):
        told.append(problem)
    return tuple(told)


def _in_service(old: Status, new: Status, now: dt.datetime) -> Event | None:
    active, before = new.revisions.active, old.revisions
    if active is None or active == before.active or active != before.target or new.is_true("Stalled"):
        return None
    took = f" after {duration_words((now - before.start_time).total_seconds())}" if before.start_time else ""
    return Event("Normal", "InService", f"{active} serves{took}")


def _rolled_back(old: Status, new: Status) -> Event | None:
    condition, failed = new.condition("RolledBack"), new.revisions.last_failed
    if condition is None or condition.status != "True" or failed is None:
        return None
    if old.is_true("RolledBack") and old.revisions.last_failed == failed:
        return None
    serves = new.revisions.active or "another config"
    return Event("Warning", "RolledBack", f"{failed.class_}: {failed.revision}. {serves} serves on")


def _stalled(old: Status, new: Status) -> Event | None:
    condition = new.condition("Stalled")
    if condition is None or condition.reason == "RolledBack" or not _turned(old, condition):
        return None
    return Event("Warning", condition.reason, condition.message)


def _blocked(old: Status, new: Status) -> Event | None:
    condition = new.condition("DeletionBlocked")
    if condition is None or not _turned(old, condition):
        return None
    return Event("Warning", "DeletionBlocked", f"{condition.reason}: {condition.message}")


def _problem(old: Status, new: Status) -> Event | None:
    """AWS cannot be used now: Reconciling carries the reason that Synced is False for, which no other report does."""
    synced, reconciling, before = new.condition("Synced"), new.condition("Reconciling"), old.condition("Synced")
    if synced is None or reconciling is None or synced.status != "False" or synced.reason == "Deleting":
        return None
    if reconciling.status != "True" or reconciling.reason != synced.reason:
        return None
    if before is not None and (before.status, before.reason) == (synced.status, synced.reason):
        return None
    return Event("Warning", synced.reason, synced.message)


def _turned(old: Status, condition: Condition) -> bool:
    """Whether a True condition was not True before, or for another reason."""
    before = old.condition(condition.type)
    known = before is not None and before.status == "True" and before.reason == condition.reason
    return condition.status == "True" and not known
