"""``sagemaker-local`` as a process, with a container whose every step the tests decide."""

from __future__ import annotations

import functools
import itertools
import json
import os
import subprocess
import sys
import time
import urllib.error
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
from botocore.exceptions import ClientError

ACCOUNT, REGION, BUCKET = "111122223333", "eu-west-1", "data"
ECHO, CONTAINER = "local://echo", "registry.example/container:1"
ROLE = "arn:aws:iam::111122223333:role/serving"
_PATIENCE_SECONDS = 60

# Does what the JSON in the body says: status, type, headers, say, chunks, gate, cut, garbage, touch. HOLD is a gate for
# every call, STATUS the status of every reply.
# A gate is a file that it waits for; with chunks the gate is waited for after each of them.
SCRIPT = """
import http.server, json, os, socket, sys, time
if os.environ.get("MODE") == "crash":
    sys.exit("cannot go on")
def wait(path):
    while path and not os.path.exists(path):
        time.sleep(0.01)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def do_POST(self):
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            asked = json.loads(raw)
            asked = asked if isinstance(asked, dict) else {}
        except ValueError:
            asked = {}
        if asked.get("touch"):
            with open(asked["touch"], "a") as file:
                file.write("x")
        wait(os.environ.get("HOLD"))
        self.send_response(int(os.environ.get("STATUS", asked.get("status", 200))))
        self.send_header("Content-Type", asked.get("type", "application/json"))
        for name, value in asked.get("headers", {}).items():
            self.send_header(name, value)
        if "chunks" in asked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for number, each in enumerate(asked["chunks"]):
                self.wfile.write(b"%x\\r\\n%b\\r\\n" % (len(each), each.encode()))
                if asked.get("gate"):
                    wait(asked["gate"] + str(number))
            if asked.get("garbage"):
                self.wfile.write(b"this is no chunk\\r\\n")
            elif asked.get("cut"):
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
            else:
                self.wfile.write(b"0\\r\\n\\r\\n")
            return
        wait(asked.get("gate"))
        seen = {"pid": os.getpid(), "headers": {k.lower(): v for k, v in self.headers.items()}, "size": len(raw)}
        body = asked["say"].encode() if "say" in asked else json.dumps(seen).encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    def handle_error(self, request, client_address):
        pass
Server(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


def until(condition: Callable[[], Any], what: str = "the condition") -> Any:
    """What the condition returns once that is true; the limit only keeps a broken test from hanging."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < end, f"{what} did not come true"
        time.sleep(0.02)
    return found


@functools.cache
def client(url: str, service: str) -> Any:
    """Making one takes longer than most calls here."""
    return boto3.client(
        service,  # type: ignore[call-overload]  # any service
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="fake",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
    )


@dataclass(frozen=True)
class Local:
    """A running ``sagemaker-local``."""

    url: str
    process: subprocess.Popen[bytes]
    until = staticmethod(until)

    def client(self, service: str) -> Any:
        return client(self.url, service)

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """The JSON that the admin API answers."""
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/_local/{path}", data, method=method)) as reply:
            return json.loads(reply.read())

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        """Every object of the bucket below a prefix."""
        s3 = self.client("s3")
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]
        return {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}

    def put(self, key: str, body: bytes) -> str:
        self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[Local]:
    """A process of its own, ended with SIGTERM."""
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "sagemaker_local", "--port", "0", "--ready-file", str(ready), *arguments]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, stderr=log, start_new_session=True)
    try:
        until(lambda: ready.exists() or process.poll() is not None, "the ready file")
        assert ready.exists(), (folder / "log").read_text()
        local = Local(json.loads(ready.read_text())["url"], process)
        s3 = local.client("s3")
        if not s3.list_buckets()["Buckets"]:  # else the state folder kept it
            s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        children = psutil.Process(process.pid).children(recursive=True)
        yield local
    finally:
        process.terminate()
        process.wait(60)
    assert not psutil.wait_procs(children, 10)[1]
    assert "Traceback" not in (folder / "log").read_text(), (folder / "log").read_text()


# A multi-model container (AWS: Custom Containers Contract for Multi-Model Endpoints). A model is what its file ``say``
# has; MOST_MODELS of them have room. The JSON in a call's body says: gate, touch, forget (once).
MODELS_SCRIPT = """
import http.server, json, os, time
models, loads = {}, []
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, status, found):
        body = found if isinstance(found, bytes) else json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        name = self.path.rpartition("/")[2]
        if self.path == "/ping":
            self.answer(200, {})
        elif self.path == "/models" and os.environ.get("NO_MODELS"):
            self.answer(404, {})
        elif self.path == "/models":
            self.answer(200, {"models": [{"modelName": each} for each in models]})
        else:
            self.answer(200 if name in models else 404, {})
    def do_DELETE(self):
        self.answer(200 if models.pop(self.path.rpartition("/")[2], None) else 404, {})
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        target = self.headers["X-Amzn-SageMaker-Target-Model"]
        if self.path == "/models":
            with open(os.path.join(asked["url"], "say")) as file:
                said = file.read()
            if said == "slow":
                open(os.environ["GATE"] + ".begun", "w").close()
                while not os.path.exists(os.environ["GATE"]):
                    time.sleep(0.01)
            loads.append(target)
            if said == "broken":
                self.answer(500, b"this model is broken")
            elif asked["model_name"] in models:
                self.answer(409, {})
            elif len(models) >= int(os.environ.get("MOST_MODELS", "99")):
                self.answer(507, b"no room")
            else:
                models[asked["model_name"]] = said
                self.answer(200, {})
            return
        name = self.path.split("/")[2]
        if asked.get("forget") and not os.path.exists(asked["forget"]):
            open(asked["forget"], "w").close()
            models.clear()
        if name not in models:
            self.answer(404, {})
            return
        if asked.get("touch"):
            open(asked["touch"], "w").close()
        while asked.get("gate") and not os.path.exists(asked["gate"]):
            time.sleep(0.01)
        self.answer(200, {"said": models[name], "target": target, "pid": os.getpid(), "loads": loads})
    def log_message(self, *args):
        pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    def handle_error(self, request, client_address):
        pass
Server(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image map with the containers above."""
    folder = tmp_path_factory.mktemp("images")
    (folder / "container.py").write_text(SCRIPT)
    (folder / "models.py").write_text(MODELS_SCRIPT)
    rules = [
        {"match": f"registry.example/{name}:*", "command": [sys.executable, str(folder / f"{name}.py")]}
        for name in ("container", "models")
    ]
    (folder / "images.yaml").write_text(yaml.safe_dump(rules))
    return folder / "images.yaml"


FLAGS = (
    *("--create-seconds", "0.1", "--delete-seconds", "0.1", "--health-check-seconds", "0.5"),
    *("--startup-seconds", "20", "--stop-grace-seconds", "2", "--capture-seconds", "0.2"),
)


@pytest.fixture
def start(tmp_path: Path, images: Path) -> Callable[..., Any]:
    """``with start("--flag", …) as local``: a process of the test's own, always in the same folder."""
    return lambda *arguments: running(tmp_path, *FLAGS, "--images", str(images), *arguments)


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Iterator[Local]:
    with running(tmp_path_factory.mktemp("local"), *FLAGS, "--images", str(images)) as found:
        yield found


_numbers = itertools.count(os.getpid() * 1000)


@dataclass
class World:
    """One local SageMaker with short words. Names are new in every test."""

    local: Local
    folder: Path
    prefix: str = field(default_factory=lambda: f"t{next(_numbers)}")
    streams: list[Any] = field(default_factory=list)
    until = staticmethod(until)

    @property
    def sagemaker(self) -> Any:
        return self.local.client("sagemaker")

    @property
    def runtime(self) -> Any:
        return self.local.client("sagemaker-runtime")

    @property
    def endpoint(self) -> str:
        return f"{self.prefix}-endpoint"

    def model(self, image: str = CONTAINER, name: str = "model", **environment: str) -> str:
        container = {"Image": image, "Environment": environment}
        self.sagemaker.create_model(ModelName=f"{self.prefix}-{name}", PrimaryContainer=container)
        return f"{self.prefix}-{name}"

    def config(self, name: str = "config", model: str | None = None, **fields: Any) -> str:
        """One variant named main; ``serverless``, ``count`` and ``variants`` change it."""
        serverless, count, variants = (
            fields.pop("serverless", None),
            fields.pop("count", 1),
            fields.pop("variants", None),
        )
        model = model or self.model()
        capacity: dict[str, Any] = {"InstanceType": "ml.m5.large", "InitialInstanceCount": count}
        if serverless is not None:
            capacity = {"ServerlessConfig": serverless}
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=f"{self.prefix}-{name}",
            ProductionVariants=[{"VariantName": each, "ModelName": model, **capacity} for each in variants or ["main"]],
            **fields,
        )
        return f"{self.prefix}-{name}"

    def create(self, config: str) -> dict[str, Any]:
        self.sagemaker.create_endpoint(EndpointName=self.endpoint, EndpointConfigName=config)
        return self.settled()

    def describe(self) -> dict[str, Any]:
        found: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=self.endpoint)
        return found

    def settled(self) -> dict[str, Any]:
        found: dict[str, Any] = until(
            lambda: (d := self.describe())["EndpointStatus"] in ("InService", "Failed") and d, "a settled endpoint"
        )
        return found

    def delete(self) -> None:
        self.sagemaker.delete_endpoint(EndpointName=self.endpoint)
        self.sagemaker.get_waiter("endpoint_deleted").wait(
            EndpointName=self.endpoint, WaiterConfig={"Delay": 0.05, "MaxAttempts": 600}
        )

    def invoke(self, asked: dict[str, Any] | bytes = b"{}", **fields: Any) -> dict[str, Any]:
        body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
        reply: dict[str, Any] = self.runtime.invoke_endpoint(EndpointName=self.endpoint, Body=body, **fields)
        return reply | {"Body": reply["Body"].read()}

    def stream(self, asked: dict[str, Any] | bytes, **fields: Any) -> dict[str, Any]:
        body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
        found: dict[str, Any] = self.runtime.invoke_endpoint_with_response_stream(
            EndpointName=self.endpoint, Body=body, **fields
        )
        self.streams.append(found["Body"])
        return found

    def refused(self, call: Callable[..., Any], *arguments: Any, **fields: Any) -> dict[str, Any]:
        """The error response of a call that must fail."""
        with pytest.raises(ClientError) as caught:
            call(*arguments, **fields)
        response: dict[str, Any] = caught.value.response
        return response

    @property
    def instances(self) -> list[dict[str, Any]]:
        """Of every fleet of the endpoint."""
        return [
            instance
            for each in self.local.admin("GET", "endpoints")
            if each["name"] == self.endpoint
            for fleet in each["fleets"]
            for instance in fleet["instances"]
        ]

    def close(self) -> None:
        """Close the streams that the test left open."""
        for each in self.streams:
            each.close()

    def end(self) -> None:
        """Delete the endpoint, if there is one."""
        names = [each["EndpointName"] for each in self.sagemaker.list_endpoints(MaxResults=100)["Endpoints"]]
        if self.endpoint in names:
            self.settled()
            self.delete()


@pytest.fixture
def world(local: Local, tmp_path: Path) -> Iterator[World]:
    found = World(local, tmp_path)
    yield found
    found.close()
    found.end()


@pytest.fixture
def world_of(tmp_path: Path) -> Iterator[Callable[[Local], World]]:
    """A world in a process of the test's own."""
    worlds: list[World] = []

    def make(local: Local) -> World:
        worlds.append(World(local, tmp_path))
        return worlds[-1]

    yield make
    for each in worlds:
        each.close()
