"""The models in one multi-model container: fetched, loaded, unloaded (AWS: Custom Containers Contract for Multi-Model
Endpoints)."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from time import perf_counter

import aiohttp

from sagemaker_local.hosting.archive import ArchiveRefusedError
from sagemaker_local.hosting.load_times import LoadTimes, Step
from sagemaker_local.hosting.model_data import fetch
from sagemaker_local.hosting.server import ModelServer
from sagemaker_local.hosting.settings import HostSettings
from sagemaker_local.hosting.storage import DownloadError, Storage, StorageUnreachableError
from sagemaker_local.hosting.types import FleetSpec
from sagemaker_local.router.model_names import container_name

TARGET_MODEL = "X-Amzn-SageMaker-Target-Model"
_OUT_OF_MEMORY, _ALREADY_LOADED = 507, 409
_MOST_REPLY_BYTES = 64 * 1024

Evict = Callable[[Sequence[str]], Awaitable[str | None]]
"""Chooses one of these models to be unloaded, which gets no call from then on; None when all of them are in use."""


class NotLoaded(StrEnum):
    """Why a model was not loaded."""

    NO_ARCHIVE = "NoArchive"
    BAD_ARCHIVE = "BadArchive"
    CONTAINER = "Container"
    DEPENDENCY = "Dependency"


class ModelNotLoadedError(Exception):
    """``status`` is the container's answer where that was the reason, 0 without one; ``text`` says more."""

    def __init__(self, reason: NotLoaded, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
        self.status = status


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in the container's memory. It counts with the bytes of its unpacked files."""

    name: str
    folder: Path
    size: int


@dataclass(frozen=True, slots=True)
class StoreTools:
    """What a store needs of its fleet. ``in_thread`` runs a blocking call off the event loop."""

    settings: HostSettings
    storage: Storage
    in_thread: Callable[..., Awaitable[None]]
    say: Callable[[str], None]
    times: LoadTimes


class ModelStore:
    """The models of one container. It forgets them when the container is started again."""

    def __init__(self, server: ModelServer, spec: FleetSpec, tools: StoreTools, base: Path) -> None:
        self._server = server
        self._spec = spec
        self._tools = tools
        self._base = base
        self._variant = ((spec.account, spec.region, spec.endpoint_name), spec.variant_name)
        self._port = server.port
        self._models: dict[str, Loaded] = {}
        self._numbers = itertools.count()
        self._changing = asyncio.Lock()

    @property
    def models(self) -> tuple[str, ...]:
        """What is loaded, by TargetModel."""
        return tuple(self._models) if self._server.port == self._port else ()

    async def check(self) -> str | None:
        """None when the container answers GET /models as it must, else what it does."""
        try:
            status, _ = await self._ask("GET", "/models", self._tools.settings.ping_timeout_seconds)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            return f"it does not: {error or 'no answer in time'}"
        return None if status == 200 else f"it answers {status}."

    async def load(self, target: str, evict: Evict, *, lost: bool = False) -> None:
        """Return once the container has the model; ``lost``: it said that it has not. Raises ModelNotLoadedError."""
        if self._server.port != self._port:
            self._port = self._server.port
            former, self._models = list(self._models.values()), {}
            await self._discard(former)
        known = self._models.get(target)
        if known is not None and (not lost or await self._has(known)):
            return
        self._models.pop(target, None)
        folder = self._base / "models" / f"{container_name(target)}-{next(self._numbers)}"
        try:
            await self._fetch(target, folder)
            async with self._changing:
                loaded = Loaded(container_name(target), folder, await asyncio.to_thread(_size, folder))
                await self._make_room(loaded.size, evict)
                await self._post(target, loaded, evict)
        except ModelNotLoadedError as error:
            self._tools.say(f"[sagemaker-local] Model {target} was not loaded: {error.text}")
            await self._tools.in_thread(_remove, folder)
            raise
        self._models[target] = loaded
        self._tools.say(f"[sagemaker-local] Model {target} is loaded: {loaded.size} bytes.")

    async def unload(self, target: str) -> None:
        """Take a model out of the container."""
        loaded = self._models.pop(target, None)
        if loaded is None:
            return
        async with self._changing:
            await self._delete(target, loaded)

    async def _fetch(self, target: str, folder: Path) -> None:
        prefix = self._spec.containers[0].model_data_url or ""
        url = f"{prefix.rstrip('/')}/{target.lstrip('/')}"
        (folder / "model").mkdir(parents=True)
        tools, began = self._tools, perf_counter()
        try:
            await tools.in_thread(fetch, self._spec, url, tools.settings, tools.storage, folder)
        except StorageUnreachableError as error:
            raise ModelNotLoadedError(NotLoaded.DEPENDENCY, str(error)) from error
        except DownloadError as error:
            raise ModelNotLoadedError(NotLoaded.NO_ARCHIVE, f"{url}: {error}") from error
        except ArchiveRefusedError as error:
            raise ModelNotLoadedError(NotLoaded.BAD_ARCHIVE, f"{url}: {error}") from error
        except OSError as error:
            raise ModelNotLoadedError(NotLoaded.CONTAINER, f"no room for {url}: {error}", _OUT_OF_MEMORY) from error
        self._took(Step.DOWNLOADING, began)

    def _took(self, step: Step, began: float) -> None:
        self._tools.times.add(self._variant, step, perf_counter() - began)

    async def _make_room(self, size: int, evict: Evict) -> None:
        limit = self._tools.settings.multi_model_memory_bytes
        while size + sum(each.size for each in self._models.values()) > limit:
            if not await self._evicted(evict):
                text = f"{size} bytes are more than is free of {limit}, which is the limit of one container's models"
                raise ModelNotLoadedError(NotLoaded.CONTAINER, text, _OUT_OF_MEMORY)

    async def _evicted(self, evict: Evict) -> bool:
        victim = await evict(tuple(self._models))
        loaded = self._models.pop(victim, None) if victim is not None else None
        if victim is None or loaded is None:
            return False
        await self._delete(victim, loaded)
        return True

    async def _post(self, target: str, loaded: Loaded, evict: Evict) -> None:
        """Load it; a container that is out of memory is asked again after each model that could be unloaded."""
        body = {"model_name": loaded.name, "url": str(loaded.folder / "model")}
        seconds = self._tools.settings.model_load_timeout_seconds
        while True:
            began = perf_counter()
            try:
                status, text = await self._ask("POST", "/models", seconds, target, body)
            except TimeoutError as error:
                raise ModelNotLoadedError(NotLoaded.CONTAINER, f"it took longer than {seconds:g} s") from error
            except (aiohttp.ClientError, OSError) as error:
                raise ModelNotLoadedError(NotLoaded.CONTAINER, f"the container is gone: {error}") from error
            if 200 <= status < 300:
                self._took(Step.LOADING, began)
                return
            if status == _ALREADY_LOADED:
                return
            if status != _OUT_OF_MEMORY or not await self._evicted(evict):
                raise ModelNotLoadedError(NotLoaded.CONTAINER, text, status)

    async def _has(self, loaded: Loaded) -> bool:
        try:
            status, _ = await self._ask("GET", f"/models/{loaded.name}", self._tools.settings.ping_timeout_seconds)
        except (TimeoutError, aiohttp.ClientError, OSError):
            return False
        return status == 200

    async def _delete(self, target: str, loaded: Loaded) -> None:
        seconds, began = self._tools.settings.model_load_timeout_seconds, perf_counter()
        try:
            status, _ = await self._ask("DELETE", f"/models/{loaded.name}", seconds, target)
            if status == 200:
                self._took(Step.UNLOADING, began)
            self._tools.say(f"[sagemaker-local] Model {target} is unloaded.")
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            self._tools.say(f"[sagemaker-local] Model {target} was not unloaded: {error}")
        await self._discard([loaded])

    async def _discard(self, models: Sequence[Loaded]) -> None:
        for each in models:
            await self._tools.in_thread(_remove, each.folder)

    async def _ask(
        self, method: str, path: str, seconds: float, target: str = "", body: dict[str, str] | None = None
    ) -> tuple[int, str]:
        headers = {"Accept": "application/json"}
        if target:
            headers[TARGET_MODEL] = target
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = f"http://127.0.0.1:{self._server.port}{path}"
        data = None if body is None else json.dumps(body)
        async with (
            asyncio.timeout(seconds),
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session,
            session.request(method, url, data=data, headers=headers) as reply,
        ):
            return reply.status, (await reply.content.read(_MOST_REPLY_BYTES)).decode("utf-8", "replace")


def _size(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
