"""Schedules in their time zones."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.scaling.schedule import parsed


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("schedule", "zone", "moment"),
    [
        ("at(2026-07-01T08:00:00)", "UTC", "2026-07-01T08:00"),
        ("at(2026-07-01T08:00:00)", "Europe/Berlin", "2026-07-01T06:00"),
        ("at(2026-01-01T08:00:00)", "Europe/Berlin", "2026-01-01T07:00"),
        ("cron(30 8 * * ? *)", "America/New_York", "2026-07-01T12:30"),
        ("cron(30 8 * * ? *)", "America/New_York", "2026-01-05T13:30"),
        ("cron(0 8 ? * MON-FRI *)", "UTC", "2026-07-01T08:00"),
        ("cron(0 8 ? * SUN *)", "UTC", "2026-07-05T08:00"),
        ("cron(0 0 L * ? *)", "UTC", "2026-02-28T00:00"),
        ("cron(0/15 8 1 JUL ? 2026)", "UTC", "2026-07-01T08:45"),
        ("cron(5,10 8 * * ? *)", "UTC", "2026-07-01T08:10"),
    ],
)
def test_a_schedule_falls_at_its_moment_only(schedule: str, zone: str, moment: str) -> None:
    due, when = parsed(schedule, zone, 0.0), at(moment)
    assert due(when - 60, when)
    assert not due(when, when + 59)
    assert not due(when - 180, when - 60)


def test_weekdays_leave_out_the_weekend() -> None:
    due = parsed("cron(0 8 ? * MON-FRI *)", "UTC", 0.0)
    assert not due(at("2026-07-04T00:00"), at("2026-07-05T23:59"))


@given(st.floats(0, 1e6), st.integers(1, 90))
def test_a_rate_falls_once_in_each_of_its_intervals(origin: float, minutes: int) -> None:
    due = parsed(f"rate({minutes} minutes)", "UTC", origin)
    start = origin + 1
    assert not due(start, origin + minutes * 60 - 1)
    assert due(start, origin + minutes * 60 + 1)


@pytest.mark.parametrize(
    ("schedule", "zone", "said"),
    [
        ("every day", "UTC", "is no schedule"),
        ("rate(0 minutes)", "UTC", "must be a positive number"),
        ("cron(0 8 * *)", "UTC", "six fields"),
        ("cron(60 8 * * ? *)", "UTC", "between 0 and 59"),
        ("cron(x 8 * * ? *)", "UTC", "is not understood"),
        ("at(2026-13-01T00:00:00)", "UTC", "names no time"),
        ("rate(1 day)", "Mars/Base", "is not known"),
    ],
)
def test_a_bad_schedule_is_told_what_is_wrong(schedule: str, zone: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parsed(schedule, zone, 0.0)
