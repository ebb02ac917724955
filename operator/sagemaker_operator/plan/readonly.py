"""`--read-only`: say what is there, change nothing."""

from dataclasses import replace

from sagemaker_operator.api.status import Condition, Status
from sagemaker_operator.plan.case import Plan

_MESSAGE = "The operator runs with --read-only: nothing is changed on AWS."


_LOOK_SECONDS = 60.0


def hold(plan: Plan, before: Status) -> Plan:
    """The plan without its actions; memory stays as it was, for nothing was asked. Without actions it is kept as is."""
    if not plan.actions:
        return plan
    status = plan.status
    deleting = any(c.type == "Reconciling" and c.reason == "Deleting" for c in status.conditions)
    held = tuple(_held(c) for c in status.conditions if c.type != "DeletionBlocked")
    if deleting:
        held += (Condition("DeletionBlocked", "True", "ReadOnly", _MESSAGE, status.observed_generation),)
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


def _held(condition: Condition) -> Condition:
    if condition.type == "Synced":
        return replace(condition, status="False", reason="ReadOnly", message=_MESSAGE)
    if condition.type == "Reconciling":
        return replace(condition, status="False", reason="ReadOnly", message="")
    if condition.type == "Ready" and condition.status == "False":
        return replace(condition, reason="ReadOnly", message=_MESSAGE)
    if condition.type == "Ready":
        return replace(condition, message=f"Serves as before. {_MESSAGE}")
    return condition
