"""A host and a router with real processes behind them; S3 and CloudWatch Logs are moto's server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from sagemaker_local.hosting.host import Fleet, Host
from sagemaker_local.hosting.images import ImageRule, built_in_rules
from sagemaker_local.hosting.settings import HostSettings
from sagemaker_local.hosting.types import ContainerSpec, FleetSpec, InstanceStatus
from sagemaker_local.router.process import RouterProcess, RouterSettings
from sagemaker_local.router.routes import EndpointRoute, RouteTable, VariantRoute
from testkit import fixtures
from testkit.archives import archive
from testkit.clients import ACCOUNT, REGION, client, make_bucket
from testkit.images import command
from testkit.waiting import until_async

BUCKET = "models"
trained = fixtures.trained


@dataclass(frozen=True)
class Aws:
    """The inner AWS."""

    url: str

    def client(self, service: str, url: str | None = None) -> Any:
        return client(url or self.url, service)

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
    make_bucket(found.url, BUCKET)
    yield found
    server.stop()


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
    until = staticmethod(until_async)
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

    async def named(self, name: str, count: int = 1) -> Fleet:
        """A fleet of the container that says who it is; its variant has the same name."""
        found = self.fleet("test/named:1", environment={"NAME": name}, variant_name=name, count=count)
        await found.started()
        return found

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
        own = (*rules, ImageRule("test/named:*", tuple(command("named"))))
        host = Host(HostSettings(tmp_path, aws.url, (*own, *built_in_rules()), **quick), changes.append)
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
