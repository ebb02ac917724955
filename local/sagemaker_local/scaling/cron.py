"""Cron expressions of six fields (AWS: "Cron expressions reference"): their days, with ``L``, ``W`` and ``#``. Pure."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
_SATURDAY = 7
_NEAREST = re.compile(r"(\d{1,2}|L)W")
_LAST_WEEKDAY = re.compile(r"(\w+)L")
_NTH_WEEKDAY = re.compile(r"(\w+)#([1-5])")

_OnDay = Callable[[date], bool]


@dataclass(frozen=True, slots=True)
class Cron:
    """Falls in the minutes of those hours on those days, by the wall clock of its time zone."""

    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    years: frozenset[int]
    on_day: _OnDay
    place: ZoneInfo

    def due(self, after: float, until: float) -> bool:
        """Whether it falls after the one time and not after the other; epoch seconds."""
        return any(self._at(minute) for minute in range(int(after // 60) + 1, int(until // 60) + 1))

    def _at(self, minute: int) -> bool:
        moment = datetime.fromtimestamp(minute * 60, UTC).astimezone(self.place)
        return (
            moment.minute in self.minutes
            and moment.hour in self.hours
            and moment.month in self.months
            and moment.year in self.years
            and self.on_day(moment.date())
        )


def cron_of(text: str, place: ZoneInfo) -> Cron:
    """Of the text between the brackets. Raises ValueError with a remedy."""
    fields = text.upper().split()
    if len(fields) != 6:
        raise ValueError("cron needs six fields: minutes hours day-of-month month day-of-week year")
    minutes, hours, day, month, weekday, year = fields
    if (day == "?") == (weekday == "?"):
        raise ValueError("cron needs ? in exactly one of day-of-month and day-of-week")
    return Cron(
        _values(minutes, 0, 59),
        _values(hours, 0, 23),
        _values(month, 1, 12, _MONTHS),
        _values(year, 1970, 2199),
        _of_month(day) if weekday == "?" else _of_week(weekday),
        place,
    )


def _of_month(field: str) -> _OnDay:
    if field == "L":
        return lambda day: day.day == _last(day)
    if found := _NEAREST.fullmatch(field):
        wanted = None if found[1] == "L" else int(found[1])
        if wanted is not None and not 1 <= wanted <= 31:
            raise ValueError(f"cron field {field} must lie between 1 and 31")
        return lambda day: day == _nearest_weekday(day, _last(day) if wanted is None else wanted)
    days = _values(field, 1, 31)
    return lambda day: day.day in days


def _of_week(field: str) -> _OnDay:
    if field == "L":
        return lambda day: _weekday(day) == _SATURDAY
    if found := _LAST_WEEKDAY.fullmatch(field):
        wanted = _one_weekday(found[1], field)
        return lambda day: _weekday(day) == wanted and day.day > _last(day) - 7
    if found := _NTH_WEEKDAY.fullmatch(field):
        wanted, number = _one_weekday(found[1], field), int(found[2])
        return lambda day: _weekday(day) == wanted and (day.day - 1) // 7 + 1 == number
    days = _values(field, 1, 7, _DAYS)
    return lambda day: _weekday(day) in days


def _one_weekday(text: str, field: str) -> int:
    days = _values(text, 1, 7, _DAYS)
    if len(days) != 1:
        raise ValueError(f"cron field {field} is not understood")
    return next(iter(days))


def _weekday(day: date) -> int:
    """AWS counts from Sunday, which is 1."""
    return day.isoweekday() % 7 + 1


def _last(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _nearest_weekday(month: date, wanted: int) -> date | None:
    """The weekday nearest to a day of a month, in that month; None when the month has no such day."""
    if wanted > _last(month):
        return None
    day = month.replace(day=wanted)
    if day.isoweekday() == 6:
        return day - timedelta(1) if wanted > 1 else day + timedelta(2)
    if day.isoweekday() == 7:
        return day + timedelta(1) if wanted < _last(month) else day - timedelta(2)
    return day


def _values(field: str, low: int, high: int, words: Mapping[str, int] | None = None) -> frozenset[int]:
    known, found = words or {}, set[int]()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        try:
            if span == "*":
                begin, end = low, high
            else:
                begin = known.get(first) or int(first)
                end = (known.get(last) or int(last)) if last else (high if step else begin)
            stride = int(step) if step else 1
        except ValueError:
            raise ValueError(f"cron field {field} is not understood") from None
        if not low <= begin <= end <= high or stride < 1:
            raise ValueError(f"cron field {field} must lie between {low} and {high}")
        found.update(range(begin, end + 1, stride))
    return frozenset(found)
