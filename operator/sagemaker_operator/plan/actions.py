"""What can be done: one frozen class per AWS operation or change of the object. The executors match on them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Event:
    """One line for `kubectl describe`; told once, when the thing it tells has been done or has been seen."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class AddFinalizer:
    """Before the first AWS call: from here on the object cannot go while AWS still has something of it."""


@dataclass(frozen=True, slots=True)
class RemoveFinalizer:
    """After AWS was seen to be empty, or by policy."""

    event: Event | None = None


@dataclass(frozen=True, slots=True)
class CreateModel:
    name: str
    request: Mapping[str, Any]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CreateEndpointConfig:
    name: str
    request: Mapping[str, Any]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CreateEndpoint:
    name: str
    config_name: str
    tags: Mapping[str, str]
    event: Event | None = None


@dataclass(frozen=True, slots=True)
class UpdateEndpoint:
    name: str
    config_name: str
    event: Event | None = None


@dataclass(frozen=True, slots=True)
class UpdateWeights:
    """`weights` and `counts` by variant name, in one UpdateEndpointWeightsAndCapacities call."""

    name: str
    weights: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    event: Event | None = None


@dataclass(frozen=True, slots=True)
class ChangeTags:
    """AddTags overwrites the value of a key that exists; DeleteTags takes the keys away."""

    arn: str
    add: Mapping[str, str]
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeleteEndpoint:
    name: str
    event: Event | None = None


@dataclass(frozen=True, slots=True)
class DeleteEndpointConfig:
    name: str


@dataclass(frozen=True, slots=True)
class DeleteModel:
    name: str


KubernetesAction = AddFinalizer | RemoveFinalizer
AWSAction = (
    CreateModel
    | CreateEndpointConfig
    | CreateEndpoint
    | UpdateEndpoint
    | UpdateWeights
    | ChangeTags
    | DeleteEndpoint
    | DeleteEndpointConfig
    | DeleteModel
)
Action = KubernetesAction | AWSAction


def event_of(action: Action) -> Event | None:
    """The event that tells of the action once it has been done."""
    return getattr(action, "event", None)
