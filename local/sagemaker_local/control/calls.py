"""The log of calls, for tests to count and for people to see what a client does."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

_KEPT = 100_000

OK = "ok"
DROPPED = "Dropped"


@dataclass(frozen=True, slots=True)
class Call:
    """One call. ``outcome`` is "ok" when it was applied, else the error code, or "Dropped" when a fault lost it before.

    A reply lost after the call was applied is "ok" too: the log counts what was done, not what was heard.
    """

    number: int
    time: float
    operation: str
    account: str
    region: str
    outcome: str
    name: str
    user_agent: str


class CallLog:
    """The last 100,000 calls. Numbers go on after it was cleared."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=_KEPT)
        self._number = 0

    def add(self, operation: str, account: str, region: str, outcome: str, name: str, user_agent: str) -> None:
        """Append a call that has just been answered."""
        self._number += 1
        self._calls.append(Call(self._number, time.time(), operation, account, region, outcome, name, user_agent))

    def select(self, operation: str | None = None, since: int = 0, name: str | None = None) -> list[Call]:
        """Those with a number above ``since``, of an operation and a resource if given."""
        return [
            each
            for each in self._calls
            if each.number > since
            and (operation is None or each.operation == operation)
            and (name is None or each.name == name)
        ]

    def summary(self) -> Mapping[str, Mapping[str, int]]:
        """Counts by operation and outcome."""
        counts: dict[str, Counter[str]] = {}
        for each in self._calls:
            counts.setdefault(each.operation, Counter())[each.outcome] += 1
        return counts

    def clear(self) -> None:
        """Forget all."""
        self._calls.clear()
