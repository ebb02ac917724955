"""Faults by name: what each does to a resource. The admin API and the markers of resources both read them from here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sagemaker_local.control.faults import (
    DelayEffect,
    DropEffect,
    Effect,
    ErrorEffect,
    FailureFault,
    Fault,
    MaintenanceFault,
    OperationFault,
    RollbackFault,
    StuckFault,
    When,
)

ALWAYS = "always"


class Kind(StrEnum):
    """What can carry a marker."""

    MODEL = "model"
    ENDPOINT_CONFIG = "endpoint configuration"
    ENDPOINT = "endpoint"


CHANGES: Mapping[Kind, tuple[str, ...]] = {
    Kind.MODEL: ("CreateModel", "DeleteModel"),
    Kind.ENDPOINT_CONFIG: ("CreateEndpointConfig", "DeleteEndpointConfig"),
    Kind.ENDPOINT: ("CreateEndpoint", "UpdateEndpoint", "UpdateEndpointWeightsAndCapacities", "DeleteEndpoint"),
}
_READS: Mapping[Kind, tuple[str, ...]] = {
    Kind.MODEL: ("DescribeModel",),
    Kind.ENDPOINT_CONFIG: ("DescribeEndpointConfig",),
    Kind.ENDPOINT: ("DescribeEndpoint",),
}


def operations_of(kind: Kind) -> tuple[str, ...]:
    """Those that name a resource of the kind."""
    return CHANGES[kind] + _READS[kind]


_Make = Callable[[Kind, str, float], Fault | None]


@dataclass(frozen=True, slots=True)
class Named:
    """One fault. ``seconds``: its value is a time and it strikes ``times`` times; else its value says how often.

    ``make`` gives None for a kind that it does not strike.
    """

    meaning: str
    strikes: str
    default: float
    make: _Make
    seconds: bool = False
    times: int | None = 1


@dataclass(frozen=True, slots=True)
class Marker:
    """A named fault with its value. ``times`` None is always."""

    text: str
    fault: Named
    value: float
    times: int | None

    @property
    def strikes(self) -> str:
        """Whom, in words."""
        return self.fault.strikes


def _fails(reason: str) -> _Make:
    """The endpoint's next change."""
    return lambda kind, name, value: FailureFault(name, reason) if kind is Kind.ENDPOINT else None


def _answers(code: str, message: str, only: tuple[str, ...] = (), *, reads: bool = False) -> _Make:
    """An error instead of the change; ``only`` of these operations."""

    def make(kind: Kind, name: str, value: float) -> Fault | None:
        operations = operations_of(kind) if reads else CHANGES[kind]
        return _of(tuple(each for each in operations if not only or each in only), name, _error(code, message))

    return make


def _error(code: str, message: str) -> ErrorEffect:
    return ErrorEffect(code, message, 400)


def _of(operations: tuple[str, ...], name: str, effect: Effect, when: When = "before") -> Fault | None:
    return OperationFault(operations[0], when, effect, name, operations[1:]) if operations else None


def _lost(when: When) -> _Make:
    return lambda kind, name, value: _of(CHANGES[kind], name, DropEffect(), when)


_EACH, _ENDPOINTS = "models, endpoint configurations and endpoints", "endpoints"

NAMED: Mapping[str, Named] = {
    "capacity": Named(
        "The change fails: `InsufficientInstanceCapacity`",
        _ENDPOINTS,
        1,
        _fails(
            "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. Please retry "
            "using a different ML instance type or after some time."
        ),
    ),
    "image-missing": Named(
        "The change fails: the image does not exist or may not be pulled",
        _ENDPOINTS,
        1,
        _fails(
            "Please make sure all images included in the model for the production variant exist, and that the "
            "execution role used to create the model has permissions to access them."
        ),
    ),
    "data-missing": Named(
        "The change fails: the model data was not downloaded",
        _ENDPOINTS,
        1,
        _fails(
            "Failed to download model data. Please ensure that there is an object located at the URL and that the role "
            "passed to CreateModel has permissions to access the object."
        ),
    ),
    "ping": Named(
        "The change fails: the container never answers the health check",
        _ENDPOINTS,
        1,
        _fails(
            "The primary container for the production variant did not pass the ping health check. Please check "
            "CloudWatch logs for this endpoint."
        ),
    ),
    "internal-failure": Named(
        "The change fails: `Request to service failed`",
        _ENDPOINTS,
        1,
        _fails("Request to service failed. If failure persists after retry, contact customer support."),
    ),
    "rollback-failure": Named(
        "The next rollback of a deployment fails too: `UpdateRollbackFailed`",
        _ENDPOINTS,
        1,
        lambda kind, name, value: RollbackFault(name, "The rollback failed.") if kind is Kind.ENDPOINT else None,
    ),
    "stuck-delete": Named(
        "The deletion takes so many seconds longer",
        _ENDPOINTS,
        60,
        lambda kind, name, value: StuckFault(name, value) if kind is Kind.ENDPOINT else None,
        seconds=True,
    ),
    "maintenance": Named(
        "Soon after its change the endpoint is `SystemUpdating` for so many seconds",
        _ENDPOINTS,
        60,
        lambda kind, name, value: MaintenanceFault(name, value) if kind is Kind.ENDPOINT else None,
        seconds=True,
    ),
    "quota": Named(
        "`CreateEndpoint` and `UpdateEndpoint` answer `ResourceLimitExceeded`",
        _ENDPOINTS,
        1,
        _answers(
            "ResourceLimitExceeded",
            "The account-level service limit for endpoint usage is 0 Instances, with current utilization of 0 "
            "Instances and a request delta of 1 Instances. Please use AWS Service Quotas to request an increase for "
            "this quota.",
            ("CreateEndpoint", "UpdateEndpoint"),
        ),
    ),
    "throttling": Named(
        "Calls that name it, also those that read, answer `ThrottlingException`",
        _EACH,
        3,
        _answers("ThrottlingException", "Rate exceeded", reads=True),
    ),
    "access-denied": Named(
        "Calls that change it answer `AccessDeniedException`",
        _EACH,
        1,
        _answers(
            "AccessDeniedException",
            "The caller is not authorized to perform: sagemaker:{operation} because no identity-based policy allows "
            "the sagemaker:{operation} action",
        ),
    ),
    "role": Named(
        "`CreateModel` answers that the execution role cannot be assumed yet",
        "models",
        1,
        _answers(
            "ValidationException",
            "Could not assume role. Please ensure that the role exists and allows principal 'sagemaker.amazonaws.com' "
            "to assume the role.",
            ("CreateModel",),
        ),
    ),
    "data-unreadable": Named(
        "`CreateModel` answers that the model data cannot be accessed yet",
        "models",
        1,
        _answers(
            "ValidationException",
            "Could not access model data at the given location. Please ensure that the execution role exists and has "
            "permissions to access the object.",
            ("CreateModel",),
        ),
    ),
    "slow": Named(
        "Calls that change it are answered so many seconds later, in real time",
        _EACH,
        2,
        lambda kind, name, value: _of(CHANGES[kind], name, DelayEffect(value)),
        seconds=True,
        times=None,
    ),
    "lost-request": Named("A call that changes it is lost: not applied, not answered", _EACH, 1, _lost("before")),
    "lost-reply": Named("A call that changes it is applied, its answer is lost", _EACH, 1, _lost("after")),
}


def named(text: str) -> Marker:
    """Read ``name`` or ``name:value``. Raises ValueError with a remedy."""
    name, colon, given = text.partition(":")
    fault = NAMED.get(name)
    if fault is None:
        raise ValueError(f"{name!r} is no fault; there are {', '.join(NAMED)}")
    if fault.seconds:
        return Marker(text, fault, _number(text, given) if colon else fault.default, fault.times)
    if given == ALWAYS:
        return Marker(text, fault, 0, None)
    if colon and (not given.isascii() or not given.isdigit() or int(given) < 1):
        raise ValueError(f"{text!r} must be {name}, {name}:{ALWAYS} or {name}:<how often>, such as {name}:2")
    return Marker(text, fault, 0, int(given) if colon else int(fault.default))


def _number(text: str, given: str) -> float:
    try:
        seconds = float(given)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"{text!r} must end in a number of seconds that is not negative")
    return seconds


def planned_of(marker: Marker, kind: Kind, name: str) -> tuple[Fault, int | None] | None:
    """The fault of a resource and how often it strikes; None for a kind that it does not strike."""
    fault = marker.fault.make(kind, name, marker.value)
    return None if fault is None else (fault, marker.times)
