"""One object's case: all that a decision may look at. The checks of the planner are functions of it."""

import datetime as dt
from dataclasses import dataclass

from sagemaker_operator.api import identity
from sagemaker_operator.api.resource import Resource
from sagemaker_operator.api.status import Revisions, Status
from sagemaker_operator.plan.actions import Action
from sagemaker_operator.plan.desired import Desired
from sagemaker_operator.plan.observed import Observed, ObservedEndpoint


@dataclass(frozen=True, slots=True)
class Tuning:
    """Times in seconds.

    `settle`: how long after UpdateEndpoint an endpoint may still look unchanged; `motion`: the next look at an endpoint
    that changes, should no sweep notice first; `drift`: the next look at a steady one; `retry_base` and `retry_limit`:
    backoff of creations that failed for a passing cause, at most `attempts` of them; `blocked`: the next look at a name
    that somebody else has, or at a right that is missing.
    """

    settle: float = 10.0
    motion: float = 15.0
    drift: float = 3600.0
    blocked: float = 300.0
    retry_base: float = 10.0
    retry_limit: float = 600.0
    attempts: int = 5


@dataclass(frozen=True, slots=True)
class Case:
    """What is wanted, what was seen, what is remembered, and when."""

    resource: Resource
    desired: Desired
    observed: Observed
    now: dt.datetime
    tuning: Tuning

    @property
    def memory(self) -> Revisions:
        """What the last pass remembered."""
        return self.resource.status.revisions

    @property
    def endpoint(self) -> ObservedEndpoint | None:
        """The endpoint, if there is one."""
        return self.observed.endpoint

    @property
    def running_revision(self) -> str | None:
        """The revision of the config that the endpoint names; None when that config is not one of ours."""
        return identity.revision_of(self.desired.base, self.endpoint.config_name) if self.endpoint else None

    @property
    def already_asked(self) -> bool:
        """Whether SageMaker was asked for exactly this before, and the user has not asked for another try."""
        return self.memory.target_config_name == self.desired.config_name and not self.resource.retry_requested

    @property
    def seconds_since_asked(self) -> float:
        """Since the last request that changes the endpoint; infinite when none is remembered."""
        start = self.memory.start_time
        seconds = (self.now - start).total_seconds() if start else float("inf")
        return seconds if seconds >= 0 else float("inf")  # a clock was set back


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in order; the status that is true once it is done; when to look again, in seconds."""

    actions: tuple[Action, ...]
    status: Status
    next_look: float
