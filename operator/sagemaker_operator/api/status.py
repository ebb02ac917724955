"""`status` of a SageMakerEndpoint: what is true on AWS, in words for people and in conditions for machines."""

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Literal

ConditionStatus = Literal["True", "False", "Unknown"]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of the Kubernetes API conventions; `reason` is one CamelCase word, `message` one line for people."""

    type: str
    status: ConditionStatus
    reason: str
    message: str = ""
    observed_generation: int = 0
    last_transition_time: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why it does not serve as asked: `class` is the reason of Ready or Stalled, `hint` is what to do about it."""

    class_: str
    message: str
    hint: str = ""
    log_excerpt: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FailedRevision:
    """The revision that is not tried again until the spec changes or a retry is asked for."""

    revision: str
    class_: str
    message: str = ""
    time: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class ServedRevision:
    """A revision that once served, newest first in the history."""

    revision: str
    config_name: str
    time: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Revisions:
    """The operator's whole memory. Losing it costs at most one repeated attempt.

    `target` was asked of SageMaker at `start_time`; `attempts` counts creations that failed for a passing cause.
    """

    active: str | None = None
    target: str | None = None
    active_config_name: str | None = None
    target_config_name: str | None = None
    start_time: dt.datetime | None = None
    attempts: int = 0
    last_failed: FailedRevision | None = None
    history: tuple[ServedRevision, ...] = ()


@dataclass(frozen=True, slots=True)
class VariantStatus:
    """A variant as SageMaker reports it; the share of the traffic is in per cent of the sum of all weights."""

    name: str
    model_name: str | None = None
    image: str | None = None
    image_digest: str | None = None
    weight_percent: str | None = None
    current_count: int | None = None
    desired_count: int | None = None


@dataclass(frozen=True, slots=True)
class Effective:
    """What the operator filled in where the spec was silent, and which tag keys it has put on the endpoint."""

    execution_role_arn: str | None = None
    region: str | None = None
    traffic: dict[str, int] = field(default_factory=dict)
    tag_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """The words of the columns of `kubectl get`."""

    status: str = ""
    reason: str = ""
    traffic: str = ""
    instances: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """The whole status. Everything but `revisions` is rebuilt from AWS at each pass."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    endpoint_name: str | None = None
    endpoint_arn: str | None = None
    url: str | None = None
    region: str | None = None
    account_id: str | None = None
    endpoint_status: str | None = None
    last_handled_retry: str | None = None
    failure: Failure | None = None
    revisions: Revisions = field(default_factory=Revisions)
    variants: tuple[VariantStatus, ...] = ()
    effective: Effective | None = None
    summary: Summary = field(default_factory=Summary)

    def condition(self, type_: str) -> Condition | None:
        """The condition of that type, if it applies."""
        return next((c for c in self.conditions if c.type == type_), None)

    def is_true(self, type_: str) -> bool:
        """Whether the condition is present and True."""
        condition = self.condition(type_)
        return condition is not None and condition.status == "True"


def with_transition_times(new: Status, old: Status, now: dt.datetime) -> Status:
    """`new` with each condition's transition time kept from `old` where its status did not change."""

    def timed(condition: Condition) -> Condition:
        before = old.condition(condition.type)
        kept = before.last_transition_time if before and before.status == condition.status else None
        return replace(condition, last_transition_time=kept or now)

    return replace(new, conditions=tuple(timed(c) for c in new.conditions))
