"""A container of many models: each one loaded into a process of its own when it is asked for.

AWS: Custom Containers Contract for Multi-Model Endpoints. As in AWS's own containers a model's process ends when the
model is unloaded, so that scripts of the same name and the memory of their models do not get into each other's way.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import multiprocessing
import os
import signal
import socket
import sys
import traceback
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import NoReturn

import aiohttp
from aiohttp import web

from sagemaker_local.servers.serve import end_with_parent, serve_app

_OUT_OF_MEMORY = 3
"""Exit status of a process whose model found no memory."""

_MOST_BODY_BYTES = 100 * 1024 * 1024
_STOP_SECONDS = 10.0
_PASSED = ("Content-Type", "Accept", "X-Amzn-SageMaker-Custom-Attributes")


class LoadFailedError(Exception):
    """``status`` is 507 for want of memory, else 500."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model and its process."""

    name: str
    url: str
    port: int
    process: ForkServerProcess

    @property
    def document(self) -> dict[str, str]:
        """As the contract shows it."""
        return {"modelName": self.name, "modelUrl": self.url}


def run_multi_model(module: str) -> NoReturn:
    """Serve on SAGEMAKER_BIND_TO_PORT until SIGTERM. ``module`` is the model server, whose ``load`` loads a model."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sagemaker_local.servers.fork_server", module])
    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
    asyncio.run(_serve(ModelProcesses(context, module), port))
    sys.exit(0)


async def _serve(models: ModelProcesses, port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await asyncio.to_thread(models.warm_up)
    async with aiohttp.ClientSession(
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Accept-Encoding", "Content-Type", "Accept"),
    ) as session:
        runner = web.AppRunner(Contract(models, session).application(), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=2048).start()
        await stopped.wait()
        await runner.cleanup()
        await models.close()


class ModelProcesses:
    """The processes, forked from one that has imported the framework already."""

    def __init__(self, context: ForkServerContext, module: str) -> None:
        self._context = context
        self._module = module
        self._starting = asyncio.Lock()
        self.models: dict[str, Model] = {}

    def warm_up(self) -> None:
        """Return once the framework is imported. Blocks."""
        first = self._context.Process(target=os.getpid)
        first.start()
        first.join()
        first.close()

    async def load(self, name: str, url: str) -> Model:
        """Start a process; return once it answers. Raises LoadFailedError."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        port: int = listener.getsockname()[1]
        process = self._context.Process(target=_serve_model, args=(self._module, listener, url), name=name)
        async with self._starting:
            await asyncio.to_thread(process.start)
        listener.close()
        ended = asyncio.create_task(_ended(process))
        answered = asyncio.create_task(_first_ping(port))
        await asyncio.wait({answered, ended}, return_when=asyncio.FIRST_COMPLETED)
        if answered.done() and answered.exception() is not None:  # the process ended in between
            await ended
        died = ended.done()
        for each in (answered, ended):
            each.cancel()
        await asyncio.gather(answered, ended, return_exceptions=True)
        if died:
            raise _load_failure(process, name, url)
        model = self.models[name] = Model(name, url, port, process)
        return model

    def find(self, name: str) -> Model | None:
        """A loaded model; one whose process has died is loaded no more."""
        model = self.models.get(name)
        if model is not None and not model.process.is_alive():
            del self.models[name]
            return None
        return model

    async def unload(self, model: Model) -> None:
        """End the model's process after its last reply."""
        self.models.pop(model.name, None)
        model.process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await _ended(model.process)
        except TimeoutError:
            model.process.kill()
            await _ended(model.process)

    async def close(self) -> None:
        """End them all."""
        await asyncio.gather(*(self.unload(each) for each in list(self.models.values())))


def _load_failure(process: ForkServerProcess, name: str, url: str) -> LoadFailedError:
    if process.exitcode in (_OUT_OF_MEMORY, -signal.SIGKILL):
        return LoadFailedError(507, f"There is not enough memory to load {name}.")
    return LoadFailedError(500, f"The model at {url} could not be loaded; the log says why.")


class Contract:
    """The container's HTTP side."""

    def __init__(self, processes: ModelProcesses, session: aiohttp.ClientSession) -> None:
        self._processes = processes
        self._session = session
        self._loading: set[str] = set()

    def application(self) -> web.Application:
        """With every path of the contract."""
        app = web.Application(client_max_size=_MOST_BODY_BYTES)
        app.router.add_get("/ping", self._ping)
        app.router.add_get("/models", self._list)
        app.router.add_post("/models", self._load)
        app.router.add_get("/models/{name}", self._show)
        app.router.add_delete("/models/{name}", self._unload)
        app.router.add_post("/models/{name}/invoke", self._invoke)
        return app

    async def _ping(self, request: web.Request) -> web.Response:
        return web.Response(text="\n", content_type="application/json")

    async def _list(self, request: web.Request) -> web.Response:
        found = [self._processes.find(each) for each in list(self._processes.models)]
        return web.json_response({"models": [each.document for each in found if each is not None]})

    def _found(self, request: web.Request) -> Model:
        name = request.match_info["name"]
        model = self._processes.find(name)
        if model is None:
            raise web.HTTPNotFound(text=f"Model {name} is not loaded.")
        return model

    async def _show(self, request: web.Request) -> web.Response:
        return web.json_response(self._found(request).document)

    async def _load(self, request: web.Request) -> web.Response:
        try:
            asked = await request.json()
            name, url = str(asked["model_name"]), str(asked["url"])
        except (ValueError, KeyError, TypeError) as error:
            raise web.HTTPBadRequest(text="The body must be JSON with model_name and url.") from error
        if name in self._loading or self._processes.find(name) is not None:
            raise web.HTTPConflict(text=f"Model {name} is loaded already.")
        self._loading.add(name)
        try:
            model = await self._processes.load(name, url)
        except LoadFailedError as error:
            return web.Response(status=error.status, text=error.message)
        finally:
            self._loading.discard(name)
        return web.json_response(model.document)

    async def _unload(self, request: web.Request) -> web.Response:
        await self._processes.unload(self._found(request))
        return web.Response()

    async def _invoke(self, request: web.Request) -> web.Response:
        model = self._found(request)
        headers = {name: request.headers[name] for name in _PASSED if name in request.headers}
        url = f"http://127.0.0.1:{model.port}/invocations"
        try:
            async with self._session.post(url, data=await request.read(), headers=headers) as reply:
                kind = reply.headers.get("Content-Type", "application/octet-stream")
                return web.Response(status=reply.status, body=await reply.read(), headers={"Content-Type": kind})
        except aiohttp.ClientError:
            return web.Response(status=500, text=f"The process of model {model.name} ended.")


async def _first_ping(port: int) -> None:
    """The connection is taken as soon as the process listens; it is answered once the model is loaded."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET /ping HTTP/1.1\r\nHost: model\r\nConnection: close\r\n\r\n")
        await reader.readline()
    finally:
        writer.close()


async def _ended(process: ForkServerProcess) -> None:
    """Return at the end of the process."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    loop.add_reader(process.sentinel, done.set)
    try:
        await done.wait()
    finally:
        loop.remove_reader(process.sentinel)
    process.join()


def _serve_model(module: str, listener: socket.socket, url: str) -> None:
    """The process of one model. What loading prints is the container's log."""
    end_with_parent(os.getppid())
    load = importlib.import_module(module).load
    try:
        app = load(Path(url))
    except MemoryError:
        traceback.print_exc()
        sys.exit(_OUT_OF_MEMORY)
    except Exception:  # the script is somebody else's
        traceback.print_exc()
        sys.exit(1)
    with contextlib.suppress(KeyboardInterrupt):
        serve_app(listener, app)
