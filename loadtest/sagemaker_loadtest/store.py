"""Where a run's files go beside the folder: an S3 prefix, a ConfigMap. Before the process ends, also when told to."""

import base64
import gzip
import json
import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from sagemaker_loadtest.errors import ConfigurationError
from sagemaker_loadtest.kube import KubernetesAPI, KubernetesError
from sagemaker_loadtest.report import PAGE, RESULT, SUMMARY
from sagemaker_loadtest.result import Result

CONFIG_MAP_BYTES = 1_000_000
"""What all values may have together, before base64; Kubernetes itself refuses more than 1 MiB (1,048,576 bytes)."""
_SUMMARY_BYTES = 65_536
_VERDICT = "verdict.json"
_ATTEMPTS = 2
_CONNECT_SECONDS = 3
_READ_SECONDS = 10


class StoreError(Exception):
    """The result could not be put there; the message says where and why."""


class Store(Protocol):
    """A place for results."""

    def put(self, result: Result, files: Sequence[Path]) -> str:
        """Puts them there and says where that is. Raises StoreError."""


@dataclass(frozen=True, slots=True)
class S3Store:
    """All files below `s3://bucket/prefix/`, with the standard chain's credentials."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, url: str) -> "S3Store":
        """Raises ConfigurationError for what is no S3 URL."""
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.netloc:
            raise ConfigurationError(f"--results-s3: “{url}” is no S3 URL; write for example s3://bucket/prefix/")
        prefix = parts.path.strip("/")
        return cls(parts.netloc, f"{prefix}/" if prefix else "")

    def put(self, result: Result, files: Sequence[Path]) -> str:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        target = f"s3://{self.bucket}/{self.prefix}"
        settings = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        )
        try:
            client = boto3.Session(region_name=result.endpoint.region).client("s3", config=settings)
            for path in files:
                kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
                client.put_object(
                    Bucket=self.bucket, Key=self.prefix + path.name, Body=path.read_bytes(), ContentType=kind
                )
        except (BotoCoreError, ClientError, OSError) as error:
            raise StoreError(f"the result could not be written to {target} ({error})") from error
        return target


@dataclass(frozen=True, slots=True)
class ConfigMapStore:
    """Verdict and summary.md as text, result.json and index.html in gzip where they fit; earlier ones are replaced."""

    api: KubernetesAPI
    name: str

    def put(self, result: Result, files: Sequence[Path]) -> str:
        target = f"ConfigMap {self.api.namespace}/{self.name}"
        path = f"/api/v1/namespaces/{self.api.namespace}/configmaps/{self.name}"
        try:
            self.api.merge(path, config_map_data(result, files))
        except OSError as error:
            raise StoreError(f"the result could not be read again for {target} ({error.strerror})") from error
        except KubernetesError as error:
            hint = ". The chart makes it, with a Role for it (rbac.create)" if error.status in (403, 404) else ""
            raise StoreError(f"the result could not be written to {target} ({error}{hint})") from error
        return target


def config_map_data(result: Result, files: Sequence[Path]) -> dict[str, Any]:
    """The patch of the ConfigMap. null takes away what an earlier run left and this one has no room for."""
    verdict = {
        "run": result.run,
        "name": result.name,
        "start": result.start,
        "word": result.verdict.word,
        "exitCode": result.verdict.exit_code,
        "headline": result.verdict.headline,
    }
    paths = {path.name: path for path in files}
    text = {_VERDICT: json.dumps(verdict, ensure_ascii=False), SUMMARY: _bounded(_text(paths.get(SUMMARY)))}
    left = CONFIG_MAP_BYTES - sum(len(value.encode()) for value in text.values())
    binary: dict[str, str | None] = {}
    for name in (RESULT, PAGE):
        packed = gzip.compress(paths[name].read_bytes(), mtime=0) if name in paths else b""
        fits = 0 < len(packed) <= left
        binary[f"{name}.gz"] = base64.b64encode(packed).decode() if fits else None
        left -= len(packed) if fits else 0
    return {"data": text, "binaryData": binary}


def _text(path: Path | None) -> str:
    return path.read_text(encoding="utf-8") if path else ""


def _bounded(text: str) -> str:
    """A summary is small; one that is not must not cost the verdict its place."""
    return text.encode()[:_SUMMARY_BYTES].decode(errors="ignore")
