"""CreateEndpoint, DescribeEndpoint, ListEndpoints, DeleteEndpoint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sagemaker_local.control.lifecycle import transitions
from sagemaker_local.control.operations import features
from sagemaker_local.control.operations.component_rules import DELETE_REFUSED, has_components
from sagemaker_local.control.operations.deployment_policies import policy_of
from sagemaker_local.control.operations.deployments import deployment_of
from sagemaker_local.control.operations.operation import NOTHING, Operation
from sagemaker_local.control.operations.paging import ListInput, page
from sagemaker_local.control.operations.serverless import described_config
from sagemaker_local.control.operations.tags import tags_of_new
from sagemaker_local.control.state.endpoint import Deployment, Endpoint, EndpointStatus, Variant
from sagemaker_local.control.state.records import Tag
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import in_progress, invalid


@dataclass(frozen=True, slots=True)
class CreateEndpointInput:
    """API shape CreateEndpointInput."""

    endpoint_name: str
    endpoint_config_name: str
    deployment_config: Document | None = None
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True)
class EndpointInput:
    """Of DescribeEndpoint and DeleteEndpoint."""

    endpoint_name: str


def create_endpoint(state: AccountState, request: CreateEndpointInput, now: float) -> Document:
    """Begins to start the fleets of the configuration's variants."""
    state.endpoints.refuse_taken(request.endpoint_name)
    config = state.endpoint_configs.require(request.endpoint_config_name)
    deployment = deployment_of(state, config, policy_of(request.deployment_config), now)
    arn = state.endpoints.arn(request.endpoint_name)
    state.tags[arn] = tags_of_new(request.tags)
    key = (state.account, state.region, request.endpoint_name)
    state.change_endpoint(Endpoint(key, arn, config.name, EndpointStatus.CREATING, (), now, now, change=deployment))
    return {"EndpointArn": arn}


def describe_endpoint(state: AccountState, request: EndpointInput, now: float) -> Document:
    """While a deployment is under way the earlier variants are shown, and the new ones as pending."""
    endpoint = state.endpoints.require(request.endpoint_name)
    deployment = endpoint.change if isinstance(endpoint.change, Deployment) else None
    variants = endpoint.variants or (deployment.variants if deployment else ())
    return {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "EndpointConfigName": endpoint.config_name,
        "ProductionVariants": [_summary(each) for each in variants if not each.production.shadow],
        "ShadowProductionVariants": [_summary(each) for each in variants if each.production.shadow] or None,
        "EndpointStatus": endpoint.status.value,
        "FailureReason": endpoint.failure_reason or None,
        "CreationTime": endpoint.creation_time,
        "LastModifiedTime": endpoint.last_modified_time,
        "LastDeploymentConfig": endpoint.last_policy.document if endpoint.last_policy else None,
        "PendingDeploymentSummary": _pending(deployment) if deployment else None,
        **_features(endpoint, deployment),
    }


def _features(endpoint: Endpoint, deployment: Deployment | None) -> Document:
    """Those of the variants that are shown."""
    found = endpoint.features if endpoint.variants or deployment is None else deployment.features
    return features.described(found)


def _summary(variant: Variant) -> Document:
    routing = variant.production.routing_config
    status = variant.status
    return {
        "VariantName": variant.name,
        "DeployedImages": [
            {
                "SpecifiedImage": each.image,
                "ResolvedImage": resolved_image(each.image),
                "ResolutionTime": variant.resolution_time,
            }
            for each in variant.containers
        ]
        or None,
        "CurrentWeight": variant.current_weight,
        "DesiredWeight": variant.desired_weight,
        "CurrentInstanceCount": None if variant.desired_serverless else variant.current_count,
        "DesiredInstanceCount": None if variant.desired_serverless else variant.desired_count,
        "CurrentServerlessConfig": described_config(variant.current_serverless),
        "DesiredServerlessConfig": described_config(variant.desired_serverless),
        "VariantStatus": [
            {"Status": status.status.value, "StatusMessage": status.message or None, "StartTime": status.start_time}
        ]
        if status
        else None,
        "ManagedInstanceScaling": variant.production.managed_instance_scaling,
        "RoutingConfig": {"RoutingStrategy": routing.routing_strategy} if routing else None,
    }


def _pending(deployment: Deployment) -> Document:
    def summaries(shadow: bool) -> list[Document]:
        return [
            {**_summary(each), "InstanceType": each.production.instance_type or None}
            for each in deployment.variants
            if each.production.shadow is shadow
        ]

    return {
        "EndpointConfigName": deployment.config_name,
        "StartTime": deployment.start_time,
        "ProductionVariants": summaries(shadow=False),
        "ShadowProductionVariants": summaries(shadow=True) or None,
    }


def resolved_image(image: str) -> str:
    """The image by digest. Nothing is pulled here, so the digest is that of the URI itself."""
    folder, slash, last = image.rpartition("/")
    repository = folder + slash + last.partition("@")[0].partition(":")[0]
    return f"{repository}@sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def list_endpoints(state: AccountState, request: ListInput, now: float) -> Document:
    """One page."""
    shown, token = page(state.endpoints, request)
    endpoints = [
        {
            "EndpointName": each.name,
            "EndpointArn": each.arn,
            "CreationTime": each.creation_time,
            "LastModifiedTime": each.last_modified_time,
            "EndpointStatus": each.status.value,
        }
        for each in shown
    ]
    return {"Endpoints": endpoints, "NextToken": token}


def refuse_by_status(endpoint: Endpoint, out_of_service: bool, rollback_failed: bool) -> None:
    """Raises ApiError for the two states in which it is not known what SageMaker takes; True takes it."""
    taken = {EndpointStatus.OUT_OF_SERVICE: out_of_service, EndpointStatus.UPDATE_ROLLBACK_FAILED: rollback_failed}
    if not taken.get(endpoint.status, True):
        raise invalid(f'Cannot change endpoint "{endpoint.arn}": its status is {endpoint.status}.')


def delete_endpoint(state: AccountState, request: EndpointInput, now: float) -> Document:
    """Begins to end the fleets. Raises ApiError while another change is under way."""
    endpoint = state.endpoints.require(request.endpoint_name)
    if endpoint.change is not None:
        raise in_progress(endpoint.arn)
    if has_components(state, endpoint.name):
        raise invalid(DELETE_REFUSED)
    refuse_by_status(
        endpoint, state.switches.out_of_service_takes_deletion, state.switches.rollback_failed_takes_deletion
    )
    state.scaling.forget_endpoint(endpoint.name)
    state.change_endpoint(transitions.deleting(endpoint, now))
    return NOTHING


OPERATIONS = (
    Operation("CreateEndpoint", CreateEndpointInput, create_endpoint),
    Operation("DescribeEndpoint", EndpointInput, describe_endpoint),
    Operation("ListEndpoints", ListInput, list_endpoints),
    Operation("DeleteEndpoint", EndpointInput, delete_endpoint),
)
