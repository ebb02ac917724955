"""The route table: which instances of which variants answer for an endpoint. Frozen; replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sagemaker_local.router.callers import AccessKey


class RoutingStrategy(StrEnum):
    """API shape ProductionVariantRoutingConfig; SageMaker's own default is RANDOM."""

    RANDOM = "RANDOM"
    LEAST_OUTSTANDING_REQUESTS = "LEAST_OUTSTANDING_REQUESTS"


@dataclass(frozen=True, slots=True)
class Instance:
    """A model server that takes requests at host and port. Several instances may stand for one process.

    ``containers`` are the ports of all containers of an instance that has several, the first being ``port``.
    """

    instance_id: str
    host: str
    port: int
    containers: tuple[int, ...] = ()

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Host and port of every container."""
        return tuple((self.host, each) for each in self.containers or (self.port,))


@dataclass(frozen=True, slots=True)
class CaptureRoute:
    """Data capture as far as the router has a part in it: how many of a hundred calls, and which side of them."""

    percentage: int
    inputs: bool
    outputs: bool


@dataclass(frozen=True, slots=True)
class ServerlessRoute:
    """A variant whose instances are execution environments, which take one call each."""

    max_concurrency: int


@dataclass(frozen=True, slots=True)
class ContainersRoute:
    """A variant of several containers, by name: one after the other, or ``direct``: the one that a call names."""

    names: tuple[str, ...]
    direct: bool


@dataclass(frozen=True, slots=True)
class ModelsRoute:
    """A multi-model variant. Without ``cached`` a model is unloaded after its call."""

    cached: bool


@dataclass(frozen=True, slots=True)
class VariantRoute:
    """One production variant. ``weight`` is relative; 0 is reached by TargetVariant only.

    ``echo``: the router answers with the request's own body and content type, no process behind it.
    While a new fleet takes over, a variant is there twice: ``share`` is the part of its calls that each fleet gets,
    ``config_name`` the endpoint configuration that each fleet is of.
    """

    name: str
    weight: float
    instances: tuple[Instance, ...] = ()
    echo: bool = False
    strategy: RoutingStrategy = RoutingStrategy.RANDOM
    share: float = 1.0
    config_name: str = ""
    capture: CaptureRoute | None = None
    serverless: ServerlessRoute | None = None
    log_group: str | None = None
    """Where its containers' output goes, if not to the endpoint's own group."""
    containers: ContainersRoute | None = None
    models: ModelsRoute | None = None


@dataclass(frozen=True, slots=True)
class ComponentRoute:
    """One inference component. ``variant`` is the production variant that it is part of, with its own instances."""

    name: str
    variant: VariantRoute


@dataclass(frozen=True, slots=True)
class EndpointRoute:
    """One endpoint. ``status`` is SageMaker's EndpointStatus; only ``SERVING`` ones are routed.

    ``asynchronous`` ones answer InvokeEndpointAsync alone, which is not the router's.
    """

    account: str
    region: str
    name: str
    status: str
    variants: tuple[VariantRoute, ...]
    components: tuple[ComponentRoute, ...] | None = None
    """None when the variants serve models of their own."""
    asynchronous: bool = False
    shadows: tuple[VariantRoute, ...] = ()
    """Variants that get copies of calls; a production variant's is of the same configuration. ``weight`` is relative to
    the weight of the production variant."""

    @property
    def key(self) -> EndpointKey:
        """What identifies it in a table."""
        return (self.account, self.region, self.name)


EndpointKey = tuple[str, str, str]

SERVING = frozenset({"InService", "Updating", "SystemUpdating", "RollingBack", "UpdateRollbackFailed"})
"""Endpoint states in which calls are answered (API reference, DescribeEndpoint)."""


@dataclass(frozen=True, slots=True)
class RouteTable:
    """Everything the router knows. Keep unchanged EndpointRoute objects as they are: only changed ones are sent.

    ``access_keys`` are those that STS and IAM gave out; any other access key of twelve digits is its own account, all
    others are 123456789012 (moto's default account).
    """

    endpoints: Mapping[EndpointKey, EndpointRoute] = field(default_factory=dict)
    access_keys: Mapping[str, AccessKey] = field(default_factory=dict)
