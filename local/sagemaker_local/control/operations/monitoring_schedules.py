"""Create, Describe, List, Update, Start, Stop and Delete of monitoring schedules. Nothing is ever run by one."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from sagemaker_local.control.operations.job_definitions import watched_endpoint
from sagemaker_local.control.operations.operation import NOTHING, Operation
from sagemaker_local.control.operations.paging import ListInput, page
from sagemaker_local.control.operations.tags import tags_of_new
from sagemaker_local.control.state.monitoring import MonitoringSchedule, MonitoringType, ScheduleStatus
from sagemaker_local.control.state.records import Tag
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import invalid, not_served

_HOUR, _STEP = "(?:[01]?[0-9]|2[0-3])", "(?:0?[1-9]|1[0-9]|2[0-4])"
_CRON = re.compile(rf"cron\(0 (?:\*|{_HOUR}(?:/{_STEP})?) \? \* \* \*\)")
"""Hourly, daily and every so many hours (API shape ScheduleConfig)."""


@dataclass(frozen=True, slots=True)
class CreateScheduleInput:
    """API shape CreateMonitoringScheduleRequest."""

    monitoring_schedule_name: str
    monitoring_schedule_config: Document
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True)
class UpdateScheduleInput:
    """API shape UpdateMonitoringScheduleRequest."""

    monitoring_schedule_name: str
    monitoring_schedule_config: Document


@dataclass(frozen=True, slots=True)
class ScheduleInput:
    """Of DescribeMonitoringSchedule, StartMonitoringSchedule, StopMonitoringSchedule and DeleteMonitoringSchedule."""

    monitoring_schedule_name: str


@dataclass(frozen=True, slots=True)
class ListSchedulesInput(ListInput):
    """API shape ListMonitoringSchedulesRequest."""

    endpoint_name: str | None = None
    monitoring_job_definition_name: str | None = None
    monitoring_type_equals: str | None = None


@dataclass(frozen=True, slots=True)
class ListExecutionsInput:
    """Of API shape ListMonitoringExecutionsRequest nothing matters, for there are none."""


@dataclass(frozen=True, slots=True)
class _Watched:
    """What a configuration is about."""

    monitoring_type: MonitoringType
    definition_name: str | None
    endpoint_name: str


def _checked(state: AccountState, config: Document) -> _Watched:
    """Raises ApiError for a configuration that SageMaker refuses or that is not served."""
    expression = config.get("ScheduleConfig", {}).get("ScheduleExpression")
    if expression == "NOW":
        raise not_served("ScheduleExpression NOW: monitoring jobs are not run here")
    if expression is not None and not _CRON.fullmatch(expression):
        raise invalid(
            f"ScheduleExpression {expression} must be hourly, cron(0 * ? * * *), or daily, such as cron(0 12 ? * * *), "
            "or every so many hours, such as cron(0 17/12 ? * * *)."
        )
    name, inline = config.get("MonitoringJobDefinitionName"), config.get("MonitoringJobDefinition")
    if (name is None) == (inline is None):
        raise invalid("Exactly one of MonitoringJobDefinition and MonitoringJobDefinitionName must be set.")
    kind = config.get("MonitoringType")
    if inline is not None:
        endpoint = watched_endpoint(state, inline["MonitoringInputs"][0], "MonitoringInputs")
        return _Watched(MonitoringType(kind or MonitoringType.DATA_QUALITY), None, endpoint)
    if name is None or kind is None:
        raise invalid("MonitoringJobDefinitionName needs MonitoringType, the kind of the job definition.")
    found = state.job_definitions[MonitoringType(kind)].require(name)
    return _Watched(MonitoringType(kind), found.name, found.endpoint_name)


def create_schedule(state: AccountState, request: CreateScheduleInput, now: float) -> Document:
    """A schedule is Scheduled as soon as it is there (API reference, StartMonitoringSchedule)."""
    name, config = request.monitoring_schedule_name, request.monitoring_schedule_config
    watched = _checked(state, config)
    tags = tags_of_new(request.tags)
    arn = state.monitoring_schedules.arn(name)
    state.monitoring_schedules.refuse_taken(name)
    state.monitoring_schedules.put(
        MonitoringSchedule(
            name,
            arn,
            now,
            now,
            ScheduleStatus.SCHEDULED,
            config,
            watched.monitoring_type,
            watched.definition_name,
            watched.endpoint_name,
        )
    )
    state.tags[arn] = tags
    return {"MonitoringScheduleArn": arn}


def update_schedule(state: AccountState, request: UpdateScheduleInput, now: float) -> Document:
    """The whole configuration is replaced; a stopped schedule stays stopped."""
    schedule = state.monitoring_schedules.require(request.monitoring_schedule_name)
    config = request.monitoring_schedule_config
    watched = _checked(state, config)
    state.monitoring_schedules.put(
        replace(
            schedule,
            config=config,
            last_modified_time=now,
            monitoring_type=watched.monitoring_type,
            definition_name=watched.definition_name,
            endpoint_name=watched.endpoint_name,
        )
    )
    return {"MonitoringScheduleArn": schedule.arn}


def describe_schedule(state: AccountState, request: ScheduleInput, now: float) -> Document:
    """Without a last execution, as none is run."""
    schedule = state.monitoring_schedules.require(request.monitoring_schedule_name)
    return {**_common(schedule), "MonitoringScheduleConfig": schedule.config}


def _common(schedule: MonitoringSchedule) -> dict[str, Any]:
    return {
        "MonitoringScheduleName": schedule.name,
        "MonitoringScheduleArn": schedule.arn,
        "MonitoringScheduleStatus": schedule.status.value,
        "MonitoringType": schedule.monitoring_type.value,
        "CreationTime": schedule.creation_time,
        "LastModifiedTime": schedule.last_modified_time,
        "EndpointName": schedule.endpoint_name or None,
    }


def list_schedules(state: AccountState, request: ListSchedulesInput, now: float) -> Document:
    """One page."""
    found = [
        each
        for each in state.monitoring_schedules
        if request.endpoint_name in (None, each.endpoint_name)
        and request.monitoring_job_definition_name in (None, each.definition_name)
        and request.monitoring_type_equals in (None, each.monitoring_type)
    ]
    shown, token = page(found, request)
    summaries = [{**_common(each), "MonitoringJobDefinitionName": each.definition_name} for each in shown]
    return {"MonitoringScheduleSummaries": summaries, "NextToken": token}


def list_executions(state: AccountState, request: ListExecutionsInput, now: float) -> Document:
    """None, as none is run."""
    return {"MonitoringExecutionSummaries": []}


def start_schedule(state: AccountState, request: ScheduleInput, now: float) -> Document:
    """A schedule that is Scheduled stays so."""
    return _set(state, request, ScheduleStatus.SCHEDULED, now)


def stop_schedule(state: AccountState, request: ScheduleInput, now: float) -> Document:
    """A schedule that is Stopped stays so."""
    return _set(state, request, ScheduleStatus.STOPPED, now)


def _set(state: AccountState, request: ScheduleInput, status: ScheduleStatus, now: float) -> Document:
    schedule = state.monitoring_schedules.require(request.monitoring_schedule_name)
    if schedule.status is not status:
        state.monitoring_schedules.put(replace(schedule, status=status, last_modified_time=now))
    return NOTHING


def delete_schedule(state: AccountState, request: ScheduleInput, now: float) -> Document:
    """Its job definition stays."""
    schedule = state.monitoring_schedules.require(request.monitoring_schedule_name)
    state.monitoring_schedules.remove(schedule.name)
    return NOTHING


OPERATIONS = (
    Operation("CreateMonitoringSchedule", CreateScheduleInput, create_schedule),
    Operation("DescribeMonitoringSchedule", ScheduleInput, describe_schedule),
    Operation("ListMonitoringSchedules", ListSchedulesInput, list_schedules),
    Operation("ListMonitoringExecutions", ListExecutionsInput, list_executions),
    Operation("UpdateMonitoringSchedule", UpdateScheduleInput, update_schedule),
    Operation("StartMonitoringSchedule", ScheduleInput, start_schedule),
    Operation("StopMonitoringSchedule", ScheduleInput, stop_schedule),
    Operation("DeleteMonitoringSchedule", ScheduleInput, delete_schedule),
)
