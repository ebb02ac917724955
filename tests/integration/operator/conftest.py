"""The operator as a process under its shipped ServiceAccount, a real API server, local SageMaker with real servers.

Each test has a namespace and an AWS account of its own. Nothing sleeps: what is awaited is asked for again until it is
there, or the test fails saying what it saw last.
"""

import contextlib
import functools
import io
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.config import Config
from kubernetes import client, config

from devcluster import Cluster

REGION = "eu-west-1"
GROUP = "sagemaker-operator.io"
XGBOOST = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
SILENT = "import time; print('waiting', flush=True); time.sleep(999)"
BROKEN = "import sys; sys.exit('ValueError: no such column')"
# The container contract in a few lines: /ping, /invocations, the port that it is told.
SCORER = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(b"")
    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
HTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""
IMAGES = [
    {"match": "test/silent:*", "command": [sys.executable, "-c", SILENT]},
    {"match": "test/broken:*", "command": [sys.executable, "-c", BROKEN]},
    {"match": "*/scorer:*", "command": [sys.executable, "-c", SCORER]},
]
# Short enough for a test, long enough that each phase is seen.
QUICK = {
    "sweep-seconds": 0.5, "sweep-in-motion-seconds": 0.2, "look-in-motion-seconds": 1.0, "drift-seconds": 4.0,
    "parts-seconds": 2.0, "settle-seconds": 0.5, "blocked-seconds": 1.5, "role-seconds": 3.0,
    "backoff-base-seconds": 0.2, "backoff-limit-seconds": 1.0, "attempts-base-seconds": 0.2,
    "attempts-limit-seconds": 1.0, "lease-seconds": 2, "aws-calls-per-second": 100,
}  # fmt: skip
_numbers = itertools.count(1)


def eventually(look: Callable[[], Any], seconds: float = 60, what: str = "") -> Any:
    """The first true value of `look`; fails with the last one."""
    end, seen = time.monotonic() + seconds, None
    while time.monotonic() < end:
        seen = look()
        if seen:
            return seen
        time.sleep(0.05)
    return pytest.fail(f"not within {seconds:g} s: {what or look}; last seen: {seen}")


def request(url: str, body: Any = None, method: str | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, method=method), timeout=30) as reply:
        return json.loads(reply.read())


class Process:
    """A command of the virtual environment that writes a ready file."""

    def __init__(self, folder: Path, name: str, flags: dict[str, Any], environment: dict[str, str]) -> None:
        number = next(_numbers)
        self._ready, self.log = folder / f"{name}-{number}.ready", folder / f"{name}-{number}.log"
        words = [f"--{flag}={value}" if value is not True else f"--{flag}" for flag, value in flags.items()]
        with self.log.open("wb") as log:
            self._popen = subprocess.Popen(
                [str(Path(sys.executable).with_name(name)), *words, f"--ready-file={self._ready}"],
                env={**os.environ, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def url(self) -> str:
        """Waits until it serves."""

        def ready() -> Any:
            assert self._popen.poll() is None, self.log.read_text()
            return self._ready.exists()

        eventually(ready, 120, f"ready file of {self.log.name}")
        return str(json.loads(self._ready.read_text())["url"])

    def wait(self, seconds: float = 60) -> int:
        return self._popen.wait(seconds)

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self._popen.poll() is None:
            self._popen.send_signal(number)
        return self.wait()


class LocalSageMaker:
    """Its admin API."""

    def __init__(self, process: Process) -> None:
        self.process, self.url = process, process.url

    def fault(self, **fault: Any) -> int:
        return int(request(f"{self.url}/_local/faults", fault)["id"])

    def remove_faults(self) -> None:
        request(f"{self.url}/_local/faults", method="DELETE")

    def calls(self, account: str, *operations: str) -> list[dict[str, Any]]:
        found = [call for call in request(f"{self.url}/_local/calls") if call["account"] == account]
        return [call for call in found if not operations or call["operation"] in operations]

    def changes(self, account: str) -> list[str]:
        """The mutating operations that were carried out, in order."""
        return [
            call["operation"]
            for call in self.calls(account)
            if call["outcome"] == "ok" and call["operation"].startswith(("Create", "Update", "Delete", "Add"))
        ]

    def by_operator(self, account: str) -> list[dict[str, Any]]:
        """The calls that the operator made."""
        return [call for call in self.calls(account) if "sagemaker-operator" in call["userAgent"]]

    def limit(self, calls_per_second: float | None) -> None:
        request(f"{self.url}/_local/limits", {"callsPerSecond": calls_per_second})


@dataclass
class Account:
    """One AWS account with a bucket of models."""

    id: str
    url: str
    bucket: str
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,  # type: ignore[call-overload]  # any service
                endpoint_url=self.url,
                region_name=REGION,
                aws_access_key_id=self.id,
                aws_secret_access_key="local",
                config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
            )
        return self._clients[service]

    @property
    def environment(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": self.id, "AWS_SECRET_ACCESS_KEY": "local"}

    @property
    def sagemaker(self) -> Any:
        return self.client("sagemaker")

    def put(self, key: str, files: dict[str, bytes] | bytes) -> str:
        body = files if isinstance(files, bytes) else archive(files)
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def invoke(self, endpoint: str, body: str = "1,2,3") -> tuple[str, str]:
        """The answer and the variant that gave it."""
        reply = self.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint, Body=body, ContentType="text/csv", Accept="text/csv"
        )
        return reply["Body"].read().decode().strip(), reply["InvokedProductionVariant"]

    def names(self) -> dict[str, list[str]]:
        """Everything that is left in the account."""
        sagemaker = self.sagemaker
        return {
            "endpoints": [e["EndpointName"] for e in sagemaker.list_endpoints()["Endpoints"]],
            "configs": [c["EndpointConfigName"] for c in sagemaker.list_endpoint_configs()["EndpointConfigs"]],
            "models": [m["ModelName"] for m in sagemaker.list_models()["Models"]],
        }

    def tags(self, arn: str) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.sagemaker.list_tags(ResourceArn=arn)["Tags"]}


class Namespace:
    """The objects of a test: applied by kubectl as an administrator, looked at by a client, which costs less."""

    def __init__(self, cluster: Cluster, name: str, account: Account) -> None:
        self.cluster, self.name, self._account = cluster, name, account
        self.api = client_of(cluster)

    def kubectl(self, *arguments: str, **more: Any) -> str:
        done = self.cluster.kubectl("-n", self.name, *arguments, check=False, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def apply(self, spec: dict[str, Any], name: str = "fraud") -> None:
        body = {
            "apiVersion": f"{GROUP}/v1alpha1",
            "kind": "SageMakerEndpoint",
            "metadata": {"name": name},
            "spec": {"executionRoleARN": f"arn:aws:iam::{self._account.id}:role/serving", **spec},
        }
        self.kubectl("apply", "-f", "-", input=yaml.safe_dump(body))

    def get(self, name: str = "fraud") -> dict[str, Any] | None:
        objects = client.CustomObjectsApi(self.api)
        try:
            found = objects.get_namespaced_custom_object(GROUP, "v1alpha1", self.name, "sagemakerendpoints", name)
        except client.ApiException as error:
            if error.status == 404:
                return None
            raise
        return dict(found)

    def status(self, name: str = "fraud") -> dict[str, Any]:
        return (self.get(name) or {}).get("status", {})

    def condition(self, type_: str, name: str = "fraud") -> dict[str, Any]:
        body = self.get(name) or {"metadata": {"generation": -1}}
        found = {c["type"]: c for c in body.get("status", {}).get("conditions", ())}.get(type_, {})
        return found if found.get("observedGeneration") == body["metadata"]["generation"] else {}

    def wait(self, type_: str, status: str = "True", reason: str | None = None, name: str = "fraud") -> dict[str, Any]:
        """The condition of the newest generation, once it is so."""
        seen: list[Any] = []

        def look() -> dict[str, Any] | None:
            found = self.condition(type_, name)
            seen[:] = [self.status(name)] if not found else [found]
            good = found.get("status") == status and (reason is None or found.get("reason") == reason)
            return found if good else None

        try:
            return dict(eventually(look, what=f"{name} {type_}={status} {reason or ''}"))
        except pytest.fail.Exception as error:
            raise AssertionError(f"{error} {json.dumps(seen, indent=1)}") from None

    def delete(self, name: str = "fraud", wait: bool = True) -> None:
        self.kubectl("delete", "sme", name, "--wait=false")
        if wait:
            eventually(lambda: self.get(name) is None, what=f"{name} to be gone: {self.status(name)}")

    def events(self, name: str = "fraud") -> list[str]:
        listed = client.CoreV1Api(self.api).list_namespaced_event(self.name).items
        mine = [event for event in listed if event.involved_object.name == name]
        return [str(event.reason) for event in sorted(mine, key=lambda event: event.event_time)]


@functools.cache
def client_of(cluster: Cluster) -> client.ApiClient:
    settings = client.Configuration()
    config.load_kube_config(str(cluster.kubeconfig), client_configuration=settings)
    return client.ApiClient(settings)


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def variant(name: str = "main", count: int = 1, url: str | None = None, **container: Any) -> dict[str, Any]:
    given = container or {"image": "local://echo"}
    where = {"modelDataURL": url} if url else {}
    return {"name": name, "containers": [{**given, **where}], "instances": {"type": "ml.m5.large", "count": count}}


def echo(release: int = 1, count: int = 1, **spec: Any) -> dict[str, Any]:
    """An endpoint without a process; another release is another revision."""
    container = {"image": "local://echo", "environment": {"RELEASE": str(release)}}
    return {"variants": [variant(count=count, **container)], **spec}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logs and ready files of all processes."""
    return tmp_path_factory.mktemp("operator")


@pytest.fixture(scope="session")
def local(folder: Path) -> Iterator[LocalSageMaker]:
    (folder / "images.yaml").write_text(yaml.safe_dump(IMAGES))
    flags = {
        "port": 0, "create-seconds": 0.6, "delete-seconds": 0.3, "startup-seconds": 4, "stop-grace-seconds": 2,
        "images": folder / "images.yaml", "max-processes-per-variant": 2,
    }  # fmt: skip
    process = Process(folder, "sagemaker-local", flags, {})
    try:
        yield LocalSageMaker(process)
    finally:
        assert process.stop() == 0, process.log.read_text()


@pytest.fixture
def account(local: LocalSageMaker) -> Iterator[Account]:
    number = next(_numbers)
    made = Account(f"{500_000_000_000 + number}", local.url, f"models-{number}")
    made.client("s3").create_bucket(Bucket=made.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    yield made
    local.remove_faults()
    local.limit(None)
    for each in made._clients.values():
        each.close()


@pytest.fixture
def ns(control_plane: Cluster, namespace: str, account: Account) -> Namespace:
    return Namespace(control_plane, namespace, account)


class Scale:
    """Many objects at once, made without kubectl."""

    def __init__(self, ns: Namespace) -> None:
        self._api, self._ns = client.CustomObjectsApi(ns.api), ns.name

    def create(self, names: list[str], spec: dict[str, Any]) -> None:
        kind = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "SageMakerEndpoint", "spec": spec}
        for name in names:
            body = {**kind, "metadata": {"name": name}}
            self._api.create_namespaced_custom_object(GROUP, "v1alpha1", self._ns, "sagemakerendpoints", body)

    def delete(self) -> None:
        self._api.delete_collection_namespaced_custom_object(GROUP, "v1alpha1", self._ns, "sagemakerendpoints")

    def objects(self) -> list[dict[str, Any]]:
        found = self._api.list_namespaced_custom_object(GROUP, "v1alpha1", self._ns, "sagemakerendpoints")
        return list(found["items"])

    def synced(self) -> int:
        conditions = [body.get("status", {}).get("conditions", ()) for body in self.objects()]
        return sum(any(c["type"] == "Synced" and c["status"] == "True" for c in each) for each in conditions)


@pytest.fixture
def scale(ns: Namespace) -> Scale:
    return Scale(ns)


Start = Callable[..., Process]


@pytest.fixture
def start(control_plane: Cluster, folder: Path, account: Account, ns: Namespace) -> Iterator[Start]:
    """Starts an operator for the test's namespace and account; flags are added to the quick ones."""
    kubeconfig = control_plane.service_account_kubeconfig(
        "sagemaker-operator", "sagemaker-operator", folder / f"operator-{ns.name}.kubeconfig"
    )
    running: list[Process] = []

    def begin(environment: dict[str, str] | None = None, **flags: Any) -> Process:
        given = {
            **QUICK,
            "port": 0,
            "default-region": REGION,
            "namespace": ns.name,
            **{name.replace("_", "-"): value for name, value in flags.items()},
        }
        aws = account.environment if environment is None else environment
        process = Process(folder, "sagemaker-operator", given, {"KUBECONFIG": str(kubeconfig), **aws})
        running.append(process)
        return process

    yield begin
    codes = [process.stop() for process in running]
    for process, code in zip(running, codes, strict=True):
        text = process.log.read_text()
        assert code in (0, -signal.SIGKILL) or "Lease" in text, text
        assert "does not know" not in text, text  # a defect that the operator survived


@pytest.fixture
def operator(start: Start) -> Process:
    """An operator that watches."""
    process = start()
    assert process.url
    return process


@pytest.fixture
def release() -> Callable[..., dict[str, Any]]:
    """`echo`, for tests that import nothing."""
    return echo


def count_passes(operator: Process) -> int:
    with urllib.request.urlopen(f"{operator.url}/metrics", timeout=10) as reply:
        lines = reply.read().decode().splitlines()
    return int(sum(float(line.split()[-1]) for line in lines if line.startswith("sagemaker_operator_reconcile_total")))


@pytest.fixture
def passes(operator: Process) -> Callable[..., int]:
    """The operator's passes so far; given a number, waits until there are as many."""

    def wait(wanted: int = 0) -> int:
        return int(
            eventually(lambda: seen if (seen := count_passes(operator)) >= wanted else None, what=f"{wanted} passes")
        )

    return wait


@pytest.fixture(name="eventually")
def eventually_fixture() -> Callable[..., Any]:
    """For tests that import nothing."""
    return eventually


@pytest.fixture(name="variant")
def variant_fixture() -> Callable[..., dict[str, Any]]:
    """For tests that import nothing."""
    return variant


class Relay:
    """A way to AWS that can be cut: then connections are closed without a byte, the open ones too."""

    def __init__(self, url: str) -> None:
        target = urllib.parse.urlsplit(url)
        self._target = (target.hostname or "", target.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._cut, self._ended, self._open = False, False, set[socket.socket]()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._cut = True
        self._end_connections()

    def open(self) -> None:
        self._cut = False

    def end(self) -> None:
        self._ended = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._end_connections()
        self._thread.join()

    def _end_connections(self) -> None:
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._ended:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._cut:
                near.close()
                continue
            far = socket.create_connection(self._target)
            self._open |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for connection in (source, sink):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._open.discard(source)
        source.close()


@pytest.fixture
def relay(local: LocalSageMaker) -> Iterator[Relay]:
    made = Relay(local.url)
    yield made
    made.end()


@pytest.fixture
def passes_of() -> Callable[[Process], int]:
    """How many passes an operator has made."""
    return count_passes
