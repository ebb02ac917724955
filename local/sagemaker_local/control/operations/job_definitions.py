"""Create, Describe, List and Delete of the four kinds of monitoring job definitions, which differ in names only."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, make_dataclass
from typing import Any

from sagemaker_local.control.operations.operation import NOTHING, Behaviour, Operation
from sagemaker_local.control.operations.paging import ListInput, page
from sagemaker_local.control.operations.tags import tags_of_new
from sagemaker_local.control.state.monitoring import JobDefinition, MonitoringType
from sagemaker_local.control.state.records import Tag
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document, wire_name
from sagemaker_local.control.wire.errors import invalid


@dataclass(frozen=True, slots=True)
class JobDefinitionInput:
    """Of Describe… and Delete…"""

    job_definition_name: str


@dataclass(frozen=True, slots=True)
class ListJobDefinitionsInput(ListInput):
    """API shape ListDataQualityJobDefinitionsRequest and its like."""

    endpoint_name: str | None = None


def watched_endpoint(state: AccountState, source: Document, what: str) -> str:
    """The endpoint that an input names; empty for batch transform.

    Raises ApiError for an input of neither or both, and for an endpoint that must be there and is not.
    """
    endpoint, batch = source.get("EndpointInput"), source.get("BatchTransformInput")
    if (endpoint is None) == (batch is None):
        raise invalid(f"{what} needs exactly one of EndpointInput and BatchTransformInput.")
    if endpoint is None:
        return ""
    name: str = endpoint["EndpointName"]
    if state.switches.monitored_endpoint_must_exist:
        state.endpoints.require(name)
    return name


def _input_type(kind: MonitoringType) -> type[Any]:
    """API shape Create<kind>JobDefinitionRequest."""
    prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", kind.value).lower()
    required = ("app_specification", "job_input", "job_output_config")
    return make_dataclass(
        f"Create{kind}JobDefinitionInput",
        [
            ("job_definition_name", str),
            *((f"{prefix}_{each}", Document) for each in required),
            ("job_resources", Document),
            ("role_arn", str),
            (f"{prefix}_baseline_config", Document | None, field(default=None)),
            ("network_config", Document | None, field(default=None)),
            ("stopping_condition", Document | None, field(default=None)),
            ("tags", tuple[Tag, ...], field(default=())),
        ],
        frozen=True,
        slots=True,
    )


def _create(kind: MonitoringType) -> Behaviour:
    def create(state: AccountState, request: Any, now: float) -> Document:
        members = {
            wire_name(each): getattr(request, name)
            for name, each in request.__dataclass_fields__.items()
            if name not in ("tags", "job_definition_name")
        }
        definitions, name = state.job_definitions[kind], request.job_definition_name
        endpoint = watched_endpoint(state, members[f"{kind}JobInput"], f"{kind}JobInput")
        tags = tags_of_new(request.tags)
        arn = definitions.arn(name)
        definitions.refuse_taken(name)
        definitions.put(JobDefinition(name, arn, now, endpoint, members))
        state.tags[arn] = tags
        return {"JobDefinitionArn": arn}

    return create


def _describe(kind: MonitoringType) -> Behaviour:
    def describe(state: AccountState, request: JobDefinitionInput, now: float) -> Document:
        found = state.job_definitions[kind].require(request.job_definition_name)
        shown = {"JobDefinitionArn": found.arn, "JobDefinitionName": found.name, "CreationTime": found.creation_time}
        return {**shown, **found.described}

    return describe


def _list(kind: MonitoringType) -> Behaviour:
    def list_definitions(state: AccountState, request: ListJobDefinitionsInput, now: float) -> Document:
        found = [each for each in state.job_definitions[kind] if request.endpoint_name in (None, each.endpoint_name)]
        shown, token = page(found, request)
        summaries = [
            {
                "MonitoringJobDefinitionName": each.name,
                "MonitoringJobDefinitionArn": each.arn,
                "CreationTime": each.creation_time,
                "EndpointName": each.endpoint_name,
            }
            for each in shown
        ]
        return {"JobDefinitionSummaries": summaries, "NextToken": token}

    return list_definitions


def _delete(kind: MonitoringType) -> Behaviour:
    def delete(state: AccountState, request: JobDefinitionInput, now: float) -> Document:
        found = state.job_definitions[kind].require(request.job_definition_name)
        state.job_definitions[kind].remove(found.name)
        return NOTHING

    return delete


OPERATIONS = tuple(
    operation
    for kind in MonitoringType
    for operation in (
        Operation(f"Create{kind}JobDefinition", _input_type(kind), _create(kind)),
        Operation(f"Describe{kind}JobDefinition", JobDefinitionInput, _describe(kind)),
        Operation(f"List{kind}JobDefinitions", ListJobDefinitionsInput, _list(kind)),
        Operation(f"Delete{kind}JobDefinition", JobDefinitionInput, _delete(kind)),
    )
)
