"""What instances use of the machine, and what of it is published."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.control.instance_metrics import NAMESPACE, Instances, instance_series, loading_series
from sagemaker_local.hosting.load_times import LoadTimes, Step
from sagemaker_local.hosting.types import ContainerSpec, FleetSpec, InstanceState, InstanceStatus
from sagemaker_local.hosting.usage import ProcessMeter, Usage

KEY = ("111122223333", "eu-west-1", "shop")
SPEC = FleetSpec(*KEY, "main", (ContainerSpec("i"),), "ml.m5.large", 1)
MODELS = replace(SPEC, containers=(ContainerSpec("i", multi_model=True),))
BUSY = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.process_time(); input()"], stdin=sys.stdin)
held = bytearray(40_000_000)
import time
while time.process_time() < 0.3: pass
print("done", flush=True)
input()
"""


def state(*pids: int, shared_by: int = 1, models: tuple[str, ...] = ()) -> InstanceState:
    return InstanceState("i-1", InstanceStatus.IN_SERVICE, shared_by=shared_by, models=models, pids=pids)


@given(st.lists(st.tuples(st.floats(0, 800), st.floats(0, 100)), min_size=1, max_size=6), st.integers(1, 4))
def test_instances_that_share_a_process_use_together_what_it_does(uses: list[tuple[float, float]], shared: int) -> None:
    usages = {pid: Usage(*use) for pid, use in enumerate(uses, 1)}
    states = tuple(state(pid, shared_by=shared) for pid in usages for _ in range(shared))
    found = {each.name: each for each in instance_series([Instances(SPEC, states)], usages, 25.0)}
    assert found["CPUUtilization"].total == pytest.approx(sum(cpu for cpu, _ in uses))
    assert found["MemoryUtilization"].total == pytest.approx(sum(memory for _, memory in uses))
    assert found["DiskUtilization"].values == ((25.0, len(states)),)
    assert {each.namespace for each in found.values()} == {NAMESPACE}
    assert {each.dimensions for each in found.values()} == {(("EndpointName", "shop"), ("VariantName", "main"))}
    assert "LoadedModelCount" not in found


def test_an_instance_of_several_containers_uses_what_all_of_them_do() -> None:
    usages = {1: Usage(10.0, 1.0), 2: Usage(50.0, 2.0)}
    found = {each.name: each.total for each in instance_series([Instances(SPEC, (state(1, 2),))], usages, 0.0)}
    assert (found["CPUUtilization"], found["MemoryUtilization"]) == (60.0, 3.0)


def test_only_what_runs_is_told_of() -> None:
    for_components = replace(SPEC, containers=())
    assert instance_series([Instances(SPEC, (state(), state())), Instances(for_components, (state(),))], {}, 5.0) == []


def test_each_instance_tells_how_many_models_it_has() -> None:
    states = (state(1, models=("a", "b")), state(2, models=("a",)), state(3))
    found = {each.name: each for each in instance_series([Instances(MODELS, states)], {}, 0.0)}
    assert Counter(dict(found["LoadedModelCount"].values)) == Counter({2.0: 1, 1.0: 1, 0.0: 1})
    assert found["LoadedModelCount"].total == 3.0


def test_times_are_told_once() -> None:
    times = LoadTimes()
    times.add((KEY, "main"), Step.LOADING, 0.25)
    times.add((KEY, "main"), Step.LOADING, 0.25)
    times.add((KEY, "main"), Step.UNLOADING, 1.0)
    found = {each.name: each for each in loading_series(times.take())}
    assert found["ModelLoadingTime"].values == ((250_000.0, 2),)
    assert found["ModelUnloadingTime"].total == 1_000_000.0
    assert {each.unit for each in found.values()} == {"Microseconds"}
    assert times.take() == {}


def test_a_process_is_measured_with_what_it_has_started() -> None:
    meter = ProcessMeter()
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        found = meter.look([process.pid])[process.pid]
        (child,) = psutil.Process(process.pid).children()
        rss = psutil.Process(process.pid).memory_info().rss + child.memory_info().rss
        assert found.cpu > 0
        assert found.memory == pytest.approx(100 * rss / psutil.virtual_memory().total, rel=0.2)
        assert meter.look([process.pid])[process.pid].cpu < found.cpu + 100
        process.communicate()
    assert meter.look([process.pid]) == {}


def test_only_what_was_used_since_the_last_look_counts() -> None:
    meter = ProcessMeter()
    own = os.getpid()
    meter.look([own])
    before = meter._used[psutil.Process(own)]
    meter.look([own])
    assert meter._used[psutil.Process(own)] >= before
    meter._used[psutil.Process(own)] += 1000.0  # as if it had been used before already
    assert meter.look([own])[own].cpu < 0
