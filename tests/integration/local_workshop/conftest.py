"""A ``sagemaker-local`` whose clock the tests move, with words for the workshop's kinds of endpoints."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml


def _loaded(folder: str) -> Any:
    spec = importlib.util.spec_from_file_location(
        f"{folder}_of_workshop", Path(__file__).parents[1] / folder / "conftest.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


rollouts, runtime = _loaded("local_rollouts"), _loaded("local_runtime")
start, world, trained = rollouts.start, rollouts.world, rollouts.control.trained
BUCKET = "models"
CONTAINER, GATED = "registry.example/container:1", "registry.example/gated:1"
ROLE = "arn:aws:iam::111122223333:role/serving"


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The containers of local_control and local_runtime; the latter's waits for a file that its request names."""
    folder = tmp_path_factory.mktemp("images")
    rules = []
    for name, script in (("container", rollouts.control.SCRIPT), ("gated", runtime.SCRIPT)):
        (folder / f"{name}.py").write_text(script)
        rules.append({"match": f"registry.example/{name}:*", "command": [sys.executable, str(folder / f"{name}.py")]})
    (folder / "images.yaml").write_text(yaml.safe_dump(rules))
    return folder / "images.yaml"


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Iterator[Any]:
    flags = ["--clock", "manual", "--create-seconds", "2", "--delete-seconds", "1", "--images", str(images)]
    flags += ["--startup-seconds", "20", "--health-check-seconds", "0.5", "--max-processes-per-variant", "2"]
    with rollouts.control.running(tmp_path_factory.mktemp("sagemaker-local"), *flags) as found:
        where = {"LocationConstraint": "eu-west-1"}
        found.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
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
