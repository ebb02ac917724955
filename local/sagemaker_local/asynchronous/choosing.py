"""Which instance of an asynchronous endpoint takes the next request. Pure: the random number comes from the caller."""

from __future__ import annotations

from collections.abc import Mapping

from sagemaker_local.asynchronous.processing import Place
from sagemaker_local.router.choice import WeightedChoice
from sagemaker_local.router.routes import EndpointRoute, VariantRoute

ECHO_INSTANCE = "echo"
DEFAULT_CONCURRENCY = 4
"""For MaxConcurrentInvocationsPerInstance; AWS says only that SageMaker chooses an optimal value."""


def places(route: EndpointRoute, variant: VariantRoute) -> list[Place]:
    """Where requests of a variant can be processed."""
    if variant.echo:
        return [Place(route, variant.name, ECHO_INSTANCE, None)]
    return [Place(route, variant.name, each.instance_id, each) for each in variant.instances]


def capacity(route: EndpointRoute) -> int:
    """Instances that can take requests."""
    return sum(len(places(route, each)) for each in route.variants)


def choose(route: EndpointRoute, running: Mapping[str, int], limit: int, point: float) -> Place | None:
    """The least busy instance of a variant drawn by weight among those with room; ``running`` is by instance id."""
    free = [
        (variant, room)
        for variant in route.variants
        if (room := [each for each in places(route, variant) if running.get(each.instance_id, 0) < limit])
    ]
    index = WeightedChoice([variant.weight * variant.share for variant, _ in free]).pick(point)
    if index is None:
        return None
    return min(free[index][1], key=lambda each: running.get(each.instance_id, 0))
