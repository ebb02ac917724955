"""``… serve``: the argument that SageMaker runs every container with."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import uvloop

from sagemaker_local.servers.app import App
from sagemaker_local.servers.http_server import Server

AppFactory = Callable[[Path], App]

_PR_SET_PDEATHSIG = 1


def run(framework: str, installed: str, load: AppFactory) -> NoReturn:
    """Serve the model at SM_MODEL_DIR on SAGEMAKER_BIND_TO_PORT with SAGEMAKER_MODEL_SERVER_WORKERS processes.

    ``load`` is called in every worker, before it answers /ping: a model that cannot be loaded is never healthy.
    """
    if sys.argv[1:] != ["serve"]:
        sys.exit(f"usage: python -m sagemaker_local.servers.{framework}_server serve")
    image = os.environ.get("SAGEMAKER_LOCAL_IMAGE", "")
    wanted = image.rpartition(":")[2].partition("-")[0] if image else ""
    if wanted and not installed.startswith(wanted + "."):
        _say(f"The image {image} asks for {framework} {wanted}; it is served by the installed {installed}.")
    if os.environ.get("SAGEMAKER_MULTI_MODEL") == "true":
        from sagemaker_local.servers.multi_model import run_multi_model  # it imports this module

        run_multi_model(f"sagemaker_local.servers.{framework}_server")
    model_dir = Path(os.environ.get("SM_MODEL_DIR", "/opt/ml/model"))
    workers = _workers()
    listener = socket.create_server(("127.0.0.1", int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))), backlog=2048)
    if workers == 1:
        _work(listener, model_dir, load)
    _supervise(workers, listener, model_dir, load)


def _say(text: str) -> None:
    print(f"[sagemaker-local] {text}", flush=True)  # noqa: T201 - the container's log


def _workers() -> int:
    text = os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or "1"
    if not text.isdigit() or not 1 <= int(text) <= 64:
        sys.exit(f"SAGEMAKER_MODEL_SERVER_WORKERS={text}: must be a number from 1 to 64")
    return int(text)


def _work(listener: socket.socket, model_dir: Path, load: AppFactory) -> NoReturn:
    try:
        app = load(model_dir)
    except Exception:  # the script is somebody else's
        traceback.print_exc()
        sys.exit(1)
    serve_app(listener, app)
    sys.exit(0)


def serve_app(listener: socket.socket, app: App) -> None:
    """Answer until SIGTERM."""

    async def serve() -> None:
        await Server(app).run(listener)

    uvloop.run(serve())


def end_with_parent(parent: int) -> None:
    """This process is killed when its parent ends; now, if that was before."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


def _supervise(workers: int, listener: socket.socket, model_dir: Path, load: AppFactory) -> NoReturn:
    """Fork the workers and start again the ones that die. A worker that cannot load its model ends them all."""
    running = {_fork(listener, model_dir, load) for _ in range(workers)}

    def stop(_signal: int, _frame: object) -> None:
        for pid in running:
            os.kill(pid, signal.SIGTERM)
        for pid in running:
            os.waitpid(pid, 0)
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    while True:
        pid, status = os.wait()
        running.discard(pid)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 1:
            for other in running:
                os.kill(other, signal.SIGKILL)
            sys.exit(1)
        _say(f"Worker {pid} ended; another takes its place.")
        running.add(_fork(listener, model_dir, load))


def _fork(listener: socket.socket, model_dir: Path, load: AppFactory) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent(parent)
    _work(listener, model_dir, load)
