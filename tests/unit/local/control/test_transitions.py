"""An endpoint's status moves only along the edges, whatever happens in whatever order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.control.lifecycle import transitions
from sagemaker_local.control.lifecycle.transitions import EDGES, Target
from sagemaker_local.control.state.endpoint import (
    Deployment,
    Endpoint,
    EndpointStatus,
    Scaling,
    Stage,
    Variant,
    VariantStatus,
)
from sagemaker_local.control.state.policy import Policy
from sagemaker_local.control.state.records import Container, ProductionVariant

IN_BETWEEN = {
    EndpointStatus.CREATING,
    EndpointStatus.UPDATING,
    EndpointStatus.ROLLING_BACK,
    EndpointStatus.DELETING,
}


def deployment(config: str, now: float = 1.0, count: int = 2) -> Deployment:
    production = ProductionVariant("main", "model", "ml.m5.large", count, 1.0)
    status = VariantStatus(Stage.CREATING, now)
    variant = Variant(production, (Container("local://echo"),), now, 0.0, 1.0, 0, count, status)
    return Deployment(config, (variant,), now, Policy())


def creating() -> Endpoint:
    key = ("111122223333", "eu-west-1", "fraud")
    return Endpoint(key, "arn", "one", EndpointStatus.CREATING, (), 1.0, 1.0, change=deployment("one"))


def in_service() -> Endpoint:
    return transitions.deployed(transitions.activating(creating(), 2.0), 3.0)


def test_a_creation_ends_in_service_with_its_fleet() -> None:
    found = in_service()
    assert (found.status, found.config_name, found.change) == (EndpointStatus.IN_SERVICE, "one", None)
    (variant,) = found.variants
    assert (variant.current_count, variant.current_weight, variant.status) == (2, 1.0, None)
    assert (found.creation_time, found.last_modified_time) == (1.0, 3.0)


def test_a_failed_creation_has_a_reason_and_no_instances() -> None:
    found = transitions.not_deployed(creating(), "no capacity", 2.0)
    assert (found.status, found.failure_reason, found.change) == (EndpointStatus.FAILED, "no capacity", None)
    assert [each.current_count for each in found.variants] == [0]


def test_a_failed_update_keeps_the_old_config_and_the_next_good_one_forgets_the_reason() -> None:
    updating = transitions.updating(in_service(), deployment("two", 4.0, count=5))
    assert (updating.config_name, updating.variants) == ("one", in_service().variants)
    failed = transitions.not_deployed(updating, "broken", 5.0)
    assert (failed.status, failed.config_name, failed.failure_reason) == (EndpointStatus.IN_SERVICE, "one", "broken")
    assert failed.variants == in_service().variants
    again = transitions.updating(failed, deployment("three", 6.0))
    assert again.failure_reason == "broken"
    good = transitions.deployed(transitions.activating(again, 7.0), 7.0)
    assert (good.config_name, good.failure_reason) == ("three", "")


def test_a_new_fleet_shows_its_stages() -> None:
    active = transitions.activating(transitions.updating(in_service(), deployment("two", 4.0)), 5.0)
    assert active.variants[0].status == VariantStatus(Stage.ACTIVATING_TRAFFIC, 5.0)
    assert (active.status, active.config_name) == (EndpointStatus.UPDATING, "one")
    baking = transitions.baking(active, 6.0)
    assert baking.variants[0].status == VariantStatus(Stage.BAKING, 6.0)
    assert transitions.deployed(baking, 7.0).variants[0].status is None


def test_scaling_aims_first_and_arrives_later() -> None:
    aimed = transitions.scaling(in_service(), (Target("main", 5.0, 3),), 4.0)
    (variant,) = aimed.variants
    assert (variant.current_weight, variant.desired_weight) == (1.0, 5.0)
    assert (variant.current_count, variant.desired_count) == (2, 3)
    (variant,) = transitions.scaled(aimed, 5.0).variants
    assert (variant.current_weight, variant.current_count, variant.status) == (5.0, 3, None)


def test_scaling_leaves_what_it_does_not_name() -> None:
    assert transitions.scaling(in_service(), (), 4.0).variants == in_service().variants
    (variant,) = transitions.scaling(in_service(), (Target("main", desired_weight=9.0),), 4.0).variants
    assert (variant.desired_weight, variant.desired_count) == (9.0, 2)


def test_failed_scaling_rolls_back_to_what_was() -> None:
    aimed = transitions.scaling(in_service(), (Target("main", 5.0, 3),), 4.0)
    rolling = transitions.rolling_back(aimed, "no capacity", {"main": 2}, 5.0)
    assert (rolling.status, rolling.failure_reason) == (EndpointStatus.ROLLING_BACK, "no capacity")
    back = transitions.rolled_back(rolling, 6.0)
    assert back.status is EndpointStatus.IN_SERVICE
    assert back.variants == in_service().variants
    assert back.failure_reason == "no capacity"


def test_a_lost_instance_shows_and_goes_away_when_it_is_replaced() -> None:
    short = transitions.observed(in_service(), "main", 1, "It was killed.", 8.0)
    (variant,) = short.variants
    assert (short.status, variant.current_count) == (EndpointStatus.IN_SERVICE, 1)
    assert variant.status == VariantStatus(Stage.UPDATING, 8.0, "It was killed.")
    (still,) = transitions.observed(short, "main", 0, "Another one.", 9.0).variants
    assert still.status == VariantStatus(Stage.UPDATING, 8.0, "Another one.")
    assert transitions.observed(short, "main", 2, "", 10.0).variants == in_service().variants


def test_an_observation_changes_nothing_but_counts_while_a_change_is_under_way() -> None:
    aimed = transitions.scaling(in_service(), (Target("main", None, 3),), 4.0)
    (variant,) = transitions.observed(aimed, "main", 1, "killed", 5.0).variants
    assert (variant.current_count, variant.status) == (1, VariantStatus(Stage.UPDATING, 4.0))


def test_an_observation_of_nothing_new_is_the_same_endpoint() -> None:
    endpoint = in_service()
    assert transitions.observed(endpoint, "main", 2, "", 9.0) is endpoint
    assert transitions.observed(endpoint, "other", 0, "", 9.0) is endpoint


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: transitions.deleting(creating(), 2.0),
        lambda: transitions.updating(creating(), deployment("two")),
        lambda: transitions.scaled(in_service(), 4.0),
        lambda: transitions.rolled_back(in_service(), 4.0),
        lambda: transitions.activating(in_service(), 4.0),
        lambda: transitions.deployed(in_service(), 4.0),
        lambda: transitions.updating(transitions.not_deployed(creating(), "", 2.0), deployment("two")),
    ],
)
def test_a_move_off_the_edges_is_a_mistake(wrong: Callable[[], Endpoint]) -> None:
    with pytest.raises(ValueError, match="endpoint fraud"):
        wrong()


MOVES: dict[str, Callable[[Endpoint, float], Endpoint]] = {
    "updating": lambda endpoint, now: transitions.updating(endpoint, deployment(f"config-{now:g}", now)),
    "activating": transitions.activating,
    "baking": transitions.baking,
    "deployed": lambda endpoint, now: transitions.deployed(transitions.activating(endpoint, now), now),
    "not deployed": lambda endpoint, now: transitions.not_deployed(endpoint, f"reason {now:g}", now),
    "scaling": lambda endpoint, now: transitions.scaling(endpoint, (Target("main", now, int(now)),), now),
    "scaled": transitions.scaled,
    "rolling back": lambda endpoint, now: transitions.rolling_back(endpoint, "reason", {"main": 2}, now),
    "rolled back": transitions.rolled_back,
    "deleting": transitions.deleting,
    "observed": lambda endpoint, now: transitions.observed(endpoint, "main", int(now) % 3, "seen", now),
}


@given(st.lists(st.sampled_from(sorted(MOVES)), max_size=40))
def test_a_status_moves_only_along_the_edges(moves: list[str]) -> None:
    endpoint = creating()
    for now, move in enumerate(moves, 2):
        try:
            after = MOVES[move](endpoint, float(now))
        except ValueError:
            continue
        assert after.status is endpoint.status or after.status in EDGES[endpoint.status]
        assert (after.change is not None) == (after.status in IN_BETWEEN)
        if endpoint.status is not EndpointStatus.CREATING and after.config_name != endpoint.config_name:
            assert (move, endpoint.status) == ("deployed", EndpointStatus.UPDATING)
        if after.status is EndpointStatus.IN_SERVICE and after.status is not endpoint.status:
            assert all(each.current_weight == each.desired_weight for each in after.variants)
            assert move in ("not deployed", "rolled back") or not after.failure_reason
        endpoint = after


def test_a_scaling_failure_cannot_be_mistaken_for_a_deployment() -> None:
    scaling = replace(in_service(), status=EndpointStatus.UPDATING, change=Scaling(4.0))
    with pytest.raises(ValueError, match="no deployment under way"):
        transitions.deployed(scaling, 5.0)
