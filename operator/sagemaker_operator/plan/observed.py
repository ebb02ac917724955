"""What was seen on AWS, as the planner needs it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from sagemaker_operator.plan.problems import Problem

IN_MOTION = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})


@dataclass(frozen=True, slots=True)
class ObservedVariant:
    """One entry of DescribeEndpoint's ProductionVariants."""

    name: str
    current_weight: float | None = None
    desired_weight: float | None = None
    current_count: int | None = None
    desired_count: int | None = None
    image: str | None = None
    image_digest: str | None = None


@dataclass(frozen=True, slots=True)
class ObservedEndpoint:
    """A DescribeEndpoint reply with the endpoint's tags."""

    name: str
    arn: str
    status: str
    config_name: str
    creation_time: dt.datetime
    last_modified_time: dt.datetime
    failure_reason: str = ""
    pending_config_name: str | None = None
    variants: tuple[ObservedVariant, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def in_motion(self) -> bool:
        """Whether SageMaker refuses changes for now (section "Endpoint states" of DescribeEndpoint)."""
        return self.status in IN_MOTION

    @property
    def serves(self) -> bool:
        """Whether invocations are answered now."""
        return self.status in ("InService", "Updating", "SystemUpdating", "RollingBack", "UpdateRollbackFailed")


@dataclass(frozen=True, slots=True)
class Observed:
    """AWS from the view of one object.

    `configs` and `models` are the names that this object's base would have and that exist. `problem` is what kept us
    from looking; the rest is then empty. `account_id` is None until STS has answered once. `runtime_url` is where
    the region's endpoints are invoked.
    """

    endpoint: ObservedEndpoint | None = None
    configs: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()
    account_id: str | None = None
    runtime_url: str | None = None
    log_excerpt: tuple[str, ...] = ()
    problem: Problem | None = None
