"""A state folder and the kinds of endpoints together: what was there is there again after a stop, and is shown."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

CONTAINER, MODELS = "registry.example/container:1", "registry.example/models:1"
CAPACITY = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


def archive(said: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("say")
        info.size = len(said)
        tar.addfile(info, io.BytesIO(said.encode()))
    return buffer.getvalue()


def in_service(world: Any, name: str) -> Any:
    def found() -> Any:
        described = world.sagemaker.describe_endpoint(EndpointName=name)
        return described if described["EndpointStatus"] == "InService" else None

    return world.until(found, f"{name} InService")


def made(world: Any, name: str, *, shadow: bool = False, **fields: Any) -> None:
    """Model, configuration and endpoint of one name."""
    world.sagemaker.create_model(ModelName=name, **fields)
    variant = {"VariantName": "main", "ModelName": name, **CAPACITY}
    shadows = {"ShadowProductionVariants": [{**variant, "VariantName": "next"}]} if shadow else {}
    world.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], **shadows)
    world.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    in_service(world, name)


def body(world: Any, name: str, **fields: Any) -> Any:
    asked = b'{"say": "{}"}' if name == "line" else b"{}"
    reply = world.runtime.invoke_endpoint(EndpointName=name, Body=asked, **fields)
    return json.loads(reply["Body"].read())


def shown(world: Any, name: str) -> Any:
    return next(each for each in world.local.admin("GET", "status")["endpoints"] if each["name"] == name)


def serve(world: Any) -> None:
    """Every kind answers, and the status page tells of it."""
    assert [body(world, "many", TargetModel=f"{each}.tar.gz")["said"] for each in "ab"] == ["one", "two"]
    assert "pid" in body(world, "line")
    assert [body(world, "live")["size"] for _ in range(4)] == [2] * 4
    many, live = shown(world, "many"), shown(world, "live")
    assert many["fleets"][0]["instances"][0]["models"] == ["a.tar.gz", "b.tar.gz"]
    world.until(lambda: shown(world, "live")["fleets"][1]["calls"] == 4, "the copies")
    live = shown(world, "live")
    assert live["calls"] == 4
    assert [(each["role"], each["variant"], each["asked"], each["seen"]) for each in live["fleets"]] == [
        ("serving", "main", 1.0, 1.0),
        ("serving", "next", 1.0, 1.0),
    ]
    line = shown(world, "line")
    [instance] = line["fleets"][0]["instances"]
    assert [len(each["instances"]) for each in line["fleets"]] == [1]
    assert len(instance["pids"]) == 2
    assert instance["memory"] > 2**20


def test_kinds_of_endpoints_and_markers_outlive_a_restart(start: Any, world_of: Any, tmp_path: Any) -> None:
    flags = ("--state-dir", str(tmp_path / "state"))
    with start(*flags) as local:
        world = world_of(local)
        for name, said in (("a", "one"), ("b", "two")):
            local.put(f"many/{name}.tar.gz", archive(said))
        many = {"Image": MODELS, "Mode": "MultiModel", "ModelDataUrl": "s3://data/many/"}
        made(world, "many", PrimaryContainer=many)
        made(world, "line", Containers=[{"Image": CONTAINER, "ContainerHostname": each} for each in ("pre", "post")])
        made(world, "live", shadow=True, PrimaryContainer={"Image": CONTAINER})
        serve(world)
        arn = world.sagemaker.describe_endpoint(EndpointName="line")["EndpointArn"]
        world.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "sagemaker-local/fault", "Value": "ping"}])
        world.sagemaker.update_endpoint(EndpointName="line", EndpointConfigName="line")
        assert "ping health check" in in_service(world, "line")["FailureReason"]
    (tmp_path / "state" / "fleets" / "left").mkdir(parents=True)  # as by a process that was killed
    with start(*flags) as local:
        world = world_of(local)
        assert "left" not in [each.name for each in (tmp_path / "state" / "fleets").iterdir()]
        serve(world)
        world.sagemaker.update_endpoint(EndpointName="line", EndpointConfigName="line")
        assert in_service(world, "line").get("FailureReason") is None
