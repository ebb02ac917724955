"""The load tester's chart, installed by the real helm: master and three workers in pods of their own, and what happens
when one of them, the master or the endpoint goes away in mid-run."""

import gzip
import json
import subprocess
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

CHART = Path(__file__).parents[2] / "charts/sagemaker-loadtest"
WORKERS = 3
_SMALL = {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}}
"""The chart asks a whole core for each worker; this machine may have two."""


def values(aws: dict[str, str], rows: str, duration: str, bucket: str = "") -> dict[str, Any]:
    return {
        "endpoint": {"resource": "fraud"},
        "test": {
            "payloads": {
                "contentType": "text/csv",
                "accept": "text/csv",
                "sources": [{"file": "payloads/rows.csv", "split": "Lines"}],
            },
            "load": {"open": {"rate": 30, "arrivals": "Poisson"}, "duration": duration, "warmUp": "1s"},
            # Generous: what is proven is the way through the cluster, not how fast this machine is.
            "thresholds": ["p50 <= 10s", "failed <= 5%"],
        },
        "payloads": {"files": {"rows.csv": rows}},
        "workers": {"replicas": WORKERS, "resources": _SMALL},
        "master": {"resources": _SMALL},
        "results": {"s3": {"url": bucket}},
        "extraEnv": [{"name": name, "value": value} for name, value in aws.items()],
    }


@dataclass(frozen=True, slots=True)
class Release:
    """A load test that helm has installed; `name` is the release's."""

    stage: Any
    name: str
    awaiting: Callable[..., Any]

    def pods(self, component: str, run: str = "r1") -> list[dict[str, Any]]:
        labels = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={component}"
        found: list[dict[str, Any]] = self.stage.get("ml", "pods", "-l", f"{labels},sagemaker-operator.io/run={run}")[
            "items"
        ]
        return found

    def master(self, run: str = "r1") -> str:
        [pod] = self.awaiting(lambda: self.pods("master", run), what="the master's pod")
        return str(pod["metadata"]["name"])

    def await_load(self) -> None:
        """Requests were answered and counted."""
        path = f"/api/v1/namespaces/ml/pods/{self.master()}:8080/proxy/metrics"

        def counted() -> bool:
            said = self.stage.cluster.kubectl("get", "--raw", path, check=False).stdout
            lines = [line for line in said.splitlines() if line.startswith("sagemaker_loadtest_requests_total")]
            return any(float(line.rpartition(" ")[2]) > 0 for line in lines)

        self.awaiting(counted, what="requests that the master has counted")

    def exit_code(self, run: str = "r1") -> int:
        """Once the master has ended."""

        def ended() -> list[int]:
            [pod] = self.pods("master", run)
            states = [status["state"] for status in pod["status"].get("containerStatuses", [])]
            return [state["terminated"]["exitCode"] for state in states if "terminated" in state]

        [code] = self.awaiting(ended, 240, "the master's end")
        return int(code)

    def report(self) -> dict[str, Any]:
        """What is in the ConfigMap: the verdict, and result.json with the page beside it."""
        config = self.stage.get("ml", "configmap", f"{self.name}-sagemaker-loadtest-result")
        page = gzip.decompress(b64decode(config["binaryData"]["index.html.gz"])).decode()
        assert page.lstrip().lower().startswith("<!doctype html>")
        assert config["data"]["summary.md"]
        result = json.loads(gzip.decompress(b64decode(config["binaryData"]["result.json.gz"])))
        return {"verdict": json.loads(config["data"]["verdict.json"]), "result": result}

    def await_no_workers(self) -> None:
        """They end with their master, and nothing starts them again."""

        def ended() -> bool:
            return all(pod["status"]["phase"] in ("Succeeded", "Failed") for pod in self.pods("worker"))

        self.awaiting(ended, what="the workers' end")


@pytest.fixture
def release(
    stage: Any, helm: Any, awaiting: Any, archives: Path, tmp_path: Path, endpoint: str, aws: dict[str, str]
) -> Iterator[Callable[..., Release]]:
    """Installs a run of so many seconds; afterwards nothing of it is left."""
    rows = "\n".join((archives / "rows.csv").read_text().splitlines()[:40]) + "\n"
    names: list[str] = []

    def install(name: str, duration: str, bucket: str = "", verb: str = "install") -> Release:
        file = tmp_path / "values.yaml"
        file.write_text(yaml.safe_dump(values(aws, rows, duration, bucket)))
        names.append(name)
        done = helm(verb, name, str(CHART), "--namespace=ml", f"--values={file}")
        assert done.returncode == 0, done.stderr
        return Release(stage, name, awaiting)

    yield install
    for name in dict.fromkeys(names):
        done = helm("uninstall", name, "--namespace=ml", "--wait", "--timeout=120s")
        assert done.returncode == 0, done.stderr

    def nothing_left() -> bool:
        kinds = "pods,jobs,services,configmaps,networkpolicies,roles,rolebindings,serviceaccounts,secrets"
        left = stage.cluster.kubectl("-n", "ml", "get", kinds, "-o", "name").stdout.split()
        return not any("loadtest" in line for line in left)

    awaiting(nothing_left, what="the end of all that the chart had made")


def test_a_run_in_pods_ends_with_its_verdict_and_report(release: Any, stage: Any, helm: Any) -> None:
    """The report is in the ConfigMap and on S3; an upgrade is the next run."""
    run = release("fine", "12s", "s3://results/runs/")
    assert run.exit_code() == 0, stage.cluster.kubectl("-n", "ml", "logs", run.master()).stdout
    report = run.report()
    assert (report["verdict"]["word"], report["verdict"]["exitCode"], report["verdict"]["run"]) == ("met", 0, "r1")
    workers = run.pods("worker")
    assert len(workers) == WORKERS
    run.await_no_workers()
    assert {pod["status"]["phase"] for pod in run.pods("worker")} == {"Succeeded"}
    keys = [entry["Key"] for entry in stage.client("s3").list_objects_v2(Bucket="results")["Contents"]]
    assert {"runs/r1/result.json", "runs/r1/index.html", "runs/r1/summary.md"} <= set(keys)
    release("fine", "6s", verb="upgrade")
    assert run.exit_code("r2") == 0
    assert run.report()["verdict"]["run"] == "r2"


def test_a_worker_pod_is_killed_in_mid_run(release: Any, stage: Any) -> None:
    run = release("hurt", "25s")
    run.await_load()
    victim = run.pods("worker")[0]["metadata"]["name"]
    stage.cluster.kubectl("-n", "ml", "delete", "pod", victim, "--grace-period=0", "--force")
    assert run.exit_code() == 4
    report = run.report()
    assert report["verdict"]["word"] == "workersLost"
    run.await_no_workers()


def test_the_master_is_evicted(release: Any, stage: Any) -> None:
    """As by `kubectl drain`: it has its grace period to report what it has."""
    run = release("moved", "120s")
    run.await_load()
    master = run.master()
    code = "{.status.containerStatuses[0].state.terminated.exitCode}"
    kubectl = [str(stage.cluster.programs["kubectl"]), f"--kubeconfig={stage.cluster.kubeconfig}", "-n", "ml"]
    with subprocess.Popen(
        [*kubectl, "wait", f"--for=jsonpath={code}=5", f"pod/{master}", "--timeout=120s"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as watch:  # fmt: skip
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": master, "namespace": "ml"}}
        path = f"/api/v1/namespaces/ml/pods/{master}/eviction"
        stage.cluster.kubectl("create", "--raw", path, "-f", "-", input=json.dumps(eviction))
        said = watch.communicate()[0]
    assert watch.returncode == 0, said
    verdict = run.report()["verdict"]
    assert (verdict["word"], verdict["exitCode"]) == ("endedEarly", 5)
    run.await_no_workers()


def test_the_endpoint_is_deleted_in_mid_run(release: Any, stage: Any) -> None:
    run = release("gone", "120s")
    run.await_load()
    stage.cluster.kubectl("-n", "ml", "delete", "sme", "fraud", "--timeout=120s")
    assert run.exit_code() == 5
    verdict = run.report()["verdict"]
    assert verdict["word"] == "endedEarly"
    assert "does not exist any more" in verdict["headline"]
    run.await_no_workers()


def test_an_endpoint_that_is_not_there_ends_before_any_load(
    stage: Any, helm: Any, awaiting: Any, aws: Any, tmp_path: Path
) -> None:
    """The master's own account reads the object; there is none."""
    file = tmp_path / "values.yaml"
    content = values(aws, "1,2\n", "10s")
    content["endpoint"]["maxWait"] = "3s"
    content["workers"]["maxWait"] = "20s"  # for a master that never opens its doors
    file.write_text(yaml.safe_dump(content))
    assert helm("install", "absent", str(CHART), "--namespace=ml", f"--values={file}").returncode == 0
    run = Release(stage, "absent", awaiting)
    assert run.exit_code() == 2
    logs = stage.cluster.kubectl("-n", "ml", "logs", run.master()).stdout
    assert "fraud" in logs
    run.await_no_workers()
    assert helm("uninstall", "absent", "--namespace=ml", "--wait").returncode == 0
