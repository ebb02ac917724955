"""The search against simulated endpoints whose limit is known, steady and noisy; what follows from the rate found."""

import math
import random
from collections.abc import Callable

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.spec import (
    ClosedLoad,
    Endpoint,
    Invocation,
    Load,
    LoadTest,
    OpenLoad,
    Payloads,
    Search,
)
from sagemaker_loadtest.api.thresholds import parse_threshold
from sagemaker_loadtest.exchange.fleet import Fleet, Variant, unsteady
from sagemaker_loadtest.judge.capacity import capacities, snippet
from sagemaker_loadtest.judge.search import (
    LOWEST_RATE,
    Found,
    Outcome,
    Step,
    bounds,
    load_at,
    next_step,
    rounded,
    seconds_for,
)
from sagemaker_loadtest.testfile.search import searchable

STEP = 40.0


def search_with(search: Search, server: Callable[[float], Outcome], step: float = STEP) -> tuple[Found, list[Step]]:
    steps: list[Step] = []
    while True:
        decided = next_step(search, steps, step)
        if isinstance(decided, Found):
            return decided, steps
        steps.append(Step(decided.rate, server(decided.rate), step))


def knee(limit: float) -> Callable[[float], Outcome]:
    return lambda rate: "held" if rate <= limit else "over"


rates = st.floats(1.0, 50_000.0)


@given(limit=rates, start=rates, precision=st.floats(1, 20))
def test_the_limit_is_found_within_the_precision(limit: float, start: float, precision: float) -> None:
    search = Search(start_rate=start, precision_percent=precision, max_steps=100, max_seconds=1e9)
    found, steps = search_with(search, knee(limit))
    assert found.rate is not None
    assert found.over is not None
    assert found.rate <= limit < found.over
    assert found.confirmed
    assert found.over <= found.rate * (1 + precision / 100) * 1.01 + 1e-9  # a hundredth more by three digits
    assert len(steps) <= 2 * math.ceil(abs(math.log2(limit / start))) + 12 + math.ceil(math.log2(100 / precision))


@given(limit=rates, start=rates, max_steps=st.integers(2, 12), minutes=st.integers(1, 20))
def test_it_ends_within_its_bounds_and_never_claims_more_than_was_held(
    limit: float, start: float, max_steps: int, minutes: int
) -> None:
    search = Search(start_rate=start, max_steps=max_steps, max_seconds=minutes * 60.0)
    found, steps = search_with(search, knee(limit))
    assert 1 <= len(steps) <= max_steps
    assert sum(s.seconds for s in steps[:-1]) <= search.max_seconds
    assert found.rate is None or found.rate <= limit
    if found.rate is not None and not found.confirmed:
        assert found.stopped


@given(seed=st.integers(0, 10_000), limit=st.floats(20.0, 5_000.0))
def test_noise_near_the_limit_does_not_lead_astray(seed: int, limit: float) -> None:
    """Within 8 % of the limit chance decides. What is found held twice and was never over."""
    rng = random.Random(seed)

    def noisy(rate: float) -> Outcome:
        return "held" if rate <= limit * (1 + rng.gauss(0, 0.04)) else "over"

    search = Search(start_rate=10.0, max_steps=60, max_seconds=1e9)
    found, steps = search_with(search, noisy)
    assert found.rate is not None
    assert limit * 0.75 < found.rate < limit * 1.2
    assert [s.outcome for s in steps if s.rate == found.rate] == ["held", "held"]


@given(limit=rates, start=st.floats(1.0, 100.0))
def test_the_generators_limit_is_told_apart(limit: float, start: float) -> None:
    search = Search(start_rate=start, max_steps=100, max_seconds=1e9)
    found, steps = search_with(search, lambda rate: "held" if rate <= limit else "generator")
    assert found.generator
    assert found.over is not None
    assert found.over > limit
    assert sum(s.rate == found.over for s in steps) == 2  # once is an accident


def test_one_tired_moment_of_the_generator_is_forgotten() -> None:
    tired = [True]

    def server(rate: float) -> Outcome:
        return "generator" if rate == 40 and tired and tired.pop() else knee(500)(rate)

    found, _ = search_with(Search(start_rate=10), server)
    assert found.rate is not None
    assert found.rate > 450
    assert not found.generator


def test_a_rate_that_fails_its_confirmation_is_over() -> None:
    times: dict[float, int] = {}

    def server(rate: float) -> Outcome:
        times[rate] = times.get(rate, 0) + 1
        return "held" if rate <= 100 or (rate <= 120 and times[rate] == 1) else "over"

    found, _ = search_with(Search(start_rate=10, max_steps=40), server)
    assert found.rate is not None
    assert 90 <= found.rate <= 100
    assert found.confirmed


def test_highest_rate_to_try() -> None:
    found, steps = search_with(Search(start_rate=10, max_rate=70), knee(1e9))
    assert [s.rate for s in steps] == [10, 20, 40, 70, 70]
    assert (found.rate, found.confirmed) == (70, True)
    assert "70/s was the highest rate to try" in found.stopped


def test_nothing_holds() -> None:
    found, steps = search_with(Search(start_rate=10, max_steps=50), lambda _: "over")
    assert found.rate is None
    assert "not even" in found.stopped
    assert min(s.rate for s in steps) >= LOWEST_RATE


def test_too_few_answers_are_tried_again() -> None:
    outcomes: list[Outcome] = ["short", "held"]
    search = Search(start_rate=10, max_rate=10)
    found, steps = search_with(search, lambda _: outcomes.pop(0) if outcomes else "held")
    assert [s.rate for s in steps] == [10, 10, 10]
    assert found.confirmed


@given(st.lists(st.tuples(rates, st.sampled_from(["held", "over", "generator", "short"])), max_size=20))
def test_bounds_never_cross(tried: list[tuple[float, Outcome]]) -> None:
    floor, ceiling, _ = bounds([Step(rate, outcome, 1) for rate, outcome in tried])
    assert floor is None or ceiling is None or floor < ceiling


@given(st.floats(0.05, 1e6))
def test_rates_have_three_digits(rate: float) -> None:
    assert math.isclose(rounded(rate), rate, rel_tol=0.005)
    assert rounded(rounded(rate)) == rounded(rate)


@pytest.mark.parametrize(
    ("threshold", "rate", "shares", "seconds"),
    [
        ("p99 <= 80ms", 1000, {}, 35),
        ("p99 <= 80ms", 10, {}, 135),
        ("p99.9 <= 80ms", 100, {}, 135),
        ("p99 of b <= 80ms", 100, {"a": 90.0, "b": 10.0}, 135),
        ("p99 of b <= 80ms", 100, {}, 135),
        ("failed <= 1%", 10, {}, 35),
        ("max <= 1s", 10, {}, 35),
    ],
)
def test_a_step_is_long_enough_for_its_percentile(
    threshold: str, rate: float, shares: dict[str, float], seconds: float
) -> None:
    load = Load(60.0, warm_up_seconds=5.0, open=OpenLoad(1))
    assert seconds_for(Search(), [parse_threshold(threshold)], load, rate, shares) == seconds


def test_load_of_a_step() -> None:
    load = load_at(Load(60.0, warm_up_seconds=4.0, open=OpenLoad(7, "Poisson", 99)), 50, 30)
    assert load == Load(30, 4.0, 2.0, open=OpenLoad(50, "Poisson", 99))


def spec_of(*thresholds: str, load: Load | None = None, **about: object) -> LoadTest:
    texts = tuple(parse_threshold(t) for t in thresholds)
    return LoadTest("t", Endpoint("e", "r"), Payloads(()), load or Load(60.0, open=OpenLoad(25)), texts, **about)  # type: ignore[arg-type]


def test_what_is_searched() -> None:
    test = searchable(spec_of("p99 <= 80ms", search=Search(start_rate=0)))
    assert [t.text for t in test.thresholds] == ["p99 <= 80ms", "rate >= 99%"]
    assert (test.search.start_rate, test.load.warm_up_seconds) == (25, 5)
    closed = searchable(spec_of("p99 <= 80ms", load=Load(60.0, closed=ClosedLoad(5)), search=Search(start_rate=0)))
    assert closed.search.start_rate == 10
    assert [t.text for t in searchable(spec_of("failed <= 1%", "rate >= 95%")).thresholds] == [
        "failed <= 1%",
        "rate >= 95%",
    ]


@pytest.mark.parametrize(
    ("test", "told"),
    [
        (spec_of(), "at least one limit"),
        (spec_of("rate >= 99%"), "at least one limit"),
        (spec_of("p99 <= 80ms", "rate >= 50/s"), "the rate is what is searched for"),
        (spec_of("p99 <= 80ms", invocation=Invocation("InvokeEndpointAsync")), "backlogPerInstance"),
        (spec_of("p99 <= 80ms", search=Search(start_rate=50, max_rate=40)), "is more than search.maxRate, 40/s"),
    ],
)
def test_what_cannot_be_searched(test: LoadTest, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        searchable(test)


def test_the_numbers_of_the_reference() -> None:
    """480/s on two instances, half of it for safety, base 270/s and peak 540/s, 0.13 an hour."""
    search = Search(peak_rate=540, base_rate=270, price_per_hour=0.13)
    fleet = Fleet("InService", (Variant("champion", 2, 2, "ml.m5.large"),))
    (found,) = capacities(search, 480, {"champion": 100.0}, fleet, 0.03)
    assert (found.rate_per_instance, found.target) == (240, 7200)
    assert (found.min_count, found.max_count) == (3, 5)
    assert found.cost_per_million == pytest.approx(0.30, abs=0.002)
    assert (found.concurrency, found.concurrency_target) == (pytest.approx(7.2), 4)
    text = snippet([found])
    assert "type: ml.m5.large" in text
    scaling = yaml.safe_load(text)["variants"][0]["instances"]["autoscaling"]
    assert scaling == {"minCount": 3, "maxCount": 5, "targets": {"invocationsPerInstance": 7200}}


@given(
    rate=st.floats(0.1, 1e5),
    instances=st.integers(1, 50),
    factor=st.floats(0.05, 1),
    peak=st.none() | st.floats(0.1, 1e5),
    base=st.none() | st.floats(0.1, 1e5),
)
def test_the_fleet_carries_its_peak_within_the_target(
    rate: float, instances: int, factor: float, peak: float | None, base: float | None
) -> None:
    search = Search(safety_factor=factor, peak_rate=peak, base_rate=base)
    (found,) = capacities(search, rate, {}, Fleet("InService", (Variant("a", instances, instances),)), None)
    assert found.min_count is not None
    assert found.max_count is not None
    assert 2 <= found.min_count <= found.max_count
    usable = rate / instances * factor
    assert found.max_count * usable >= (peak or rate) * (1 - 1e-6)
    assert found.target == max(1, math.floor(usable * 60 + 1e-9))


def test_variants_share_the_rate_and_serverless_has_no_instances() -> None:
    fleet = Fleet("InService", (Variant("a", 3, 3), Variant("b", None, None)))
    a, b = capacities(Search(), 100, {"a": 90.0, "b": 10.0}, fleet, None)
    assert (a.rate, a.rate_per_instance, b.rate, b.target) == (90, 30, 10, None)
    assert "name: b" not in snippet([a, b])
    assert snippet([b]) == ""


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (Fleet("InService", (Variant("a", 2, 2),)), ""),
        (Fleet("InService", (Variant("a", 3, 3),)), "the instances of a changed from 2 to 3"),
        (Fleet("InService", (Variant("a", 2, 4),)), "a is on its way from 2 to 4 instances"),
        (Fleet("Updating", (Variant("a", 2, 2),)), "the endpoint is Updating, not InService"),
        (Fleet(unknown="denied"), ""),
    ],
)
def test_a_fleet_that_moves_is_no_ground_for_a_search(now: Fleet, told: str) -> None:
    assert unsteady(Fleet("InService", (Variant("a", 2, 2),)), now) == told
