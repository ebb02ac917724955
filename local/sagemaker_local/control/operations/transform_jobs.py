"""CreateTransformJob, DescribeTransformJob, ListTransformJobs, StopTransformJob."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sagemaker_local.control.operations.containers import refuse_for_jobs
from sagemaker_local.control.operations.operation import NOTHING, Operation
from sagemaker_local.control.operations.paging import ListInput, page
from sagemaker_local.control.operations.tags import tags_of_new
from sagemaker_local.control.operations.transform_rules import spec_of
from sagemaker_local.control.state.jobs import JobStatus, TransformJob, stopping
from sagemaker_local.control.state.records import Tag
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import invalid, refuse_not_served


@dataclass(frozen=True, slots=True)
class CreateTransformJobInput:
    """API shape CreateTransformJobRequest."""

    transform_job_name: str
    model_name: str
    transform_input: Document
    transform_output: Document
    transform_resources: Document
    max_concurrent_transforms: int | None = None
    model_client_config: Document | None = None
    max_payload_in_mb: int | None = field(default=None, metadata={"wire": "MaxPayloadInMB"})
    batch_strategy: str | None = None
    environment: Document | None = None
    data_capture_config: Document | None = None
    data_processing: Document | None = None
    tags: tuple[Tag, ...] = ()
    experiment_config: Document | None = None


@dataclass(frozen=True, slots=True)
class TransformJobInput:
    """Of DescribeTransformJob and StopTransformJob."""

    transform_job_name: str


def create_transform_job(state: AccountState, request: CreateTransformJobInput, now: float) -> Document:
    """Begins to start the job's containers."""
    refuse_not_served(
        {"DataCaptureConfig": request.data_capture_config, "ExperimentConfig": request.experiment_config},
        "a transform job",
    )
    spec = spec_of(request, state.switches)
    tags = tags_of_new(request.tags)
    name = request.transform_job_name
    arn = state.transform_jobs.arn(name)
    state.transform_jobs.refuse_taken(name)
    model = state.models.require(request.model_name)
    refuse_for_jobs(model)
    state.tags[arn] = tags
    state.change_transform_job(
        TransformJob(
            key=(state.account, state.region, name),
            arn=arn,
            creation_time=now,
            last_modified_time=now,
            spec=spec,
            containers=model.containers,
            instance_type=request.transform_resources["InstanceType"],
            described=_described(request),
            environment=request.environment or {},
        )
    )
    return {"TransformJobArn": arn}


def _described(request: CreateTransformJobInput) -> Document:
    return {
        "ModelName": request.model_name,
        "MaxConcurrentTransforms": request.max_concurrent_transforms,
        "ModelClientConfig": request.model_client_config,
        "MaxPayloadInMB": request.max_payload_in_mb,
        "BatchStrategy": request.batch_strategy,
        "Environment": request.environment or {},
        "TransformInput": {"CompressionType": "None", "SplitType": "None", **request.transform_input},
        "TransformOutput": {"AssembleWith": "None", "KmsKeyId": "", **request.transform_output},
        "TransformResources": request.transform_resources,
        "DataProcessing": {
            "InputFilter": "$",
            "OutputFilter": "$",
            "JoinSource": "None",
            **(request.data_processing or {}),
        },
    }


def describe_transform_job(state: AccountState, request: TransformJobInput, now: float) -> Document:
    """With the defaults that SageMaker fills in."""
    job = state.transform_jobs.require(request.transform_job_name)
    return {
        "TransformJobName": job.name,
        "TransformJobArn": job.arn,
        "TransformJobStatus": job.status.value,
        "FailureReason": job.failure_reason or None,
        "CreationTime": job.creation_time,
        "TransformStartTime": job.start_time,
        "TransformEndTime": job.end_time,
        **job.described,
    }


def list_transform_jobs(state: AccountState, request: ListInput, now: float) -> Document:
    """One page."""
    shown, token = page(state.transform_jobs, request)
    return {"TransformJobSummaries": [_summary(each) for each in shown], "NextToken": token}


def _summary(job: TransformJob) -> dict[str, Any]:
    return {
        "TransformJobName": job.name,
        "TransformJobArn": job.arn,
        "CreationTime": job.creation_time,
        "TransformEndTime": job.end_time,
        "LastModifiedTime": job.last_modified_time,
        "TransformJobStatus": job.status.value,
        "FailureReason": job.failure_reason or None,
    }


def stop_transform_job(state: AccountState, request: TransformJobInput, now: float) -> Document:
    """Begins to end the job's containers. A job that is stopping already is left to it."""
    job = state.transform_jobs.require(request.transform_job_name)
    if job.over:
        raise invalid(f"The request was rejected because the transform job is in status {job.status}.")
    if job.status is JobStatus.IN_PROGRESS:
        state.change_transform_job(stopping(job, now))
    return NOTHING


OPERATIONS = (
    Operation("CreateTransformJob", CreateTransformJobInput, create_transform_job),
    Operation("DescribeTransformJob", TransformJobInput, describe_transform_job),
    Operation("ListTransformJobs", ListInput, list_transform_jobs),
    Operation("StopTransformJob", TransformJobInput, stop_transform_job),
)
