"""How a deployment goes (API shape DeploymentConfig), and the steps that follow from it. Pure; times are seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sagemaker_local.control.wire.decoding import Document


class Traffic(StrEnum):
    """API shape TrafficRoutingConfigType."""

    ALL_AT_ONCE = "ALL_AT_ONCE"
    CANARY = "CANARY"
    LINEAR = "LINEAR"


@dataclass(frozen=True, slots=True)
class CapacitySize:
    """API shape CapacitySize: ``type`` is INSTANCE_COUNT or CAPACITY_PERCENT."""

    type: str
    value: int

    def share(self, count: int) -> float:
        """Its part of so many instances, at most 1."""
        return min(1.0, self.value / (100 if self.type == "CAPACITY_PERCENT" else max(1, count)))

    def instances(self, count: int) -> int:
        """As many whole instances as it allows of so many, at least one."""
        return max(1, math.floor(self.share(count) * count + 1e-9))


WHOLE = CapacitySize("CAPACITY_PERCENT", 100)


@dataclass(frozen=True, slots=True)
class BlueGreen:
    """API shape BlueGreenUpdatePolicy: a whole new fleet first, then its traffic.

    ``step`` is CanarySize or LinearStepSize.
    """

    traffic: Traffic = Traffic.ALL_AT_ONCE
    step: CapacitySize = WHOLE
    wait_seconds: float = 0.0
    termination_wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Rolling:
    """API shape RollingUpdatePolicy: instances and their traffic replaced batch by batch."""

    batch: CapacitySize
    wait_seconds: float = 0.0
    rollback_batch: CapacitySize = WHOLE


@dataclass(frozen=True, slots=True)
class Policy:
    """``alarms`` by name are judged while baking; ``document`` is the whole as it was given."""

    strategy: BlueGreen | Rolling = field(default_factory=BlueGreen)
    maximum_seconds: float | None = None
    alarms: tuple[str, ...] = ()
    document: Document | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """The new fleet has so many ``instances`` of each variant and gets this ``shares`` of its calls, then it bakes.

    Only a rolling update changes instances; ``old_instances`` of the earlier fleet stay after the baking.
    """

    shares: Mapping[str, float]
    instances: Mapping[str, int]
    old_instances: Mapping[str, int]


def steps(policy: Policy, counts: Mapping[str, int], old_counts: Mapping[str, int]) -> tuple[Step, ...]:
    """In order; with the last one the new fleet has everything. ``counts`` are instances by variant."""
    strategy = policy.strategy
    if isinstance(strategy, Rolling):
        return _batches(strategy, counts, old_counts)
    sizes = {name: _first_share(strategy, count) for name, count in counts.items()}
    if strategy.traffic is Traffic.LINEAR:
        number = max((math.ceil(1 / each - 1e-9) for each in sizes.values()), default=1)
    else:
        number = 2 if strategy.traffic is Traffic.CANARY else 1
    return tuple(
        Step({name: 1.0 if at == number else min(1.0, each * at) for name, each in sizes.items()}, counts, old_counts)
        for at in range(1, number + 1)
    )


def _first_share(strategy: BlueGreen, count: int) -> float:
    return 1.0 if strategy.traffic is Traffic.ALL_AT_ONCE else strategy.step.share(count)


def _batches(strategy: Rolling, counts: Mapping[str, int], old_counts: Mapping[str, int]) -> tuple[Step, ...]:
    number = max(math.ceil(count / strategy.batch.instances(count)) for count in counts.values())
    found = []
    for at in range(1, number + 1):
        new = {name: min(count, strategy.batch.instances(count) * at) for name, count in counts.items()}
        shares = {name: new[name] / counts[name] for name in counts}
        old = {name: math.ceil(count * (1 - shares.get(name, 1.0)) - 1e-9) for name, count in old_counts.items()}
        found.append(Step(shares, new, old))
    return tuple(found)
