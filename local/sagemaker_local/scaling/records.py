"""Scalable targets, policies, scheduled actions and activities of an account in a region. Times are epoch seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sagemaker_local.control.wire.decoding import Document

NAMESPACE = "sagemaker"
INSTANCES = "sagemaker:variant:DesiredInstanceCount"
PROVISIONED = "sagemaker:variant:DesiredProvisionedConcurrency"
COPIES = "sagemaker:inference-component:DesiredCopyCount"
DEFAULT_COOLDOWN_SECONDS = 300.0
"""Of both directions (Application Auto Scaling User Guide, "Define cooldown periods")."""


@dataclass(frozen=True, slots=True)
class Suspended:
    """API shape SuspendedState."""

    dynamic_scaling_in_suspended: bool = False
    dynamic_scaling_out_suspended: bool = False
    scheduled_scaling_suspended: bool = False


@dataclass(frozen=True, slots=True)
class Cooldown:
    """Until when scaling waits, and how far the last scale-out went, which a larger one may exceed at once."""

    out_until: float = 0.0
    in_until: float = 0.0
    out_capacity: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """API shape ScalableTarget."""

    resource_id: str
    dimension: str
    arn: str
    minimum: int
    maximum: int
    role_arn: str
    creation_time: float
    suspended: Suspended = Suspended()
    cooldown: Cooldown = Cooldown()

    @property
    def endpoint(self) -> str:
        """The name of the endpoint whose variant is scaled; empty for an inference component."""
        return "" if self.dimension == COPIES else self.resource_id.split("/")[1]

    @property
    def variant(self) -> str:
        """The variant's name; empty for an inference component."""
        return "" if self.dimension == COPIES else self.resource_id.split("/")[3]

    @property
    def component(self) -> str:
        """The inference component's name; empty for a variant."""
        return self.resource_id.split("/")[1] if self.dimension == COPIES else ""


@dataclass(frozen=True, slots=True)
class ScalingPolicy:
    """API shape ScalingPolicy. ``alarms`` are the names of those that a target tracking policy made itself."""

    name: str
    arn: str
    resource_id: str
    kind: str
    configuration: Document
    creation_time: float
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScheduledAction:
    """API shape ScheduledAction. ``looked`` is the time until which it has been carried out."""

    name: str
    arn: str
    resource_id: str
    schedule: str
    timezone: str
    start_time: float | None
    end_time: float | None
    minimum: int | None
    maximum: int | None
    creation_time: float
    looked: float


@dataclass(frozen=True, slots=True)
class Activity:
    """API shape ScalingActivity. ``wanted`` is the count that it is about."""

    identifier: str
    resource_id: str
    dimension: str
    description: str
    cause: str
    start_time: float
    status: str
    wanted: int
    message: str = ""
    end_time: float | None = None


@dataclass(slots=True)
class ScalingState:
    """What an account has registered in a region. ``put`` and ``gone`` are alarms that CloudWatch must be told of."""

    targets: dict[str, Target] = field(default_factory=dict)
    policies: dict[tuple[str, str], ScalingPolicy] = field(default_factory=dict)
    actions: dict[tuple[str, str], ScheduledAction] = field(default_factory=dict)
    activities: list[Activity] = field(default_factory=list)
    put: list[dict[str, Any]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    def variants_of(self, endpoint: str) -> set[str]:
        """The variants of an endpoint that are scaled."""
        return {each.variant for each in self.targets.values() if each.endpoint == endpoint}

    def forget_policy(self, policy: ScalingPolicy) -> None:
        """A policy and the alarms that it made."""
        self.gone += policy.alarms
        del self.policies[policy.resource_id, policy.name]

    def forget(self, resource_id: str) -> None:
        """A target, its policies and its scheduled actions (API reference, DeregisterScalableTarget)."""
        self.targets.pop(resource_id, None)
        for policy in [each for each in self.policies.values() if each.resource_id == resource_id]:
            self.forget_policy(policy)
        self.actions = {key: each for key, each in self.actions.items() if each.resource_id != resource_id}

    def forget_component(self, name: str) -> None:
        """The target of an inference component that is being deleted."""
        for each in [each for each in self.targets.values() if each.component == name]:
            self.forget(each.resource_id)

    def forget_endpoint(self, endpoint: str) -> None:
        """Every target of an endpoint that is being deleted."""
        for each in [each for each in self.targets.values() if each.endpoint == endpoint]:
            self.forget(each.resource_id)
