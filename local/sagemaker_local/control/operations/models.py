"""CreateModel, DescribeModel, ListModels, DeleteModel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sagemaker_local.control.operations.containers import DIRECT, check_containers
from sagemaker_local.control.operations.model_package_use import check_package_use, container_of_package
from sagemaker_local.control.operations.operation import NOTHING, Operation
from sagemaker_local.control.operations.paging import ListInput, page
from sagemaker_local.control.operations.tags import tags_of_new
from sagemaker_local.control.state.records import Container, Model, Tag
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document, decode
from sagemaker_local.control.wire.errors import invalid, not_served

_MOST_ENVIRONMENT_BYTES = 32 * 1024
_NOT_SERVED = (
    "ModelDataSource",
    "AdditionalModelDataSources",
    "ContainerMetricsConfig",
)


@dataclass(frozen=True, slots=True)
class CreateModelInput:
    """API shape CreateModelInput. What a laptop has no counterpart for (role, VPC, isolation) is only shown again."""

    model_name: str
    primary_container: Document | None = None
    containers: tuple[Document, ...] = ()
    inference_execution_config: Document | None = None
    execution_role_arn: str | None = None
    vpc_config: Document | None = None
    enable_network_isolation: bool = False
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelInput:
    """Of DescribeModel and DeleteModel."""

    model_name: str


def create_model(state: AccountState, request: CreateModelInput, now: float) -> Document:
    """Neither image nor archive nor role is looked at: a fleet that needs them finds out."""
    definitions = _definitions(request)
    tags = tags_of_new(request.tags)
    state.models.refuse_taken(request.model_name)
    arn = state.models.arn(request.model_name)
    containers = tuple(_container(state, each) for each in definitions)
    direct = len(containers) > 1 and (request.inference_execution_config or {}).get("Mode") == DIRECT
    state.models.put(Model(request.model_name, arn, now, containers, _described(request), direct))
    state.tags[arn] = tags
    return {"ModelArn": arn}


def _definitions(request: CreateModelInput) -> tuple[Document, ...]:
    if (request.primary_container is None) == (not request.containers):
        raise invalid("Exactly one of PrimaryContainer and Containers must be set.")
    definitions = (request.primary_container,) if request.primary_container is not None else request.containers
    for each in definitions:
        _check(each)
    check_containers(definitions, request.inference_execution_config)
    variables = [variable for each in definitions for variable in _environment(each)]
    for key, value in variables:
        if "\0" in value:
            raise invalid(f"Environment variable {key} has a NUL character, which no process can be given; remove it.")
    if sum(len(f"{key}{value}".encode()) for key, value in variables) > _MOST_ENVIRONMENT_BYTES:
        raise invalid(f"The Environment of all containers has more than {_MOST_ENVIRONMENT_BYTES} bytes.")
    return definitions


def _environment(definition: Document) -> Iterable[tuple[str, str]]:
    environment: dict[str, str] = definition.get("Environment", {})
    return environment.items()


def _check(definition: Document) -> None:
    for member in _NOT_SERVED:
        if member in definition:
            raise not_served(f"{member} of a container")
    if "ModelPackageName" in definition:
        check_package_use(definition)
    elif "Image" not in definition:
        raise invalid("A container needs Image, the URI of what serves the model.")
    elif "InferenceSpecificationName" in definition:
        raise invalid("InferenceSpecificationName names a part of a model package and so needs ModelPackageName.")


def _container(state: AccountState, definition: Document) -> Container:
    if "ModelPackageName" in definition:
        return container_of_package(state, definition)
    return decode(Container, definition)


def _described(request: CreateModelInput) -> Document:
    def filled(definition: Document) -> Document:
        return {"Mode": "SingleModel", "Environment": {}, **definition}

    return {
        "PrimaryContainer": filled(request.primary_container) if request.primary_container is not None else None,
        "Containers": [filled(each) for each in request.containers] or None,
        "InferenceExecutionConfig": request.inference_execution_config,
        "ExecutionRoleArn": request.execution_role_arn,
        "VpcConfig": request.vpc_config,
        "EnableNetworkIsolation": request.enable_network_isolation,
    }


def describe_model(state: AccountState, request: ModelInput, now: float) -> Document:
    """With the defaults that SageMaker fills in."""
    model = state.models.require(request.model_name)
    return {
        "ModelName": model.name,
        "ModelArn": model.arn,
        "CreationTime": model.creation_time,
        **model.described,
    }


def list_models(state: AccountState, request: ListInput, now: float) -> Document:
    """One page."""
    shown, token = page(state.models, request)
    models = [{"ModelName": each.name, "ModelArn": each.arn, "CreationTime": each.creation_time} for each in shown]
    return {"Models": models, "NextToken": token}


def delete_model(state: AccountState, request: ModelInput, now: float) -> Document:
    """Whether it is allowed while something names the model is a switch."""
    model = state.models.require(request.model_name)
    if state.switches.deletion_of_used_model_refused and (user := _user(state, model.name)):
        raise invalid(f'Cannot delete model "{model.arn}": {user} uses it; delete that first.')
    state.models.remove(model.name)
    return NOTHING


def _user(state: AccountState, name: str) -> str | None:
    """The ARN of something that names the model."""
    for config in state.endpoint_configs:
        if any(each.model_name == name for each in config.variants):
            return config.arn
    for component in state.inference_components:
        if component.spec.document.get("ModelName") == name:
            return component.arn
    return None


OPERATIONS = (
    Operation("CreateModel", CreateModelInput, create_model),
    Operation("DescribeModel", ModelInput, describe_model),
    Operation("ListModels", ListInput, list_models),
    Operation("DeleteModel", ModelInput, delete_model),
)
