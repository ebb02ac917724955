"""What the router costs: calls a second, latency and CPU time a call, against the bare model server.

Three servers: one that does nothing, the XGBoost server without a script, and the scikit-learn server with a script.
Each is measured bare and through the router with the same clients. The router's CPU is its own process's, so the
clients and the model server, which share the machine, do not count against it.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from sklearn.linear_model import LogisticRegression

from bench.local.load import Load, measure
from bench.local.servers import FEATURES, REGISTRY, XGBOOST, booster, model_server, noop_server, samples
from bench.local.table import Row
from sagemaker_local.router.process import RouterProcess, RouterSettings
from sagemaker_local.router.routes import EndpointRoute, Instance, RouteTable, VariantRoute
from testkit.clients import ACCOUNT, REGION

_NAME = "bench"
_SCRIPT = """
import os, pickle
def model_fn(model_dir):
    with open(os.path.join(model_dir, "model.pkl"), "rb") as file:
        return pickle.load(file)
def input_fn(body, content_type):
    import numpy as np
    return np.array([row.split(",") for row in body.strip().split("\\n")], dtype=float)
"""


async def _compare(name: str, port: int, pid: int, body: bytes, load: Load) -> list[Row]:
    """Bare, then through the router."""
    bare = await measure(port, "/invocations", body, {"server": pid}, load)
    router = RouterProcess(RouterSettings("127.0.0.1", 9))
    public = await router.start()
    instances = (Instance("i-0", "127.0.0.1", port),)
    route = EndpointRoute(ACCOUNT, REGION, _NAME, "InService", (VariantRoute("main", 1.0, instances),))
    await router.publish(RouteTable({route.key: route}))
    try:
        pids = {"server": pid, "router": router.pid or 0}
        routed = await measure(public, f"/endpoints/{_NAME}/invocations", body, pids, load)
    finally:
        await router.close()
    against = "of the bare server"
    return [
        Row("router", f"{name}: calls", routed.per_second, "/s", against, bare.per_second),
        Row("router", f"{name}: p50", routed.p50, "ms", against, bare.p50),
        Row("router", f"{name}: p99", routed.p99, "ms", against, bare.p99),
        Row("router", f"{name}: the router's CPU a call", routed.cpu["router"], "us", against, bare.cpu["server"]),
    ]


async def rows(load: Load) -> AsyncIterator[Row]:
    """All three servers."""
    row = ",".join(["0.5"] * FEATURES).encode()
    with noop_server() as (port, pid):
        for each in await _compare("no-op", port, pid, row, load):
            yield each
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        booster().save_model(folder / "xgboost-model.json")
        async with model_server(folder, XGBOOST) as (port, pid):
            for what, body in (("1 row", row), ("100 rows", b"\n".join([row] * 100))):
                for each in await _compare(f"xgboost, {what}", port, pid, body, load):
                    yield each
        (folder / "model.pkl").write_bytes(pickle.dumps(LogisticRegression().fit(*samples())))
        (folder / "code").mkdir()
        (folder / "code" / "inference.py").write_text(_SCRIPT)
        script = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
        async with model_server(folder, f"{REGISTRY}/sagemaker-scikit-learn:1.4-2-cpu-py3", script) as (port, pid):
            for each in await _compare("scikit-learn, 1 row", port, pid, row, load):
                yield each
