"""What a pod has of its cluster: the SageMakerEndpoint's status and the result's ConfigMap, by the rights of the
chart's Role and no more, against a real Kubernetes API; and a bucket.
"""

import base64
import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import jsonschema
import pytest
import yaml
from moto.moto_api._internal import moto_api_backend
from moto.server import ThreadedMotoServer

from devcluster import Cluster
from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.spec import Endpoint, Load, LoadTest, OpenLoad, Payloads
from sagemaker_loadtest.command.setting import Setting
from testkit.loadtest import SCHEMAS
from testkit.waiting import until

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret/of+the/test"}
SPEC = {
    "apiVersion": "sagemaker-operator.io/v1alpha1",
    "kind": "SageMakerEndpoint",
    "metadata": {"name": "fraud"},
    "spec": {
        "executionRoleARN": "arn:aws:iam::111122223333:role/r",
        "variants": [
            {
                "name": "main",
                "containers": [{"image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/fraud:1"}],
                "instances": {"type": "ml.m5.large", "count": 1},
            }
        ],
    },
}
ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {"name": "loadtest"},
    "rules": [
        {
            "apiGroups": ["sagemaker-operator.io"],
            "resources": ["sagemakerendpoints"],
            "resourceNames": ["fraud", "none"],
            "verbs": ["get"],
        },
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["result"], "verbs": ["patch"]},
    ],
}


def conditions(**states: tuple[str, str, str]) -> list[dict[str, str]]:
    return [
        {"type": kind, "status": s, "reason": r, "message": m, "lastTransitionTime": "2026-01-01T00:00:00Z"}
        for kind, (s, r, m) in states.items()
    ]


READY = conditions(Ready=("True", "InService", "serves"), Synced=("True", "Synced", ""))
UPDATING = conditions(Ready=("True", "InService", "serves"), Synced=("False", "Updating", "a new fleet starts"))
STALLED = conditions(
    Ready=("True", "InService", "the old fleet serves"), Synced=("False", "RolledBack", ""),
    Stalled=("True", "RolledBack", "the model did not start: OutOfMemory"),
)  # fmt: skip


class Namespace:
    """A namespace with the chart's Role, and a pod's view of it."""

    def __init__(self, plane: Cluster, name: str, folder: Path) -> None:
        self._plane, self.name, self.account = plane, name, folder / "serviceaccount"
        self.account.mkdir()
        self.kubectl("create", "serviceaccount", "loadtest")
        self.apply(ROLE)
        self.kubectl("create", "rolebinding", "loadtest", "--role=loadtest", f"--serviceaccount={name}:loadtest")
        config = json.loads(plane.kubeconfig.read_text())["clusters"][0]["cluster"]
        token = self.kubectl("create", "token", "loadtest").strip()
        (self.account / "token").write_text(token)
        (self.account / "namespace").write_text(name)
        (self.account / "ca.crt").write_bytes(base64.b64decode(config["certificate-authority-data"]))

    def kubectl(self, *arguments: str, document: object = None) -> str:
        text = json.dumps(document) if document is not None else None
        return self._plane.kubectl(*arguments, "-n", self.name, input=text).stdout

    def apply(self, document: object) -> None:
        self.kubectl("apply", "-f", "-", document=document)

    def status(self, found: list[dict[str, str]], generation: int = 1) -> None:
        status = {
            "observedGeneration": generation,
            "conditions": found,
            "endpointName": "ml-fraud",
            "region": "eu-west-1",
        }
        self.kubectl(
            "patch", "sagemakerendpoint", "fraud", "--subresource=status", "--type=merge",
            "-p", json.dumps({"status": status}),
        )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        parts = urlsplit(self._plane.url)
        return {"KUBERNETES_SERVICE_HOST": parts.hostname or "", "KUBERNETES_SERVICE_PORT": str(parts.port)}


@pytest.fixture
def space(control_plane: Cluster, namespace: str, tmp_path: Path) -> Namespace:
    return Namespace(control_plane, namespace, tmp_path)


@pytest.fixture
def run(tmp_path: Path, space: Namespace, stub: Any) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def begin(*flags: str, duration: str = "2s", resource: str = "fraud", **variables: str) -> subprocess.Popen[str]:
        (tmp_path / "rows.csv").write_text("1,2,3\n")
        test = {
            "endpoint": {"resource": resource},
            "payloads": {"contentType": "text/csv", "sources": [{"file": "rows.csv"}]},
            "load": {"open": {"rate": 20}, "duration": duration},
            "thresholds": ["failed <= 0%"],
            "workers": 1,
        }
        (tmp_path / "test.yaml").write_text(yaml.safe_dump(test))
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SAGEMAKER_", "KUBERNETES_"))}
        environment = kept | KEYS | space.environment | {"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": stub.url} | variables
        command = [sys.executable, "-m", "sagemaker_loadtest", "run", "-f", str(tmp_path / "test.yaml")]
        command += ["--out", str(tmp_path / "out"), "--run-id=r1", f"--service-account-dir={space.account}", *flags]
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    text = process.communicate(timeout=120)[0]
    return process.returncode, text


def lines_until(process: subprocess.Popen[str], part: str) -> str:
    """Reads on until a line has `part`."""
    assert process.stdout
    seen = ""
    for line in process.stdout:
        seen += line
        if part in line:
            return seen
    raise AssertionError(f"ended without “{part}”: {seen}")


def test_waits_until_the_endpoint_is_ready_and_synced(
    run: Callable[..., Any], space: Namespace, tmp_path: Path
) -> None:
    space.apply(SPEC)
    process = run()
    lines_until(process, "the operator has not looked at its newest spec yet")
    space.status(UPDATING)
    lines_until(process, "Synced=False, Updating: a new fleet starts")
    space.status(READY)
    lines_until(process, "SageMakerEndpoint fraud is ready: ml-fraud in eu-west-1")
    code, text = ended(process)
    assert code == 0, text
    endpoint = json.loads((tmp_path / "out/result.json").read_text())["endpoint"]
    assert (endpoint["name"], endpoint["region"]) == ("ml-fraud", "eu-west-1")


@pytest.mark.parametrize(
    ("found", "flags", "told"),
    [
        (STALLED, [], "Stalled=True, RolledBack: the model did not start: OutOfMemory"),
        (UPDATING, ["--endpoint-max-wait=1s"], "not ready after 1s: Synced=False, Updating: a new fleet starts"),
    ],
)
def test_endpoint_that_does_not_get_ready(
    run: Callable[..., Any], space: Namespace, stub: Any, found: list[dict[str, str]], flags: list[str], told: str
) -> None:
    space.apply(SPEC)
    space.status(found)
    code, text = ended(run(*flags))
    assert code == 2, text
    assert told in text
    assert "Traceback" not in text
    assert stub.calls == 0


@pytest.mark.parametrize(
    ("resource", "told"),
    [("none", "there is none of that name in namespace test-"), ("other", "rbac.create")],
)
def test_endpoint_that_is_not_there_or_not_ours_to_read(run: Callable[..., Any], resource: str, told: str) -> None:
    code, text = ended(run(resource=resource))
    assert code == 2, text
    assert told in text


def test_outside_a_cluster(run: Callable[..., Any]) -> None:
    code, text = ended(run(KUBERNETES_SERVICE_HOST=""))
    assert code == 2, text
    assert "can only be looked up from inside the cluster" in text


def test_wait_is_stopped_by_sigterm(run: Callable[..., Any], space: Namespace) -> None:
    space.apply(SPEC)
    process = run()
    lines_until(process, "waiting for SageMakerEndpoint fraud")
    process.send_signal(signal.SIGTERM)
    code, text = ended(process)
    assert code == 5, text
    assert "Stopped before any load was sent" in text


def test_result_is_in_the_configmap_also_after_a_stop(run: Callable[..., Any], space: Namespace, stub: Any) -> None:
    space.apply(SPEC)
    space.status(READY)
    space.kubectl("create", "configmap", "result")
    code, text = ended(run("--results-configmap=result"))
    assert code == 0, text
    first = json.loads(space.kubectl("get", "configmap", "result", "-o", "json"))
    assert json.loads(first["data"]["verdict.json"])["word"] == "met"
    assert "Load test: Met" in first["data"]["summary.md"]
    page = gzip.decompress(base64.b64decode(first["binaryData"]["index.html.gz"])).decode()
    assert page.lower().startswith("<!doctype html>")

    reached = stub.after(stub.calls + 20)
    process = run("--results-configmap=result", duration="10m")
    assert reached.wait(60)
    process.send_signal(signal.SIGTERM)
    code, text = ended(process)
    assert code == 5, text
    second = json.loads(space.kubectl("get", "configmap", "result", "-o", "json"))
    verdict = json.loads(second["data"]["verdict.json"])
    assert (verdict["word"], verdict["exitCode"], verdict["run"]) == ("endedEarly", 5, "r1")
    result = json.loads(gzip.decompress(base64.b64decode(second["binaryData"]["result.json.gz"])))
    assert result["verdict"]["exitCode"] == 5
    assert f"ConfigMap {space.name}/result" in text


def test_configmap_that_cannot_be_written_is_refused_before_the_load(
    run: Callable[..., Any], space: Namespace, stub: Any, tmp_path: Path
) -> None:
    space.apply(SPEC)
    space.status(READY)
    code, text = ended(run("--results-configmap=other"))
    assert code == 2, text
    assert f"--results-configmap: ConfigMap {space.name}/other cannot be written to" in text
    assert "rbac.create" in text
    code, text = ended(run("--results-configmap=result"))
    assert code == 2, text
    assert "not found" in text
    assert stub.calls == 2, "the probing calls, and no load"
    assert not (tmp_path / "out/result.json").exists()


def test_trying_out_a_configmap_leaves_what_an_earlier_run_has_left(
    space: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in space.environment.items():
        monkeypatch.setenv(name, value)
    space.kubectl("create", "configmap", "result", "--from-literal=verdict.json=earlier")
    (store,) = Setting(results_configmap="result", account=space.account).stores()
    test = LoadTest("t", Endpoint("e", "eu-west-1"), Payloads((), None), Load(3.0, open=OpenLoad(50)))
    store.try_out(test, "r2")
    assert json.loads(space.kubectl("get", "configmap", "result", "-o", "json"))["data"] == {"verdict.json": "earlier"}
    space.kubectl("patch", "configmap", "result", "--type=merge", "-p", '{"immutable": true}')
    with pytest.raises(ConfigurationError, match="immutable"):
        store.try_out(test, "r2")


def test_sigkill_leaves_a_partial_result_in_both_places(
    run: Callable[..., Any], space: Namespace, stub: Any, reports: Any, s3: str, tmp_path: Path
) -> None:
    space.apply(SPEC)
    space.status(READY)
    space.kubectl("create", "configmap", "result")
    flags = ("--results-configmap=result", "--results-s3=s3://reports/r1/")
    process = run(*flags, duration="10m", AWS_ENDPOINT_URL_S3=s3)

    def in_configmap() -> Any:
        found = json.loads(space.kubectl("get", "configmap", "result", "-o", "json"))
        packed = found.get("binaryData", {}).get("result.json.gz")
        return json.loads(gzip.decompress(base64.b64decode(packed))) if packed else None

    def in_bucket() -> Any:
        keys = [o["Key"] for o in reports.list_objects_v2(Bucket="reports").get("Contents", ())]
        if "r1/result.json" not in keys:
            return None
        return json.loads(reports.get_object(Bucket="reports", Key="r1/result.json")["Body"].read())

    def measured(look: Callable[[], Any]) -> bool:
        found = look()
        return bool(found and found["summary"]["answered"] > 0)

    until(lambda: measured(in_configmap) and measured(in_bucket), "both places have answers of the run")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (tmp_path / "out/result.json").unlink()  # as the pod's folder is gone
    for result in (in_configmap(), in_bucket()):
        assert (result["partial"], result["verdict"]["exitCode"]) == (True, 5)
        jsonschema.validate(result, json.loads((SCHEMAS / "loadtest-result-v1.schema.json").read_text()))
    found = json.loads(space.kubectl("get", "configmap", "result", "-o", "json"))
    verdict = json.loads(found["data"]["verdict.json"])
    assert (verdict["partial"], verdict["exitCode"], verdict["run"]) == (True, 5, "r1")
    assert "while the run went on" in found["data"]["summary.md"]
    page = reports.get_object(Bucket="reports", Key="r1/index.html")["Body"].read().decode()
    assert "Not finished" in page


@pytest.fixture
def s3() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    moto_api_backend.reset()  # the server has the process's one state
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def reports(s3: str) -> Iterator[Any]:
    """A client of the bucket of that name."""
    client = boto3.client(
        "s3", endpoint_url=s3, region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    with contextlib.closing(client):
        client.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield client


def test_result_is_in_the_bucket(run: Callable[..., Any], space: Namespace, reports: Any, s3: str) -> None:
    space.apply(SPEC)
    space.status(READY)
    code, text = ended(run("--results-s3=s3://reports/loadtest/r1/", AWS_ENDPOINT_URL_S3=s3))
    assert code == 0, text
    assert "s3://reports/loadtest/r1/" in text
    keys = {o["Key"]: o["Size"] for o in reports.list_objects_v2(Bucket="reports")["Contents"]}
    assert {"loadtest/r1/index.html", "loadtest/r1/result.json", "loadtest/r1/summary.md"} <= set(keys)
    head = reports.head_object(Bucket="reports", Key="loadtest/r1/index.html")
    assert head["ContentType"] == "text/html"
    final = json.loads(reports.get_object(Bucket="reports", Key="loadtest/r1/result.json")["Body"].read())
    assert final["partial"] is False
    summary = reports.get_object(Bucket="reports", Key="loadtest/r1/summary.md")["Body"].read().decode()
    assert "Load test: Met" in summary


def test_bucket_that_is_not_there_is_refused_before_the_load(
    run: Callable[..., Any], space: Namespace, stub: Any, s3: str
) -> None:
    space.apply(SPEC)
    space.status(READY)
    code, text = ended(run("--results-s3=s3://none/p/", AWS_ENDPOINT_URL_S3=s3))
    assert code == 2, text
    assert "--results-s3: s3://none/p/ cannot be written to" in text
    assert "NoSuchBucket" in text
    assert "Make the bucket, or name another" in text
    assert stub.calls == 1, "the probing call, and no load"


def test_bucket_that_comes_back_in_mid_run_costs_nothing(
    run: Callable[..., Any], space: Namespace, reports: Any, s3: str
) -> None:
    space.apply(SPEC)
    space.status(READY)
    process = run("--results-s3=s3://reports/r1/", duration="14s", AWS_ENDPOINT_URL_S3=s3)
    empty(reports)
    told = lines_until(process, "the result so far could not be written to s3://reports/r1/")
    assert "NoSuchBucket" in told
    assert "the run goes on" in told
    reports.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    lines_until(process, "the result so far is in s3://reports/r1/ again")
    code, text = ended(process)
    assert code == 0, text
    assert json.loads(reports.get_object(Bucket="reports", Key="r1/result.json")["Body"].read())["partial"] is False


def test_bucket_that_is_gone_at_the_end_leaves_the_result_in_the_other_places(
    run: Callable[..., Any], space: Namespace, reports: Any, s3: str, tmp_path: Path
) -> None:
    space.apply(SPEC)
    space.status(READY)
    space.kubectl("create", "configmap", "result")
    flags = ("--results-s3=s3://reports/r1/", "--results-configmap=result")
    process = run(*flags, duration="3s", AWS_ENDPOINT_URL_S3=s3)
    empty(reports)
    code, text = ended(process)
    assert code == 5, text
    assert "the result could not be written to s3://reports/r1/" in text
    assert f"All files are in {tmp_path / 'out'}" in text
    result = json.loads((tmp_path / "out/result.json").read_text())
    assert (result["verdict"]["exitCode"], result["partial"]) == (5, False)
    assert result["verdict"]["reasons"][0].startswith("But for that, exit code 0: Met")
    assert result["summary"]["answered"] > 0
    found = json.loads(space.kubectl("get", "configmap", "result", "-o", "json"))
    assert json.loads(found["data"]["verdict.json"])["exitCode"] == 5  # the last place has the last word


def empty(reports: Any) -> None:
    """The bucket is gone once the run has tried it out."""

    def gone() -> bool:
        keys = [{"Key": o["Key"]} for o in reports.list_objects_v2(Bucket="reports").get("Contents", ())]
        if not keys:
            return False
        reports.delete_objects(Bucket="reports", Delete={"Objects": keys})
        reports.delete_bucket(Bucket="reports")
        return True

    until(gone, "the bucket was tried out")


def test_no_s3_url(run: Callable[..., Any]) -> None:
    code, text = ended(run("--results-s3=reports/x"))
    assert code == 2, text
    assert "is no S3 URL" in text
