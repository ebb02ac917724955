"""Which part of a variant a call is for: the container or the model that its headers name. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from sagemaker_local.router import replies
from sagemaker_local.router.board import EndpointTarget, VariantTarget
from sagemaker_local.router.custom_headers import (
    SESSION_ID,
    TARGET_CONTAINER,
    TARGET_MODEL,
    unsupported,
    value_of,
)
from sagemaker_local.router.pool import Header


def placed(
    endpoint: EndpointTarget, variant: VariantTarget, headers: Sequence[Header]
) -> VariantTarget | replies.RuntimeFailure:
    """The variant, or the container of it that the call names; a failure where headers and variant disagree."""
    route = variant.route
    direct = route.containers is not None and route.containers.direct
    supported = {TARGET_MODEL: route.models is not None, TARGET_CONTAINER: direct}
    supported[SESSION_ID] = route.models is None and route.containers is None
    if found := unsupported(headers, endpoint.route.name, [each for each in supported if supported[each]]):
        return replies.unsupported_header(*found)
    if route.models is not None and value_of(headers, TARGET_MODEL) is None:
        return replies.header_missing("target model")
    if not direct:
        return variant
    wanted = value_of(headers, TARGET_CONTAINER)
    if wanted is None:
        return replies.header_missing("target container hostname")
    return variant.containers.get(wanted) or replies.container_not_found(
        endpoint.route, wanted.decode("latin-1"), route
    )
