"""Rules of models that are more than one container with one archive: multi-model, pipeline, direct invocation.

Sources: API reference, CreateModel and ContainerDefinition; AWS, "Create a Multi-Model Endpoint", "Multi-container
endpoints" and "Inference pipelines".
"""

from __future__ import annotations

from collections.abc import Sequence

from sagemaker_local.control.state.records import Model
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import ApiError, invalid, not_served

SERIAL, DIRECT = "Serial", "Direct"
MULTI_MODEL = "MultiModel"


def check_containers(definitions: Sequence[Document], execution: Document | None) -> None:
    """Of CreateModel. Raises ApiError for containers that do not go together."""
    for each in definitions:
        _check_mode(each)
    if len(definitions) > 1:
        _check_several(definitions, (execution or {}).get("Mode", SERIAL))


def _check_mode(definition: Document) -> None:
    multi_model = definition.get("Mode") == MULTI_MODEL
    if "MultiModelConfig" in definition and not multi_model:
        raise invalid("MultiModelConfig is for containers whose Mode is MultiModel; leave it out.")
    if not multi_model:
        return
    if "ModelPackageName" in definition:
        raise not_served("a multi-model container from a model package")
    if not definition.get("ModelDataUrl", "").endswith("/"):
        raise invalid(
            "A container whose Mode is MultiModel needs ModelDataUrl, the S3 prefix of its models, ending with a slash."
        )


def _check_several(definitions: Sequence[Document], mode: str) -> None:
    names = [each["ContainerHostname"] for each in definitions if "ContainerHostname" in each]
    for name in names:
        if names.count(name) > 1:
            raise invalid(f"ContainerHostname {name} is given twice; every container needs a hostname of its own.")
    if mode == DIRECT and len(names) < len(definitions):
        raise invalid(
            "A model whose InferenceExecutionConfig Mode is Direct needs ContainerHostname in every container: calls "
            "name the container by it."
        )
    if any(each.get("Mode") == MULTI_MODEL for each in definitions):
        raise not_served("a multi-model container beside other containers")


def only_single(model: Model, what: str) -> None:
    """Raises ApiError when a model is more than one container with one archive; ``what`` has no use for it."""
    if len(model.containers) > 1:
        raise not_served(f"{what} of models with several containers")
    if any(each.multi_model for each in model.containers):
        raise not_served(f"{what} of multi-model containers")


def refuse_for_jobs(model: Model) -> None:
    """Raises ApiError for a model that a transform job cannot go through: its requests name no container or model."""
    if model.direct:
        raise not_served("transform jobs of models for direct invocation")
    if any(each.multi_model for each in model.containers):
        raise not_served("transform jobs of multi-model containers")


def refuse_asynchronous(model: Model) -> ApiError | None:
    """Why a model cannot be behind an asynchronous endpoint: InvokeEndpointAsync names neither model nor container."""
    if any(each.multi_model for each in model.containers):
        return invalid(
            f"Model {model.name} is a multi-model one, which asynchronous endpoints do not support: "
            "InvokeEndpointAsync has no TargetModel."
        )
    if model.direct:
        return invalid(
            f"Model {model.name} is for direct invocation, which asynchronous endpoints do not support: "
            "InvokeEndpointAsync has no TargetContainerHostname."
        )
    return None
