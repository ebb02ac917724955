"""What can be scaled: how a dimension's resource is found, read, and asked for another capacity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sagemaker_local.control.operations.endpoint_updates import WeightAndCapacity, WeightsInput, update_weights
from sagemaker_local.control.operations.inference_components import RuntimeConfig, UpdateRuntimeInput, update_runtime
from sagemaker_local.control.state.components import ComponentStatus
from sagemaker_local.control.state.endpoint import Endpoint, EndpointStatus, Variant
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.errors import invalid
from sagemaker_local.scaling.records import COPIES, INSTANCES, PROVISIONED, Target


@dataclass(frozen=True, slots=True)
class Dimension:
    """One scalable dimension. ``quantity`` is what activities call it.

    ``least`` is the least minimum of a resource and raises ApiError for one that cannot be scaled; ``current`` is None
    once the resource is gone; ``ask`` raises ApiError when SageMaker refuses.
    """

    name: str
    quantity: str
    least: Callable[[AccountState, str], int]
    current: Callable[[AccountState, Target], int | None]
    changing: Callable[[AccountState, Target], bool]
    ask: Callable[[AccountState, Target, int, float], object]


def dimension_of(name: str) -> Dimension:
    """Raises ApiError for one that is not SageMaker's."""
    found = DIMENSIONS.get(name)
    if found is None:
        raise invalid(f"{name} is no scalable dimension of SageMaker; there are {', '.join(sorted(DIMENSIONS))}.")
    return found


def _variant_of(state: AccountState, resource_id: str) -> tuple[Endpoint, Variant | None]:
    """Raises ApiError unless there is such a variant, or one may come."""
    parts = resource_id.split("/")
    if len(parts) != 4 or (parts[0], parts[2]) != ("endpoint", "variant"):
        raise invalid(f"Unsupported resource {resource_id}; it must be endpoint/<name>/variant/<name>.")
    endpoint = state.endpoints.require(parts[1])
    variant = next((each for each in endpoint.variants if each.name == parts[3]), None)
    if state.switches.scalable_target_needs_in_service and endpoint.status is EndpointStatus.CREATING:
        raise invalid(f"Endpoint {endpoint.name} is {endpoint.status}; register its variants once it is InService.")
    if endpoint.status is EndpointStatus.DELETING:
        raise invalid(f"Endpoint {endpoint.name} is {endpoint.status}; its variants cannot be registered any more.")
    if variant is None and endpoint.status is not EndpointStatus.CREATING:
        raise invalid(f"Endpoint {endpoint.name} has no variant {parts[3]}.")
    return endpoint, variant


def _least_instances(state: AccountState, resource_id: str) -> int:
    endpoint, variant = _variant_of(state, resource_id)
    if variant is not None and variant.desired_serverless is not None:
        raise invalid(f"Variant {variant.name} is serverless and has no instances; {INSTANCES} cannot scale it.")
    if variant is not None and variant.production.instance_type.startswith("ml.t"):
        raise invalid(f"Variant {variant.name} has burstable instances, which do not support automatic scaling.")
    config = state.endpoint_configs.get(endpoint.config_name)
    return 0 if config is not None and config.described.get("AsyncInferenceConfig") else 1


def _least_provisioned(state: AccountState, resource_id: str) -> int:
    _, variant = _variant_of(state, resource_id)
    if variant is not None and variant.desired_serverless is None:
        raise invalid(f"Variant {variant.name} is not serverless; {PROVISIONED} cannot scale it.")
    return 1


def _least_copies(state: AccountState, resource_id: str) -> int:
    parts = resource_id.split("/")
    if len(parts) != 2 or parts[0] != "inference-component":
        raise invalid(f"Unsupported resource {resource_id}; it must be inference-component/<name>.")
    component = state.inference_components.require(parts[1])
    if component.status is ComponentStatus.DELETING:
        raise invalid(f"Inference component {component.name} is Deleting; it cannot be registered any more.")
    if component.status is ComponentStatus.CREATING and state.switches.scalable_target_needs_in_service:
        raise invalid(f"Inference component {component.name} is Creating; register it once it is InService.")
    return 0


def _variant(state: AccountState, target: Target) -> Variant | None:
    endpoint = state.endpoints.get(target.endpoint)
    return next((each for each in endpoint.variants if each.name == target.variant), None) if endpoint else None


def _instances(state: AccountState, target: Target) -> int | None:
    variant = _variant(state, target)
    return variant.desired_count if variant else None


def _provisioned(state: AccountState, target: Target) -> int | None:
    variant = _variant(state, target)
    return variant.desired_serverless.provisioned if variant and variant.desired_serverless else None


def _copies(state: AccountState, target: Target) -> int | None:
    component = state.inference_components.get(target.component)
    return component.desired_copies if component else None


def _endpoint_changing(state: AccountState, target: Target) -> bool:
    endpoint = state.endpoints.get(target.endpoint)
    return endpoint is not None and endpoint.change is not None


def _component_changing(state: AccountState, target: Target) -> bool:
    component = state.inference_components.get(target.component)
    return component is not None and component.change is not None


def _ask_instances(state: AccountState, target: Target, wanted: int, now: float) -> object:
    asked = WeightAndCapacity(target.variant, desired_instance_count=wanted)
    return update_weights(state, WeightsInput(target.endpoint, (asked,)), now)


def _ask_provisioned(state: AccountState, target: Target, wanted: int, now: float) -> object:
    asked = WeightAndCapacity(target.variant, serverless_update_config={"ProvisionedConcurrency": wanted})
    return update_weights(state, WeightsInput(target.endpoint, (asked,)), now)


def _ask_copies(state: AccountState, target: Target, wanted: int, now: float) -> object:
    return update_runtime(state, UpdateRuntimeInput(target.component, RuntimeConfig(wanted)), now)


DIMENSIONS: Mapping[str, Dimension] = {
    each.name: each
    for each in (
        Dimension(
            INSTANCES, "desired instance count", _least_instances, _instances, _endpoint_changing, _ask_instances
        ),
        Dimension(
            PROVISIONED,
            "desired provisioned concurrency",
            _least_provisioned,
            _provisioned,
            _endpoint_changing,
            _ask_provisioned,
        ),
        Dimension(COPIES, "desired copy count", _least_copies, _copies, _component_changing, _ask_copies),
    )
}
