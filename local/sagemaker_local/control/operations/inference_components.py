"""Create, Describe, List, Update, UpdateRuntimeConfig and Delete of inference components."""

from __future__ import annotations

from dataclasses import dataclass

from sagemaker_local.control.operations.component_rules import COPIES_REFUSED, changeable, place_of, spec_of
from sagemaker_local.control.operations.endpoints import resolved_image
from sagemaker_local.control.operations.operation import NOTHING, Operation
from sagemaker_local.control.operations.paging import ListInput, page
from sagemaker_local.control.operations.tags import tags_of_new
from sagemaker_local.control.state.components import (
    ComponentSpec,
    Copies,
    InferenceComponent,
    Rollout,
    deleting,
    updating,
)
from sagemaker_local.control.state.records import Tag
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import invalid, refuse_not_served


@dataclass(frozen=True, slots=True)
class RuntimeConfig:
    """API shape InferenceComponentRuntimeConfig."""

    copy_count: int


@dataclass(frozen=True, slots=True)
class CreateComponentInput:
    """API shape CreateInferenceComponentInput."""

    inference_component_name: str
    endpoint_name: str
    variant_name: str | None = None
    specification: Document | None = None
    specifications: tuple[Document, ...] = ()
    runtime_config: RuntimeConfig | None = None
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True)
class ComponentInput:
    """Of DescribeInferenceComponent and DeleteInferenceComponent."""

    inference_component_name: str


@dataclass(frozen=True, slots=True)
class UpdateComponentInput:
    """API shape UpdateInferenceComponentInput."""

    inference_component_name: str
    specification: Document | None = None
    specifications: tuple[Document, ...] = ()
    runtime_config: RuntimeConfig | None = None
    deployment_config: Document | None = None


@dataclass(frozen=True, slots=True)
class UpdateRuntimeInput:
    """API shape UpdateInferenceComponentRuntimeConfigInput."""

    inference_component_name: str
    desired_runtime_config: RuntimeConfig


@dataclass(frozen=True, slots=True)
class ListComponentsInput(ListInput):
    """API shape ListInferenceComponentsInput."""

    endpoint_name_equals: str | None = None
    variant_name_equals: str | None = None


def create_component(state: AccountState, request: CreateComponentInput, now: float) -> Document:
    """Begins to start the copies. The endpoint must serve and be one for inference components."""
    state.inference_components.refuse_taken(request.inference_component_name)
    endpoint, variant = place_of(state, request.endpoint_name, request.variant_name)
    refuse_not_served({"Specifications": request.specifications or None}, "an inference component")
    if request.specification is None:
        raise invalid("An inference component needs Specification.")
    spec = spec_of(state, request.specification, now)
    if request.runtime_config is None or request.runtime_config.copy_count < 1:
        raise invalid(COPIES_REFUSED)
    tags = tags_of_new(request.tags)
    name, copies = request.inference_component_name, request.runtime_config.copy_count
    arn = state.inference_components.arn(name)
    state.tags[arn] = tags
    state.change_component(
        InferenceComponent(
            key=(state.account, state.region, name),
            arn=arn,
            endpoint_name=endpoint.name,
            endpoint_arn=endpoint.arn,
            variant_name=variant.name,
            instance_type=variant.production.instance_type,
            creation_time=now,
            last_modified_time=now,
            spec=spec,
            desired_copies=copies,
            change=Rollout(spec, copies),
        )
    )
    return {"InferenceComponentArn": arn}


def describe_component(state: AccountState, request: ComponentInput, now: float) -> Document:
    """While an update is under way the earlier specification is shown."""
    component = state.inference_components.require(request.inference_component_name)
    return {
        "InferenceComponentName": component.name,
        "InferenceComponentArn": component.arn,
        "EndpointName": component.endpoint_name,
        "EndpointArn": component.endpoint_arn,
        "VariantName": component.variant_name,
        "FailureReason": component.failure_reason or None,
        "Specification": _specification(component.spec),
        "RuntimeConfig": {
            "DesiredCopyCount": component.desired_copies,
            "CurrentCopyCount": component.current_copies,
        },
        "CreationTime": component.creation_time,
        "LastModifiedTime": component.last_modified_time,
        "InferenceComponentStatus": component.status.value,
    }


def _specification(spec: ComponentSpec) -> Document:
    document = dict(spec.document)
    container = document.pop("Container", None)
    if container is not None:
        image = container["Image"]
        document["Container"] = {
            "DeployedImage": {
                "SpecifiedImage": image,
                "ResolvedImage": resolved_image(image),
                "ResolutionTime": spec.resolution_time,
            },
            "ArtifactUrl": container.get("ArtifactUrl"),
            "Environment": container.get("Environment"),
        }
    return document


def list_components(state: AccountState, request: ListComponentsInput, now: float) -> Document:
    """One page."""
    found = [
        each
        for each in state.inference_components
        if request.endpoint_name_equals in (None, each.endpoint_name)
        and request.variant_name_equals in (None, each.variant_name)
    ]
    shown, token = page(found, request)
    summaries = [
        {
            "CreationTime": each.creation_time,
            "InferenceComponentArn": each.arn,
            "InferenceComponentName": each.name,
            "EndpointArn": each.endpoint_arn,
            "EndpointName": each.endpoint_name,
            "VariantName": each.variant_name,
            "InferenceComponentStatus": each.status.value,
            "LastModifiedTime": each.last_modified_time,
        }
        for each in shown
    ]
    return {"InferenceComponents": summaries, "NextToken": token}


def update_component(state: AccountState, request: UpdateComponentInput, now: float) -> Document:
    """Begins new copies of a new specification, or another number of the same; the earlier ones serve on meanwhile."""
    component = changeable(state, request.inference_component_name)
    refuse_not_served(
        {"Specifications": request.specifications or None, "DeploymentConfig": request.deployment_config},
        "an inference component",
    )
    copies = component.desired_copies if request.runtime_config is None else request.runtime_config.copy_count
    if request.specification is None:
        if request.runtime_config is None:
            raise invalid("UpdateInferenceComponent needs Specification or RuntimeConfig.")
        state.change_component(updating(component, Copies(copies), now))
    else:
        spec = spec_of(state, request.specification, now)
        state.change_component(updating(component, Rollout(spec, copies), now))
    return {"InferenceComponentArn": component.arn}


def update_runtime(state: AccountState, request: UpdateRuntimeInput, now: float) -> Document:
    """Begins to start or end copies; none is allowed."""
    component = changeable(state, request.inference_component_name)
    state.change_component(updating(component, Copies(request.desired_runtime_config.copy_count), now))
    return {"InferenceComponentArn": component.arn}


def delete_component(state: AccountState, request: ComponentInput, now: float) -> Document:
    """Begins to end the copies. Raises ApiError while another change is under way, a creation too."""
    component = state.inference_components.require(request.inference_component_name)
    if component.change is not None:
        raise invalid(
            f'Cannot delete in-progress inference component "{component.arn}": its status is {component.status}.'
        )
    state.scaling.forget_component(component.name)
    state.change_component(deleting(component, now))
    return NOTHING


OPERATIONS = (
    Operation("CreateInferenceComponent", CreateComponentInput, create_component),
    Operation("DescribeInferenceComponent", ComponentInput, describe_component),
    Operation("ListInferenceComponents", ListComponentsInput, list_components),
    Operation("UpdateInferenceComponent", UpdateComponentInput, update_component),
    Operation("UpdateInferenceComponentRuntimeConfig", UpdateRuntimeInput, update_runtime),
    Operation("DeleteInferenceComponent", ComponentInput, delete_component),
)
