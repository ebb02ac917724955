"""Metrics of serverless variants, asynchronous endpoints, inference components and calls under way."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.asynchronous.counts import METRICS, AsyncRecorder, backlog
from sagemaker_local.asynchronous.metrics import backlog_series, variant_series
from sagemaker_local.asynchronous.queue import Lengths
from sagemaker_local.control.load_metrics import component_series, concurrency_series
from sagemaker_local.control.metrics import Series, series_of
from sagemaker_local.control.state.endpoint import Endpoint, EndpointStatus, Variant
from sagemaker_local.control.state.features import AsyncInference, AsyncOutputConfig, Features
from sagemaker_local.control.state.records import Container, ProductionVariant, ServerlessConfig
from sagemaker_local.router.load import Load
from sagemaker_local.router.period import VariantPeriod

KEY = ("111122223333", "eu-west-1", "fraud")
COMPONENT = ("111122223333", "eu-west-1", "one")
CONTAINER = Container("local://echo")
PRODUCTION = ProductionVariant("main", "model", "", 1)
WARM = ServerlessConfig(2048, 10, 2)
SERVERLESS = Endpoint(
    KEY,
    "arn",
    "config",
    EndpointStatus.IN_SERVICE,
    (Variant(PRODUCTION, (CONTAINER,), 0.0, 1.0, 1.0, 0, 0, None, WARM, WARM),),
    0.0,
    0.0,
)


def by_name(series: list[Series]) -> dict[str, Series]:
    assert len({each.name for each in series}) == len(series)
    return {each.name: each for each in series}


@given(st.dictionaries(st.integers(1, 10), st.integers(1, 50), min_size=1))
def test_each_serverless_call_is_warm_or_spills_over(executions: dict[int, int]) -> None:
    period = VariantPeriod(KEY, "main", "config", 1, executions=executions, setup_times={64: 1})
    found = by_name(series_of([period], {KEY: SERVERLESS}, True))
    totals = {name: each.total for name, each in found.items()}
    warm = totals.get("ServerlessProvisionedConcurrencyInvocations", 0.0)
    assert warm == executions.get(1, 0) + executions.get(2, 0)
    spilled = totals.get("ServerlessProvisionedConcurrencySpilloverInvocations", 0.0)
    assert warm + spilled == sum(executions.values())
    utilization = found["ServerlessProvisionedConcurrencyUtilization"]
    assert max(value for value, _ in utilization.values) == max(executions) / 2
    assert found["ServerlessConcurrentExecutionsUtilization"].total * 10 == pytest.approx(
        sum(number * count for number, count in executions.items())
    )
    assert found["ModelSetupTime"].values == ((64.0, 1),)
    assert "InvocationsPerInstance" not in found


def test_an_asynchronous_variant_without_calls_publishes_no_zeros() -> None:
    inference = AsyncInference(AsyncOutputConfig("s3://data/out"))
    endpoint = replace(SERVERLESS, features=Features(None, inference, {}))
    assert series_of([], {KEY: endpoint}, True) == []


def test_a_backlog_per_instance_needs_an_instance() -> None:
    none = backlog(Lengths(3, 0, 10.0), 0, 70.0, counts_running=True)
    two = backlog(Lengths(3, 1, 10.0), 2, 70.0, counts_running=True)
    found = by_name(backlog_series({KEY: none}))
    assert {name: each.total for name, each in found.items()} == {
        "ApproximateBacklogSize": 3.0,
        "ApproximateAgeOfOldestRequest": 60.0,
        "HasBacklogWithoutCapacity": 1.0,
    }
    found = by_name(backlog_series({KEY: two}))
    assert (found["ApproximateBacklogSizePerInstance"].total, found["HasBacklogWithoutCapacity"].total) == (2.0, 0.0)
    assert {each.dimensions for each in found.values()} == {(("EndpointName", "fraud"),)}


@given(st.lists(st.tuples(st.sampled_from(sorted(METRICS)), st.integers(0, 5)), max_size=40))
def test_what_is_recorded_is_published_once_and_stays_in_the_totals(values: list[tuple[str, int]]) -> None:
    recorder = AsyncRecorder()
    for field, value in values:
        recorder.add(field, value)
    published = by_name(variant_series({(KEY, "main"): recorder.take()}))
    for field, (name, unit) in METRICS.items():
        total = sum(value for each, value in values if each == field)
        assert getattr(recorder.totals, field) == total
        if any(each == field for each, _ in values):
            assert (published[name].total, published[name].unit) == (total, unit)
        else:
            assert name not in published
    assert recorder.take() == {}


def test_every_answer_has_a_value_for_each_kind_of_error() -> None:
    recorder = AsyncRecorder()
    for status in (200, 404, 500, 0):
        recorder.answered(status, 10.0)
    found = by_name(variant_series({(KEY, "main"): recorder.take()}))
    assert sorted(found["Invocation4XXErrors"].values) == [(0.0, 3), (1.0, 1)]
    assert sorted(found["Invocation5XXErrors"].values) == [(0.0, 2), (1.0, 2)]


def test_calls_under_way_without_any_are_told_of_what_is_scaled_only() -> None:
    loads = [Load(KEY, "main", None, 0, 0), Load(KEY, "main", "one", 0, 3), Load(KEY, "main", "two", 0, 0)]
    assert [each.name for each in concurrency_series(loads, {COMPONENT: 2}, frozenset())] == [
        "ConcurrentRequestsPerCopy"
    ]
    scaled = frozenset({(*KEY[:2], "endpoint/fraud/variant/main"), (*KEY[:2], "inference-component/two")})
    found = concurrency_series(loads, {COMPONENT: 2}, scaled)
    assert [(each.name, each.total) for each in found] == [
        ("ConcurrentRequestsPerModel", 0.0),
        ("ConcurrentRequestsPerCopy", 1.5),
        ("ConcurrentRequestsPerCopy", 0.0),
    ]


def test_a_components_calls_are_shared_among_its_copies() -> None:
    found = by_name(component_series(Counter({COMPONENT: 8}), Counter(), {COMPONENT: 4}, idle_publish_zero=False))
    assert (found["Invocations"].total, found["InvocationsPerCopy"].total) == (8.0, 2.0)
    assert component_series(Counter(), Counter(), {COMPONENT: 4}, idle_publish_zero=False) == []
    idle = component_series(Counter(), Counter(), {COMPONENT: 4}, idle_publish_zero=True)
    assert {each.total for each in idle} == {0.0}


def test_calls_refused_for_want_of_a_copy_are_failures_of_the_component_that_is_still_there() -> None:
    refused = Counter({COMPONENT: 2, (*COMPONENT[:2], "gone"): 3})
    (found,) = component_series(Counter(), refused, {COMPONENT: 0}, idle_publish_zero=False)
    assert (found.name, found.values) == ("NoCapacityInvocationFailures", ((1.0, 2),))
    assert found.dimensions == (("InferenceComponentName", COMPONENT[2]),)
