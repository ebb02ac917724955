"""Schedules of scheduled actions: ``at(…)``, ``rate(…)`` and ``cron(…)``, in a time zone (API reference,
PutScheduledAction)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sagemaker_local.scaling.cron import cron_of

_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)\)")
_RATE = re.compile(r"rate\((\d+) (minute|minutes|hour|hours|day|days)\)")
_CRON = re.compile(r"cron\(([^()]+)\)")
_UNITS = {"minute": 60, "hour": 3600, "day": 86400}

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
        return cron_of(found[1], place).due
    raise ValueError(f"{schedule} is no schedule; use at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(six fields)")
