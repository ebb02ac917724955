"""RoutingConfig through unchanged boto3: which of two instances takes a call while one of them is busy."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

VARIANT = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 2}


def pid(reply: dict[str, Any]) -> int:
    found: int = json.loads(reply["Body"])["pid"]
    return found


def asked_while_one_is_busy(world: Any, routing: dict[str, Any]) -> tuple[int, set[int]]:
    """The process that a call keeps busy, and those that answered forty calls meanwhile."""
    variant = {"VariantName": "main", "ModelName": world.model(), **VARIANT, **routing}
    world.sagemaker.create_endpoint_config(EndpointConfigName=f"{world.prefix}-r", ProductionVariants=[variant])
    described = world.create(f"{world.prefix}-r")
    assert described["ProductionVariants"][0].get("RoutingConfig") == routing.get("RoutingConfig")
    assert len({each["pid"] for each in world.instances}) == 2
    gate, seen = world.folder / "gate", world.folder / "seen"
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(world.invoke, {"gate": str(gate), "touch": str(seen)})
        try:
            world.until(seen.exists, "the call that keeps an instance busy")
            found = {pid(world.invoke()) for _ in range(40)}
        finally:
            gate.touch()
        return pid(call.result()), found


def test_least_outstanding_requests_leaves_the_busy_instance_alone(start: Any, world_of: Any) -> None:
    with start("--max-processes-per-variant", "2") as local:
        world = world_of(local)
        routing = {"RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}}
        busy, found = asked_while_one_is_busy(world, routing)
        assert len(found) == 1
        assert busy not in found
        assert len({pid(world.invoke()) for _ in range(40)}) == 2


@pytest.mark.parametrize("routing", [{}, {"RoutingConfig": {"RoutingStrategy": "RANDOM"}}])
def test_random_takes_the_busy_instance_as_well(start: Any, world_of: Any, routing: dict[str, Any]) -> None:
    with start("--max-processes-per-variant", "2") as local:
        busy, found = asked_while_one_is_busy(world_of(local), routing)
        assert len(found) == 2
        assert busy in found
