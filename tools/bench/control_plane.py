"""What the control plane of local SageMaker costs with many endpoints present: latency and CPU time per call.

Endpoints are of the scheme ``local://echo``, so there are no model servers. One client calls one operation after the
other over one connection and without signing, so that what is measured is the server: latency as the client sees it,
CPU of the control plane's process and of the router's together.

    python tools/bench/control_plane.py [--endpoints 1000] [--calls 500]
"""

from __future__ import annotations

import argparse
import http.client
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import psutil

SCOPE = "111122223333/20260101/eu-west-1/sagemaker/aws4_request"
AUTHORIZATION = f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host, Signature={'0' * 64}"
TAGS = [{"Key": f"sagemaker-operator.io/{name}", "Value": "x" * 20} for name in ("cluster", "namespace", "name", "uid")]


@dataclass(frozen=True)
class Measured:
    """One operation. Milliseconds."""

    p50: float
    p99: float
    cpu: float


class Client:
    """One connection to local SageMaker, and the processes behind it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        with urlopen(f"{url}/_local/health") as reply:
            pids = json.loads(reply.read())["pids"]
        self._processes = [psutil.Process(pids[name]) for name in ("control", "router")]

    def call(self, operation: str, **members: Any) -> Any:
        """The reply's JSON. Raises RuntimeError for a refusal."""
        headers = {"X-Amz-Target": f"SageMaker.{operation}", "Authorization": AUTHORIZATION}
        self._connection.request("POST", "/", json.dumps(members), headers)
        reply = self._connection.getresponse()
        body = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"{operation}: {body.decode()}")
        return json.loads(body or b"{}")

    def cpu(self) -> float:
        """Seconds of both processes so far."""
        return sum(each.cpu_times().user + each.cpu_times().system for each in self._processes)

    def memory(self) -> float:
        """MiB of the control plane's process."""
        return float(self._processes[0].memory_info().rss / 2**20)

    def measure(self, calls: int, operation: str, **members: Any) -> Measured:
        """The same call again and again; ``{}`` in a name is replaced by the call's number."""
        took: list[float] = []
        before = self.cpu()
        for number in range(calls):
            filled = {key: each.format(number) if isinstance(each, str) else each for key, each in members.items()}
            start = time.perf_counter()
            self.call(operation, **filled)
            took.append((time.perf_counter() - start) * 1e3)
        took.sort()
        return Measured(took[calls // 2], took[int(calls * 0.99)], (self.cpu() - before) / calls * 1e3)


def create(client: Client, endpoints: int) -> float:
    """Seconds from the first call until every endpoint is InService."""
    start = time.perf_counter()
    for number in range(endpoints):
        container = {"Image": "local://echo", "Environment": {"NAME": "value"}}
        client.call("CreateModel", ModelName=f"m{number}", PrimaryContainer=container, Tags=TAGS)
        variant = {"VariantName": "main", "ModelName": f"m{number}", "InstanceType": "ml.m5.large"}
        variants = [variant | {"InitialInstanceCount": 2}]
        client.call("CreateEndpointConfig", EndpointConfigName=f"c{number}", ProductionVariants=variants, Tags=TAGS)
        client.call("CreateEndpoint", EndpointName=f"e{number}", EndpointConfigName=f"c{number}", Tags=TAGS)
    while client.call("ListEndpoints", StatusEquals="Creating")["Endpoints"]:
        time.sleep(0.05)
    return time.perf_counter() - start


def run(client: Client, endpoints: int, calls: int) -> None:
    """Print the table."""
    empty = client.memory()
    before = client.cpu()
    seconds = create(client, endpoints)
    print(f"{endpoints} endpoints InService after {seconds:.1f} s, {client.cpu() - before:.1f} s of CPU")
    print(
        f"Control plane {client.memory():.0f} MiB, {(client.memory() - empty) * 1024 / endpoints:.0f} KiB an endpoint"
    )
    print(f"\n{'operation':30} {'p50 ms':>8} {'p99 ms':>8} {'CPU ms':>8}")
    arn = "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/e1"
    weights = [{"VariantName": "main", "DesiredWeight": 2.0}]
    rows: list[tuple[str, dict[str, Any]]] = [
        ("DescribeEndpoint", {"EndpointName": "e1"}),
        ("DescribeEndpointConfig", {"EndpointConfigName": "c1"}),
        ("DescribeModel", {"ModelName": "m1"}),
        ("ListTags", {"ResourceArn": arn}),
        ("ListEndpoints", {"MaxResults": 100}),
        ("ListModels", {"MaxResults": 100}),
        ("CreateModel", {"ModelName": "n{}", "PrimaryContainer": {"Image": "local://echo"}, "Tags": TAGS}),
        ("UpdateEndpointWeightsAndCapacities", {"EndpointName": "e{}", "DesiredWeightsAndCapacities": weights}),
        ("DeleteModel", {"ModelName": "n{}"}),
    ]
    for operation, members in rows:
        found = client.measure(min(calls, endpoints), operation, **members)
        print(f"{operation[:30]:30} {found.p50:8.2f} {found.p99:8.2f} {found.cpu:8.2f}")


def main() -> None:
    """Start local SageMaker, measure, end it."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--endpoints", type=int, default=1000)
    options.add_argument("--calls", type=int, default=500)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder, "ready.json")
        command = [sys.executable, "-m", "sagemaker_local", "--port", "0", "--ready-file", str(ready)]
        process = subprocess.Popen([*command, "--log-level", "warning"])
        try:
            while not ready.exists() and process.poll() is None:
                time.sleep(0.05)
            run(Client(json.loads(ready.read_text())["url"]), asked.endpoints, asked.calls)
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
