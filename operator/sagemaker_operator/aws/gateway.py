"""All of AWS for the layers above: what is seen of one object, and the one way in which anything there is changed."""

import datetime as dt
import threading
from dataclasses import dataclass
from typing import assert_never

from sagemaker_operator.api import identity
from sagemaker_operator.api.identity import Owner
from sagemaker_operator.aws.client import OnCall, RegionClient
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
    configs. `blocked_seconds`: before the next try where only a person can help."""

    calls_per_second: float
    parts_seconds: float
    blocked_seconds: float
    connections: int = 32


class Gateway:
    """Thread-safe. Regions are opened when they are first needed."""

    def __init__(self, settings: GatewaySettings, on_call: OnCall | None = None) -> None:
        self._settings, self._on_call = settings, on_call
        self._lock = threading.Lock()
        self._regions: dict[str, Region] = {}

    def region(self, name: str) -> Region:
        """The region's client and what is known there. Raises AWSError when no client can be made for it."""
        with self._lock:
            if name not in self._regions:
                given = self._settings
                client = RegionClient(name, given.calls_per_second, self._on_call, given.connections)
                self._regions[name] = Region(client, given.parts_seconds)
            return self._regions[name]

    def last_known_status(self, target: Target) -> str | None:
        """The endpoint's status as far as it is known without asking; None when there is none, or nothing is known."""
        with self._lock:
            region = self._regions.get(target.region)
        summary = region.directory.summary(target.endpoint_name) if region else None
        return summary.status if summary else None

    def observe(self, target: Target, oldest_seconds: float, desired: Desired | None = None) -> Observed:
        """What is there of the object; what stands in the way of looking is the `problem` of the reply.

        `oldest_seconds`: how old a description of an endpoint may be that, as far as is known, did not change since; 0
        asks SageMaker itself. `desired`: its models and config, where they exist already, are checked for their owner.
        """
        try:
            region = self.region(target.region)
            region.ready()
            look = region.look(target.endpoint_name, oldest_seconds)
            endpoint = look.endpoint if look else None
            problem = self._foreign_part(region, desired, endpoint) if desired else None
            base = identity.base_name(target.endpoint_name)
            with region.directory.lock:
                configs, models = region.directory.configs.of(base), region.directory.models.of(base)
            return Observed(endpoint, configs, models, region.client.account(), problem=problem)
        except AWSError as error:
            return Observed(problem=problem_of(error, self._settings.blocked_seconds))

    def log_excerpt(self, target: Target, since: dt.datetime | None) -> tuple[str, ...]:
        """The last lines of a container that failed, started after `since`; empty when they cannot be read."""
        return log_excerpt(self.region(target.region).client, target.endpoint_name, since)

    def execute(self, target: Target, action: AWSAction) -> None:
        """Carries out the action and remembers what follows from it. Raises AWSError."""
        region = self.region(target.region)
        if isinstance(action, DeleteModel | DeleteEndpointConfig) and not self._owns(region, target.owner, action):
            return
        try:
            execute(region.client, action)
        except AWSError as error:
            _remember_refusal(region, target, action, error)
            raise
        _remember(region, target, action)

    def _owns(self, region: Region, owner: Owner, action: DeleteModel | DeleteEndpointConfig) -> bool:
        """A name like ours is not enough to delete a thing."""
        parts = region.directory.models if isinstance(action, DeleteModel) else region.directory.configs
        try:
            return region.owns_part(owner, parts, action.name)
        except AWSError as error:
            if error.kind is not Kind.ABSENT:
                raise
            return True  # gone already: the deletion finds the same

    def _foreign_part(self, region: Region, desired: Desired, endpoint: ObservedEndpoint | None) -> Problem | None:
        """A model or config that we would take for ours by its name, which somebody else made."""
        owner, directory = desired.owner, region.directory
        if endpoint and (endpoint.config_name == desired.config_name or not owner.owns(endpoint.tags)):
            return None
        wanted = [(directory.models, m.name) for m in desired.models] + [(directory.configs, desired.config_name)]
        for parts, name in wanted:
            with directory.lock:
                exists = name in parts.of(desired.base)
            if exists and not region.owns_part(owner, parts, name):
                what = "A model" if parts is directory.models else "An endpoint config"
                return Problem(
                    "NameTaken",
                    f"{what} {name} exists in {desired.region} and does not carry our tags; it was not changed.",
                    "Create the object under another name, or with another spec.endpointName, or delete that one.",
                    retry_after=self._settings.blocked_seconds,
                )
        return None


def _remember(region: Region, target: Target, action: AWSAction) -> None:
    directory = region.directory
    with directory.lock:
        now = directory.clock()
        match action:
            case CreateModel(name=name):
                directory.models.add(name, now)
                directory.models.judge(name, ours=True)
            case CreateEndpointConfig(name=name):
                directory.configs.add(name, now)
                directory.configs.judge(name, ours=True)
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
    elif error.kind is Kind.ABSENT:
        region.forget_parts()
        directory.doubt(target.endpoint_name)
    elif not isinstance(action, CreateModel | CreateEndpointConfig | DeleteModel | DeleteEndpointConfig):
        directory.doubt(target.endpoint_name)
