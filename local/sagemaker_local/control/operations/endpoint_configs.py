"""CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs, DeleteEndpointConfig."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sagemaker_local.control.operations.containers import refuse_asynchronous
from sagemaker_local.control.operations.features import features_of
from sagemaker_local.control.operations.operation import NOTHING, Operation
from sagemaker_local.control.operations.paging import ListInput, page
from sagemaker_local.control.operations.serverless import check_config, check_model, check_variant
from sagemaker_local.control.operations.shadows import check_shadow, check_shadow_model
from sagemaker_local.control.operations.tags import tags_of_new
from sagemaker_local.control.state.records import EndpointConfig, ProductionVariant, Tag
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document, decode
from sagemaker_local.control.wire.errors import invalid, not_served, refuse_not_served

_VARIANT_NOT_SERVED = (
    "InstancePools",
    "VariantInstanceProvisionTimeoutInSeconds",
    "AcceleratorType",
    "CoreDumpConfig",
    "ManagedInstanceScaling",
    "CapacityReservationConfig",
    "AcceleratorPartitionLayouts",
)


@dataclass(frozen=True, slots=True)
class CreateEndpointConfigInput:
    """API shape CreateEndpointConfigInput. What a laptop has no counterpart for is only shown again."""

    endpoint_config_name: str
    production_variants: tuple[Document, ...]
    data_capture_config: Document | None = None
    tags: tuple[Tag, ...] = ()
    kms_key_id: str | None = None
    async_inference_config: Document | None = None
    explainer_config: Document | None = None
    shadow_production_variants: tuple[Document, ...] = ()
    execution_role_arn: str | None = None
    vpc_config: Document | None = None
    enable_network_isolation: bool = False
    metrics_config: Document | None = None
    cross_region_traffic_config: Document | None = None


@dataclass(frozen=True, slots=True)
class EndpointConfigInput:
    """Of DescribeEndpointConfig and DeleteEndpointConfig."""

    endpoint_config_name: str


def create_endpoint_config(state: AccountState, request: CreateEndpointConfigInput, now: float) -> Document:
    """The models must exist; nothing is started."""
    refuse_not_served(
        {
            "ExplainerConfig": request.explainer_config,
            "MetricsConfig": request.metrics_config,
            "CrossRegionTrafficConfig": request.cross_region_traffic_config,
        }
    )
    production = tuple(_variant(each) for each in request.production_variants)
    shadows = tuple(replace(_variant(each), shadow=True) for each in request.shadow_production_variants)
    variants = (*production, *shadows)
    names = [each.variant_name for each in variants]
    for name in names:
        if names.count(name) > 1:
            raise invalid(f"Production variant name {name} is given twice; every variant needs a name of its own.")
    if len({each.model_name is None for each in production}) > 1:
        raise invalid("Either all production variants have ModelName or none has; without it they are for components.")
    tags = tags_of_new(request.tags)
    state.endpoint_configs.refuse_taken(request.endpoint_config_name)
    for each in variants:
        if each.model_name is not None:
            model = state.models.require(each.model_name)
            if each.serverless_config is not None:
                check_model(model)
            if shadows:
                check_shadow_model(model)
            if request.async_inference_config is not None and (refused := refuse_asynchronous(model)):
                raise refused
        elif request.execution_role_arn is None:
            raise invalid(
                f"Production variant {each.variant_name} has no ModelName and so is for inference components; the "
                "endpoint configuration needs ExecutionRoleArn."
            )
    arn = state.endpoint_configs.arn(request.endpoint_config_name)
    features = features_of(request.data_capture_config, request.async_inference_config)
    if features.asynchronous is not None and any(each.model_name is None for each in variants):
        raise not_served("AsyncInferenceConfig of an endpoint for inference components")
    check_shadow(production, shadows, features)
    check_config(variants, features, request.vpc_config, request.enable_network_isolation)
    config = EndpointConfig(request.endpoint_config_name, arn, now, variants, _described(request), features)
    state.endpoint_configs.put(config)
    state.tags[arn] = tags
    return {"EndpointConfigArn": arn}


def _variant(definition: Document) -> ProductionVariant:
    """Raises ApiError for a variant that SageMaker refuses, or that is not served yet."""
    name = definition["VariantName"]
    serverless = "ServerlessConfig" in definition
    if serverless == ("InstanceType" in definition or "InstancePools" in definition):
        raise invalid(
            f"Production variant {name} needs either InstanceType with InitialInstanceCount or ServerlessConfig."
        )
    if serverless:
        check_variant(definition)
    for member in _VARIANT_NOT_SERVED:
        if member in definition and ("ModelName" in definition or member != "ManagedInstanceScaling"):
            raise not_served(f"{member} (production variant {name})")
    if not serverless and "InitialInstanceCount" not in definition:
        raise invalid(f"Production variant {name} has InstanceType and so needs InitialInstanceCount, at least 1.")
    return decode(ProductionVariant, {"ModelName": None, **definition})


def _weighted(definitions: Iterable[Document]) -> list[Document]:
    return [{"InitialVariantWeight": 1.0, **each} for each in definitions]


def _described(request: CreateEndpointConfigInput) -> Document:
    return {
        "ProductionVariants": _weighted(request.production_variants),
        "ShadowProductionVariants": _weighted(request.shadow_production_variants) or None,
        "DataCaptureConfig": request.data_capture_config,
        "AsyncInferenceConfig": request.async_inference_config,
        "KmsKeyId": request.kms_key_id,
        "ExecutionRoleArn": request.execution_role_arn,
        "VpcConfig": request.vpc_config,
        "EnableNetworkIsolation": request.enable_network_isolation,
    }


def describe_endpoint_config(state: AccountState, request: EndpointConfigInput, now: float) -> Document:
    """With the defaults that SageMaker fills in."""
    config = state.endpoint_configs.require(request.endpoint_config_name)
    return {
        "EndpointConfigName": config.name,
        "EndpointConfigArn": config.arn,
        "CreationTime": config.creation_time,
        **config.described,
    }


def list_endpoint_configs(state: AccountState, request: ListInput, now: float) -> Document:
    """One page."""
    shown, token = page(state.endpoint_configs, request)
    configs = [
        {"EndpointConfigName": each.name, "EndpointConfigArn": each.arn, "CreationTime": each.creation_time}
        for each in shown
    ]
    return {"EndpointConfigs": configs, "NextToken": token}


def delete_endpoint_config(state: AccountState, request: EndpointConfigInput, now: float) -> Document:
    """Allowed while an endpoint uses it (API reference: must not be done, but is not refused)."""
    config = state.endpoint_configs.require(request.endpoint_config_name)
    state.endpoint_configs.remove(config.name)
    return NOTHING


OPERATIONS = (
    Operation("CreateEndpointConfig", CreateEndpointConfigInput, create_endpoint_config),
    Operation("DescribeEndpointConfig", EndpointConfigInput, describe_endpoint_config),
    Operation("ListEndpointConfigs", ListInput, list_endpoint_configs),
    Operation("DeleteEndpointConfig", EndpointConfigInput, delete_endpoint_config),
)
