"""Load tests at the same time on one endpoint, each of which meets something else in mid-run: its master is killed and
its folder is gone, the endpoint gets a new fleet, its credentials expire again and again. Beside them `helm test`,
twice.
"""

import gzip
import json
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from tests.cluster.test_load_test_in_pods import CHART, Release, values

ROOT = Path(__file__).parents[2]
ACCOUNT = "111122223333"
TOKEN = "/var/run/secrets/eks.amazonaws.com/serviceaccount"


def as_with_irsa(content: dict[str, Any], aws: dict[str, str]) -> dict[str, Any]:
    """The variables and the projected token that the webhook of EKS gives to pods, instead of keys."""
    names = {name: value for name, value in aws.items() if "ACCESS_KEY" not in name}
    names |= {"AWS_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/loadtest", "AWS_WEB_IDENTITY_TOKEN_FILE": f"{TOKEN}/token"}
    token = {"serviceAccountToken": {"audience": "sts.amazonaws.com", "expirationSeconds": 3600, "path": "token"}}
    return content | {
        "extraEnv": [{"name": name, "value": value} for name, value in names.items()],
        "extraVolumes": [{"name": "aws-token", "projected": {"sources": [token]}}],
        "extraVolumeMounts": [{"name": "aws-token", "mountPath": TOKEN, "readOnly": True}],
    }


def as_helm_test(content: dict[str, Any]) -> dict[str, Any]:
    content["workers"]["placement"] = "MasterPod"
    return content | {"job": {"trigger": "HelmTest"}}


@dataclass(frozen=True, slots=True)
class Runs:
    """All that run; `checks` is what `helm test` said, twice."""

    releases: dict[str, Release]
    checks: "Future[list[subprocess.CompletedProcess[str]]]"

    def __getitem__(self, name: str) -> Release:
        return self.releases[name]


@pytest.fixture(scope="module")
def runs(
    stage: Any, helm: Any, awaiting: Any, archives: Path, aws: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runs]:
    """All of them, installed; afterwards nothing of them is left."""
    kubectl, folder = stage.cluster.kubectl, tmp_path_factory.mktemp("values")
    rows = "\n".join((archives / "rows.csv").read_text().splitlines()[:40]) + "\n"
    kubectl("apply", "-f", str(ROOT / "manifests/examples/fraud.yaml"))
    kubectl("-n", "ml", "wait", "--for=condition=Synced", "sme/fraud", "--timeout=120s")
    plans = {
        "checked": as_helm_test(values(aws, rows, "3s", "s3://results/checked/")),
        "updated": values(aws, rows, "50s"),
        "renewed": as_with_irsa(values(aws, rows, "40s", "s3://results/renewed/"), aws),
        "killed": values(aws, rows, "300s", "s3://results/killed/"),
    }
    for name, content in plans.items():
        content["workers"]["replicas"] = 1
        content["test"]["load"]["open"] = {"rate": 10, "arrivals": "Poisson"}
        content["test"]["thresholds"] = ["failed <= 0%"]
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
        done = helm("install", name, str(CHART), "--namespace=ml", f"--values={folder / name}.yaml")
        assert done.returncode == 0, done.stderr
    with ThreadPoolExecutor(1) as pool:
        checks = pool.submit(lambda: [helm("test", "checked", "--namespace=ml", "--timeout=180s") for _ in range(2)])
        yield Runs({name: Release(stage, name, awaiting) for name in plans}, checks)
    for name in plans:
        done = helm("uninstall", name, "--namespace=ml", "--wait", "--timeout=120s")
        assert done.returncode == 0, done.stderr
    # Helm leaves what its hooks have made.
    kubectl("-n", "ml", "delete", "job", "-l", "app.kubernetes.io/instance=checked")
    kubectl("-n", "ml", "delete", "sme", "fraud", "--timeout=120s")


def logs(run: Release) -> str:
    return str(run.stage.cluster.kubectl("-n", "ml", "logs", run.master()).stdout)


def test_a_killed_master_leaves_its_result_so_far(runs: Runs, stage: Any, awaiting: Any) -> None:
    """A SIGKILL, and with the pod its folder is gone: what is left is in the ConfigMap and on S3."""
    run, s3 = runs["killed"], stage.client("s3")
    run.await_load()

    def in_configmap() -> tuple[dict[str, str], dict[str, Any]] | None:
        config = stage.get("ml", "configmap", "killed-sagemaker-loadtest-result")
        packed = config.get("binaryData", {}).get("result.json.gz")
        return (config["data"], json.loads(gzip.decompress(b64decode(packed)))) if packed else None

    def in_bucket() -> dict[str, Any] | None:
        keys = [o["Key"] for o in s3.list_objects_v2(Bucket="results", Prefix="killed/r1/").get("Contents", ())]
        if "killed/r1/result.json" not in keys:
            return None
        found: dict[str, Any] = json.loads(s3.get_object(Bucket="results", Key="killed/r1/result.json")["Body"].read())
        return found

    def measured() -> bool:
        config, bucket = in_configmap(), in_bucket()
        return bool(config and bucket and config[1]["summary"]["answered"] and bucket["summary"]["answered"])

    awaiting(measured, what="answers in the result so far, in both places")
    master = run.master()
    first_process(master).kill()
    assert run.exit_code() == 137
    stage.cluster.kubectl("-n", "ml", "delete", "pod", master, "--grace-period=0", "--force")
    run.await_no_workers()
    config, bucket = in_configmap(), in_bucket()
    assert config
    assert bucket
    for result in (config[1], bucket):
        assert (result["partial"], result["verdict"]["exitCode"]) == (True, 5)
        assert "while the run went on" in result["verdict"]["headline"]
    verdict = json.loads(config[0]["verdict.json"])
    assert (verdict["partial"], verdict["exitCode"], verdict["run"]) == (True, 5, "r1")
    assert "while the run went on" in config[0]["summary.md"]


def first_process(pod: str) -> psutil.Process:
    """That of the master's container, as this machine sees it."""
    found = []
    for process in psutil.process_iter():
        try:
            here = process.environ().get("HOSTNAME") == pod
            if here and {"master", "--file=/loadtest/test.yaml"} <= set(process.cmdline()):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    [first] = found
    return first


def test_the_endpoint_gets_a_new_fleet(runs: Runs, stage: Any) -> None:
    run = runs["updated"]
    run.await_load()
    before = stage.client("sagemaker").describe_endpoint(EndpointName="ml-fraud")["EndpointConfigName"]
    patch = '{"spec": {"restartToken": "again"}}'
    generation = stage.get("ml", "sme", "fraud")["metadata"]["generation"] + 1
    stage.cluster.kubectl("-n", "ml", "patch", "sme", "fraud", "--type=merge", "-p", patch)
    for condition in (f"jsonpath={{.status.observedGeneration}}={generation}", "condition=Synced"):
        stage.cluster.kubectl("-n", "ml", "wait", f"--for={condition}", "sme/fraud", "--timeout=120s")
    assert stage.client("sagemaker").describe_endpoint(EndpointName="ml-fraud")["EndpointConfigName"] != before
    [master] = run.pods("master")
    assert master["status"]["phase"] == "Running", "the update was in mid-run"
    assert run.exit_code() == 0, logs(run)
    report = run.report()
    assert report["verdict"]["word"] == "met"
    assert report["result"]["partial"] is False
    run.await_no_workers()


def test_credentials_are_replaced_before_they_expire(runs: Runs, stage: Any) -> None:
    """As with IRSA: a projected token, and an STS whose keys are good for 20 s of the run's 40, and refused then."""
    run = runs["renewed"]
    assert run.exit_code() == 0, logs(run)
    report = run.report()
    assert report["verdict"]["word"] == "met"
    assert report["result"]["errors"] == {}
    exchanged = [call for call in stage.calls() if call["operation"] == "AssumeRoleWithWebIdentity"]
    assert {(call["account"], call["outcome"]) for call in exchanged} == {(ACCOUNT, "ok")}
    times = [call["time"] for call in exchanged]
    assert max(times) - min(times) > 20, "keys took turns while the run went on"
    keys = [
        entry["Key"] for entry in stage.client("s3").list_objects_v2(Bucket="results", Prefix="renewed/")["Contents"]
    ]
    assert "renewed/r1/result.json" in keys
    run.await_no_workers()


def test_each_helm_test_has_a_folder_of_its_own(runs: Runs, stage: Any) -> None:
    for done in runs.checks.result(timeout=240):
        assert done.returncode == 0, done.stderr + done.stdout
    entries = stage.client("s3").list_objects_v2(Bucket="results", Prefix="checked/")["Contents"]
    folders = {entry["Key"].split("/")[1] for entry in entries if entry["Key"].endswith("/result.json")}
    assert len(folders) == 2
    assert all(folder.startswith("checked-sagemaker-loadtest-r1-") for folder in folders)
    assert runs["checked"].report()["verdict"]["run"] in folders
