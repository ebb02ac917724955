"""botocore's model of SageMaker: operations with their shapes, and which member names an operation's resource."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import botocore.session
from botocore.model import ServiceModel, Shape, StructureShape

TARGET_PREFIX = "SageMaker."


@dataclass(frozen=True, slots=True)
class OperationModel:
    """An operation as the API's model has it. ``names`` is the input member that tells which resource is meant."""

    name: str
    input: Shape
    output: Shape | None
    names: str | None


@cache
def _service() -> ServiceModel:
    return botocore.session.get_session().get_service_model("sagemaker")


@cache
def operation_model(name: str) -> OperationModel:
    """By name, such as ``CreateModel``. Raises KeyError when the API has no such operation."""
    if name not in _service().operation_names:
        raise KeyError(name)
    found = _service().operation_model(name)
    input_shape: StructureShape = found.input_shape  # type: ignore[assignment]  # every operation here has one
    names = next(
        (each for each in input_shape.required_members if each.endswith("Name") or each == "ResourceArn"), None
    )
    return OperationModel(name, input_shape, found.output_shape, names)


def resource_name(operation: OperationModel, document: object) -> str:
    """The main resource that a request is about, read before it is validated; empty when it names none."""
    value = document.get(operation.names) if isinstance(document, dict) and operation.names else None
    return value.rpartition("/")[2] if isinstance(value, str) else ""
