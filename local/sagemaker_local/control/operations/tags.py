"""AddTags, ListTags and DeleteTags, and the tags that other operations give a new resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagemaker_local.control.operations.operation import NOTHING, Operation
from sagemaker_local.control.state import names
from sagemaker_local.control.state.collection import Collection
from sagemaker_local.control.state.records import Tag
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import ApiError, invalid, not_found

_MOST = 50
_RESERVED = "aws:"


@dataclass(frozen=True, slots=True)
class AddTagsInput:
    """API shape AddTagsInput."""

    resource_arn: str
    tags: tuple[Tag, ...]


@dataclass(frozen=True, slots=True)
class ListTagsInput:
    """API shape ListTagsInput. Fifty tags are the least page and the most tags, so there is only one page."""

    resource_arn: str


@dataclass(frozen=True, slots=True)
class DeleteTagsInput:
    """API shape DeleteTagsInput."""

    resource_arn: str
    tag_keys: tuple[str, ...]


def add_tags(state: AccountState, request: AddTagsInput, now: float) -> Document:
    """A key that is there already gets the new value."""
    _require(state, request.resource_arn)
    merged = _merged(state.tags.get(request.resource_arn, {}), request.tags)
    state.tags[request.resource_arn] = merged
    return {"Tags": _listed(merged)}


def list_tags(state: AccountState, request: ListTagsInput, now: float) -> Document:
    """All of them."""
    _require(state, request.resource_arn)
    return {"Tags": _listed(state.tags.get(request.resource_arn, {}))}


def delete_tags(state: AccountState, request: DeleteTagsInput, now: float) -> Document:
    """Keys that are not there are no error."""
    _require(state, request.resource_arn)
    tags = state.tags.get(request.resource_arn, {})
    state.tags[request.resource_arn] = {key: value for key, value in tags.items() if key not in request.tag_keys}
    return NOTHING


def tags_of_new(tags: tuple[Tag, ...]) -> dict[str, str]:
    """The tags of a create request. Raises ApiError when they break a rule of tagging."""
    if len({each.key for each in tags}) < len(tags):
        raise invalid("Tags has a key twice; give every key once.")
    return _merged({}, tags)


def _merged(old: Mapping[str, str], new: tuple[Tag, ...]) -> dict[str, str]:
    for each in new:
        if each.key.lower().startswith(_RESERVED):
            raise invalid(f"Tag key {each.key} begins with {_RESERVED}, which is reserved for AWS; choose another key.")
    merged = {**old, **{each.key: each.value for each in new}}
    if len(merged) > _MOST:
        raise ApiError(
            "ResourceLimitExceeded", f"A resource has at most {_MOST} tags and would have {len(merged)}; delete some."
        )
    return merged


def _listed(tags: Mapping[str, str]) -> list[Document]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _require(state: AccountState, arn: str) -> None:
    parsed = names.parsed_arn(arn)
    kinds: Mapping[str, Collection[Any]] = {
        names.MODEL: state.models,
        names.ENDPOINT_CONFIG: state.endpoint_configs,
        names.ENDPOINT: state.endpoints,
        names.MODEL_PACKAGE_GROUP: state.model_package_groups,
        names.MODEL_PACKAGE: state.model_packages,
        names.TRANSFORM_JOB: state.transform_jobs,
        names.INFERENCE_COMPONENT: state.inference_components,
        names.MONITORING_SCHEDULE: state.monitoring_schedules,
        **{names.JOB_DEFINITIONS[kind]: each for kind, each in state.job_definitions.items()},
    }
    if parsed is None or parsed.kind not in kinds:
        raise invalid(f"ResourceArn {arn} is not of a {', '.join(names.WORDS[each] for each in kinds)}.")
    if kinds[parsed.kind].find(arn) is None:
        raise not_found(names.WORDS[parsed.kind], arn)


OPERATIONS = (
    Operation("AddTags", AddTagsInput, add_tags),
    Operation("ListTags", ListTagsInput, list_tags),
    Operation("DeleteTags", DeleteTagsInput, delete_tags),
)
