"""What the status page shows. Times are epoch seconds of the clock, memory is bytes, shares are of 1."""

from __future__ import annotations

from collections.abc import Mapping
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

    ``role`` is serving, starting, joining or stranded. ``asked`` is its share of the calls by weight, ``seen`` what it
    had of ``calls``, None where there is none; of a ``shadow`` variant both are the part of the calls that is copied.
    ``calls`` is None for the copies of a component, whose calls are the variant's. Latencies are milliseconds; a
    percentile is None while fewer than ten calls lie beyond it.
    """

    role: str
    variant: str
    component: str
    config: str
    asked: float | None
    seen: float | None
    shadow: bool
    calls: int | None
    failed: int
    mean: float | None
    p50: float | None
    p99: float | None
    instances: tuple[InstanceFacts, ...]


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """One endpoint. ``calls`` are without copies for shadow variants, and of asynchronous endpoints what was processed.

    ``calls_per_second`` is over the last minute while the page is looked at, else None. ``last_log`` is what the last
    container wrote before the endpoint failed.
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
    last_log: tuple[str, ...]
    backlog: Backlog | None
    errors: tuple[CallFacts, ...]


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """Everything. ``by_status`` counts all endpoints, of which ``more_endpoints`` are not shown.

    ``clock_scale`` is 0 when time is stepped by hand.
    """

    url: str
    up_seconds: float
    now: float
    clock_scale: float
    processes: tuple[ProcessFacts, ...]
    endpoints: tuple[EndpointFacts, ...]
    by_status: Mapping[str, int]
    more_endpoints: int
    faults: tuple[str, ...]
    errors: tuple[CallFacts, ...]
