"""From the highest rate that held to instances, scaling targets and cost. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sagemaker_loadtest.api.spec import Search
from sagemaker_loadtest.exchange.fleet import Fleet

FEWEST_INSTANCES = 2
"""Two, so that one Availability Zone may fail (SageMaker's advice for endpoints that matter)."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one variant carries, and what follows. Rates per second; `target` is the value of
    `SageMakerVariantInvocationsPerInstance` (per instance and minute), `concurrency` requests at once on an instance.
    `instances_at_peak` is None without `instances`; cost needs a price.
    """

    variant: str
    instance_type: str | None
    instances: int | None
    rate: float
    rate_per_instance: float | None
    target: int | None
    concurrency: float | None
    concurrency_target: int | None
    base_rate: float | None
    peak_rate: float
    min_count: int | None
    max_count: int | None
    cost_per_million: float | None


def capacities(
    search: Search, rate: float, shares: dict[str, float], fleet: Fleet, mean_seconds: float | None
) -> tuple[Capacity, ...]:
    """Each variant's part. `rate`: the highest that held over all variants; `shares`: percent of the answers by
    variant; `mean_seconds`: mean service time at that rate.
    """
    names = sorted(shares or {"all": 100.0}, key=lambda name: -shares.get(name, 100.0))
    return tuple(_capacity(search, name, rate, shares.get(name, 100.0) / 100, fleet, mean_seconds) for name in names)


def _capacity(
    search: Search, name: str, rate: float, share: float, fleet: Fleet, mean_seconds: float | None
) -> Capacity:
    """AWS's rule for the target: MAX_RPS x SAFETY_FACTOR x 60 (SageMaker guide, load testing for auto scaling)."""
    own, peak = rate * share, (search.peak_rate or rate) * share
    instances = fleet.instances(name) or search.instances
    base = search.base_rate * share if search.base_rate else None
    if not instances:
        return Capacity(name, None, None, own, None, None, None, None, base, peak, None, None, None)
    each = own / instances
    usable = each * search.safety_factor
    concurrency = each * mean_seconds if mean_seconds is not None else None
    fewest = max(FEWEST_INSTANCES, math.ceil(base / usable - 1e-9)) if base else FEWEST_INSTANCES
    price = search.price_per_hour
    return Capacity(
        variant=name,
        instance_type=fleet.instance_type(name),
        instances=instances,
        rate=own,
        rate_per_instance=each,
        target=max(1, math.floor(usable * 60 + 1e-9)),
        concurrency=concurrency,
        concurrency_target=max(1, round(concurrency * search.safety_factor)) if concurrency is not None else None,
        base_rate=base,
        peak_rate=peak,
        min_count=fewest,
        max_count=max(fewest, math.ceil(peak / usable - 1e-9)),
        cost_per_million=price / (usable * 3600) * 1_000_000 if price is not None else None,
    )


def snippet(capacities: Sequence[Capacity]) -> str:
    """The `autoscaling` of a SageMakerEndpoint's variants, ready to paste; empty when no instance count is known."""
    lines: list[str] = []
    for c in capacities:
        if c.target is None:
            continue
        lines += [] if lines else ["variants:"]
        lines += [f"  - name: {c.variant}", "    instances:"]
        lines += [f"      type: {c.instance_type}"] if c.instance_type else []
        lines += ["      autoscaling:", f"        minCount: {c.min_count}", f"        maxCount: {c.max_count}"]
        lines += ["        targets:", f"          invocationsPerInstance: {c.target}"]
        if c.concurrency_target is not None:
            lines.append(f"          # or, faster to act: concurrentRequestsPerModel: {c.concurrency_target}")
    return "\n".join(lines)
