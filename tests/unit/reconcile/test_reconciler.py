"""Passes over an object with AWS and the API server in memory: what is called, what is written, what is told."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from sagemaker_operator.aws.errors import Kind

Wanted = Callable[..., dict[str, Any]]
CREATE = ["create_model", "create_endpoint_config", "create_endpoint"]


def reasons(world: Any) -> list[str]:
    return [event.reason for event in world.cluster.events]


def test_a_creation_takes_four_calls_of_its_own(world: Any, wanted: Wanted) -> None:
    world.apply(wanted())
    world.run()
    own = [call for call in world.aws.calls if not call.startswith("list_")]
    assert own == [*CREATE, "describe_endpoint"]
    assert "list_tags" not in world.aws.calls
    assert world.status().is_true("Ready")
    assert reasons(world) == ["CreateStarted", "InService"]


def test_nothing_is_called_or_written_when_nothing_changed(world: Any, wanted: Wanted) -> None:
    world.apply(wanted())
    world.run()
    calls, writes = list(world.aws.calls), world.cluster.status_writes
    for _ in range(3):
        world.reconciler.reconcile(next(iter(world.cluster.bodies)))
    assert world.aws.calls == calls
    assert world.cluster.status_writes == writes


def test_a_steady_endpoint_is_described_once_an_hour_with_its_tags(world: Any, wanted: Wanted) -> None:
    world.apply(wanted())
    world.run()
    world.time += dt.timedelta(hours=1)
    before = len(world.aws.calls)
    outcome = world.tick()
    own = [call for call in world.aws.calls[before:] if call not in ("list_models", "list_endpoint_configs")]
    assert own == ["describe_endpoint", "list_tags"]
    assert 0.8 * 3600 <= outcome.next_pass <= 1.2 * 3600


def test_before_an_update_sagemaker_itself_is_asked(world: Any, wanted: Wanted) -> None:
    world.apply(wanted())
    world.run()
    world.time += dt.timedelta(minutes=1)
    before = len(world.aws.calls)
    world.apply(wanted("2"))
    world.tick()
    own = [call for call in world.aws.calls[before:] if call != "list_tags"]
    assert own == ["describe_endpoint", "create_model", "create_endpoint_config", "update_endpoint"]


def test_an_endpoint_that_turned_foreign_since_the_last_look_is_not_touched(world: Any, wanted: Wanted) -> None:
    world.apply(wanted())
    world.run()
    [endpoint] = world.aws.endpoints.values()
    world.aws.tags[endpoint["EndpointArn"]] = {}
    world.time += dt.timedelta(minutes=1)
    before = len(world.aws.changes)
    world.apply(wanted("2"))
    world.tick()
    assert world.aws.changes[before:] == []
    assert world.status().condition("Synced").reason == "NameTaken"


@pytest.mark.parametrize("method", CREATE)
def test_a_lost_reply_makes_no_second_object(world: Any, wanted: Wanted, method: str) -> None:
    world.aws.break_next(method, Kind.UNREACHABLE, applied=True)
    world.apply(wanted())
    world.run()
    assert world.status().is_true("Synced")
    assert (len(world.aws.models), len(world.aws.configs), len(world.aws.endpoints)) == (1, 1, 1)
    assert world.aws.changes.count(method) <= 2, "that it exists is learnt from one refusal"


@pytest.mark.parametrize("method", [*CREATE, "describe_endpoint", "list_endpoints", "list_models"])
@pytest.mark.parametrize("kind", [Kind.THROTTLED, Kind.INTERNAL, Kind.UNREACHABLE, Kind.CREDENTIALS, Kind.BUSY])
def test_a_passing_error_is_told_and_overcome(world: Any, wanted: Wanted, method: str, kind: Kind) -> None:
    for _ in range(2):
        world.aws.break_next(method, kind)
    world.apply(wanted())
    first = world.tick()
    if method != "describe_endpoint":
        assert first.result == "waiting"
        assert not world.status().is_true("Stalled")
    for _ in range(2):
        world.aws.settle()
        world.tick()
    world.run()
    assert world.status().is_true("Ready")
    assert world.status().failure is None
    assert [call for call in world.aws.changes if call == "create_endpoint"].count("create_endpoint") <= 3
    assert len(world.aws.endpoints) == 1


def test_waits_double_and_begin_anew_after_a_success(world: Any, wanted: Wanted) -> None:
    world.apply(wanted())
    for _ in range(4):
        world.aws.break_next("create_model", Kind.THROTTLED)
    waits = [world.tick().next_pass for _ in range(4)]
    assert waits == [2, 4, 8, 16]
    world.run()
    world.aws.break_next("update_endpoint", Kind.THROTTLED)
    world.apply(wanted("2"))
    assert world.tick().next_pass == 2


@pytest.mark.parametrize(
    ("kind", "reason"), [(Kind.DENIED, "AccessDenied"), (Kind.QUOTA, "QuotaExceeded"), (Kind.INVALID, "InvalidSpec")]
)
def test_what_a_person_must_mend_stalls_and_is_tried_seldom(
    world: Any, wanted: Wanted, kind: Kind, reason: str
) -> None:
    world.aws.break_next("create_endpoint", kind, "says AWS")
    world.apply(wanted())
    outcome = world.tick()
    stalled = world.status().condition("Stalled")
    assert (stalled.status, stalled.reason) == ("True", reason)
    assert "says AWS" in world.status().failure.message
    assert outcome.next_pass >= 240
    assert reasons(world) == [reason]


def test_a_new_role_is_waited_for_and_then_missing(world: Any, wanted: Wanted) -> None:
    for _ in range(40):
        world.aws.break_next("create_model", Kind.PROPAGATING, "Could not assume role x")
    world.apply(wanted())
    world.tick()
    assert not world.status().is_true("Stalled")
    for _ in range(8):
        world.tick()
    assert world.status().condition("Stalled").reason == "AccessDenied"
    assert "trusts sagemaker" in world.status().failure.hint


def test_a_stale_belief_is_mended_without_a_word(world: Any, wanted: Wanted) -> None:
    world.apply(wanted())
    world.run()
    [name] = world.aws.models
    del world.aws.models[name], world.aws.configs[next(iter(world.aws.configs))], world.aws.endpoints["ml-fraud"]
    world.region.sweep()
    world.run()
    assert world.status().is_true("Synced")
    assert list(world.aws.models) == [name]
    assert reasons(world) == ["CreateStarted", "InService", "CreateStarted", "InService"]


def test_two_objects_that_want_one_endpoint_do_not_fight(world: Any, wanted: Wanted, other: Any) -> None:
    world.apply(wanted(endpointName="shared"))
    world.run()
    before = len(world.aws.changes)
    world.apply(wanted("2", endpointName="Shared"), other)
    world.run(key=other)
    assert world.aws.changes[before:] == []
    assert world.status(other).condition("Ready").reason == "NameTaken"
    world.delete(other)
    world.run(key=other)
    assert "shared" in world.aws.endpoints
    assert other not in world.cluster.bodies


def test_a_part_that_only_has_our_name_is_neither_used_nor_deleted(world: Any, wanted: Wanted) -> None:
    world.apply(wanted())
    world.run()
    [model] = world.aws.models
    world.delete()
    world.run()
    world.aws.models[model] = {}
    world.aws.tags[f"arn:aws:sagemaker:eu-west-1:111122223333:model/{model}"] = {"theirs": "1"}
    world.restart()
    world.apply(wanted())
    world.run(3)
    assert world.status().condition("Synced").reason == "NameTaken"
    assert world.aws.endpoints == {}
    world.delete()
    world.run()
    assert list(world.aws.models) == [model]


def test_what_only_has_a_name_like_ours_is_no_garbage_and_outlives_a_deletion(world: Any, wanted: Wanted) -> None:
    model, config = "ml-fraud-m0123456789", "ml-fraud-0123456789-0123"
    world.aws.models[model], world.aws.configs[config] = {}, {}
    world.apply(wanted())
    world.run()
    assert world.status().is_true("Synced")
    world.restart()
    world.delete()
    world.run()
    assert (list(world.aws.models), list(world.aws.configs), world.aws.endpoints) == ([model], [config], {})


def test_a_deletion_ends_with_nothing_left(world: Any, wanted: Wanted) -> None:
    world.apply(wanted())
    world.run()
    world.delete()
    world.run()
    assert (world.aws.models, world.aws.configs, world.aws.endpoints, world.cluster.bodies) == ({}, {}, {}, {})
    assert reasons(world)[-1] == "Deleted"
    assert world.watchlist.regions() == []


@pytest.mark.parametrize("method", ["delete_endpoint", "delete_endpoint_config", "delete_model", "describe_endpoint"])
def test_the_object_stays_while_aws_may_still_have_something(world: Any, wanted: Wanted, method: str) -> None:
    world.apply(wanted())
    world.run()
    world.delete()
    for _ in range(2):
        world.aws.break_next(method, Kind.DENIED)
    told = []
    for _ in range(3):
        world.tick()
        world.aws.settle()
        assert world.cluster.bodies
        told.append(world.status().is_true("DeletionBlocked"))
    assert any(told)
    world.run()
    assert (world.aws.models, world.aws.configs, world.aws.endpoints, world.cluster.bodies) == ({}, {}, {}, {})


def test_a_failed_update_shows_the_containers_last_lines(world: Any, wanted: Wanted) -> None:
    world.apply(wanted())
    world.run()
    world.apply(wanted("2"))
    world.tick()
    world.aws.settle("The primary container for production variant main did not pass the ping health check.")
    world.region.sweep()
    for _ in range(3):
        world.tick()
    assert world.status().failure.log_excerpt == ("it broke",)
    assert world.aws.calls.count("get_log_events") == 1
    assert reasons(world)[-2:] == ["UpdateStarted", "RolledBack"]


def test_read_only_changes_nothing_and_says_so(world: Any, wanted: Wanted) -> None:
    world.read_only = True
    world.restart()
    world.apply(wanted())
    outcome = world.tick()
    assert world.aws.changes == []
    assert world.status().condition("Synced").reason == "ReadOnly"
    assert outcome.next_pass >= 48


def test_without_the_lease_nothing_is_changed(world: Any, wanted: Wanted) -> None:
    world.leads = False
    world.apply(wanted())
    assert world.tick().result == "error"
    assert world.aws.changes == []
    assert world.cluster.bodies[next(iter(world.cluster.bodies))]["metadata"]["finalizers"] == []


def test_settings_that_change_later_leave_an_endpoint_where_it_is(world: Any, wanted: Wanted) -> None:
    world.apply(wanted())
    world.run()
    world.restart()
    decider = world.reconciler._decider
    changed = type(decider.defaults)("arn:aws:iam::111122223333:role/serving", "us-east-1", "prefix-")
    object.__setattr__(decider, "defaults", changed)
    before = len(world.aws.changes)
    world.run(3)
    assert world.aws.changes[before:] == []
    assert world.status().endpoint_name == "ml-fraud"
    assert world.status().region == "eu-west-1"


def test_an_object_without_the_shape_of_the_crd_says_where(world: Any) -> None:
    world.apply({"variants": "none"})
    world.tick()
    assert world.status().condition("Stalled").reason == "InvalidSpec"
    assert "spec.variants" in world.status().failure.message
    world.delete()
    world.run()
    assert world.cluster.bodies == {}


@pytest.mark.parametrize("crash", range(1, 10))
@pytest.mark.parametrize("phase", ["create", "update", "delete"])
@pytest.mark.parametrize("applied", [True, False])
def test_killed_at_any_call_it_goes_on_after_a_restart(
    world: Any, wanted: Wanted, phase: str, crash: int, applied: bool
) -> None:
    """The process dies in its n-th call of the phase, before or after AWS carried the call out."""
    world.apply(wanted())
    if phase != "create":
        world.run()
    if phase == "update":
        world.apply(wanted("2"))
    elif phase == "delete":
        world.delete()

    class KilledError(BaseException):
        pass

    original, start = world.aws.call, len(world.aws.calls)

    def call(method: str, **request: Any) -> Any:
        number = len(world.aws.calls) - start + 1
        if number == crash and not applied:
            world.aws.calls.append(method)
            raise KilledError
        reply = original(method, **request)
        if number == crash:
            raise KilledError
        return reply

    world.aws.call = call
    try:
        world.run()
    except KilledError:
        world.aws.call = original
        world.restart()
        world.aws.settle()
        world.run(20)
    world.aws.call = original
    if phase == "delete":
        assert (world.aws.models, world.aws.configs, world.aws.endpoints, world.cluster.bodies) == ({}, {}, {}, {})
        return
    assert world.status().is_true("Synced")
    assert (len(world.aws.models), len(world.aws.configs), len(world.aws.endpoints)) == (1, 1, 1)
    assert world.aws.changes.count("create_endpoint") <= 2
    settled = len(world.aws.changes)
    world.run(4)
    assert world.aws.changes[settled:] == []
