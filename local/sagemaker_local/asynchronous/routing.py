"""The router as the control plane sees it, with the asynchronous endpoints' share of its work."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from sagemaker_local.asynchronous.dispatcher import Dispatcher
from sagemaker_local.router.process import RouterProcess
from sagemaker_local.router.routes import Instance, RouteTable


class BothRouters:
    """Tables and drains go to the router process and to the dispatcher."""

    def __init__(self, router: RouterProcess, dispatcher: Dispatcher) -> None:
        self._router = router
        self._dispatcher = dispatcher

    async def publish(self, table: RouteTable) -> None:
        """Return when new requests are routed by the table."""
        await self._router.publish(table)
        self._dispatcher.table_changed(table)

    async def drained(self, instances: Iterable[Instance]) -> None:
        """Return when no request is under way to the instances, at the latest after their time-outs."""
        leaving = tuple(instances)
        await asyncio.gather(self._router.drained(leaving), self._dispatcher.drained(leaving))
