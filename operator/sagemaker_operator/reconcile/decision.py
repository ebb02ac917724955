"""What to do about one object: AWS observed and the planner asked, with a fresh look before anything is changed."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

from sagemaker_operator.api import identity
from sagemaker_operator.api.identity import Owner
from sagemaker_operator.api.resource import Resource
from sagemaker_operator.aws.gateway import Gateway, Target
from sagemaker_operator.plan.actions import ChangeTags, DeleteEndpoint, UpdateEndpoint, UpdateWeights
from sagemaker_operator.plan.case import Case, Plan, Tuning
from sagemaker_operator.plan.deletion import DeletionCase, blocked_deletion, plan_deletion
from sagemaker_operator.plan.desired import NO_REGION, Defaults, Desired, build_desired, settled_defaults
from sagemaker_operator.plan.images import ImageTable
from sagemaker_operator.plan.memory import known_log_excerpt, log_excerpt_wanted
from sagemaker_operator.plan.observed import IN_MOTION, Observed
from sagemaker_operator.plan.planner import plan
from sagemaker_operator.plan.problems import InvalidSpec, Problem
from sagemaker_operator.plan.refusals import invalid_spec, unreadable_spec
from sagemaker_operator.plan.steps import blocked

# A look is older than that when its time has come, whatever the jitter.
_DUE = 0.75
# Old enough that somebody else may have changed the endpoint since.
_FRESH_SECONDS = 5.0
_NEEDS_TAGS = (UpdateEndpoint, UpdateWeights, DeleteEndpoint)
_CHANGES_ENDPOINT = (*_NEEDS_TAGS, ChangeTags)


@dataclass(frozen=True, slots=True)
class Decision:
    """A plan, what it is about, what stood in the way of looking, and what to say when AWS refuses one of its actions.

    `target` is None when the spec does not say where the endpoint is.
    """

    plan: Plan
    target: Target | None
    problem: Problem | None
    refused: Callable[[Problem], Plan]


@dataclass(frozen=True, slots=True)
class Decider:
    """`cluster` is the identity in the tags; `now` is the wall clock."""

    gateway: Gateway
    images: ImageTable
    cluster: str
    defaults: Defaults
    tuning: Tuning
    now: Callable[[], dt.datetime]

    def decide(self, resource: Resource) -> Decision:
        """The next step for the object. Failures to look at AWS are in the decision, not raised."""
        owner = Owner(self.cluster, resource.key, resource.uid)
        return self._delete(resource, owner) if resource.deletion_requested else self._keep(resource, owner)

    def _keep(self, resource: Resource, owner: Owner) -> Decision:
        if resource.spec is None:
            return self._invalid(resource, owner, unreadable_spec(resource.spec_error or "the spec cannot be read"))
        defaults = settled_defaults(self.defaults, resource.status)
        try:
            desired = build_desired(resource.spec, owner, defaults, self.images)
        except InvalidSpec as error:
            return self._invalid(resource, owner, error.problem)
        target = Target(owner, desired.region, desired.endpoint_name)
        moving = self.gateway.last_known_status(target) in IN_MOTION
        oldest = _DUE * (self.tuning.motion if moving else self.tuning.drift)
        case = self._case(resource, desired, target, 0 if resource.retry_requested else oldest)
        decided = plan(case)
        if case.endpoint is not None and any(isinstance(action, _CHANGES_ENDPOINT) for action in decided.actions):
            sure = any(isinstance(action, _NEEDS_TAGS) for action in decided.actions)
            case = self._case(resource, desired, target, _FRESH_SECONDS, sure=sure)
            decided = plan(case)
        return Decision(decided, target, case.observed.problem, lambda problem: blocked(case, problem))

    def _case(
        self, resource: Resource, desired: Desired, target: Target, oldest_seconds: float, *, sure: bool = False
    ) -> Case:
        manages = resource.spec is not None and resource.spec.management_policy == "Manage"
        observed = self.gateway.observe(target, oldest_seconds, desired if manages else None, sure=sure)
        case = Case(resource, desired, observed, self.now(), self.tuning)
        if log_excerpt_wanted(case):
            lines = self.gateway.log_excerpt(target, case.memory.start_time)
        else:
            lines = known_log_excerpt(case)
        return replace(case, observed=replace(observed, log_excerpt=lines)) if lines else case

    def _delete(self, resource: Resource, owner: Owner) -> Decision:
        target = self._target(resource, owner)
        observed = self.gateway.observe_leftovers(target) if target.region else Observed(problem=NO_REGION)
        name, region = target.endpoint_name, target.region
        case = DeletionCase(resource, owner, name, region, observed, self.now(), self.tuning)
        return Decision(plan_deletion(case), target, observed.problem, lambda problem: blocked_deletion(case, problem))

    def _invalid(self, resource: Resource, owner: Owner, problem: Problem) -> Decision:
        """What serves is still looked at; names and region are enough for that."""
        target = self._target(resource, owner)
        if not target.region:
            said = invalid_spec(resource, problem, self.tuning)
            return Decision(said, None, None, lambda _problem: said)
        observed = self.gateway.observe(target, _DUE * self.tuning.motion)
        endpoint = observed.endpoint
        ours = endpoint if endpoint is not None and owner.owns(endpoint.tags) else None
        said = invalid_spec(resource, problem, self.tuning, replace(observed, endpoint=ours))
        return Decision(said, target, None, lambda _problem: said)

    def _target(self, resource: Resource, owner: Owner) -> Target:
        """Where the object's endpoint is, whatever else the spec says; without a region when nobody knows it."""
        defaults, placed = settled_defaults(self.defaults, resource.status), resource.placed
        given = (placed.endpoint_name if placed else None) or defaults.endpoint_name
        name = identity.endpoint_name(owner.key, given, defaults.name_prefix)
        return Target(owner, (placed.region if placed else None) or defaults.region or "", name)
