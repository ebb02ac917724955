"""Multi-model variants in the router: every call is answered once, and only what is loaded and unused leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sagemaker_local.router.board import Board, EndpointTarget, VariantTarget
from sagemaker_local.router.models import MODEL_UNUSED, MODEL_WANTED, Models, Waiting, failure_of, for_model
from sagemaker_local.router.routes import EndpointRoute, Instance, RouteTable, VariantRoute
from sagemaker_local.router.tables import changes

HERE, KEY = ("127.0.0.1", 1), {"key": ("1", "r", "e")}
NAMES = st.sampled_from("abc")


class ModelsMachine(RuleBasedStateMachine):
    """Any interleaving of calls, loads, failures, losses and evictions on one instance."""

    def __init__(self) -> None:
        super().__init__()
        self.models = Models()
        self.wanted: set[str] = set()
        self.loaded: set[str] = set()
        self.running: dict[str, int] = dict.fromkeys("abc", 0)
        self.entered = self.answered = 0
        self.models.emit = self.heard

    def heard(self, event: Mapping[str, Any]) -> None:
        assert event["event"] == MODEL_WANTED
        assert event["model"] not in self.wanted
        self.wanted.add(event["model"])

    def waiting(self, name: str) -> Waiting:
        def go() -> None:
            assert name in self.loaded
            self.running[name] += 1

        def fail(failure: Mapping[str, Any] | None) -> None:
            self.answered += 1

        return Waiting(0.0, go, fail)

    @rule(name=NAMES)
    def enter(self, name: str) -> None:
        self.entered += 1
        self.models.enter(KEY, HERE, name, self.waiting(name))

    @rule(name=NAMES)
    def leave(self, name: str) -> None:
        if self.running[name]:
            self.running[name] -= 1
            self.answered += 1
            self.models.leave(KEY, HERE, name, cached=True)

    @rule(name=NAMES)
    def lost(self, name: str) -> None:
        if self.running[name]:
            self.running[name] -= 1
            self.loaded.discard(name)
            self.models.lost(KEY, HERE, name, self.waiting(name))

    @rule(name=NAMES, good=st.booleans())
    def outcome(self, name: str, good: bool) -> None:
        if name not in self.wanted:
            return
        self.wanted.discard(name)
        if good:
            self.loaded.add(name)
        else:
            self.loaded.discard(name)
        self.models.outcome(HERE, name, None if good else {"reason": "NoArchive", "text": "", "status": 0})

    @rule()
    def evict(self) -> None:
        found = self.models.evict(HERE, sorted(self.loaded))
        if found is not None:
            assert not self.running[found]
            self.loaded.discard(found)

    @invariant()
    def nobody_is_forgotten(self) -> None:
        waiting = self.entered - self.answered - sum(self.running.values())
        assert waiting >= 0
        assert bool(waiting) == bool(self.wanted)


TestModels = ModelsMachine.TestCase


def target(*ports: int) -> EndpointTarget:
    board = Board()
    instances = tuple(Instance(f"i-{each}", "127.0.0.1", each) for each in ports)
    route = EndpointRoute("1", "r", "e", "InService", (VariantRoute("main", 1.0, instances),))
    board.apply(changes(RouteTable(), RouteTable({route.key: route})))
    return board.targets[route.key]


def load(models: Models, address: tuple[str, int], name: str) -> None:
    models.enter(KEY, address, name, Waiting(0.0, lambda: None, lambda failure: None))
    models.outcome(address, name, None)
    models.leave(KEY, address, name, cached=True)


def test_the_model_used_least_recently_is_evicted() -> None:
    models = Models()
    for each in "abca":
        load(models, HERE, each)
    assert models.evict(HERE, ["a", "b", "c"]) == "b"
    assert models.evict(HERE, ["a", "c"]) == "c"
    assert models.evict(HERE, ["x", "a"]) == "x"
    assert models.evict(HERE, ["a"]) == "a"
    assert models.evict(HERE, []) is None


def test_a_model_with_a_call_under_way_is_not_evicted() -> None:
    models = Models()
    for each in "ab":
        load(models, HERE, each)
    models.enter(KEY, HERE, "a", Waiting(0.0, lambda: None, lambda failure: None))
    assert models.evict(HERE, ["a", "b"]) == "b"
    assert models.evict(HERE, ["a"]) is None
    models.leave(KEY, HERE, "a", cached=True)
    assert models.evict(HERE, ["a"]) == "a"


def test_a_model_goes_where_it_is_loaded_else_where_few_are() -> None:
    models, [variant] = Models(), target(1, 2).variants
    chosen = models.choose(variant, "a")
    assert chosen is not None
    load(models, chosen[1].address, "a")
    assert models.choose(variant, "a") == chosen
    other = models.choose(variant, "b")
    assert other is not None
    assert other != chosen
    assert models.choose(VariantTarget(variant.route, [], variant.counter), "a") is None


def test_what_is_not_cached_is_unused_after_its_last_call() -> None:
    models, told = Models(), []
    models.emit = told.append
    for _ in range(2):
        models.enter(KEY, HERE, "a", Waiting(0.0, lambda: None, lambda failure: None))
    models.outcome(HERE, "a", None)
    models.leave(KEY, HERE, "a", cached=False)
    assert [each["event"] for each in told] == [MODEL_WANTED]
    models.leave(KEY, HERE, "a", cached=False)
    assert [each["event"] for each in told] == [MODEL_WANTED, MODEL_UNUSED]


def test_a_call_that_waits_too_long_is_told_and_the_load_goes_on() -> None:
    models, failures, gone = Models(), [], []
    models.enter(KEY, HERE, "a", Waiting(5.0, lambda: gone.append(1), failures.append))
    models.sweep(5.0, [HERE])
    assert failures == []
    models.sweep(5.1, [HERE])
    assert failures == [None]
    models.outcome(HERE, "a", None)
    models.enter(KEY, HERE, "a", Waiting(6.0, lambda: gone.append(2), failures.append))
    assert gone == [2]


def test_calls_for_an_instance_that_is_gone_are_told() -> None:
    models, failures = Models(), []
    models.enter(KEY, HERE, "a", Waiting(5.0, lambda: None, failures.append))
    models.sweep(0.0, [])
    assert [each["reason"] for each in failures] == ["Gone"]


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (None, 429, "ModelNotReadyException"),
        ({"reason": "NoArchive", "text": "s3://b/k: S3 says NoSuchKey", "status": 0}, 400, "ValidationError"),
        ({"reason": "Dependency", "text": "", "status": 0}, 530, "InternalDependencyException"),
        ({"reason": "Gone", "text": "", "status": 0}, 503, "ServiceUnavailable"),
        ({"reason": "Container", "text": "no room", "status": 507}, 424, "ModelError"),
        ({"reason": "Internal", "text": "", "status": 0}, 500, "InternalFailure"),
    ],
)
def test_each_failure_is_one_of_the_apis_errors(failure: Mapping[str, Any] | None, status: int, code: str) -> None:
    endpoint = target(1)
    found = failure_of(endpoint, endpoint.variants[0], "i-1", failure)
    assert (found.status, found.code) == (status, code)
    head, _ = found.encode()
    assert head.startswith(b"HTTP/1.1 %d " % status)


def test_the_request_names_the_model_in_its_path() -> None:
    wire = b"POST /invocations HTTP/1.1\r\nhost: model\r\n\r\nbody"
    assert for_model(wire, "abc") == b"POST /models/abc/invoke HTTP/1.1\r\nhost: model\r\n\r\nbody"
