"""Which state of an object is the newest, and whom a changed endpoint concerns."""

from typing import Any

from sagemaker_operator.api.identity import Owner
from sagemaker_operator.api.resource import ObjectKey, Resource, parse_resource
from sagemaker_operator.aws.gateway import Target
from sagemaker_operator.reconcile.backoff import Backoff
from sagemaker_operator.reconcile.objects import Objects
from sagemaker_operator.reconcile.watchlist import Watchlist

KEY, OTHER = ObjectKey("ml", "fraud"), ObjectKey("ml", "other")


def resource(version: int, uid: str = "u1", **more: Any) -> Resource:
    metadata = {"namespace": "ml", "name": "fraud", "uid": uid, "resourceVersion": str(version), **more}
    return parse_resource({"metadata": metadata, "spec": {"variants": []}})


def target(name: str, region: str = "eu-west-1") -> Target:
    return Target(Owner("c1", KEY, "u1"), region, name)


def test_an_event_that_comes_after_our_own_write_does_not_undo_it() -> None:
    objects = Objects()
    objects.put(resource(10))
    written = resource(12)
    objects.put(written)
    assert objects.put(resource(11)) == written
    assert objects.get(KEY) == written


def test_versions_are_numbers_not_texts() -> None:
    objects = Objects()
    objects.put(resource(9))
    objects.put(resource(10))
    assert objects.get(KEY) == resource(10)


def test_another_object_of_the_same_name_is_new() -> None:
    objects = Objects()
    objects.put(resource(10))
    assert objects.put(resource(15, uid="u2")) is None
    objects.put(resource(12))
    objects.drop(KEY, "u1")
    assert objects.get(KEY) == resource(15, uid="u2"), "a late word about the old one changes nothing"
    objects.drop(KEY, "u2")
    assert len(objects) == 0


def test_an_endpoint_wakes_its_objects_whatever_the_case() -> None:
    watchlist = Watchlist()
    watchlist.note(KEY, target("Shared"), in_motion=True)
    watchlist.note(OTHER, target("shared"), in_motion=False)
    assert watchlist.keys("eu-west-1", {"shared"}) == {KEY, OTHER}
    assert watchlist.keys("us-east-1", {"shared"}) == set()
    assert watchlist.in_motion("eu-west-1")
    watchlist.note(KEY, target("shared"), in_motion=False)
    assert not watchlist.in_motion("eu-west-1")


def test_an_object_that_moved_or_went_is_not_woken_for_the_old_endpoint() -> None:
    watchlist = Watchlist()
    watchlist.note(KEY, target("one"), in_motion=True)
    watchlist.note(KEY, target("two", "us-east-1"), in_motion=True)
    assert watchlist.keys("eu-west-1", {"one"}) == set()
    assert not watchlist.in_motion("eu-west-1")
    assert watchlist.regions() == ["us-east-1"]
    watchlist.forget(KEY)
    assert watchlist.regions() == []
    assert not watchlist.in_motion("us-east-1")


def test_backoff_doubles_to_a_limit_for_each_key_alone() -> None:
    backoff = Backoff(2, 10, lambda _low, _high: 1.0)
    assert [backoff.failed(KEY) for _ in range(5)] == [2, 4, 8, 10, 10]
    assert backoff.failed(OTHER) == 2
    backoff.succeeded(KEY)
    assert backoff.failures(KEY) == 0
    assert backoff.failed(KEY) == 2


def test_backoff_is_spread() -> None:
    assert Backoff(10, 100, lambda low, _high: low).failed(KEY) == 8
    assert Backoff(10, 100, lambda _low, high: high).failed(KEY) == 12
