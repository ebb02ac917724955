"""Special calls without a network: what a client is told where nothing can be sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sagemaker_local.router.board import Board
from sagemaker_local.router.invocation import Invocation
from sagemaker_local.router.limits import RouterSettings
from sagemaker_local.router.routes import (
    ContainersRoute,
    EndpointRoute,
    Instance,
    ModelsRoute,
    RouteTable,
    ServerlessRoute,
    VariantRoute,
)
from sagemaker_local.router.special import Special
from sagemaker_local.router.tables import changes


class Client:
    """Takes replies."""

    transport: Any = None
    stream: Any = None

    def __init__(self) -> None:
        self.replies: list[tuple[bytes, bytes]] = []

    def reply(self, head: bytes, body: bytes) -> None:
        self.replies.append((head, body))

    def send(self, *arguments: Any) -> None:
        raise AssertionError("nothing can be sent")

    def done(self, *, keep: bool) -> None:
        raise AssertionError("no reply was written")


class Call:
    """An empty call."""

    arrived, body, size, stream = 0.0, [b""], 0, False

    def __init__(self, **custom: str) -> None:
        self.custom = [
            (f"x-amzn-sagemaker-{name.replace('_', '-')}".encode(), value.encode()) for name, value in custom.items()
        ]
        self.headers = list(self.custom)


def told(variant: VariantRoute, call: Call, *, sweep: bool = False) -> tuple[bytes, bytes]:
    """The one reply to a call of an endpoint with one variant."""
    board, client = Board(), Client()
    route = EndpointRoute("1", "r", "e", "InService", (variant,))
    board.apply(changes(RouteTable(), RouteTable({route.key: route})))
    special = Special(board, RouterSettings("127.0.0.1", 1), set())
    special.invoke(client, call, board.targets[route.key])
    if sweep:
        board.sweep_gates(float("inf"))
        special.models.sweep(float("inf"), board.pools)
    [reply] = client.replies
    return reply


INSTANCES = (Instance("i-1", "127.0.0.1", 1, (1, 2)),)
SERVERLESS = VariantRoute("main", 1.0, serverless=ServerlessRoute(1))
MODELS = VariantRoute("main", 1.0, INSTANCES, models=ModelsRoute(cached=True))
DIRECT = VariantRoute("main", 1.0, INSTANCES, containers=ContainersRoute(("one", "two"), direct=True))
SERIAL = VariantRoute("main", 1.0, INSTANCES, containers=ContainersRoute(("one", "two"), direct=False))


@pytest.mark.parametrize(("variant", "custom"), [(SERVERLESS, {}), (MODELS, {"target_model": "a"})])
def test_what_takes_too_long_to_be_ready_is_429(variant: VariantRoute, custom: dict[str, str]) -> None:
    head, _ = told(variant, Call(**custom), sweep=True)
    assert head.startswith(b"HTTP/1.1 429 ")
    assert b"x-amzn-ErrorType: ModelNotReadyException\r\n" in head


@pytest.mark.parametrize(
    ("variant", "custom", "words"),
    [
        (MODELS, {}, "is missing a target model header"),
        (DIRECT, {}, "is missing a target container hostname header"),
        (DIRECT, {"target_container_hostname": "three"}, "It has: one, two."),
        (SERIAL, {"target_container_hostname": "one"}, "is not a multi-container endpoint"),
        (MODELS, {"target_model": "a", "session_id": "NEW_SESSION"}, "does not support session id header"),
        (SERIAL, {"session_id": "NEW_SESSION"}, "does not support session id header"),
        (SERIAL, {"target_model": "a"}, "is not a multi-model endpoint"),
    ],
)
def test_headers_that_a_variant_does_not_take_or_lacks(
    variant: VariantRoute, custom: dict[str, str], words: str
) -> None:
    head, body = told(variant, Call(**custom))
    assert head.startswith(b"HTTP/1.1 400 ")
    assert words in body.decode()


def test_without_an_instance_no_model_can_be_loaded() -> None:
    head, _ = told(VariantRoute("main", 1.0, models=ModelsRoute(cached=True)), Call(target_model="a"))
    assert head.startswith(b"HTTP/1.1 503 ")


def test_a_call_that_waits_for_its_model_keeps_its_instance() -> None:
    board, client = Board(), Client()
    route = EndpointRoute("1", "r", "e", "InService", (MODELS,))
    board.apply(changes(RouteTable(), RouteTable({route.key: route})))
    special = Special(board, RouterSettings("127.0.0.1", 1), set())
    special.invoke(client, Call(target_model="a"), board.targets[route.key])
    [pool] = board.pools.values()
    assert pool.outstanding == 1
    board.apply(changes(RouteTable({route.key: route}), RouteTable()))
    assert list(board.pools.values()) == [pool]  # so that the instance is not ended, nor forgotten, meanwhile
    special.models.sweep(0.0, board.pools)
    assert client.replies == []
    special.models.outcome(pool.address, "a", {"reason": "NoArchive", "text": "", "status": 0})
    assert len(client.replies) == 1
    assert (pool.outstanding, board.pools) == (0, {})


def test_a_call_is_under_way_before_its_connection_is_begun() -> None:
    async def play() -> tuple[int, int]:
        board, client, tasks = Board(), Client(), set[asyncio.Task[None]]()
        route = EndpointRoute("1", "r", "e", "InService", (VariantRoute("main", 1.0, INSTANCES),))
        board.apply(changes(RouteTable(), RouteTable({route.key: route})))
        endpoint = board.targets[route.key]
        [pool] = board.pools.values()
        Invocation(client, endpoint, endpoint.variants[0], b"", (1.0, 1.0), tasks).start()
        begun = pool.outstanding
        await asyncio.gather(*tasks)  # nobody listens there
        assert len(client.replies) == 1
        return begun, pool.outstanding

    assert asyncio.run(play()) == (1, 0)
