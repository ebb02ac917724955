"""What is believed of a region: listings and what we did since, whichever is newer."""

import datetime as dt
import re

import pytest

from sagemaker_operator.aws.directory import Directory, EndpointSummary, Parts
from sagemaker_operator.plan.observed import ObservedEndpoint

EARLY, LATE = (dt.datetime(2026, 1, 1, hour, tzinfo=dt.UTC) for hour in (1, 2))
MODEL = "ml-fraud-m0123456789"
OWNER = ("c1", "ml", "fraud")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def directory(clock: Clock) -> Directory:
    made = Directory(clock)
    made.replace_endpoints({"ml-fraud": EndpointSummary("InService", EARLY)}, 0)
    clock.now = 10
    return made


def endpoint(status: str = "InService", modified: dt.datetime = EARLY) -> ObservedEndpoint:
    return ObservedEndpoint("ml-fraud", "arn:e", status, "c", EARLY, modified)


def sweep(directory: Directory, clock: Clock, **listed: EndpointSummary) -> set[str]:
    clock.now += 10
    return directory.replace_endpoints({name.replace("_", "-"): each for name, each in listed.items()}, clock.now - 1)


def test_a_sweep_names_what_came_went_and_changed(directory: Directory, clock: Clock) -> None:
    same = EndpointSummary("InService", EARLY)
    assert sweep(directory, clock, ml_fraud=same, New=same) == {"new"}
    assert sweep(directory, clock, ml_fraud=EndpointSummary("Updating", EARLY), New=same) == {"ml-fraud"}
    assert sweep(directory, clock, ml_fraud=EndpointSummary("Updating", LATE), New=same) == {"ml-fraud"}
    assert sweep(directory, clock, New=same) == {"ml-fraud"}
    assert sweep(directory, clock, New=same) == set()


def test_our_own_change_is_no_news_until_it_ends(directory: Directory, clock: Clock) -> None:
    directory.changed("ML-fraud", "Updating")
    assert sweep(directory, clock, ml_fraud=EndpointSummary("Updating", LATE)) == set()
    assert sweep(directory, clock, ml_fraud=EndpointSummary("InService", LATE)) == {"ml-fraud"}


def test_a_listing_begun_before_our_change_does_not_undo_it(directory: Directory, clock: Clock) -> None:
    directory.changed("ml-new", "Creating")
    assert directory.replace_endpoints({}, clock.now - 1) == {"ml-fraud"}
    assert directory.summary("ml-new") == EndpointSummary("Creating")
    assert sweep(directory, clock) == {"ml-new"}


def test_a_creation_that_a_listing_shows_before_our_reply_is_no_news(directory: Directory, clock: Clock) -> None:
    steady, begun = EndpointSummary("InService", EARLY), EndpointSummary("Creating", LATE)
    assert sweep(directory, clock, ml_fraud=steady, ml_new=begun) == set()
    directory.changed("ml-new", "Creating")
    assert sweep(directory, clock, ml_fraud=steady, ml_new=begun) == set()
    assert sweep(directory, clock, ml_fraud=steady, ml_new=EndpointSummary("InService", LATE)) == {"ml-new"}


def test_a_description_holds_until_a_listing_says_otherwise(directory: Directory, clock: Clock) -> None:
    directory.described("ml-fraud", endpoint())
    assert directory.look("ML-FRAUD") is not None
    sweep(directory, clock, ml_fraud=EndpointSummary("InService", EARLY))
    assert directory.look("ml-fraud") is not None
    sweep(directory, clock, ml_fraud=EndpointSummary("InService", LATE))
    assert directory.look("ml-fraud") is None


def test_doubt_lasts_until_the_next_description(directory: Directory) -> None:
    directory.described("ml-fraud", endpoint())
    directory.doubt("ml-fraud")
    assert directory.look("ml-fraud") is None
    directory.described("ml-fraud", None)
    assert not directory.unsure("ml-fraud")
    assert directory.summary("ml-fraud") is None


def test_tags_belong_to_one_life_of_an_endpoint(directory: Directory) -> None:
    directory.tagged("ml-fraud", {"a": "1"})
    assert directory.tags("ml-fraud", EARLY) == {"a": "1"}
    assert directory.tags("ml-fraud", LATE) is None
    directory.described("ml-fraud", endpoint())
    directory.retagged("ml-fraud", {"b": "2"}, ("a",))
    assert directory.tags("ml-fraud", EARLY) == {"b": "2"}
    look = directory.look("ml-fraud")
    assert look is not None
    assert look.endpoint.tags == {"b": "2"}


def test_parts_are_found_by_their_base_and_foreign_ones_left_out() -> None:
    parts = Parts(re.compile(r"(.+)-m[0-9a-f]{10}"))
    parts.replace([MODEL, "ml-fraud-two-m0123456789", "somebodys-model"], 0)
    assert parts.of("ml-fraud", OWNER) == {MODEL}
    assert not parts.owner_known(MODEL)
    parts.owned(MODEL, ("c1", "ml", "another"))
    assert parts.of("ml-fraud", OWNER) == frozenset()
    assert parts.of("ml-fraud", ("c1", "ml", "another")) == {MODEL}


def test_a_listing_of_parts_begun_before_our_change_does_not_undo_it() -> None:
    parts = Parts(re.compile(r"(.+)-m[0-9a-f]{10}"))
    other = "ml-fraud-mffffffffff"
    parts.replace([MODEL], 0)
    parts.add(other, 5)
    parts.remove(MODEL, 5)
    assert parts.replace([MODEL], 4) == set(), "what we deleted ourselves is not missed"
    assert parts.of("ml-fraud", OWNER) == {other}
    assert parts.replace([MODEL], 6) == {other}
    assert parts.of("ml-fraud", OWNER) == {MODEL}
