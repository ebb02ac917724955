"""A ``sagemaker-local`` whose clock the tests move, with words for the workshop's kinds of endpoints."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from testkit import fixtures
from testkit.images import command, image_map
from testkit.local import Local
from testkit.stepped import Stepped, running_stepped, stepped
from testkit.world import CONTAINER, ROLE

BUCKET, GATED = "models", "registry.example/gated:1"
_numbers = itertools.count(1)
start, trained = fixtures.start, fixtures.trained


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A container that answers with what it was told, and one that waits for a file that its request names."""
    path = tmp_path_factory.mktemp("images") / "images.yaml"
    return image_map(path, ("container", command("told")), ("gated", command("gated")))


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Iterator[Local]:
    with running_stepped(tmp_path_factory.mktemp("sagemaker-local"), images, bucket=BUCKET) as found:
        yield found


@pytest.fixture
def world(local: Local) -> Iterator[Stepped]:
    with stepped(local, f"w{next(_numbers)}") as found:
        yield found


@dataclass
class Scaled:
    """Something that is registered for scaling, as ``dimension`` of the resource."""

    world: Any
    resource: str
    dimension: str
    minimum: int
    maximum: int
    client: Any = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.world.local.client("application-autoscaling")
        self.client.register_scalable_target(**self.of, MinCapacity=self.minimum, MaxCapacity=self.maximum)

    @property
    def of(self) -> dict[str, str]:
        return {"ServiceNamespace": "sagemaker", "ResourceId": self.resource, "ScalableDimension": self.dimension}

    def track(self, target: float, metric: str | dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
        """The alarms of a target tracking policy."""
        named = {"PredefinedMetricSpecification": {"PredefinedMetricType": metric}}
        configuration = named if isinstance(metric, str) else {"CustomizedMetricSpecification": metric}
        found: list[dict[str, Any]] = self.client.put_scaling_policy(
            **self.of,
            PolicyName="track",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={"TargetValue": target} | configuration | fields,
        )["Alarms"]
        return found

    def step(self, **fields: Any) -> str:
        """The ARN of a step policy."""
        found: str = self.client.put_scaling_policy(
            **self.of, PolicyName="step", PolicyType="StepScaling", StepScalingPolicyConfiguration=fields
        )["PolicyARN"]
        return found

    @property
    def activities(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.describe_scaling_activities(
            ServiceNamespace="sagemaker", ResourceId=self.resource
        )["ScalingActivities"]
        return found


@pytest.fixture
def scaled(world: Any) -> Any:
    """Registers a resource: ``scaled(resource, dimension, minimum, maximum)``."""
    return lambda *arguments: Scaled(world, *arguments)


@pytest.fixture
def values(world: Any) -> Any:
    """``values(metric, **dimensions)``: a metric of the last two hours by period, oldest first."""

    def found(metric: str, statistic: str = "Sum", period: int = 60, **dimensions: str) -> list[float]:
        end = datetime.fromtimestamp(world.now, UTC)
        points = world.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            Period=period,
            StartTime=end - timedelta(hours=2),
            EndTime=end,
            Statistics=[statistic],
        )["Datapoints"]
        return [each[statistic] for each in sorted(points, key=lambda each: each["Timestamp"])]

    return found


@dataclass
class Asynchronous:
    """An asynchronous endpoint whose requests wait at the container until ``open``."""

    world: Any
    gate: Path

    def create(self, count: int = 1, concurrency: int = 1, image: str = GATED) -> None:
        self.world.create(self.config("config", count, concurrency, image))

    def config(self, name: str, count: int = 1, concurrency: int = 1, image: str = GATED) -> str:
        config = f"{self.world.prefix}-{name}"
        model = self.world.model(f"model-of-{name}", image)
        self.world.sagemaker.create_endpoint_config(
            EndpointConfigName=config,
            ProductionVariants=[
                {
                    "VariantName": "a",
                    "ModelName": model,
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": count,
                }
            ],
            AsyncInferenceConfig={
                "OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/{self.world.prefix}/out"},
                "ClientConfig": {"MaxConcurrentInvocationsPerInstance": concurrency},
            },
        )
        return config

    def send(self, count: int) -> None:
        body = json.dumps({"gate": str(self.gate)}).encode()
        client = self.world.local.client("sagemaker-runtime")
        for _ in range(count):
            client.invoke_endpoint_async(EndpointName=self.world.endpoint, Body=body)

    def open(self) -> None:
        self.gate.touch()

    def results(self, count: int) -> None:
        """Once there are so many."""
        s3 = self.world.local.client("s3")
        prefix = f"{self.world.prefix}/out/"
        self.world.until(
            lambda: s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["KeyCount"] >= count, f"{count} results"
        )

    @property
    def count(self) -> int:
        """Desired."""
        return int(self.world.describe()["ProductionVariants"][0]["DesiredInstanceCount"])


@pytest.fixture
def asynchronous(world: Any, tmp_path: Path) -> Iterator[Asynchronous]:
    found = Asynchronous(world, tmp_path / "gate")
    yield found
    found.open()


@dataclass
class Components:
    """An endpoint for inference components."""

    world: Any

    def endpoint(self) -> None:
        config = f"{self.world.prefix}-config"
        self.world.sagemaker.create_endpoint_config(
            EndpointConfigName=config,
            ProductionVariants=[{"VariantName": "a", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}],
            ExecutionRoleArn=ROLE,
        )
        self.world.create(config)

    def name(self, short: str) -> str:
        return f"{self.world.prefix}-{short}"

    def create(self, short: str, image: str = CONTAINER, **environment: str) -> str:
        container = {"Image": image, "Environment": environment}
        self.world.sagemaker.create_inference_component(
            InferenceComponentName=self.name(short),
            EndpointName=self.world.endpoint,
            VariantName="a",
            RuntimeConfig={"CopyCount": 1},
            Specification={"Container": container, "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 128}},
        )
        return self.settled(short)

    def describe(self, short: str) -> dict[str, Any]:
        found: dict[str, Any] = self.world.sagemaker.describe_inference_component(
            InferenceComponentName=self.name(short)
        )
        return found

    def settled(self, short: str) -> str:
        """Its status once nothing is under way."""

        def there() -> str | None:
            status: str = self.describe(short)["InferenceComponentStatus"]
            if status in ("InService", "Failed"):
                return status
            self.world.advance(1)
            return None

        found: str = self.world.until(there, f"a final status of {short}")
        return found

    def copies(self, short: str) -> int:
        """Desired."""
        return int(self.describe(short)["RuntimeConfig"]["DesiredCopyCount"])

    def delete(self) -> None:
        """All of the endpoint."""

        def left() -> list[str]:
            found = self.world.sagemaker.list_inference_components(EndpointNameEquals=self.world.endpoint)
            return [
                each["InferenceComponentName"]
                for each in found["InferenceComponents"]
                if each["InferenceComponentStatus"] != "Deleting"
            ]

        def gone() -> bool:
            self.world.advance(1)
            found = self.world.sagemaker.list_inference_components(EndpointNameEquals=self.world.endpoint)
            return not found["InferenceComponents"]

        for name in left():
            self.settled(name.removeprefix(f"{self.world.prefix}-"))
            self.world.sagemaker.delete_inference_component(InferenceComponentName=name)
        self.world.until(gone, "the end of the components")


@pytest.fixture
def components(world: Any) -> Iterator[Components]:
    found = Components(world)
    yield found
    found.delete()
