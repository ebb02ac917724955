"""The operator as its Deployment says, local SageMaker as a pod, an endpoint from a file to predictions and away."""

from pathlib import Path
from typing import Any

import pytest

from demo import fraud

OPERATOR = ("-n", "sagemaker-operator")


def test_the_operator_runs_hardened_and_as_its_own_service_account(stage: Any) -> None:
    [pod] = stage.get("sagemaker-operator", "pods")["items"]
    assert pod["spec"]["serviceAccountName"] == "sagemaker-operator"
    [container] = pod["status"]["containerStatuses"]
    assert (container["ready"], container["restartCount"]) == (True, 0)
    assert container["image"] == "docker.io/library/sagemaker-operator:0.1.0"
    name, run = pod["metadata"]["name"], ("exec", "--", "python", "-c")
    status = stage.cluster.kubectl(*OPERATOR, run[0], name, *run[1:], "print(open('/proc/1/status').read())").stdout
    seen = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    assert seen["Uid"].split() == ["65532"] * 4
    assert int(seen["CapEff"], 16) == 0
    assert seen["NoNewPrivs"].strip() == "1"
    assert seen["Seccomp"].strip() == "2"
    wrote = stage.cluster.kubectl(*OPERATOR, run[0], name, *run[1:], "open('/opt/x', 'w')", check=False)
    assert "Read-only file system" in wrote.stderr


def test_an_endpoint_from_a_file_serves_and_leaves_nothing(stage: Any, endpoint: str, archives: Path) -> None:
    """With two model servers in local SageMaker's pod, whose predictions are the model's own."""
    rows = (archives / "rows.csv").read_text().splitlines()[:50]
    reply = stage.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body="\n".join(rows)
    )
    predicted = [float(value) for value in reply["Body"].read().decode().split(",")]
    (archives / "some.csv").write_text("\n".join(rows) + "\n")
    expected = fraud.predict(archives / "champion.tar.gz", archives / "some.csv")
    assert predicted == pytest.approx(expected, rel=1e-5)
    seen = stage.get("ml", "sme", "fraud")["status"]
    assert {c["type"]: c["status"] for c in seen["conditions"]}["Ready"] == "True"
    assert [variant["currentCount"] for variant in seen["variants"]] == [2]
    stage.cluster.kubectl("-n", "ml", "delete", "sme", "fraud", "--timeout=120s")
    sagemaker = stage.client("sagemaker")
    assert sagemaker.list_endpoints()["Endpoints"] == []
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    assert sagemaker.list_models()["Models"] == []


def test_an_operator_that_is_replaced_goes_on(stage: Any, endpoint: str) -> None:
    """Its Lease is given up at the end, so the next one starts at once."""
    before = stage.client("sagemaker").describe_endpoint(EndpointName=endpoint)["CreationTime"]
    stage.cluster.kubectl(*OPERATOR, "rollout", "restart", "deployment/sagemaker-operator")
    stage.cluster.kubectl(*OPERATOR, "rollout", "status", "deployment/sagemaker-operator", "--timeout=120s")
    patch = '{"spec": {"tags": {"team": "risk"}}}'
    stage.cluster.kubectl("-n", "ml", "patch", "sme", "fraud", "--type=merge", "-p", patch)
    wait = ("--for=jsonpath={.status.observedGeneration}=2", "--for=condition=Synced")
    for condition in wait:
        stage.cluster.kubectl("-n", "ml", "wait", condition, "sme/fraud", "--timeout=120s")
    after = stage.client("sagemaker").describe_endpoint(EndpointName=endpoint)
    assert after["CreationTime"] == before
    tags = stage.client("sagemaker").list_tags(ResourceArn=after["EndpointArn"])["Tags"]
    assert {"Key": "team", "Value": "risk"} in tags
