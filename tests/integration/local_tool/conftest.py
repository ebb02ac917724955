"""``sagemaker-local`` processes of a test's own, seen through unchanged boto3."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
import yaml
from botocore.config import Config

ACCOUNT, REGION = "111122223333", "eu-west-1"
CONTAINER = "registry.example/container:1"
_PATIENCE_SECONDS = 90

# A container that says who it is, and writes a line when it starts.
SCRIPT = """
import http.server, json, os
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer(200)
    def do_POST(self):
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        with open("/dev/null" if os.environ.get("ARCHIVE") is None else os.environ["SM_MODEL_DIR"] + "/word") as file:
            word = file.read()
        self.answer(500 if asked == b"fail" else 200, json.dumps({"pid": os.getpid(), "word": word}).encode())
    def log_message(self, *args):
        pass
print("<b>loading</b> the model", flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


def until(condition: Callable[[], Any], what: str) -> Any:
    """What the condition returns once that is true; the limit only keeps a broken test from hanging."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < end, f"{what} did not come true"
        time.sleep(0.02)
    return found


@dataclass
class Local:
    """A running ``sagemaker-local``."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    killed: bool = False
    clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    until = staticmethod(until)

    def client(self, service: str, account: str = ACCOUNT) -> Any:
        if (service, account) not in self.clients:
            self.clients[service, account] = boto3.client(
                service,  # type: ignore[call-overload]  # any service
                endpoint_url=self.url,
                region_name=REGION,
                aws_access_key_id=account,
                aws_secret_access_key="local",
                config=Config(retries={"total_max_attempts": 1}, read_timeout=60, s3={"addressing_style": "path"}),
            )
        return self.clients[service, account]

    @property
    def sagemaker(self) -> Any:
        return self.client("sagemaker")

    def get(self, path: str, **headers: str) -> tuple[str, Any]:
        """Content type and body."""
        request = urllib.request.Request(f"{self.url}/_local/{path}", headers=headers)
        with urllib.request.urlopen(request) as reply:
            return reply.headers["Content-Type"], reply.read()

    def admin(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/_local/{path}", data, method=method)) as reply:
            return json.loads(reply.read())

    def model(self, name: str, image: str = CONTAINER, url: str | None = None, **environment: str) -> None:
        container = {"Image": image, "Environment": environment} | ({"ModelDataUrl": url} if url else {})
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container)

    def config(self, name: str, count: int = 1, **weights: float) -> None:
        """Variants by their weights, each of the model of its name."""
        variants = [
            {
                "VariantName": each,
                "ModelName": each,
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": count,
                "InitialVariantWeight": weight,
            }
            for each, weight in weights.items()
        ]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)

    def endpoint(self, name: str, config: str) -> dict[str, Any]:
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        return self.status(name, "InService")

    def describe(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=name)
        return found

    def status(self, name: str, status: str) -> dict[str, Any]:
        """The endpoint once its status is this."""
        until(lambda: self.describe(name)["EndpointStatus"] == status, f"{name} {status}")
        return self.describe(name)

    def invoke(self, name: str, body: bytes = b"x", **fields: Any) -> Any:
        reply = self.client("sagemaker-runtime").invoke_endpoint(EndpointName=name, Body=body, **fields)
        return json.loads(reply["Body"].read())

    def kill(self) -> None:
        """As the machine's power would, but for what the kernel has; every process of it ends."""
        everything = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        self.process.wait()
        psutil.wait_procs(everything, timeout=_PATIENCE_SECONDS)
        self.killed = True


@dataclass(frozen=True)
class Starter:
    """Starts them, one after the other on the same state folder if told so."""

    folder: Path
    images: Path

    def command(self, *arguments: str) -> list[str]:
        flags = ["--create-seconds", "0.1", "--delete-seconds", "0", "--health-check-seconds", "0.3"]
        return [
            sys.executable,
            "-m",
            "sagemaker_local",
            "--port",
            "0",
            "--images",
            str(self.images),
            *flags,
            *arguments,
        ]

    @contextmanager
    def __call__(self, *arguments: str) -> Iterator[Local]:
        ready, log = self.folder / "ready.json", self.folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                self.command("--ready-file", str(ready), *arguments), stderr=output, start_new_session=True
            )
        try:
            until(lambda: ready.exists() or process.poll() is not None, "the ready file")
            assert ready.exists(), log.read_text()
            local = Local(json.loads(ready.read_text())["url"], process, log)
            yield local
        finally:
            process.terminate()
            process.wait(60)
            ready.unlink(missing_ok=True)
        assert "Traceback" not in log.read_text()


@pytest.fixture
def starter(tmp_path: Path) -> Starter:
    (tmp_path / "container.py").write_text(SCRIPT)
    rule = {"match": "registry.example/container:*", "command": [sys.executable, str(tmp_path / "container.py")]}
    (tmp_path / "images.yaml").write_text(yaml.safe_dump([rule]))
    return Starter(tmp_path, tmp_path / "images.yaml")


@pytest.fixture
def environment() -> dict[str, str]:
    """Without what would lead a client elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
