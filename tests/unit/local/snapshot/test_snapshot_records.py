"""Every record survives the way to JSON and back, and no part of the store is forgotten."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagemaker_local.control.lifecycle import transitions
from sagemaker_local.control.state.endpoint import (
    Deployment,
    Endpoint,
    EndpointStatus,
    Maintenance,
    Scaling,
    Variant,
)
from sagemaker_local.control.state.policy import Policy
from sagemaker_local.control.state.records import Container, Model, ProductionVariant, ServerlessConfig
from sagemaker_local.control.state.store import AccountState, Collection, Store
from sagemaker_local.router.callers import AccessKey
from sagemaker_local.scaling.records import ScalingState
from sagemaker_local.snapshot.codec import RecordError, decoded, encoded
from sagemaker_local.snapshot.file import Changes, StateFile, differences
from sagemaker_local.snapshot.kinds import KINDS, RecordKey, put_back, records_of
from sagemaker_local.snapshot.settling import cannot_serve, serving_variants, settled

VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=4)


def mappings(kind: Any) -> st.SearchStrategy[Any]:
    """Documents are of any values; others of what they say."""
    key, value = get_args(kind)
    values = VALUES if value is Any else st.from_type(value)
    return st.dictionaries(st.from_type(key), values, max_size=3)


st.register_type_strategy(Mapping, mappings)  # type: ignore[type-abstract]
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(slice, st.builds(slice, st.none() | st.integers(), st.none() | st.integers(), st.none()))
RECORDS = {kind: each for kind, each in KINDS.items() if kind != "tags"}
VARIANT = Variant(ProductionVariant("a", "m", "ml.m5.large"), (Container("i"),), 0.0, 1.0, 1.0, 2, 2)
DEPLOYMENT = Deployment("new", (VARIANT,), 5.0, Policy())
ENDPOINT = Endpoint(("1", "r", "e"), "arn", "old", EndpointStatus.IN_SERVICE, (VARIANT,), 1.0, 1.0)


@pytest.mark.parametrize("kind", RECORDS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_record_comes_back_the_same(kind: str, data: st.DataObject) -> None:
    record_type = RECORDS[kind].record_type
    record = data.draw(st.from_type(record_type))
    assert decoded(encoded(record, record_type), record_type) == record


def test_changes_with_the_same_fields_are_told_apart() -> None:
    for change in (Scaling(1.0), transitions.Deletion(1.0), Maintenance(1.0, 2.0), None):
        record = replace(ENDPOINT, change=change)
        assert decoded(encoded(record, Endpoint), Endpoint) == record


def test_what_is_not_known_is_refused_with_its_place() -> None:
    text = encoded(ENDPOINT, Endpoint)
    with pytest.raises(RecordError, match="colour"):
        decoded(text.replace('"arn":', '"colour":1,"arn":', 1), Endpoint)
    with pytest.raises(RecordError, match="status"):
        decoded(text.replace('"InService"', '"Elsewhere"'), Endpoint)


def test_no_part_of_the_store_is_forgotten() -> None:
    state = AccountState("1", "r", lambda key: None)
    assert {type(each) for each in vars(state).values()} >= {Collection, dict, ScalingState}
    collections = [each for each in vars(state).values() if isinstance(each, Collection)]
    collections += [*state.job_definitions.values()]
    others = {"tags", "scalable-target", "scaling-policy", "scheduled-action", "scaling-activity", "mark"}
    assert len(KINDS) == len(collections) + len(others), "a collection has no kind: it would be lost at a restart"
    passing = {"put", "gone"}  # alarms on their way to CloudWatch
    kept = {"targets", "policies", "actions", "activities"}
    assert {each.name for each in fields(ScalingState)} == kept | passing, "scaling has a part that would be lost"


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    store = Store(lambda key: None)
    state = store.of("1", "r")
    one, two = (Model(name, name, 1.0, (), {}) for name in ("one", "two"))
    state.models.put(one)
    state.models.put(two)
    state.tags["arn"] = {"a": "b"}
    known, put, gone = differences({}, records_of(store))
    assert (len(put), gone) == (3, [])
    file = StateFile(tmp_path / "file")
    keys = (("KEY", AccessKey("1")), ("SESSION", AccessKey("2", time.time() - 1)), ("OLD", AccessKey("2", 1.0)))
    file.write(Changes(tuple(put), (), keys, 7.0))
    state.models.remove("one")
    state.models.put(replace(two, creation_time=2.0))
    _, put, gone = differences(known, records_of(store))
    assert ([each.name for each, _ in put], [each.name for each in gone]) == (["two"], ["one"])
    file.write(Changes(tuple(put), tuple(gone), (), 8.0))
    file.close()
    again = StateFile(tmp_path / "file")
    kept = again.load()
    again.close()
    assert (kept.now, kept.access_keys) == (8.0, dict(keys[:2]))
    other = Store(lambda key: None)
    put_back(other, kept.records)
    assert dict(records_of(other)) == dict(records_of(store))


def test_a_write_is_whole_or_not_at_all(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "file")
    good, bad = RecordKey("1", "r", "model", "good"), RecordKey("1", "r", "model", None)  # type: ignore[arg-type]
    model = Model("good", "arn", 1.0, (), {})
    with pytest.raises(OSError, match="was not written"):
        file.write(Changes(((good, model), (bad, model)), (), (), 1.0))
    assert file.load().records == ()
    file.close()


def endpoint(**changes: Any) -> Endpoint:
    return replace(ENDPOINT, **changes)


def test_a_change_begins_anew_and_one_being_taken_back_is_taken_back() -> None:
    shared = replace(DEPLOYMENT, shares={"a": 0.5})
    updating = settled(endpoint(status=EndpointStatus.UPDATING, change=shared), 9.0)
    assert updating.change == DEPLOYMENT
    rolling = settled(endpoint(status=EndpointStatus.ROLLING_BACK, change=shared, failure_reason="alarm"), 9.0)
    assert (rolling.status, rolling.config_name, rolling.failure_reason) == (EndpointStatus.IN_SERVICE, "old", "alarm")
    scaling = settled(endpoint(status=EndpointStatus.ROLLING_BACK, change=Scaling(1.0)), 9.0)
    assert (scaling.status, scaling.change) == (EndpointStatus.IN_SERVICE, None)
    maintained = settled(endpoint(status=EndpointStatus.SYSTEM_UPDATING, change=Maintenance(4.0, 60.0)), 14.0)
    assert maintained.change == Maintenance(14.0, 50.0)


def test_the_counts_to_start_with() -> None:
    assert [each.desired_count for each in serving_variants(ENDPOINT)] == [2]
    assert serving_variants(endpoint(status=EndpointStatus.FAILED)) == ()
    serverless = replace(VARIANT, current_serverless=ServerlessConfig(2048, 5, 3))
    assert [each.desired_count for each in serving_variants(endpoint(variants=(serverless,)))] == [3]
    on_demand = replace(VARIANT, current_serverless=ServerlessConfig(2048, 5))
    assert [each.desired_count for each in serving_variants(endpoint(variants=(on_demand,)))] == [0]


def test_what_cannot_start_takes_no_calls() -> None:
    updating = endpoint(status=EndpointStatus.UPDATING, change=DEPLOYMENT)
    for before in (ENDPOINT, updating):
        found = cannot_serve(before, "gone", 9.0)
        assert (found.status, found.failure_reason, found.change) == (EndpointStatus.OUT_OF_SERVICE, "gone", None)
