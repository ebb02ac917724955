"""Faults as JSON documents of the admin API, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagemaker_local.control.faults import (
    DelayEffect,
    DropEffect,
    Effect,
    ErrorEffect,
    FailureFault,
    Fault,
    KillEffect,
    MaintenanceFault,
    OperationFault,
    Planned,
    RollbackFault,
    StuckFault,
)
from sagemaker_local.control.named_faults import Kind, named, planned_of

_RESOURCES = {"model": Kind.MODEL, "endpointConfig": Kind.ENDPOINT_CONFIG, "endpoint": Kind.ENDPOINT}
_ENDPOINT_FAULTS = ("failure", "stuckDeletingSeconds", "rollbackFailure", "maintenanceSeconds")
_EFFECTS = "error, kill, drop, delaySeconds"


def fault_of(document: object) -> tuple[Fault, int | None]:
    """The fault and how often it strikes. Raises ValueError naming field and remedy."""
    if not isinstance(document, dict):
        raise ValueError("a fault must be a JSON object")
    if "fault" in document:
        return _named_fault(document)
    times = document.get("times", 1)
    if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
        raise ValueError("times must be a positive integer, or null for a fault that stays until it is removed")
    if "endpoint" in document:
        return _endpoint_fault(document), times
    _known(document, {"operation", "others", "name", "when", "times", "effect"})
    when = document.get("when", "before")
    if when not in ("before", "after"):
        raise ValueError("when must be before or after")
    operation = _text(document, "operation", 'an operation such as CreateEndpoint, or "*"')
    name = document.get("name")
    if name is not None and not isinstance(name, str):
        raise ValueError("name must be the name of a resource, or be left out")
    others = document.get("others", [])
    if not isinstance(others, list) or not all(isinstance(each, str) for each in others):
        raise ValueError("others must be a list of further operations that the fault strikes, or be left out")
    return OperationFault(operation, when, _effect(document.get("effect")), name, tuple(others)), times


def _named_fault(document: Mapping[str, Any]) -> tuple[Fault, int | None]:
    _known(document, {"fault", *_RESOURCES})
    resources = [each for each in _RESOURCES if each in document]
    if len(resources) != 1:
        raise ValueError(f"a named fault must have exactly one of {', '.join(_RESOURCES)}")
    marker = named(_text(document, "fault", "a name such as capacity or throttling:3"))
    name = _text(document, resources[0], "a name")
    found = planned_of(marker, _RESOURCES[resources[0]], name)
    if found is None:
        raise ValueError(f"{marker.text} strikes no {resources[0]}; it is a fault of {marker.strikes}")
    return found


def _endpoint_fault(document: Mapping[str, Any]) -> Fault:
    _known(document, {"endpoint", "times", *_ENDPOINT_FAULTS})
    endpoint = _text(document, "endpoint", "the name of an endpoint")
    if sum(each in document for each in _ENDPOINT_FAULTS) != 1:
        raise ValueError(
            "a fault of an endpoint must have exactly one of failure and stuckDeletingSeconds and rollbackFailure and "
            "maintenanceSeconds"
        )
    if "failure" in document:
        return FailureFault(endpoint, _text(document, "failure", 'a FailureReason, or ""'))
    if "rollbackFailure" in document:
        return RollbackFault(endpoint, _text(document, "rollbackFailure", 'a FailureReason, or ""'))
    if "maintenanceSeconds" in document:
        return MaintenanceFault(endpoint, _seconds(document, "maintenanceSeconds"))
    return StuckFault(endpoint, _seconds(document, "stuckDeletingSeconds"))


def _effect(document: object) -> Effect:
    if not isinstance(document, dict) or len(document) != 1:
        raise ValueError(f"effect must be an object with exactly one of {_EFFECTS}")
    kind = next(iter(document))
    if kind == "error":
        return _error(document["error"])
    if kind == "kill":
        pid = document["kill"]
        if not isinstance(pid, int) or isinstance(pid, bool) or pid <= 1:
            raise ValueError("kill must be a process id above 1")
        return KillEffect(pid)
    if kind == "drop":
        if document["drop"] is not True:
            raise ValueError("drop must be true")
        return DropEffect()
    if kind == "delaySeconds":
        return DelayEffect(_seconds(document, "delaySeconds"))
    raise ValueError(f"effect has the unknown field {kind}; it must have exactly one of {_EFFECTS}")


def _error(document: object) -> ErrorEffect:
    if not isinstance(document, dict):
        raise ValueError("error must be an object with code, message and status")
    _known(document, {"code", "message", "status"})
    status = document.get("status", 400)
    if not isinstance(status, int) or not 400 <= status <= 599:
        raise ValueError("status must be an HTTP status from 400 to 599")
    return ErrorEffect(_text(document, "code", "an error code"), str(document.get("message", "")), status)


def _known(document: Mapping[str, Any], fields: set[str]) -> None:
    if unknown := sorted(document.keys() - fields):
        raise ValueError(f"unknown field {unknown[0]}; known are {', '.join(sorted(fields))}")


def _text(document: Mapping[str, Any], field: str, what: str) -> str:
    value = document.get(field)
    if not isinstance(value, str):
        raise ValueError(f"{field} must be {what}")
    return value


def _seconds(document: Mapping[str, Any], field: str) -> float:
    value = document[field]
    if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{field} must be a number of seconds, not negative")
    return float(value)


def document_of(planned: Planned) -> dict[str, Any]:
    """As it was posted, with its id and how often it still strikes; of a marker with account and region."""
    where = {"account": planned.place[0], "region": planned.place[1]} if planned.place else {}
    return {"id": planned.id, "times": planned.times, **where, **_described(planned.fault)}


def _described(fault: Fault) -> dict[str, Any]:
    match fault:
        case FailureFault(endpoint, reason):
            return {"endpoint": endpoint, "failure": reason}
        case StuckFault(endpoint, seconds):
            return {"endpoint": endpoint, "stuckDeletingSeconds": seconds}
        case RollbackFault(endpoint, reason):
            return {"endpoint": endpoint, "rollbackFailure": reason}
        case MaintenanceFault(endpoint, seconds):
            return {"endpoint": endpoint, "maintenanceSeconds": seconds}
        case OperationFault():
            effect = _effect_described(fault.effect)
            others = {"others": list(fault.others)} if fault.others else {}
            return {"operation": fault.operation, "name": fault.name, "when": fault.when, "effect": effect, **others}


def _effect_described(effect: Effect) -> dict[str, Any]:
    match effect:
        case ErrorEffect(code, message, status):
            return {"error": {"code": code, "message": message, "status": status}}
        case KillEffect(pid):
            return {"kill": pid}
        case DropEffect():
            return {"drop": True}
        case DelayEffect(seconds):
            return {"delaySeconds": seconds}
