"""What a transform job is asked to do, read off its request, and what it settles on once its container was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sagemaker_local.transform.jsonpath import ROOT, Path

MEGABYTE = 1024 * 1024
MOST_MEGABYTES = 100
DEFAULT_MEGABYTES = 6
SINGLE_RECORD, MULTI_RECORD = "SINGLE_RECORD", "MULTI_RECORD"
"""Batch strategies as containers are told of them (AWS: Use Your Own Inference Code with Batch Transform)."""


@dataclass(frozen=True, slots=True)
class Processing:
    """API shape DataProcessing: filter, model, join, filter."""

    input_filter: Path = ROOT
    output_filter: Path = ROOT
    join: bool = False

    @property
    def active(self) -> bool:
        """Whether records are looked into at all."""
        return self.join or self.input_filter != ROOT or self.output_filter != ROOT


@dataclass(frozen=True, slots=True)
class TransformSpec:
    """API shape CreateTransformJobRequest, as far as it is acted upon. None is what the container decides.

    ``timeout_seconds`` is for one invocation, ``max_payload_mb`` 0 sends without a limit in chunks.
    """

    s3_uri: str
    output_path: str
    manifest: bool = False
    content_type: str | None = None
    accept: str | None = None
    gzip: bool = False
    split_lines: bool = False
    assemble_lines: bool = False
    single_record: bool | None = None
    max_concurrent: int | None = None
    max_payload_mb: int | None = None
    timeout_seconds: float = 600.0
    max_retries: int = 3
    instance_count: int = 1
    processing: Processing = field(default_factory=Processing)


@dataclass(frozen=True, slots=True)
class Settled:
    """How requests are made. ``max_bytes`` None is no limit."""

    max_concurrent: int
    max_bytes: int | None
    single_record: bool

    @property
    def strategy(self) -> str:
        """The container's word."""
        return SINGLE_RECORD if self.single_record else MULTI_RECORD


def settled(spec: TransformSpec, parameters: Mapping[str, Any]) -> Settled:
    """The request goes over the container's ``/execution-parameters``, these over the defaults 1, 6 MB, MultiRecord."""
    concurrent = spec.max_concurrent or _number(parameters, "MaxConcurrentTransforms", 1, MOST_MEGABYTES) or 1
    megabytes = spec.max_payload_mb
    if megabytes is None:
        megabytes = _number(parameters, "MaxPayloadInMB", 0, MOST_MEGABYTES)
    megabytes = DEFAULT_MEGABYTES if megabytes is None else megabytes
    single = spec.single_record
    if single is None:
        single = parameters.get("BatchStrategy") == SINGLE_RECORD
    return Settled(concurrent, megabytes * MEGABYTE or None, single)


def _number(parameters: Mapping[str, Any], name: str, low: int, high: int) -> int | None:
    """None for what is absent or makes no sense: the endpoint is optional and somebody else's."""
    value = parameters.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high else None


def batch_environment(spec: TransformSpec) -> dict[str, str]:
    """What tells a container that it serves a batch (AWS: Use Your Own Inference Code with Batch Transform)."""
    told = settled(spec, {})
    return {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": str((told.max_bytes or 0) // MEGABYTE),
        "SAGEMAKER_BATCH_STRATEGY": told.strategy,
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(told.max_concurrent),
    }
