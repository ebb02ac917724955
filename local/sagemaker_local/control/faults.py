"""Faults that a test asks for: of single operations, and of single endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

When = Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class ErrorEffect:
    """The operation answers with this error."""

    code: str
    message: str
    status: int


@dataclass(frozen=True, slots=True)
class KillEffect:
    """A process gets SIGKILL and the reply is lost."""

    pid: int


@dataclass(frozen=True, slots=True)
class DropEffect:
    """The reply is lost: the connection is closed without one."""


@dataclass(frozen=True, slots=True)
class DelayEffect:
    """The operation takes longer; real seconds."""

    seconds: float


Effect = ErrorEffect | KillEffect | DropEffect | DelayEffect


@dataclass(frozen=True, slots=True)
class OperationFault:
    """``operation`` "*" is any, ``name`` None any resource. A call struck before is not applied, but for a delay."""

    operation: str
    when: When
    effect: Effect
    name: str | None = None

    def strikes(self, operation: str, name: str, when: When) -> bool:
        """Whether a call is meant."""
        return when == self.when and self.operation in ("*", operation) and (self.name is None or self.name == name)


@dataclass(frozen=True, slots=True)
class FailureFault:
    """The endpoint's next change (creation, update, weights) fails with this FailureReason, which may be empty."""

    endpoint: str
    reason: str


@dataclass(frozen=True, slots=True)
class StuckFault:
    """The endpoint's deletion takes so much longer; the clock's seconds."""

    endpoint: str
    seconds: float


@dataclass(frozen=True, slots=True)
class RollbackFault:
    """The endpoint's next rollback of a deployment fails too, with this FailureReason."""

    endpoint: str
    reason: str


Fault = OperationFault | FailureFault | StuckFault | RollbackFault


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault that waits. ``times``: how often it still strikes; None until it is removed."""

    id: int
    fault: Fault
    times: int | None


class Faults:
    """The faults that wait, oldest first; the first that fits strikes."""

    def __init__(self) -> None:
        self._planned: dict[int, Planned] = {}
        self._last_id = 0

    def __iter__(self) -> Iterator[Planned]:
        return iter(list(self._planned.values()))

    def add(self, fault: Fault, times: int | None) -> int:
        """Returns its id."""
        self._last_id += 1
        self._planned[self._last_id] = Planned(self._last_id, fault, times)
        return self._last_id

    def remove(self, fault_id: int | None = None) -> bool:
        """One by its id, or all. Returns whether there was one."""
        if fault_id is None:
            self._planned.clear()
            return True
        return self._planned.pop(fault_id, None) is not None

    def take_effect(self, operation: str, name: str, when: When) -> Effect | None:
        """What strikes this call, counted as struck."""
        for each in self._planned.values():
            if isinstance(each.fault, OperationFault) and each.fault.strikes(operation, name, when):
                self._struck(each)
                return each.fault.effect
        return None

    def take_failure(self, endpoint: str) -> str | None:
        """The FailureReason that the endpoint's change must end with."""
        for each in self._planned.values():
            if isinstance(each.fault, FailureFault) and each.fault.endpoint == endpoint:
                self._struck(each)
                return each.fault.reason
        return None

    def take_rollback_failure(self, endpoint: str) -> str | None:
        """The FailureReason that the endpoint's rollback must end with."""
        for each in self._planned.values():
            if isinstance(each.fault, RollbackFault) and each.fault.endpoint == endpoint:
                self._struck(each)
                return each.fault.reason
        return None

    def take_stuck_seconds(self, endpoint: str) -> float:
        """How much longer the endpoint's deletion must take."""
        for each in self._planned.values():
            if isinstance(each.fault, StuckFault) and each.fault.endpoint == endpoint:
                self._struck(each)
                return each.fault.seconds
        return 0.0

    def _struck(self, planned: Planned) -> None:
        if planned.times is None:
            return
        if planned.times <= 1:
            del self._planned[planned.id]
        else:
            self._planned[planned.id] = Planned(planned.id, planned.fault, planned.times - 1)
