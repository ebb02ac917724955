"""A serverless variant in the router alone: what it tells its parent, and the cold start that it measures."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from sagemaker_local.router.process import RouterProcess, RouterSettings
from sagemaker_local.router.routes import EndpointRoute, Instance, RouteTable, ServerlessRoute, VariantRoute
from testkit.clients import ACCOUNT, REGION, client


def table(*instances: Instance, most: int = 5) -> RouteTable:
    variant = VariantRoute("main", 1.0, instances, serverless=ServerlessRoute(most))
    route = EndpointRoute(ACCOUNT, REGION, "fraud", "InService", (variant,))
    return RouteTable({route.key: route})


async def model(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    writer.close()


def test_a_call_waits_for_its_environment_and_the_cold_start_is_measured() -> None:
    async def go() -> None:
        events: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        server = await asyncio.start_server(model, "127.0.0.1", 0)
        router = RouterProcess(RouterSettings("127.0.0.1", 9), events.put_nowait)
        port = await router.start()
        runtime = client(f"http://127.0.0.1:{port}", "sagemaker-runtime")

        def invoke() -> bytes:
            body: bytes = runtime.invoke_endpoint(EndpointName="fraud", Body=b"x")["Body"].read()
            return body

        async def heard(state: str) -> Mapping[str, Any]:
            while (event := await events.get())["state"] != state:
                pass
            return event

        try:
            await router.publish(table())
            assert (await heard("idle"))["key"] == [ACCOUNT, REGION, "fraud"]
            call = asyncio.create_task(asyncio.to_thread(invoke))
            await heard("busy")
            wanted = await heard("wanted")
            assert (wanted["event"], wanted["variant"], wanted["wanted"]) == ("environments", "main", 1)
            await router.publish(table(Instance("i-1", "127.0.0.1", server.sockets[0].getsockname()[1])))
            assert await call == b"ok"
            assert await asyncio.to_thread(invoke) == b"ok"
            [counts] = (await router.counts()).values()
            assert (counts.invocations, counts.model_setups) == (2, 1)
            assert counts.model_setup_time_microseconds > 0
            await heard("idle")
        finally:
            await router.close()
            server.close()
            await server.wait_closed()

    asyncio.run(go())
