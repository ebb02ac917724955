"""Durations, rates, latencies and shares: how a person writes them and how they are printed."""

import math
import re

_DURATION = re.compile(
    r"(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m(?!s))?(?:(?P<s>\d+(?:\.\d+)?)s)?(?:(?P<ms>\d+(?:\.\d+)?)ms)?"
)
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(s|min)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
NONE = "–"


def parse_duration(text: str) -> float:
    """Seconds of `30s`, `1m30s`, `500ms`, `2h`. Raises ValueError for anything else."""
    found = _DURATION.fullmatch(text.strip())
    if not found or not any(found.groupdict().values()):
        raise ValueError(text)
    return sum(float(value) * _SECONDS[unit] for unit, value in found.groupdict().items() if value)


def parse_rate(text: str) -> float:
    """Requests per second of `200/s` or `600/min`. Raises ValueError for anything else."""
    found = _RATE.fullmatch(text.strip())
    if not found:
        raise ValueError(text)
    return float(found[1]) / (60 if found[2] == "min" else 1)


def format_duration(seconds: float) -> str:
    """`30s`, `1m30s`, `500ms`: what `parse_duration` reads."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:.3g}ms"
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(int(hours), "h"), (int(minutes), "m")]
    text = "".join(f"{value}{unit}" for value, unit in parts if value)
    return text + (f"{rest:g}s" if rest or not text else "")


def clock(seconds: float) -> str:
    """`12:40`, minutes and seconds since the start of the run."""
    whole = max(0, int(seconds))
    return f"{whole // 60}:{whole % 60:02d}"


def significant(value: float | None, digits: int = 3) -> str:
    """Three significant digits without an exponent: `0.038`, `18.4`, `95.3`, `1,804`; `–` for what is not known."""
    if value is None or not math.isfinite(value):
        return NONE
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals > digits else text


def exact(value: float) -> str:
    """A number as a person wrote it, every digit of it up to six decimals: `80`, `1,280`, `99.95`."""
    text = f"{value:,.6f}".rstrip("0").rstrip(".")
    return text or "0"


def milliseconds(value: float | None) -> str:
    """`18.4 ms`."""
    return NONE if value is None else f"{significant(value)} ms"


def percent(value: float | None) -> str:
    """`0.038 %`, `99.96 %`: never rounded up to a whole 100 or down to a whole 0 that it is not."""
    if value is None:
        return NONE
    if 99 <= value < 100:
        return f"{math.floor(value * 100) / 100:.2f} %"
    if value in (0, 100):
        return f"{value:.0f} %"
    return f"{significant(value, 2) if value < 1 else significant(value)} %"


def per_second(value: float | None) -> str:
    """`200/s`."""
    if value is None:
        return NONE
    return f"{value:,.0f}/s" if value >= 100 or value == int(value) else f"{significant(value)}/s"


def count(value: int | None) -> str:
    """`703,907`."""
    return NONE if value is None else f"{value:,}"
