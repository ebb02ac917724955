"""Multi-model variants: which models each instance has, and the calls that wait until one is loaded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from sagemaker_local.router import replies
from sagemaker_local.router.board import Address, EndpointTarget, VariantTarget
from sagemaker_local.router.pool import Header, Pool
from sagemaker_local.router.watching import WatchedInvocation

MODEL_WANTED, MODEL_UNUSED = "model-wanted", "model-unused"
"""Events: a model is to be loaded; or unloaded, as the variant does not cache it."""

Emit = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call that waits for its model. One of the two is called."""

    since: float
    go: Callable[[], None]
    fail: Callable[[Mapping[str, Any] | None], None]


class Use:
    """One model on one instance. ``used`` is when its last call came, of ``perf_counter``."""

    __slots__ = ("loaded", "running", "used", "waiting")

    def __init__(self) -> None:
        self.loaded = False
        self.running = 0
        self.used = 0.0
        self.waiting: deque[Waiting] = deque()


class Models:
    """Of all instances. What is loaded is the parent's business; it is told what is wanted and tells the outcome."""

    def __init__(self) -> None:
        self.emit: Emit = lambda event: None
        self._at: dict[Address, dict[str, Use]] = {}

    def choose(self, variant: VariantTarget, model: str) -> tuple[str, Pool] | None:
        """The least busy instance that has the model or loads it, else the one with the fewest models."""
        holding = [each for each in variant.instances if model in self._at.get(each[1].address, ())]
        if holding:
            return min(holding, key=lambda each: each[1].outstanding)
        return min(variant.instances, key=lambda each: len(self._at.get(each[1].address, ())), default=None)

    def has(self, address: Address, model: str) -> bool:
        """Whether an instance has a model."""
        use = self._at.get(address, {}).get(model)
        return use is not None and use.loaded

    def enter(self, wanted: Mapping[str, Any], address: Address, model: str, waiting: Waiting) -> None:
        """Let a call go now, or once its model is loaded; ``leave`` must follow. ``wanted`` tells the parent where."""
        use = self._at.setdefault(address, {}).setdefault(model, Use())
        use.used = perf_counter()
        if use.loaded:
            use.running += 1
            waiting.go()
            return
        use.waiting.append(waiting)
        if len(use.waiting) == 1:
            self._want(wanted, address, model, lost=False)

    def _want(self, wanted: Mapping[str, Any], address: Address, model: str, *, lost: bool) -> None:
        self.emit({"event": MODEL_WANTED, **wanted, "address": address, "model": model, "lost": lost})

    def lost(self, wanted: Mapping[str, Any], address: Address, model: str, waiting: Waiting) -> None:
        """The container says that it has not the model: a running call waits again."""
        use = self._at.setdefault(address, {}).setdefault(model, Use())
        use.loaded = False
        use.running = max(0, use.running - 1)
        use.waiting.append(waiting)
        if len(use.waiting) == 1:
            self._want(wanted, address, model, lost=True)

    def outcome(self, address: Address, model: str, failure: Mapping[str, Any] | None) -> None:
        """The model is loaded, or why it is not."""
        use = self._at.get(address, {}).get(model)
        if use is None:
            return
        waiting, use.waiting = use.waiting, deque()
        if failure is not None:
            del self._at[address][model]
            for each in waiting:
                each.fail(failure)
            return
        use.loaded = True
        use.running += len(waiting)
        for each in waiting:
            each.go()

    def leave(self, wanted: Mapping[str, Any], address: Address, model: str, *, cached: bool) -> None:
        """A call is over."""
        use = self._at.get(address, {}).get(model)
        if use is None:
            return
        use.running -= 1
        if not cached and use.running <= 0 and use.loaded and not use.waiting:
            del self._at[address][model]
            self.emit({"event": MODEL_UNUSED, **wanted, "address": address, "model": model})

    def evict(self, address: Address, models: Sequence[str]) -> str | None:
        """The least recently used of these without a call; it is forgotten. One that is not known here goes first."""
        uses = self._at.get(address, {})
        unused = [each for each in models if each not in uses]
        if unused:
            return unused[0]
        idle = [each for each in models if uses[each].loaded and not uses[each].running and not uses[each].waiting]
        found = min(idle, key=lambda each: uses[each].used, default=None)
        if found is not None:
            del uses[found]
        return found

    def sweep(self, give_up_before: float, addresses: Iterable[Address]) -> None:
        """Now and then: give up calls that have waited since before a time, forget instances that are gone."""
        for uses in self._at.values():
            for use in list(uses.values()):
                while use.waiting and use.waiting[0].since < give_up_before:
                    use.waiting.popleft().fail(None)
        for gone in self._at.keys() - set(addresses):
            for use in self._at.pop(gone).values():
                for each in use.waiting:
                    each.fail({"reason": "Gone", "status": 0, "text": ""})


def failure_of(
    endpoint: EndpointTarget, variant: VariantTarget, instance_id: str, failure: Mapping[str, Any] | None
) -> replies.RuntimeFailure:
    """The reply for a model that was not loaded; None is a model that takes too long."""
    if failure is None:
        return replies.MODEL_NOT_READY
    text = failure["text"]
    if failure["reason"] in ("NoArchive", "BadArchive"):
        return replies.model_data_unreadable(text)
    if failure["reason"] == "Dependency":
        return replies.INTERNAL_DEPENDENCY
    if failure["reason"] == "Gone":
        return replies.no_instance(endpoint.route, variant.route.name)
    if failure["reason"] == "Container":
        route = variant.route
        arguments = (failure["status"], text.encode(), route.log_group)
        return replies.model_error(endpoint.route, route.name, instance_id, *arguments)
    return replies.INTERNAL_FAILURE


class ModelInvocation(WatchedInvocation):
    """A call for one model. A 404 may mean that the container has the model no more: once, ``lost`` is called then."""

    __slots__ = ("_lost",)

    def __init__(self, lost: Callable[[], None] | None, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._lost = lost

    def answered(self, status: int, headers: list[Header], body: bytes) -> None:
        if status == 404 and self._lost is not None:
            self._lost()
            return
        super().answered(status, headers, body)


_PATH = b"POST /invocations "


def for_model(wire: bytes, name: str) -> bytes:
    """A container's request, for one of its models."""
    return b"POST /models/%b/invoke %b" % (name.encode(), wire[len(_PATH) :])
