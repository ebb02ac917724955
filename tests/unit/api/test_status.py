"""Conditions keep their transition time for as long as their status stays the same."""

import datetime as dt

import pytest

from sagemaker_operator.api.status import Condition, ConditionStatus, Status, with_transition_times

THEN, NOW = dt.datetime(2026, 11, 12, 8, tzinfo=dt.UTC), dt.datetime(2026, 11, 12, 9, tzinfo=dt.UTC)


def status(*conditions: Condition) -> Status:
    return Status(conditions=conditions)


def ready(value: ConditionStatus, reason: str, time: dt.datetime | None = None) -> Condition:
    return Condition("Ready", value, reason, "words", 3, time)


def time_of(status: Status, type_: str = "Ready") -> dt.datetime | None:
    condition = status.condition(type_)
    assert condition is not None
    return condition.last_transition_time


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (ready("False", "Creating", THEN), ready("True", "InService"), NOW),
        (ready("True", "InService", THEN), ready("True", "InService"), THEN),
        (ready("False", "Creating", THEN), ready("False", "HealthCheckFailed"), THEN),
        (ready("Unknown", "Asking", THEN), ready("False", "Creating"), NOW),
        (ready("True", "InService", None), ready("True", "InService"), NOW),
    ],
    ids=["turned", "the same", "another reason is no transition", "unknown is a status too", "time was lost"],
)
def test_the_time_is_that_of_the_last_change_of_status(
    before: Condition, after: Condition, expected: dt.datetime
) -> None:
    assert time_of(with_transition_times(status(after), status(before), NOW)) == expected


def test_a_condition_that_was_not_there_turns_now() -> None:
    other = Condition("Synced", "True", "UpToDate", last_transition_time=THEN)
    assert time_of(with_transition_times(status(ready("True", "InService")), status(other), NOW)) == NOW


def test_nothing_else_of_a_status_changes() -> None:
    new = Status(7, (ready("True", "InService"), Condition("Synced", "False", "Progressing")), "ml-fraud")
    timed = with_transition_times(new, status(ready("True", "InService", THEN)), NOW)
    assert [(c.type, c.status, c.reason, c.message, c.observed_generation) for c in timed.conditions] == [
        ("Ready", "True", "InService", "words", 3),
        ("Synced", "False", "Progressing", "", 0),
    ]
    assert (timed.observed_generation, timed.endpoint_name) == (7, "ml-fraud")
    assert time_of(timed, "Synced") == NOW


def test_two_passes_with_the_same_result_write_the_same_status() -> None:
    first = with_transition_times(status(ready("True", "InService")), Status(), THEN)
    assert with_transition_times(status(ready("True", "InService")), first, NOW) == first


def test_a_condition_is_found_by_its_type() -> None:
    seen = status(ready("False", "Creating"), Condition("Stalled", "True", "NameTaken"))
    assert seen.condition("RolledBack") is None
    assert [seen.is_true(type_) for type_ in ("Ready", "Stalled", "RolledBack")] == [False, True, False]
