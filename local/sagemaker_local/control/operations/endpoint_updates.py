"""UpdateEndpoint and UpdateEndpointWeightsAndCapacities."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sagemaker_local.control.lifecycle import transitions
from sagemaker_local.control.lifecycle.transitions import Target
from sagemaker_local.control.operations.component_rules import refuse_losing_components
from sagemaker_local.control.operations.deployment_policies import fitting, policy_of
from sagemaker_local.control.operations.deployments import DESIRED_COUNT, DESIRED_WEIGHT, deployment_of
from sagemaker_local.control.operations.endpoints import refuse_by_status
from sagemaker_local.control.operations.features import refuse_change_of_kind
from sagemaker_local.control.operations.operation import Operation
from sagemaker_local.control.operations.serverless import changed, refuse_becoming_serverless
from sagemaker_local.control.state.endpoint import Endpoint, EndpointStatus, Variant
from sagemaker_local.control.state.policy import Policy
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import in_progress, invalid, not_served


@dataclass(frozen=True, slots=True)
class VariantProperty:
    """API shape VariantProperty."""

    variant_property_type: str


@dataclass(frozen=True, slots=True)
class UpdateEndpointInput:
    """API shape UpdateEndpointInput."""

    endpoint_name: str
    endpoint_config_name: str
    retain_all_variant_properties: bool = False
    exclude_retained_variant_properties: tuple[VariantProperty, ...] = ()
    deployment_config: Document | None = None
    retain_deployment_config: bool = False


@dataclass(frozen=True, slots=True)
class WeightAndCapacity:
    """API shape DesiredWeightAndCapacity."""

    variant_name: str
    desired_weight: float | None = None
    desired_instance_count: int | None = None
    serverless_update_config: Document | None = None


@dataclass(frozen=True, slots=True)
class WeightsInput:
    """API shape UpdateEndpointWeightsAndCapacitiesInput."""

    endpoint_name: str
    desired_weights_and_capacities: tuple[WeightAndCapacity, ...]


def update_endpoint(state: AccountState, request: UpdateEndpointInput, now: float) -> Document:
    """Begins a new fleet; the earlier one serves until it is healthy, and on if it never is."""
    endpoint = _changeable(state, request.endpoint_name)
    config = state.endpoint_configs.require(request.endpoint_config_name)
    refuse_becoming_serverless(endpoint, config)
    refuse_change_of_kind(endpoint.features, config.features, endpoint.arn, state.switches)
    refuse_losing_components(state, endpoint, config)
    state.endpoint_configs.require(endpoint.config_name)
    if config.name == endpoint.config_name and not state.switches.same_config_update:
        raise invalid(f'Endpoint "{endpoint.arn}" has the configuration {config.name} already; create another one.')
    deployment = deployment_of(
        state, config, _policy(endpoint, request), now, endpoint.variants, _retained_properties(request)
    )
    _refuse_scaled(state, endpoint, deployment.variants)
    policy = fitting(deployment.policy, endpoint.variants, deployment.variants)
    state.change_endpoint(transitions.updating(endpoint, replace(deployment, policy=policy)))
    return {"EndpointArn": endpoint.arn}


def _refuse_scaled(state: AccountState, endpoint: Endpoint, variants: tuple[Variant, ...]) -> None:
    """A scaled variant can have another model, not another instance type (AWS: "Update endpoints that use automatic
    scaling")."""
    wanted = {each.name: each.production.instance_type for each in variants}
    for each in endpoint.variants:
        scaled = each.name in state.scaling.variants_of(endpoint.name)
        if scaled and wanted.get(each.name) != each.production.instance_type:
            raise invalid(
                f'The variant "{each.name}" of endpoint "{endpoint.arn}" is registered as a scalable target, so it can '
                "neither be removed nor get another instance type; deregister it first."
            )


def _changeable(state: AccountState, name: str) -> Endpoint:
    endpoint = state.endpoints.require(name)
    if endpoint.change is not None:
        raise in_progress(endpoint.arn)
    switches = state.switches
    refuse_by_status(endpoint, switches.out_of_service_takes_changes, switches.rollback_failed_takes_changes)
    if endpoint.status in (EndpointStatus.CREATING, EndpointStatus.FAILED):
        raise invalid(
            f'Cannot update endpoint "{endpoint.arn}": its status is {endpoint.status}; delete it and create it again.'
        )
    return endpoint


def _policy(endpoint: Endpoint, request: UpdateEndpointInput) -> Policy:
    if not request.retain_deployment_config:
        return policy_of(request.deployment_config)
    if request.deployment_config is not None:
        raise invalid("RetainDeploymentConfig and DeploymentConfig exclude each other; set one of them.")
    return endpoint.last_policy or Policy()


def _retained_properties(request: UpdateEndpointInput) -> frozenset[str]:
    excluded = {each.variant_property_type for each in request.exclude_retained_variant_properties}
    if unserved := excluded - {DESIRED_COUNT, DESIRED_WEIGHT}:
        raise not_served(f"{min(unserved)} of ExcludeRetainedVariantProperties")
    if not request.retain_all_variant_properties:
        return frozenset()
    return frozenset({DESIRED_COUNT, DESIRED_WEIGHT}) - excluded


def update_weights(state: AccountState, request: WeightsInput, now: float) -> Document:
    """Begins to change weights and counts of the fleet that serves."""
    endpoint = _changeable(state, request.endpoint_name)
    targets = tuple(_target(endpoint, each) for each in request.desired_weights_and_capacities)
    names = [each.variant_name for each in targets]
    if len(set(names)) < len(names):
        raise invalid("DesiredWeightsAndCapacities names a variant twice; name every variant once.")
    state.change_endpoint(transitions.scaling(endpoint, targets, now))
    return {"EndpointArn": endpoint.arn}


def _target(endpoint: Endpoint, asked: WeightAndCapacity) -> Target:
    names = [each.name for each in endpoint.variants]
    if asked.variant_name not in names:
        raise invalid(
            f'Variant "{asked.variant_name}" does not exist in endpoint "{endpoint.arn}"; it has: {", ".join(names)}.'
        )
    variant = next(each for each in endpoint.variants if each.name == asked.variant_name)
    serverless = changed(asked.variant_name, variant.desired_serverless, asked.serverless_update_config)
    if serverless is not None and asked.desired_instance_count is not None:
        raise invalid(f"Variant {asked.variant_name} is serverless and cannot have DesiredInstanceCount.")
    if asked.desired_instance_count == 0 and endpoint.features.asynchronous is None:
        raise invalid(
            f"DesiredInstanceCount of variant {asked.variant_name} must be at least 1: only asynchronous endpoints "
            "and inference components scale to 0."
        )
    return Target(asked.variant_name, asked.desired_weight, asked.desired_instance_count, serverless)


OPERATIONS = (
    Operation("UpdateEndpoint", UpdateEndpointInput, update_endpoint),
    Operation("UpdateEndpointWeightsAndCapacities", WeightsInput, update_weights),
)
