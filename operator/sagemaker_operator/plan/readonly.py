"""`--read-only`: say what is there, change nothing."""

from collections.abc import Sequence
from dataclasses import replace

from sagemaker_operator.api.status import Condition, Status
from sagemaker_operator.plan.actions import (
    Action,
    AddFinalizer,
    ChangeTags,
    CreateEndpoint,
    CreateEndpointConfig,
    CreateModel,
    DeleteEndpoint,
    DeleteEndpointConfig,
    DeleteModel,
    RemoveFinalizer,
    UpdateEndpoint,
    UpdateWeights,
)
from sagemaker_operator.plan.case import Plan

_WORDS: dict[type[Action], tuple[str, str]] = {
    AddFinalizer: ("claim", "the object"),
    CreateModel: ("create", "a model"),
    CreateEndpointConfig: ("create", "an endpoint config"),
    CreateEndpoint: ("create", "the endpoint"),
    UpdateEndpoint: ("update", "the endpoint"),
    UpdateWeights: ("set", "weights and counts"),
    ChangeTags: ("change", "tags"),
    DeleteEndpoint: ("delete", "the endpoint"),
    DeleteEndpointConfig: ("delete", "an endpoint config"),
    DeleteModel: ("delete", "a model"),
    RemoveFinalizer: ("release", "the object"),
}
_LOOK_SECONDS = 60.0


def hold(plan: Plan, before: Status) -> Plan:
    """The plan without its actions; memory stays as it was, for nothing was asked. Without actions it is kept as is."""
    if not plan.actions:
        return plan
    status, message = plan.status, f"The operator runs with --read-only. Without it, it would {would(plan.actions)}."
    deleting = any(c.type == "Reconciling" and c.reason == "Deleting" for c in status.conditions)
    held = tuple(_held(c, message) for c in status.conditions if c.type != "DeletionBlocked")
    if deleting:
        held += (Condition("DeletionBlocked", "True", "ReadOnly", message, status.observed_generation),)
    return replace(
        plan,
        actions=(),
        next_look=max(plan.next_look, _LOOK_SECONDS),
        status=replace(
            status,
            conditions=held,
            revisions=before.revisions,
            last_handled_retry=before.last_handled_retry,
            effective=before.effective,
            summary=replace(status.summary, status=status.endpoint_status or "ReadOnly", reason="ReadOnly"),
        ),
    )


def would(actions: Sequence[Action]) -> str:
    """What the actions do, in their order: `create a model and an endpoint config, update the endpoint`."""
    objects: dict[str, list[str]] = {}
    for verb, noun in (_WORDS[type(action)] for action in actions):
        objects.setdefault(verb, []).append(noun)
    return ", ".join(f"{verb} {_counted(nouns)}" for verb, nouns in objects.items())


def _counted(nouns: Sequence[str]) -> str:
    """`2 models, an endpoint config and the endpoint`."""
    words = [
        noun if (number := nouns.count(noun)) == 1 else f"{number} {noun.split(' ', 1)[1]}s"
        for noun in dict.fromkeys(nouns)
    ]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _held(condition: Condition, message: str) -> Condition:
    if condition.type == "Synced":
        return replace(condition, status="False", reason="ReadOnly", message=message)
    if condition.type == "Reconciling":
        return replace(condition, status="False", reason="ReadOnly", message="")
    if condition.type == "Ready" and condition.status == "False":
        return replace(condition, reason="ReadOnly", message=message)
    if condition.type == "Ready":
        return replace(condition, message=f"Serves as before. {message}")
    return condition
