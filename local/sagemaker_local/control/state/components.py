"""An inference component as it stands, and its way from status to status as pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sagemaker_local.control.state.records import Container
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.router.routes import EndpointKey

ComponentKey = tuple[str, str, str]
"""Account, region and name."""


class ComponentStatus(StrEnum):
    """API shape InferenceComponentStatus."""

    CREATING = "Creating"
    IN_SERVICE = "InService"
    UPDATING = "Updating"
    FAILED = "Failed"
    DELETING = "Deleting"


EDGES: Mapping[ComponentStatus, frozenset[ComponentStatus]] = {
    ComponentStatus.CREATING: frozenset({ComponentStatus.IN_SERVICE, ComponentStatus.FAILED}),
    ComponentStatus.IN_SERVICE: frozenset({ComponentStatus.UPDATING, ComponentStatus.DELETING}),
    ComponentStatus.UPDATING: frozenset({ComponentStatus.IN_SERVICE, ComponentStatus.FAILED}),
    ComponentStatus.FAILED: frozenset({ComponentStatus.DELETING}),
    ComponentStatus.DELETING: frozenset(),
}
"""Where each status may lead. Which one follows a failed update is a switch."""


@dataclass(frozen=True, slots=True)
class ComponentSpec:
    """Of API shape InferenceComponentSpecification what is acted upon; ``document`` is the whole. Seconds."""

    container: Container
    resolution_time: float
    document: Document
    download_seconds: float | None = None
    startup_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Rollout:
    """New copies of a specification: of a creation, or of an update while the earlier copies serve."""

    spec: ComponentSpec
    copies: int


@dataclass(frozen=True, slots=True)
class Copies:
    """Another number of copies of what serves."""

    count: int


@dataclass(frozen=True, slots=True)
class Removal:
    """Everything on its way out."""


ComponentChange = Rollout | Copies | Removal


@dataclass(frozen=True, slots=True)
class InferenceComponent:
    """``spec`` is what serves, or of a creation what shall. ``change`` is set exactly while the status is in between.

    ``current_copies`` counts the copies that can take requests. Times are epoch seconds.
    """

    key: ComponentKey
    arn: str
    endpoint_name: str
    endpoint_arn: str
    variant_name: str
    instance_type: str
    creation_time: float
    last_modified_time: float
    spec: ComponentSpec
    desired_copies: int
    change: ComponentChange | None
    current_copies: int = 0
    status: ComponentStatus = ComponentStatus.CREATING
    failure_reason: str = ""

    @property
    def name(self) -> str:
        """Unique in its account and region."""
        return self.key[2]

    @property
    def endpoint_key(self) -> EndpointKey:
        """The endpoint that it is part of."""
        return (self.key[0], self.key[1], self.endpoint_name)


def _move(component: InferenceComponent, to: ComponentStatus, now: float, **fields: Any) -> InferenceComponent:
    """Raises ValueError off the edges: a mistake of ours."""
    if to not in EDGES[component.status]:
        raise ValueError(f"inference component {component.name} cannot go from {component.status} to {to}")
    return replace(component, status=to, last_modified_time=now, **fields)


def updating(component: InferenceComponent, change: Rollout | Copies, now: float) -> InferenceComponent:
    """An update was accepted; what serves serves on."""
    wanted = change.copies if isinstance(change, Rollout) else change.count
    return _move(component, ComponentStatus.UPDATING, now, change=change, desired_copies=wanted)


def done(component: InferenceComponent, now: float) -> InferenceComponent:
    """The change is over and good; an earlier one's failure is forgotten."""
    change = component.change
    spec = change.spec if isinstance(change, Rollout) else component.spec
    return _move(
        component,
        ComponentStatus.IN_SERVICE,
        now,
        change=None,
        spec=spec,
        current_copies=component.desired_copies,
        failure_reason="",
    )


def not_done(
    component: InferenceComponent, reason: str, serving: int, now: float, *, keeps_serving: bool
) -> InferenceComponent:
    """The copies did not start. A creation has failed for good; ``serving`` copies of before are left of an update."""
    failed = component.status is ComponentStatus.CREATING or not keeps_serving
    to = ComponentStatus.FAILED if failed else ComponentStatus.IN_SERVICE
    wanted = component.desired_copies if component.status is ComponentStatus.CREATING else serving
    return _move(component, to, now, change=None, failure_reason=reason, desired_copies=wanted)


def deleting(component: InferenceComponent, now: float) -> InferenceComponent:
    """DeleteInferenceComponent was accepted."""
    return _move(component, ComponentStatus.DELETING, now, change=Removal())
