"""The facts, gathered from everything that runs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

import psutil

from sagemaker_local.asynchronous.counts import Backlog
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
from sagemaker_local.status.facts import (
    CallFacts,
    EndpointFacts,
    FleetFacts,
    InstanceFacts,
    ProcessFacts,
    StatusFacts,
)
from sagemaker_local.status.meter import Meter

_MOST_ENDPOINTS = 100
_MOST_ERRORS = 10

Counts = Mapping[EndpointKey, Mapping[str, VariantCounts]]
"""By endpoint and variant."""

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
    counts: Callable[[], Awaitable[Mapping[tuple[EndpointKey, str], VariantCounts]]]
    backlogs: Callable[[], Mapping[EndpointKey, Backlog]]


class Gathering:
    """One look after the other; the looks of a minute make the rates."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._began = time.monotonic()
        self._meter: Meter[EndpointKey] = Meter()

    async def facts(self) -> StatusFacts:
        """As it is now."""
        sources = self._sources
        counts = _by_endpoint(await sources.counts())
        endpoints = sorted(sources.store.endpoints(), key=lambda each: each.key)
        totals = {each.key: sum(found.invocations for found in _of(each, counts)) for each in endpoints}
        rates = self._meter.look(time.monotonic(), totals)
        backlogs = sources.backlogs()
        wrong = [each for each in sources.calls.select() if each.outcome != OK]
        return StatusFacts(
            url=sources.url,
            up_seconds=time.monotonic() - self._began,
            now=sources.clock.now(),
            clock_scale=sources.clock.scale,
            processes=tuple(ProcessFacts(name, pid, _memory(pid)) for name, pid in sources.pids().items()),
            endpoints=tuple(
                self._endpoint(each, counts, rates.get(each.key), backlogs.get(each.key), wrong)
                for each in endpoints[:_MOST_ENDPOINTS]
            ),
            more_endpoints=max(0, len(endpoints) - _MOST_ENDPOINTS),
            faults=tuple(json.dumps(document_of(each)) for each in sources.faults),
            errors=_errors(wrong),
        )

    def _endpoint(
        self, endpoint: Endpoint, counts: Counts, rate: float | None, backlog: Backlog | None, wrong: list[Call]
    ) -> EndpointFacts:
        account, region, name = endpoint.key
        found = _of(endpoint, counts)
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
            calls=sum(each.invocations for each in found),
            failed=sum(_failed(each) for each in found),
            calls_per_second=rate,
            fleets=(*self._fleets(endpoint, counts), *self._copies(endpoint)),
            backlog=backlog,
            errors=_errors([each for each in wrong if (each.account, each.region, each.name) == endpoint.key]),
        )

    def _fleets(self, endpoint: Endpoint, counts: Counts) -> Iterable[FleetFacts]:
        fleets, key = self._sources.fleets, endpoint.key
        coming = endpoint.change.config_name if isinstance(endpoint.change, Deployment) else endpoint.config_name
        left = endpoint.stranded.config_name if endpoint.stranded else ""
        route = fleets.route(endpoint)
        weights = {(each.name, each.config_name): each.weight * each.share for each in route.variants}
        all_weights, all_calls = sum(weights.values()), sum(each.invocations for each in _of(endpoint, counts))
        copied = {each.name: min(1.0, each.weight / all_weights) for each in route.shadows if all_weights}
        shadows = _shadows(endpoint)
        for role, config, members in (
            ("serving", endpoint.config_name, fleets.of(key)),
            ("joining", coming, fleets.joining(key)),
            ("stranded", left, fleets.stranded(key)),
            ("starting", coming, fleets.starting(key)),
        ):
            for name, fleet in members.items():
                had = counts.get(key, {}).get(name, _NO_COUNTS) if role == "serving" else _NO_COUNTS
                weight = weights.get((name, config), 0.0)
                asked = copied.get(name) if name in shadows else weight / all_weights if all_weights else None
                yield FleetFacts(
                    "shadow" if role == "serving" and name in shadows else role,
                    name,
                    "",
                    config,
                    asked=asked if role != "starting" else None,
                    seen=had.invocations / all_calls if all_calls and role == "serving" else None,
                    calls=had.invocations,
                    failed=_failed(had),
                    latency=had.model_latency_microseconds / had.invocations / 1000 if had.invocations else None,
                    instances=self._instances(fleet),
                )

    def _copies(self, endpoint: Endpoint) -> Iterable[FleetFacts]:
        for key, fleet in self._sources.components.serving.items():
            if (key[0], key[1], fleet.spec.endpoint_name) == endpoint.key:
                variant = fleet.spec.variant_name
                yield FleetFacts("serving", variant, key[2], "", None, None, 0, 0, None, self._instances(fleet))

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


def _shadows(endpoint: Endpoint) -> frozenset[str]:
    """The variants that get copies of calls."""
    coming = endpoint.change.variants if isinstance(endpoint.change, Deployment) else ()
    return frozenset(each.name for each in (*endpoint.variants, *coming) if each.production.shadow)


def _of(endpoint: Endpoint, counts: Counts) -> list[VariantCounts]:
    """Of the variants whose replies clients get."""
    shadows = _shadows(endpoint)
    return [found for name, found in counts.get(endpoint.key, {}).items() if name not in shadows]


def _by_endpoint(counts: Mapping[tuple[EndpointKey, str], VariantCounts]) -> Counts:
    found: dict[EndpointKey, dict[str, VariantCounts]] = {}
    for (key, name), each in counts.items():
        found.setdefault(key, {})[name] = each
    return found


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
