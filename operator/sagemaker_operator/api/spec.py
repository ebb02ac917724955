"""`spec` of a SageMakerEndpoint. The CRD describes every field and refuses what is malformed at apply time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Framework:
    """An AWS-built image by framework name and version, resolved per region by `plan.images`."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a model; exactly one of image and framework is set."""

    image: str | None = None
    framework: Framework | None = None
    model_data_url: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Instances:
    """Capacity of a variant: `count` instances of one SageMaker type (`ml.m5.large`)."""

    type: str
    count: int


@dataclass(frozen=True, slots=True)
class Variant:
    """A production variant: its containers and its capacity, as a pod template is to a Deployment."""

    name: str
    containers: tuple[Container, ...]
    instances: Instances


@dataclass(frozen=True, slots=True)
class Placement:
    """Of a spec what a deletion needs: readable even where the rest was written for another version of the operator."""

    endpoint_name: str | None = None
    region: str | None = None
    deletion_policy: Literal["Delete", "Retain"] = "Delete"
    management_policy: Literal["Manage", "Observe"] = "Manage"


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """What the user asked for. Nothing in it is ever written by the operator."""

    variants: tuple[Variant, ...]
    endpoint_name: str | None = None
    region: str | None = None
    execution_role_arn: str | None = None
    traffic: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    restart_token: str | None = None
    deletion_policy: Literal["Delete", "Retain"] = "Delete"
    deletion_protection: Literal["Enabled", "Disabled"] = "Disabled"
    management_policy: Literal["Manage", "Observe"] = "Manage"
