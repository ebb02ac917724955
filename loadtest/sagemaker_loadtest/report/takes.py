"""The sentence above each chart: what it shows in this run, not what it is."""

from sagemaker_loadtest.api.thresholds import limit_of
from sagemaker_loadtest.api.units import (
    clock,
    count,
    exact,
    format_duration,
    milliseconds,
    per_second,
    percent,
    significant,
)
from sagemaker_loadtest.judge.failures import unnamed_words
from sagemaker_loadtest.judge.result import Result, SearchFacts
from sagemaker_loadtest.report.charts import latency_limits


def question(result: Result) -> str:
    """What the test asked, in words."""
    if result.search:
        where = f"{result.endpoint.name} in {result.endpoint.region}"
        return f"How many requests a second does {where} carry within the limits?"
    up_to = "up to " if result.load.stages else ""
    load = (
        f"carry {up_to}{exact(result.load.rate)} requests a second"
        if result.load.rate
        else f"serve {up_to}{count(result.load.users)} users at once"
    )
    limits = latency_limits(result, everything=True)
    promise = ""
    if limits and limits[0].percentile is not None:
        share = "every request" if limits[0].percentile == 100 else f"{limits[0].percentile:g} % of the requests"
        promise = f" with {share} answered within {limit_of(limits[0].threshold)}"
    return f"Can {result.endpoint.name} in {result.endpoint.region} {load}{promise}?"


def under_the_word(result: Result) -> str:
    """`1 of 5 thresholds · exit code 1`."""
    if result.search:
        return f"{len(result.search.steps)} steps · exit code {result.verdict.exit_code}"
    number, missed = len(result.thresholds), sum(not t.met for t in result.thresholds)
    parts = []
    if result.verdict.word == "missed":
        parts.append(f"{missed} of {number} thresholds")
    elif result.verdict.word == "met":
        parts.append(f"{number} of {number} thresholds" if number else "no thresholds were set")
    return " · ".join((*parts, f"exit code {result.verdict.exit_code}"))


def latency(result: Result) -> str:
    series = result.series
    first = int(result.warm_up_seconds // series.bin_seconds) + (
        1 if result.warm_up_seconds % series.bin_seconds else 0
    )
    values = [(i, v) for i, v in enumerate(series.p99) if v is not None and i >= first]
    told = (
        "One point per second." if series.bin_seconds == 1 else f"One point per {format_duration(series.bin_seconds)}."
    )
    if not values:
        return f"Too few requests in {format_duration(series.bin_seconds)} for a p99; the verdict counts the whole run."
    low, high = min(values, key=lambda p: p[1]), max(values, key=lambda p: p[1])
    peak = clock(high[0] * series.bin_seconds)
    moved = f"p99 moved between {milliseconds(low[1])} and {milliseconds(high[1])} (at {peak})."
    limits = [t for t in latency_limits(result, everything=True) if t.percentile == 99]
    if limits:
        over = sum(v > limits[0].limit for _, v in values)
        moved += (
            f" It stayed within {limit_of(limits[0].threshold)} all the time."
            if not over
            else f" It stood above {limit_of(limits[0].threshold)} in {over} of {len(values)} points."
        )
    return f"{moved} {told}"


def rate_title(result: Result) -> str:
    return "Rate offered and answered" if result.load.rate else "Rate answered"


def rate(result: Result) -> str:
    s = result.summary
    if s.offered_rate is None:
        return f"{_users(result)}, each waiting for its answer, made {per_second(round(s.rate, 1))} on average."
    reached, offered = s.rate_reached_percent, per_second(round(s.offered_rate, 1))
    chance = f" {by_chance(result)}" if by_chance(result) else ""
    if reached is not None and reached >= 99:
        return f"What was to be sent and what was answered lie on one line: {percent(reached)} of {offered}.{chance}"
    answered = per_second(round(s.rate, 1))
    return f"Only {percent(reached)} of what was offered was answered in time: {answered} of {offered}.{chance}"


def _users(result: Result) -> str:
    return f"{'Up to ' if result.load.stages else ''}{count(result.load.users)} users"


def by_chance(result: Result) -> str:
    """Poisson arrivals make another rate than the one asked for; a reader would take the difference for a fault."""
    asked, offered = result.load.rate, result.summary.offered_rate
    if result.load.stages:
        return ""
    if result.load.arrivals != "Poisson" or not asked or offered is None or abs(offered - asked) < asked * 0.0005:
        return ""
    if result.load.ramp_up_seconds > result.warm_up_seconds:
        return f"{per_second(asked)} was asked for, less during the ramp; Poisson arrivals come by chance."
    return f"{per_second(asked)} was asked for; Poisson arrivals come by chance, here {per_second(round(offered, 1))}."


def flight_title(result: Result) -> str:
    return "Users and requests in flight" if result.load.model == "closed" else "Requests in flight"


def flight(result: Result) -> str:
    """How many requests were on their way at once, against what Little's law makes of the mean."""
    most = max((v for v in result.series.fitness.in_flight if v is not None), default=0)
    mean = result.summary.latency.mean
    words = f"At most {most:,} at once, seen once a second."
    if mean is not None and result.summary.rate:
        average = significant(result.summary.rate * mean / 1000, 2)
        words += f" On average {average}: the rate times the mean latency (Little's law)."
    return words


def errors(result: Result) -> str:
    total = sum(result.errors.values())
    if not total:
        return "All failures fell into the warm-up and do not count."
    leading, number = next(iter(result.errors.items()))
    return f"{total:,} failed request{'s' if total > 1 else ''}, {percent(result.summary.failed_percent)} of all. " + (
        f"All of them: {leading}." if number == total else f"{leading[0].upper()}{leading[1:]} leads with {number:,}."
    )


def distribution(result: Result) -> str:
    words = "Every further nine on the axis is ten times rarer."
    p = result.summary.latency
    if p.p50 and p.p99:
        words += f" The slowest 1 % took at least {significant(p.p99 / p.p50, 2)} times the median."
    return f"{words} Curves end where fewer than 10 requests remain."


def shape(result: Result) -> str:
    p = result.summary.latency
    ends = f"Median {milliseconds(p.p50)}, slowest {milliseconds(p.maximum)}."
    return f"Each bar is 7 % wider in latency than the one before. {ends}"


def variants(result: Result) -> str:
    """Whether the split seen is the split asked for, and which failures are in no variant's row."""
    return " ".join(filter(None, (_split(result), unnamed_words(result))))


def _split(result: Result) -> str:
    told = [v for v in result.variants if v.chance_low_percent is not None and v.chance_high_percent is not None]
    if not told:
        return "Counted from the reply header x-Amzn-Invoked-Production-Variant."
    odd = [v for v in told if not (v.chance_low_percent or 0) <= v.seen_percent <= (v.chance_high_percent or 0)]
    if odd:
        v = odd[0]
        return (
            f"Counted from the reply header. {v.name} got {percent(v.seen_percent)}; chance alone would put it between "
            f"{v.chance_low_percent:g} and {v.chance_high_percent:g} % (99.9 % interval), so the split is not as asked."
        )
    return "Counted from the reply header. The split is as asked, within what chance alone explains (99.9 % interval)."


_MEANING = {
    "connect": "connect is name resolution, TCP and TLS of a new connection and no part of the service time",
    "accepted": "accepted is from the intended start until SageMaker took the request; the latency is until the result",
    "first chunk": "first chunk is from the intended start to the first part of the answer",
    "between chunks": "between chunks is from one part of the answer to the next",
}


def measurements(result: Result) -> str:
    """What the times beside the latency are, and how many chunks came."""
    told = [_MEANING.get(m.name, m.name) for m in result.exchange.measurements]
    joined = "; ".join(told)
    words = f"{joined[:1].upper()}{joined[1:]}." if joined else ""
    if result.exchange.chunks and result.summary.measured_seconds:
        rate = result.exchange.chunks / result.summary.measured_seconds
        words += f" {result.exchange.chunks:,} chunks came, {per_second(round(rate, 1))}."
    return words


def search(facts: SearchFacts) -> str:
    """What the search shows, and what the rest of the page is about."""
    if facts.rate is None:
        return "No rate that was tried held. The charts below are of the last step."
    over = f"; {per_second(facts.over)} was over" if facts.over is not None else "; nothing that was tried was over"
    return (
        f"At a fixed number of instances {per_second(facts.rate)} is the highest rate that held{over}. "
        "The charts below are of the last step at that rate."
    )
