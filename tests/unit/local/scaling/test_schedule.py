"""Schedules in their time zones."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.scaling.cron import cron_of
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
        ("cron(0 8 3W * ? *)", "UTC", "2026-07-03T08:00"),
        ("cron(0 8 4W * ? *)", "UTC", "2026-07-03T08:00"),
        ("cron(0 8 5W * ? *)", "UTC", "2026-07-06T08:00"),
        ("cron(0 8 1W 8 ? *)", "UTC", "2026-08-03T08:00"),
        ("cron(0 8 31W 5 ? *)", "UTC", "2026-05-29T08:00"),
        ("cron(0 8 LW 1 ? *)", "UTC", "2026-01-30T08:00"),
        ("cron(0 8 ? * 3#2 *)", "UTC", "2026-07-14T08:00"),
        ("cron(0 8 ? * tue#2 *)", "UTC", "2026-07-14T08:00"),
        ("cron(0 8 ? * 6L *)", "UTC", "2026-07-31T08:00"),
        ("cron(0 8 ? * L *)", "UTC", "2026-07-04T08:00"),
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


@given(st.integers(1, 31), st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_a_month_that_has_the_day_has_one_nearest_weekday(wanted: int, month: date) -> None:
    cron = cron_of(f"0 0 {wanted}W * ? *", ZoneInfo("UTC"))
    last = calendar.monthrange(month.year, month.month)[1]
    days = [day for day in range(1, last + 1) if cron.on_day(month.replace(day=day))]
    assert len(days) == (wanted <= last)
    for day in days:
        assert month.replace(day=day).isoweekday() <= 5
        assert abs(day - wanted) <= 2


@given(st.sampled_from(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]), st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_the_last_weekday_of_a_month_is_its_fourth_or_fifth(name: str, month: date) -> None:
    last = calendar.monthrange(month.year, month.month)[1]

    def days(field: str) -> list[int]:
        cron = cron_of(f"0 0 ? * {field} *", ZoneInfo("UTC"))
        return [day for day in range(1, last + 1) if cron.on_day(month.replace(day=day))]

    numbered = [days(f"{name}#{number}") for number in range(1, 6)]
    assert [day for each in numbered for day in each] == days(name)
    assert days(f"{name}L") == days(name)[-1:]


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
        ("cron(0 8 * * * *)", "UTC", "exactly one of day-of-month and day-of-week"),
        ("cron(0 8 ? * ? *)", "UTC", "exactly one of day-of-month and day-of-week"),
        ("cron(0 8 32W * ? *)", "UTC", "between 1 and 31"),
        ("cron(0 8 ? * 3#6 *)", "UTC", "is not understood"),
        ("cron(0 8 ? * 3#1,6#3 *)", "UTC", "is not understood"),
        ("cron(? 8 * * ? *)", "UTC", "is not understood"),
        ("at(2026-13-01T00:00:00)", "UTC", "names no time"),
        ("rate(1 day)", "Mars/Base", "is not known"),
    ],
)
def test_a_bad_schedule_is_told_what_is_wrong(schedule: str, zone: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parsed(schedule, zone, 0.0)
