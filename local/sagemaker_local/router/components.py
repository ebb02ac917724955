"""Which inference component a call is for, if it is for one."""

from __future__ import annotations

from collections.abc import Iterable

from sagemaker_local.router.board import EndpointTarget, VariantTarget
from sagemaker_local.router.load import ComponentCounter
from sagemaker_local.router.pool import Header
from sagemaker_local.router.replies import RuntimeFailure

_HEADER = b"x-amzn-sagemaker-inference-component"

# As SageMaker says them, spelling included.
REQUIRED = RuntimeFailure(
    400,
    "ValidationError",
    "Inference Component Name header is required for endpoints to which you plan to deploy inference components. "
    "Please include Inference Component Name header or consider using SageMaker models.",
)
NOT_ALLOWED = RuntimeFailure(
    400,
    "ValidationError",
    "Inference Component Name header is not allowed for endpoints to which you dont plan to deploy inference "
    "components. Please remove the Inference Component Name header and try again.",
)
NO_CAPACITY = RuntimeFailure(
    400,
    "ValidationError",
    "Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress (if "
    "configured) or try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API.",
)
"""No copy takes calls: there are none, the first one starts, or the last one is being healed."""


def component_of(endpoint: EndpointTarget, headers: Iterable[Header]) -> VariantTarget | RuntimeFailure | None:
    """The component's copies; None for a call to an ordinary endpoint; a failure where header and endpoint disagree."""
    wanted = None
    for name, value in headers:
        if name == _HEADER:
            wanted = value
            break
    components = endpoint.components
    if components is None:
        return None if wanted is None else NOT_ALLOWED
    if wanted is None:
        return REQUIRED
    found = components.get(wanted)
    if found is None:
        route = endpoint.route
        message = (
            f"Inference component {wanted.decode('latin-1')} not found for endpoint {route.name} of account "
            f"{route.account}. It answers once it is InService."
        )
        return RuntimeFailure(400, "ValidationError", message)
    if not found.instances and not found.route.echo:
        if isinstance(found.counter, ComponentCounter):
            found.counter.without_capacity += 1
        return NO_CAPACITY
    return found
