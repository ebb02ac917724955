"""Route tables on their way from parent to child: what changed, as plain JSON values and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagemaker_local.router.routes import (
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
    variants = [
        [
            v.name,
            v.weight,
            [[i.instance_id, i.host, i.port] for i in v.instances],
            v.echo,
            v.strategy.value,
            v.share,
            v.config_name,
        ]
        for v in route.variants
    ]
    return [route.account, route.region, route.name, route.status, variants]


def _decode(value: list[Any]) -> EndpointRoute:
    account, region, name, status, variants = value
    return EndpointRoute(
        account,
        region,
        name,
        status,
        tuple(
            VariantRoute(
                v, weight, tuple(Instance(*each) for each in instances), echo, RoutingStrategy(strategy), share, config
            )
            for v, weight, instances, echo, strategy, share, config in variants
        ),
    )
