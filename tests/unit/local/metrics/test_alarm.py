"""Alarm states as the tables of the CloudWatch User Guide ("Configuring how alarms treat missing data") have them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.metrics.alarm import AlarmRule, AlarmState, judge

OK, ALARM, NONE = AlarmState.OK, AlarmState.ALARM, AlarmState.INSUFFICIENT_DATA
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
KEPT = AlarmState.INSUFFICIENT_DATA  # the state before, which "ignore" keeps


def values(drawn: str) -> list[float | None]:
    """``0 - X``: not breaching, missing, breaching."""
    return [{"0": 0.0, "X": 9.0, "-": None}[each] for each in drawn.split()]


def rule(needed: int, treatment: str) -> AlarmRule:
    return AlarmRule("GreaterThanThreshold", 5.0, 3, needed, treatment)


@pytest.mark.parametrize(
    ("needed", "drawn", "states"),
    [
        (3, "0 - X - X", (OK, OK, OK, OK)),
        (3, "- - - - 0", (OK, OK, OK, OK)),
        (3, "- - - - -", (NONE, KEPT, ALARM, OK)),
        (3, "0 X X - X", (ALARM, ALARM, ALARM, ALARM)),
        (3, "- - X - -", (ALARM, KEPT, ALARM, OK)),
        (2, "0 - X - X", (ALARM, ALARM, ALARM, ALARM)),
        (2, "0 0 X 0 X", (ALARM, ALARM, ALARM, ALARM)),
        (2, "0 - X - -", (OK, OK, ALARM, OK)),
        (2, "- - - - 0", (OK, OK, ALARM, OK)),
        (2, "- - - X -", (ALARM, KEPT, ALARM, OK)),
    ],
)
def test_the_guides_tables(needed: int, drawn: str, states: tuple[AlarmState, ...]) -> None:
    found = tuple(judge(rule(needed, each), values(drawn), KEPT).state for each in TREATMENTS)
    assert found == states


def test_one_breaching_value_is_not_taken_for_an_alarm_too_early() -> None:
    assert judge(rule(3, "missing"), values("- - - - X"), OK).state is OK


@pytest.mark.parametrize(
    ("comparison", "breaching"),
    [
        ("GreaterThanThreshold", {6.0}),
        ("GreaterThanOrEqualToThreshold", {5.0, 6.0}),
        ("LessThanThreshold", {4.0}),
        ("LessThanOrEqualToThreshold", {4.0, 5.0}),
    ],
)
def test_comparisons(comparison: str, breaching: set[float]) -> None:
    asked = AlarmRule(comparison, 5.0, 1, 1)
    assert {each for each in (4.0, 5.0, 6.0) if judge(asked, [None, None, each], OK).state is ALARM} == breaching


@given(
    st.lists(st.sampled_from([0.0, 9.0, None]), min_size=5, max_size=5),
    st.sampled_from(TREATMENTS),
    st.integers(1, 3),
    st.sampled_from(AlarmState),
)
def test_without_gaps_only_the_values_count(
    drawn: list[float | None], treatment: str, needed: int, current: AlarmState
) -> None:
    found = judge(rule(needed, treatment), drawn, current).state
    if None not in drawn[-3:]:
        assert found is (ALARM if drawn[-3:].count(9.0) >= needed else OK)
        assert found is judge(replace(rule(needed, "ignore")), drawn, OK).state
    if 9.0 not in drawn and treatment != "breaching":
        assert found is not ALARM or current is ALARM
