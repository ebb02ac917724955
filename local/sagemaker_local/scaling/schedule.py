"""Schedules of scheduled actions: ``at(…)``, ``rate(…)`` and ``cron(…)``, in a time zone (API reference,
PutScheduledAction)."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)\)")
_RATE = re.compile(r"rate\((\d+) (minute|minutes|hour|hours|day|days)\)")
_CRON = re.compile(r"cron\(([^()]+)\)")
_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS = {name: number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (1, 7), (1970, 2199))

Due = Callable[[float, float], bool]
"""Whether a schedule falls after the one time and not after the other."""


def one_time(schedule: str) -> bool:
    """Whether it falls only once."""
    return schedule.startswith("at(")


def zone(name: str) -> ZoneInfo:
    """Raises ValueError for a zone that the time zone database does not have."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"Timezone {name} is not known; use a name such as Europe/Berlin") from None


def parsed(schedule: str, timezone: str, origin: float) -> Due:
    """``origin`` is what a rate counts from. Raises ValueError with a remedy."""
    place = zone(timezone)
    if found := _AT.fullmatch(schedule):
        try:
            moment = datetime.fromisoformat(found[1]).replace(tzinfo=place).timestamp()
        except ValueError:
            raise ValueError(f"{schedule} names no time; use at(yyyy-mm-ddThh:mm:ss)") from None
        return lambda after, until: after < moment <= until
    if found := _RATE.fullmatch(schedule):
        seconds = int(found[1]) * _UNITS[found[2].rstrip("s")]
        if not seconds:
            raise ValueError("rate must be a positive number")
        return lambda after, until: (until - origin) // seconds > (after - origin) // seconds
    if found := _CRON.fullmatch(schedule):
        return _cron(found[1].split(), place)
    raise ValueError(f"{schedule} is no schedule; use at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(six fields)")


def _cron(fields: list[str], place: ZoneInfo) -> Due:
    if len(fields) != len(_RANGES):
        raise ValueError("cron needs six fields: minutes hours day-of-month month day-of-week year")
    months = {name.upper(): number for name, number in _MONTHS.items()}
    words: tuple[dict[str, int], ...] = ({}, {}, {}, months, _DAYS, {})
    last_day = fields[2] == "L"
    sets = [
        _values("*" if last_day and number == 2 else field, low, high, words[number])
        for number, (field, (low, high)) in enumerate(zip(fields, _RANGES, strict=True))
    ]

    def matches(minute: int) -> bool:
        moment = datetime.fromtimestamp(minute * 60, UTC).astimezone(place)
        weekday = moment.isoweekday() % 7 + 1
        parts = (moment.minute, moment.hour, moment.day, moment.month, weekday, moment.year)
        if last_day and moment.day != calendar.monthrange(moment.year, moment.month)[1]:
            return False
        return all(part in allowed for part, allowed in zip(parts, sets, strict=True))

    return lambda after, until: any(matches(minute) for minute in range(int(after // 60) + 1, int(until // 60) + 1))


def _values(field: str, low: int, high: int, words: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        try:
            if span in ("*", "?"):
                begin, end = low, high
            else:
                begin = words.get(first.upper()) or int(first)
                end = (words.get(last.upper()) or int(last)) if last else (high if step else begin)
            stride = int(step) if step else 1
        except ValueError:
            raise ValueError(f"cron field {field} is not understood") from None
        if not low <= begin <= end <= high or stride < 1:
            raise ValueError(f"cron field {field} must lie between {low} and {high}")
        found.update(range(begin, end + 1, stride))
    return frozenset(found)
