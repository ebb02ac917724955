"""The work queue: no key twice, no key in two hands, delays, and who goes first."""

import threading

import pytest

from sagemaker_operator.api.resource import ObjectKey
from sagemaker_operator.reconcile.queue import WorkQueue

A, B, C = (ObjectKey("ml", name) for name in "abc")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_key_waits_once(clock: Clock) -> None:
    queue = WorkQueue(clock)
    for key in (A, B, A, C):
        queue.add(key)
    assert len(queue) == 3
    assert (queue.take(), queue.take(), queue.take()) == (A, B, C)


def test_a_key_in_work_is_handed_out_again_only_when_done(clock: Clock) -> None:
    queue = WorkQueue(clock)
    queue.add(A)
    assert queue.take() == A
    queue.add(A)
    queue.add(B)
    assert queue.take() == B
    assert len(queue) == 0
    queue.done(A)
    assert queue.take() == A


def test_what_is_under_way_goes_before_what_has_not_begun(clock: Clock) -> None:
    queue = WorkQueue(clock)
    queue.add(A, urgent=False)
    queue.add(B, urgent=False)
    queue.add(C)
    assert [queue.take() for _ in range(3)] == [C, A, B]


def test_a_delay_is_kept_and_the_last_one_counts(clock: Clock) -> None:
    queue = WorkQueue(clock)
    queue.add_after(A, 5)
    queue.add_after(A, 10)
    queue.add_after(B, 7)
    clock.now = 8
    assert queue.take() == B
    assert len(queue) == 0
    clock.now = 10
    assert queue.take() == A


def test_news_ends_a_delay(clock: Clock) -> None:
    queue = WorkQueue(clock)
    queue.add_after(A, 5)
    queue.add(A)
    assert queue.take() == A
    queue.done(A)
    clock.now = 6
    queue.add(B)
    assert queue.take() == B
    assert len(queue) == 0


def test_a_waiting_worker_is_woken_and_closed() -> None:
    queue = WorkQueue()
    taken: list[ObjectKey | None] = []

    def work() -> None:
        while (key := queue.take()) is not None:
            taken.append(key)
            queue.done(key)
            woken.set()

    woken = threading.Event()
    worker = threading.Thread(target=work)
    worker.start()
    queue.add_after(A, 0.01)
    assert woken.wait(10)
    queue.close()
    worker.join(10)
    assert not worker.is_alive()
    assert taken == [A]


def test_many_workers_never_hold_one_key_together() -> None:
    queue, lock, held, clashes, passes = WorkQueue(), threading.Lock(), set[ObjectKey](), [], [0]

    def work() -> None:
        while (key := queue.take()) is not None:
            with lock:
                if key in held:
                    clashes.append(key)
                held.add(key)
                passes[0] += 1
                last = passes[0] >= 600
            queue.add(key)
            with lock:
                held.discard(key)
            queue.done(key)
            if last:
                queue.close()

    for key in (A, B, C):
        queue.add(key)
    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert not clashes
    assert passes[0] >= 600
