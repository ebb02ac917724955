"""Models and endpoint configurations: made once, never changed."""

from __future__ import annotations

from dataclasses import dataclass, field

from sagemaker_local.control.state.features import NO_FEATURES, Features
from sagemaker_local.control.wire.decoding import Document


@dataclass(frozen=True, slots=True)
class Tag:
    """API shape Tag."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class MultiModelConfig:
    """API shape MultiModelConfig."""

    model_cache_setting: str = "Enabled"


@dataclass(frozen=True, slots=True)
class Container:
    """Of API shape ContainerDefinition what hosting acts upon."""

    image: str
    model_data_url: str | None = None
    environment: Document = field(default_factory=dict)
    container_hostname: str | None = None
    mode: str = "SingleModel"
    multi_model_config: MultiModelConfig = MultiModelConfig()

    @property
    def multi_model(self) -> bool:
        """Whether it loads the model that a call names."""
        return self.mode == "MultiModel"


@dataclass(frozen=True, slots=True)
class RoutingConfig:
    """API shape ProductionVariantRoutingConfig."""

    routing_strategy: str


@dataclass(frozen=True, slots=True)
class ServerlessConfig:
    """API shape ProductionVariantServerlessConfig."""

    memory_size_in_mb: int = field(metadata={"wire": "MemorySizeInMB"})
    max_concurrency: int
    provisioned_concurrency: int | None = None

    @property
    def provisioned(self) -> int:
        """Environments that are kept warm."""
        return self.provisioned_concurrency or 0


@dataclass(frozen=True, slots=True)
class ProductionVariant:
    """Of API shape ProductionVariant what is acted upon. The two time-outs are seconds."""

    variant_name: str
    model_name: str | None
    """None for inference components."""

    instance_type: str = ""
    """Empty for a serverless one."""

    initial_instance_count: int = 1
    initial_variant_weight: float = 1.0
    model_data_download_timeout_in_seconds: int | None = None
    container_startup_health_check_timeout_in_seconds: int | None = None
    routing_config: RoutingConfig | None = None
    managed_instance_scaling: Document | None = None
    serverless_config: ServerlessConfig | None = None
    shadow: bool = False
    """Whether it gets copies of another variant's calls, and its replies are discarded."""


@dataclass(frozen=True, slots=True)
class Model:
    """``described`` is the request, which DescribeModel shows again."""

    name: str
    arn: str
    creation_time: float
    containers: tuple[Container, ...]
    described: Document
    direct: bool = False
    """Whether a call is for the container that it names, and not for all of them one after the other."""


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """``variants`` are the production variants and after them the shadow variants.

    ``described`` is the request, which DescribeEndpointConfig shows again.
    """

    name: str
    arn: str
    creation_time: float
    variants: tuple[ProductionVariant, ...]
    described: Document
    features: Features = NO_FEATURES
