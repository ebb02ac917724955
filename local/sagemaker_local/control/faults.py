"""Faults that a test asks for: of single operations, and of single endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

When = Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class ErrorEffect:
    """The operation answers with this error; ``{operation}`` in the message is the operation's name."""

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
    """``operation`` "*" is any, ``name`` None any resource. A call struck before is not applied, but for a delay.

    ``others`` are operations that are meant too; all are counted together.
    """

    operation: str
    when: When
    effect: Effect
    name: str | None = None
    others: tuple[str, ...] = ()

    def strikes(self, operation: str, name: str, when: When) -> bool:
        """Whether a call is meant."""
        meant = self.operation in ("*", operation) or operation in self.others
        return when == self.when and meant and (self.name is None or self.name == name)


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


@dataclass(frozen=True, slots=True)
class MaintenanceFault:
    """SageMaker works on the endpoint for so long, soon after its next change; the clock's seconds."""

    endpoint: str
    seconds: float


Fault = OperationFault | FailureFault | StuckFault | RollbackFault | MaintenanceFault

Place = tuple[str, str]
"""Account and region."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault that waits. ``times``: how often it still strikes; None until it is removed. ``place`` None is any."""

    id: int
    fault: Fault
    times: int | None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Owner:
    """A resource whose markers plan faults. ``config`` is set for what an endpoint's change with that one ends in."""

    kind: str
    place: Place
    name: str
    config: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """What is left of a marker of an owner; None once it has struck as often as it may, or its fault was removed."""

    owner: Owner
    marker: str
    planned: Planned | None


F = TypeVar("F", FailureFault, StuckFault, RollbackFault, MaintenanceFault)


class Faults:
    """The faults that wait, oldest first; the first that fits strikes."""

    def __init__(self) -> None:
        self._planned: dict[int, Planned] = {}
        self._last_id = 0
        self._marked: dict[Owner, dict[str, int]] = {}
        self._beside: dict[Owner, set[Owner]] = {}
        """The owners that differ by their config alone, by the one without."""
        self._marks: dict[tuple[Owner, str], Mark] = {}

    def __iter__(self) -> Iterator[Planned]:
        return iter(list(self._planned.values()))

    def add(self, fault: Fault, times: int | None, place: Place | None = None) -> int:
        """Returns its id."""
        self._last_id += 1
        self._planned[self._last_id] = Planned(self._last_id, fault, times, place)
        return self._last_id

    def mark(self, owner: Owner, wanted: Mapping[str, tuple[Fault, int | None]]) -> None:
        """Plan what the owner's markers ask for, each once, and take back what they ask for no more.

        A marker that has struck as often as it may, or whose fault was removed, strikes again only when it was away.
        """
        for other in list(self._beside.get(replace(owner, config=""), ())):
            kept = wanted if other == owner else {}
            for marker in [each for each in self._marked[other] if each not in kept]:
                planned = self._planned.pop(self._marked[other][marker], None)
                if other == owner or planned is not None:
                    self._unmark(other, marker)
        for marker, (fault, times) in wanted.items():
            if marker not in self._marked.get(owner, {}):
                self._mark(owner, marker, self.add(fault, times, owner.place))

    def _mark(self, owner: Owner, marker: str, fault_id: int) -> None:
        self._marked.setdefault(owner, {})[marker] = fault_id
        self._beside.setdefault(replace(owner, config=""), set()).add(owner)

    def _unmark(self, owner: Owner, marker: str) -> None:
        self._marks.pop((owner, marker), None)
        del self._marked[owner][marker]
        if not self._marked[owner]:
            del self._marked[owner]
            beside = self._beside[replace(owner, config="")]
            beside.discard(owner)
            if not beside:
                del self._beside[replace(owner, config="")]

    @property
    def owners(self) -> int:
        """How many resources have markers."""
        return len(self._marked)

    def marks(self) -> Iterator[Mark]:
        """What is left of all markers; the same object as long as nothing of it has changed."""
        for owner, markers in self._marked.items():
            for marker, fault_id in markers.items():
                planned, known = self._planned.get(fault_id), self._marks.get((owner, marker))
                if known is None or known.planned is not planned:
                    known = self._marks[owner, marker] = Mark(owner, marker, planned)
                yield known

    def put_back(self, marks: Iterable[Mark]) -> None:
        """Take up what an earlier life left of markers; nothing is planned yet."""
        for each in marks:
            self._last_id += 1
            if each.planned is not None:
                self._planned[self._last_id] = replace(each.planned, id=self._last_id)
            self._mark(each.owner, each.marker, self._last_id)

    def remove(self, fault_id: int | None = None) -> bool:
        """One by its id, or all. Returns whether there was one."""
        if fault_id is None:
            self._planned.clear()
            return True
        return self._planned.pop(fault_id, None) is not None

    def take_effect(self, operation: str, name: str, when: When, place: Place | None = None) -> Effect | None:
        """What strikes this call, counted as struck."""
        for each in self._planned.values():
            if isinstance(each.fault, OperationFault) and each.fault.strikes(operation, name, when):
                if each.place not in (None, place):
                    continue
                self._struck(each)
                return each.fault.effect
        return None

    def take_failure(self, endpoint: str, place: Place | None = None) -> str | None:
        """The FailureReason that the endpoint's change must end with."""
        found = self._take(FailureFault, endpoint, place)
        return found.reason if found else None

    def take_rollback_failure(self, endpoint: str, place: Place | None = None) -> str | None:
        """The FailureReason that the endpoint's rollback must end with."""
        found = self._take(RollbackFault, endpoint, place)
        return found.reason if found else None

    def take_stuck_seconds(self, endpoint: str, place: Place | None = None) -> float:
        """How much longer the endpoint's deletion must take."""
        found = self._take(StuckFault, endpoint, place)
        return found.seconds if found else 0.0

    def take_maintenance_seconds(self, endpoint: str, place: Place | None = None) -> float:
        """How long SageMaker works on the endpoint after this change; 0 when it does not."""
        found = self._take(MaintenanceFault, endpoint, place)
        return found.seconds if found else 0.0

    def _take(self, kind: type[F], endpoint: str, place: Place | None) -> F | None:
        for each in self._planned.values():
            if isinstance(each.fault, kind) and each.fault.endpoint == endpoint and each.place in (None, place):
                self._struck(each)
                return each.fault
        return None

    def _struck(self, planned: Planned) -> None:
        if planned.times is None:
            return
        if planned.times <= 1:
            del self._planned[planned.id]
        else:
            self._planned[planned.id] = replace(planned, times=planned.times - 1)
