"""UpdateEndpoint and UpdateEndpointWeightsAndCapacities under load, and when they fail."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

CONTAINER = "registry.example/container:1"


@contextmanager
def load(world: Any) -> Iterator[list[str]]:
    """Calls without a pause from two threads; what they answered, or the error."""
    answers: list[str] = []
    over = threading.Event()

    def call() -> None:
        client = world.local.client("sagemaker-runtime")
        while not over.is_set():
            try:
                reply = client.invoke_endpoint(EndpointName=world.endpoint, Body=b"x")
                answers.append(json.loads(reply["Body"].read())["VERSION"])
            except ClientError as error:
                answers.append(f"error: {error}")

    threads = [threading.Thread(target=call) for _ in range(2)]
    for each in threads:
        each.start()
    try:
        yield answers
    finally:
        over.set()
        for each in threads:
            each.join()


def test_no_call_fails_while_an_update_replaces_the_fleet(world: Any) -> None:
    old = world.config("old", world.model("one", CONTAINER, VERSION="1", SECONDS="0.005"), count=2)
    new = world.config("new", world.model("two", CONTAINER, VERSION="2", SECONDS="0.005"), count=2)
    world.create(old)
    pids = {each["pid"] for each in world.local.instances(world.endpoint)}
    with load(world) as answers:
        world.until(lambda: answers.count("1") > 20, "answers of the old fleet")
        world.sagemaker.update_endpoint(EndpointName=world.endpoint, EndpointConfigName=new)
        under_way = world.describe()
        assert (under_way["EndpointStatus"], under_way["EndpointConfigName"]) == ("Updating", old)
        pending = under_way["PendingDeploymentSummary"]
        assert pending["EndpointConfigName"] == new
        assert pending["ProductionVariants"][0]["VariantStatus"][0]["Status"] == "Creating"
        found = world.settled()
        since = len(answers)
        world.until(lambda: len(answers) > since + 20, "answers of the new fleet")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", new)
    assert set(answers) == {"1", "2"}
    assert answers[-1] == "2"
    world.until(lambda: not any(psutil.pid_exists(each) for each in pids), "the end of the old fleet")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"image": CONTAINER, "MODE": "crash"}, "did not pass the ping health check"),
        ({"image": CONTAINER, "url": "s3://models/nothing.tar.gz"}, "Failed to download model data"),
    ],
)
def test_a_failed_update_leaves_the_old_config_serving_with_the_reason(
    world: Any, broken: dict[str, str], reason: str
) -> None:
    old = world.config("old", world.model("one", CONTAINER, VERSION="1"))
    world.create(old)
    pids = {each["pid"] for each in world.local.instances(world.endpoint)}
    with load(world) as answers:
        found = world.update(world.config("broken", world.model("two", **broken)))
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", old)
    assert reason in found["FailureReason"]
    assert "PendingDeploymentSummary" not in found
    assert set(answers) == {"1"}
    assert {each["pid"] for each in world.local.instances(world.endpoint)} == pids
    assert "FailureReason" not in world.update(world.config("new", world.model("three", CONTAINER)))


def test_a_failed_update_may_have_no_reason(world: Any) -> None:
    old = world.config("old", world.model("one"))
    world.create(old)
    with world.local.fault(endpoint=world.endpoint, failure=""):
        found = world.update(world.config("new", world.model("two")))
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", old)
    assert "FailureReason" not in found


def test_weights_move_without_a_new_fleet(world: Any) -> None:
    models = [world.model(name, CONTAINER, VERSION=name) for name in ("one", "two")]
    world.create(world.config("config", *models))
    pids = {each["pid"] for each in world.local.instances(world.endpoint)}
    with load(world) as answers:
        world.weights(a=(0.0, None))
        under_way = {each["VariantName"]: each for each in world.describe()["ProductionVariants"]}
        assert (under_way["a"]["CurrentWeight"], under_way["a"]["DesiredWeight"]) == (1.0, 0.0)
        assert world.settled()["EndpointStatus"] == "InService"
        since = len(answers)
        world.until(lambda: len(answers) > since + 20, "answers by the new weights")
    counted = Counter(answers[since:])
    assert counted.keys() <= {"one", "two"}
    assert counted["one"] <= 2  # each of the two threads may have had a call under way
    assert {each["pid"] for each in world.local.instances(world.endpoint)} == pids


def test_a_count_grows_and_shrinks_under_load_without_a_failed_call(world: Any) -> None:
    world.create(world.config("config", world.model("one", CONTAINER, VERSION="1", SECONDS="0.005")))
    with load(world) as answers:
        world.weights(a=(None, 2))
        assert world.settled()["ProductionVariants"][0]["CurrentInstanceCount"] == 2
        two = {each["pid"] for each in world.local.instances(world.endpoint)}
        world.weights(a=(None, 1))
        found = world.settled()["ProductionVariants"][0]
    assert (found["CurrentInstanceCount"], found["DesiredInstanceCount"], found["CurrentWeight"]) == (1, 1, 1.0)
    assert len(two) == 2
    assert sum(psutil.pid_exists(each) for each in two) == 1
    assert set(answers) == {"1"}


def test_a_failed_change_of_weights_rolls_back(world: Any) -> None:
    world.create(world.config("config", world.model("one")))
    with world.local.fault(endpoint=world.endpoint, failure="no capacity"):
        world.weights(a=(5.0, 3))
        world.until(lambda: world.describe()["EndpointStatus"] == "RollingBack", "rolling back")
        found = world.settled()
    (variant,) = found["ProductionVariants"]
    assert (found["EndpointStatus"], found["FailureReason"]) == ("InService", "no capacity")
    assert (variant["DesiredWeight"], variant["DesiredInstanceCount"], variant["CurrentInstanceCount"]) == (1.0, 1, 1)
    world.weights(a=(2.0, None))
    assert "FailureReason" not in world.settled()


def test_an_endpoint_that_changes_refuses_further_changes(world: Any) -> None:
    config = world.config("config", world.model("one"))
    world.sagemaker.create_endpoint(EndpointName=world.endpoint, EndpointConfigName=config)
    for refused in (world.delete, lambda: world.update(config), lambda: world.weights(a=(1.0, None))):
        with pytest.raises(ClientError, match='Cannot update in-progress endpoint "arn:aws:sagemaker') as caught:
            refused()
        assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert world.settled()["EndpointStatus"] == "InService"


def test_retained_properties_survive_an_update(world: Any) -> None:
    model = world.model("one")
    world.create(world.config("config", model))
    world.weights(a=(7.0, 3))
    world.settled()

    def after(**fields: Any) -> tuple[float, int]:
        (variant,) = world.update(world.config(f"c{len(fields)}", model), **fields)["ProductionVariants"]
        return variant["CurrentWeight"], variant["CurrentInstanceCount"]

    assert after(RetainAllVariantProperties=True) == (7.0, 3)
    excluded = [{"VariantPropertyType": "DesiredWeight"}]
    assert after(RetainAllVariantProperties=True, ExcludeRetainedVariantProperties=excluded) == (1.0, 3)
    assert after() == (1.0, 1)


def test_all_at_once_bakes_and_is_remembered(world: Any) -> None:
    model = world.model("one")
    world.create(world.config("config", model))
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 1}
    policy = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": 0}}
    new = world.config("new", model)
    world.sagemaker.update_endpoint(EndpointName=world.endpoint, EndpointConfigName=new, DeploymentConfig=policy)

    def baking() -> bool:
        statuses = world.describe()["ProductionVariants"][0].get("VariantStatus", [{"Status": ""}])
        return bool(statuses[0]["Status"] == "Baking")

    world.until(baking, "baking")
    assert world.settled()["LastDeploymentConfig"] == policy
    found = world.update(world.config("newer", model), RetainDeploymentConfig=True)
    assert found["LastDeploymentConfig"] == policy
