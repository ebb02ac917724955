"""A pipeline's call between its containers, with connections that are moved by hand."""

from __future__ import annotations

import asyncio
from typing import Any

from sagemaker_local.router.board import Board
from sagemaker_local.router.pipeline import PipelineInvocation
from sagemaker_local.router.pool import ModelConnection, Pool
from sagemaker_local.router.routes import ContainersRoute, EndpointRoute, Instance, RouteTable, VariantRoute
from sagemaker_local.router.tables import changes

ADDRESSES = [("127.0.0.1", each) for each in (1, 2)]
INSTANCE = Instance("i-1", "127.0.0.1", 1, (1, 2))
ROUTE = EndpointRoute(
    "1", "r", "e", "InService", (VariantRoute("main", 1.0, (INSTANCE,), containers=ContainersRoute(("a", "b"), False)),)
)
REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: text/a\r\ncontent-length: 3\r\n\r\n"


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: asyncio.Queue[bytes] = asyncio.Queue()

    def write(self, data: bytes) -> None:
        self.written.put_nowait(data)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass

    abort = close


class SlowWay(PipelineInvocation):
    """The connection to a later container comes when the test says so."""

    opened: asyncio.Future[ModelConnection]

    async def _open(self, pool: Pool) -> ModelConnection:
        found = await self.opened
        pool.busy.add(found)
        return found


class Caller:
    """Takes the reply."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def reply(self, head: bytes, body: bytes) -> None:
        self.bodies.append(body)


def test_an_instance_is_not_drained_between_its_containers() -> None:
    async def go() -> None:
        board, caller, tasks = Board(), Caller(), set[Any]()
        board.apply(changes(RouteTable(), RouteTable({ROUTE.key: ROUTE})))
        target = board.targets[ROUTE.key]
        first, second = (ModelConnection(board.pools[each]) for each in ADDRESSES)
        transports: list[Any] = [Transport(), Transport()]
        first.connection_made(transports[0])
        second.connection_made(transports[1])
        board.pools[ADDRESSES[0]].idle.append(first)
        arguments = ([], caller, target, target.variants[0], b"POST", (1.0, 60.0), tasks)
        invocation = SlowWay([], [], *arguments)
        invocation.opened = asyncio.get_running_loop().create_future()
        invocation.start()
        board.apply(changes(RouteTable({ROUTE.key: ROUTE}), RouteTable()))
        drained = asyncio.create_task(board.drained(set(ADDRESSES)))
        first.data_received(REPLY + b"one")
        await asyncio.sleep(0)  # so that the task above would be done
        assert not drained.done()
        invocation.opened.set_result(second)
        wire = await transports[1].written.get()
        assert b"content-type: text/a\r\n" in wire
        assert wire.endswith(b"one")
        second.data_received(REPLY + b"two")
        await drained
        assert caller.bodies == [b"two"]

    asyncio.run(go())
