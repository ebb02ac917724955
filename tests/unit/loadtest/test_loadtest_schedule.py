"""The open schedule: the rate that was asked for, whatever the number of workers."""

import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sagemaker_loadtest.api.spec import Arrivals, ClosedLoad, Load, OpenLoad, Stage
from sagemaker_loadtest.workload.schedule import active_from, arrivals, bin_seconds, level_at, moment_of, offered_until
from sagemaker_loadtest.workload.selection import in_order

LOADS = st.builds(
    lambda rate, duration, ramp: Load(duration, ramp_up_seconds=min(ramp, duration), open=OpenLoad(rate)),
    st.floats(0.5, 500),
    st.floats(1, 60),
    st.floats(0, 60),
)

STAGES = st.lists(
    st.builds(Stage, st.floats(0.5, 20), st.just(0.0) | st.floats(0.5, 200), st.just(0.0) | st.floats(0.5, 200)),
    min_size=1,
    max_size=5,
).map(lambda stages: Load(sum(s.seconds for s in stages), open=OpenLoad(200), stages=tuple(stages)))


def all_arrivals(load: Load, workers: int, seed: int = 1) -> list[float]:
    return sorted(t for i in range(workers) for t in arrivals(load, worker=i, workers=workers, seed=seed))


@settings(deadline=None)
@given(LOADS, st.integers(1, 7))
def test_workers_together_make_the_schedule_of_one(load: Load, workers: int) -> None:
    assert all_arrivals(load, workers) == pytest.approx(all_arrivals(load, 1))


@settings(deadline=None)
@given(LOADS)
def test_constant_arrivals_add_up(load: Load) -> None:
    times = all_arrivals(load, 3)
    assert abs(len(times) - offered_until(load, load.duration_seconds)) <= 1
    assert all(0 <= t < load.duration_seconds for t in times)


@given(LOADS, st.floats(0, 1000))
@example(Load(1, open=OpenLoad(200), stages=(Stage(1, 0, 1),)), 5e-324)
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
    [(30, 200, 1), (30, 20, 1), (60, 20, 2), (1560, 600, 15), (86400, 100, 1800), (120, None, 1)],
)
def test_bins(duration: float, rate: float | None, width: int) -> None:
    load = Load(duration, open=OpenLoad(rate)) if rate else Load(duration, closed=ClosedLoad(5))
    assert bin_seconds(load) == width


@settings(deadline=None)
@given(STAGES, st.integers(1, 4))
def test_arrivals_follow_the_stages(load: Load, workers: int) -> None:
    times = all_arrivals(load, workers)
    assert times == pytest.approx(all_arrivals(load, 1), abs=1e-6)
    for moment in (0.3, 0.7, 1.0):
        until = load.duration_seconds * moment
        assert abs(sum(t < until for t in times) - offered_until(load, until)) <= 1


@given(STAGES, st.integers(0, 250), st.floats(0, 100))
def test_user_has_work_whenever_the_level_asks_for_it(load: Load, user: int, seconds: float) -> None:
    found = active_from(load, user, seconds)
    assert found >= seconds
    for step in range(21):  # none of the moments before asks for the user
        moment = seconds + (min(found, load.duration_seconds) - seconds) * step / 21
        if seconds <= moment < found:
            assert level_at(load, moment) <= user + 0.5 + 1e-6
    if found < load.duration_seconds - 1e-6:
        assert level_at(load, found + 1e-9) >= user + 0.5 - 1e-3


def test_spike() -> None:
    load = Load(30, open=OpenLoad(100), stages=(Stage(10, 10, 10), Stage(10, 100, 100), Stage(10, 10, 0)))
    times = all_arrivals(load, 2)
    assert [sum(a <= t < a + 10 for t in times) for a in (0, 10, 20)] == [100, 1000, 50]
    assert load.intensity == "up to 100/s"


@settings(deadline=None)
@given(st.sampled_from(["Constant", "Poisson"]), st.integers(2, 5), st.floats(0.5, 9.0), st.floats(0.0, 5.0), st.data())
def test_a_lost_workers_arrivals_go_to_the_others(
    arrivals_kind: Arrivals, workers: int, since: float, ramp: float, data: st.DataObject
) -> None:
    """From then on all that are left send what all would have sent: of constant arrivals exactly the same ones."""
    load = Load(10.0, ramp_up_seconds=ramp, open=OpenLoad(100.0, arrivals_kind))
    left = workers - data.draw(st.integers(1, workers - 1))
    later = sorted(
        due for worker in range(left) for due in arrivals(load, worker=worker, workers=left, seed=3, since=since)
    )
    assert all(since - 1e-9 <= due < 10.0 for due in later)
    if arrivals_kind == "Constant":
        whole = sorted(due for w in range(workers) for due in arrivals(load, worker=w, workers=workers, seed=3))
        assert later == pytest.approx([due for due in whole if due >= since], abs=1e-9)
    else:
        expected = offered_until(load, 10.0) - offered_until(load, since)
        assert abs(len(later) - expected) <= 6 * expected**0.5 + 10


def test_an_arrival_at_the_very_moment_of_a_loss_is_sent() -> None:
    load = Load(10.0, ramp_up_seconds=4.999999999999999, open=OpenLoad(100.0))
    third = list(arrivals(load, worker=0, workers=1, seed=3))[2]
    assert third == 0.5
    assert next(arrivals(load, worker=0, workers=1, seed=3, since=third)) == third
