"""What would do harm: paid things left behind, things of others deleted, changes of the user lost. All were seen."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from sagemaker_operator.api.resource import ObjectKey
from sagemaker_operator.aws.errors import Kind

Wanted = Callable[..., dict[str, Any]]
KEY = ObjectKey("ml", "fraud")
PING = "The primary container for production variant main did not pass the ping health check."


def settled(world: Any, *keys: ObjectKey, passes: int = 8) -> None:
    """AWS finishes, a sweep sees it, each object has its pass."""
    for _ in range(passes):
        world.aws.settle()
        world.region.sweep()
        for key in keys:
            world.tick(key)


def race(world: Any, other: ObjectKey) -> None:
    """Both objects make their parts before one of them gets the endpoint."""
    original, raced = world.aws.call, []

    def call(method: str, **request: Any) -> Any:
        if method == "create_endpoint" and not raced:
            raced.append(True)
            world.reconciler.reconcile(other)
        return original(method, **request)

    world.aws.call = call
    world.tick()
    world.aws.call = original


def owners(world: Any) -> dict[str, str]:
    """Of the models that are left."""
    prefix = "arn:aws:sagemaker:eu-west-1:111122223333:model/"
    return {name: world.aws.tags[prefix + name]["sagemaker-operator.io/name"] for name in world.aws.models}


def test_a_sweep_in_the_middle_of_a_look_does_not_release_a_living_endpoint(world: Any, wanted: Wanted) -> None:
    world.apply(wanted())
    world.run()
    world.apply(wanted("2"))
    world.tick()
    world.region.sweep()
    world.delete()
    directory, swept = world.region.directory, []
    original = directory.described

    def described(name: str, endpoint: Any, **more: Any) -> Any:
        look = original(name, endpoint, **more)
        if endpoint is not None and not swept:
            swept.append(True)
            world.aws.settle()
            world.region.sweep()
        return look

    directory.described = described
    world.tick()
    assert swept
    assert world.cluster.bodies
    world.run()
    assert (world.aws.models, world.aws.configs, world.aws.endpoints, world.cluster.bodies) == ({}, {}, {}, {})


@pytest.mark.parametrize("method", ["create_model", "create_endpoint_config"])
@pytest.mark.parametrize("then", ["delete", "edit"])
def test_a_lost_reply_and_then_another_wish_leave_nothing(world: Any, wanted: Wanted, method: str, then: str) -> None:
    world.apply(wanted())
    world.run()
    world.aws.break_next(method, Kind.UNREACHABLE, applied=True)
    world.apply(wanted("2"))
    world.tick()
    if then == "edit":
        world.apply(wanted("3"))
        world.run()
        assert (len(world.aws.models), len(world.aws.configs)) == (1, 1)
    world.delete()
    world.run()
    assert (world.aws.models, world.aws.configs, world.aws.endpoints) == ({}, {}, {})


def test_an_object_that_takes_over_a_name_does_not_hold_up_the_one_that_goes(
    world: Any, wanted: Wanted, other: ObjectKey
) -> None:
    world.apply(wanted(endpointName="shared"))
    world.run()
    world.apply(wanted("2", endpointName="shared"), other)
    world.tick(other)
    world.delete()
    world.tick()
    world.aws.settle()
    world.region.sweep()
    world.tick(other)
    settled(world, KEY, other)
    assert KEY not in world.cluster.bodies
    assert world.status(other).is_true("Ready")
    assert set(owners(world).values()) == {"other"}


def test_of_two_that_begin_at_once_each_deletes_only_its_own(world: Any, wanted: Wanted, other: ObjectKey) -> None:
    world.apply(wanted(endpointName="shared"))
    world.apply(wanted("2", endpointName="shared"), other)
    race(world, other)
    settled(world, KEY, other)
    serves, refused = (other, KEY) if world.status(other).is_true("Ready") else (KEY, other)
    assert world.status(refused).condition("Ready").reason == "NameTaken"
    assert set(owners(world).values()) == {serves.name}
    world.delete(refused)
    settled(world, refused, serves, passes=3)
    assert refused not in world.cluster.bodies
    assert world.status(serves).is_true("Ready")
    assert len(world.aws.models) == len(world.aws.configs) == len(world.aws.endpoints) == 1


def test_a_name_given_up_leaves_nothing_under_it(world: Any, wanted: Wanted, other: ObjectKey) -> None:
    world.apply(wanted(endpointName="shared"))
    world.apply(wanted("2", endpointName="shared"), other)
    race(world, other)
    settled(world, KEY, other, passes=3)
    refused = KEY if world.status(other).is_true("Ready") else other
    world.apply(wanted("3", endpointName="mine"), refused)
    settled(world, refused, passes=4)
    world.delete(refused)
    settled(world, refused, passes=4)
    assert refused not in world.cluster.bodies
    assert refused.name not in owners(world).values()


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
def test_a_policy_is_kept_even_if_the_rest_of_the_spec_cannot_be_read(world: Any, wanted: Wanted, policy: str) -> None:
    world.apply(wanted(deletionPolicy=policy))
    world.run()
    world.apply({"variants": "of another version", "deletionPolicy": policy})
    world.tick()
    world.delete()
    world.run()
    assert world.cluster.bodies == {}
    assert bool(world.aws.endpoints) == (policy == "Retain")


def test_without_a_policy_that_can_be_read_the_deletion_waits(world: Any, wanted: Wanted) -> None:
    world.apply(wanted())
    world.run()
    world.apply({"variants": [], "deletionPolicy": {"of": "another version"}})
    world.delete()
    world.tick()
    assert world.status().condition("DeletionBlocked").reason == "InvalidSpec"
    assert world.aws.endpoints


def test_a_field_for_a_newer_operator_is_not_dropped_in_silence(world: Any, wanted: Wanted) -> None:
    world.apply(wanted())
    world.run()
    before = len(world.aws.changes)
    world.apply(wanted("2", network={"isolation": "Enabled"}))
    world.tick()
    assert world.aws.changes[before:] == []
    assert "spec.network is not known" in world.status().failure.message


def test_with_an_invalid_spec_the_endpoint_is_still_looked_at(world: Any, wanted: Wanted) -> None:
    world.apply(wanted())
    world.run()
    world.apply(wanted("2"))
    world.tick()
    bad = wanted("3")
    bad["variants"][0]["containers"][0] = {"framework": {"name": "xgboost", "version": "9"}}
    world.apply(bad)
    world.tick()
    assert world.status().endpoint_status == "Updating"
    settled(world, KEY, passes=3)
    assert world.status().is_true("Ready")
    assert world.status().endpoint_status == "InService"
    assert not world.watchlist.in_motion("eu-west-1")
    world.aws.endpoints.clear()
    world.region.sweep()
    world.tick()
    assert not world.status().is_true("Ready")


def test_one_passing_error_does_not_turn_a_steady_endpoint(world: Any, wanted: Wanted) -> None:
    world.apply(wanted())
    world.run()
    writes, events = world.cluster.status_writes, len(world.cluster.events)
    world.time += dt.timedelta(hours=1)
    world.aws.break_next("describe_endpoint", Kind.THROTTLED)
    assert world.tick().next_pass < 60
    assert world.status().is_true("Synced")
    world.tick()
    assert (world.cluster.status_writes, len(world.cluster.events)) == (writes, events)
    for _ in range(4):
        world.aws.break_next("describe_endpoint", Kind.THROTTLED)
    world.time += dt.timedelta(hours=1)
    for _ in range(4):
        world.tick()
    assert world.status().condition("Synced").reason == "Throttled", "an error that stays is told"


@pytest.mark.parametrize("wish", ["edit", "delete"])
def test_tags_taken_away_since_the_last_look_protect_the_endpoint(world: Any, wanted: Wanted, wish: str) -> None:
    world.apply(wanted())
    world.run()
    [endpoint] = world.aws.endpoints.values()
    world.aws.tags[endpoint["EndpointArn"]] = {"theirs": "1"}
    endpoint.update(EndpointConfigName="theirs", LastModifiedTime=world.time + dt.timedelta(seconds=5))
    world.region.sweep()
    before = len(world.aws.changes)
    if wish == "edit":
        world.apply(wanted("2"))
    else:
        world.delete()
    world.run(5)
    assert not {"update_endpoint", "delete_endpoint"} & set(world.aws.changes[before:])
    assert world.aws.endpoints


@pytest.mark.parametrize("wish", ["edit", "delete", "retry"])
def test_what_the_user_wants_during_the_last_write_of_a_pass_is_not_lost(world: Any, wanted: Wanted, wish: str) -> None:
    """The reply to our own write shows it first; the watch's event is then no news."""
    world.apply(wanted())
    world.tick()
    world.aws.settle()
    world.region.sweep()
    original = world.cluster.write_status

    def write_status(resource: Any, status: Any) -> Any:
        if wish == "edit":
            world.cluster.apply(wanted("2"))
        elif wish == "delete":
            world.cluster.delete()
        else:
            world.cluster.apply(wanted(), annotations={"sagemaker-operator.io/retry": "now"})
        return original(resource, status)

    world.cluster.write_status = write_status
    assert world.reconciler.reconcile(KEY).next_pass == 0


def test_a_second_new_role_has_its_time_too(world: Any, wanted: Wanted) -> None:
    for _ in range(8):
        world.aws.break_next("create_model", Kind.PROPAGATING, "Could not assume role one")
    world.apply(wanted())
    for _ in range(8):
        world.tick()
    assert world.status().is_true("Stalled")
    world.aws.break_next("create_model", Kind.PROPAGATING, "Could not assume role two")
    world.apply(wanted(executionRoleARN="arn:aws:iam::111122223333:role/two"))
    assert world.tick().next_pass < 60
    assert not world.status().is_true("Stalled")


def test_a_clock_that_is_set_back_stops_nothing(world: Any, wanted: Wanted) -> None:
    world.apply(wanted())
    world.run()
    world.apply(wanted("2"))
    world.tick()
    world.aws.settle(PING)
    world.region.sweep()
    world.time -= dt.timedelta(hours=5)
    world.tick()
    assert world.status().is_true("RolledBack")


def test_an_object_that_was_taken_away_by_force_gets_no_endpoint(world: Any, wanted: Wanted) -> None:
    world.apply(wanted())
    world.run()
    world.cluster.bodies.clear()
    world.aws.endpoints.clear()
    world.region.sweep()
    assert world.tick().result == "gone"
    assert world.aws.endpoints == {}


def test_a_part_that_no_listing_has_shown_yet_is_taken_for_there(world: Any, wanted: Wanted) -> None:
    """An operator before us made it, and died."""
    world.apply(wanted())
    world.run()
    [model], tags = world.aws.models, dict(world.aws.tags)
    world.delete()
    world.run()
    world.region.ready()
    world.aws.models[model] = {}
    world.aws.tags.update(tags)
    before = world.aws.calls.count("create_model")
    world.apply(wanted())
    world.run()
    assert world.status().is_true("Synced")
    assert list(world.aws.models) == [model]
    assert world.aws.calls.count("create_model") == before + 1, "one refusal is enough to know"
