"""One cluster for all: local SageMaker and the operator as pods, an endpoint that serves, Helm for the load tester."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from cluster import LocalCluster, images
from demo import fraud
from devcluster import Terminal, binaries

ROOT = Path(__file__).parents[2]
ACCOUNT, REGION = "111122223333", "eu-west-1"
SESSION_SECONDS = 20
"""Shorter than the run that is to outlive it, longer than anything that a busy machine makes a request wait for."""
LOCAL = "http://sagemaker-local.sagemaker-local:4570"
AWS = {
    "AWS_ENDPOINT_URL": LOCAL,
    "AWS_ACCESS_KEY_ID": ACCOUNT,
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": REGION,
}
_OPERATOR = "deployment/sagemaker-operator"


def eventually(look: Callable[[], Any], seconds: float = 120, what: str = "") -> Any:
    """The first true value of `look`; fails with the last one."""
    end, seen = time.monotonic() + seconds, None
    while time.monotonic() < end:
        seen = look()
        if seen:
            return seen
        time.sleep(0.2)
    return pytest.fail(f"not within {seconds:g} s: {what or look}; last seen: {seen}")


@pytest.fixture(scope="session")
def awaiting() -> Callable[..., Any]:
    return eventually


@dataclass(frozen=True, slots=True)
class Stage:
    """The cluster with local SageMaker and the operator in it."""

    cluster: LocalCluster
    url: str
    """Local SageMaker from this machine."""

    def answers(self) -> bool:
        """Whether it can be reached: kube-proxy learns of a Ready pod a little later."""
        try:
            self.client("s3").list_buckets()
        except BotoCoreError:
            return False
        return True

    def client(self, service: str) -> Any:
        session = boto3.session.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key="local", region_name=REGION)
        settings = Config(retries={"total_max_attempts": 3}, connect_timeout=5, read_timeout=30)
        return session.client(service, endpoint_url=self.url, config=settings)  # type: ignore[call-overload]

    def calls(self) -> Any:
        """Local SageMaker's log of calls, which only its own machine may read."""
        read = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:4570/_local/calls').read().decode())"
        words = ("-n", "sagemaker-local", "exec", "deployment/sagemaker-local", "--", "python", "-c", read)
        return json.loads(self.cluster.kubectl(*words).stdout)

    def get(self, namespace: str, *words: str) -> Any:
        return json.loads(self.cluster.kubectl("-n", namespace, "get", *words, "-o", "json").stdout)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """Whether it can run here is asked before (`make test-cluster`): a test that is not run proves nothing."""
    progress = Terminal(sys.__stderr__ or sys.stderr)
    with LocalCluster.start(images.build(progress), progress) as running:
        yield running


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's models, trained here, and rows to ask them."""
    folder = tmp_path_factory.mktemp("models")
    fraud.train(folder)
    fraud.write_rows(folder / "rows.csv")
    return folder


@pytest.fixture(scope="session")
def stage(cluster: LocalCluster, archives: Path) -> Stage:
    """Installed as docs/cluster.md says; model data is in S3, nothing serves yet."""
    cluster.kubectl("apply", "-f", str(ROOT / "manifests/local"))
    short = f"SAGEMAKER_LOCAL_ROLE_SESSION_SECONDS={SESSION_SECONDS}"
    cluster.kubectl("-n", "sagemaker-local", "set", "env", "deployment/sagemaker-local", short)
    cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "manifests/install.yaml"))
    words = [f"{name}={value}" for name, value in AWS.items()]
    cluster.kubectl("-n", "sagemaker-operator", "set", "env", _OPERATOR, *words)
    cluster.kubectl("create", "namespace", "ml")
    rollout(cluster, "sagemaker-local", "deployment/sagemaker-local")
    address = cluster.kubectl(
        "-n", "sagemaker-local", "get", "service", "sagemaker-local", "-o", "jsonpath={.spec.clusterIP}"
    ).stdout
    stage = Stage(cluster, f"http://127.0.0.1:{cluster.forward(address, 4570)}")
    eventually(stage.answers, what="a Ready pod behind its Service's address")
    s3 = stage.client("s3")
    for bucket in ("models", "results"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    for model in ("champion", "challenger"):
        s3.put_object(Bucket="models", Key=f"fraud/{model}.tar.gz", Body=(archives / f"{model}.tar.gz").read_bytes())
    rollout(cluster, "sagemaker-operator", _OPERATOR)
    return stage


def rollout(cluster: LocalCluster, namespace: str, name: str) -> None:
    """Waits for it; fails with what its pods say."""
    done = cluster.kubectl("-n", namespace, "rollout", "status", name, "--timeout=180s", check=False)
    if done.returncode:
        pods = cluster.kubectl("-n", namespace, "describe", "pods", check=False).stdout
        logs = cluster.kubectl("-n", namespace, "logs", name, "--tail=40", check=False).stdout
        pytest.fail(f"{name} did not get ready: {done.stderr}\n{pods[-3000:]}\n{logs}")


@pytest.fixture(scope="session")
def aws(stage: Stage) -> dict[str, str]:
    """The environment of pods that call AWS. S3 by its address: boto3 would put the bucket before a host's name, and
    no such name is known in the cluster."""
    service = stage.get("sagemaker-local", "service", "sagemaker-local")
    return {**AWS, "AWS_ENDPOINT_URL_S3": f"http://{service['spec']['clusterIP']}:4570"}


@pytest.fixture
def endpoint(stage: Stage) -> Iterator[str]:
    """manifests/examples/fraud.yaml is InService; its name on AWS. It may be gone when the test ends."""
    stage.cluster.kubectl("apply", "-f", str(ROOT / "manifests/examples/fraud.yaml"))
    wait = ("-n", "ml", "wait", "--for=condition=Synced", "sme/fraud", "--timeout=120s")
    done = stage.cluster.kubectl(*wait, check=False)
    if done.returncode:
        seen = stage.cluster.kubectl("-n", "ml", "get", "sme", "fraud", "-o", "yaml").stdout
        pytest.fail(f"{done.stderr}\n{seen}")
    yield "ml-fraud"
    stage.cluster.kubectl("-n", "ml", "delete", "sme", "fraud", "--ignore-not-found", "--timeout=120s")


@pytest.fixture(scope="session")
def helm(cluster: LocalCluster) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs the real helm against the cluster; what fails is for the test to judge."""
    program = binaries.ensure((binaries.HELM,), Terminal(sys.__stderr__ or sys.stderr))[binaries.HELM]

    def run(*words: str, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [program, *words],
            env={**os.environ, "KUBECONFIG": str(cluster.kubeconfig)},
            input=stdin, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run
