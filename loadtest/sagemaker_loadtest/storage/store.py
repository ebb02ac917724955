"""Where a run's files go beside the folder: an S3 prefix, a ConfigMap. While the run goes on, and at its end."""

import base64
import datetime as dt
import gzip
import json
import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.spec import LoadTest
from sagemaker_loadtest.judge.result import Result
from sagemaker_loadtest.pods.kube import KubernetesAPI, KubernetesError
from sagemaker_loadtest.report import PAGE, RESULT, SUMMARY, render_reports, render_result
from sagemaker_loadtest.storage.bucket import client as _client
from sagemaker_loadtest.storage.bucket import refusals, remedy, told

CONFIG_MAP_BYTES = 1_000_000
"""What all values may have together, before base64; Kubernetes itself refuses more than 1 MiB (1,048,576 bytes)."""
_SUMMARY_BYTES = 65_536
_VERDICT = "verdict.json"
_ATTEMPTS = 2
_READ_SECONDS = 10
_PARTIAL_SECONDS = 5
"""A result so far has one attempt: the next one is near, and the end of the run does not wait for long."""


class StoreError(Exception):
    """The result could not be put there; the message says where and why."""


class Store(Protocol):
    """A place for results. `page_seconds`: how often index.html goes along with a result so far; None is never."""

    @property
    def page_seconds(self) -> float | None: ...

    def try_out(self, test: LoadTest, run: str) -> None:
        """Finds out whether it takes anything, before the load. Raises ConfigurationError with refusal and remedy."""

    def put(self, result: Result, files: Sequence[Path]) -> str:
        """Puts them there and says where that is; without files, what follows from the result alone.

        Raises StoreError.
        """


@dataclass(frozen=True, slots=True)
class S3Store:
    """All files below `s3://bucket/prefix/`, with the standard chain's credentials."""

    bucket: str
    prefix: str
    page_seconds: float | None = 60.0  # in a versioned bucket each copy stays

    @classmethod
    def parse(cls, url: str) -> "S3Store":
        """Raises ConfigurationError for what is no S3 URL."""
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.netloc:
            raise ConfigurationError(f"--results-s3: “{url}” is no S3 URL; write for example s3://bucket/prefix/")
        prefix = parts.path.strip("/")
        return cls(parts.netloc, f"{prefix}/" if prefix else "")

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    def try_out(self, test: LoadTest, run: str) -> None:
        """Leaves a summary.md that says that the run has begun."""
        began = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        words = f"# Load test: {test.name}\n\nRun {run} has begun ({began}); nothing is measured yet. "
        words += "Other files beside this one are of an earlier run until they are replaced.\n"
        try:
            self._write(_client(test.endpoint.region, _ATTEMPTS, _READ_SECONDS), SUMMARY, words.encode())
        except refusals() as error:
            way_out = remedy(error, self.bucket, self.prefix)
            raise ConfigurationError(
                f"--results-s3: {self.url} cannot be written to ({told(error)}). {way_out}"
            ) from error

    def put(self, result: Result, files: Sequence[Path]) -> str:
        patience = (1, _PARTIAL_SECONDS) if result.partial else (_ATTEMPTS, _READ_SECONDS)
        try:
            client = _client(result.endpoint.region, *patience)
            for name, content in _contents(result, files):
                self._write(client, name, content)
        except refusals() as error:
            raise StoreError(f"{_what(result)} could not be written to {self.url} ({told(error)})") from error
        return self.url

    def _write(self, client: Any, name: str, content: bytes) -> None:
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        client.put_object(Bucket=self.bucket, Key=self.prefix + name, Body=content, ContentType=kind)


@dataclass(frozen=True, slots=True)
class ConfigMapStore:
    """Verdict and summary.md as text, result.json and index.html in gzip where they fit; earlier ones are replaced."""

    api: KubernetesAPI
    name: str
    page_seconds: float | None = None

    @property
    def _path(self) -> str:
        return f"/api/v1/namespaces/{self.api.namespace}/configmaps/{self.name}"

    @property
    def _told(self) -> str:
        return f"ConfigMap {self.api.namespace}/{self.name}"

    def try_out(self, test: LoadTest, run: str) -> None:
        """By a dry run: what an earlier run has left stays until there is something of this one."""
        try:
            self.api.merge(f"{self._path}?dryRun=All", {"data": {_VERDICT: f"{run} has begun"}})
        except KubernetesError as error:
            raise ConfigurationError(
                f"--results-configmap: {self._told} cannot be written to ({str(error).rstrip('.')}). "
                f"{_REMEDIES.get(error.status, 'Mend it, or leave --results-configmap out')}"
            ) from error

    def put(self, result: Result, files: Sequence[Path]) -> str:
        try:
            self.api.merge(self._path, config_map_data(result, files))
        except OSError as error:
            raise StoreError(f"{_what(result)} could not be read again for {self._told} ({error.strerror})") from error
        except KubernetesError as error:
            remedy = f". {_REMEDIES[error.status]}" if error.status in (403, 404) else ""
            raise StoreError(f"{_what(result)} could not be written to {self._told} ({error}{remedy})") from error
        return self._told


_ROLE = "The chart makes it, with a Role that lets the master patch it (results.configMap.enabled, rbac.create)"
_REMEDIES = {
    0: "Check that the pod reaches the API: a NetworkPolicy has to let it out (networkPolicy.apiServerPorts)",
    401: "Give the pod a service account whose token the API takes",
    403: _ROLE,
    404: _ROLE,
}


def _what(result: Result) -> str:
    return "the result so far" if result.partial else "the result"


def config_map_data(result: Result, files: Sequence[Path]) -> dict[str, Any]:
    """The patch of the ConfigMap. null takes away what an earlier run left and this one has no room for."""
    verdict = {
        "run": result.run,
        "name": result.name,
        "start": result.start,
        "word": result.verdict.word,
        "exitCode": result.verdict.exit_code,
        "headline": result.verdict.headline,
        "partial": result.partial,
    }
    found = dict(_contents(result, files))
    text = {_VERDICT: json.dumps(verdict, ensure_ascii=False), SUMMARY: _bounded(found.get(SUMMARY, b""))}
    left = CONFIG_MAP_BYTES - sum(len(value.encode()) for value in text.values())
    binary: dict[str, str | None] = {}
    for name in (RESULT, PAGE):
        packed = gzip.compress(found[name], mtime=0) if name in found else b""
        fits = 0 < len(packed) <= left
        binary[f"{name}.gz"] = base64.b64encode(packed).decode() if fits else None
        left -= len(packed) if fits else 0
    return {"data": text, "binaryData": binary}


def _contents(result: Result, files: Sequence[Path]) -> list[tuple[str, bytes]]:
    """Name and content of the files. There are none when the folder could not be written to: what follows from the
    result alone is made again then.
    """
    if files:
        return [(path.name, path.read_bytes()) for path in files]
    return [(name, text.encode()) for name, text in (*render_reports(result), (RESULT, render_result(result)))]


def _bounded(text: bytes) -> str:
    """A summary is small; one that is not must not cost the verdict its place."""
    return text[:_SUMMARY_BYTES].decode(errors="ignore")
