"""A host and a router with real processes behind them; S3 and CloudWatch Logs are moto's server."""

from __future__ import annotations

import asyncio
import io
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
import xgboost
from botocore.config import Config
from moto.server import ThreadedMotoServer

from sagemaker_local.hosting.host import Fleet, Host
from sagemaker_local.hosting.images import ImageRule, built_in_rules
from sagemaker_local.hosting.settings import HostSettings
from sagemaker_local.hosting.types import ContainerSpec, FleetSpec, InstanceStatus
from sagemaker_local.router.process import RouterProcess, RouterSettings
from sagemaker_local.router.routes import EndpointRoute, RouteTable, VariantRoute

ACCOUNT, REGION, BUCKET = "111122223333", "eu-west-1", "models"
XGBOOST = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
SKLEARN = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.9-0"


def archive(files: Mapping[str, bytes]) -> bytes:
    """A model.tar.gz."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@dataclass(frozen=True)
class Aws:
    """The inner AWS."""

    url: str

    def client(self, service: str, url: str | None = None) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]  # any service
            endpoint_url=url or self.url,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="fake",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=30),
        )

    def put(self, key: str, files: Mapping[str, bytes] | bytes) -> str:
        """Upload an archive; its URL."""
        body = files if isinstance(files, bytes) else archive(files)
        self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def log_lines(self, endpoint: str) -> list[str]:
        """Every line of an endpoint's log group."""
        logs, group = self.client("logs"), f"/aws/sagemaker/Endpoints/{endpoint}"
        names = [each["logStreamName"] for each in logs.describe_log_streams(logGroupName=group)["logStreams"]]
        events = [logs.get_log_events(logGroupName=group, logStreamName=each)["events"] for each in names]
        return [event["message"] for each in events for event in each]


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    found = Aws(f"http://{host}:{port}")
    found.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    yield found
    server.stop()


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Poll a condition; the limit only keeps a broken test from hanging."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - other processes set no events here
            await asyncio.sleep(0.02)


def in_service(fleet: Fleet) -> bool:
    return all(each.status is InstanceStatus.IN_SERVICE for each in fleet.instances)


@dataclass
class World:
    """One host and one router; ``variants`` is what the table holds per endpoint."""

    aws: Aws
    host: Host
    router: RouterProcess
    public: str
    changes: list[Fleet]
    table: dict[str, EndpointRoute] = field(default_factory=dict)
    until = staticmethod(until)
    in_service = staticmethod(in_service)

    def fleet(self, image: str, url: str | None = None, **fields: Any) -> Fleet:
        environment = fields.pop("environment", {})
        container = ContainerSpec(image, url, environment)
        spec = FleetSpec(ACCOUNT, REGION, "fraud", "main", (container,), "ml.m5.large", 1)
        return self.host.start_fleet(replace(spec, **fields))

    async def publish(self, endpoint: str, *variants: VariantRoute, status: str = "InService") -> None:
        self.table[endpoint] = EndpointRoute(ACCOUNT, REGION, endpoint, status, variants)
        await self.router.publish(RouteTable({each.key: each for each in self.table.values()}))

    async def serve(self, fleet: Fleet, weight: float = 1.0) -> None:
        """Wait for the fleet and route its endpoint to it alone."""
        await fleet.started()
        await self.publish(fleet.spec.endpoint_name, VariantRoute(fleet.spec.variant_name, weight, fleet.routes))

    async def invoke(self, body: bytes, endpoint: str = "fraud", **fields: Any) -> dict[str, Any]:
        """Through boto3; Body is read."""

        def call() -> dict[str, Any]:
            client = self.aws.client("sagemaker-runtime", self.public)
            reply: dict[str, Any] = client.invoke_endpoint(EndpointName=endpoint, Body=body, **fields)
            reply["Body"] = reply["Body"].read()
            return reply

        return await asyncio.to_thread(call)


MakeWorld = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture
def world(aws: Aws, tmp_path: Path) -> MakeWorld:
    """``async with world(rules=…, health_check_interval_seconds=…) as here``"""

    @asynccontextmanager
    async def make(
        rules: tuple[ImageRule, ...] = (), router: Mapping[str, Any] | None = None, **settings: Any
    ) -> AsyncIterator[World]:
        changes: list[Fleet] = []
        quick: dict[str, Any] = {"restart_backoff_seconds": 0.05, "health_check_interval_seconds": 0.2}
        quick |= {"log_flush_seconds": 0.05, "stop_grace_seconds": 5.0} | settings
        host = Host(HostSettings(tmp_path, aws.url, (*rules, *built_in_rules()), **quick), changes.append)
        upstream_host, _, upstream_port = aws.url.removeprefix("http://").partition(":")
        upstream: dict[str, Any] = {"upstream_host": upstream_host, "upstream_port": int(upstream_port)}
        process = RouterProcess(RouterSettings(**(upstream | dict(router or {}))))
        port = await process.start()
        try:
            yield World(aws, host, process, f"http://127.0.0.1:{port}", changes)
        finally:
            await process.close()
            await host.close()
        assert not list((tmp_path / "fleets").glob("*")) if (tmp_path / "fleets").exists() else True

    return make


@dataclass(frozen=True)
class Trained:
    """A booster and rows to ask it about."""

    booster: xgboost.Booster
    rows: np.ndarray

    @property
    def expected(self) -> list[float]:
        found: list[float] = self.booster.predict(xgboost.DMatrix(self.rows)).tolist()
        return found

    @property
    def csv(self) -> bytes:
        return "\n".join(",".join(map(str, row)) for row in self.rows.tolist()).encode()

    def files(self, form: str = "json") -> dict[str, bytes]:
        return {"xgboost-model": bytes(self.booster.save_raw(form))}


@pytest.fixture(scope="session")
def trained() -> Trained:
    random = np.random.default_rng(7)
    rows = random.random((300, 6), dtype=np.float32)
    booster = xgboost.train(
        {"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(rows, rows.sum(axis=1) > 3), 12
    )
    return Trained(booster, rows[:4])
