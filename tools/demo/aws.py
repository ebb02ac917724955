"""Local SageMaker as the demo uses it: through unchanged boto3, and its admin API for what AWS would not tell."""

import json
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from demo import commands
from demo.folder import Folder

_LOG_GROUP = f"/aws/sagemaker/Endpoints/{commands.ENDPOINT}"
CSV = "text/csv"


@dataclass(frozen=True, slots=True)
class Instance:
    """A model server of an endpoint."""

    variant: str
    pid: int


@dataclass(frozen=True, slots=True)
class Objects:
    """All that SageMaker has in the demo's account and region, by name."""

    endpoints: tuple[str, ...]
    configs: tuple[str, ...]
    models: tuple[str, ...]

    @property
    def number(self) -> int:
        return len(self.endpoints) + len(self.configs) + len(self.models)


class Aws:
    """Clients of the demo's account and region."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = boto3.session.Session(
            aws_access_key_id=commands.ACCOUNT, aws_secret_access_key=commands.SECRET, region_name=commands.REGION
        )
        self._sagemaker = self._client("sagemaker")
        self.runtime = self._client("sagemaker-runtime")

    def _client(self, service: str) -> Any:
        """One attempt: a failure that boto3 would hide by trying again shall be seen."""
        settings = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30, max_pool_connections=8)
        return self._session.client(service, endpoint_url=self._url, config=settings)  # type: ignore[call-overload] # any service

    def upload(self, folder: Folder, models: Sequence[str]) -> None:
        """Makes the bucket, and puts the archives at `s3://models/fraud/<model>.tar.gz`."""
        s3 = self._client("s3")
        s3.create_bucket(Bucket=commands.BUCKET, CreateBucketConfiguration={"LocationConstraint": commands.REGION})
        for model in models:
            body = folder.archive(model).read_bytes()
            s3.put_object(Bucket=commands.BUCKET, Key=f"fraud/{model}.tar.gz", Body=body)

    def predict(self, rows: Sequence[str]) -> list[float]:
        """One request with all the rows, each a line of CSV."""
        reply = self.runtime.invoke_endpoint(
            EndpointName=commands.ENDPOINT, ContentType=CSV, Accept=CSV, Body="\n".join(rows)
        )
        return [float(value) for value in reply["Body"].read().decode().split(",")]

    def endpoint_config(self) -> str:
        """The name of the endpoint config that serves."""
        name: str = self._sagemaker.describe_endpoint(EndpointName=commands.ENDPOINT)["EndpointConfigName"]
        return name

    def objects(self) -> Objects:
        return Objects(
            self._names("list_endpoints", "Endpoints", "EndpointName"),
            self._names("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
            self._names("list_models", "Models", "ModelName"),
        )

    def _names(self, operation: str, member: str, name: str) -> tuple[str, ...]:
        pages = self._sagemaker.get_paginator(operation).paginate()
        return tuple(entry[name] for page in pages for entry in page[member])

    def instances(self) -> tuple[Instance, ...]:
        """The model servers that run, from the admin API."""
        with urllib.request.urlopen(f"{self._url}/_local/endpoints", timeout=10) as reply:
            endpoints = json.load(reply)
        return tuple(
            Instance(fleet["variant"], instance["pid"])
            for endpoint in endpoints
            for fleet in endpoint["fleets"]
            for instance in fleet["instances"]
            if instance["pid"]
        )

    def save_container_logs(self, folder: Folder) -> tuple[Path, ...]:
        """What the containers printed, from CloudWatch Logs: `<variant>-<number>.log`. Nothing where that fails."""
        written, seen = list[Path](), dict[str, int]()
        with suppress(ClientError, BotoCoreError):
            logs = self._client("logs")
            for stream in logs.describe_log_streams(logGroupName=_LOG_GROUP)["logStreams"]:
                name: str = stream["logStreamName"]
                variant = name.partition("/")[0]
                number = seen[variant] = seen.get(variant, -1) + 1
                events = logs.get_log_events(logGroupName=_LOG_GROUP, logStreamName=name, startFromHead=True)["events"]
                path = folder.log(f"{variant}-{number}")
                path.write_text("".join(f"{event['message']}\n" for event in events))
                written.append(path)
        return tuple(written)
