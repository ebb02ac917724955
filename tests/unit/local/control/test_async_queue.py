"""The queue on disk, against a list in memory."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sagemaker_local.asynchronous.queue import Lengths, Queue
from sagemaker_local.asynchronous.request import AsyncRequest

KEYS = [("1", "r", "a"), ("1", "r", "b")]
_numbers = itertools.count()


def request(key: tuple[str, str, str] = KEYS[0], **fields: Any) -> AsyncRequest:
    name = f"id-{next(_numbers)}"
    made = AsyncRequest(name, key, name, 1.0, 100.0, 900.0, "s3://b/o", None, "s3://b/i", None, "text/csv")
    return replace(made, **fields)


def test_what_was_put_is_there_after_a_restart_whole_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "queue.sqlite"
    first = request(body=b"\0\xff", input_location=None, custom_attributes="x", failure_location="s3://b/f")
    second, other = request(), request(KEYS[1])
    queue = Queue(path)
    for each in (first, second, other):
        queue.put(each)
    assert queue.take(KEYS[0]) == first  # and the process is lost before it is done
    queue.close()
    again = Queue(path)
    assert [again.take(KEYS[0]), again.take(KEYS[0]), again.take(KEYS[0])] == [first, second, None]
    again.done(first)
    again.close()
    assert Queue(path).lengths(KEYS[0]) == Lengths(1, 0, 1.0)


def test_a_request_that_is_given_back_keeps_its_place(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "queue")
    first, second = request(), request()
    queue.put(first)
    queue.put(second)
    taken = queue.take(KEYS[0])
    assert taken == first
    queue.give_back(taken, 1)
    assert queue.take(KEYS[0]) == replace(first, attempts=1)


class QueueMachine(RuleBasedStateMachine):
    """Any interleaving of what the dispatcher does."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = Queue(Path(":memory:"))
        self.waiting: list[AsyncRequest] = []
        self.running: list[AsyncRequest] = []

    @rule(key=st.sampled_from(KEYS), expires=st.floats(0, 10))
    def put(self, key: tuple[str, str, str], expires: float) -> None:
        made = request(key, expires=expires)
        self.queue.put(made)
        self.waiting.append(made)

    @rule(key=st.sampled_from(KEYS))
    def take(self, key: tuple[str, str, str]) -> None:
        expected = next((each for each in self.waiting if each.key == key), None)
        assert self.queue.take(key) == expected
        if expected is not None:
            self.waiting.remove(expected)
            self.running.append(expected)

    @rule()
    def done(self) -> None:
        if self.running:
            self.queue.done(self.running.pop())

    @rule(now=st.floats(0, 10))
    def expire(self, now: float) -> None:
        expired = [each for each in self.waiting if each.expires <= now]
        assert self.queue.take_expired(now) == expired
        self.waiting = [each for each in self.waiting if each not in expired]

    @rule(key=st.sampled_from(KEYS))
    def drop(self, key: tuple[str, str, str]) -> None:
        self.queue.drop(key)
        self.waiting = [each for each in self.waiting if each.key != key]

    @invariant()
    def lengths(self) -> None:
        for key in KEYS:
            found = self.queue.lengths(key)
            waiting = [each for each in self.waiting if each.key == key]
            assert found.waiting == len(waiting)
            assert found.running == sum(each.key == key for each in self.running)
            assert found.oldest == min((each.received for each in waiting), default=None)

    def teardown(self) -> None:
        self.queue.close()


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
