"""The same real ``sagemaker-local`` as in local_control, with the words that packages, jobs and components need."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

_PATH = Path(__file__).parents[1] / "local_control/conftest.py"
_SPEC = importlib.util.spec_from_file_location("local_control_fixtures", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
_FIXTURES = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = _FIXTURES  # dataclasses look their module up
_SPEC.loader.exec_module(_FIXTURES)

start, local, world, trained = (getattr(_FIXTURES, each) for each in ("start", "local", "world", "trained"))

BUCKET = "models"
WORKER = "registry.example/worker:1"

# A container that does what its environment and its input say, and prints one line for each request.
SCRIPT = """
import http.server, json, os, pathlib, sys, threading
MODE, PARAMETERS = os.environ.get("MODE", ""), os.environ.get("PARAMETERS")
if MODE == "crash":
    sys.exit("cannot go on")
BARRIER = threading.Barrier(int(os.environ.get("TOGETHER", "1")))
MARK = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"]) / "died"
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        if self.path == "/execution-parameters":
            self.answer(200, PARAMETERS.encode()) if PARAMETERS else self.answer(404)
        else:
            self.answer(200)
    def read(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"]))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body
    def do_POST(self):
        body = self.read()
        print(f"request of {len(body)}", flush=True)
        BARRIER.wait(60)
        if b"bad400" in body or (MODE == "refuse" and b"BAD" in body):
            return self.answer(400, b"cannot read this")
        if b"bad500" in body:
            return self.answer(500, b"broken")
        if b"die" in body and not MARK.exists():
            MARK.touch()
            os._exit(3)
        if b"hang" in body:
            threading.Event().wait(600)
        if MODE == "told":
            names = ("VERSION", "SAGEMAKER_BATCH", "SAGEMAKER_BATCH_STRATEGY", "SAGEMAKER_MAX_PAYLOAD_IN_MB",
                     "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS")
            headers = {name: self.headers.get(name) for name in ("Content-Type", "Accept", "Transfer-Encoding")}
            told = {"pid": os.getpid(), "size": len(body), **headers, **{name: os.environ.get(name) for name in names}}
            return self.answer(200, json.dumps(told).encode())
        self.answer(200, body.upper())
    def log_message(self, *args):
        pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
Server(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image map with the container above and the one of local_control."""
    folder = tmp_path_factory.mktemp("images")
    rules = []
    for name, script in (("worker", SCRIPT), ("container", _FIXTURES.SCRIPT)):
        (folder / f"{name}.py").write_text(script)
        rules.append({"match": f"registry.example/{name}:*", "command": [sys.executable, str(folder / f"{name}.py")]})
    (folder / "images.yaml").write_text(yaml.safe_dump(rules))
    return folder / "images.yaml"


@pytest.fixture(scope="session")
def archive(local: Any, trained: Any) -> str:
    """An XGBoost model in S3."""
    url: str = local.put("jobs/model.tar.gz", trained.files)
    return url


@dataclass(frozen=True)
class Jobs:
    """Transform jobs in short words."""

    world: Any

    @property
    def s3(self) -> Any:
        return self.world.local.client("s3")

    @property
    def name(self) -> str:
        return f"{self.world.prefix}-job"

    def put(self, **objects: bytes) -> str:
        """Objects below a prefix of the test's own; two underscores are a slash. The prefix."""
        for name, content in objects.items():
            key = f"in/{self.world.prefix}/{name.replace('__', '/')}"
            self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        return f"s3://{BUCKET}/in/{self.world.prefix}/"

    @property
    def outputs(self) -> dict[str, bytes]:
        """What the jobs of the test have stored, by the key below the output path."""
        prefix = f"out/{self.world.prefix}/"
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return {
            each["Key"].removeprefix(prefix): self.s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read()
            for each in listed
        }

    def request(self, model: str, uri: str, **fields: Any) -> dict[str, Any]:
        source = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}
        target = {"S3OutputPath": f"s3://{BUCKET}/out/{self.world.prefix}"}
        resources = {"InstanceType": "ml.m5.large", "InstanceCount": 1}
        return {
            "TransformJobName": fields.pop("TransformJobName", self.name),
            "ModelName": model,
            "TransformInput": source | fields.pop("source", {}),
            "TransformOutput": target | fields.pop("target", {}),
            "TransformResources": resources | fields.pop("resources", {}),
            **fields,
        }

    def begin(self, model: str, uri: str, **fields: Any) -> str:
        request = self.request(model, uri, **fields)
        arn: str = self.world.sagemaker.create_transform_job(**request)["TransformJobArn"]
        return arn

    def describe(self, name: str | None = None) -> dict[str, Any]:
        found: dict[str, Any] = self.world.sagemaker.describe_transform_job(TransformJobName=name or self.name)
        return found

    def ended(self, name: str | None = None) -> dict[str, Any]:
        """The job once it is over."""

        def over() -> dict[str, Any] | None:
            found = self.describe(name)
            return None if found["TransformJobStatus"] in ("InProgress", "Stopping") else found

        found: dict[str, Any] = self.world.until(over, "the job's end")
        return found

    def run(self, model: str, uri: str, **fields: Any) -> dict[str, Any]:
        self.begin(model, uri, **fields)
        return self.ended()

    def log(self, name: str, *, data: bool) -> list[str]:
        """The lines of a job's containers, or of its data-log."""
        logs, group = self.world.local.client("logs"), "/aws/sagemaker/TransformJobs"
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
        names = [each["logStreamName"] for each in streams if each["logStreamName"].endswith("data-log") == data]
        return [
            event["message"]
            for each in names
            for event in logs.get_log_events(logGroupName=group, logStreamName=each, startFromHead=True)["events"]
        ]


@pytest.fixture
def jobs(world: Any) -> Any:
    return Jobs(world)
