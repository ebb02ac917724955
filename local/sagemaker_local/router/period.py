"""What one fleet of a variant answered in a period, with its latencies; and the way of that to the parent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sagemaker_local.metrics.distribution import of_values, statistic_of, too_few
from sagemaker_local.router.routes import EndpointKey

_EXACT_BITS = 7


def rounded(microseconds: int) -> int:
    """The value that a latency is counted under: seven binary digits of it, so less than 1.6 % below."""
    dropped = microseconds.bit_length() - _EXACT_BITS
    return microseconds >> dropped << dropped if dropped > 0 else microseconds


class Period:
    """Counts of one period; ``Counter.period`` is replaced at its end. Latencies are microseconds."""

    __slots__ = (
        "cache_hits",
        "cache_misses",
        "client_errors",
        "executions",
        "invocations",
        "latencies",
        "latency",
        "model_errors",
        "model_waits",
        "overhead_latencies",
        "overhead_latency",
        "server_errors",
        "setup_times",
    )

    def __init__(self) -> None:
        self.invocations = self.client_errors = self.server_errors = self.model_errors = 0
        self.latency = self.overhead_latency = 0
        self.latencies: dict[int, int] = {}
        self.overhead_latencies: dict[int, int] = {}
        self.setup_times: dict[int, int] = {}
        self.executions: dict[int, int] = {}
        self.cache_hits = self.cache_misses = 0
        self.model_waits: dict[int, int] = {}

    def answered(self, status: int, microseconds: int) -> None:
        """Count a call by the container's status, 0 when it gave none."""
        self.invocations += 1
        self.latency += microseconds
        value = rounded(microseconds)
        self.latencies[value] = self.latencies.get(value, 0) + 1
        if not 200 <= status < 300:
            self.model_errors += 1
            if 400 <= status < 500:
                self.client_errors += 1
            else:
                self.server_errors += 1

    def overhead(self, microseconds: int) -> None:
        """Count the time between a request's arrival and its way to the container."""
        self.overhead_latency += microseconds
        value = rounded(microseconds)
        self.overhead_latencies[value] = self.overhead_latencies.get(value, 0) + 1

    def executed(self, concurrent: int, setup_microseconds: int) -> None:
        """Count a call of a serverless variant by how many run with it, and its cold start if it had one."""
        self.executions[concurrent] = self.executions.get(concurrent, 0) + 1
        if setup_microseconds:
            value = rounded(setup_microseconds)
            self.setup_times[value] = self.setup_times.get(value, 0) + 1

    def found_model(self) -> None:
        """Count a call whose model was loaded already."""
        self.cache_hits += 1

    def waited_for_model(self, microseconds: int) -> None:
        """Count a call that was sent once its model was loaded."""
        self.cache_misses += 1
        value = rounded(microseconds)
        self.model_waits[value] = self.model_waits.get(value, 0) + 1


def added(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    """The counts of both."""
    return {**one, **{value: one.get(value, 0) + count for value, count in other.items()}}


def percentiles(latencies: Mapping[int, int]) -> tuple[float | None, ...]:
    """p50 and p99; None while fewer than ten values lie beyond."""
    found = of_values({float(value): count for value, count in latencies.items()})
    return tuple(None if too_few(found, each) else statistic_of(found, each) for each in ("p50", "p99"))


class Counting(Protocol):
    """What has a period that can be taken."""

    period: Period

    def take_period(self) -> Period:
        """The period so far; a new one begins."""


@dataclass(frozen=True, slots=True)
class VariantPeriod:
    """A period that is over. Latencies are counts by rounded microseconds, with the exact sums beside them.

    Of serverless variants: ``setup_times`` are cold starts in the same way, ``executions`` counts calls by how many
    ran at their beginning, themselves included. Of multi-model variants: ``model_waits`` are times of waiting for a
    model, and calls whose model was loaded already are ``cache_hits``, the others ``cache_misses``.
    """

    key: EndpointKey
    variant_name: str
    config_name: str
    invocations: int = 0
    client_errors: int = 0
    server_errors: int = 0
    model_errors: int = 0
    latency: int = 0
    overhead_latency: int = 0
    latencies: Mapping[int, int] = field(default_factory=dict)
    overhead_latencies: Mapping[int, int] = field(default_factory=dict)
    setup_times: Mapping[int, int] = field(default_factory=dict)
    executions: Mapping[int, int] = field(default_factory=dict)
    model_waits: Mapping[int, int] = field(default_factory=dict)
    cache_hits: int = 0
    cache_misses: int = 0


def taken(counters: Mapping[tuple[EndpointKey, str, str], Counting]) -> list[list[Any]]:
    """The periods with calls, as JSON values; new ones begin."""
    rows: list[list[Any]] = []
    for (key, name, config), counter in counters.items():
        period = counter.period
        if not period.invocations and not period.overhead_latencies and not period.executions:
            continue
        counter.take_period()
        rows.append(
            [
                *key,
                name,
                config,
                period.invocations,
                period.client_errors,
                period.server_errors,
                period.model_errors,
                period.latency,
                period.overhead_latency,
                list(period.latencies.items()),
                list(period.overhead_latencies.items()),
                list(period.setup_times.items()),
                list(period.executions.items()),
                list(period.model_waits.items()),
                period.cache_hits,
                period.cache_misses,
            ]
        )
    return rows


def decoded(row: list[Any]) -> VariantPeriod:
    """A row of ``taken``."""
    account, region, endpoint, name, config = row[:5]
    latencies, overhead, setup_times, executions, model_waits, cache_hits, cache_misses = row[11:]
    counts = dict(zip(("invocations", "client_errors", "server_errors", "model_errors"), row[5:9], strict=True))
    return VariantPeriod(
        (account, region, endpoint),
        name,
        config,
        **counts,
        latency=row[9],
        overhead_latency=row[10],
        latencies=dict(latencies),
        overhead_latencies=dict(overhead),
        setup_times=dict(setup_times),
        executions=dict(executions),
        model_waits=dict(model_waits),
        cache_hits=cache_hits,
        cache_misses=cache_misses,
    )
