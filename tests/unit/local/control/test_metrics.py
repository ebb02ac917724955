"""Metrics from counts: what is published of which fleet."""

from __future__ import annotations

from dataclasses import replace

from sagemaker_local.control.metrics import Series, series_of
from sagemaker_local.control.state.endpoint import Deployment, Endpoint, EndpointStatus, Variant
from sagemaker_local.control.state.policy import Policy
from sagemaker_local.control.state.records import Container, ProductionVariant
from sagemaker_local.router.period import VariantPeriod

KEY = ("111122223333", "eu-west-1", "fraud")
VARIANT = Variant(
    ProductionVariant("main", "model", "ml.m5.large", 2), (Container("local://echo"),), 0.0, 1.0, 1.0, 2, 2
)
ENDPOINT = Endpoint(KEY, "arn", "old", EndpointStatus.IN_SERVICE, (VARIANT,), 0.0, 0.0)
UPDATED = replace(
    ENDPOINT, status=EndpointStatus.UPDATING, change=Deployment("new", (VARIANT,), 0.0, Policy(), shares={"main": 0.5})
)


def period(config: str, calls: int, failed: int = 0) -> VariantPeriod:
    return VariantPeriod(KEY, "main", config, calls, 0, failed, failed, calls * 10, calls, {10: calls}, {1: calls})


def totals(series: list[Series], dimensions: int) -> dict[str, float]:
    return {each.name: each.total for each in series if len(each.dimensions) == dimensions}


def test_both_fleets_count_for_the_variant_and_the_new_one_alone_besides() -> None:
    found = series_of([period("old", 30), period("new", 10, 4)], {KEY: UPDATED}, True)
    both, new = totals(found, 2), totals(found, 3)
    assert (both["Invocations"], both["InvocationsPerInstance"], both["Invocation5XXErrors"]) == (40.0, 20.0, 4.0)
    assert (new["Invocations"], new["Invocation5XXErrors"], new["ModelLatency"]) == (10.0, 4.0, 100.0)
    assert {each.dimensions[2:] for each in found} == {(), (("EndpointConfigName", "new"),)}


def test_after_the_update_there_is_no_third_dimension() -> None:
    found = series_of([period("old", 3)], {KEY: ENDPOINT}, True)
    assert {len(each.dimensions) for each in found} == {2}
    assert len({each.name for each in found}) == 7


def test_an_error_metric_has_a_sample_for_each_call() -> None:
    (errors,) = [
        each for each in series_of([period("old", 5, 2)], {KEY: ENDPOINT}, True) if each.name == "InvocationModelErrors"
    ]
    assert sorted(errors.values) == [(0.0, 3), (1.0, 2)]


def test_an_idle_variant_publishes_zero_while_it_serves_or_nothing() -> None:
    assert totals(series_of([], {KEY: ENDPOINT}, True), 2) == {"Invocations": 0.0, "InvocationsPerInstance": 0.0}
    assert series_of([], {KEY: ENDPOINT}, False) == []
    assert series_of([], {KEY: replace(ENDPOINT, status=EndpointStatus.OUT_OF_SERVICE)}, True) == []


def test_calls_of_an_endpoint_that_is_gone_are_left_out() -> None:
    assert series_of([period("old", 3)], {}, True) == []
