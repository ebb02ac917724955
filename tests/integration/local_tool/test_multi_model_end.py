"""A multi-model server that is killed leaves no process, though its models are loaded."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from .conftest import until

SERVER = "from sagemaker_local.servers.multi_model import run_multi_model; run_multi_model('model_of_the_test')"
MODEL = "def load(folder): return None"


def test_a_killed_server_leaves_neither_its_fork_server_nor_its_models(tmp_path: Path) -> None:
    (tmp_path / "model_of_the_test.py").write_text(MODEL)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    paths = os.pathsep.join([str(tmp_path), *sys.path])
    environment = {**os.environ, "PYTHONPATH": paths, "SAGEMAKER_BIND_TO_PORT": str(port)}
    server = subprocess.Popen([sys.executable, "-c", SERVER], env=environment)
    children: list[psutil.Process] = []
    try:
        until(lambda: _answers(port), "the server")
        for name in ("a", "b"):
            body = json.dumps({"model_name": name, "url": str(tmp_path)}).encode()
            urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/models", body)).close()
        children = psutil.Process(server.pid).children(recursive=True)
        assert len(children) >= 3  # the fork server and two models
        server.kill()
        server.wait()
        assert psutil.wait_procs(children, timeout=30)[1] == []
    finally:
        server.kill()
        server.wait()
        for each in children:
            if each.is_running():
                each.kill()


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/ping").close()
    except urllib.error.URLError:
        return False
    return True
