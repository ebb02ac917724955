"""The way into a serverless variant: never more calls than environments or than allowed, none forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sagemaker_local.router.serverless import Gate

KEY = ("1", "r", "e")


class GateMachine(RuleBasedStateMachine):
    """Any interleaving of calls, ends and changes of the route."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Mapping[str, Any]] = []
        self.gate = Gate(KEY, "main", self.told.append)
        self.gate.update(3, 0)
        self.entered = self.started = self.ended = self.given_up = 0

    def go(self, setup: int) -> None:
        assert setup >= 0
        self.started += 1

    def give_up(self) -> None:
        self.given_up += 1

    @rule()
    def enter(self) -> None:
        if not self.gate.full:
            self.entered += 1
            self.gate.enter(self.go, self.give_up)

    @rule()
    def leave(self) -> None:
        if self.started > self.ended:
            self.ended += 1
            self.gate.leave()

    @rule(most=st.integers(1, 5), environments=st.integers(0, 5))
    def update(self, most: int, environments: int) -> None:
        self.gate.update(most, environments)

    @rule(all_waited_too_long=st.booleans())
    def sweep(self, all_waited_too_long: bool) -> None:
        self.gate.sweep(float("inf") if all_waited_too_long else 0.0)

    @invariant()
    def nobody_is_forgotten(self) -> None:
        waiting = self.entered - self.started - self.given_up
        assert self.gate.active == self.started - self.ended
        assert waiting >= 0
        if waiting:
            assert self.gate.active >= self.gate.environments
        assert self.gate.full == (self.gate.active + waiting >= self.gate.max_concurrency)


TestGate = GateMachine.TestCase
TestGate.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


def told_by(gate_told: list[Mapping[str, Any]]) -> list[tuple[str, int]]:
    found = [(each["state"], each["wanted"]) for each in gate_told]
    gate_told.clear()
    return found


def test_what_it_tells_and_that_a_cold_start_is_measured() -> None:
    told: list[Mapping[str, Any]] = []
    gate = Gate(KEY, "main", told.append)
    gate.update(5, 0)
    gate.sweep(0)
    gate.sweep(0)
    assert told_by(told) == [("idle", 0)]
    setups: list[int] = []
    for _ in range(2):
        gate.enter(setups.append, lambda: None)
    assert told_by(told) == [("busy", 0), ("wanted", 1), ("wanted", 2)]
    gate.sweep(0)
    assert told_by(told) == [("wanted", 2)]
    gate.update(5, 1)
    gate.leave()
    assert [each > 0 for each in setups] == [True, False]
    gate.leave()
    gate.sweep(0)
    gate.update(5, 1)
    assert told_by(told) == [("idle", 0), ("idle", 0)]


def test_those_that_wait_are_told_when_the_variant_goes() -> None:
    gate, given_up = Gate(KEY, "main", lambda event: None), []
    gate.update(5, 0)
    gate.enter(lambda setup: None, lambda: given_up.append(1))
    gate.close()
    assert given_up == [1]
