"""The object as the demo reads it from kubectl's watch."""

import json

from demo.cluster import Seen, documents

CONDITIONS = [
    {"type": "Ready", "status": "True", "observedGeneration": 2, "message": "Serving a on 2 of 2 instances."},
    {"type": "Synced", "status": "True", "observedGeneration": 1},
    {"type": "Stalled", "status": "False", "observedGeneration": 2, "message": "no"},
]


def test_an_object_without_status_is_neither_ready_nor_stalled() -> None:
    seen = Seen.of({"metadata": {"generation": 1}})
    assert (seen.ready, seen.synced, seen.stalled, seen.message, seen.failure) == (False, False, False, "", "")


def test_a_condition_of_an_older_generation_does_not_count() -> None:
    seen = Seen.of({"metadata": {"generation": 2}, "status": {"conditions": CONDITIONS}})
    assert (seen.ready, seen.synced, seen.stalled) == (True, False, False)
    assert seen.message == "Serving a on 2 of 2 instances."


def test_a_failure_is_told_with_hint_and_log() -> None:
    failure = {"message": "It never answered.", "hint": "Read the log.", "logExcerpt": ["a", "b"]}
    stalled = [{"type": "Stalled", "status": "True", "observedGeneration": 1, "message": "shorter"}]
    seen = Seen.of({"metadata": {"generation": 1}, "status": {"conditions": stalled, "failure": failure}})
    assert (seen.stalled, seen.failure, seen.hint, seen.log) == (
        True,
        "It never answered.",
        "Read the log.",
        ("a", "b"),
    )


def test_without_a_failure_the_condition_tells() -> None:
    stalled = [{"type": "Stalled", "status": "True", "observedGeneration": 1, "message": "AWS is unreachable."}]
    assert Seen.of({"metadata": {"generation": 1}, "status": {"conditions": stalled}}).failure == "AWS is unreachable."


def test_a_watch_is_one_object_after_the_other() -> None:
    objects = [{"metadata": {"name": "}"}, "spec": {"a": {}}}, {"metadata": {}}, {}]
    text = "".join(json.dumps(each, indent=4) + "\n" for each in objects[:2])
    assert list(documents(text.splitlines(keepends=True))) == objects[:2]
    assert list(documents(text.splitlines(keepends=True)[:-1])) == objects[:1]
