"""Words of columns, messages and events: widths, cuts, durations."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_operator.plan.report import clock_words, duration_words, traffic_words
from sagemaker_operator.plan.reports import instances_words
from sagemaker_operator.plan.wording import aws_says, condition_message, sentence

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,62}", fullmatch=True)


@pytest.mark.parametrize(
    ("traffic", "words"),
    [
        ({"main": 1}, "main=1"),
        ({"champion": 90, "challenger": 10}, "champion=90,challenger=10"),
        ({"b": 1, "a": 2}, "b=1,a=2"),
        ({"challenger": 10, "champion-of-all": 90}, "champion-of-all=90,+1"),
        ({"main": 60, "alt": 30, "one": 4, "two": 3, "three": 3}, "main=60,alt=30,one=4,+2"),
        ({"a" * 63: 100}, "a" * 63 + "=100"),
        ({"a" * 63: 90, "b": 10}, "a" * 63 + "=90,+1"),
    ],
)
def test_traffic_is_as_the_spec_has_it_and_the_largest_first_when_it_is_too_long(
    traffic: dict[str, int], words: str
) -> None:
    assert traffic_words(traffic) == words


@given(st.dictionaries(NAMES, st.integers(0, 1000), min_size=1, max_size=10))
def test_a_column_is_at_most_25_wide_unless_one_name_alone_is_wider(traffic: dict[str, int]) -> None:
    *kept, last = traffic_words(traffic).split(",")
    if not last.startswith("+"):
        kept, last = [*kept, last], "+0"
    assert len(kept) + int(last) == len(traffic), "every variant is shown or counted"
    assert all(traffic[word.rpartition("=")[0]] == int(word.rpartition("=")[2]) for word in kept)
    assert len(traffic_words(traffic)) <= 25 or len(kept) == 1
    hidden = sorted(traffic.values(), reverse=True)[len(kept) :]
    assert not hidden or min(int(word.rpartition("=")[2]) for word in kept) >= max(hidden)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (-3, "0 s"), (0.4, "0 s"), (42, "42 s"), (59.6, "1m0s"), (60, "1m0s"), (369, "6m9s"),
     (3599, "59m59s"), (3600, "1h0m"), (7322, "2h2m")],
)  # fmt: skip
def test_a_duration_is_short(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


def test_times_of_day_are_utc() -> None:
    summer = dt.timezone(dt.timedelta(hours=2))
    assert clock_words(dt.datetime(2026, 7, 1, 11, 14, 2, tzinfo=summer)) == "09:14:02 UTC"


def test_one_instance_and_more() -> None:
    assert [instances_words(n) for n in (0, 1, 2)] == ["0 instances", "1 instance", "2 instances"]


def test_awss_words_become_a_sentence_that_is_marked_as_theirs() -> None:
    assert sentence("  no\n full   stop ") == "no full stop."
    assert sentence("One already.") == "One already."
    assert aws_says("Rate exceeded") == "AWS says: Rate exceeded."
    assert aws_says(" \n") == ""


def test_a_condition_message_that_is_short_enough_is_left_alone() -> None:
    assert condition_message("a" * 160) == "a" * 160
    assert condition_message("two\nlines.") == "two lines."


def test_a_longer_one_is_cut_between_words() -> None:
    assert condition_message("word " * 32 + "beyond.") == "word " * 30 + "word…"
    assert condition_message("a" * 200) == "a" * 159 + "…"


@given(st.text(max_size=400))
def test_a_condition_message_is_one_line_of_at_most_160_characters(text: str) -> None:
    message = condition_message(text)
    assert len(message) <= 160
    assert len(message.splitlines()) <= 1
    assert condition_message(message) == message
