"""Multi-model endpoints: models are loaded when the router wants them, and unloaded when it is done with them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Protocol

from sagemaker_local.control.lifecycle.fleets import Fleets
from sagemaker_local.hosting.multi_model import ModelNotLoadedError, ModelStore

log = logging.getLogger(__name__)


class ModelRouter(Protocol):
    """The router's parent side."""

    async def model_outcome(self, address: tuple[str, int], model: str, outcome: Mapping[str, Any] | None) -> None:
        """The model is loaded, or why it is not."""

    async def evict(self, address: tuple[str, int], models: Sequence[str]) -> str | None:
        """One of the models, which gets no call from now on."""


class ModelLoads:
    """Hears of the router's multi-model variants."""

    def __init__(self, fleets: Fleets, router: ModelRouter) -> None:
        self._fleets = fleets
        self._router = router
        self._tasks: set[asyncio.Task[None]] = set()

    def wanted(self, event: Mapping[str, Any]) -> None:
        """``router.models.MODEL_WANTED``."""
        self._do(self._load(event))

    def unused(self, event: Mapping[str, Any]) -> None:
        """``router.models.MODEL_UNUSED``."""
        store = self._store(event)
        if store is not None:
            self._do(store.unload(event["model"]))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _store(self, event: Mapping[str, Any]) -> ModelStore | None:
        """Whatever its fleet is: one that leaves still answers the calls that it has."""
        return self._fleets.store_at(event["address"][1])

    async def _load(self, event: Mapping[str, Any]) -> None:
        host, port = event["address"]

        async def evict(models: Sequence[str]) -> str | None:
            return await self._router.evict((host, port), models)

        outcome: Mapping[str, Any] | None = {"reason": "Gone", "text": "", "status": 0}
        store = self._store(event)
        if store is not None:
            try:
                await store.load(event["model"], evict, lost=event["lost"])
                outcome = None
            except ModelNotLoadedError as error:
                outcome = {"reason": error.reason.value, "text": error.text, "status": error.status}
            except Exception:  # the calls that wait for the model must hear of it
                log.exception("Model %s was not loaded", event["model"])
                outcome = {"reason": "Internal", "text": "", "status": 0}
        await self._router.model_outcome((host, port), event["model"], outcome)

    async def close(self) -> None:
        """Leave what is under way."""
        tasks = list(self._tasks)
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
