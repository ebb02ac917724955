"""The open schedule: the rate that was asked for, whatever the number of workers."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_loadtest.schedule import arrivals, bin_seconds, moment_of, offered_until
from sagemaker_loadtest.selection import in_order
from sagemaker_loadtest.spec import ClosedLoad, Load, OpenLoad

LOADS = st.builds(
    lambda rate, duration, ramp: Load(duration, ramp_up_seconds=min(ramp, duration), open=OpenLoad(rate)),
    st.floats(0.5, 500),
    st.floats(1, 60),
    st.floats(0, 60),
)


def all_arrivals(load: Load, workers: int, seed: int = 1) -> list[float]:
    return sorted(t for i in range(workers) for t in arrivals(load, worker=i, workers=workers, seed=seed))


@given(LOADS, st.integers(1, 7))
def test_workers_together_make_the_schedule_of_one(load: Load, workers: int) -> None:
    assert all_arrivals(load, workers) == pytest.approx(all_arrivals(load, 1))


@given(LOADS)
def test_constant_arrivals_add_up(load: Load) -> None:
    times = all_arrivals(load, 3)
    assert abs(len(times) - offered_until(load, load.duration_seconds)) <= 1
    assert all(0 <= t < load.duration_seconds for t in times)


@given(LOADS, st.floats(0, 1000))
def test_moment_is_the_inverse_of_offered(load: Load, arrival: float) -> None:
    moment = moment_of(load, arrival)
    if moment <= load.duration_seconds:
        assert offered_until(load, moment) == pytest.approx(arrival, abs=1e-6)


def test_poisson_has_the_rate_and_the_seed_decides() -> None:
    load = Load(100, open=OpenLoad(100, "Poisson"))
    times = all_arrivals(load, 4)
    assert 9_500 < len(times) < 10_500
    assert times == all_arrivals(load, 4)
    assert times != all_arrivals(load, 4, seed=2)
    gaps = [b - a for a, b in itertools.pairwise(times)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((g - mean) ** 2 for g in gaps) / len(gaps)) ** 0.5
    assert spread == pytest.approx(mean, rel=0.1)  # an exponential's mark; even spacing would have none


@given(st.integers(1, 20), st.integers(1, 5))
def test_payloads_in_order_are_sent_evenly(number: int, workers: int) -> None:
    rounds = number * workers
    streams = [in_order(number, "InOrder", seed=1, worker=w, workers=workers) for w in range(workers)]
    sent = [next(stream) for _ in range(number) for stream in streams]
    assert len(sent) == rounds
    assert all(sent.count(i) == workers for i in range(number))


@pytest.mark.parametrize(
    ("duration", "rate", "width"),
    [(30, 200, 1), (30, 20, 1), (60, 20, 2), (1560, 600, 10), (86400, 100, 600), (120, None, 1)],
)
def test_bins(duration: float, rate: float | None, width: int) -> None:
    load = Load(duration, open=OpenLoad(rate)) if rate else Load(duration, closed=ClosedLoad(5))
    assert bin_seconds(load) == width
