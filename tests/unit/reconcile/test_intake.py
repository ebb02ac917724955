"""What comes in: news is worked on, echoes of our own writes are not, and a listing makes up for a deaf watch."""

from typing import Any

import pytest

from sagemaker_operator.api.resource import ObjectKey, Resource, parse_resource
from sagemaker_operator.reconcile.intake import Intake
from sagemaker_operator.reconcile.objects import Objects
from sagemaker_operator.reconcile.queue import WorkQueue

KEY = ObjectKey("ml", "fraud")


def resource(version: int, generation: int = 1, uid: str = "u1", name: str = "fraud", **status: Any) -> Resource:
    metadata = {
        "namespace": "ml", "name": name, "uid": uid, "resourceVersion": str(version), "generation": generation,
    }  # fmt: skip
    return parse_resource({"metadata": metadata, "spec": {"variants": []}, "status": status})


@pytest.fixture
def objects() -> Objects:
    return Objects()


@pytest.fixture
def queue() -> WorkQueue:
    return WorkQueue()


@pytest.fixture
def intake(objects: Objects, queue: WorkQueue) -> Intake:
    return Intake(objects, queue)


def worked_off(queue: WorkQueue) -> list[ObjectKey]:
    taken = []
    while len(queue):
        key = queue.take()
        assert key is not None
        taken.append(key)
        queue.done(key)
    return taken


def test_news_is_worked_on_and_an_echo_is_not(intake: Intake, objects: Objects, queue: WorkQueue) -> None:
    assert intake.seen(resource(1))
    assert worked_off(queue) == [KEY]
    objects.put(resource(2, endpointName="ml-fraud"))
    assert not intake.seen(resource(2, endpointName="ml-fraud"))
    assert not intake.seen(resource(1)), "older than what is known"
    assert worked_off(queue) == []
    assert intake.seen(resource(3, generation=2, endpointName="ml-fraud"))
    assert worked_off(queue) == [KEY]


def test_a_status_that_somebody_else_wrote_is_news(intake: Intake, queue: WorkQueue) -> None:
    intake.seen(resource(1, endpointName="ml-fraud"))
    worked_off(queue)
    assert intake.seen(resource(2, endpointName="nonsense"))


def test_a_listing_brings_what_the_watch_did_not(intake: Intake, objects: Objects, queue: WorkQueue) -> None:
    intake.seen(resource(1))
    intake.seen(resource(2, name="old", uid="u2"))
    worked_off(queue)
    assert intake.listed([resource(5, generation=2), resource(6, name="new", uid="u3")], 7) == 3
    assert sorted(worked_off(queue)) == [KEY, ObjectKey("ml", "new"), ObjectKey("ml", "old")]
    assert objects.get(ObjectKey("ml", "old")) is None


def test_a_listing_that_agrees_changes_nothing(intake: Intake, queue: WorkQueue) -> None:
    intake.seen(resource(1))
    worked_off(queue)
    assert intake.listed([resource(1)], 4) == 0
    assert worked_off(queue) == []


def test_what_was_made_after_the_listing_is_not_taken_for_gone(intake: Intake, objects: Objects) -> None:
    intake.seen(resource(9))
    assert intake.listed([], 8) == 0
    assert objects.get(KEY) is not None


def test_an_object_made_anew_under_the_same_name_replaces_the_old_one(intake: Intake, objects: Objects) -> None:
    intake.seen(resource(1))
    assert intake.listed([resource(5, uid="u2")], 6) == 1
    found = objects.get(KEY)
    assert found is not None
    assert found.uid == "u2"
