"""The operator dies before and after each single action, with and without its status: nothing is done or told twice."""

from collections import Counter
from typing import Any

import pytest

HEALTH = "The primary container for production variant main did not pass the ping health check."


def test_a_crash_at_any_point_is_repaired_by_the_next_passes(world_after: Any, happening: str, crash: Any) -> None:
    undisturbed = world_after(happening)
    undisturbed.converge()

    world = world_after(happening)
    world.crash = crash
    world.converge()
    assert world.crash is None, "the crash never came"
    assert Counter(world.asked) == Counter(undisturbed.asked), "each action was carried out exactly once"
    assert set(world.events) <= set(undisturbed.events)
    assert max(Counter(world.events).values(), default=0) <= 1

    assert world.untouched
    if happening == "delete":
        assert world.endpoint is None
        assert not world.resource.has_finalizer
        assert world.ours == (set(), set()), "no orphan"
        return
    assert world.endpoint.status == "InService"
    assert world.endpoint.config_name == undisturbed.endpoint.config_name
    assert world.ours == ({m.name for m in world.desired.models}, {world.endpoint.config_name}), "no orphan"
    assert world.endpoint.variants == undisturbed.endpoint.variants
    assert world.endpoint.tags == undisturbed.endpoint.tags
    asked, status = list(world.asked), world.resource.status
    for _ in range(5):
        world.step()
    assert (world.asked, world.resource.status) == (asked, status), "it rests"


def test_every_action_is_among_the_crash_points(world_after: Any, every_happening: list[str]) -> None:
    asked = set()
    for happening in every_happening:
        world = world_after(happening)
        world.converge()
        asked |= set(world.asked)
    assert asked == {
        "AddFinalizer", "CreateModel", "CreateEndpointConfig", "CreateEndpoint", "UpdateEndpoint", "UpdateWeights",
        "ChangeTags", "DeleteEndpoint", "DeleteEndpointConfig", "DeleteModel", "RemoveFinalizer",
    }  # fmt: skip


@pytest.mark.parametrize("passes", [1, 2, 7])
@pytest.mark.parametrize(
    ("happening", "told"),
    [
        ("create", ["CreateStarted", "InService"]),
        ("update", ["UpdateStarted", "InService"]),
        ("traffic", ["TrafficChanged"]),
        ("count and tags", ["CountChanged"]),
        ("endpoint deleted by somebody", ["CreateStarted", "InService"]),
        ("delete", ["Deleted"]),
    ],
)
def test_a_transition_is_told_once_whatever_the_number_of_passes(
    world_after: Any, passes: int, happening: str, told: list[str]
) -> None:
    world = world_after(happening)
    world.converge(passes)
    assert world.events == told


@pytest.mark.parametrize("passes", [1, 2, 7])
def test_a_rollback_is_told_once_whatever_the_number_of_passes(world_after: Any, passes: int) -> None:
    world = world_after("update")
    for _ in range(passes):
        world.step()
    world.settle(HEALTH)
    for _ in range(passes + 1):
        world.step()
    assert world.events == ["UpdateStarted", "RolledBack"]


@pytest.mark.parametrize("passes", [1, 2, 7])
def test_a_deletion_that_has_to_wait_is_told_twice_in_all(world_after: Any, passes: int) -> None:
    world = world_after("create")
    world.step()
    world.events.clear()
    world.delete()
    world.converge(passes)
    assert world.events == ["DeletionBlocked", "Deleted"]


def test_a_crash_during_an_update_that_is_rolled_back_costs_no_attempt(world_after: Any) -> None:
    world = world_after("update")
    world.step()
    world.edit(0)
    for _ in range(4):
        world.step()
        world.settle(HEALTH)
    assert world.asked.count("UpdateEndpoint") == 1
    assert world.events == ["UpdateStarted", "RolledBack"]


def test_a_rollback_whose_memory_is_lost_costs_at_most_one_repeated_attempt(world_after: Any) -> None:
    world = world_after("update")
    world.step()
    world.edit(0)
    world.settle(HEALTH)
    for _ in range(4):
        world.step()
        world.settle(HEALTH)
    assert world.asked.count("UpdateEndpoint") == 2
    assert world.resource.status.is_true("RolledBack")
