"""Route tables on their way from parent to child: what changed, as plain JSON values and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagemaker_local.router.callers import AccessKey
from sagemaker_local.router.routes import (
    CaptureRoute,
    ComponentRoute,
    ContainersRoute,
    EndpointKey,
    EndpointRoute,
    Instance,
    ModelsRoute,
    RouteTable,
    RoutingStrategy,
    ServerlessRoute,
    VariantRoute,
)


def changes(old: RouteTable, new: RouteTable) -> dict[str, Any]:
    """The message that turns ``old`` into ``new``: what to set and what to remove.

    An access key that is to be removed is None.
    """
    gone = dict.fromkeys(name for name in old.access_keys if name not in new.access_keys)
    return {
        "set": [
            _encode(route)
            for key, route in new.endpoints.items()
            if (known := old.endpoints.get(key)) is not route and known != route
        ],
        "removed": [list(key) for key in old.endpoints if key not in new.endpoints],
        "access_keys": gone
        | {
            name: [each.account, each.expires]
            for name, each in new.access_keys.items()
            if old.access_keys.get(name) != each
        },
    }


def apply(table: RouteTable, message: Mapping[str, Any]) -> RouteTable:
    """The table after a message made by ``changes``."""
    endpoints: dict[EndpointKey, EndpointRoute] = dict(table.endpoints)
    for account, region, name in message["removed"]:
        endpoints.pop((account, region, name), None)
    for each in message["set"]:
        route = _decode(each)
        endpoints[route.key] = route
    access_keys = dict(table.access_keys)
    for access_key, fields in message["access_keys"].items():
        access_keys.pop(access_key, None)
        if fields is not None:
            access_keys[access_key] = AccessKey(*fields)
    return RouteTable(endpoints, access_keys)


def _encode(route: EndpointRoute) -> list[Any]:
    variants = [_encode_variant(each) for each in route.variants]
    components = route.components and [[each.name, _encode_variant(each.variant)] for each in route.components]
    shadows = [_encode_variant(each) for each in route.shadows]
    return [route.account, route.region, route.name, route.status, variants, components, route.asynchronous, shadows]


def _encode_variant(variant: VariantRoute) -> list[Any]:
    instances = [[each.instance_id, each.host, each.port, each.containers] for each in variant.instances]
    capture, containers, models = variant.capture, variant.containers, variant.models
    return [
        variant.name,
        variant.weight,
        instances,
        variant.echo,
        variant.strategy.value,
        variant.share,
        variant.config_name,
        [capture.percentage, capture.inputs, capture.outputs] if capture else None,
        variant.serverless.max_concurrency if variant.serverless else None,
        variant.log_group,
        [containers.names, containers.direct] if containers else None,
        models.cached if models else None,
    ]


def _decode(value: list[Any]) -> EndpointRoute:
    account, region, name, status, variants, components, asynchronous, shadows = value
    return EndpointRoute(
        account,
        region,
        name,
        status,
        tuple(_decode_variant(*each) for each in variants),
        None
        if components is None
        else tuple(ComponentRoute(component, _decode_variant(*each)) for component, each in components),
        asynchronous,
        tuple(_decode_variant(*each) for each in shadows),
    )


def _decode_variant(
    name: str,
    weight: float,
    instances: list[Any],
    echo: bool,
    strategy: str,
    share: float,
    config_name: str,
    capture: list[Any] | None,
    concurrency: int | None,
    log_group: str | None,
    containers: list[Any] | None,
    cached: bool | None,
) -> VariantRoute:
    return VariantRoute(
        name,
        weight,
        tuple(Instance(each, host, port, tuple(ports)) for each, host, port, ports in instances),
        echo,
        RoutingStrategy(strategy),
        share,
        config_name,
        CaptureRoute(*capture) if capture else None,
        ServerlessRoute(concurrency) if concurrency is not None else None,
        log_group,
        ContainersRoute(tuple(containers[0]), containers[1]) if containers else None,
        ModelsRoute(cached) if cached is not None else None,
    )
