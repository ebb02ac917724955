"""What CreateTransformJob refuses, and what of its request a job acts upon."""

from __future__ import annotations

from typing import Any, Protocol

from sagemaker_local.control.switches import Switches
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import invalid, not_served
from sagemaker_local.transform.inputs import location_of
from sagemaker_local.transform.jsonpath import PathError, parsed
from sagemaker_local.transform.processing import CSV, KINDS, kind_of
from sagemaker_local.transform.spec import DEFAULT_MEGABYTES, MOST_MEGABYTES, Processing, TransformSpec

_BINARY_SPLITS = ("RecordIO", "TFRecord")


class JobRequest(Protocol):
    """Of CreateTransformJob's input what the rules are about."""

    @property
    def transform_input(self) -> Document:
        """API shape TransformInput."""

    @property
    def transform_output(self) -> Document:
        """API shape TransformOutput."""

    @property
    def transform_resources(self) -> Document:
        """API shape TransformResources."""

    @property
    def max_concurrent_transforms(self) -> int | None:
        """0 leaves it to the container."""

    @property
    def model_client_config(self) -> Document | None:
        """API shape ModelClientConfig."""

    @property
    def max_payload_in_mb(self) -> int | None:
        """0 is no limit."""

    @property
    def batch_strategy(self) -> str | None:
        """API shape BatchStrategy."""

    @property
    def data_processing(self) -> Document | None:
        """API shape DataProcessing."""


def spec_of(request: JobRequest, switches: Switches) -> TransformSpec:
    """Raises ApiError for what SageMaker refuses or what is not served."""
    source, target = request.transform_input, request.transform_output
    data = source["DataSource"]["S3DataSource"]
    split = source.get("SplitType", "None")
    if split in _BINARY_SPLITS:
        raise not_served(f"SplitType {split}")
    if data["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        raise invalid(f"S3DataType {data['S3DataType']} is not for transform jobs; use S3Prefix or ManifestFile.")
    for member, uri in (("S3Uri", data["S3Uri"]), ("S3OutputPath", target["S3OutputPath"])):
        try:
            location_of(uri)
        except ValueError as error:
            raise invalid(f"{member}: {error}.") from None
    _check_payload(request)
    strategy, client = request.batch_strategy, request.model_client_config or {}
    return TransformSpec(
        s3_uri=data["S3Uri"],
        output_path=target["S3OutputPath"],
        manifest=data["S3DataType"] == "ManifestFile",
        content_type=source.get("ContentType"),
        accept=target.get("Accept"),
        gzip=source.get("CompressionType") == "Gzip",
        split_lines=split == "Line",
        assemble_lines=target.get("AssembleWith") == "Line",
        single_record=None if strategy is None else strategy == "SingleRecord",
        max_concurrent=request.max_concurrent_transforms or None,
        max_payload_mb=request.max_payload_in_mb,
        timeout_seconds=client.get("InvocationsTimeoutInSeconds", 600),
        max_retries=client.get("InvocationsMaxRetries", 3),
        instance_count=request.transform_resources["InstanceCount"],
        processing=_processing(request, switches),
    )


def _check_payload(request: JobRequest) -> None:
    """API reference, CreateTransformJob: both limits are 100 MB."""
    payload = DEFAULT_MEGABYTES if request.max_payload_in_mb is None else request.max_payload_in_mb
    concurrent = request.max_concurrent_transforms or 1
    if payload > MOST_MEGABYTES:
        raise invalid(f"MaxPayloadInMB is {payload}; it can be at most {MOST_MEGABYTES}.")
    if concurrent > MOST_MEGABYTES or concurrent * payload > MOST_MEGABYTES:
        raise invalid(
            f"MaxConcurrentTransforms times MaxPayloadInMB is {concurrent * payload}; it can be at most "
            f"{MOST_MEGABYTES}. Lower one of them."
        )


def _processing(request: JobRequest, switches: Switches) -> Processing:
    document: dict[str, Any] = dict(request.data_processing or {})
    try:
        found = Processing(
            parsed(document.get("InputFilter", "$")),
            parsed(document.get("OutputFilter", "$")),
            document.get("JoinSource") == "Input",
        )
    except PathError as error:
        raise invalid(f"DataProcessing: {error}") from None
    if not found.active:
        return found
    content, accept = (
        kind_of(request.transform_input.get("ContentType")),
        kind_of(request.transform_output.get("Accept")),
    )
    if content not in KINDS or accept not in KINDS or (content == CSV) != (accept == CSV):
        raise invalid(
            f"DataProcessing needs ContentType and Accept of one kind: {', '.join(KINDS)}; they are "
            f"{content or 'not set'} and {accept or 'not set'}."
        )
    split, assembly = request.transform_input.get("SplitType"), request.transform_output.get("AssembleWith")
    if switches.join_needs_assembly_by_line and found.join and split == "Line" and assembly != "Line":
        raise invalid("JoinSource Input with SplitType Line needs AssembleWith Line.")
    return found
