"""Markers: how they are read, when they strike, and when they are taken back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.control.fault_documents import document_of, fault_of
from sagemaker_local.control.faults import FailureFault, Fault, Faults, Owner, Planned
from sagemaker_local.control.named_faults import NAMED, Kind, named, planned_of

GUIDE = Path(__file__).parents[4] / "docs/local-reference.md"
PLACE = ("111122223333", "eu-west-1")
OTHER_PLACE = ("444455556666", "eu-west-1")


def owner(config: str) -> Owner:
    return Owner("deployment", PLACE, "e", config)


def failing(reason: str, times: int | None = 1) -> tuple[Fault, int | None]:
    return FailureFault("e", reason), times


def test_the_guide_lists_every_fault_with_its_default() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| ([a-z ,]+) \| (seconds|how often), (\d+) \|", GUIDE.read_text("utf-8"), re.M)
    assert rows == [
        (name, each.strikes, "seconds" if each.seconds else "how often", f"{each.default:g}")
        for name, each in NAMED.items()
    ]


@pytest.mark.parametrize("name", NAMED)
def test_a_fault_strikes_the_kinds_that_it_says(name: str) -> None:
    struck = {kind for kind in Kind if planned_of(named(name), kind, "r") is not None}
    told = {"models": {Kind.MODEL}, "endpoints": {Kind.ENDPOINT}}
    assert struck == told.get(NAMED[name].strikes, set(Kind))


@given(st.sampled_from([name for name, each in NAMED.items() if not each.seconds]), st.integers(1, 99))
def test_a_number_is_how_often(name: str, times: int) -> None:
    assert named(f"{name}:{times}").times == times
    assert named(f"{name}:always").times is None
    assert named(name).times == NAMED[name].default


@pytest.mark.parametrize("text", ["", "none", "ping:", "ping:0", "ping:-1", "ping:x", "ping:²", "slow:-1", "slow:nan"])
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no fault|must be|must end in"):
        named(text)


@given(st.sampled_from(sorted(NAMED)))
def test_a_named_fault_of_the_admin_api_is_the_markers(name: str) -> None:
    planned = planned_of(named(name), Kind.ENDPOINT, "e")
    if planned is not None:
        assert fault_of({"fault": name, "endpoint": "e"}) == planned
        assert document_of(Planned(1, *planned, PLACE))["account"] == PLACE[0]


def test_a_marker_strikes_as_often_as_it_says_and_not_anew() -> None:
    faults = Faults()
    wanted = {"capacity": failing("none", 2)}
    found = []
    for _ in range(4):
        faults.mark(owner("one"), wanted)
        found.append(faults.take_failure("e", PLACE))
    assert found == ["none", "none", None, None]


def test_a_marker_that_went_away_strikes_no_more_and_one_that_came_back_does() -> None:
    faults = Faults()
    faults.mark(owner("one"), {"capacity": failing("none", None)})
    faults.mark(owner("one"), {})
    assert faults.take_failure("e", PLACE) is None
    faults.mark(owner("one"), {"capacity": failing("none")})
    assert faults.take_failure("e", PLACE) == "none"


def test_what_another_configuration_asked_for_is_taken_back() -> None:
    faults = Faults()
    faults.mark(owner("one"), {"capacity": failing("of one")})
    faults.mark(owner("two"), {"ping": failing("of two")})
    assert [faults.take_failure("e", PLACE) for _ in range(2)] == ["of two", None]
    faults.mark(owner("one"), {"capacity": failing("of one")})
    assert faults.take_failure("e", PLACE) == "of one"
    faults.mark(owner("two"), {"ping": failing("of two")})
    assert faults.take_failure("e", PLACE) is None


def test_a_marker_strikes_in_its_own_account_only() -> None:
    faults = Faults()
    faults.mark(owner("one"), {"capacity": failing("none")})
    assert faults.take_failure("e", OTHER_PLACE) is None
    assert faults.take_failure("e", PLACE) == "none"


def test_a_resource_without_markers_leaves_nothing_behind() -> None:
    faults = Faults()
    for number in range(100):
        faults.mark(Owner("model", PLACE, f"m{number}"), {})
    faults.mark(owner("one"), {"capacity": failing("none")})
    faults.mark(owner("one"), {})
    assert faults.owners == 0


def test_what_is_left_of_a_marker_outlives_a_restart_and_what_is_spent_stays_spent() -> None:
    faults, later = Faults(), Faults()
    faults.add(FailureFault("other", "of the admin API"), 1)
    wanted = {"capacity:2": failing("none", 2), "internal": failing("spent")}
    faults.mark(owner("one"), {"internal": wanted["internal"]})
    assert faults.take_failure("e", PLACE) == "spent"
    faults.mark(owner("one"), wanted)
    assert faults.take_failure("e", PLACE) == "none"
    kept = list(faults.marks())
    assert [each is other for each, other in zip(kept, faults.marks(), strict=True)] == [True, True]
    later.put_back(kept)
    later.mark(owner("one"), wanted)
    assert [later.take_failure("e", PLACE) for _ in range(2)] == ["none", None]
    assert later.take_failure("other") is None
    assert list(later.marks()) != kept
