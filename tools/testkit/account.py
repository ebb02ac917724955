"""One AWS account in local SageMaker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from testkit.archives import archive
from testkit.clients import new_client


@dataclass
class Account:
    """One AWS account with a bucket of models."""

    id: str
    url: str
    bucket: str
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """boto3's, until ``close``."""
        if service not in self._clients:
            self._clients[service] = new_client(self.url, service, self.id)
        return self._clients[service]

    def close(self) -> None:
        """Its clients."""
        for each in self._clients.values():
            each.close()

    @property
    def environment(self) -> dict[str, str]:
        """Of a process that acts in the account."""
        return {"AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": self.id, "AWS_SECRET_ACCESS_KEY": "local"}

    @property
    def sagemaker(self) -> Any:
        """boto3's client."""
        return self.client("sagemaker")

    def put(self, key: str, files: Mapping[str, bytes] | bytes) -> str:
        """Upload an archive; its URL."""
        body = files if isinstance(files, bytes) else archive(files)
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def invoke(self, endpoint: str, body: str = "1,2,3") -> tuple[str, str]:
        """The answer and the variant that gave it."""
        reply = self.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint, Body=body, ContentType="text/csv", Accept="text/csv"
        )
        return reply["Body"].read().decode().strip(), reply["InvokedProductionVariant"]

    def names(self) -> dict[str, list[str]]:
        """Everything that is left in the account."""
        sagemaker = self.sagemaker
        return {
            "endpoints": [e["EndpointName"] for e in sagemaker.list_endpoints()["Endpoints"]],
            "configs": [c["EndpointConfigName"] for c in sagemaker.list_endpoint_configs()["EndpointConfigs"]],
            "models": [m["ModelName"] for m in sagemaker.list_models()["Models"]],
        }

    def tags(self, arn: str) -> dict[str, str]:
        """Of a resource."""
        return {tag["Key"]: tag["Value"] for tag in self.sagemaker.list_tags(ResourceArn=arn)["Tags"]}
