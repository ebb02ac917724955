"""One endpoint of local SageMaker in short words, which tests say again and again. Its names are new in every test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from testkit.local import Local
from testkit.waiting import until

ECHO, CONTAINER = "local://echo", "registry.example/container:1"
XGBOOST = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
ROLE = "arn:aws:iam::111122223333:role/serving"
_MOVING = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")


@dataclass
class Endpoint:
    """The endpoint itself. Everything of a test is named after its ``prefix``."""

    local: Local
    prefix: str
    until = staticmethod(until)

    @property
    def sagemaker(self) -> Any:
        """boto3's client."""
        return self.local.client("sagemaker")

    @property
    def runtime(self) -> Any:
        """boto3's client."""
        return self.local.client("sagemaker-runtime")

    @property
    def endpoint(self) -> str:
        """Its name."""
        return f"{self.prefix}-endpoint"

    @property
    def instances(self) -> list[dict[str, Any]]:
        """Of every fleet of the endpoint."""
        return self.local.instances(self.endpoint)

    def config_of(self, name: str, variants: Sequence[dict[str, Any]], **fields: Any) -> str:
        """The full name of a new configuration of these variants."""
        name = f"{self.prefix}-{name}"
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **fields)
        return name

    def create(self, config: str, **fields: Any) -> dict[str, Any]:
        """The endpoint once it is settled."""
        self.sagemaker.create_endpoint(EndpointName=self.endpoint, EndpointConfigName=config, **fields)
        return self.settled()

    def update(self, config: str, **fields: Any) -> dict[str, Any]:
        """The endpoint once it is settled."""
        self.sagemaker.update_endpoint(EndpointName=self.endpoint, EndpointConfigName=config, **fields)
        return self.settled()

    def weights(self, **targets: tuple[float | None, int | None]) -> None:
        """Ask for weights and instance counts of variants."""
        wanted = [
            {"VariantName": name}
            | ({} if weight is None else {"DesiredWeight": weight})
            | ({} if count is None else {"DesiredInstanceCount": count})
            for name, (weight, count) in targets.items()
        ]
        self.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=self.endpoint, DesiredWeightsAndCapacities=wanted
        )

    def describe(self) -> dict[str, Any]:
        """DescribeEndpoint's answer."""
        found: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=self.endpoint)
        return found

    def step(self) -> None:
        """What has to be done between two looks; nothing where time passes by itself."""

    def settled(self) -> dict[str, Any]:
        """The endpoint once nothing is under way."""

        def there() -> dict[str, Any] | None:
            found = self.describe()
            if found["EndpointStatus"] not in _MOVING:
                return found
            self.step()
            return None

        return until(there, f"a final status of {self.endpoint}")

    @property
    def exists(self) -> bool:
        """Whether the endpoint is listed."""
        found = self.sagemaker.list_endpoints(NameContains=self.endpoint)["Endpoints"]
        return self.endpoint in [each["EndpointName"] for each in found]

    def delete(self) -> None:
        """Returns when the endpoint is gone."""
        self.sagemaker.delete_endpoint(EndpointName=self.endpoint)

        def gone() -> bool:
            self.step()
            return not self.exists

        until(gone, f"the end of {self.endpoint}")

    def end(self) -> None:
        """Delete the endpoint, if there is one."""
        if self.exists:
            self.settled()
            self.delete()

    def invoke(self, body: bytes = b"x", **fields: Any) -> dict[str, Any]:
        """InvokeEndpoint's answer, its body read."""
        reply: dict[str, Any] = self.runtime.invoke_endpoint(EndpointName=self.endpoint, Body=body, **fields)
        return reply | {"Body": reply["Body"].read()}


@dataclass
class World(Endpoint):
    """An endpoint with a variant for each model."""

    def model(self, name: str, image: str = ECHO, url: str | None = None, **environment: str) -> str:
        """The full name of a new model of one container."""
        name = f"{self.prefix}-{name}"
        container = {"Image": image, "Environment": environment} | ({"ModelDataUrl": url} if url else {})
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
        return name

    def config(self, name: str, *models: str, count: int = 1, **fields: Any) -> str:
        """The full name of a new configuration, with one variant for each model, named a, b, c."""
        variants = [
            {"VariantName": variant, "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": count}
            | fields
            for variant, model in zip("abc", models, strict=False)
        ]
        return self.config_of(name, variants)


@contextmanager
def fresh_world(local: Local, prefix: str) -> Iterator[World]:
    """A world that leaves neither an endpoint nor a fault behind."""
    found = World(local, prefix)
    yield found
    local.admin("DELETE", "faults")
    found.end()
