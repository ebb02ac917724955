"""The binomial interval against SciPy's distribution, and the judgement of a split."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from demo.split import CONFIDENCE, interval, judge


@given(
    trials=st.integers(1, 3000),
    weight=st.integers(1, 99),
    confidence=st.sampled_from([0.9, 0.99, CONFIDENCE]),
)
@settings(max_examples=60, deadline=None)
def test_the_interval_is_the_central_one(trials: int, weight: int, confidence: float) -> None:
    low, high = interval(trials, weight, 100, confidence)
    distribution, tail = binom(trials, weight / 100), (1 - confidence) / 2
    slack = 1e-9
    assert distribution.cdf(low - 1) <= tail + slack
    assert distribution.cdf(low) > tail - slack
    assert distribution.sf(high) <= tail + slack
    assert distribution.sf(high - 1) > tail - slack


def test_known_intervals() -> None:
    assert interval(1000, 10, 100) == (70, 132)
    assert interval(1000, 90, 100) == (868, 930)


@pytest.mark.parametrize(("weight", "expected"), [(0, (0, 0)), (5, (400, 400))])
def test_a_certain_outcome_has_no_spread(weight: int, expected: tuple[int, int]) -> None:
    assert interval(400, weight, 5) == expected


def test_a_split_within_chance_is_plausible() -> None:
    champion, challenger = judge(["champion"] * 907 + ["challenger"] * 93, {"champion": 90, "challenger": 10})
    assert (champion.calls, champion.of, champion.weight, champion.plausible) == (907, 1000, 0.9, True)
    assert (challenger.calls, challenger.plausible) == (93, True)


def test_an_even_split_is_not_what_90_to_10_gives() -> None:
    shares = judge(["champion"] * 500 + ["challenger"] * 500, {"champion": 90, "challenger": 10})
    assert [share.plausible for share in shares] == [False, False]


def test_replies_of_somebody_else_count_for_nobody() -> None:
    (main,) = judge(["main"] * 90 + ["other"] * 10, {"main": 1})
    assert (main.calls, main.of, main.plausible) == (90, 100, False)
