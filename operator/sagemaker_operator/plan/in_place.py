"""Checks of the planner whose changes need no new fleet: traffic, instance counts, tags."""

from dataclasses import replace

from sagemaker_operator.plan.actions import ChangeTags, Event, UpdateWeights
from sagemaker_operator.plan.case import Case, Plan
from sagemaker_operator.plan.failures import classify
from sagemaker_operator.plan.memory import asked, backoff, remember_failure, settled
from sagemaker_operator.plan.report import status_of
from sagemaker_operator.plan.reports import adjusting, adjustment_failed, instances_words, serving


def adjust_weights_and_counts(case: Case) -> Plan | None:
    """Weights and counts are changed in place, with no new fleet."""
    endpoint, desired, memory = case.endpoint, case.desired, case.memory
    if endpoint is None:
        return None
    seen = {v.name: v for v in endpoint.variants}
    weights = any(seen[v.name].desired_weight != v.weight for v in desired.variants if v.name in seen)
    counts = {v.name: v.count for v in desired.variants if v.name in seen and seen[v.name].desired_count != v.count}
    if not weights and not counts:
        return None
    attempts = 0
    if case.already_asked and memory.start_time:
        if case.seconds_since_asked < case.tuning.settle:
            return Plan((), status_of(case, adjusting(case), memory), case.tuning.settle - case.seconds_since_asked)
        if memory.active == desired.revision:
            # Without a reason somebody else may have changed them after us: asked again, but not for ever.
            attempts = memory.attempts + 1
            final = endpoint.failure_reason and not classify(endpoint.failure_reason).transient
            if final or attempts > case.tuning.attempts:
                report = adjustment_failed(case)
                return Plan((), status_of(case, report, remember_failure(case, report)), case.tuning.blocked)
            wait = backoff(case) - case.seconds_since_asked if memory.attempts else 0
            if wait > 0:
                return Plan((), status_of(case, adjusting(case), memory), wait)
    changed = [
        f"{v.name} {seen[v.name].desired_weight or 0:g} -> {v.weight}"
        for v in desired.variants
        if v.name in seen and seen[v.name].desired_weight != v.weight
    ]
    changed += [f"{name} {instances_words(count)}" for name, count in counts.items()]
    reason = "TrafficChanged" if weights else "CountChanged"
    event = Event("Normal", reason, f"{', '.join(changed)}; no new fleet")
    action = UpdateWeights(endpoint.name, desired.traffic if weights else {}, counts, event)
    requested = replace(asked(case, settled(case)), attempts=attempts)
    return Plan((action,), status_of(case, adjusting(case), requested, retry_handled=True), case.tuning.motion)


def adjust_tags(case: Case) -> Plan | None:
    """The user's tags follow the spec; tags that somebody else put there stay."""
    endpoint, desired = case.endpoint, case.desired
    if endpoint is None:
        return None
    before = case.resource.status.effective
    ours = set(before.tag_keys) if before else set()
    add = {key: value for key, value in desired.revision_tags.items() if endpoint.tags.get(key) != value}
    remove = tuple(sorted(key for key in ours - set(desired.revision_tags) if key in endpoint.tags))
    if not add and not remove:
        return None
    return Plan((ChangeTags(endpoint.arn, add, remove),), status_of(case, serving(case), settled(case)), 0)
