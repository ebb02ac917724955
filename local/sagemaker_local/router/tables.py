"""Route tables on their way from parent to child: what changed, as plain JSON values and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagemaker_local.router.routes import (
    ComponentRoute,
    EndpointKey,
    EndpointRoute,
    Instance,
    RouteTable,
    RoutingStrategy,
    VariantRoute,
)


def changes(old: RouteTable, new: RouteTable) -> dict[str, Any]:
    """The message that turns ``old`` into ``new``: endpoints to set, keys to remove, accounts when they differ."""
    message: dict[str, Any] = {
        "set": [
            _encode(route)
            for key, route in new.endpoints.items()
            if (known := old.endpoints.get(key)) is not route and known != route
        ],
        "removed": [list(key) for key in old.endpoints if key not in new.endpoints],
    }
    if old.accounts != new.accounts:
        message["accounts"] = dict(new.accounts)
    return message


def apply(table: RouteTable, message: Mapping[str, Any]) -> RouteTable:
    """The table after a message made by ``changes``."""
    endpoints: dict[EndpointKey, EndpointRoute] = dict(table.endpoints)
    for account, region, name in message["removed"]:
        endpoints.pop((account, region, name), None)
    for each in message["set"]:
        route = _decode(each)
        endpoints[route.key] = route
    return RouteTable(endpoints, message.get("accounts", table.accounts))


def _encode(route: EndpointRoute) -> list[Any]:
    variants = [_encode_variant(each) for each in route.variants]
    components = route.components and [[each.name, _encode_variant(each.variant)] for each in route.components]
    return [route.account, route.region, route.name, route.status, variants, components]


def _encode_variant(v: VariantRoute) -> list[Any]:
    instances = [[i.instance_id, i.host, i.port] for i in v.instances]
    return [v.name, v.weight, instances, v.echo, v.strategy.value, v.log_group]


def _decode(value: list[Any]) -> EndpointRoute:
    account, region, name, status, variants, components = value
    return EndpointRoute(
        account,
        region,
        name,
        status,
        tuple(_decode_variant(each) for each in variants),
        None
        if components is None
        else tuple(ComponentRoute(component, _decode_variant(each)) for component, each in components),
    )


def _decode_variant(value: list[Any]) -> VariantRoute:
    name, weight, instances, echo, strategy, log_group = value
    return VariantRoute(
        name, weight, tuple(Instance(*each) for each in instances), echo, RoutingStrategy(strategy), log_group
    )
