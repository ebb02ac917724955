"""What the status page shows. Times are epoch seconds of the clock, memory is bytes, shares are of 1."""

from __future__ import annotations

from dataclasses import dataclass

from sagemaker_local.asynchronous.counts import Backlog


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """One of our own processes. ``pid`` and ``memory`` are None while it does not run."""

    name: str
    pid: int | None
    memory: int | None


@dataclass(frozen=True, slots=True)
class CallFacts:
    """A call that was refused or failed. ``time`` is real."""

    time: float
    operation: str
    name: str
    outcome: str


@dataclass(frozen=True, slots=True)
class InstanceFacts:
    """One instance and its processes, one for each container. ``shared_by`` instances are behind the same ones.

    ``memory`` is of all of them; ``pid`` is the first one's. ``models`` are loaded in a multi-model container.
    """

    id: str
    status: str
    pid: int | None
    memory: int | None
    shared_by: int
    restarts: int
    message: str
    log: tuple[str, ...]
    pids: tuple[int, ...] = ()
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FleetFacts:
    """The fleet of a variant, or the copies of an inference component.

    ``role`` is serving, shadow, starting, joining or stranded. ``asked`` is its share of the calls by weight, ``seen``
    what it had of them, None where there is none; of a shadow variant it is the share that is copied to it, and its
    ``calls`` are copies. ``latency`` is the mean in milliseconds.
    """

    role: str
    variant: str
    component: str
    config: str
    asked: float | None
    seen: float | None
    calls: int
    failed: int
    latency: float | None
    instances: tuple[InstanceFacts, ...]


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """One endpoint. Copies of calls are no calls.

    ``calls_per_second`` is over the last minute while the page is looked at, else None.
    """

    account: str
    region: str
    name: str
    arn: str
    status: str
    config: str
    failure_reason: str
    creation_time: float
    last_modified_time: float
    calls: int
    failed: int
    calls_per_second: float | None
    fleets: tuple[FleetFacts, ...]
    backlog: Backlog | None
    errors: tuple[CallFacts, ...]


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """Everything. ``more_endpoints`` are there and not shown; ``clock_scale`` is 0 when time is stepped by hand."""

    url: str
    up_seconds: float
    now: float
    clock_scale: float
    processes: tuple[ProcessFacts, ...]
    endpoints: tuple[EndpointFacts, ...]
    more_endpoints: int
    faults: tuple[str, ...]
    errors: tuple[CallFacts, ...]
