"""ListModelPackages and BatchDescribeModelPackage."""

from __future__ import annotations

from dataclasses import dataclass

from sagemaker_local.control.operations.operation import Operation
from sagemaker_local.control.operations.paging import ListInput, page
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import does_not_exist

_STATUS: Document = {"ModelPackageStatus": "Completed"}


@dataclass(frozen=True, slots=True)
class BatchDescribeInput:
    """API shape BatchDescribeModelPackageInput."""

    model_package_arn_list: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListModelPackagesInput(ListInput):
    """API shape ListModelPackagesInput. Without a type those that stand alone are listed, with a group its versions."""

    sort_order: str = "Ascending"
    model_approval_status: str | None = None
    model_package_group_name: str | None = None
    model_package_type: str | None = None


def batch_describe(state: AccountState, request: BatchDescribeInput, now: float) -> Document:
    """What is absent stands in the error map."""
    found = {arn: state.model_packages.find(arn) for arn in request.model_package_arn_list}
    summaries = {
        arn: {
            "ModelPackageGroupName": each.group or each.name,
            "ModelPackageVersion": each.version,
            "ModelPackageArn": each.arn,
            "ModelPackageDescription": each.described.get("ModelPackageDescription"),
            "CreationTime": each.creation_time,
            "InferenceSpecification": each.described.get("InferenceSpecification", {}),
            "ModelApprovalStatus": each.approval,
            "ModelPackageRegistrationType": each.described.get("ModelPackageRegistrationType"),
            **_STATUS,
        }
        for arn, each in found.items()
        if each is not None
    }
    errors = {
        arn: {"ErrorCode": error.code, "ErrorResponse": error.message}
        for arn, each in found.items()
        if each is None and (error := does_not_exist("ModelPackage", arn))
    }
    return {"ModelPackageSummaries": summaries, "BatchDescribeModelPackageErrorMap": errors}


def list_model_packages(state: AccountState, request: ListModelPackagesInput, now: float) -> Document:
    """One page."""
    named = request.model_package_group_name
    group = state.model_package_groups.resolve(named).name if named else None
    kind = request.model_package_type or ("Versioned" if group else "Unversioned")
    found = [
        each
        for each in state.model_packages
        if (group is None or each.group == group)
        and (kind == "Both" or (each.group is not None) == (kind == "Versioned"))
        and request.model_approval_status in (None, each.approval)
    ]
    shown, token = page(found, request)
    summaries = [
        {
            "ModelPackageName": None if each.group else each.name,
            "ModelPackageGroupName": each.group,
            "ModelPackageVersion": each.version,
            "ModelPackageArn": each.arn,
            "ModelPackageDescription": each.described.get("ModelPackageDescription"),
            "CreationTime": each.creation_time,
            "ModelApprovalStatus": each.approval,
            "ModelLifeCycle": each.described.get("ModelLifeCycle"),
            "ModelPackageRegistrationType": each.described.get("ModelPackageRegistrationType"),
            **_STATUS,
        }
        for each in shown
    ]
    return {"ModelPackageSummaryList": summaries, "NextToken": token}


OPERATIONS = (
    Operation("BatchDescribeModelPackage", BatchDescribeInput, batch_describe),
    Operation("ListModelPackages", ListModelPackagesInput, list_model_packages),
)
