"""CreateModelPackageGroup, DescribeModelPackageGroup, ListModelPackageGroups, DeleteModelPackageGroup."""

from __future__ import annotations

from dataclasses import dataclass

from sagemaker_local.control.operations.operation import NOTHING, Operation
from sagemaker_local.control.operations.paging import page, query_of
from sagemaker_local.control.operations.tags import tags_of_new
from sagemaker_local.control.state import names
from sagemaker_local.control.state.packages import ModelPackageGroup
from sagemaker_local.control.state.records import Tag
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import conflict, does_not_exist, invalid, not_served


@dataclass(frozen=True, slots=True)
class CreateModelPackageGroupInput:
    """API shape CreateModelPackageGroupInput."""

    model_package_group_name: str
    model_package_group_description: str | None = None
    tags: tuple[Tag, ...] = ()
    managed_configuration: Document | None = None


@dataclass(frozen=True, slots=True)
class ModelPackageGroupInput:
    """Of DescribeModelPackageGroup and DeleteModelPackageGroup: a name or an ARN."""

    model_package_group_name: str


@dataclass(frozen=True, slots=True)
class ListModelPackageGroupsInput:
    """API shape ListModelPackageGroupsInput."""

    sort_by: str = "CreationTime"
    sort_order: str = "Ascending"
    next_token: str | None = None
    max_results: int = 10
    name_contains: str = ""
    creation_time_before: float | None = None
    creation_time_after: float | None = None
    cross_account_filter_option: str = "SameAccount"


def group_of(state: AccountState, name_or_arn: str) -> ModelPackageGroup:
    """The group of a name or an ARN. Raises ApiError when it is not there."""
    parsed = names.parsed_arn(name_or_arn)
    if parsed is None:
        found, arn = state.model_package_groups.get(name_or_arn), state.model_package_groups.arn(name_or_arn)
    else:
        own = (parsed.account, parsed.region, parsed.kind) == (state.account, state.region, names.MODEL_PACKAGE_GROUP)
        found, arn = state.model_package_groups.by_arn_name(parsed.name) if own else None, name_or_arn
    if found is None:
        raise does_not_exist("ModelPackageGroup", arn)
    return found


def create_model_package_group(state: AccountState, request: CreateModelPackageGroupInput, now: float) -> Document:
    """An empty group."""
    if request.managed_configuration is not None:
        raise not_served("ManagedConfiguration of a model package group")
    name = request.model_package_group_name
    tags = tags_of_new(request.tags)
    arn = state.model_package_groups.arn(name)
    if state.model_package_groups.by_arn_name(name.lower()) is not None:
        raise invalid(f"Model Package Group already exists: {arn}.")
    state.model_package_groups.put(ModelPackageGroup(name, arn, now, request.model_package_group_description))
    state.tags[arn] = tags
    return {"ModelPackageGroupArn": arn}


def describe_model_package_group(state: AccountState, request: ModelPackageGroupInput, now: float) -> Document:
    """Groups are Completed as soon as they are there."""
    group = group_of(state, request.model_package_group_name)
    return {**_summary(group), "CreatedBy": {}}


def _summary(group: ModelPackageGroup) -> Document:
    return {
        "ModelPackageGroupName": group.name,
        "ModelPackageGroupArn": group.arn,
        "ModelPackageGroupDescription": group.description,
        "CreationTime": group.creation_time,
        "ModelPackageGroupStatus": "Completed",
    }


def list_model_package_groups(state: AccountState, request: ListModelPackageGroupsInput, now: float) -> Document:
    """One page. Groups that other accounts share are not there."""
    groups = state.model_package_groups if request.cross_account_filter_option == "SameAccount" else ()
    shown, token = page(groups, query_of(request))
    return {"ModelPackageGroupSummaryList": [_summary(each) for each in shown], "NextToken": token}


def delete_model_package_group(state: AccountState, request: ModelPackageGroupInput, now: float) -> Document:
    """Raises ApiError while the group has a version."""
    group = group_of(state, request.model_package_group_name)
    if any(each.group == group.name for each in state.model_packages):
        raise conflict(f"ModelPackageGroup {group.arn} still has model packages; delete them first.")
    state.model_package_groups.remove(group.name)
    state.tags.pop(group.arn, None)
    return NOTHING


OPERATIONS = (
    Operation("CreateModelPackageGroup", CreateModelPackageGroupInput, create_model_package_group),
    Operation("DescribeModelPackageGroup", ModelPackageGroupInput, describe_model_package_group),
    Operation("ListModelPackageGroups", ListModelPackageGroupsInput, list_model_package_groups),
    Operation("DeleteModelPackageGroup", ModelPackageGroupInput, delete_model_package_group),
)
