"""Rules of shadow variants (AWS: "Shadow variants", "Shadow tests", exclusions)."""

from __future__ import annotations

from collections.abc import Sequence

from sagemaker_local.control.state.features import Features
from sagemaker_local.control.state.records import Model, ProductionVariant
from sagemaker_local.control.wire.errors import ApiError, invalid


def check_shadow(
    production: Sequence[ProductionVariant], shadows: Sequence[ProductionVariant], features: Features
) -> None:
    """Of CreateEndpointConfig. Raises ApiError for what does not go together with a shadow variant."""
    if not shadows:
        return
    if len(production) > 1 or len(shadows) > 1:
        raise invalid(
            f"There are {len(production)} production variants and {len(shadows)} shadow variants; an endpoint with a "
            "shadow variant has exactly one of each."
        )
    if features.asynchronous is not None:
        raise _unsupported("AsyncInferenceConfig")
    for each in (*production, *shadows):
        if each.model_name is None:
            raise invalid(f"Variant {each.variant_name} needs ModelName: inference components have no shadow variants.")
        if each.serverless_config is not None:
            raise _unsupported(f"ServerlessConfig (variant {each.variant_name})")
        if each.instance_type.startswith("ml.inf1."):
            raise _unsupported(f"the instance type {each.instance_type} (variant {each.variant_name})")


def check_shadow_model(model: Model) -> None:
    """Of a model that a variant of such an endpoint names. Raises ApiError."""
    if len(model.containers) > 1:
        raise _unsupported(f"the several containers of model {model.name}")
    if any(each.multi_model for each in model.containers):
        raise _unsupported(f"the multi-model container of model {model.name}")


def _unsupported(what: str) -> ApiError:
    return invalid(f"Endpoints with a shadow variant do not support {what}; leave it out.")
