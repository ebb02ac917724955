"""Rules of serverless variants (AWS: Deploy models with Amazon SageMaker Serverless Inference)."""

from __future__ import annotations

from collections.abc import Iterable

from sagemaker_local.control.state.endpoint import Endpoint
from sagemaker_local.control.state.features import Features
from sagemaker_local.control.state.records import EndpointConfig, Model, ProductionVariant, ServerlessConfig
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import ApiError, invalid

_LEAST_MEMORY, _MOST_MEMORY, _MEMORY_STEP = 1024, 6144, 1024
_NOT_OF_VARIANT = ("InitialInstanceCount", "VolumeSizeInGB")


def check_variant(definition: Document) -> None:
    """Of a variant with ServerlessConfig. Raises ApiError."""
    name, config = definition["VariantName"], definition["ServerlessConfig"]
    if "ModelName" not in definition:
        raise invalid(f"Production variant {name} has ServerlessConfig and so needs ModelName.")
    for member in _NOT_OF_VARIANT:
        if member in definition:
            raise invalid(f"Production variant {name} has ServerlessConfig and so cannot have {member}.")
    memory = config["MemorySizeInMB"]
    if not _LEAST_MEMORY <= memory <= _MOST_MEMORY or memory % _MEMORY_STEP:
        raise invalid(
            f"MemorySizeInMB of production variant {name} is {memory}; it must be one of "
            f"{', '.join(map(str, range(_LEAST_MEMORY, _MOST_MEMORY + 1, _MEMORY_STEP)))}."
        )
    check_concurrency(name, config["MaxConcurrency"], config.get("ProvisionedConcurrency"))


def check_concurrency(variant: str, most: int, provisioned: int | None) -> None:
    """Raises ApiError."""
    if provisioned is not None and provisioned > most:
        raise invalid(
            f"ProvisionedConcurrency {provisioned} of production variant {variant} must not exceed "
            f"MaxConcurrency {most}."
        )


def check_config(
    variants: tuple[ProductionVariant, ...], features: Features, vpc_config: Document | None, isolated: bool
) -> None:
    """Of an endpoint configuration. Raises ApiError for what serverless endpoints do not have."""
    if not any(each.serverless_config for each in variants):
        return
    if len(variants) > 1:
        raise invalid("A serverless endpoint has exactly one production variant.")
    for member, given in (
        ("AsyncInferenceConfig", features.asynchronous is not None),
        ("DataCaptureConfig", features.data_capture is not None),
        ("VpcConfig", vpc_config is not None),
        ("EnableNetworkIsolation", isolated),
    ):
        if given:
            raise _unsupported(member)


def check_model(model: Model) -> None:
    """Of a model that a serverless variant names. Raises ApiError."""
    described = model.described
    if len(model.containers) > 1:
        raise _unsupported("a model of several containers")
    for member in ("VpcConfig", "EnableNetworkIsolation"):
        if described.get(member):
            raise _unsupported(f"{member} of model {model.name}")
    for each in _containers(described):
        if each.get("Mode") == "MultiModel":
            raise _unsupported(f"the multi-model container of model {model.name}")
        for member in ("ImageConfig", "ModelDataSource"):
            if member in each:
                raise _unsupported(f"{member} of model {model.name}")


def _containers(described: Document) -> Iterable[Document]:
    primary = described.get("PrimaryContainer")
    return [primary] if primary else described.get("Containers") or []


def _unsupported(what: str) -> ApiError:
    return invalid(f"Serverless Inference does not support {what}; leave it out.")


def changed(variant: str, now: ServerlessConfig | None, asked: Document | None) -> ServerlessConfig | None:
    """What ServerlessUpdateConfig makes of a variant's configuration. Raises ApiError."""
    if asked is None:
        return now
    if now is None:
        raise invalid(f"Variant {variant} is not serverless and cannot have ServerlessUpdateConfig.")
    found = ServerlessConfig(
        now.memory_size_in_mb,
        asked.get("MaxConcurrency", now.max_concurrency),
        asked.get("ProvisionedConcurrency", now.provisioned_concurrency),
    )
    check_concurrency(variant, found.max_concurrency, found.provisioned_concurrency)
    return found


def refuse_becoming_serverless(endpoint: Endpoint, wanted: EndpointConfig) -> None:
    """Of UpdateEndpoint: the other way is allowed. Raises ApiError."""
    before = any(each.desired_serverless for each in endpoint.variants)
    if not before and any(each.serverless_config for each in wanted.variants):
        raise invalid(
            f'Cannot update endpoint "{endpoint.arn}" from an instance-based to a serverless one; create another.'
        )


def described_config(config: ServerlessConfig | None) -> Document | None:
    """API shape ProductionVariantServerlessConfig."""
    if config is None:
        return None
    return {
        "MemorySizeInMB": config.memory_size_in_mb,
        "MaxConcurrency": config.max_concurrency,
        "ProvisionedConcurrency": config.provisioned_concurrency,
    }
