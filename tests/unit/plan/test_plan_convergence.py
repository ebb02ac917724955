"""Property tests: whatever happens to AWS and the operator, the planner converges and touches nothing of others."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
)
from sagemaker_operator.plan.case import Case, Plan, Tuning
from sagemaker_operator.plan.deletion import DeletionCase, plan_deletion
from sagemaker_operator.plan.desired import Defaults, Desired, build_desired
from sagemaker_operator.plan.events import transition_events
from sagemaker_operator.plan.images import image_table
from sagemaker_operator.plan.observed import Observed, ObservedEndpoint, ObservedVariant
from sagemaker_operator.plan.planner import plan
from sagemaker_operator.plan.readonly import hold

KEY = ObjectKey("ml", "fraud")
OWNER = Owner("c1", KEY, "u1")
DEFAULTS = Defaults("arn:aws:iam::111122223333:role/serving", "eu-west-1")
HEALTH = "The primary container for production variant main did not pass the ping health check."
FOREIGN = ("somebody-elses-model", "somebody-elses-config")


def spec(version: int = 1, main: int = 9, count: int = 1, tags: dict[str, str] | None = None) -> EndpointSpec:
    def variant(name: str, archive: str) -> Variant:
        container = Container(image="r/churn:1", model_data_url=f"s3://m/{archive}.tar.gz")
        return Variant(name, (container,), Instances("ml.m5.large", count))

    return EndpointSpec(
        variants=(variant("main", f"v{version}"), variant("alt", "alt")),
        traffic={"main": main, "alt": 1},
        tags=tags or {},
    )


class World:
    """One object and a small SageMaker: what is asked settles when `settle` is called, well or badly."""

    def __init__(self) -> None:
        self.now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        self.resource = Resource(KEY, "u1", 1, "1", False, False, None, spec(), None, Status())
        self.endpoint: ObservedEndpoint | None = None
        self.models = {FOREIGN[0]}
        self.configs: dict[str, dict[str, tuple[int, int]]] = {FOREIGN[1]: {}}
        self.goal: tuple[ObservedVariant, ...] = ()
        self.asked: list[str] = []
        self.events: list[str] = []

    @property
    def desired(self) -> Desired:
        assert self.resource.spec is not None
        return build_desired(self.resource.spec, OWNER, DEFAULTS, image_table())

    def observed(self) -> Observed:
        return Observed(self.endpoint, frozenset(self.configs) - set(FOREIGN), frozenset(self.models) - set(FOREIGN))

    def decide(self) -> Plan:
        if self.resource.deletion_requested:
            name = self.desired.endpoint_name
            case = DeletionCase(self.resource, OWNER, name, "eu-west-1", self.observed(), self.now, Tuning())
            return plan_deletion(case)
        return plan(Case(self.resource, self.desired, self.observed(), self.now, Tuning()))

    def step(self, crash_after: int | None = None) -> Plan:
        decided = self.decide()
        for number, action in enumerate(decided.actions):
            self.execute(action)
            if number == crash_after:
                self.resource = replace(self.resource, status=Status())
                return decided
        self.events += [e.reason for e in transition_events(self.resource.status, decided.status, self.now)]
        self.resource = replace(self.resource, status=decided.status)
        self.now += dt.timedelta(seconds=max(decided.next_look, 1))
        return decided

    def execute(self, action: Action) -> None:
        match action:
            case AddFinalizer() | RemoveFinalizer():
                self.resource = replace(self.resource, has_finalizer=isinstance(action, AddFinalizer))
            case CreateModel(name=name, tags=tags):
                assert OWNER.owns(tags)
                assert name not in self.models
                self.models.add(name)
            case CreateEndpointConfig(name=name, request=request, tags=tags):
                assert OWNER.owns(tags)
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
                self.change("Updating", config)
                kept = {v.name: v for v in self.endpoint.variants} if self.endpoint else {}
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
                assert name not in FOREIGN
                assert self.endpoint is None or name != self.endpoint.config_name, "config in use"
                del self.configs[name]
            case DeleteModel(name=name):
                assert name not in FOREIGN
                self.models.remove(name)
        self.asked.append(type(action).__name__)

    def change(self, status: str, config: str | None) -> None:
        assert self.endpoint is not None
        assert self.endpoint.status == "InService"
        assert config is None or config in self.configs
        self.endpoint = replace(self.endpoint, status=status, pending_config_name=config)

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
            self.models = {FOREIGN[0]}
        elif number == 3:
            used = {endpoint.config_name, endpoint.pending_config_name} if endpoint else set()
            self.configs = {k: v for k, v in self.configs.items() if k in used or k in FOREIGN}
        elif number == 4 and endpoint is not None and endpoint.status == "InService":
            self.endpoint = replace(endpoint, variants=tuple(replace(v, desired_weight=7.5) for v in endpoint.variants))
        elif number == 5 and endpoint is not None:
            self.endpoint = replace(endpoint, tags={**endpoint.tags, "theirs": "1"})

    def apply(self, wanted: EndpointSpec) -> None:
        self.resource = replace(self.resource, spec=wanted, generation=self.resource.generation + 1)

    def converge(self) -> None:
        for _ in range(60):
            self.settle()
            decided = self.step()
            if not decided.actions and not (self.endpoint and self.endpoint.in_motion) and decided.next_look >= 300:
                return
        pytest.fail(f"no fixed point after 60 passes: {self.asked[-12:]}, {self.resource.status.summary}")


SPECS = st.builds(spec, st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.sampled_from([{}, {"team": "x"}]))
STEP = st.tuples(
    st.sampled_from(["step", "step", "crash", "settle", "fail", "edit", "apply", "retry"]), st.integers(0, 5), SPECS
)


def act(world: World, kind: str, number: int, wanted: EndpointSpec) -> None:
    match kind:
        case "step" | "crash":
            world.step(number if kind == "crash" else None)
        case "settle":
            world.settle()
        case "fail":
            world.settle(["", HEALTH, "Request to service failed.", "x", HEALTH, ""][number])
        case "edit":
            world.edit(number)
        case "apply":
            world.apply(wanted)
        case "retry":
            world.resource = replace(world.resource, retry_token=f"t{number}")


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, max_size=25), SPECS)
def test_whatever_happened_it_converges_and_then_rests(steps: list[tuple[str, int, EndpointSpec]], last: EndpointSpec):
    world = World()
    for step in steps:
        act(world, *step)
    world.apply(last)
    world.resource = replace(world.resource, retry_token="last")
    world.converge()
    assert world.endpoint is not None
    desired = world.desired
    assert world.endpoint.config_name in world.configs
    assert world.configs.keys() == {world.endpoint.config_name, FOREIGN[1]}
    assert world.models == {m.name for m in desired.models} | {FOREIGN[0]}
    assert {v.name: v.desired_weight for v in world.endpoint.variants} == desired.traffic
    assert ("team" in world.endpoint.tags) >= bool(desired.user_tags)
    assert world.resource.status.last_handled_retry == "last"
    status, count = world.resource.status, len(world.asked)
    for _ in range(3):
        world.step()
    assert len(world.asked) == count
    assert world.resource.status == status


@settings(max_examples=100, deadline=None)
@given(st.lists(STEP, max_size=20))
def test_a_deletion_leaves_nothing_of_ours_and_all_of_theirs(steps: list[tuple[str, int, EndpointSpec]]):
    world = World()
    world.step()
    for step in steps:
        act(world, *step)
    world.resource = replace(world.resource, deletion_requested=True, has_finalizer=True)
    for _ in range(10):
        world.step()
        world.settle()
        if not world.resource.has_finalizer:
            break
    assert not world.resource.has_finalizer
    assert world.endpoint is None
    assert (world.models, set(world.configs)) == ({FOREIGN[0]}, {FOREIGN[1]})


def rolled_back() -> World:
    world = World()
    world.converge()
    world.apply(spec(version=2))
    world.step()
    world.settle(HEALTH)
    world.step()
    return world


def test_a_rolled_back_revision_is_told_once_and_not_tried_again_even_with_other_weights():
    world = rolled_back()
    assert world.resource.status.is_true("RolledBack")
    world.apply(spec(version=2, main=3))
    for _ in range(5):
        world.step()
    assert world.asked.count("UpdateEndpoint") == 1
    assert world.events == ["InService", "RolledBack"]


def test_a_retry_is_acted_on_exactly_once():
    world = rolled_back()
    world.resource = replace(world.resource, retry_token="again")
    world.step()
    assert world.resource.status.last_handled_retry == "again"
    world.settle(HEALTH)
    for _ in range(3):
        world.step()
    assert world.asked.count("UpdateEndpoint") == 2


def test_a_retry_during_a_change_waits_until_it_can_be_acted_on():
    world = World()
    world.step()
    world.resource = replace(world.resource, retry_token="again")
    world.step()
    assert world.resource.status.last_handled_retry is None


def test_a_passing_failure_is_tried_again_five_times():
    world = World()
    for _ in range(40):
        world.step()
        creating = world.endpoint is not None and world.endpoint.status == "Creating"
        world.settle("Request to service failed." if creating else None)
    assert world.asked.count("CreateEndpoint") == 6
    assert world.resource.status.is_true("Stalled")


def test_read_only_drops_actions_and_keeps_the_memory():
    world = World()
    held = hold(world.decide(), world.resource.status)
    synced = held.status.condition("Synced")
    assert not held.actions
    assert synced is not None
    assert synced.reason == "ReadOnly"
    assert held.status.revisions == world.resource.status.revisions


def test_a_foreign_endpoint_is_never_touched():
    world = World()
    world.converge()
    assert world.endpoint is not None
    world.endpoint = replace(world.endpoint, tags={})
    before = len(world.asked)
    world.apply(spec(version=3))
    world.step()
    assert len(world.asked) == before
    world.resource = replace(world.resource, deletion_requested=True)
    world.step()
    assert len(world.asked) == before
    assert world.resource.status.is_true("DeletionBlocked")
    world.endpoint = replace(world.endpoint, config_name="theirs")
    world.step()
    assert "DeleteEndpoint" not in world.asked
    assert not world.resource.has_finalizer
