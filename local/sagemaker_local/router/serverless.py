"""The way into a serverless variant: one call per execution environment, a limit on calls, waiting for a cold start."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from sagemaker_local.router.routes import EndpointKey

MOST_BODY_BYTES = 4 * 1024 * 1024
"""AWS: Deploy models with Amazon SageMaker Serverless Inference."""

ENVIRONMENTS = "environments"
"""The event by which a gate says that it is idle, busy again, or short of environments."""

Emit = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call that waits for an environment. One of the two is called; ``go`` gets the microseconds of a cold start."""

    since: float
    go: Callable[[int], None]
    give_up: Callable[[], None]


class Gate:
    """One serverless variant. ``environments`` take one call each; above the variant's concurrency calls are refused.

    It outlives the variant's routes. What it has told of itself is repeated until it is acted upon.
    """

    __slots__ = ("_emit", "_idle_told", "_key", "_name", "_waiting", "active", "environments", "max_concurrency")

    def __init__(self, key: EndpointKey, name: str, emit: Emit) -> None:
        self._key, self._name, self._emit = key, name, emit
        self._waiting: deque[Waiting] = deque()
        self._idle_told = False
        self.active = 0
        self.environments = 0
        self.max_concurrency = 0

    @property
    def full(self) -> bool:
        """Whether one more call is too many."""
        return self.active + len(self._waiting) >= self.max_concurrency

    def enter(self, go: Callable[[int], None], give_up: Callable[[], None]) -> None:
        """Call ``go`` as soon as an environment is free; ``leave`` must follow. Only while it is not full.

        ``go`` gets the microseconds of a cold start, 0 when the call had none.
        """
        if self._idle_told:
            self._idle_told = False
            self._tell("busy")
        self._waiting.append(Waiting(perf_counter(), go, give_up))
        self._admit(cold=False)
        if self._waiting:
            self._tell("wanted")

    def leave(self) -> None:
        """A call is over."""
        self.active -= 1
        self._admit(cold=False)

    def update(self, max_concurrency: int, environments: int) -> None:
        """The route changed."""
        cold = environments > self.environments
        self.max_concurrency, self.environments = max_concurrency, environments
        self._admit(cold=cold)
        if self._idle_told:
            self._tell("idle")

    def _admit(self, *, cold: bool) -> None:
        while self._waiting and self.active < self.environments:
            first = self._waiting.popleft()
            self.active += 1
            first.go(max(1, int((perf_counter() - first.since) * 1e6)) if cold else 0)

    def sweep(self, give_up_before: float) -> None:
        """Now and then: give up calls that have waited since before a time, say again what is wanted."""
        while self._waiting and self._waiting[0].since < give_up_before:
            self._waiting.popleft().give_up()
        if self._waiting:
            self._tell("wanted")
        elif not self.active and not self._idle_told:
            self._idle_told = True
            self._tell("idle")

    def close(self) -> None:
        """The variant is gone."""
        while self._waiting:
            self._waiting.popleft().give_up()

    def _tell(self, state: str) -> None:
        wanted = self.active + len(self._waiting)
        self._emit({"event": ENVIRONMENTS, "key": self._key, "variant": self._name, "state": state, "wanted": wanted})
