"""One object and a small SageMaker, for tests that let the planner run until it rests, whatever happens meanwhile."""

import datetime as dt
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from sagemaker_operator.api.identity import Owner
from sagemaker_operator.api.resource import ObjectKey, Resource
from sagemaker_operator.api.spec import Container, EndpointSpec, Instances, Variant
from sagemaker_operator.api.status import Status
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
    event_of,
)
from sagemaker_operator.plan.case import Case, Plan, Tuning
from sagemaker_operator.plan.deletion import DeletionCase, plan_deletion
from sagemaker_operator.plan.desired import Defaults, Desired, build_desired
from sagemaker_operator.plan.events import transition_events
from sagemaker_operator.plan.images import image_table
from sagemaker_operator.plan.observed import Observed, ObservedEndpoint, ObservedVariant
from sagemaker_operator.plan.planner import plan

KEY = ObjectKey("ml", "fraud")
OWNER = Owner("c1", KEY, "u1")
DEFAULTS = Defaults("arn:aws:iam::111122223333:role/serving", "eu-west-1")
THEIR_MODEL, THEIR_CONFIG = "somebody-elses-model", "somebody-elses-config"


@dataclass(frozen=True)
class Crash:
    """The operator dies before or after its `number`th action; `status_lost`: somebody wipes the status as well;
    `settled`: what it had asked for is done when it comes back."""

    number: int
    after: bool
    status_lost: bool
    settled: bool


class World:
    """What is asked settles when `settle` is called. `retains`: UpdateEndpoint keeps weights and counts."""

    retains = False

    def __init__(self) -> None:
        self.now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        self.resource = Resource(KEY, "u1", 1, "1", False, False, None, wanted(), None, Status())
        self.endpoint: ObservedEndpoint | None = None
        self.models = {THEIR_MODEL}
        self.configs: dict[str, dict[str, tuple[int, int]]] = {THEIR_CONFIG: {}}
        self.goal: tuple[ObservedVariant, ...] = ()
        self.asked: list[str] = []
        self.events: list[str] = []
        self.crash: Crash | None = None

    @property
    def desired(self) -> Desired:
        assert self.resource.spec is not None
        return build_desired(self.resource.spec, OWNER, DEFAULTS, image_table())

    @property
    def ours(self) -> tuple[set[str], set[str]]:
        """Our models and configs on AWS."""
        return self.models - {THEIR_MODEL}, set(self.configs) - {THEIR_CONFIG}

    @property
    def untouched(self) -> bool:
        """Whether what is somebody else's is still there."""
        return THEIR_MODEL in self.models and THEIR_CONFIG in self.configs

    def decide(self) -> Plan:
        models, configs = self.ours
        observed = Observed(self.endpoint, frozenset(configs), frozenset(models))
        if self.resource.deletion_requested:
            name = self.desired.endpoint_name
            case = DeletionCase(self.resource, OWNER, name, "eu-west-1", observed, self.now, Tuning())
            return plan_deletion(case)
        return plan(Case(self.resource, self.desired, observed, self.now, Tuning()))

    def step(self) -> Plan:
        """One pass, as far as the operator gets."""
        decided = self.decide()
        check_words(decided)
        for action in decided.actions:
            dies = self.crash is not None and self.crash.number == len(self.asked)
            if dies and self.crash and not self.crash.after:
                return self.die(decided)
            self.execute(action)
            self.tell(action)
            if dies:
                return self.die(decided)
        self.events += [e.reason for e in transition_events(self.resource.status, decided.status, self.now)]
        self.resource = replace(self.resource, status=decided.status)
        self.now += dt.timedelta(seconds=max(decided.next_look, 1))
        return decided

    def die(self, decided: Plan) -> Plan:
        """In the middle of a pass, before its status is written; it comes back a second later."""
        assert self.crash is not None
        if self.crash.status_lost:
            self.resource = replace(self.resource, status=Status())
        if self.crash.settled:
            self.settle()
        self.crash = None
        self.now += dt.timedelta(seconds=1)
        return decided

    def tell(self, action: Action) -> None:
        event = event_of(action)
        if event is not None:
            self.events.append(event.reason)

    def execute(self, action: Action) -> None:
        match action:
            case AddFinalizer() | RemoveFinalizer():
                self.resource = replace(self.resource, has_finalizer=isinstance(action, AddFinalizer))
            case CreateModel(name=name, request=request, tags=tags):
                assert OWNER.owns(tags)
                assert request["ModelName"] == name
                assert name not in self.models
                self.models.add(name)
            case CreateEndpointConfig(name=name, request=request, tags=tags):
                assert OWNER.owns(tags)
                assert request["EndpointConfigName"] == name
                assert name not in self.configs
                assert all(v["ModelName"] in self.models for v in request["ProductionVariants"])
                self.configs[name] = {
                    v["VariantName"]: (v["InitialVariantWeight"], v["InitialInstanceCount"])
                    for v in request["ProductionVariants"]
                }
            case CreateEndpoint(name=name, config_name=config, tags=tags):
                assert self.endpoint is None
                self.goal = self.variants(config)
                self.endpoint = ObservedEndpoint(name, "arn:e", "Creating", config, self.now, self.now, tags=dict(tags))
            case UpdateEndpoint(config_name=config):
                kept = {v.name: v for v in self.endpoint.variants} if self.endpoint and self.retains else {}
                self.change("Updating", config)
                self.goal = tuple(kept.get(v.name, v) for v in self.variants(config))
            case UpdateWeights(weights=weights, counts=counts):
                self.change("Updating", None)
                assert self.endpoint is not None
                self.goal = tuple(
                    replace(
                        v,
                        desired_weight=float(weights.get(v.name, v.desired_weight or 0)),
                        desired_count=counts.get(v.name, v.desired_count),
                    )
                    for v in self.endpoint.variants
                )
            case ChangeTags(add=add, remove=remove):
                assert self.endpoint is not None
                tags = {k: v for k, v in self.endpoint.tags.items() if k not in remove}
                self.endpoint = replace(self.endpoint, tags={**tags, **add})
            case DeleteEndpoint():
                assert self.endpoint is not None
                assert not self.endpoint.in_motion
                self.endpoint = replace(self.endpoint, status="Deleting")
            case DeleteEndpointConfig(name=name):
                assert name != THEIR_CONFIG
                assert self.endpoint is None or name != self.endpoint.config_name, "config in use"
                del self.configs[name]
            case DeleteModel(name=name):
                assert name != THEIR_MODEL
                self.models.remove(name)
        self.asked.append(type(action).__name__)

    def change(self, status: str, config: str | None) -> None:
        assert self.endpoint is not None
        assert self.endpoint.status == "InService"
        assert config is None or config in self.configs
        self.endpoint = replace(self.endpoint, status=status, pending_config_name=config, last_modified_time=self.now)

    def variants(self, config: str) -> tuple[ObservedVariant, ...]:
        return tuple(
            ObservedVariant(name, weight, float(weight), count, count)
            for name, (weight, count) in self.configs[config].items()
        )

    def settle(self, reason: str | None = None) -> None:
        """What is in motion ends: well, or with a FailureReason (which may be empty)."""
        endpoint = self.endpoint
        if endpoint is None or not endpoint.in_motion:
            return
        if endpoint.status == "Deleting":
            self.endpoint = None
        elif reason is None:
            config = endpoint.pending_config_name or endpoint.config_name
            self.endpoint = replace(
                endpoint, status="InService", config_name=config, pending_config_name=None, failure_reason="",
                variants=self.goal,
            )  # fmt: skip
        else:
            status = "Failed" if endpoint.status == "Creating" else "InService"
            self.endpoint = replace(endpoint, status=status, pending_config_name=None, failure_reason=reason)

    def edit(self, number: int) -> None:
        """Somebody or something else acts."""
        endpoint = self.endpoint
        if number == 0:
            self.resource = replace(self.resource, status=Status())
        elif number == 1 and endpoint is not None and endpoint.status == "InService":
            self.endpoint = None
        elif number == 2:
            self.models = {THEIR_MODEL}
        elif number == 3:
            used = {endpoint.config_name, endpoint.pending_config_name} if endpoint else set()
            self.configs = {k: v for k, v in self.configs.items() if k in used or k == THEIR_CONFIG}
        elif number == 4 and endpoint is not None and endpoint.status == "InService":
            self.endpoint = replace(endpoint, variants=tuple(replace(v, desired_weight=7.5) for v in endpoint.variants))
        elif number == 5 and endpoint is not None:
            self.endpoint = replace(endpoint, tags={**endpoint.tags, "theirs": "1"})

    def delete_config_after_traffic_changed(self) -> None:
        """The endpoint then still names the config it began with, which is not the one that the spec would give."""
        self.apply(main=5)
        self.converge()
        assert self.endpoint is not None
        assert self.endpoint.config_name != self.desired.config_name
        del self.configs[self.endpoint.config_name]

    def apply(self, version: int = 1, main: int = 9, count: int = 1, tags: dict[str, str] | None = None) -> None:
        """The user writes a spec."""
        spec, generation = wanted(version, main, count, tags), self.resource.generation + 1
        self.resource = replace(self.resource, spec=spec, generation=generation)

    def delete(self) -> None:
        """The user deletes the object."""
        self.resource = replace(self.resource, deletion_requested=True)

    def retry(self, token: str) -> None:
        """The user asks for another try."""
        self.resource = replace(self.resource, retry_token=token)

    @property
    def rests(self) -> bool:
        return self.resource.deletion_requested and not self.resource.has_finalizer

    def converge(self, passes: int = 1) -> None:
        """Passes until there is nothing to do, `passes` between two changes on AWS."""
        for _ in range(60):
            for _ in range(passes):
                decided = self.step()
                if self.rests:
                    return
            if not decided.actions and not (self.endpoint and self.endpoint.in_motion) and decided.next_look >= 300:
                return
            self.settle()
        pytest.fail(f"no fixed point after 60 rounds: {self.asked[-12:]}, {self.resource.status.summary}")


def wanted(version: int = 1, main: int = 9, count: int = 1, tags: dict[str, str] | None = None) -> EndpointSpec:
    """Two variants; the version is that of one's archive."""

    def variant(name: str, archive: str) -> Variant:
        container = Container(image="r/churn:1", model_data_url=f"s3://m/{archive}.tar.gz")
        return Variant(name, (container,), Instances("ml.m5.large", count))

    return EndpointSpec(
        variants=(variant("main", f"v{version}"), variant("alt", "alt")),
        traffic={"main": main, "alt": 1},
        tags=tags or {},
    )


def check_words(decided: Plan) -> None:
    """kubectl wraps nothing: a message is a sentence on one line of at most 160 characters."""
    texts = [condition.message for condition in decided.status.conditions if condition.message]
    assert all(text.splitlines() == [text] and len(text) <= 160 and text[-1] in ".…" for text in texts), texts
    failure = decided.status.failure
    assert failure is None or (failure.message.splitlines() == [failure.message] and failure.message[-1] == ".")


ACTS: dict[str, Callable[[World], object]] = {
    "update": lambda world: world.apply(version=2),
    "traffic": lambda world: world.apply(main=5),
    "count and tags": lambda world: world.apply(count=2, tags={"team": "risk"}),
    "endpoint deleted by somebody": lambda world: world.edit(1),
    "models deleted by somebody": lambda world: world.edit(2),
    "config deleted by somebody": lambda world: world.delete_config_after_traffic_changed(),
    "delete": World.delete,
}


def situation(name: str) -> World:
    """Right after something has happened to a steady endpoint (or, for create, to nothing), before the first pass."""
    world = World()
    if name != "create":
        world.converge()
        ACTS[name](world)
        world.asked.clear()
        world.events.clear()
    return world


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`crash` and `happening`: every point at which the operator can die while it answers what has happened."""
    if "crash" not in metafunc.fixturenames:
        return
    cases = []
    for name in ("create", *ACTS):
        undisturbed = situation(name)
        undisturbed.converge()
        for number, action in enumerate(undisturbed.asked):
            for after, status_lost, settled in itertools.product((False, True), repeat=3):
                words = ["after" if after else "before", str(number), action]
                words += ["status lost"] * status_lost + ["settled"] * settled
                cases.append(
                    pytest.param(name, Crash(number, after, status_lost, settled), id=" ".join([name, *words]))
                )
    metafunc.parametrize(("happening", "crash"), cases)


@pytest.fixture(scope="session")
def new_world() -> type[World]:
    return World


@pytest.fixture(scope="session")
def world_after() -> Callable[[str], World]:
    return situation


@pytest.fixture(scope="session")
def every_happening() -> list[str]:
    return ["create", *ACTS]


@pytest.fixture(scope="session")
def new_crash() -> type[Crash]:
    return Crash
