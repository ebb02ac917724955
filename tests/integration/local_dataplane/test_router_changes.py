"""The router while its table and its instances change: no call is lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

from sagemaker_local.router.routes import Instance, RoutingStrategy, VariantRoute
from testkit.load import Load


def test_a_blue_green_switch_under_load_loses_no_call(world: Any) -> None:
    async def go() -> None:
        async with world() as here:
            blue = await here.named("blue", 2)
            await here.serve(blue)
            load = Load(here.public, "fraud", 16)
            await load.reach(200)
            for turn in range(4):
                green = await here.named(f"green{turn}", 2)
                await here.serve(green)
                await here.router.drained(
                    Instance(each.instance_id, "127.0.0.1", each.port) for each in blue.instances if each.port
                )
                await blue.stop()
                await load.reach(200)
                blue = green
            await load.end()
            assert not load.failed
            assert set(load.variants) == {"blue", *(f"green{turn}" for turn in range(4))}

    asyncio.run(go())


def test_a_killed_instance_under_load_loses_no_call(world: Any) -> None:
    async def go() -> None:
        async with world() as here:
            main = await here.named("main", 2)
            await here.serve(main)
            load = Load(here.public, "fraud", 8)
            await load.reach(100)
            os.kill(main.instances[0].pid, signal.SIGKILL)
            await here.until(lambda: main.instances[0].restarts == 1 and here.in_service(main))
            await here.serve(main)
            await load.reach(100)
            await load.end()
            assert not load.failed

    asyncio.run(go())


def test_draining_waits_for_the_request_under_way(world: Any, tmp_path: Path) -> None:
    async def go() -> None:
        async with world() as here:
            old = await here.named("old")
            await here.serve(old)
            calling = asyncio.create_task(here.invoke(b"sleep 1.5"))
            await here.until(lambda: bool(list(tmp_path.glob("fleets/*/model/busy"))))
            await here.publish("fraud", VariantRoute("new", 1, echo=True))
            assert (await here.invoke(b"quick"))["InvokedProductionVariant"] == "new"
            await here.router.drained(old.routes)
            await old.stop()
            assert json.loads((await calling)["Body"])["name"] == "old"

    asyncio.run(go())


def test_least_outstanding_requests_avoids_the_busy_instance(world: Any, tmp_path: Path) -> None:
    async def go() -> None:
        async with world() as here:
            main = await here.named("main", 2)
            strategy = RoutingStrategy.LEAST_OUTSTANDING_REQUESTS
            await here.publish("fraud", VariantRoute("main", 1, main.routes, strategy=strategy))
            slow = asyncio.create_task(here.invoke(b"sleep 2"))
            await here.until(lambda: bool(list(tmp_path.glob("fleets/*/model/busy"))))
            quick = {json.loads((await here.invoke(b"1"))["Body"])["pid"] for _ in range(20)}
            assert not slow.done()
            assert quick == {each.pid for each in main.instances} - {json.loads((await slow)["Body"])["pid"]}

    asyncio.run(go())


def test_a_killed_router_comes_back_on_its_port_with_its_table(world: Any) -> None:
    async def go() -> None:
        async with world() as here:
            await here.publish("e", VariantRoute("v", 1, echo=True))
            first = here.router.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            await here.until(lambda: here.router.pid not in (None, first))
            assert (await here.invoke(b"still here", "e"))["Body"] == b"still here"
            await here.publish("f", VariantRoute("v", 1, echo=True))
            assert (await here.invoke(b"new", "f"))["Body"] == b"new"

    asyncio.run(go())
