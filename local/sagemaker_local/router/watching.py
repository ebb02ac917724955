"""Calls whose outcome somebody else wants to know too, beside the client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sagemaker_local.router import replies
from sagemaker_local.router.invocation import Invocation
from sagemaker_local.router.pool import Header


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the container answered; ``status`` 0 is no answer."""

    status: int
    headers: Sequence[Header]
    body: bytes
    instance_id: str = ""

    @property
    def good(self) -> bool:
        """Whether the client gets the container's reply."""
        return 200 <= self.status < 300


Watcher = Callable[[Outcome], None]

_NO_ANSWER = Outcome(0, (), b"")


class WatchedInvocation(Invocation):
    """Tells each watcher exactly once, before the client."""

    __slots__ = ("_watchers",)

    def __init__(self, watchers: Sequence[Watcher], *arguments: Any) -> None:
        super().__init__(*arguments)
        self._watchers = watchers

    def answered(self, status: int, headers: list[Header], body: bytes) -> None:
        self._tell(Outcome(status, headers, body, self._instance_id))
        super().answered(status, headers, body)

    def _fail(self, failure: replies.RuntimeFailure) -> None:
        self._tell(_NO_ANSWER)
        super()._fail(failure)

    def _tell(self, outcome: Outcome) -> None:
        watchers, self._watchers = self._watchers, ()
        for each in watchers:
            each(outcome)
