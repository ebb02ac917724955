"""What operations of Application Auto Scaling name a resource by, and how they show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.errors import ApiError
from sagemaker_local.scaling.records import NAMESPACE, Target


@dataclass(frozen=True, slots=True)
class ResourceInput:
    """Of operations that name a resource, and some of them a policy or an action."""

    resource_id: str
    scalable_dimension: str
    policy_name: str = ""
    scheduled_action_name: str = ""


@dataclass(frozen=True, slots=True)
class DescribeInput:
    """Of the Describe operations; everything fits on one page."""

    resource_id: str | None = None
    resource_ids: tuple[str, ...] = ()
    policy_names: tuple[str, ...] = ()
    scheduled_action_names: tuple[str, ...] = ()
    scalable_dimension: str | None = None


def absent(message: str) -> ApiError:
    """The API's modelled ObjectNotFoundException."""
    return ApiError("ObjectNotFoundException", message)


def target_of(state: AccountState, resource_id: str, dimension: str) -> Target:
    """Raises ApiError when it is not registered."""
    found = state.scaling.targets.get(resource_id)
    if found is None or found.dimension != dimension:
        raise absent(f"No scalable target found for resource ID: {resource_id}, scalable dimension: {dimension}")
    return found


def named(name: str, names: Iterable[str]) -> bool:
    """Whether it is among the names asked for; without any, everything is."""
    wanted = tuple(names)
    return not wanted or name in wanted


def identified(resource_id: str, dimension: str) -> dict[str, Any]:
    """The members that every description begins with."""
    return {"ServiceNamespace": NAMESPACE, "ResourceId": resource_id, "ScalableDimension": dimension}


def identified_by_target(state: AccountState, resource_id: str) -> dict[str, Any]:
    """The same, of what goes with its target."""
    return identified(resource_id, state.scaling.targets[resource_id].dimension)
