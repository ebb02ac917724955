"""How the calls of an endpoint are shared between its fleets: as asked by weight, and as seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sagemaker_local.router.routes import EndpointRoute

FleetName = tuple[str, str]
"""Variant and endpoint configuration."""


def asked(route: EndpointRoute) -> Mapping[FleetName, float]:
    """Each fleet's part of the calls; of a shadow variant the part that it gets copies of."""
    weights = {(each.name, each.config_name): each.weight * each.share for each in route.variants}
    total = sum(weights.values())
    shares = {name: weight / total for name, weight in weights.items()} if total else {}
    beside = {each.config_name: each.weight for each in route.variants}
    copied = {
        (each.name, each.config_name): min(1.0, each.weight / beside[each.config_name])
        for each in route.shadows
        if beside.get(each.config_name)
    }
    return {**shares, **copied}


def seen(calls: Mapping[FleetName, float], shadows: Iterable[str]) -> Mapping[FleetName, float]:
    """The same from counts or rates; empty without calls. Copies are held against the calls."""
    names = frozenset(shadows)
    total = sum(count for (variant, _), count in calls.items() if variant not in names)
    return {name: count / total for name, count in calls.items()} if total else {}
