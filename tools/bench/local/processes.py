"""What instances cost: seconds until a process serves, and memory of each, against the model server started bare.

An endpoint of the XGBoost server, its count raised; one of ``local://echo`` beside it for the share that is not the
model server's.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil

from bench.local.servers import XGBOOST, booster, model_server
from bench.local.table import Row
from testkit import admin
from testkit.local import running
from testkit.world import World


async def rows(instances: int) -> AsyncIterator[Row]:
    """Bare first, then as an endpoint."""
    model = booster()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model.save_model(folder / "xgboost-model.json")
        start = time.perf_counter()
        async with model_server(folder, XGBOOST) as (_, pid):
            bare, size = time.perf_counter() - start, _mebibytes(psutil.Process(pid).memory_info().rss)
    for row in _endpoints(instances, bytes(model.save_raw("json")), bare, size):
        yield row


def _endpoints(instances: int, model: bytes, bare: float, size: float) -> list[Row]:
    flags = ["--create-seconds", "0", "--max-processes-per-variant", str(instances), "--log-level", "warning"]
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), *flags, bucket="models") as local:
        echo, world = World(local, "echo"), World(local, "xgboost")
        without = _seconds_of(echo, echo.config("config", echo.model("model")))
        url = local.put("model.tar.gz", {"xgboost-model": model})
        first = _seconds_of(world, world.config("config", world.model("model", XGBOOST, url)))
        start = time.perf_counter()
        world.weights(a=(None, instances))
        world.settled()
        more = time.perf_counter() - start
        facts = admin.ask(local.url, "GET", "status")
        fleets = next(each for each in facts["endpoints"] if each["name"] == world.endpoint)["fleets"]
        sizes = [_mebibytes(each["memory"]) for fleet in fleets for each in fleet["instances"]]
        part, against = "processes", "of the bare server"
        return [
            Row(part, "an endpoint without a process", without, "s"),
            Row(part, "an endpoint of one model server", first, "s", against, bare),
            Row(part, f"{instances - 1} more at once", more, "s", "of the first endpoint", first),
            Row(part, f"a model server, mean of {len(sizes)}", sum(sizes) / len(sizes), "MiB", against, size),
            *(Row(part, each["name"], _mebibytes(each["memory"]), "MiB") for each in facts["processes"]),
        ]


def _seconds_of(world: World, config: str) -> float:
    """From CreateEndpoint to InService."""
    start = time.perf_counter()
    assert world.create(config)["EndpointStatus"] == "InService"
    return time.perf_counter() - start


def _mebibytes(size: int) -> float:
    return size / 2**20
