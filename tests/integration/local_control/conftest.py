"""The real ``sagemaker-local`` process, one for the session, seen through unchanged boto3."""

from __future__ import annotations

import functools
import io
import itertools
import json
import os
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import psutil
import pytest
import xgboost
import yaml
from botocore.config import Config

ACCOUNT, OTHER_ACCOUNT, REGION, BUCKET = "111122223333", "444455556666", "eu-west-1", "models"
XGBOOST = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
ECHO = "local://echo"
CONTAINER = "registry.example/container:1"
ROLE = "arn:aws:iam::111122223333:role/serving"
_PATIENCE_SECONDS = 90

# A container that does what its environment says, and answers with it.
SCRIPT = """
import http.server, json, os, sys, time
if os.environ.get("MODE") == "crash":
    sys.exit("cannot go on")
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer(503 if os.environ.get("MODE") == "unhealthy" else 200)
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(float(os.environ.get("SECONDS", "0")))
        told = {name: os.environ.get(name) for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "VERSION")}
        self.answer(200, json.dumps({"pid": os.getpid(), **told}).encode())
    def log_message(self, *args):
        pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
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
def client(url: str, service: str, key: str, region: str, config: str) -> Any:
    """Making one takes longer than most calls here."""
    return boto3.client(
        service,  # type: ignore[call-overload]  # any service
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key="fake",
        config=Config(**{"retries": {"total_max_attempts": 1}, "read_timeout": 60} | json.loads(config)),
    )


@dataclass(frozen=True)
class Local:
    """A running ``sagemaker-local``."""

    url: str
    process: subprocess.Popen[bytes]
    until = staticmethod(until)

    @property
    def descendants(self) -> list[psutil.Process]:
        """Every process that it has started, and what those started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def client(self, service: str, key: str = ACCOUNT, region: str = REGION, **config: Any) -> Any:
        return client(self.url, service, key, region, json.dumps(config))

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """The JSON that the admin API answers."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_local/{path}", data, method=method)
        with urllib.request.urlopen(request) as reply:
            return json.loads(reply.read())

    def admin_error(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        """Status and message of a refusal."""
        with pytest.raises(urllib.error.HTTPError) as caught:
            self.admin(method, path, body)
        with caught.value as error:
            return error.code, json.loads(error.read())["message"]

    @contextmanager
    def fault(self, **fault: Any) -> Iterator[None]:
        number = self.admin("POST", "faults", fault)["id"]
        try:
            yield
        finally:
            for each in self.admin("GET", "faults"):
                if each["id"] == number:
                    self.admin("DELETE", f"faults/{number}")

    def instances(self, endpoint: str) -> list[dict[str, Any]]:
        """Of every fleet of an endpoint."""
        return [
            instance
            for each in self.admin("GET", "endpoints")
            if each["name"] == endpoint
            for fleet in each["fleets"]
            for instance in fleet["instances"]
        ]

    def put(self, key: str, files: Mapping[str, bytes] | bytes) -> str:
        """Upload an archive; its URL."""
        if not isinstance(files, bytes):
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
                for name, content in files.items():
                    info = tarfile.TarInfo(name)
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
            files = buffer.getvalue()
        self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=files)
        return f"s3://{BUCKET}/{key}"


@contextmanager
def running(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Local]:
    """A process of its own, ended with SIGTERM."""
    ready = folder / "ready.json"
    command = [sys.executable, "-m", "sagemaker_local", "--port", "0", "--ready-file", str(ready), *arguments]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stderr=log, start_new_session=True, env=dict(os.environ) | dict(environment or {})
        )
    try:
        until(lambda: ready.exists() or process.poll() is not None, "the ready file")
        assert ready.exists(), (folder / "log").read_text()
        found = json.loads(ready.read_text())
        assert found["pid"] == process.pid
        yield Local(found["url"], process)
    finally:
        process.terminate()
        process.wait(60)
    assert "Traceback" not in (folder / "log").read_text()


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Any]:
    """``with start("--flag", …) as local``: a process of the test's own."""

    def begin(*arguments: str, environment: Mapping[str, str] | None = None) -> Any:
        return running(tmp_path, *arguments, environment=environment)

    return begin


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image map with the container above."""
    folder = tmp_path_factory.mktemp("images")
    (folder / "container.py").write_text(SCRIPT)
    rule = {"match": "registry.example/container:*", "command": [sys.executable, str(folder / "container.py")]}
    (folder / "images.yaml").write_text(yaml.safe_dump([rule]))
    return folder / "images.yaml"


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Iterator[Local]:
    flags = ["--create-seconds", "0.2", "--delete-seconds", "0.1", "--health-check-seconds", "0.5"]
    flags += ["--startup-seconds", "20", "--images", str(images)]
    with running(tmp_path_factory.mktemp("sagemaker-local"), *flags) as found:
        for account in (ACCOUNT, OTHER_ACCOUNT):
            bucket = BUCKET if account == ACCOUNT else f"{BUCKET}-{account}"
            where = {"LocationConstraint": REGION}
            found.client("s3", account).create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        yield found


@dataclass(frozen=True)
class World:
    """Local SageMaker with short words for what tests do again and again. Names are new in every test."""

    local: Local
    prefix: str
    until = staticmethod(until)

    @property
    def sagemaker(self) -> Any:
        return self.local.client("sagemaker")

    @property
    def endpoint(self) -> str:
        return f"{self.prefix}-endpoint"

    def model(self, name: str, image: str = ECHO, url: str | None = None, **environment: str) -> str:
        name = f"{self.prefix}-{name}"
        container = {"Image": image, "Environment": environment} | ({"ModelDataUrl": url} if url else {})
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
        return name

    def config(self, name: str, *models: str, count: int = 1, **fields: Any) -> str:
        """One variant for each model, named a, b, c."""
        name = f"{self.prefix}-{name}"
        variants = [
            {
                "VariantName": variant,
                "ModelName": model,
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": count,
                **fields,
            }
            for variant, model in zip("abc", models, strict=False)
        ]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
        return name

    def create(self, config: str, **fields: Any) -> dict[str, Any]:
        self.sagemaker.create_endpoint(EndpointName=self.endpoint, EndpointConfigName=config, **fields)
        return self.settled()

    def update(self, config: str, **fields: Any) -> dict[str, Any]:
        self.sagemaker.update_endpoint(EndpointName=self.endpoint, EndpointConfigName=config, **fields)
        return self.settled()

    def weights(self, **targets: tuple[float | None, int | None]) -> None:
        wanted = [
            {"VariantName": name}
            | ({} if weight is None else {"DesiredWeight": weight})
            | ({} if count is None else {"DesiredInstanceCount": count})
            for name, (weight, count) in targets.items()
        ]
        self.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=self.endpoint, DesiredWeightsAndCapacities=wanted
        )

    def describe(self) -> dict[str, Any]:
        found: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=self.endpoint)
        return found

    def settled(self) -> dict[str, Any]:
        """The endpoint once nothing is under way."""
        moving = ("Creating", "Updating", "RollingBack", "Deleting")

        def there() -> dict[str, Any] | None:
            found = self.describe()
            return None if found["EndpointStatus"] in moving else found

        found: dict[str, Any] = until(there, f"a final status of {self.endpoint}")
        return found

    def delete(self) -> None:
        self.sagemaker.delete_endpoint(EndpointName=self.endpoint)
        self.sagemaker.get_waiter("endpoint_deleted").wait(
            EndpointName=self.endpoint, WaiterConfig={"Delay": 0.05, "MaxAttempts": 600}
        )

    def invoke(self, body: bytes = b"x", **fields: Any) -> dict[str, Any]:
        client = self.local.client("sagemaker-runtime")
        reply: dict[str, Any] = client.invoke_endpoint(EndpointName=self.endpoint, Body=body, **fields)
        return reply | {"Body": reply["Body"].read()}


_numbers = itertools.count(1)


@pytest.fixture
def world(local: Local) -> Iterator[World]:
    found = World(local, f"t{next(_numbers)}")
    yield found
    local.admin("DELETE", "faults")
    names = [each["EndpointName"] for each in found.sagemaker.list_endpoints(MaxResults=100)["Endpoints"]]
    if found.endpoint in names:
        found.settled()
        found.delete()


@dataclass(frozen=True)
class Trained:
    """A booster and rows to ask it about."""

    booster: xgboost.Booster
    rows: np.ndarray

    @property
    def expected(self) -> list[float]:
        found: list[float] = self.booster.predict(xgboost.DMatrix(self.rows)).tolist()
        return found

    @property
    def csv(self) -> bytes:
        return "\n".join(",".join(map(str, row)) for row in self.rows.tolist()).encode()

    @property
    def files(self) -> dict[str, bytes]:
        return {"xgboost-model": bytes(self.booster.save_raw("json"))}


@pytest.fixture(scope="session")
def trained() -> Trained:
    random = np.random.default_rng(7)
    rows = random.random((300, 6), dtype=np.float32)
    options = {"objective": "binary:logistic", "nthread": 1}
    return Trained(xgboost.train(options, xgboost.DMatrix(rows, rows.sum(axis=1) > 3), 12), rows[:4])
