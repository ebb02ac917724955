"""One endpoint as it stands: what serves, what is asked for, and the change that is under way."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sagemaker_local.control.state.features import NO_FEATURES, Features
from sagemaker_local.control.state.records import Container, ProductionVariant, ServerlessConfig
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.router.routes import EndpointKey


class EndpointStatus(StrEnum):
    """API shape EndpointStatus, as far as endpoints get here."""

    CREATING = "Creating"
    IN_SERVICE = "InService"
    UPDATING = "Updating"
    ROLLING_BACK = "RollingBack"
    DELETING = "Deleting"
    FAILED = "Failed"


class Stage(StrEnum):
    """API shape VariantStatus."""

    CREATING = "Creating"
    UPDATING = "Updating"
    DELETING = "Deleting"
    ACTIVATING_TRAFFIC = "ActivatingTraffic"
    BAKING = "Baking"


@dataclass(frozen=True, slots=True)
class VariantStatus:
    """API shape ProductionVariantStatus: what a variant is busy with."""

    status: Stage
    start_time: float
    message: str = ""


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant with its fleet. Weights are relative; ``current_count`` counts instances that can take requests.

    The counts mean nothing where ``desired_serverless`` is set.
    """

    production: ProductionVariant
    containers: tuple[Container, ...]
    resolution_time: float
    current_weight: float
    desired_weight: float
    current_count: int
    desired_count: int
    status: VariantStatus | None = None
    current_serverless: ServerlessConfig | None = None
    desired_serverless: ServerlessConfig | None = None

    @property
    def name(self) -> str:
        """Unique in its endpoint."""
        return self.production.variant_name


@dataclass(frozen=True, slots=True)
class AllAtOnce:
    """The part of API shape DeploymentConfig that is acted upon; seconds. ``document`` is the whole."""

    wait_seconds: float = 0.0
    termination_wait_seconds: float = 0.0
    document: Document | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """A new fleet for an endpoint configuration: of a creation, or of an update while the earlier fleet serves."""

    config_name: str
    variants: tuple[Variant, ...]
    start_time: float
    policy: AllAtOnce
    features: Features = NO_FEATURES


@dataclass(frozen=True, slots=True)
class Scaling:
    """Weights and counts on their way to what the variants desire, without a new fleet."""

    start_time: float


@dataclass(frozen=True, slots=True)
class Deletion:
    """Everything on its way out."""

    start_time: float


Change = Deployment | Scaling | Deletion


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``variants`` are those of ``config_name``, which serve; a failed or unfinished creation has none that do.

    ``change`` is what is under way: set exactly while the status is one in between.
    """

    key: EndpointKey
    arn: str
    config_name: str
    status: EndpointStatus
    variants: tuple[Variant, ...]
    creation_time: float
    last_modified_time: float
    failure_reason: str = ""
    change: Change | None = None
    last_policy: AllAtOnce | None = None
    features: Features = NO_FEATURES

    @property
    def name(self) -> str:
        """As it was created; in ARNs it is lower-case."""
        return self.key[2]
