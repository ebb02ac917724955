"""Objects in S3: payloads that lie there, and inputs for InvokeEndpointAsync. Uses boto3, so before the load only."""

import hashlib
from collections.abc import Iterator
from typing import Any

from sagemaker_loadtest.api.errors import ConfigurationError


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`. Raises ValueError for anything else."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise ValueError(uri)
    return bucket, key


def read_objects(uri: str, region: str, limit_bytes: int, where: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of the object at `uri`, or of all below it when it ends in a slash, in the order of their keys.

    Raises ConfigurationError when there is none, when they may not be read, and when they are larger than
    `limit_bytes` together.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, key = split_uri(uri)
    try:
        client = _client(region)
        listed = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
        found = [o for page in listed for o in page.get("Contents", ()) if not o["Key"].endswith("/")]
        chosen = found if not key or key.endswith("/") else [o for o in found if o["Key"] == key]
        total = sum(o["Size"] for o in chosen)
        if not chosen:
            raise ConfigurationError(f"{where}: there is no object at {uri}. A prefix ends in a slash")
        if total > limit_bytes:
            raise ConfigurationError(
                f"{where}: {total:,} bytes lie at {uri}, more than the bound of {limit_bytes:,}. "
                "Name fewer, or set maxBytes"
            )
        for item in chosen:
            yield item["Key"].rsplit("/", 1)[-1], client.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
    except (BotoCoreError, ClientError) as error:
        raise ConfigurationError(f"{where}: {uri} cannot be read: {_told(error)}") from error


def input_location(prefix: str, body: bytes) -> str:
    """Where the input of an asynchronous request lies: named by its content, so each is stored once."""
    return f"{prefix.rstrip('/')}/{hashlib.sha256(body).hexdigest()}"


def store_inputs(prefix: str, bodies: Iterator[tuple[bytes, str]], region: str) -> None:
    """Stores each body with its content type where `input_location` says. Raises ConfigurationError."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = _client(region)
        for body, content_type in bodies:
            bucket, key = split_uri(input_location(prefix, body))
            client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)
    except (BotoCoreError, ClientError) as error:
        raise ConfigurationError(
            f"invocation.async.inputS3URI: {prefix} cannot be written to: {_told(error)}"
        ) from error


def _client(region: str) -> Any:
    import boto3

    return boto3.Session(region_name=region).client("s3")


def _told(error: Exception) -> str:
    return str(error).rstrip(".")
