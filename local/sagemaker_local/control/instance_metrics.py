"""CloudWatch's metrics of instances, and of the models that multi-model ones load (AWS: "Monitor SageMaker AI with
CloudWatch", "CloudWatch Metrics for Multi-Model Endpoint Deployments")."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from sagemaker_local.control.lifecycle.fleets import Fleets
from sagemaker_local.control.metrics import Series, dimensions_of, samples
from sagemaker_local.control.state.store import Store
from sagemaker_local.hosting.load_times import Times
from sagemaker_local.hosting.types import FleetSpec, InstanceState
from sagemaker_local.hosting.usage import ProcessMeter, Usage
from sagemaker_local.router.routes import SERVING, EndpointKey

NAMESPACE = "/aws/sagemaker/Endpoints"
_LEAST_REAL_SECONDS = 1.0
_NOTHING = Usage(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Instances:
    """The instances of one fleet of a variant."""

    spec: FleetSpec
    states: tuple[InstanceState, ...]

    @property
    def key(self) -> EndpointKey:
        """Of the endpoint."""
        return (self.spec.account, self.spec.region, self.spec.endpoint_name)


def instance_series(fleets: Iterable[Instances], usages: Mapping[int, Usage], disk: float) -> list[Series]:
    """A value for each instance that runs: the parts of the CPUs and of the memory that its processes use, and of the
    disk that is in use; of a multi-model instance how many models it has loaded. Instances that share a process have
    equal parts of it."""
    found: list[Series] = []
    for each in fleets:
        running = [state for state in each.states if state.pids]
        used = [_used(state, usages) for state in running]
        values: dict[tuple[str, str], list[float]] = {
            ("CPUUtilization", "Percent"): [one.cpu for one in used],
            ("MemoryUtilization", "Percent"): [one.memory for one in used],
            ("DiskUtilization", "Percent"): [disk] * len(running),
        }
        if any(container.multi_model for container in each.spec.containers):
            values["LoadedModelCount", "None"] = [float(len(state.models)) for state in running]
        dimensions = dimensions_of(each.key, each.spec.variant_name)
        for (name, unit), of_instances in values.items():
            counts = {value: of_instances.count(value) for value in of_instances}
            series = samples(each.key, name, unit, dimensions, counts)
            found += [replace(one, namespace=NAMESPACE) for one in series]
    return found


def _used(state: InstanceState, usages: Mapping[int, Usage]) -> Usage:
    parts = [usages.get(pid, _NOTHING) for pid in state.pids]
    cpu, memory = sum(each.cpu for each in parts), sum(each.memory for each in parts)
    return Usage(cpu / state.shared_by, memory / state.shared_by)


def loading_series(times: Times) -> list[Series]:
    """Of what was fetched, loaded and unloaded."""
    return [
        series
        for (key, variant), steps in times.items()
        for step, counts in steps.items()
        for series in samples(key, step.value, "Microseconds", dimensions_of(key, variant), counts)
    ]


class InstanceMetrics:
    """Looks at the instances of all endpoints that serve; ``take_times`` gives what happened since it was last asked.

    A clock that races asks more often than is worth a look: the last one of the same second stands then.
    """

    def __init__(self, store: Store, fleets: Fleets, take_times: Callable[[], Times], folder: Path) -> None:
        """``folder`` is on the disk that is told of."""
        self._store = store
        self._fleets = fleets
        self._take_times = take_times
        self._folder = folder
        self._meter = ProcessMeter()
        self._usages: Mapping[int, Usage] = {}
        self._looked = 0.0

    async def minute(self) -> list[Series]:
        """The series of the minute that is over."""
        fleets = list(self._instances())
        pids = [pid for each in fleets for state in each.states for pid in state.pids]
        if time.monotonic() - self._looked >= _LEAST_REAL_SECONDS or not set(pids) <= self._usages.keys():
            self._usages = await asyncio.to_thread(self._meter.look, pids)
            self._looked = time.monotonic()
        disk = shutil.disk_usage(self._folder)
        known = {part: steps for part, steps in self._take_times().items() if self._store.endpoint(part[0])}
        return [*instance_series(fleets, self._usages, 100 * disk.used / disk.total), *loading_series(known)]

    def _instances(self) -> Iterable[Instances]:
        """None of serverless variants, whose environments are no instances of the user's."""
        for endpoint in self._store.endpoints():
            if endpoint.status.value not in SERVING:
                continue
            serverless = {each.name for each in endpoint.variants if each.current_serverless is not None}
            key = endpoint.key
            for name, fleet in chain(self._fleets.of(key).items(), self._fleets.joining(key).items()):
                if name not in serverless:
                    yield Instances(fleet.spec, fleet.instances)
