"""Property tests: whatever happens to AWS and the operator, the planner converges and touches nothing of others."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sagemaker_operator.plan.readonly import hold

HEALTH = "The primary container for production variant main did not pass the ping health check."
REASONS = ["", HEALTH, "Request to service failed.", "x", "Failed to download model data from s3://m/1\n" * 9, "alarm"]

SPECS = st.fixed_dictionaries(
    {
        "version": st.integers(1, 3),
        "main": st.integers(1, 3),
        "count": st.integers(1, 2),
        "tags": st.sampled_from([{}, {"team": "x"}]),
    }
)
STEP = st.tuples(
    st.sampled_from(["step", "step", "crash", "settle", "fail", "edit", "apply", "retry"]), st.integers(0, 5), SPECS
)


def act(world: Any, kind: str, number: int, spec: dict[str, Any], crash: Callable[..., Any]) -> None:
    match kind:
        case "step":
            world.step()
        case "crash":
            world.crash = crash(len(world.asked) + number // 2, bool(number % 2), number > 2, False)
            world.step()
            world.crash = None
        case "settle":
            world.settle()
        case "fail":
            world.settle(REASONS[number])
        case "edit":
            world.edit(number)
        case "apply":
            world.apply(**spec)
        case "retry":
            world.retry(f"t{number}")


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(STEP, max_size=25), last=SPECS, retains=st.booleans())
def test_whatever_happened_it_converges_and_then_rests(
    new_world: Any, new_crash: Any, steps: list[Any], last: dict[str, Any], retains: bool
) -> None:
    world = new_world()
    world.retains = retains
    for step in steps:
        act(world, *step, new_crash)
    world.apply(**last)
    world.retry("last")
    world.converge()
    assert world.endpoint is not None
    desired = world.desired
    assert world.ours == ({m.name for m in desired.models}, {world.endpoint.config_name})
    assert world.untouched
    assert {v.name: v.desired_weight for v in world.endpoint.variants} == desired.traffic
    assert {v.name: v.desired_count for v in world.endpoint.variants} == {v.name: v.count for v in desired.variants}
    assert ("team" in world.endpoint.tags) >= bool(desired.user_tags)
    if not any(kind in ("edit", "crash") for kind, *_ in steps):  # with the status goes the memory of whose a tag is
        assert ("team" in world.endpoint.tags) == bool(desired.user_tags)
    assert world.resource.status.last_handled_retry == "last"
    status, asked, told = world.resource.status, list(world.asked), list(world.events)
    for _ in range(3):
        world.step()
    assert (world.resource.status, world.asked, world.events) == (status, asked, told)


@settings(max_examples=100, deadline=None)
@given(steps=st.lists(STEP, max_size=20))
def test_a_deletion_leaves_nothing_of_ours_and_all_of_theirs(new_world: Any, new_crash: Any, steps: list[Any]) -> None:
    world = new_world()
    world.step()
    for step in steps:
        act(world, *step, new_crash)
    world.resource = replace(world.resource, has_finalizer=True)
    world.delete()
    world.converge()
    assert not world.resource.has_finalizer
    assert world.endpoint is None
    assert world.ours == (set(), set())
    assert world.untouched


def rolled_back(new_world: Any) -> Any:
    world = new_world()
    world.converge()
    world.apply(version=2)
    world.step()
    world.settle(HEALTH)
    world.step()
    return world


def test_a_rolled_back_revision_is_told_once_and_not_tried_again_even_with_other_weights(new_world: Any) -> None:
    world = rolled_back(new_world)
    assert world.resource.status.is_true("RolledBack")
    world.apply(version=2, main=3)
    for _ in range(5):
        world.step()
    assert world.asked.count("UpdateEndpoint") == 1
    assert world.events == ["CreateStarted", "InService", "UpdateStarted", "RolledBack"]


def test_a_retry_is_acted_on_exactly_once(new_world: Any) -> None:
    world = rolled_back(new_world)
    world.retry("again")
    world.step()
    assert world.resource.status.last_handled_retry == "again"
    world.settle(HEALTH)
    for _ in range(3):
        world.step()
    assert world.asked.count("UpdateEndpoint") == 2


def test_a_retry_during_a_change_waits_until_it_can_be_acted_on(new_world: Any) -> None:
    world = new_world()
    world.step()
    world.retry("again")
    world.step()
    assert world.resource.status.last_handled_retry is None


def test_a_passing_failure_is_tried_again_five_times(new_world: Any) -> None:
    world = new_world()
    waits = []
    for _ in range(60):
        decided = world.step()
        if world.endpoint is None and not decided.actions:
            waits.append(round(decided.next_look))
        creating = world.endpoint is not None and world.endpoint.status == "Creating"
        world.settle("Request to service failed." if creating else None)
    assert world.asked.count("CreateEndpoint") == 6
    assert waits == sorted(waits)
    assert world.resource.status.is_true("Stalled")


def test_read_only_drops_actions_and_keeps_the_memory(new_world: Any) -> None:
    world = new_world()
    held = hold(world.decide(), world.resource.status)
    synced = held.status.condition("Synced")
    assert not held.actions
    assert synced is not None
    assert synced.reason == "ReadOnly"
    assert held.status.revisions == world.resource.status.revisions


def test_a_foreign_endpoint_is_never_touched(new_world: Any) -> None:
    world = new_world()
    world.converge()
    assert world.endpoint is not None
    world.endpoint = replace(world.endpoint, tags={})
    before = len(world.asked)
    world.apply(version=3)
    world.step()
    assert len(world.asked) == before
    world.delete()
    world.step()
    assert len(world.asked) == before
    assert world.resource.status.is_true("DeletionBlocked")
    world.endpoint = replace(world.endpoint, config_name="theirs")
    world.step()
    assert "DeleteEndpoint" not in world.asked
    assert not world.resource.has_finalizer
