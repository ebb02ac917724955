"""Whether two results are of the same test, and what else differs between them. Pure."""

from collections.abc import Iterable

from sagemaker_loadtest.api.units import format_duration
from sagemaker_loadtest.judge.result import Result, SearchFacts

_Pair = tuple[str, object, object]


def different_tests(before: Result, after: Result) -> tuple[str, ...]:
    """What makes the two different tests, in words; empty when they can be compared.

    Two searches may differ in the rates that they found, which is what is compared of them.
    """
    if (before.search is None) != (after.search is None):
        kinds = ["a run" if result.search is None else "a search" for result in (before, after)]
        return (f"the first is {kinds[0]}, the second {kinds[1]}; compare two of one kind",)
    pairs = _test(before, after) + (_searches(before, after) if before.search else _load(before, after))
    found = [*_unequal(pairs)]
    for result, which in ((before, "first"), (after, "second")):
        found += _unfit(result, which)
    return tuple(found)


def other_differences(before: Result, after: Result) -> tuple[str, ...]:
    """What differs and may matter, though the test is the same."""
    pairs: list[_Pair] = [
        ("test", before.name, after.name),
        ("endpoint", before.endpoint.name, after.endpoint.name),
        ("region", before.endpoint.region, after.endpoint.region),
        ("workers", before.load.workers, after.load.workers),
        ("sagemaker-loadtest", before.tool.version, after.tool.version),
        ("Locust", before.tool.locust, after.tool.locust),
        ("Python", before.tool.python, after.tool.python),
    ]
    if before.search and after.search:
        pairs.append(("instances", _instances(before.search), _instances(after.search)))
    return tuple(_unequal(pairs))


def _test(before: Result, after: Result) -> list[_Pair]:
    return [
        ("operation", before.exchange.operation, after.exchange.operation),
        ("load model", before.load.model, after.load.model),
        ("arrivals", before.load.arrivals, after.load.arrivals),
        ("most in flight", before.load.max_in_flight, after.load.max_in_flight),
        ("warm-up in s", before.warm_up_seconds, after.warm_up_seconds),
        ("time-out in s", before.load.timeout_seconds, after.load.timeout_seconds),
        ("number of payloads", before.payloads.number, after.payloads.number),
        ("content types", before.payloads.content_types, after.payloads.content_types),
        ("smallest payload in bytes", before.payloads.smallest_bytes, after.payloads.smallest_bytes),
        ("largest payload in bytes", before.payloads.largest_bytes, after.payloads.largest_bytes),
        ("order of payloads", before.payloads.order, after.payloads.order),
    ]


def _load(before: Result, after: Result) -> list[_Pair]:
    return [
        ("rate", before.load.rate, after.load.rate),
        ("users", before.load.users, after.load.users),
        ("pacing in s", before.load.pacing_seconds, after.load.pacing_seconds),
        ("stages", _stages(before), _stages(after)),
        ("ramp-up in s", before.load.ramp_up_seconds, after.load.ramp_up_seconds),
        ("length in s", before.planned_seconds, after.planned_seconds),
    ]


def _searches(before: Result, after: Result) -> list[_Pair]:
    return [("thresholds", tuple(t.text for t in before.thresholds), tuple(t.text for t in after.thresholds))]


def _unfit(result: Result, which: str) -> list[str]:
    """Why this result says nothing that could be compared."""
    if result.partial:
        return [f"the {which} was written while its run went on, and not when it had ended; take the last result.json"]
    if result.verdict.exit_code > 1:
        return [f"the {which} has no verdict of its endpoint: {result.verdict.headline}"]
    if result.search:
        return [] if result.search.rate is not None else [f"the {which} found no rate that held"]
    if not result.blocks and result.summary.answered:
        return [f"the {which} was written without stretches of the run, or ended within its first; run it again"]
    return []


def _unequal(pairs: Iterable[_Pair]) -> list[str]:
    return [f"{name}: {_word(a)} and {_word(b)}" for name, a, b in pairs if a != b]


def _instances(search: SearchFacts) -> tuple[str, ...]:
    return tuple(f"{c.instances} × {c.instance_type or 'instance'}" for c in search.capacities if c.instances)


def _stages(result: Result) -> tuple[str, ...]:
    return tuple(
        (f"{s.start:g}" if s.start == s.end else f"{s.start:g} to {s.end:g}") + f" in {format_duration(s.seconds)}"
        for s in result.load.stages
    )


def _word(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
