"""Faults, limits and the call log, without a server around them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.control.calls import CallLog
from sagemaker_local.control.fault_documents import document_of, fault_of
from sagemaker_local.control.faults import (
    DelayEffect,
    DropEffect,
    Effect,
    ErrorEffect,
    FailureFault,
    Fault,
    Faults,
    KillEffect,
    MaintenanceFault,
    OperationFault,
    Planned,
    RollbackFault,
    StuckFault,
)
from sagemaker_local.control.limits import RateLimit

DROP = DropEffect()


def test_a_fault_strikes_the_operation_name_and_moment_that_it_names() -> None:
    faults = Faults()
    faults.add(OperationFault("CreateModel", "before", DROP, "m"), 1)
    assert faults.take_effect("CreateModel", "m", "after") is None
    assert faults.take_effect("CreateModel", "other", "before") is None
    assert faults.take_effect("DeleteModel", "m", "before") is None
    assert faults.take_effect("CreateModel", "m", "before") is DROP
    assert faults.take_effect("CreateModel", "m", "before") is None


def test_a_star_strikes_every_operation_and_no_name_every_resource() -> None:
    faults = Faults()
    faults.add(OperationFault("*", "after", DROP), 2)
    assert faults.take_effect("ListModels", "", "after") is DROP
    assert faults.take_effect("CreateModel", "m", "after") is DROP
    assert list(faults) == []


def test_faults_strike_in_the_order_in_which_they_came() -> None:
    faults = Faults()
    effects = [ErrorEffect(code, "", 400) for code in ("One", "Two")]
    for effect in effects:
        faults.add(OperationFault("*", "before", effect), 1)
    assert [faults.take_effect("X", "", "before") for _ in range(3)] == [*effects, None]


def test_faults_without_a_number_stay_until_they_are_removed() -> None:
    faults = Faults()
    number = faults.add(OperationFault("*", "before", DROP), None)
    assert all(faults.take_effect("X", "", "before") for _ in range(5))
    assert faults.remove(number)
    assert not faults.remove(number)
    assert faults.take_effect("X", "", "before") is None


def test_faults_of_an_endpoint_wait_for_it() -> None:
    faults = Faults()
    faults.add(FailureFault("e", ""), 1)
    faults.add(StuckFault("e", 5.0), 1)
    assert (faults.take_failure("other"), faults.take_stuck_seconds("other")) == (None, 0.0)
    assert (faults.take_failure("e"), faults.take_failure("e")) == ("", None)
    assert (faults.take_stuck_seconds("e"), faults.take_stuck_seconds("e")) == (5.0, 0.0)


EFFECTS: st.SearchStrategy[Effect] = st.one_of(
    st.just(DROP),
    st.builds(KillEffect, st.integers(2, 2**22)),
    st.builds(DelayEffect, st.floats(0, 100)),
    st.builds(ErrorEffect, st.text(), st.text(), st.integers(400, 599)),
)
FAULTS: st.SearchStrategy[Fault] = st.one_of(
    st.builds(
        OperationFault,
        operation=st.text(),
        when=st.sampled_from(["before", "after"]),
        effect=EFFECTS,
        name=st.none() | st.text(),
        others=st.lists(st.text()).map(tuple),
    ),
    st.builds(FailureFault, st.text(), st.text()),
    st.builds(StuckFault, st.text(), st.floats(0, 100)),
    st.builds(RollbackFault, st.text(), st.text()),
    st.builds(MaintenanceFault, st.text(), st.floats(0, 100)),
)


@given(FAULTS, st.none() | st.integers(1, 9))
def test_a_fault_is_shown_as_it_can_be_posted(fault: Fault, times: int | None) -> None:
    document = document_of(Planned(1, fault, times))
    assert document.pop("id") == 1
    assert fault_of(document) == (fault, times)


def test_a_bucket_holds_a_second_of_calls_and_fills_again() -> None:
    now = [0.0]
    limit = RateLimit(4, lambda: now[0])

    def calls(count: int, operation: str = "CreateModel", region: str = "eu-west-1") -> int:
        return sum(limit.allows(operation, "1", region) for _ in range(count))

    assert calls(10) == 4
    assert calls(10, operation="ListModels") == 4
    assert calls(10, region="us-east-1") == 4
    now[0] = 0.5
    assert calls(10) == 2
    now[0] = 100.0
    assert calls(10) == 4


def test_a_rate_below_one_lets_one_call_through_at_a_time() -> None:
    now = [0.0]
    limit = RateLimit(0.5, lambda: now[0])
    assert [limit.allows("X", "1", "r") for _ in range(2)] == [True, False]
    now[0] = 2.0
    assert [limit.allows("X", "1", "r") for _ in range(2)] == [True, False]


def test_no_rate_is_no_limit_and_a_new_one_begins_afresh() -> None:
    limit = RateLimit(None)
    assert all(limit.allows("X", "1", "r") for _ in range(1000))
    limit.calls_per_second = 1
    assert [limit.allows("X", "1", "r") for _ in range(2)] == [True, False]
    limit.calls_per_second = None
    assert limit.allows("X", "1", "r")


def test_calls_are_numbered_selected_and_counted() -> None:
    log = CallLog()
    for operation, outcome, name in (("A", "ok", "x"), ("B", "ok", "y"), ("A", "Bad", "x")):
        log.add(operation, "1", "r", outcome, name, "agent")
    assert [each.number for each in log.select()] == [1, 2, 3]
    assert [each.number for each in log.select("A", name="x", since=1)] == [3]
    assert log.summary() == {"A": {"ok": 1, "Bad": 1}, "B": {"ok": 1}}
    log.clear()
    assert (log.select(), log.summary()) == ([], {})
    log.add("A", "1", "r", "ok", "", "")
    assert [each.number for each in log.select()] == [4]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"operation": "*", "times": 0, "effect": {"drop": True}}, "times must be a positive integer"),
        ({"operation": "*", "when": "now", "effect": {"drop": True}}, "when must be before or after"),
        ({"operation": "*"}, "effect must be an object with exactly one of"),
        ({"operation": "*", "effect": {"drop": True, "kill": 5}}, "effect must be an object with exactly one of"),
        ({"operation": "*", "effect": {"drop": False}}, "drop must be true"),
        ({"operation": "*", "effect": {"kill": True}}, "kill must be a process id"),
        ({"operation": "*", "effect": {"delaySeconds": -1}}, "delaySeconds must be a number of seconds"),
        ({"operation": "*", "effect": {"error": {"message": "x"}}}, "code must be an error code"),
        ({"operation": "*", "effect": {"error": {"code": "x", "status": 200}}}, "status must be an HTTP status"),
        ({"operation": "*", "name": 1, "effect": {"drop": True}}, "name must be the name of a resource"),
        ({"endpoint": "e", "failure": "", "stuckDeletingSeconds": 1}, "exactly one of failure and"),
        ({"endpoint": "e", "failure": None}, "failure must be a FailureReason"),
    ],
)
def test_a_bad_fault_names_field_and_remedy(document: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fault_of(document)
