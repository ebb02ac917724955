"""What inference components may be: where they go, what they are made of, and when they can be changed."""

from __future__ import annotations

from sagemaker_local.control.operations.containers import only_single
from sagemaker_local.control.state.components import ComponentSpec, ComponentStatus, InferenceComponent
from sagemaker_local.control.state.endpoint import Endpoint, EndpointStatus, Variant
from sagemaker_local.control.state.records import Container, EndpointConfig
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import invalid, not_served

COPIES_REFUSED = "A new inference component needs RuntimeConfig with a CopyCount of at least 1."

DELETE_REFUSED = (
    "Cannot delete endpoint with inference component associated. Please delete inference component and try it again."
)
"""As DeleteEndpoint says it (gruntwork-io/cloud-nuke pull request 1142)."""


def place_of(state: AccountState, endpoint_name: str, variant_name: str | None) -> tuple[Endpoint, Variant]:
    """The endpoint and the variant. Raises ApiError when the endpoint cannot take components."""
    endpoint = state.endpoints.require(endpoint_name)
    if endpoint.status is not EndpointStatus.IN_SERVICE:
        raise invalid(
            f'Cannot create an inference component on endpoint "{endpoint.arn}": its status is {endpoint.status}; '
            "wait until it is InService."
        )
    if variant_name is None:
        raise invalid("An inference component needs VariantName.")
    variant = next((each for each in endpoint.variants if each.name == variant_name), None)
    if variant is None:
        names = ", ".join(each.name for each in endpoint.variants)
        raise invalid(f'Variant "{variant_name}" does not exist in endpoint "{endpoint.arn}"; it has: {names}.')
    if variant.production.model_name is not None:
        raise invalid(
            f'Variant "{variant_name}" of endpoint "{endpoint.arn}" serves a model of its own; inference components '
            "need a variant without ModelName."
        )
    return endpoint, variant


def has_components(state: AccountState, endpoint_name: str) -> bool:
    """Whether an endpoint has a component, in whatever status."""
    return any(each.endpoint_name == endpoint_name for each in state.inference_components)


def refuse_losing_components(state: AccountState, endpoint: Endpoint, wanted: EndpointConfig) -> None:
    """Of UpdateEndpoint. Raises ApiError when a component's variant would go, or get a model of its own.

    As DeleteEndpoint refuses while there are components; no AWS page shows such an update.
    """
    places = {each.variant_name for each in wanted.variants if each.model_name is None}
    lost = [
        each.name
        for each in state.inference_components
        if each.endpoint_name == endpoint.name and each.variant_name not in places
    ]
    if lost:
        raise invalid(
            f'Cannot update endpoint "{endpoint.arn}" with inference component associated: {", ".join(sorted(lost))} '
            f"would have no variant in endpoint configuration {wanted.name}. Please delete inference component and try "
            "it again."
        )


def spec_of(state: AccountState, document: Document, now: float) -> ComponentSpec:
    """Raises ApiError for a specification that SageMaker refuses or that is not served."""
    if "BaseInferenceComponentName" in document:
        raise not_served("BaseInferenceComponentName (adapters)")
    if ("ModelName" in document) == ("Container" in document):
        raise invalid("The Specification of an inference component needs exactly one of ModelName and Container.")
    if "ComputeResourceRequirements" not in document:
        raise invalid("The Specification of an inference component needs ComputeResourceRequirements.")
    startup = document.get("StartupParameters", {})
    return ComponentSpec(
        _container(state, document),
        now,
        document,
        startup.get("ModelDataDownloadTimeoutInSeconds"),
        startup.get("ContainerStartupHealthCheckTimeoutInSeconds"),
    )


def _container(state: AccountState, document: Document) -> Container:
    if "ModelName" in document:
        model = state.models.require(document["ModelName"])
        only_single(model, "inference components")
        return model.containers[0]
    container = document["Container"]
    if "Image" not in container:
        raise invalid("The Container of an inference component needs Image, the URI of what serves the model.")
    if "ContainerMetricsConfig" in container:
        raise not_served("ContainerMetricsConfig of an inference component")
    return Container(container["Image"], container.get("ArtifactUrl"), container.get("Environment", {}))


def changeable(state: AccountState, name: str) -> InferenceComponent:
    """The component. Raises ApiError when it is absent, changing, or not serving."""
    component = state.inference_components.require(name)
    if component.change is not None:
        raise invalid(
            f'Cannot update in-progress inference component "{component.arn}": its status is {component.status}.'
        )
    if component.status is not ComponentStatus.IN_SERVICE:
        raise invalid(
            f'Cannot update inference component "{component.arn}": its status is {component.status}; '
            "delete it and create it again."
        )
    return component
