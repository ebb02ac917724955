"""CreateModelPackageGroup, DescribeModelPackageGroup, ListModelPackageGroups, DeleteModelPackageGroup."""

from __future__ import annotations

from dataclasses import dataclass

from sagemaker_local.control.operations.operation import NOTHING, Operation
from sagemaker_local.control.operations.paging import ListInput, page
from sagemaker_local.control.operations.tags import tags_of_new
from sagemaker_local.control.state.packages import ModelPackageGroup
from sagemaker_local.control.state.records import Tag
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import conflict, refuse_not_served


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
class ListModelPackageGroupsInput(ListInput):
    """API shape ListModelPackageGroupsInput."""

    sort_order: str = "Ascending"
    cross_account_filter_option: str = "SameAccount"


def create_model_package_group(state: AccountState, request: CreateModelPackageGroupInput, now: float) -> Document:
    """An empty group."""
    refuse_not_served({"ManagedConfiguration": request.managed_configuration}, "a model package group")
    name = request.model_package_group_name
    tags = tags_of_new(request.tags)
    arn = state.model_package_groups.arn(name)
    state.model_package_groups.refuse_taken(name)
    state.model_package_groups.put(ModelPackageGroup(name, arn, now, request.model_package_group_description))
    state.tags[arn] = tags
    return {"ModelPackageGroupArn": arn}


def describe_model_package_group(state: AccountState, request: ModelPackageGroupInput, now: float) -> Document:
    """Groups are Completed as soon as they are there."""
    group = state.model_package_groups.resolve(request.model_package_group_name)
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
    shown, token = page(groups, request)
    return {"ModelPackageGroupSummaryList": [_summary(each) for each in shown], "NextToken": token}


def delete_model_package_group(state: AccountState, request: ModelPackageGroupInput, now: float) -> Document:
    """Raises ApiError while the group has a version."""
    group = state.model_package_groups.resolve(request.model_package_group_name)
    if any(each.group == group.name for each in state.model_packages):
        raise conflict(f"ModelPackageGroup {group.arn} still has model packages; delete them first.")
    state.model_package_groups.remove(group.name)
    return NOTHING


OPERATIONS = (
    Operation("CreateModelPackageGroup", CreateModelPackageGroupInput, create_model_package_group),
    Operation("DescribeModelPackageGroup", ModelPackageGroupInput, describe_model_package_group),
    Operation("ListModelPackageGroups", ListModelPackageGroupsInput, list_model_package_groups),
    Operation("DeleteModelPackageGroup", ModelPackageGroupInput, delete_model_package_group),
)
