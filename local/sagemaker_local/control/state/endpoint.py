"""One endpoint as it stands: what serves, what is asked for, and the change that is under way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sagemaker_local.control.state.features import NO_FEATURES, Features
from sagemaker_local.control.state.policy import Policy
from sagemaker_local.control.state.records import Container, ProductionVariant, ServerlessConfig
from sagemaker_local.router.routes import EndpointKey


class EndpointStatus(StrEnum):
    """API shape EndpointStatus."""

    CREATING = "Creating"
    IN_SERVICE = "InService"
    UPDATING = "Updating"
    SYSTEM_UPDATING = "SystemUpdating"
    ROLLING_BACK = "RollingBack"
    OUT_OF_SERVICE = "OutOfService"
    DELETING = "Deleting"
    FAILED = "Failed"
    UPDATE_ROLLBACK_FAILED = "UpdateRollbackFailed"


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
    direct: bool = False
    """Whether its containers are called one by one."""

    @property
    def name(self) -> str:
        """Unique in its endpoint."""
        return self.production.variant_name


@dataclass(frozen=True, slots=True)
class Deployment:
    """A new fleet for an endpoint configuration: of a creation, or of an update while the earlier fleet serves.

    ``shares`` is the part of each variant's calls that the new fleet gets already; empty while it gets none.
    """

    config_name: str
    variants: tuple[Variant, ...]
    start_time: float
    policy: Policy
    features: Features = NO_FEATURES
    shares: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scaling:
    """Weights and counts on their way to what the variants desire, without a new fleet."""

    start_time: float


@dataclass(frozen=True, slots=True)
class Deletion:
    """Everything on its way out."""

    start_time: float


@dataclass(frozen=True, slots=True)
class Maintenance:
    """SageMaker's own work on the endpoint, which serves on; ``seconds`` long."""

    start_time: float
    seconds: float


Change = Deployment | Scaling | Deletion | Maintenance


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``variants`` are those of ``config_name``, its shadow variants among them, which serve; a failed or unfinished
    creation has none that do.

    ``change`` is what is under way: set exactly while the status is one in between.
    ``stranded`` is a deployment whose rollback failed: its fleet serves beside the earlier one.
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
    last_policy: Policy | None = None
    features: Features = NO_FEATURES
    stranded: Deployment | None = None
    last_log: tuple[str, ...] = ()
    """What the last container of a failed creation wrote, for the status page."""

    @property
    def name(self) -> str:
        """As it was created; in ARNs it is lower-case."""
        return self.key[2]
