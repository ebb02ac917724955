"""Serverless endpoints through unchanged boto3: cold, warm, throttled, provisioned, idle."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

CONFIG = {"MemorySizeInMB": 4096, "MaxConcurrency": 2}


def pid(reply: dict[str, Any]) -> int:
    found: int = json.loads(reply["Body"])["pid"]
    return found


def change(world: Any, **config: int) -> dict[str, Any]:
    world.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=world.endpoint,
        DesiredWeightsAndCapacities=[{"VariantName": "main", "ServerlessUpdateConfig": config}],
    )
    [variant] = world.settled()["ProductionVariants"]
    found: dict[str, Any] = variant
    return found


def test_the_first_call_starts_a_process_and_the_next_ones_find_it(world: Any) -> None:
    config = world.config(serverless=CONFIG)
    [variant] = world.create(config)["ProductionVariants"]
    assert variant["CurrentServerlessConfig"] == variant["DesiredServerlessConfig"] == CONFIG
    assert "CurrentInstanceCount" not in variant
    described = world.sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    assert described[0]["ServerlessConfig"] == CONFIG
    assert "InstanceType" not in described[0]
    assert world.instances == []
    first = pid(world.invoke())
    assert [pid(world.invoke()) for _ in range(10)] == [first] * 10
    assert [each["pid"] for each in world.instances] == [first]


def test_above_its_concurrency_calls_are_throttled_and_each_gets_an_environment(world: Any) -> None:
    world.create(world.config(serverless=CONFIG))
    gate, seen = world.folder / "gate", world.folder / "seen"
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(world.invoke, {"gate": str(gate), "touch": str(seen)}) for _ in range(2)]
        world.until(lambda: seen.exists() and len(seen.read_text()) == 2, "two calls at the containers")
        response = world.refused(world.invoke)
        assert response["Error"]["Code"] == "ThrottlingException"
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
        gate.touch()
        assert len({pid(each.result()) for each in calls}) == 2
    assert len(world.instances) == 2
    world.invoke()


def test_one_environment_takes_one_call_at_a_time(world: Any) -> None:
    world.create(world.config(serverless=CONFIG | {"MaxConcurrency": 1}))
    world.invoke()
    gate = world.folder / "gate"
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(world.invoke, {"gate": str(gate), "touch": str(world.folder / "seen")})
        world.until((world.folder / "seen").exists, "a call at the container")
        assert world.refused(world.invoke)["Error"]["Code"] == "ThrottlingException"
        gate.touch()
        call.result()
    assert len(world.instances) == 1


def test_idle_environments_end_and_the_next_call_is_cold_again(start: Any, world_of: Any) -> None:
    with start("--serverless-idle-seconds", "0.3") as local:
        world = world_of(local)
        world.create(world.config(serverless=CONFIG))
        first = pid(world.invoke())
        world.until(lambda: world.instances == [], "the end of the idle environment")
        world.until(lambda: not psutil.pid_exists(first), "the end of its process")
        assert pid(world.invoke()) != first
        assert world.describe()["EndpointStatus"] == "InService"


def test_provisioned_environments_are_warm_from_the_start_and_stay(start: Any, world_of: Any) -> None:
    with start("--serverless-idle-seconds", "0.1") as local:
        world = world_of(local)
        [variant] = world.create(world.config(serverless=CONFIG | {"ProvisionedConcurrency": 1}))["ProductionVariants"]
        assert variant["CurrentServerlessConfig"]["ProvisionedConcurrency"] == 1
        [warm] = [each["pid"] for each in world.instances]
        assert pid(world.invoke()) == warm
        gate, seen = world.folder / "gate", world.folder / "seen"
        with ThreadPoolExecutor(2) as pool:
            calls = [pool.submit(world.invoke, {"gate": str(gate), "touch": str(seen)}) for _ in range(2)]
            world.until(lambda: seen.exists() and len(seen.read_text()) == 2, "two calls at the containers")
            gate.touch()
            assert warm in {pid(each.result()) for each in calls}
        world.until(lambda: len(world.instances) == 1, "the end of the environment on demand")
        assert pid(world.invoke()) == warm


def test_concurrency_is_changed_without_a_new_deployment(world: Any) -> None:
    world.create(world.config(serverless=CONFIG))
    variant = change(world, MaxConcurrency=5, ProvisionedConcurrency=2)
    wanted = {"MemorySizeInMB": 4096, "MaxConcurrency": 5, "ProvisionedConcurrency": 2}
    assert variant["CurrentServerlessConfig"] == variant["DesiredServerlessConfig"] == wanted
    assert len(world.instances) == 2
    assert pid(world.invoke()) in [each["pid"] for each in world.instances]
    change(world, ProvisionedConcurrency=1)
    assert len(world.instances) == 1


def test_refused_changes(world: Any) -> None:
    model = world.model()
    world.create(world.config(model=model, serverless=CONFIG))
    call = world.sagemaker.update_endpoint_weights_and_capacities
    for change_of_variant in (
        {"DesiredInstanceCount": 2},
        {"ServerlessUpdateConfig": {"MaxConcurrency": 1, "ProvisionedConcurrency": 2}},
    ):
        wanted = [{"VariantName": "main", **change_of_variant}]
        response = world.refused(call, EndpointName=world.endpoint, DesiredWeightsAndCapacities=wanted)
        assert response["Error"]["Code"] == "ValidationException"
    instances = world.config("instances", model)
    world.sagemaker.update_endpoint(EndpointName=world.endpoint, EndpointConfigName=instances)
    [variant] = world.settled()["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 1
    assert "CurrentServerlessConfig" not in variant
    wanted = [{"VariantName": "main", "ServerlessUpdateConfig": {"MaxConcurrency": 1}}]
    response = world.refused(call, EndpointName=world.endpoint, DesiredWeightsAndCapacities=wanted)
    assert "is not serverless" in response["Error"]["Message"]
    back = {"EndpointName": world.endpoint, "EndpointConfigName": f"{world.prefix}-config"}
    message = world.refused(world.sagemaker.update_endpoint, **back)["Error"]["Message"]
    assert "from an instance-based to a serverless one" in message


def test_no_call_is_lost_while_another_model_is_deployed(world: Any) -> None:
    world.create(world.config(model=world.model(), serverless=CONFIG | {"MaxConcurrency": 20}))
    before = pid(world.invoke())
    second = world.config("second", world.model(name="second"), serverless=CONFIG | {"MaxConcurrency": 20})
    stop = threading.Event()

    def calls() -> set[int]:
        pids = set()
        while not stop.is_set():
            pids.add(pid(world.invoke()))
        return pids | {pid(world.invoke())}

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(calls) for _ in range(3)]
        world.sagemaker.update_endpoint(EndpointName=world.endpoint, EndpointConfigName=second)
        world.settled()
        stop.set()
        pids = set().union(*(each.result() for each in running))
    assert before in pids
    assert pids - {before}


def test_limits_of_body_and_stream(world: Any) -> None:
    world.create(world.config(model=world.model("local://echo"), serverless=CONFIG))
    assert len(world.invoke(b"x" * 4 * 1024 * 1024)["Body"]) == 4 * 1024 * 1024
    response = world.refused(world.invoke, b"x" * (4 * 1024 * 1024 + 1))
    assert "less than or equal to 4194304" in response["Error"]["Message"]
    assert "does not support InvokeEndpointWithResponseStream" in world.refused(world.stream, b"x")["Error"]["Message"]


def test_a_container_that_is_never_healthy_fails_the_creation(world: Any) -> None:
    found = world.create(world.config(model=world.model(MODE="crash"), serverless=CONFIG))
    assert found["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in found["FailureReason"]


@pytest.mark.parametrize("cold", [True, False])
def test_whether_the_first_call_is_cold_is_a_switch(start: Any, world_of: Any, cold: bool) -> None:
    with start("--switches", f"first_serverless_call_is_cold={str(cold).lower()}") as local:
        world = world_of(local)
        world.create(world.config(serverless=CONFIG))
        before = [each["pid"] for each in world.instances]
        assert len(before) == (0 if cold else 1)
        assert (pid(world.invoke()) in before) is not cold


def test_a_router_that_dies_forgets_nothing_that_matters(start: Any, world_of: Any) -> None:
    with start("--serverless-idle-seconds", "0.3") as local:
        world = world_of(local)
        world.create(world.config(serverless=CONFIG))
        first = pid(world.invoke())
        router = local.admin("GET", "health")["pids"]["router"]
        psutil.Process(router).kill()
        world.until(lambda: local.admin("GET", "health")["pids"]["router"] not in (None, router), "another router")
        world.until(lambda: world.instances == [], "the end of the idle environment")
        assert pid(world.invoke()) != first


def test_a_serverless_variant_has_no_instances_to_scale(world: Any) -> None:
    world.create(world.config(serverless=CONFIG))
    with pytest.raises(ClientError, match="is serverless and has no instances"):
        world.local.client("application-autoscaling").register_scalable_target(
            ServiceNamespace="sagemaker",
            ResourceId=f"endpoint/{world.endpoint}/variant/main",
            ScalableDimension="sagemaker:variant:DesiredInstanceCount",
            MinCapacity=1,
            MaxCapacity=2,
        )
