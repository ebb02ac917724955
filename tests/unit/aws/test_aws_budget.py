"""The rate budget with a clock of its own: bursts, turns, pauses."""

import threading
from collections.abc import Callable

import pytest

from sagemaker_operator.aws.budget import Budget, TokenBucket


class Clock:
    """Time that passes only when somebody sleeps or says so."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def bucket(rate: float) -> tuple[TokenBucket, Clock]:
    clock = Clock()
    return TokenBucket(rate, clock, clock.sleep), clock


def test_one_seconds_worth_of_calls_goes_at_once_and_the_rest_in_step() -> None:
    four, clock = bucket(4)
    for _ in range(7):
        four.take()
    assert clock.slept == pytest.approx([0.25, 0.5, 0.75])


@pytest.mark.parametrize("rate", [1, 4, 25])
def test_over_any_length_of_time_the_rate_is_kept_but_for_the_burst(rate: float) -> None:
    busy, clock = bucket(rate)
    calls, end = 0, clock.now + 60
    while clock.now < end:
        busy.take()
        calls += 1
        clock.now += clock.slept.pop() if clock.slept else 0
    assert calls <= 60 * rate + rate + 1


def test_idle_time_is_not_saved_up_beyond_the_burst() -> None:
    four, clock = bucket(4)
    clock.now += 3600
    for _ in range(6):
        four.take()
    assert clock.slept == pytest.approx([0.25])


def test_a_pause_moves_everybodys_turn() -> None:
    four, clock = bucket(4)
    four.pause(1.0)
    four.take()
    four.take()
    assert clock.slept == pytest.approx([1.25, 1.5])


class Sleeper(Clock):
    """`during` happens in the first sleep; time goes by as they sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.during: list[Callable[[], object]] = []

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.during:
            self.during.pop()()
        self.now += seconds


def test_a_pause_also_holds_who_waits_already() -> None:
    clock = Sleeper()
    four = TokenBucket(4, clock, clock.sleep)
    for _ in range(4):
        four.take()
    clock.during.append(lambda: four.pause(1.0))
    four.take()
    assert clock.now == pytest.approx(101.0)
    four.take()
    assert clock.now == pytest.approx(101.25)


def test_throttles_of_calls_that_ran_at_once_are_one_pause() -> None:
    four, clock = bucket(4)
    for _ in range(5):
        four.pause(1.0)
    clock.now += 0.5
    four.pause(1.0)
    assert four._delays == pytest.approx(1.5)


def test_a_pause_makes_nobodys_turn_earlier() -> None:
    one, clock = bucket(1)
    for _ in range(4):
        one.take()
    one.pause(0.5)
    one.take()
    assert clock.slept == pytest.approx([1, 2, 3, 4])


def test_callers_from_many_threads_get_different_turns() -> None:
    ten, clock = bucket(10)
    threads = [threading.Thread(target=ten.take) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(clock.slept) == pytest.approx([n / 10 for n in range(1, 31)])


def test_each_operation_has_one_bucket_of_its_own() -> None:
    budget = Budget(4)
    assert budget.of("CreateModel") is budget.of("CreateModel")
    assert budget.of("CreateModel") is not budget.of("CreateEndpoint")
