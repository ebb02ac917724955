"""The control plane without a server, without processes and with a clock that stands: one account, endpoints of one
variant ``a``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any

from sagemaker_local.control.faults import Faults
from sagemaker_local.control.lifecycle.changes import Workbench
from sagemaker_local.control.lifecycle.clock import ManualClock
from sagemaker_local.control.lifecycle.engine import Engine
from sagemaker_local.control.lifecycle.fleets import Fleets
from sagemaker_local.control.lifecycle.routes import Routes
from sagemaker_local.control.operations.registry import OPERATIONS
from sagemaker_local.control.state.endpoint import Endpoint, EndpointStatus
from sagemaker_local.control.state.store import Store
from sagemaker_local.control.wire.decoding import decode
from sagemaker_local.scaling.scaler import Scaler
from testkit.hosting import Host, Mistakes, Router

ACCOUNT, REGION = "111122223333", "eu-west-1"
IMAGES = ("good", "bad", "slow")
COUNTS = (1, 4)
_TURNS = 60
_ENGINE_LOG = "sagemaker_local.control.lifecycle"


class Plane:
    """There is a model for each of ``IMAGES``, and a configuration ``<image>-<count>`` for each of ``COUNTS`` too.

    ``edges`` are the steps that the records' statuses took, ``mistakes`` what the engine gave up on; ``firing`` are
    the names of the alarms in ALARM.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.mistakes, self.edges = Mistakes(), list[tuple[EndpointStatus, EndpointStatus]]()
        self.firing: list[str] = []
        logging.getLogger(_ENGINE_LOG).addHandler(self.mistakes)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The work's result, once what it set off has gone as far as it can while the clock stands."""

        async def all_of_it() -> Any:
            found = await work
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            return found

        return self.loop.run_until_complete(all_of_it())

    def start(self) -> None:
        """With models and configurations, and without endpoints."""
        self.host, self.router, self.clock, self.faults = Host(), Router(), ManualClock(), Faults()
        self.store = Store(lambda key: self.engine.wake(key))
        self.routes = Routes(self.router)
        self.fleets = Fleets(self.host, self.routes)  # type: ignore[arg-type]  # it asks for a part of it only
        bench = Workbench(self.clock, self.store, self.fleets, self.routes, self.faults, 2.0, 1.0, self._firing)
        self.engine = Engine(bench)
        self.scaler = Scaler(self.store, self.clock.now)
        self.state = self.store.of(ACCOUNT, REGION)
        self._watch()
        self.run(self._prepare())

    def end(self) -> None:
        """For good."""
        if hasattr(self, "engine"):
            self.run(self.engine.close())
        logging.getLogger(_ENGINE_LOG).removeHandler(self.mistakes)
        self.loop.close()

    async def _firing(self, account: str, region: str, wanted: Iterable[str]) -> list[str]:
        return [each for each in wanted if each in self.firing]

    def _watch(self) -> None:
        """Write down every step that a record takes."""
        put = self.state.endpoints.put

        def watched(record: Endpoint) -> None:
            before = self.state.endpoints.get(record.name)
            if before is not None and before.status is not record.status:
                self.edges.append((before.status, record.status))
            put(record)

        self.state.endpoints.put = watched  # type: ignore[method-assign]

    async def _prepare(self) -> None:
        for image in IMAGES:
            self.call("CreateModel", ModelName=image, PrimaryContainer={"Image": image})
            variant = {"VariantName": "a", "ModelName": image, "InstanceType": "ml.m5.large"}
            for count in COUNTS:
                self.call(
                    "CreateEndpointConfig",
                    EndpointConfigName=f"{image}-{count}",
                    ProductionVariants=[variant | {"InitialInstanceCount": count}],
                )

    def call(self, name: str, **members: Any) -> None:
        """An operation, in a turn of ``run``. Raises ApiError."""
        operation = OPERATIONS[name]
        operation.behaviour(self.state, decode(operation.input_type, members), self.clock.now())

    def owned(self, endpoint: Endpoint) -> set[Any]:
        """Every fleet of the endpoint, whatever its part."""
        key = endpoint.key
        groups = (self.fleets.of(key), self.fleets.joining(key), self.fleets.starting(key), self.fleets.stranded(key))
        return {fleet for group in groups for fleet in group.values()}
