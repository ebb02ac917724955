"""Copies of the result so far: one at a time, the newest, never in the way, told once."""

import queue
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_loadtest.judge.result import Result
from sagemaker_loadtest.storage.mirror import Mirror, Mirrors
from sagemaker_loadtest.storage.store import StoreError

FILES = (Path("result.json"), Path("summary.md"), Path("index.html"))


def numbered(number: int) -> Result:
    """A mirror hands results through and does not look at them."""
    return cast("Result", number)


class Place:
    """A store whose every copy waits for the test; `answers` has None for a success, else the refusal."""

    def __init__(self, page_seconds: float | None = None) -> None:
        self.page_seconds = page_seconds
        self.begun: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.files: list[list[str]] = []
        self.inside = 0
        self.most = 0

    def try_out(self, test: Any, run: str) -> None: ...

    def put(self, result: Result, files: Sequence[Path]) -> str:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.files.append([path.name for path in files])
        self.begun.put(cast("int", result))
        answer = self.answers.get(timeout=10)
        self.inside -= 1
        if answer:
            raise StoreError(answer)
        return "place"


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def mirror(place: Place) -> Iterator[Mirror]:
    found = Mirror(place)
    yield found
    place.answers.put(None)
    found.close()


def test_while_one_copy_is_under_way_only_the_newest_waits(place: Place, mirror: Mirror) -> None:
    mirror.offer(numbered(1), FILES)
    assert place.begun.get(timeout=10) == 1
    for number in (2, 3, 4):
        mirror.offer(numbered(number), FILES)  # returns though nothing is taken
    assert place.begun.empty()
    place.answers.put(None)
    assert place.begun.get(timeout=10) == 4
    assert place.most == 1


def test_end_waits_for_the_copy_under_way_and_begins_no_other(place: Place) -> None:
    mirror = Mirror(place)
    mirror.offer(numbered(1), FILES)
    assert place.begun.get(timeout=10) == 1
    mirror.offer(numbered(2), FILES)
    closing = threading.Thread(target=mirror.close)
    closing.start()
    closing.join(0.05)
    assert closing.is_alive(), "a late copy would replace the final result"
    place.answers.put(None)
    closing.join(10)
    assert not closing.is_alive()
    assert place.begun.empty()
    assert len(place.files) == 1


def test_end_does_not_wait_for_ever(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sagemaker_loadtest.storage.mirror._LAST_SECONDS", 0.01)
    mirror = Mirror(place)
    mirror.offer(numbered(1), FILES)
    assert place.begun.get(timeout=10) == 1
    mirror.close()
    place.answers.put(None)


@given(st.lists(st.booleans(), max_size=12))
def test_failure_and_mending_are_told_once_each(fails: list[bool]) -> None:
    place = Place()
    mirrors = Mirrors([place])
    for number, failing in enumerate(fails):
        mirrors.offer(numbered(number), FILES)
        assert place.begun.get(timeout=10) == number
        place.answers.put("no room" if failing else None)
    mirrors.close()
    told = mirrors.news()
    turns = [b for a, b in zip([False, *fails], fails, strict=False) if a != b]
    assert [("tried again" in words, "is in place again" in words) for words in told] == [(t, not t) for t in turns]
    assert mirrors.news() == []


def test_page_goes_along_now_and_then() -> None:
    now = [100.0]
    place = Place(page_seconds=60.0)
    mirror = Mirror(place, clock=lambda: now[0])
    for number, (second, answer) in enumerate([(100, None), (105, None), (160, "no room"), (165, None), (170, None)]):
        now[0] = float(second)
        mirror.offer(numbered(number), FILES)
        assert place.begun.get(timeout=10) == number
        place.answers.put(answer)
    mirror.close()
    assert ["index.html" in names for names in place.files] == [True, False, True, True, False]


def test_page_is_left_out_where_it_never_goes_along(place: Place, mirror: Mirror) -> None:
    mirror.offer(numbered(1), FILES)
    assert place.begun.get(timeout=10) == 1
    assert place.files == [["result.json", "summary.md"]]
