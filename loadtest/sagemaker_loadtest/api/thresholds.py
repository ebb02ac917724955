"""The language of thresholds: `p99 <= 80ms`, `p99 of challenger < 0.1s`, `p95 first chunk <= 200ms`, `failed <= 0.1%`,
`rate >= 99%`, `rate >= 190/s`.
"""

import re

from sagemaker_loadtest.api.measurement import Measurement
from sagemaker_loadtest.api.spec import Threshold
from sagemaker_loadtest.api.units import exact, parse_duration, parse_rate, per_second, percent, significant

_THRESHOLD = re.compile(
    r"(?P<metric>p(?P<percentile>\d{1,2}(?:\.\d+)?)|max|failed|rate)"
    rf"(?:\s+(?P<measurement>{'|'.join(Measurement)}))?"
    r"(?:\s+of\s+(?P<variant>[A-Za-z0-9](?:-*[A-Za-z0-9]){0,62}))?"
    r"\s*(?P<operator><=|>=|<|>|≤|≥)\s*(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>[%/a-z]*)"
)
_MANY_PERCENT = 200
"""Beyond it a multiple is easier to read than a percentage."""
_LATENCY_UNITS = ("ms", "s", "m")


def parse_threshold(text: str) -> Threshold:
    """The threshold that `text` says. Raises ValueError with a sentence that shows the right form."""
    found = _THRESHOLD.fullmatch(text.strip())
    if not found:
        raise ValueError(
            f"“{text}” is not understood. Write for example “p99 <= 80ms”, “p95 of champion <= 50ms”, "
            "“failed <= 0.1%” or “rate >= 99%”"
        )
    if found["measurement"] and (found["metric"] in ("rate", "failed") or found["variant"]):
        raise ValueError(
            f"“{text}”: {found['measurement']} has percentiles and a maximum, over all variants. "
            f"Write for example “p99 {found['measurement']} <= 200ms”"
        )
    if found["metric"] == "rate":
        return _rate(text, found)
    if found["operator"] in (">", ">=", "≥"):
        raise ValueError(
            f"“{text}” asks for at least; only rate can. Write “{text.replace('>', '<').replace('≥', '<=')}”"
        )
    inclusive = found["operator"] != "<"
    if found["metric"] == "failed":
        _needs_unit(text, found, ("%",), "%")
        return Threshold(text, "failed", float(found["value"]), "%", inclusive, variant=found["variant"])
    _needs_unit(text, found, _LATENCY_UNITS, "ms")
    percentile = 100.0 if found["metric"] == "max" else float(found["percentile"])
    if percentile == 0:
        raise ValueError(f"“{text}”: there is no p0; write p50 for the median")
    limit = round(parse_duration(found["value"] + found["unit"]) * 1000, 6)
    return Threshold(text, "latency", limit, "ms", inclusive, percentile, found["variant"], found["measurement"])


def _rate(text: str, found: re.Match[str]) -> Threshold:
    if found["variant"]:
        raise ValueError(f"“{text}”: the rate is one for the whole test; SageMaker decides how the variants share it")
    if found["operator"] in ("<", "<=", "≤"):
        raise ValueError(
            f"“{text}” asks for at most; a rate is to be reached. Write “{text.replace('<', '>').replace('≤', '>=')}”"
        )
    inclusive = found["operator"] != ">"
    if found["unit"] in ("/s", "/min"):
        return Threshold(text, "rate", parse_rate(found["value"] + found["unit"]), "/s", inclusive)
    _needs_unit(text, found, ("%",), "%” (of what was offered) or “/s")
    return Threshold(text, "rate", float(found["value"]), "% of offered", inclusive)


def _needs_unit(text: str, found: re.Match[str], allowed: tuple[str, ...], remedy: str) -> None:
    if not found["unit"]:
        raise ValueError(f"“{text}” has no unit. Write “{text.strip()}{remedy}”")
    if found["unit"] not in allowed:
        raise ValueError(f"“{text}”: {found['unit']} does not fit {found['metric']}. Write “{remedy}”")


def holds(threshold: Threshold, measured: float | None) -> bool:
    """Whether `measured` (in the threshold's unit) keeps the promise. What could not be measured keeps none."""
    if measured is None:
        return False
    beyond = measured < threshold.limit if threshold.metric == "rate" else measured > threshold.limit
    return not beyond and (threshold.inclusive or measured != threshold.limit)


def label(threshold: Threshold) -> str:
    """`p99, all`, `p99, challenger`, `failed`, `rate reached`: what stands in a table."""
    if threshold.metric == "rate":
        return "rate reached"
    if threshold.metric == "failed":
        return f"failed, {threshold.variant}" if threshold.variant else "failed"
    name = "max" if threshold.percentile == 100 else f"p{threshold.percentile:g}"
    return f"{name}, {threshold.measurement or threshold.variant or 'all'}"


def spoken(threshold: Threshold) -> str:
    """The same inside a sentence: `p99`, `p99 of challenger`, `p99 first chunk`, `failed of champion`."""
    name = label(threshold)
    if threshold.variant:
        return name.replace(", ", " of ", 1)
    return name.removesuffix(", all").replace(", ", " ", 1)


def show(threshold: Threshold, value: float | None) -> str:
    """`value` with the threshold's unit."""
    if threshold.unit == "ms":
        return f"{significant(value)} ms" if value is not None else "–"
    if threshold.unit == "/s":
        return per_second(value)
    return percent(value)


def show_limit(threshold: Threshold) -> str:
    """`≤ 80 ms`."""
    sign = (
        (">" if not threshold.inclusive else "≥")
        if threshold.metric == "rate"
        else ("<" if not threshold.inclusive else "≤")
    )
    return f"{sign} {limit_of(threshold)}"


def limit_of(threshold: Threshold) -> str:
    """`80 ms`, `1,280/s`, `0.1 %`."""
    unit = {"ms": " ms", "/s": "/s"}.get(threshold.unit, " %")
    return f"{exact(threshold.limit)}{unit}"


def bare_limit(threshold: Threshold) -> str:
    """`80 ms`, `at least 99 %`: the limit inside a sentence."""
    shown = limit_of(threshold)
    return f"at least {shown}" if threshold.metric == "rate" else shown


def margin(threshold: Threshold, measured: float | None) -> str:
    """How far from the limit, in words: `19 % over`, `7 % below`, `0.96 points above`."""
    if measured is None:
        return "not measured"
    if threshold.metric == "rate" and threshold.unit != "/s":
        points = measured - threshold.limit
        return f"{significant(abs(points), 2)} points {'above' if points >= 0 else 'below'}"
    if threshold.limit == 0:
        return "at the limit" if measured == 0 else "over"
    part = (measured - threshold.limit) / threshold.limit * 100
    if abs(part) < 0.5:
        return "at the limit"
    if part >= _MANY_PERCENT:
        return f"{significant(measured / threshold.limit, 2)} times the limit"
    return (
        f"{abs(part):,.0f} % {'over' if part > 0 else 'below'}"
        if threshold.metric != "rate"
        else f"{abs(part):,.0f} % {'above' if part > 0 else 'below'}"
    )
