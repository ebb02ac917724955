"""What operations of Application Auto Scaling name a resource by, and how they show it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.errors import ApiError
from sagemaker_local.scaling.records import NAMESPACE, Target


class Attached(Protocol):
    """A policy or an action: it goes with a registered target."""

    @property
    def resource_id(self) -> str: ...

    @property
    def name(self) -> str: ...


A = TypeVar("A", bound=Attached)


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


def described(
    state: AccountState,
    attached: Iterable[A],
    resource_id: str | None,
    names: Iterable[str],
    document: Callable[[A], Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """All, or those of a resource or named, each with its target."""
    targets, wanted = state.scaling.targets, tuple(names)
    return [
        {**identified(each.resource_id, targets[each.resource_id].dimension), **document(each)}
        for each in attached
        if resource_id in (None, each.resource_id) and named(each.name, wanted)
    ]
