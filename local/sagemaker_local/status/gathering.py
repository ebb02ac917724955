"""The facts, gathered from everything that runs."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

import psutil

from sagemaker_local.asynchronous.counts import AsyncCounts, Backlog
from sagemaker_local.control.calls import OK, Call, CallLog
from sagemaker_local.control.fault_documents import document_of
from sagemaker_local.control.faults import Faults
from sagemaker_local.control.lifecycle.clock import Clock
from sagemaker_local.control.lifecycle.components import Components
from sagemaker_local.control.lifecycle.fleets import Fleets
from sagemaker_local.control.state.endpoint import Deployment, Endpoint
from sagemaker_local.control.state.store import Store
from sagemaker_local.hosting.host import Fleet
from sagemaker_local.hosting.tails import Tails
from sagemaker_local.router.process import VariantCounts
from sagemaker_local.router.routes import EndpointKey
from sagemaker_local.status import traffic
from sagemaker_local.status.facts import (
    CallFacts,
    EndpointFacts,
    FleetFacts,
    InstanceFacts,
    ProcessFacts,
    StatusFacts,
)
from sagemaker_local.status.meter import Meter
from sagemaker_local.status.traffic import FleetName

_MOST_ENDPOINTS = 100
_MOST_ERRORS = 10

Counts = Mapping[tuple[EndpointKey, str, str], VariantCounts]
AsyncTotals = Mapping[tuple[EndpointKey, str], AsyncCounts]
_NO_COUNTS = VariantCounts()


@dataclass(frozen=True, slots=True)
class Sources:
    """What is looked at. ``pids`` are our own processes by name."""

    url: str
    store: Store
    fleets: Fleets
    components: Components
    faults: Faults
    calls: CallLog
    clock: Clock
    tails: Tails
    pids: Callable[[], Mapping[str, int | None]]
    counts: Callable[[], Awaitable[Counts]]
    backlogs: Callable[[], Mapping[EndpointKey, Backlog]]
    processed: Callable[[], AsyncTotals]


class Gathering:
    """One look after the other; the looks of a minute make the rates."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._began = time.monotonic()
        self._meter: Meter[tuple[EndpointKey, str, str]] = Meter()

    async def facts(self) -> StatusFacts:
        """As it is now."""
        sources = self._sources
        counts = await sources.counts()
        looked = {key: each.invocations for key, each in counts.items()}
        rates = self._meter.look(time.monotonic(), looked)
        endpoints = sorted(sources.store.endpoints(), key=lambda each: each.key)
        backlogs, processed = sources.backlogs(), sources.processed()
        wrong = [each for each in sources.calls.select() if each.outcome != OK]
        return StatusFacts(
            url=sources.url,
            up_seconds=time.monotonic() - self._began,
            now=sources.clock.now(),
            clock_scale=sources.clock.scale,
            processes=tuple(ProcessFacts(name, pid, _memory(pid)) for name, pid in sources.pids().items()),
            endpoints=tuple(
                self._endpoint(
                    each,
                    {(key[1], key[2]): found for key, found in counts.items() if key[0] == each.key},
                    {(key[1], key[2]): rate for key, rate in rates.items() if key[0] == each.key},
                    {key[1]: found for key, found in processed.items() if key[0] == each.key},
                    backlogs.get(each.key),
                    [call for call in wrong if (call.account, call.region, call.name) == each.key],
                )
                for each in endpoints[:_MOST_ENDPOINTS]
            ),
            by_status=dict(sorted(Counter(each.status.value for each in endpoints).items())),
            more_endpoints=max(0, len(endpoints) - _MOST_ENDPOINTS),
            faults=tuple(json.dumps(document_of(each)) for each in sources.faults),
            errors=_errors(wrong),
        )

    def _endpoint(
        self,
        endpoint: Endpoint,
        counts: Mapping[FleetName, VariantCounts],
        rates: Mapping[FleetName, float],
        processed: Mapping[str, AsyncCounts],
        backlog: Backlog | None,
        wrong: list[Call],
    ) -> EndpointFacts:
        account, region, name = endpoint.key
        shadows = {each.name for each in self._sources.fleets.route(endpoint).shadows}
        calls = [each for (variant, _), each in counts.items() if variant not in shadows]
        fleets = (*self._fleets(endpoint, counts, rates, processed), *self._copies(endpoint))
        return EndpointFacts(
            account,
            region,
            name,
            endpoint.arn,
            endpoint.status.value,
            endpoint.config_name,
            endpoint.failure_reason,
            endpoint.creation_time,
            endpoint.last_modified_time,
            calls=sum(each.invocations for each in calls)
            + sum(each.invocations_processed for each in processed.values()),
            failed=sum(_failed(each) for each in calls) + sum(each.invocation_failures for each in processed.values()),
            calls_per_second=sum(rate for (variant, _), rate in rates.items() if variant not in shadows)
            if rates
            else None,
            fleets=fleets,
            last_log=() if fleets else self._sources.fleets.last_lines(endpoint.key) or endpoint.last_log,
            backlog=backlog,
            errors=_errors(wrong),
        )

    def _fleets(
        self,
        endpoint: Endpoint,
        counts: Mapping[FleetName, VariantCounts],
        rates: Mapping[FleetName, float],
        processed: Mapping[str, AsyncCounts],
    ) -> Iterable[FleetFacts]:
        fleets, key = self._sources.fleets, endpoint.key
        coming = endpoint.change.config_name if isinstance(endpoint.change, Deployment) else endpoint.config_name
        left = endpoint.stranded.config_name if endpoint.stranded else ""
        route = fleets.route(endpoint)
        shadows = {each.name for each in route.shadows}
        asked = traffic.asked(route)
        seen = traffic.seen(rates, shadows) or traffic.seen(
            {name: each.invocations for name, each in counts.items()}, shadows
        )
        for role, config, members in (
            ("serving", endpoint.config_name, fleets.of(key)),
            ("joining", coming, fleets.joining(key)),
            ("stranded", left, fleets.stranded(key)),
            ("starting", coming, fleets.starting(key)),
        ):
            for name, fleet in members.items():
                routed = role != "starting"
                had = counts.get((name, config), _NO_COUNTS) if routed else _NO_COUNTS
                done = processed.get(name) if routed else None
                yield FleetFacts(
                    role,
                    name,
                    "",
                    config,
                    asked=asked.get((name, config), 0.0) if asked and routed else None,
                    seen=seen.get((name, config), 0.0) if seen and routed else None,
                    shadow=name in shadows,
                    calls=done.invocations_processed if done else had.invocations,
                    failed=done.invocation_failures if done else _failed(had),
                    mean=_milliseconds(had.model_latency_microseconds / had.invocations if had.invocations else None),
                    p50=_milliseconds(had.model_latency_p50_microseconds),
                    p99=_milliseconds(had.model_latency_p99_microseconds),
                    instances=self._instances(fleet),
                )

    def _copies(self, endpoint: Endpoint) -> Iterable[FleetFacts]:
        for key, fleet in self._sources.components.serving.items():
            if (key[0], key[1], fleet.spec.endpoint_name) == endpoint.key:
                variant, instances = fleet.spec.variant_name, self._instances(fleet)
                yield FleetFacts(
                    "serving", variant, key[2], "", None, None, False, None, 0, None, None, None, instances
                )

    def _instances(self, fleet: Fleet) -> tuple[InstanceFacts, ...]:
        return tuple(
            InstanceFacts(
                each.instance_id,
                each.status.value,
                each.pid,
                _memory_of_all(each.pids),
                each.shared_by,
                each.restarts,
                each.message,
                self._sources.tails.of(each.instance_id),
                each.pids,
                each.models,
            )
            for each in fleet.instances
        )


def _milliseconds(microseconds: float | None) -> float | None:
    return None if microseconds is None else microseconds / 1000


def _failed(counts: VariantCounts) -> int:
    return counts.invocation_4xx_errors + counts.invocation_5xx_errors


def _errors(calls: list[Call]) -> tuple[CallFacts, ...]:
    """The newest first."""
    return tuple(
        CallFacts(each.time, each.operation, each.name, each.outcome) for each in reversed(calls[-_MOST_ERRORS:])
    )


def _memory(pid: int | None) -> int | None:
    """Resident; None for a process that is gone."""
    try:
        return None if pid is None else int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None


def _memory_of_all(pids: tuple[int, ...]) -> int | None:
    found = [memory for each in pids if (memory := _memory(each)) is not None]
    return sum(found) if found else None


def own_pids(router: int | None, aws: int | None) -> Mapping[str, int | None]:
    """Our processes by name."""
    return {"control": os.getpid(), "router": router, "aws": aws}
