"""A transform job as it stands, and its way from status to status: pure functions, job in, job out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from sagemaker_local.control.state.records import Container
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.transform.spec import TransformSpec

JobKey = tuple[str, str, str]
"""Account, region and name."""


class JobStatus(StrEnum):
    """API shape TransformJobStatus."""

    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPING = "Stopping"
    STOPPED = "Stopped"


EDGES: Mapping[JobStatus, frozenset[JobStatus]] = {
    JobStatus.IN_PROGRESS: frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.STOPPING}),
    JobStatus.STOPPING: frozenset({JobStatus.STOPPED}),
    JobStatus.COMPLETED: frozenset(),
    JobStatus.FAILED: frozenset(),
    JobStatus.STOPPED: frozenset(),
}
"""Where each status may lead (API reference, StopTransformJob and DescribeTransformJob)."""


@dataclass(frozen=True, slots=True)
class TransformJob:
    """``described`` is the request with the defaults that SageMaker fills in. Times are epoch seconds."""

    key: JobKey
    arn: str
    creation_time: float
    last_modified_time: float
    spec: TransformSpec
    containers: tuple[Container, ...]
    instance_type: str
    described: Document
    environment: Document = field(default_factory=dict)
    status: JobStatus = JobStatus.IN_PROGRESS
    start_time: float | None = None
    end_time: float | None = None
    failure_reason: str = ""

    @property
    def name(self) -> str:
        """Unique in its account and region, also after the job's end."""
        return self.key[2]

    @property
    def over(self) -> bool:
        """Whether nothing will change any more."""
        return not EDGES[self.status]


def _move(job: TransformJob, to: JobStatus, now: float, **fields: Any) -> TransformJob:
    """Raises ValueError off the edges: a mistake of ours."""
    if to not in EDGES[job.status]:
        raise ValueError(f"transform job {job.name} cannot go from {job.status} to {to}")
    return replace(job, status=to, last_modified_time=now, **fields)


def started(job: TransformJob, now: float) -> TransformJob:
    """Its instances serve; from now on AWS would bill."""
    return replace(job, start_time=now, last_modified_time=now)


def completed(job: TransformJob, now: float) -> TransformJob:
    """Every object has its output."""
    return _move(job, JobStatus.COMPLETED, now, end_time=now)


def failed(job: TransformJob, reason: str, now: float) -> TransformJob:
    """At least one object has none, or the job never began."""
    return _move(job, JobStatus.FAILED, now, end_time=now, failure_reason=reason)


def stopping(job: TransformJob, now: float) -> TransformJob:
    """StopTransformJob was accepted."""
    return _move(job, JobStatus.STOPPING, now)


def stopped(job: TransformJob, now: float) -> TransformJob:
    """Its processes have ended."""
    return _move(job, JobStatus.STOPPED, now, end_time=now)
