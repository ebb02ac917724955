"""The section `search` of the test file, and whether a test can be searched at all."""

from dataclasses import replace

from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.spec import LoadTest, Search, Threshold
from sagemaker_loadtest.api.thresholds import parse_threshold
from sagemaker_loadtest.api.units import exact
from sagemaker_loadtest.testfile.fields import Fields

_RATE_REACHED = "rate >= 99%"
_HIGHEST = 1_000_000
_WARM_UP_SECONDS = 5.0


def read_search(fields: Fields) -> Search:
    """The section, with its defaults; a missing start rate is 0 until the load is known (`searchable`)."""
    default = Search()
    found = Search(
        start_rate=fields.number("startRate", 0.0, low=0.1, high=_HIGHEST) or 0.0,
        max_rate=fields.number("maxRate", default.max_rate, low=0.1, high=_HIGHEST) or default.max_rate,
        precision_percent=fields.number("precisionPercent", 5.0, low=1, high=50) or 5.0,
        step_seconds=fields.duration("stepDuration", default.step_seconds, low=1.0) or default.step_seconds,
        max_steps=int(fields.number("maxSteps", default.max_steps, low=2, high=100, whole=True) or default.max_steps),
        max_seconds=fields.duration("maxDuration", default.max_seconds, low=10.0) or default.max_seconds,
        safety_factor=fields.number("safetyFactor", 0.5, low=0.05, high=1) or 0.5,
        peak_rate=fields.number("peakRate", None, low=0.01, high=_HIGHEST),
        base_rate=fields.number("baseRate", None, low=0.01, high=_HIGHEST),
        price_per_hour=fields.number("pricePerHour", None, low=0, high=10_000),
        instances=_whole(fields.number("instances", None, low=1, high=10_000, whole=True)),
    )
    if found.peak_rate and found.base_rate and found.base_rate > found.peak_rate:
        fields.fault(
            "baseRate", f"{exact(found.base_rate)} is more than peakRate, {exact(found.peak_rate)}; exchange the two"
        )
    fields.finish()
    return found


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def searchable(test: LoadTest) -> LoadTest:
    """The test as it is searched: with a start, a warm-up for each step, and a rate that has to be reached.

    Raises ConfigurationError when there is nothing to search against.
    """
    faults = []
    if not any(t.metric in ("latency", "failed") for t in test.thresholds):
        faults.append(
            "thresholds: a search needs at least one limit to search against; write for example “p99 <= 80ms”"
        )
    faults += [
        f"thresholds: “{t.text}” asks for a rate, and the rate is what is searched for. Leave it out"
        for t in test.thresholds
        if t.unit == "/s"
    ]
    if test.invocation.operation == "InvokeEndpointAsync":
        faults.append(
            "a search finds the rate at which answers come too late; asynchronous endpoints queue instead. "
            "Scale them by backlogPerInstance"
        )
    recorded = test.load.open is not None and test.load.open.arrivals == "Recorded"
    if test.load.stages or recorded or test.locustfile:
        what = "locustfile" if test.locustfile else "load.open.arrivals: Recorded" if recorded else "load.stages"
        faults.append(f"{what}: a search sets the rate itself; write load.open with constant or Poisson arrivals")
    if test.search.start_rate > test.search.max_rate:
        faults.append(
            f"search.startRate: {test.search.start_rate:g}/s is more than search.maxRate, {test.search.max_rate:g}/s; "
            "begin lower"
        )
    if faults:
        raise ConfigurationError(faults)
    load = test.load
    start = test.search.start_rate or (load.open.rate if load.open else Search().start_rate)
    warm_up = load.warm_up_seconds or min(_WARM_UP_SECONDS, test.search.step_seconds)
    return replace(
        test,
        load=replace(load, warm_up_seconds=warm_up),
        thresholds=(*test.thresholds, *_reached(test.thresholds)),
        search=replace(test.search, start_rate=min(start, test.search.max_rate)),
    )


def _reached(thresholds: tuple[Threshold, ...]) -> tuple[Threshold, ...]:
    return () if any(t.metric == "rate" for t in thresholds) else (parse_threshold(_RATE_REACHED),)
