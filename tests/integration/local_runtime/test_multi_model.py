"""Multi-model endpoints through unchanged boto3: loaded on demand, evicted, refused, and AWS's errors."""

from __future__ import annotations

import json
import os
import pickle
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sklearn.linear_model import LinearRegression

from testkit.archives import archive

MODELS = "registry.example/models:1"
SKLEARN = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.4-2"
SCRIPT = b"""
import os, pickle
def model_fn(model_dir):
    with open(os.path.join(model_dir, "model.pkl"), "rb") as file:
        return pickle.load(file)
"""


def put(world: Any, **models: str) -> None:
    for name, said in models.items():
        world.local.put(f"{world.prefix}/{name}.tar.gz", archive({"say": said.encode()}))


def container(world: Any, image: str = MODELS, cache: str | None = None, **environment: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "Image": image,
        "Mode": "MultiModel",
        "ModelDataUrl": f"s3://data/{world.prefix}/",
        "Environment": environment,
    }
    return found if cache is None else found | {"MultiModelConfig": {"ModelCacheSetting": cache}}


def model(world: Any, *arguments: Any, **fields: Any) -> str:
    name = f"{world.prefix}-multi"
    world.sagemaker.create_model(ModelName=name, PrimaryContainer=container(world, *arguments, **fields))
    return name


def ask(world: Any, target: str, **asked: Any) -> dict[str, Any]:
    reply = world.invoke(asked, TargetModel=f"{target}.tar.gz")
    found: dict[str, Any] = json.loads(reply["Body"])
    return found


def loaded(world: Any) -> list[str]:
    return sorted(each.partition(".")[0] for instance in world.instances for each in instance["models"])


def test_a_model_is_loaded_by_its_first_call_and_stays(world: Any) -> None:
    put(world, a="one", b="two")
    world.create(world.config(model=model(world)))
    assert loaded(world) == []
    assert [ask(world, each)["said"] for each in "abab"] == ["one", "two", "one", "two"]
    found = ask(world, "a")
    assert found["loads"] == ["a.tar.gz", "b.tar.gz"]
    assert found["target"] == "a.tar.gz"
    assert loaded(world) == ["a", "b"]


def test_calls_at_the_same_time_load_a_model_once(world: Any) -> None:
    put(world, a="slow")
    gate = world.folder / "gate"
    world.create(world.config(model=model(world, GATE=str(gate))))
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(ask, world, "a") for _ in range(4)]
        gate.touch()
        assert [each.result()["loads"] for each in calls] == [["a.tar.gz"]] * 4


def test_out_of_memory_the_model_used_least_recently_leaves(world: Any) -> None:
    put(world, a="one", b="two", c="three")
    world.create(world.config(model=model(world, MOST_MODELS="2")))
    for each in "aba":
        ask(world, each)
    assert ask(world, "c")["said"] == "three"
    assert loaded(world) == ["a", "c"]
    assert ask(world, "b")["said"] == "two"
    assert loaded(world) == ["b", "c"]


def test_a_model_that_is_being_called_is_not_evicted(world: Any) -> None:
    put(world, a="one", b="two")
    world.create(world.config(model=model(world, MOST_MODELS="1")))
    gate, seen = world.folder / "gate", world.folder / "seen"
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(ask, world, "a", gate=str(gate), touch=str(seen))
        world.until(seen.exists, "the call at the model")
        response = world.refused(ask, world, "b")
        gate.touch()
        assert call.result()["said"] == "one"
    assert response["Error"]["Code"] == "ModelError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert (response["OriginalStatusCode"], response["OriginalMessage"]) == (507, "no room")
    assert ask(world, "b")["said"] == "two"


def test_the_limit_of_local_sagemaker_evicts_as_well(start: Any, world_of: Any) -> None:
    with start("--multi-model-memory-mib", "1") as local:
        world = world_of(local)
        put(world, a="1" * 600_000, b="2" * 600_000, big="3" * 1_200_000)
        world.create(world.config(model=model(world)))
        for each in "ab":
            assert len(ask(world, each)["said"]) == 600_000
        assert loaded(world) == ["b"]
        response = world.refused(ask, world, "big")
        assert response["OriginalStatusCode"] == 507
        assert "limit of one container's models" in response["OriginalMessage"]


def test_without_a_cache_a_model_leaves_after_its_call(world: Any) -> None:
    put(world, a="one")
    world.create(world.config(model=model(world, cache="Disabled")))
    assert ask(world, "a")["loads"] == ["a.tar.gz"]
    world.until(lambda: loaded(world) == [], "the model's end")
    assert ask(world, "a")["loads"] == ["a.tar.gz", "a.tar.gz"]
    described = world.sagemaker.describe_model(ModelName=f"{world.prefix}-multi")["PrimaryContainer"]
    assert described["MultiModelConfig"] == {"ModelCacheSetting": "Disabled"}


def test_a_model_that_the_container_forgot_is_loaded_again(world: Any) -> None:
    put(world, a="one")
    world.create(world.config(model=model(world)))
    ask(world, "a")
    assert ask(world, "a", forget=str(world.folder / "forgotten"))["loads"] == ["a.tar.gz", "a.tar.gz"]
    assert len(ask(world, "a")["loads"]) == 2


def test_a_container_that_dies_has_no_models_and_loads_them_again(world: Any) -> None:
    put(world, a="one")
    world.create(world.config(model=model(world)))
    first = ask(world, "a")["pid"]
    os.kill(first, signal.SIGKILL)
    world.until(lambda: [each for each in world.instances if each["restarts"] and each["port"]], "its successor")

    def again() -> dict[str, Any] | None:
        try:
            return ask(world, "a")
        except world.runtime.exceptions.ClientError:
            return None

    found = world.until(again, "an answer of the successor")
    assert found["pid"] != first
    assert found["loads"] == ["a.tar.gz"]


@pytest.mark.parametrize(
    ("target", "code", "words"),
    [
        ("absent.tar.gz", "ValidationError", "Failed to download model data"),
        ("text.tar.gz", "ValidationError", "it is not gzip-compressed"),
        (None, "ValidationError", "is missing a target model header"),
    ],
)
def test_what_cannot_be_loaded_is_said(world: Any, target: str | None, code: str, words: str) -> None:
    world.local.put(f"{world.prefix}/text.tar.gz", b"text")
    world.create(world.config(model=model(world)))
    response = world.refused(world.invoke, **({} if target is None else {"TargetModel": target}))
    assert response["Error"]["Code"] == code
    assert words in response["Error"]["Message"]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    put(world, good="good")
    assert ask(world, "good")["said"] == "good"


def test_a_model_that_the_container_cannot_load_is_its_error(world: Any) -> None:
    put(world, bad="broken")
    world.create(world.config(model=model(world)))
    response = world.refused(ask, world, "bad")
    assert (response["Error"]["Code"], response["OriginalStatusCode"]) == ("ModelError", 500)
    assert response["OriginalMessage"] == "this model is broken"


def test_an_image_without_the_contract_never_becomes_healthy(world: Any) -> None:
    described = world.create(world.config(model=model(world, NO_MODELS="1")))
    assert described["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in described["FailureReason"]
    assert "GET /models" in described["FailureReason"]


def test_only_a_multi_model_endpoint_takes_a_target_model(world: Any) -> None:
    world.create(world.config())
    response = world.refused(world.invoke, TargetModel="a.tar.gz")
    assert "is not a multi-model endpoint and does not support target model header" in response["Error"]["Message"]


def test_models_are_spread_over_the_instances_and_found_again(start: Any, world_of: Any) -> None:
    with start("--max-processes-per-variant", "2") as local:
        world = world_of(local)
        put(world, a="one", b="two", c="three", d="four")
        world.create(world.config(model=model(world), count=2))
        first = {each: ask(world, each)["pid"] for each in "abcd"}
        assert {each: ask(world, each)["pid"] for each in "abcd"} == first
        assert sorted(len(each["models"]) for each in world.instances) == [2, 2]


def linear(slope: float) -> bytes:
    fitted = LinearRegression().fit([[0.0], [1.0]], [0.0, slope])
    return archive({"model.pkl": pickle.dumps(fitted), "code/inference.py": SCRIPT})


def test_the_scikit_learn_server_has_many_models_each_in_a_process(world: Any) -> None:
    for name, slope in (("two", 2.0), ("three", 3.0)):
        world.local.put(f"{world.prefix}/deep/{name}.tar.gz", linear(slope))
    world.local.put(f"{world.prefix}/empty.tar.gz", archive({"code/inference.py": SCRIPT}))
    script = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    world.create(world.config(model=model(world, image=SKLEARN, **script)))

    def predict(name: str) -> Any:
        reply = world.invoke(b"[[4.0]]", TargetModel=name, ContentType="application/json")
        return json.loads(reply["Body"])

    assert predict("deep/two.tar.gz") == pytest.approx([8.0])
    assert predict("deep/three.tar.gz") == pytest.approx([12.0])
    response = world.refused(predict, "empty.tar.gz")
    assert (response["Error"]["Code"], response["OriginalStatusCode"]) == ("ModelError", 500)
    assert predict("deep/two.tar.gz") == pytest.approx([8.0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ModelDataUrl": "s3://data/one.tar.gz"}, "needs ModelDataUrl, the S3 prefix"),
        ({"Mode": "SingleModel", "MultiModelConfig": {"ModelCacheSetting": "Enabled"}}, "MultiModelConfig is for"),
    ],
)
def test_create_model_refuses_what_is_no_multi_model_container(world: Any, change: dict[str, Any], words: str) -> None:
    response = world.refused(
        world.sagemaker.create_model, ModelName=f"{world.prefix}-m", PrimaryContainer=container(world) | change
    )
    assert words in response["Error"]["Message"]


def test_an_asynchronous_endpoint_has_no_target_model(world: Any) -> None:
    asynchronous = {"OutputConfig": {"S3OutputPath": "s3://data/out/"}}
    name = model(world)
    response = world.refused(world.config, model=name, AsyncInferenceConfig=asynchronous)
    assert "InvokeEndpointAsync has no TargetModel" in response["Error"]["Message"]


def test_a_model_that_takes_too_long_to_load_is_not_ready_and_is_there_later(start: Any, world_of: Any) -> None:
    with start("--model-timeout-seconds", "0.5") as local:
        world = world_of(local)
        put(world, a="slow")
        gate = world.folder / "gate"
        world.create(world.config(model=model(world, GATE=str(gate))))
        response = world.refused(ask, world, "a")
        assert response["Error"]["Code"] == "ModelNotReadyException"
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
        gate.touch()
        world.until(lambda: loaded(world) == ["a"], "the model in the container")
        assert ask(world, "a")["loads"] == ["a.tar.gz"]


def test_calls_that_wait_for_a_model_are_answered_by_the_fleet_that_an_update_replaces(world: Any) -> None:
    put(world, a="slow")
    gate = world.folder / "gate"
    name = model(world, GATE=str(gate))
    world.create(world.config(model=name))
    earlier = {each["id"] for each in world.instances}
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(ask, world, "a") for _ in range(2)]
        world.until((world.folder / "gate.begun").exists, "the load at the container")
        following = world.config("next", model=name)
        world.sagemaker.update_endpoint(EndpointName=world.endpoint, EndpointConfigName=following)
        assert world.settled()["EndpointConfigName"].endswith("next")
        assert not earlier & {each["id"] for each in world.instances}
        gate.touch()
        assert [each.result()["said"] for each in calls] == ["slow", "slow"]


def test_what_becomes_of_models_is_published(start: Any, world_of: Any) -> None:
    with start("--clock", "manual") as local:
        world = world_of(local)
        put(world, a="one", b="two", c="three")
        config = world.config(model=model(world, MOST_MODELS="2"))
        world.sagemaker.create_endpoint(EndpointName=world.endpoint, EndpointConfigName=config)

        def serves() -> bool:
            local.admin("POST", "clock", {"advanceSeconds": 1})
            return bool(world.describe()["EndpointStatus"] == "InService")

        world.until(serves, "a serving endpoint")
        for each in "aabc":
            ask(world, each)
        local.admin("POST", "clock", {"advanceSeconds": 120})
        now = local.admin("GET", "clock")["now"]

        def published(name: str, namespace: str = "AWS/SageMaker") -> tuple[float, float]:
            found = local.client("cloudwatch").get_metric_statistics(
                Namespace=namespace,
                MetricName=name,
                Dimensions=[
                    {"Name": "EndpointName", "Value": world.endpoint},
                    {"Name": "VariantName", "Value": "main"},
                ],
                StartTime=now - 600,
                EndTime=now + 60,
                Period=600,
                Statistics=["Sum", "SampleCount"],
            )["Datapoints"]
            return sum(each["Sum"] for each in found), sum(each["SampleCount"] for each in found)

        assert published("ModelCacheHit") == (1, 4)
        steps = {"ModelLoadingWaitTime": 3, "ModelDownloadingTime": 3, "ModelLoadingTime": 3, "ModelUnloadingTime": 1}
        for name, times in steps.items():
            took, count = published(name)
            assert (name, count) == (name, times)
            assert took > 0
        assert published("ModelLoadingWaitTime")[0] > published("ModelLoadingTime")[0]
        loaded, minutes = published("LoadedModelCount", "/aws/sagemaker/Endpoints")
        assert loaded == 2 * minutes > 0
