"""What the control plane costs with many endpoints present: latency and CPU time a call, against moto's SageMaker.

Endpoints are of the scheme ``local://echo``, so there are no model servers. One client calls one operation after the
other over one connection and without signing, so that what is measured is the server: latency as the client sees it,
CPU of the control plane's process and of the router's together.
"""

from __future__ import annotations

import http.client
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from bench.local.servers import moto_server
from bench.local.table import Row
from testkit import admin
from testkit.clients import ACCOUNT, REGION
from testkit.load import AUTHORIZATION
from testkit.local import running
from testkit.waiting import until
from testkit.world import ROLE

_TAGS = [{"Key": f"sagemaker-operator.io/{name}", "Value": "x" * 20} for name in ("cluster", "namespace", "name")]
_ECHO = {"Image": "local://echo", "Environment": {"NAME": "value"}}


@dataclass(frozen=True, slots=True)
class _Measured:
    """One operation. Milliseconds."""

    p50: float
    p99: float
    cpu: float


class _Client:
    """One connection, and the processes behind it."""

    def __init__(self, url: str, pids: Sequence[int]) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        self._processes = [psutil.Process(each) for each in pids]

    def call(self, operation: str, **members: Any) -> Any:
        """The reply's JSON. Raises RuntimeError for a refusal."""
        headers = {
            "X-Amz-Target": f"SageMaker.{operation}",
            "Content-Type": "application/x-amz-json-1.1",
            "Authorization": AUTHORIZATION,
        }
        self._connection.request("POST", "/", json.dumps(members), headers)
        reply = self._connection.getresponse()
        body = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"{operation}: {reply.status} {body.decode()[:300]}")
        return json.loads(body or b"{}")

    def cpu(self) -> float:
        """Seconds of the processes so far."""
        return float(sum(each.cpu_times().user + each.cpu_times().system for each in self._processes))

    def memory(self) -> float:
        """MiB of the first process."""
        return float(self._processes[0].memory_info().rss / 2**20)

    def measure(self, calls: int, operation: str, **members: Any) -> _Measured:
        """The same call again and again; ``{}`` in a name is replaced by the call's number."""
        took: list[float] = []
        before = self.cpu()
        for number in range(calls):
            filled = {key: each.format(number) if isinstance(each, str) else each for key, each in members.items()}
            start = time.perf_counter()
            self.call(operation, **filled)
            took.append((time.perf_counter() - start) * 1e3)
        took.sort()
        return _Measured(took[calls // 2], took[int(calls * 0.99)], (self.cpu() - before) / calls * 1e3)

    def close(self) -> None:
        """The connection."""
        self._connection.close()


def _create(client: _Client, endpoints: int) -> float:
    """Seconds from the first call until every endpoint is InService."""
    start = time.perf_counter()
    for number in range(endpoints):
        client.call("CreateModel", ModelName=f"m{number}", PrimaryContainer=_ECHO, ExecutionRoleArn=ROLE, Tags=_TAGS)
        variant = {"VariantName": "main", "ModelName": f"m{number}", "InstanceType": "ml.m5.large"}
        variants = [variant | {"InitialInstanceCount": 2, "InitialVariantWeight": 1.0}]
        client.call("CreateEndpointConfig", EndpointConfigName=f"c{number}", ProductionVariants=variants, Tags=_TAGS)
        client.call("CreateEndpoint", EndpointName=f"e{number}", EndpointConfigName=f"c{number}", Tags=_TAGS)
    until(lambda: not client.call("ListEndpoints", StatusEquals="Creating")["Endpoints"], "the endpoints", 600)
    return time.perf_counter() - start


def _calls() -> Iterator[tuple[str, dict[str, Any]]]:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/e1"
    weights = [{"VariantName": "main", "DesiredWeight": 2.0}]
    model = {"ModelName": "n{}", "PrimaryContainer": _ECHO, "ExecutionRoleArn": ROLE, "Tags": _TAGS}
    yield "DescribeEndpoint", {"EndpointName": "e1"}
    yield "DescribeEndpointConfig", {"EndpointConfigName": "c1"}
    yield "DescribeModel", {"ModelName": "m1"}
    yield "ListTags", {"ResourceArn": arn}
    yield "ListEndpoints", {"MaxResults": 100}
    yield "ListModels", {"MaxResults": 100}
    yield "CreateModel", model
    yield "UpdateEndpointWeightsAndCapacities", {"EndpointName": "e{}", "DesiredWeightsAndCapacities": weights}
    yield "DeleteModel", {"ModelName": "n{}"}


def _measured(client: _Client, calls: int) -> dict[str, _Measured]:
    return {operation: client.measure(calls, operation, **members) for operation, members in _calls()}


def rows(endpoints: int, calls: int) -> Iterator[Row]:
    """Both with the same number of endpoints."""
    calls = min(calls, endpoints)
    with moto_server() as (port, pid):
        moto = _Client(f"http://127.0.0.1:{port}", [pid])
        moto_seconds = _create(moto, endpoints)
        baseline = _measured(moto, calls)
        moto.close()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), "--log-level", "warning") as local:
        pids = admin.ask(local.url, "GET", "health")["pids"]
        client = _Client(local.url, [pids["control"], pids["router"]])
        empty, before = client.memory(), client.cpu()
        seconds = _create(client, endpoints)
        part, against = "control plane", "of moto"
        yield Row(part, f"{endpoints} endpoints InService", seconds, "s", against, moto_seconds)
        yield Row(part, "CPU an endpoint", (client.cpu() - before) / endpoints * 1e3, "ms")
        yield Row(part, "memory an endpoint", (client.memory() - empty) * 1024 / endpoints, "KiB")
        for operation, found in _measured(client, calls).items():
            other = baseline[operation]
            yield Row(part, f"{operation}: p50", found.p50, "ms", against, other.p50)
            yield Row(part, f"{operation}: p99", found.p99, "ms", against, other.p99)
            yield Row(part, f"{operation}: CPU", found.cpu, "ms", against, other.cpu)
        client.close()
