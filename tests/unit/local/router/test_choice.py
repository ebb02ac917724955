"""Weighted choice, as properties."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.router.choice import WeightedChoice

WEIGHTS = st.lists(st.floats(0, 1e6, allow_nan=False) | st.just(0.0), min_size=1, max_size=10)
POINTS = st.floats(0, 1, exclude_max=True)


@given(WEIGHTS, POINTS)
def test_only_a_weight_above_zero_is_picked(weights: list[float], point: float) -> None:
    picked = WeightedChoice(weights).pick(point)
    if sum(weights) > 0:
        assert picked is not None
        assert weights[picked] > 0
    else:
        assert picked is None


@given(st.lists(st.integers(0, 100), min_size=1, max_size=10).filter(any))
def test_over_all_points_each_index_gets_exactly_its_share(weights: list[int]) -> None:
    choice, total = WeightedChoice([float(each) for each in weights]), sum(weights)
    counted = Counter(choice.pick((step + 0.5) / total) for step in range(total))
    assert [counted.get(index, 0) for index in range(len(weights))] == weights


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=5), POINTS, st.floats(0.001, 1000))
def test_scaling_all_weights_changes_nothing_away_from_the_bounds(
    weights: list[float], point: float, factor: float
) -> None:
    total, bounds = sum(weights), [sum(weights[: n + 1]) for n in range(len(weights))]
    if all(abs(bound / total - point) > 1e-9 for bound in bounds):
        assert WeightedChoice(weights).pick(point) == WeightedChoice([w * factor for w in weights]).pick(point)


def test_random_points_split_traffic_by_weight() -> None:
    generator, choice, calls = random.Random(20261124), WeightedChoice([90.0, 10.0]), 20_000
    seen = sum(choice.pick(generator.random()) == 1 for _ in range(calls))
    assert abs(seen - calls * 0.1) < 3.3 * math.sqrt(calls * 0.1 * 0.9)


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        WeightedChoice([1.0, -1.0])


def test_no_variant_at_all_is_none() -> None:
    assert WeightedChoice([]).pick(0.5) is None
