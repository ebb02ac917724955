"""The three operations against local SageMaker, sent by two workers; locustfiles of one's own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.config import Config

ACCOUNT, REGION = "111122223333", "eu-west-1"
# Streams three parts when the body says so, fails when it says that, answers with what it was sent otherwise.
CONTAINER = """
import http.server, os, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(500 if b"fail" in body else 200)
        if b"stream" in body:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (b"one", b"two", b"three"):
                self.wfile.write(b"%x\\r\\n%b\\r\\n" % (len(part), part))
                self.wfile.flush()
                time.sleep(0.03)
            self.wfile.write(b"0\\r\\n\\r\\n")
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler)
server.request_queue_size = 128
server.serve_forever()
"""
LOCUSTFILE = """
from locust import constant, task
from sagemaker_loadtest import SageMakerUser

class Mine(SageMakerUser):
    wait_time = constant(0.05)

    @task(2)
    def one(self):
        reply = self.invoke(b"1,2", content_type="text/csv", target_variant="b")
        assert reply.ok and reply.body == b"1,2", reply.outcome

    @task
    def other(self):
        reply = self.invoke_stream(b"stream", content_type="text/csv")
        assert reply.body == b"onetwothree"
"""

LOCUSTS_OWN = """
from locust import FastHttpUser, constant, task

class Plain(FastHttpUser):
    wait_time = constant(0.05)

    @task(3)
    def look(self):
        self.client.get("/_local/health")

    @task
    def miss(self):
        self.client.get("/_local/nothing")
"""


@dataclass(frozen=True)
class Local:
    """A running sagemaker-local with endpoints `plain` (variants a and b) and `queue` (asynchronous)."""

    url: str

    def client(self, service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]  # any service
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="fake",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def create(self, name: str, variants: list[str], **settings: Any) -> None:
        sagemaker = self.client("sagemaker")
        sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": "registry.example/container:1"})
        capacity = {"ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[{"VariantName": v, **capacity} for v in variants], **settings
        )
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        sagemaker.get_waiter("endpoint_in_service").wait(
            EndpointName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
        )

    def keys(self, prefix: str) -> list[str]:
        listed = self.client("s3").list_objects_v2(Bucket="data", Prefix=prefix)
        return [each["Key"] for each in listed.get("Contents", [])]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    folder = tmp_path_factory.mktemp("local")
    (folder / "container.py").write_text(CONTAINER)
    rule = {"match": "registry.example/container:*", "command": [sys.executable, str(folder / "container.py")]}
    (folder / "images.yaml").write_text(yaml.safe_dump([rule]))
    ready, images = folder / "ready.json", folder / "images.yaml"
    command = [sys.executable, "-m", "sagemaker_local", "--port", "0", "--ready-file", str(ready)]
    command += ["--images", str(images), "--create-seconds", "0.1", "--delete-seconds", "0.1"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while not ready.exists():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, "sagemaker-local did not start"
            time.sleep(0.02)
        found = Local(json.loads(ready.read_text())["url"])
        found.client("s3").create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": REGION})
        found.create("plain", ["a", "b"])
        output = {"S3OutputPath": "s3://data/out", "S3FailurePath": "s3://data/failed"}
        found.create("queue", ["main"], AsyncInferenceConfig={"OutputConfig": output})
        yield found
    finally:
        process.terminate()
        process.wait(60)


def run(local: Local, folder: Path, endpoint: str, body: str, **members: Any) -> tuple[int, str, dict[str, Any]]:
    """Exit code, all that was printed, and the result if there is one."""
    (folder / "body").write_text(body)
    test = {
        "endpoint": {"name": endpoint, "region": REGION},
        "payloads": {"contentType": "text/csv", "sources": [{"file": "body"}]},
        "load": {"open": {"rate": 20}, "duration": "2s"},
        "thresholds": ["failed <= 0%", "max <= 30s"],
        **members,
    }
    (folder / "test.yaml").write_text(yaml.safe_dump(test))
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SAGEMAKER_"))}
    environment |= {
        "AWS_ENDPOINT_URL": local.url,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "secret-of-the-test",
    }
    command = [sys.executable, "-m", "sagemaker_loadtest", "run", "-f", "test.yaml", "--out", "out"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    result, log = folder / "out/result.json", folder / "out/generator.log"
    text = done.stdout + done.stderr + (log.read_text() if log.exists() else "")
    assert "secret-of-the-test" not in text
    return done.returncode, text, json.loads(result.read_text()) if result.exists() else {}


def test_real_time_with_a_target(local: Local, tmp_path: Path) -> None:
    invocation = {"targetVariant": "b", "inferenceIDs": "Unique", "customAttributes": "x=y"}
    code, text, result = run(local, tmp_path, "plain", "1,2", invocation=invocation)
    assert code == 0, text
    assert result["summary"]["answered"] == 40
    assert {v["name"]: v["answered"] for v in result["variants"] if v["answered"]} == {"b": 40}
    exchange = result["exchange"]
    assert exchange["statuses"] == {"200": 40}
    assert exchange["sentBytes"] == 120
    assert [m["name"] for m in exchange["measurements"]] in ([], ["connect"])


def test_streams(local: Local, tmp_path: Path) -> None:
    code, text, result = run(
        local,
        tmp_path,
        "plain",
        "stream",
        invocation={"operation": "InvokeEndpointWithResponseStream"},
        thresholds=[
            "failed <= 0%",
            "max first chunk <= 30s",
            "p50 between chunks <= 5s",
        ],
    )
    assert code == 0, text
    exchange = result["exchange"]
    assert exchange["chunks"] == 3 * 40
    found = {m["name"]: m for m in exchange["measurements"]}
    assert (found["first chunk"]["count"], found["between chunks"]["count"]) == (40, 80)
    assert found["between chunks"]["time"]["p50"] >= 25
    assert found["first chunk"]["time"]["mean"] + 50 <= result["summary"]["latency"]["mean"]


@pytest.mark.parametrize("stored", [True, False])
def test_asynchronous_until_the_result_is_there(local: Local, tmp_path: Path, stored: bool) -> None:
    settings = {"pollInterval": "50ms", **({"inputS3URI": "s3://data/in"} if stored else {})}
    invocation = {"operation": "InvokeEndpointAsync", "async": settings}
    code, text, result = run(
        local,
        tmp_path,
        "queue",
        f"1,{stored}",
        invocation=invocation,
        thresholds=["failed <= 0%", "max accepted <= 30s"],
    )
    assert code == 0, text
    assert result["summary"]["answered"] == 40
    exchange = result["exchange"]
    assert exchange["statuses"] == {"202": 40}
    [accepted] = [m for m in exchange["measurements"] if m["name"] == "accepted"]
    assert accepted["count"] == 40
    assert accepted["time"]["mean"] + 40 <= result["summary"]["latency"]["mean"]
    assert len(local.keys("in/")) == 1  # of the parameter that came first


def test_asynchronous_failures_are_model_errors(local: Local, tmp_path: Path) -> None:
    invocation = {"operation": "InvokeEndpointAsync", "async": {"pollInterval": "50ms"}}
    code, text, result = run(local, tmp_path, "queue", "fail", invocation=invocation, thresholds=["failed <= 1%"])
    assert code == 1, text
    assert result["errors"] == {"model error": 40}


def test_locustfile_of_ones_own(local: Local, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(LOCUSTFILE)
    load = {"closed": {"users": 4}, "duration": "2s"}
    code, text, result = run(local, tmp_path, "plain", "x", locustfile="mine.py", load=load)
    assert code == 0, text
    assert "AssertionError" not in text
    assert result["summary"]["answered"] > 20
    assert result["exchange"]["chunks"] > 3
    assert {v["name"] for v in result["variants"] if v["answered"]} == {"a", "b"}


def test_locustfile_with_a_user_of_locusts_own(local: Local, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(LOCUSTS_OWN)
    load = {"closed": {"users": 4}, "duration": "2s"}
    code, text, result = run(local, tmp_path, "plain", "x", locustfile="mine.py", load=load)
    assert code == 1, text
    assert result["summary"]["answered"] > result["errors"]["other"] > 5
    assert set(result["errors"]) == {"other"}


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("def broken(:", "SyntaxError"),
        ("x = 1", "it defines no class that extends SageMakerUser"),
    ],
)
def test_locustfile_that_cannot_be_used(local: Local, tmp_path: Path, source: str, told: str) -> None:
    (tmp_path / "mine.py").write_text(source)
    code, text, _ = run(
        local, tmp_path, "plain", "x", locustfile="mine.py", load={"closed": {"users": 4}, "duration": "3s"}
    )
    assert code == 2, text
    assert told in text
    assert "<frozen" not in text


def test_payloads_from_s3(local: Local, tmp_path: Path) -> None:
    for number in range(3):
        local.client("s3").put_object(Bucket="data", Key=f"rows/{number}.csv", Body=b"%d" % number)
    payloads = {"contentType": "text/csv", "sources": [{"file": "s3://data/rows/"}]}
    code, text, result = run(local, tmp_path, "plain", "x", payloads=payloads)
    assert code == 0, text
    assert result["payloads"]["number"] == 3
    payloads["sources"][0]["maxBytes"] = 2  # type: ignore[index]
    (tmp_path / "out/result.json").unlink()
    code, text, _ = run(local, tmp_path, "plain", "x", payloads=payloads)
    assert code == 2, text
    assert "3 bytes lie at s3://data/rows/, more than the bound of 2" in text
