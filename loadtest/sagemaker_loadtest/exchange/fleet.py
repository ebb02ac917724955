"""The instances behind an endpoint, by DescribeEndpoint: a rate per instance needs a count that stays the same."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagemaker_loadtest.api.spec import Endpoint

_PATIENCE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Variant:
    """A production variant as it is now. `count` is None for a serverless one."""

    name: str
    count: int | None
    desired: int | None
    instance_type: str | None = None


@dataclass(frozen=True, slots=True)
class Fleet:
    """`status` is EndpointStatus; `unknown` says why nothing is known, when DescribeEndpoint did not answer."""

    status: str = ""
    variants: tuple[Variant, ...] = ()
    unknown: str = ""

    def instances(self, variant: str) -> int | None:
        """Instances of the variant; of the only one under any name, as replies may name none."""
        found = self._of(variant)
        return found.count if found else None

    def instance_type(self, variant: str) -> str | None:
        found = self._of(variant)
        return found.instance_type if found else None

    def _of(self, variant: str) -> Variant | None:
        named = next((v for v in self.variants if v.name == variant), None)
        return named or (self.variants[0] if len(self.variants) == 1 else None)


def unsteady(before: Fleet, now: Fleet) -> str:
    """Why a search cannot go on with `now` after it began with `before`; empty when it can."""
    if now.unknown or before.unknown:
        return ""
    if now.status != "InService":
        return f"the endpoint is {now.status}, not InService"
    for variant in now.variants:
        known = before.instances(variant.name)
        if variant.count != variant.desired:
            return f"{variant.name} is on its way from {variant.count} to {variant.desired} instances"
        if variant.count != known:
            return f"the instances of {variant.name} changed from {known} to {variant.count}"
    return ""


def fleet_of(endpoint: Endpoint, environment: Mapping[str, str] = os.environ) -> Fleet:
    """The fleet now. With a runtime URL of its own and no control plane beside it there is nobody to ask."""
    control_plane = environment.get("AWS_ENDPOINT_URL_SAGEMAKER") or environment.get("AWS_ENDPOINT_URL")
    if environment.get("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME") and not control_plane:
        return Fleet(unknown="only the runtime has an address (AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME)")
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    settings = Config(
        connect_timeout=_PATIENCE_SECONDS, read_timeout=_PATIENCE_SECONDS, retries={"total_max_attempts": 3}
    )
    try:
        client = boto3.Session(region_name=endpoint.region).client("sagemaker", config=settings)
        described = client.describe_endpoint(EndpointName=endpoint.name)
    except (BotoCoreError, ClientError) as error:
        return Fleet(unknown=str(error))
    try:
        config: Mapping[str, Any] = client.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
    except (BotoCoreError, ClientError):  # the type is a convenience, the count is not
        config = {}
    types = {v["VariantName"]: v.get("InstanceType") for v in config.get("ProductionVariants", [])}
    return Fleet(
        described["EndpointStatus"], tuple(_variant(v, types) for v in described.get("ProductionVariants", []))
    )


def _variant(described: Mapping[str, Any], types: Mapping[str, str | None]) -> Variant:
    name = described["VariantName"]
    serverless = described.get("CurrentServerlessConfig") is not None
    count = None if serverless else described.get("CurrentInstanceCount")
    desired = None if serverless else described.get("DesiredInstanceCount", count)
    return Variant(name, count, desired, types.get(name))
