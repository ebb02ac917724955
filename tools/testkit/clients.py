"""Unchanged boto3, pointed at local SageMaker. An account is its number, which is an access key there."""

from __future__ import annotations

import functools
import json
from typing import Any

import boto3
from botocore.config import Config

ACCOUNT, REGION = "111122223333", "eu-west-1"
_USUAL: dict[str, Any] = {"retries": {"total_max_attempts": 1}, "read_timeout": 60}


def client(url: str, service: str, account: str = ACCOUNT, region: str = REGION, **config: Any) -> Any:
    """One attempt a call unless ``config``, botocore's, says otherwise. Kept, as making one takes longer than calls."""
    return _kept(url, service, account, region, json.dumps(config))


@functools.cache
def _kept(url: str, service: str, account: str, region: str, config: str) -> Any:
    return new_client(url, service, account, region, **json.loads(config))


def new_client(url: str, service: str, account: str, region: str = REGION, **config: Any) -> Any:
    """The same, for the caller to close."""
    return boto3.client(
        service,  # type: ignore[call-overload]  # any service
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="local",
        config=Config(**_USUAL | config),
    )


def make_bucket(url: str, bucket: str, account: str = ACCOUNT) -> None:
    """An empty one in the region."""
    where: Any = {"LocationConstraint": REGION}
    client(url, "s3", account).create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
