"""One pass over one object: decide, act, write the status, tell. Level-triggered: a pass needs no history."""

import datetime as dt
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sagemaker_operator.api.codec import encode
from sagemaker_operator.api.resource import ObjectKey, Resource
from sagemaker_operator.api.status import Status, with_transition_times
from sagemaker_operator.aws.errors import AWSError, Kind, NotLeadingError, problem_of
from sagemaker_operator.kube.writer import ObjectGone, WriteError, Writer
from sagemaker_operator.plan.actions import (
    AddFinalizer,
    CreateEndpoint,
    DeleteEndpoint,
    Event,
    RemoveFinalizer,
    UpdateEndpoint,
    UpdateWeights,
    event_of,
)
from sagemaker_operator.plan.case import Plan
from sagemaker_operator.plan.events import transition_events
from sagemaker_operator.plan.observed import IN_MOTION
from sagemaker_operator.plan.problems import Problem
from sagemaker_operator.plan.readonly import hold
from sagemaker_operator.reconcile.backoff import Backoff
from sagemaker_operator.reconcile.decision import Decider, Decision
from sagemaker_operator.reconcile.objects import Objects
from sagemaker_operator.reconcile.watchlist import Watchlist

log = logging.getLogger(__name__)

Result = Literal["steady", "changed", "waiting", "error", "gone"]

_JITTER = 0.2
_SETS_IN_MOTION = (CreateEndpoint, UpdateEndpoint, UpdateWeights, DeleteEndpoint)
# What we believed was out of date: looked at again, and told only when that does not help.
_STALE = frozenset({Kind.EXISTS, Kind.ABSENT, Kind.BUSY})
_STALE_PASSES = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a pass ended, and when the object's next one is due: seconds from now, None for never."""

    result: Result
    next_pass: float | None


@dataclass(slots=True)
class _Acted:
    """What became of a plan's actions."""

    resource: Resource
    changed: bool = False
    claimed: bool = False
    moved: bool = False
    released: bool = False
    error: AWSError | None = None


class Reconciler:
    """`reconcile` may run in many threads, one key at a time (the work queue sees to that).

    `may_act`: whether the Lease is held, asked before each write. `role_seconds`: how long a new role or right may be
    unknown to AWS.
    """

    def __init__(
        self,
        objects: Objects,
        decider: Decider,
        writer: Writer,
        watchlist: Watchlist,
        backoff: Backoff,
        *,
        may_act: Callable[[], bool],
        role_seconds: float,
        read_only: bool,
    ) -> None:
        self._objects, self._decider, self._writer = objects, decider, writer
        self._watchlist, self._backoff = watchlist, backoff
        self._may_act, self._role_seconds, self._read_only = may_act, role_seconds, read_only
        self._refused_since: dict[ObjectKey, tuple[int, dt.datetime]] = {}

    def reconcile(self, key: ObjectKey) -> Outcome:
        """One pass. Raises nothing that a repeated pass would not mend."""
        resource = self._objects.get(key)
        if resource is None:
            return self._forget(key)
        try:
            return self._pass(resource)
        except ObjectGone:
            self._objects.drop(key, resource.uid)
            return self._forget(key)
        except WriteError as error:
            log.warning("Kubernetes refused a write, tried again: %s", error, extra={"object": str(key)})
            return Outcome("error", self._backoff.failed(key))
        except NotLeadingError as error:
            log.warning("Left to the operator that leads: %s", error, extra={"object": str(key)})
            return Outcome("error", self._backoff.failed(key))

    def _forget(self, key: ObjectKey) -> Outcome:
        self._watchlist.forget(key)
        self._backoff.succeeded(key)
        self._refused_since.pop(key, None)
        return Outcome("gone", None)

    def _pass(self, resource: Resource) -> Outcome:
        key = resource.key
        decision = self._decider.decide(resource)
        plan, problem = decision.plan, decision.problem
        if self._read_only:
            plan = hold(plan, resource.status)
        acted = self._act(resource, decision, plan)
        if acted.released:
            self._objects.drop(key, resource.uid)
            return self._forget(key)
        if acted.error is not None:
            problem = self._problem(resource, acted.error)
            plan = self._refused(acted.resource, decision, problem, acted.error)
        else:
            self._refused_since.pop(key, None)
        if problem is not None and self._is_hiccup(resource, problem):
            plan = Plan((), acted.resource.status, 0)
        self._write_status(acted.resource, plan.status)
        if decision.target is not None:
            moving = acted.moved or plan.status.endpoint_status in IN_MOTION
            self._watchlist.note(key, decision.target, in_motion=moving)
        outcome = self._outcome(key, plan, problem, changed=acted.changed)
        latest = self._objects.get(key)
        if latest is not None and _asks(latest) != _asks(resource):
            # The reply to our own write showed it first, so that the watch has no news of it any more.
            return Outcome(outcome.result, 0)
        return outcome

    def _claim(self, acted: _Acted) -> None:
        acted.resource = self._writer.add_finalizer(acted.resource)
        acted.claimed = True
        self._objects.put(acted.resource)

    def _is_hiccup(self, resource: Resource, problem: Problem) -> bool:
        """A passing problem of an endpoint that was as it should be is told when it comes three times in a row."""
        steady = resource.status.is_true("Synced") and resource.status.observed_generation == resource.generation
        return steady and not problem.stalled and self._backoff.failures(resource.key) < _STALE_PASSES

    def _act(self, resource: Resource, decision: Decision, plan: Plan) -> _Acted:
        """Carries out the actions in order, up to the first that AWS refuses.

        Raises WriteError, ObjectGone, NotLeadingError.
        """
        acted = _Acted(resource)
        for action in plan.actions:
            self._check_leads()
            if isinstance(action, RemoveFinalizer):
                self._writer.remove_finalizer(acted.resource)
                acted.released = True
            elif isinstance(action, AddFinalizer):
                self._claim(acted)
            elif decision.target is not None:
                if isinstance(action, CreateEndpoint) and not acted.claimed:
                    self._claim(acted)  # an object that was taken away by force must not get a paid endpoint
                try:
                    self._decider.gateway.execute(decision.target, action)
                except AWSError as error:
                    acted.error = error
                    return acted
                acted.moved = acted.moved or isinstance(action, _SETS_IN_MOTION)
            acted.changed = True
            if event := event_of(action):
                self._tell(acted.resource, event)
        return acted

    def _check_leads(self) -> None:
        """Raises NotLeadingError."""
        if not self._may_act():
            raise NotLeadingError("the Lease is not held")

    def _problem(self, resource: Resource, error: AWSError) -> Problem:
        """A new role or right needs time to be known in all of AWS; after that it is missing."""
        now = self._decider.now()
        since = now
        if error.kind is Kind.PROPAGATING:
            generation, since = self._refused_since.get(resource.key, (0, now))
            since = since if generation == resource.generation else now
            self._refused_since[resource.key] = (resource.generation, since)
        waited = (now - since).total_seconds() >= self._role_seconds
        return problem_of(error, self._decider.tuning.blocked, waited=waited)

    def _refused(self, resource: Resource, decision: Decision, problem: Problem, error: AWSError) -> Plan:
        """The plan that says why it does not go on; first the object is looked at again without a word."""
        if error.kind in _STALE and self._backoff.failures(resource.key) < _STALE_PASSES:
            return Plan((), resource.status, 0)
        return decision.refused(problem)

    def _write_status(self, resource: Resource, status: Status) -> None:
        """Only when it changed: each write wakes everyone who watches the object. Raises WriteError, ObjectGone."""
        now = self._decider.now()
        new = with_transition_times(status, resource.status, now)
        if encode(new) == encode(resource.status):
            return
        self._check_leads()
        self._objects.put(self._writer.write_status(resource, new))
        for event in transition_events(resource.status, new, now):
            self._tell(resource, event)

    def _tell(self, resource: Resource, event: Event) -> None:
        level = logging.INFO if event.type == "Normal" else logging.WARNING
        log.log(level, "%s: %s", event.reason, event.message, extra={"reason": event.reason})
        self._writer.emit(resource, event)

    def _outcome(self, key: ObjectKey, plan: Plan, problem: Problem | None, *, changed: bool) -> Outcome:
        if problem is not None and problem.retry_after is None:
            return Outcome("waiting", self._backoff.failed(key))
        self._backoff.succeeded(key)
        spread = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - not a secret
        if problem is not None:
            return Outcome("waiting", plan.next_look * spread)
        return Outcome("changed" if changed else "steady", plan.next_look * spread)


def _asks(resource: Resource) -> tuple[object, ...]:
    """What the user wants of us."""
    return (resource.uid, resource.generation, resource.deletion_requested, resource.retry_token)
