"""Blocking calls to S3 and CloudWatch Logs on behalf of an account; run them outside the event loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_CHUNK = 1024 * 1024


class DownloadError(Exception):
    """The object was not read; the text says why."""


class StorageUnreachableError(DownloadError):
    """The object was not read because nobody answered: it may be there."""


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One line of a container's output. ``timestamp`` is milliseconds since the epoch."""

    timestamp: int
    message: str


def _object(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.netloc, parts.path.lstrip("/")


class Storage:
    """Clients by account and region. The account is told to the inner AWS by the access key."""

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._streams: set[tuple[str, str, str, str]] = set()
        self._lock = threading.Lock()  # creating clients from one session is not thread-safe

    def _client(self, service: str, account: str, region: str) -> Any:
        with self._lock:
            client = self._clients.get((service, account, region))
            if client is None:
                client = self._clients[service, account, region] = boto3.session.Session().client(
                    service,  # type: ignore[call-overload]  # the stubs know literal service names only
                    endpoint_url=self._endpoint_url,
                    region_name=region,
                    aws_access_key_id=account,
                    aws_secret_access_key="local",  # noqa: S106 - the inner AWS checks no signature
                    config=Config(
                        connect_timeout=5,
                        read_timeout=30,
                        retries={"mode": "standard", "max_attempts": 3},
                        s3={"addressing_style": "path"},
                    ),
                )
            return client

    def s3(self, account: str, region: str) -> Any:
        """A client for S3, which threads may share."""
        return self._client("s3", account, region)

    def download(self, url: str, target: Path, account: str, region: str, max_bytes: int, seconds: float) -> None:
        """Copy the object at ``s3://bucket/key`` to a file. Raises DownloadError."""
        parts = urlsplit(url)
        bucket, key = parts.netloc, parts.path.lstrip("/")
        if parts.scheme != "s3" or not bucket or not key or key.endswith("/"):
            raise DownloadError(f"{url} names no object; it must be s3://bucket/path/model.tar.gz")
        end = time.monotonic() + seconds
        try:
            reply = self._client("s3", account, region).get_object(Bucket=bucket, Key=key)
            if reply["ContentLength"] > max_bytes:
                raise DownloadError(f"the object has {reply['ContentLength']} bytes, more than {max_bytes}")
            with target.open("wb") as file:
                for chunk in reply["Body"].iter_chunks(_CHUNK):
                    file.write(chunk)
                    if time.monotonic() > end:
                        raise DownloadError(f"the download took longer than {seconds:g} s")
        except ClientError as error:
            raise DownloadError(f"S3 says {error.response['Error']['Code']}") from error
        except BotoCoreError as error:
            raise StorageUnreachableError(str(error)) from error

    def put(self, url: str, body: bytes | Path, content_type: str, account: str, region: str) -> None:
        """Write bytes, or what a file has, to the object at ``s3://bucket/key``. Raises OSError."""
        bucket, key = _object(url)
        client = self._client("s3", account, region)
        with body.open("rb") if isinstance(body, Path) else BytesIO(body) as content:
            try:
                client.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type)
            except (ClientError, BotoCoreError) as error:
                raise OSError(f"{url} was not written: {error}") from error

    def publish(self, topic_arn: str, message: str, account: str, region: str) -> None:
        """Publish to an SNS topic. Raises OSError."""
        try:
            self._client("sns", account, region).publish(TopicArn=topic_arn, Message=message)
        except (ClientError, BotoCoreError) as error:
            raise OSError(f"{topic_arn} was not published to: {error}") from error

    def put_logs(self, account: str, region: str, group: str, stream: str, events: Sequence[LogEvent]) -> None:
        """Append to a log stream, making group and stream when they are new. Raises OSError when that fails."""
        client = self._client("logs", account, region)
        try:
            if (account, region, group, stream) not in self._streams:
                for create, names in (
                    (client.create_log_group, {"logGroupName": group}),
                    (client.create_log_stream, {"logGroupName": group, "logStreamName": stream}),
                ):
                    try:
                        create(**names)
                    except client.exceptions.ResourceAlreadyExistsException:
                        continue
                self._streams.add((account, region, group, stream))
            client.put_log_events(
                logGroupName=group,
                logStreamName=stream,
                logEvents=[{"timestamp": each.timestamp, "message": each.message} for each in events],
            )
        except (ClientError, BotoCoreError) as error:
            self._streams.discard((account, region, group, stream))
            raise OSError(f"CloudWatch Logs, group {group}: {error}") from error
