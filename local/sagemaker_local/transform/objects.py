"""Blocking calls to S3 on behalf of a job; run them outside the event loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_local.hosting.storage import Storage
from sagemaker_local.transform.inputs import Location

_CHUNK = 1024 * 1024


class ObjectError(Exception):
    """S3 did not do it; the text says why."""


class Objects:
    """S3 as one account sees it in one region."""

    def __init__(self, storage: Storage, account: str, region: str) -> None:
        self._s3 = storage.s3(account, region)

    def keys(self, prefix: Location) -> list[str]:
        """Everything below a prefix. Raises ObjectError."""
        with _told():
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=prefix.bucket, Prefix=prefix.key)
            return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def read(self, place: Location, most: int) -> bytes:
        """A small object. Raises ObjectError."""
        with _told():
            reply = self._s3.get_object(Bucket=place.bucket, Key=place.key)
            if reply["ContentLength"] > most:
                raise ObjectError(f"it has {reply['ContentLength']} bytes, more than {most}")
            content: bytes = reply["Body"].read()
            return content

    def download(self, place: Location, target: Path, most: int) -> None:
        """Copy an object to a file. Raises ObjectError."""
        with _told():
            reply = self._s3.get_object(Bucket=place.bucket, Key=place.key)
            if reply["ContentLength"] > most:
                raise ObjectError(f"it has {reply['ContentLength']} bytes, more than {most}")
            with target.open("wb") as file:
                for chunk in reply["Body"].iter_chunks(_CHUNK):
                    file.write(chunk)

    def upload(self, source: Path, place: Location) -> None:
        """Copy a file to an object. Raises ObjectError."""
        with _told(), source.open("rb") as file:
            self._s3.put_object(Bucket=place.bucket, Key=place.key, Body=file)

    def remove(self, place: Location) -> None:
        """Delete an object. Raises ObjectError."""
        with _told():
            self._s3.delete_object(Bucket=place.bucket, Key=place.key)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise ObjectError(f"S3 says {error.response['Error']['Code']}") from error
    except BotoCoreError as error:
        raise ObjectError(str(error)) from error
