"""State that outlives the process: after a stop, after kill -9, in the middle of things."""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from testkit.archives import archive

KEPT = ("EndpointArn", "CreationTime", "EndpointConfigName", "EndpointStatus", "DataCaptureConfig")


def stored(folder: Path, kind: str, name: str) -> bool:
    with sqlite3.connect(folder / "state.sqlite") as db:
        found = db.execute("SELECT count(*) FROM records WHERE kind = ? AND name = ?", (kind, name)).fetchone()
    db.close()
    return bool(found[0])


def populated(local: Any) -> None:
    s3, sagemaker = local.client("s3"), local.sagemaker
    s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(
        Bucket="models", Key="a/model.tar.gz", Body=archive({"word": b"kept"}), ContentType="application/x-tar"
    )
    local.model("blue", url="s3://models/a/model.tar.gz", ARCHIVE="yes")
    local.model("green")
    local.config("one", count=2, blue=3, green=1)
    local.endpoint("shop", "one")
    tags = [{"Key": "team", "Value": "shop"}]
    arn = sagemaker.describe_endpoint(EndpointName="shop")["EndpointArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=tags)
    sagemaker.create_model_package_group(ModelPackageGroupName="group")
    scaling = local.client("application-autoscaling")
    target: Any = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/shop/variant/blue",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=3)
    scaling.put_scaling_policy(
        **target,
        PolicyName="calls",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 600.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        },
    )
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="shop", DesiredWeightsAndCapacities=[{"VariantName": "green", "DesiredWeight": 2.0}]
    )
    local.status("shop", "InService")


def seen(local: Any) -> dict[str, Any]:
    """What a client can tell of the whole."""
    sagemaker, scaling = local.sagemaker, local.client("application-autoscaling")
    endpoint = local.describe("shop")
    return {
        "endpoint": {name: endpoint.get(name) for name in KEPT},
        "variants": [
            [each[name] for name in ("VariantName", "CurrentWeight", "DesiredWeight", "DesiredInstanceCount")]
            for each in endpoint["ProductionVariants"]
        ],
        "tags": sagemaker.list_tags(ResourceArn=endpoint["EndpointArn"])["Tags"],
        "models": sagemaker.list_models()["Models"],
        "configs": sagemaker.list_endpoint_configs()["EndpointConfigs"],
        "groups": sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"],
        "targets": scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"],
        "policies": scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"],
        "alarms": sorted(
            (each["AlarmName"], each["Threshold"])
            for each in local.client("cloudwatch").describe_alarms()["MetricAlarms"]
        ),
        "objects": [
            (each["Key"], each["ETag"], each["LastModified"])
            for each in local.client("s3").list_objects_v2(Bucket="models")["Contents"]
        ],
        "type": local.client("s3").head_object(Bucket="models", Key="a/model.tar.gz")["ContentType"],
    }


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
def test_everything_is_as_before(starter: Any, tmp_path: Path, killed: bool) -> None:
    folder = tmp_path / "state"
    with starter("--state-dir", str(folder)) as local:
        populated(local)
        before, pid = seen(local), local.invoke("shop", TargetVariant="blue")["pid"]
        assert len(before["alarms"]) == 2
        local.model("last")
        if killed:
            local.until(lambda: stored(folder, "model", "last"), "the last model in the file")
            local.kill()
    with starter("--state-dir", str(folder)) as local:
        assert local.sagemaker.describe_model(ModelName="last")["ModelName"] == "last"
        local.sagemaker.delete_model(ModelName="last")
        assert seen(local) == before
        again = local.invoke("shop", TargetVariant="blue")
        assert again["word"] == "kept"
        assert again["pid"] != pid
        assert [each["CurrentInstanceCount"] for each in local.describe("shop")["ProductionVariants"]] == [2, 2]
        local.sagemaker.delete_endpoint(EndpointName="shop")
        local.until(lambda: not local.sagemaker.list_endpoints()["Endpoints"], "the deletion")
    with starter("--state-dir", str(folder)) as local:
        assert local.sagemaker.list_endpoints()["Endpoints"] == []
        assert len(local.sagemaker.list_models()["Models"]) == 2


def test_changes_under_way_go_on_after_kill(starter: Any, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    slow = ("--state-dir", str(folder), "--create-seconds", "600")
    with starter("--state-dir", str(folder)) as local:
        local.model("blue")
        local.model("green")
        local.config("one", blue=1)
        local.config("two", green=1)
        local.endpoint("updated", "one")
        local.endpoint("deleted", "one")
    with starter(*slow, "--delete-seconds", "600") as local:
        local.sagemaker.create_endpoint(EndpointName="created", EndpointConfigName="one")
        local.sagemaker.update_endpoint(EndpointName="updated", EndpointConfigName="two")
        local.sagemaker.delete_endpoint(EndpointName="deleted")
        local.until(lambda: stored(folder, "endpoint", "created"), "the creation in the file")
        local.model("after")
        local.until(lambda: stored(folder, "model", "after"), "everything before in the file")
        local.kill()
    with starter(*slow, "--delete-seconds", "600") as local:
        assert local.describe("created")["EndpointStatus"] == "Creating"
        assert local.describe("updated")["EndpointStatus"] == "Updating"
        assert local.describe("deleted")["EndpointStatus"] == "Deleting"
        assert "pid" in local.invoke("updated")  # the earlier fleet serves meanwhile
        local.kill()
    with starter("--state-dir", str(folder)) as local:
        local.status("created", "InService")
        assert local.status("updated", "InService")["EndpointConfigName"] == "two"
        local.until(lambda: len(local.sagemaker.list_endpoints()["Endpoints"]) == 2, "the deletion")


def test_a_failed_endpoint_still_says_why_after_a_restart(starter: Any, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with starter("--state-dir", str(folder)) as local:
        local.model("blue", PYTHONHOME="/none")
        local.config("one", blue=1)
        local.sagemaker.create_endpoint(EndpointName="shop", EndpointConfigName="one")
        reason = local.status("shop", "Failed")["FailureReason"]
        lines = local.admin("GET", "status")["endpoints"][0]["last_log"]
    with starter("--state-dir", str(folder)) as local:
        assert local.describe("shop")["FailureReason"] == reason
        assert local.admin("GET", "status")["endpoints"][0]["last_log"] == lines
        assert "container ended with" in " ".join(lines)


def test_what_cannot_start_again_is_out_of_service_and_says_why(starter: Any, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with starter("--state-dir", str(folder)) as local:
        local.model("blue")
        local.model("echo", image="local://echo")
        local.config("one", blue=1)
        local.config("two", echo=1)
        local.endpoint("lost", "one")
        local.endpoint("fine", "two")
    starter.images.write_text("[]")
    with starter("--state-dir", str(folder)) as local:
        found = local.describe("lost")
        assert found["EndpointStatus"] == "OutOfService"
        assert "no entry of the image map matches" in found["FailureReason"]
        assert local.describe("fine")["EndpointStatus"] == "InService"


def test_the_clock_goes_on_where_it_stood(starter: Any, tmp_path: Path) -> None:
    flags = ("--state-dir", str(tmp_path / "state"), "--clock", "manual")
    with starter(*flags) as local:
        before = local.admin("POST", "clock", {"advanceSeconds": 7200})["now"]
    with starter(*flags) as local:
        assert local.admin("GET", "clock")["now"] == pytest.approx(before)
    with starter(*flags[:2]) as local:
        assert local.admin("GET", "clock")["now"] >= before


def ended(starter: Any, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(starter.command(*arguments), capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("file", "spoil", "says"),
    [
        ("state.sqlite", lambda path: path.write_bytes(b"no database" * 1000), "file is not a database"),
        ("state.sqlite", lambda path: sql(path, "PRAGMA user_version = 99"), "has version 99"),
        ("state.sqlite", lambda path: sql(path, "UPDATE records SET record = '{}'"), "the model blue cannot be read"),
        ("aws.sqlite", lambda path: path.write_bytes(b"no database" * 1000), "file is not a database"),
    ],
    ids=["no-database", "version", "record", "objects"],
)
def test_a_broken_file_is_a_clear_message(starter: Any, tmp_path: Path, file: str, spoil: Any, says: str) -> None:
    folder = tmp_path / "state"
    with starter("--state-dir", str(folder)) as local:
        local.model("blue")
    spoil(folder / file)
    found = ended(starter, "--state-dir", str(folder))
    assert found.returncode == 1
    assert says in found.stderr
    assert str(folder / file) in found.stderr
    assert "Move the file away" in found.stderr
    assert "Traceback" not in found.stderr


def sql(path: Path, statement: str) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(statement)
    db.close()


def test_a_folder_is_used_by_one_process_at_a_time(starter: Any, tmp_path: Path) -> None:
    with starter("--state-dir", str(tmp_path / "state")):
        found = ended(starter, "--state-dir", str(tmp_path / "state"))
    assert found.returncode == 1
    assert "in use by another sagemaker-local" in found.stderr
