"""Statistics and percentiles against a plain list of the values."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.metrics.distribution import Distribution, merged, of_values, statistic_of, too_few
from sagemaker_local.router.period import rounded

VALUES = st.lists(st.integers(0, 1000).map(float), min_size=1, max_size=50)


@given(VALUES, st.integers(0, 100))
def test_statistics_are_those_of_the_list(values: list[float], percentage: int) -> None:
    found = of_values(Counter(values))
    assert statistic_of(found, "SampleCount") == len(values)
    assert statistic_of(found, "Sum") == pytest.approx(sum(values))
    assert statistic_of(found, "Average") == pytest.approx(sum(values) / len(values))
    assert (statistic_of(found, "Minimum"), statistic_of(found, "Maximum")) == (min(values), max(values))
    rank = max(1, math.ceil(len(values) * percentage / 100))
    assert statistic_of(found, f"p{percentage}") == sorted(values)[rank - 1]


@given(VALUES, VALUES)
def test_merged_is_the_distribution_of_both(one: list[float], other: list[float]) -> None:
    both = merged([of_values(Counter(one)), of_values(Counter(other))])
    assert both.counts == Counter(one + other)


def test_nothing_has_no_statistics_and_unknown_ones_are_named() -> None:
    assert statistic_of(Distribution({}, 0.0), "Sum") is None
    with pytest.raises(ValueError, match="tm90"):
        statistic_of(of_values({1.0: 1}), "tm90")


def test_few_values_are_too_few_for_high_percentiles() -> None:
    assert too_few(of_values({1.0: 99}), "p90")
    assert not too_few(of_values({1.0: 100}), "p90")
    assert too_few(of_values({1.0: 10}), "p100")
    assert not too_few(of_values({1.0: 1}), "Average")


@given(st.integers(0, 10**9))
def test_latencies_are_rounded_down_by_less_than_two_per_cent(microseconds: int) -> None:
    assert microseconds * 0.984 <= rounded(microseconds) <= microseconds
