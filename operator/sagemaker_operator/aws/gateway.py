"""All of AWS for the layers above: what is seen of one object, and the one way in which anything there is changed."""

import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import assert_never

from sagemaker_operator.api import identity
from sagemaker_operator.api.identity import Owner
from sagemaker_operator.aws.client import OnCall, RegionClient
from sagemaker_operator.aws.directory import Parts
from sagemaker_operator.aws.errors import AWSError, Kind, problem_of
from sagemaker_operator.aws.executor import execute
from sagemaker_operator.aws.logs import log_excerpt
from sagemaker_operator.aws.region import Region
from sagemaker_operator.plan.actions import (
    AWSAction,
    ChangeTags,
    CreateEndpoint,
    CreateEndpointConfig,
    CreateModel,
    DeleteEndpoint,
    DeleteEndpointConfig,
    DeleteModel,
    UpdateEndpoint,
    UpdateWeights,
)
from sagemaker_operator.plan.desired import Desired
from sagemaker_operator.plan.observed import Observed, ObservedEndpoint
from sagemaker_operator.plan.problems import Problem


@dataclass(frozen=True, slots=True)
class Target:
    """Where an object's endpoint is, or would be."""

    owner: Owner
    region: str
    endpoint_name: str


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """`calls_per_second` is per operation, account and region. `parts_seconds`: between listings of all models and
    configs. `blocked_seconds`: before the next try where only a person can help. `outage_seconds`: how long sweeps fail
    before what is known counts no more."""

    calls_per_second: float
    parts_seconds: float
    blocked_seconds: float
    outage_seconds: float
    connections: int = 32


class Gateway:
    """Thread-safe. Regions are opened when they are first needed."""

    def __init__(
        self,
        settings: GatewaySettings,
        on_call: OnCall | None = None,
        may_change: Callable[[], bool] = lambda: True,
    ) -> None:
        self._settings, self._on_call, self._may_change = settings, on_call, may_change
        self._lock = threading.Lock()
        self._regions: dict[str, Region] = {}

    def region(self, name: str) -> Region:
        """The region's client and what is known there. Raises AWSError when no client can be made for it."""
        with self._lock:
            if name not in self._regions:
                given = self._settings
                client = RegionClient(name, given.calls_per_second, self._on_call, given.connections, self._may_change)
                self._regions[name] = Region(client, given.parts_seconds, given.outage_seconds)
            return self._regions[name]

    def last_known_status(self, target: Target) -> str | None:
        """The endpoint's status as far as it is known without asking; None when there is none, or nothing is known."""
        with self._lock:
            region = self._regions.get(target.region)
        summary = region.directory.summary(target.endpoint_name) if region else None
        return summary.status if summary else None

    def observe(
        self, target: Target, oldest_seconds: float, desired: Desired | None = None, *, sure: bool = False
    ) -> Observed:
        """What is there of the object; what stands in the way of looking is the `problem` of the reply.

        `oldest_seconds`: how old a description of an endpoint may be that, as far as is known, did not change since; 0
        asks SageMaker itself. `sure`: that holds for the tags too. `desired`: its models and config, where they exist
        already, are checked for their owner.
        """
        try:
            region = self.region(target.region)
            region.ready()
            look = region.look(target.endpoint_name, oldest_seconds, sure=sure)
            endpoint = look.endpoint if look else None
            problem = self._foreign_part(region, desired, endpoint) if desired else None
            base, directory = identity.base_name(target.endpoint_name), region.directory
            configs, models = (region.parts_of(target.owner, p, base) for p in (directory.configs, directory.models))
            if endpoint is not None and not target.owner.owns(endpoint.tags):
                configs = self._owned(region, target, directory.configs, configs)
                models = self._owned(region, target, directory.models, models)
            return Observed(endpoint, configs, models, _account(region), region.client.runtime_url, problem=problem)
        except AWSError as error:
            return Observed(problem=problem_of(error, self._settings.blocked_seconds))

    def observe_leftovers(self, target: Target) -> Observed:
        """For a deletion: SageMaker itself is asked, and each model and config for its owner."""
        observed = self.observe(target, 0, sure=True)
        if observed.problem is not None:
            return observed
        try:
            region = self.region(target.region)
            directory = region.directory
            configs = self._owned(region, target, directory.configs, observed.configs)
            models = self._owned(region, target, directory.models, observed.models)
        except AWSError as error:
            return Observed(problem=problem_of(error, self._settings.blocked_seconds))
        return replace(observed, configs=configs, models=models)

    def _owned(self, region: Region, target: Target, parts: Parts, names: frozenset[str]) -> frozenset[str]:
        return frozenset(name for name in names if _owns(region, target, parts, name))

    def log_excerpt(self, target: Target, since: dt.datetime | None) -> tuple[str, ...]:
        """The last lines of a container that failed, started after `since`; empty when they cannot be read."""
        return log_excerpt(self.region(target.region).client, target.endpoint_name, since)

    def execute(self, target: Target, action: AWSAction) -> None:
        """Carries out the action and remembers what follows from it. Raises AWSError, NotLeadingError."""
        region = self.region(target.region)
        if isinstance(action, DeleteModel | DeleteEndpointConfig):
            parts = region.directory.models if isinstance(action, DeleteModel) else region.directory.configs
            if not _owns(region, target, parts, action.name):
                return
        try:
            execute(region.client, action)
        except AWSError as error:
            _remember_refusal(region, target, action, error)
            raise
        _remember(region, target, action)

    def _foreign_part(self, region: Region, desired: Desired, endpoint: ObservedEndpoint | None) -> Problem | None:
        """A model or config that we would take for ours by its name, which somebody else made."""
        owner, directory = desired.owner, region.directory
        if endpoint and (endpoint.config_name == desired.config_name or not owner.owns(endpoint.tags)):
            return None
        wanted = [(directory.models, m.name) for m in desired.models] + [(directory.configs, desired.config_name)]
        for parts, name in wanted:
            exists = name in region.parts_of(owner, parts, desired.base)
            if exists and not region.owns_part(owner, parts, desired.base, name):
                what = "A model" if parts is directory.models else "An endpoint config"
                return Problem(
                    "NameTaken",
                    f"{what} {name} exists in {desired.region} and does not carry our tags; it was not changed.",
                    "Create the object under another name, or with another spec.endpointName, or delete that one.",
                    retry_after=self._settings.blocked_seconds,
                )
        return None


def _owns(region: Region, target: Target, parts: Parts, name: str) -> bool:
    """A name like ours is not enough to delete a thing. Raises AWSError."""
    try:
        return region.owns_part(target.owner, parts, identity.base_name(target.endpoint_name), name)
    except AWSError as error:
        if error.kind is not Kind.ABSENT:
            raise
        return True  # gone already: the deletion finds the same


def _account(region: Region) -> str | None:
    """Only told to people: nothing depends on it."""
    try:
        return region.client.account()
    except AWSError:
        return None


def _remember(region: Region, target: Target, action: AWSAction) -> None:
    directory = region.directory
    with directory.lock:
        now = directory.clock()
        match action:
            case CreateModel(name=name):
                directory.models.add(name, now)
                directory.models.owned(name, target.owner.identity)
            case CreateEndpointConfig(name=name):
                directory.configs.add(name, now)
                directory.configs.owned(name, target.owner.identity)
            case DeleteModel(name=name):
                directory.models.remove(name, now)
            case DeleteEndpointConfig(name=name):
                directory.configs.remove(name, now)
            case CreateEndpoint(name=name, tags=tags):
                directory.changed(name, "Creating")
                directory.tagged(name, tags)
            case UpdateEndpoint(name=name) | UpdateWeights(name=name):
                directory.changed(name, "Updating")
            case DeleteEndpoint(name=name):
                directory.changed(name, "Deleting")
            case ChangeTags(add=add, remove=remove):
                directory.retagged(target.endpoint_name, add, remove)
            case _:
                assert_never(action)


def _remember_refusal(region: Region, target: Target, action: AWSAction, error: AWSError) -> None:
    """What an error says about what we believed."""
    directory = region.directory
    if error.kind is Kind.EXISTS and isinstance(action, CreateModel | CreateEndpointConfig):
        parts = directory.models if isinstance(action, CreateModel) else directory.configs
        with directory.lock:
            parts.add(action.name, directory.clock())
    elif error.maybe_applied and isinstance(action, CreateModel | CreateEndpointConfig):
        region.forget_parts()
    elif error.kind is Kind.ABSENT:
        region.forget_parts()
        directory.doubt(target.endpoint_name)
    elif not isinstance(action, CreateModel | CreateEndpointConfig | DeleteModel | DeleteEndpointConfig):
        directory.doubt(target.endpoint_name)
