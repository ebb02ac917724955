"""Calls with headers of the runtime's own: which variant, or which instance, they ask for."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sagemaker_local.router import custom_headers, replies
from sagemaker_local.router.board import EndpointTarget, VariantTarget
from sagemaker_local.router.components import component_of
from sagemaker_local.router.custom_headers import value_of
from sagemaker_local.router.pool import Header
from sagemaker_local.router.sessions import Sessions


def choose(
    endpoint: EndpointTarget, headers: Sequence[Header], sessions: Sessions
) -> VariantTarget | replies.RuntimeFailure:
    """The variant that the headers ask for, or why there is none. A session goes before a variant's name or weight."""
    if violations := custom_headers.violations(headers):
        return replies.constraints(violations)
    if unsupported := custom_headers.unsupported(headers, endpoint.route.name):
        return replies.unsupported_header(*unsupported)
    component = component_of(endpoint, headers)
    if isinstance(component, replies.RuntimeFailure):
        return component
    session_id = value_of(headers, custom_headers.SESSION_ID)
    if session_id is not None and session_id != custom_headers.NEW_SESSION:
        found = sessions.pinned(endpoint, session_id.decode("latin-1"), time.time())
        return found or replies.session_not_found(endpoint.route, session_id.decode("latin-1"))
    if component is not None:
        return component
    wanted = value_of(headers, custom_headers.TARGET_VARIANT)
    if wanted is not None:
        return endpoint.by_name(wanted) or replies.variant_not_found(endpoint.route, wanted.decode("latin-1"))
    return endpoint.by_weight() or replies.no_weight(endpoint.route)
