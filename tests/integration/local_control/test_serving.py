"""Endpoints with real model servers behind them: predictions, failures in SageMaker's words, healing, the end."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

XGBOOST = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
CONTAINER = "registry.example/container:1"


@pytest.fixture(scope="session")
def archive(local: Any, trained: Any) -> str:
    url: str = local.put("fraud/model.tar.gz", trained.files())
    return url


def test_an_xgboost_archive_becomes_an_endpoint_that_predicts_what_the_model_does(
    world: Any, trained: Any, archive: str
) -> None:
    config = world.config("config", world.model("model", XGBOOST, archive))
    world.sagemaker.create_endpoint(EndpointName=world.endpoint, EndpointConfigName=config)
    first = world.describe()
    assert first["EndpointStatus"] == "Creating"
    assert first["PendingDeploymentSummary"]["EndpointConfigName"] == config
    world.sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=world.endpoint, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
    )
    found = world.describe()
    (variant,) = found["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["CurrentWeight"]) == (1, 1.0)
    assert variant["DeployedImages"][0]["SpecifiedImage"] == XGBOOST
    assert variant["DeployedImages"][0]["ResolvedImage"].startswith(XGBOOST.partition(":")[0] + "@sha256:")
    assert "PendingDeploymentSummary" not in found
    reply = world.invoke(trained.csv, ContentType="text/csv")
    assert reply["InvokedProductionVariant"] == "a"
    predictions = [float(each) for each in reply["Body"].decode().replace("\n", ",").split(",") if each]
    assert predictions == pytest.approx(trained.expected, rel=1e-5)


def test_a_missing_archive_fails_the_creation_in_sagemakers_words(world: Any) -> None:
    config = world.config("config", world.model("model", XGBOOST, "s3://models/nothing.tar.gz"))
    found = world.create(config)
    assert found["EndpointStatus"] == "Failed"
    assert found["FailureReason"].startswith("Failed to download model data")
    assert found["ProductionVariants"][0]["CurrentInstanceCount"] == 0
    with pytest.raises(ClientError, match="not found"):
        world.invoke()
    with pytest.raises(ClientError, match="its status is Failed") as caught:
        world.update(config)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    world.delete()


def test_an_image_that_nobody_serves_fails_the_creation(world: Any) -> None:
    found = world.create(world.config("config", world.model("model", "registry.example/unknown:1")))
    assert found["EndpointStatus"] == "Failed"
    assert "make sure all images" in found["FailureReason"]


def test_a_container_that_crashes_fails_the_creation_and_leaves_its_log(world: Any) -> None:
    found = world.create(world.config("config", world.model("model", CONTAINER, MODE="crash")))
    assert found["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in found["FailureReason"]
    logs, group = world.local.client("logs"), f"/aws/sagemaker/Endpoints/{world.endpoint}"
    streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
    events = logs.get_log_events(logGroupName=group, logStreamName=streams[0]["logStreamName"])["events"]
    assert "cannot go on" in {each["message"] for each in events}


def test_a_container_that_never_answers_ping_fails_the_creation(start: Any, images: Any) -> None:
    with start("--create-seconds", "0", "--startup-seconds", "1.5", "--images", str(images)) as local:
        sagemaker = local.client("sagemaker")
        container = {"Image": CONTAINER, "Environment": {"MODE": "unhealthy"}}
        sagemaker.create_model(ModelName="m", PrimaryContainer=container)
        variant = {"VariantName": "a", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
        found = local.until(
            lambda: (each := sagemaker.describe_endpoint(EndpointName="e"))["EndpointStatus"] == "Failed" and each
        )
        assert "did not pass the ping health check" in found["FailureReason"]
        assert "answered 503" in found["FailureReason"]


def test_a_killed_process_shows_in_the_variant_and_is_healed(world: Any) -> None:
    world.create(world.config("config", world.model("model", CONTAINER), count=2))
    before = world.local.instances(world.endpoint)
    os.kill(before[0]["pid"], signal.SIGKILL)

    def short() -> Any:
        (variant,) = world.describe()["ProductionVariants"]
        return variant if variant["CurrentInstanceCount"] == 1 else None

    variant = world.until(short, "an instance less")
    assert variant["DesiredInstanceCount"] == 2
    assert variant["VariantStatus"][0]["Status"] == "Updating"
    assert "SIGKILL" in variant["VariantStatus"][0]["StatusMessage"]
    assert world.describe()["EndpointStatus"] == "InService"
    world.until(lambda: world.describe()["ProductionVariants"][0]["CurrentInstanceCount"] == 2, "healing")
    healed = world.local.instances(world.endpoint)
    assert [each["restarts"] for each in healed] == [1, 0]
    assert "VariantStatus" not in world.describe()["ProductionVariants"][0]
    assert {json.loads(world.invoke()["Body"])["pid"] for _ in range(40)} == {each["pid"] for each in healed}


def test_a_deletion_leaves_no_process(world: Any) -> None:
    world.create(world.config("config", world.model("model", CONTAINER), count=2))
    pids = [each["pid"] for each in world.local.instances(world.endpoint)]
    assert all(psutil.pid_exists(each) for each in pids)
    world.delete()
    assert not any(psutil.pid_exists(each) for each in pids)
    with pytest.raises(ClientError, match="not found"):
        world.invoke()
    with pytest.raises(
        ClientError, match='Could not find endpoint "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/'
    ):
        world.describe()


def test_a_container_reaches_the_same_aws_as_its_account(world: Any) -> None:
    world.create(world.config("config", world.model("model", CONTAINER)))
    told = json.loads(world.invoke()["Body"])
    assert (told["AWS_ENDPOINT_URL"], told["AWS_ACCESS_KEY_ID"]) == (world.local.url, "111122223333")
