"""The operator under many objects at once: real API server, local SageMaker, its own ServiceAccount.

    python tools/bench/scale.py [--counts 10 100 1000] [--limited 100]

Figures are from local SageMaker's call log, the API server's watch and /proc; beside them those of AWS's own
controller (ACK sagemaker-controller 1.9.1, measured on two cores against creations of 2.0 s).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import urllib3
from kubernetes import client, config, watch

from devcluster import ControlPlane

ROOT = Path(__file__).parents[2]
GROUP, VERSION, PLURAL = "sagemaker-operator.io", "v1alpha1", "sagemakerendpoints"
NAMESPACE, REGION = "bench", "eu-west-1"
KEYS = {"aws_access_key_id": "111122223333", "aws_secret_access_key": "local"}
RIVAL = {  # create to Ready p50 / p99, all done, AWS calls each; the best of its configurations
    (10, False): "32.2 / 32.7 s, done 32.7 s, 24 calls each",
    (100, False): "36.1 / 38.0 s, done 38.5 s, 19 calls each",
    (1000, False): "87 / 101 s, done 120 s, 19 calls each",
    (100, True): "66 / 119 s, done 120 s, 36 calls each, 1,496 throttles",
    (300, True): "285 / 298 s, 290 of 300 done in 300 s, 23 calls each, 521 throttles",
}


@dataclass
class Process:
    """A process of ours and what it used."""

    popen: subprocess.Popen[bytes]
    url: str

    @property
    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.popen.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def rss_kib(self) -> int:
        lines = Path(f"/proc/{self.popen.pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmRSS")))


@contextmanager
def process(folder: Path, name: str, *arguments: str, **environment: str) -> Iterator[Process]:
    """`name` is a command of the virtual environment; it writes a ready file."""
    ready = folder / f"{name}.ready"
    ready.unlink(missing_ok=True)
    with (folder / f"{name}.log").open("ab") as log:
        popen = subprocess.Popen(
            [str(Path(sys.executable).with_name(name)), "--port=0", f"--ready-file={ready}", *arguments],
            env={**os.environ, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        while not ready.exists():
            if popen.poll() is not None:
                raise SystemExit(f"{name} ended: {(folder / f'{name}.log').read_text()[-2000:]}")
            time.sleep(0.05)
        yield Process(popen, json.loads(ready.read_text())["url"])
    finally:
        popen.terminate()
        popen.wait(60)


@dataclass
class Seen:
    """When each object reached a state, as the watch showed it."""

    begun: dict[str, float] = field(default_factory=dict)
    ready: dict[str, float] = field(default_factory=dict)
    revision: dict[str, float] = field(default_factory=dict)
    gone: dict[str, float] = field(default_factory=dict)
    writes: int = 0


class Objects:
    """The endpoints of the benchmark on the API server."""

    def __init__(self, kubeconfig: Path) -> None:
        settings = client.Configuration()
        config.load_kube_config(str(kubeconfig), client_configuration=settings)
        settings.connection_pool_maxsize = 16
        self.api = client.CustomObjectsApi(client.ApiClient(settings))
        self._watch_api = client.CustomObjectsApi(client.ApiClient(settings))
        self._pool = ThreadPoolExecutor(8)
        self.seen = Seen()
        self._stream = watch.Watch()
        threading.Thread(target=self._follow, daemon=True).start()

    def close(self) -> None:
        """The watch ends at the next event, or with the API server."""
        self._stream.stop()
        self._pool.shutdown()

    def _follow(self) -> None:
        with suppress(urllib3.exceptions.HTTPError):
            self._read()

    def _read(self) -> None:
        for event in self._stream.stream(
            self._watch_api.list_namespaced_custom_object, GROUP, VERSION, NAMESPACE, PLURAL, timeout_seconds=3600
        ):
            now, body = time.monotonic(), event["object"]
            name, status = body["metadata"]["name"], body.get("status", {})
            if event["type"] == "DELETED":
                self.seen.gone[name] = now
                continue
            self.seen.writes += event["type"] == "MODIFIED"
            conditions = {c["type"]: c for c in status.get("conditions", ())}
            ready, synced = conditions.get("Ready", {}), conditions.get("Synced", {})
            if ready.get("status") == "True":
                self.seen.ready.setdefault(name, now)
            if synced.get("status") == "True" and synced["observedGeneration"] == body["metadata"]["generation"] > 1:
                self.seen.revision.setdefault(name, now)

    def each(self, count: int, act: Callable[[str], object]) -> None:
        def timed(name: str) -> None:
            self.seen.begun[name] = time.monotonic()
            act(name)

        list(self._pool.map(timed, (f"e{number:04}" for number in range(count))))

    def create(self, name: str) -> None:
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "SageMakerEndpoint",
            "metadata": {"name": name},
            "spec": spec(),
        }
        self.api.create_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL, body)

    def edit(self, name: str) -> None:
        patch = {"spec": spec(RELEASE="2")}
        self.api.patch_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL, name, patch)

    def delete(self, name: str) -> None:
        self.api.delete_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL, name)


def spec(**environment: str) -> dict[str, Any]:
    container = {"image": "local://echo", "environment": {"RELEASE": "1", **environment}}
    return {"variants": [{"name": "main", "containers": [container], "instances": {"type": "ml.m5.large", "count": 1}}]}


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as reply:
        return json.loads(reply.read())


def clear_calls(local: Process) -> None:
    urllib.request.urlopen(urllib.request.Request(f"{local.url}/_local/calls", method="DELETE"), timeout=60).close()


def await_all(marks: dict[str, float], count: int, what: str, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while len(marks) < count and time.monotonic() < end:
        time.sleep(0.05)
    if len(marks) < count:
        print(f"  only {len(marks)} of {count} {what} within {seconds:g} s")
    return len(marks) >= count


def times(seen: Seen, marks: dict[str, float]) -> str:
    took = sorted(marks[name] - seen.begun[name] for name in marks)
    if not took:
        return "none"
    last = max(marks.values()) - min(seen.begun.values())
    return f"{statistics.median(took):.1f} / {took[max(int(len(took) * 0.99) - 1, 0)]:.1f} s, done {last:.1f} s"


def calls(local: Process, count: int) -> str:
    log = get(f"{local.url}/_local/calls")
    own = [call for call in log if not call["operation"].startswith("List") or call["operation"] == "ListTags"]
    sweeps = [call for call in log if call["operation"].startswith("List") and call["operation"] != "ListTags"]
    refused = [call for call in log if call["outcome"] != "ok"]
    throttled = [call for call in refused if call["outcome"] == "ThrottlingException"]
    return (
        f"{len(own) / count:.2f} calls each, {len(sweeps)} list pages in all, "
        f"{len(refused) - len(throttled)} refused, {len(throttled)} throttled"
    )


@dataclass
class Bench:
    """One number of endpoints, with or without a limit of the service."""

    local: Process
    operator: Process
    objects: Objects
    count: int
    limit: float | None

    def run(self) -> None:
        """Create, rest, edit, delete; a line of figures for each."""
        self._warm_up()
        self._create()
        self._rest()
        self._change("edit to Synced  ", self.objects.edit, self.objects.seen.revision, "updated")
        self._change("delete to gone  ", self.objects.delete, self.objects.seen.gone, "gone")

    def _warm_up(self) -> None:
        """The region's clients are opened for the first object, and kept."""
        seen = self.objects.seen
        for act, marks, what in ((self.objects.create, seen.ready, "Ready"), (self.objects.delete, seen.gone, "gone")):
            act("first")
            await_all(marks, 1, what, 60)
        seen.ready.clear()
        seen.gone.clear()
        clear_calls(self.local)

    def _create(self) -> None:
        rss, cpu = self.operator.rss_kib, self.operator.cpu_seconds
        self._change("create to Ready ", self.objects.create, self.objects.seen.ready, "Ready")
        if rival := RIVAL.get((self.count, self.limit is not None)):
            print(f"  ACK              {rival}")
        if self.limit:
            print(f"  floor            {self.count / self.limit:.1f} s for the last create call, and 2.0 s to start")
        print(f"  noticed after    {noticed(self.local, self.objects.seen)}; ACK 28 s")
        each = (self.operator.rss_kib - rss) / self.count
        used, whole = self.operator.cpu_seconds - cpu, self.operator.rss_kib / 1024
        print(f"  operator         {used:.1f} CPU s, {whole:.0f} MiB RSS, {each:.0f} KiB an object", flush=True)

    def _rest(self) -> None:
        time.sleep(4)
        clear_calls(self.local)
        writes, cpu, begun = self.objects.seen.writes, self.operator.cpu_seconds, time.monotonic()
        time.sleep(20)
        made = get(f"{self.local.url}/_local/calls")
        what = ", ".join(sorted({call["operation"] for call in made})) or "none"
        core = (self.operator.cpu_seconds - cpu) / (time.monotonic() - begun)
        written = self.objects.seen.writes - writes
        print(f"  steady, 20 s     {len(made)} calls ({what}), {written} status writes, {core:.3f} core", flush=True)

    def _change(self, title: str, act: Callable[[str], object], marks: dict[str, float], what: str) -> None:
        clear_calls(self.local)
        self.objects.seen.begun.clear()
        self.objects.each(self.count, act)
        await_all(marks, self.count, what, 600)
        print(f"  {title} {times(self.objects.seen, marks)}, {calls(self.local, self.count)}", flush=True)


def noticed(local: Process, seen: Seen) -> str:
    """From the moment that SageMaker had an endpoint in service until the object said so."""
    shift = time.time() - time.monotonic()
    sagemaker = boto3.client("sagemaker", endpoint_url=local.url, region_name=REGION, **KEYS)
    pages = sagemaker.get_paginator("list_endpoints").paginate(PaginationConfig={"PageSize": 100})
    done = {e["EndpointName"]: e["LastModifiedTime"].timestamp() for page in pages for e in page["Endpoints"]}
    took = sorted(at + shift - done[f"{NAMESPACE}-{name}"] for name, at in seen.ready.items())
    return f"{statistics.median(took):.1f} / {took[max(int(len(took) * 0.99) - 1, 0)]:.1f} s"


def case(folder: Path, plane: ControlPlane, count: int, limit: float | None) -> None:
    """With fresh processes."""
    print(f"\n{count} endpoints, " + (f"{limit:g} calls a second per operation" if limit else "no limit"), flush=True)
    account = ("sagemaker-operator", "sagemaker-operator")
    kubeconfig = plane.service_account_kubeconfig(*account, folder / "operator.kubeconfig")
    limits = [f"--calls-per-second={limit}"] if limit else []
    with process(folder, "sagemaker-local", "--create-seconds=2.0", "--delete-seconds=0.8", *limits) as local:
        aws = {"AWS_ENDPOINT_URL": local.url, **{name.upper(): value for name, value in KEYS.items()}}
        flags = [
            f"--default-region={REGION}",
            "--default-execution-role-arn=arn:aws:iam::111122223333:role/serving",
            f"--aws-calls-per-second={limit or 200}",
            "--lease-seconds=3",
        ]
        with process(folder, "sagemaker-operator", *flags, KUBECONFIG=str(kubeconfig), **aws) as operator:
            objects = Objects(plane.kubeconfig)
            Bench(local, operator, objects, count, limit).run()
            objects.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="*", default=[10, 100, 1000])
    parser.add_argument("--limited", type=int, nargs="*", default=[100])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        with ControlPlane.start(folder / "kubernetes", controller_manager=True) as plane:
            install(plane)
            for count in given.counts:
                case(folder, plane, count, None)
            for count in given.limited:
                case(folder, plane, count, 4.0)


def install(plane: ControlPlane) -> None:
    parts = [ROOT / "crds/sagemakerendpoints.yaml"]
    parts += [ROOT / "manifests" / f"{part}.yaml" for part in ("namespace", "rbac")]
    plane.kubectl("apply", "--server-side", *(argument for part in parts for argument in ("-f", str(part))))
    plane.kubectl("wait", "--for=condition=Established", f"crd/{PLURAL}.{GROUP}", "--timeout=60s")
    plane.kubectl("create", "namespace", NAMESPACE)


if __name__ == "__main__":
    main()
