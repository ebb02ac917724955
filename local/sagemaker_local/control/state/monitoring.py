"""Monitoring: the four kinds of job definitions, and the schedules that would run them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sagemaker_local.control.wire.decoding import Document


class MonitoringType(StrEnum):
    """API shape MonitoringType; the kinds of job definitions."""

    DATA_QUALITY = "DataQuality"
    MODEL_QUALITY = "ModelQuality"
    MODEL_BIAS = "ModelBias"
    MODEL_EXPLAINABILITY = "ModelExplainability"


class ScheduleStatus(StrEnum):
    """Of API shape ScheduleStatus what schedules get to here: nothing is pending, for nothing is run."""

    SCHEDULED = "Scheduled"
    STOPPED = "Stopped"


@dataclass(frozen=True, slots=True)
class JobDefinition:
    """``endpoint_name`` is empty for one that watches batch transform. ``described`` is the request."""

    name: str
    arn: str
    creation_time: float
    endpoint_name: str
    described: Document


@dataclass(frozen=True, slots=True)
class MonitoringSchedule:
    """``definition_name`` is None for a schedule with a definition of its own, inside of ``config``."""

    name: str
    arn: str
    creation_time: float
    last_modified_time: float
    status: ScheduleStatus
    config: Document
    monitoring_type: MonitoringType
    definition_name: str | None
    endpoint_name: str
