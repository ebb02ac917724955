"""CreateModelPackage, DescribeModelPackage, UpdateModelPackage, DeleteModelPackage."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sagemaker_local.control.operations.operation import NOTHING, Operation
from sagemaker_local.control.operations.tags import tags_of_new
from sagemaker_local.control.state.packages import ModelPackage
from sagemaker_local.control.state.records import Tag
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document, wire_name
from sagemaker_local.control.wire.errors import invalid, refuse_not_served

_PENDING = "PendingManualApproval"


@dataclass(frozen=True, slots=True)
class CreateModelPackageInput:
    """API shape CreateModelPackageInput. Most of it is only shown again."""

    model_package_name: str | None = None
    model_package_group_name: str | None = None
    tags: tuple[Tag, ...] = ()
    client_token: str | None = None
    model_approval_status: str | None = None
    validation_specification: Document | None = None
    source_algorithm_specification: Document | None = None
    certify_for_marketplace: bool = False
    managed_storage_type: str | None = None
    model_package_description: str | None = None
    model_package_registration_type: str | None = None
    inference_specification: Document | None = None
    metadata_properties: Document | None = None
    model_metrics: Document | None = None
    domain: str | None = None
    task: str | None = None
    sample_payload_url: str | None = None
    customer_metadata_properties: Document | None = None
    drift_check_baselines: Document | None = None
    additional_inference_specifications: tuple[Document, ...] | None = None
    skip_model_validation: str | None = None
    source_uri: str | None = None
    security_config: Document | None = None
    model_card: Document | None = None
    model_life_cycle: Document | None = None


_SHOWN = (
    "model_approval_status",
    "model_package_description",
    "model_package_registration_type",
    "inference_specification",
    "metadata_properties",
    "model_metrics",
    "domain",
    "task",
    "sample_payload_url",
    "customer_metadata_properties",
    "drift_check_baselines",
    "additional_inference_specifications",
    "skip_model_validation",
    "source_uri",
    "security_config",
    "model_card",
    "model_life_cycle",
)


@dataclass(frozen=True, slots=True)
class UpdateModelPackageInput:
    """API shape UpdateModelPackageInput."""

    model_package_arn: str
    model_approval_status: str | None = None
    model_package_registration_type: str | None = None
    approval_description: str | None = None
    customer_metadata_properties: Document | None = None
    customer_metadata_properties_to_remove: tuple[str, ...] = ()
    additional_inference_specifications_to_add: tuple[Document, ...] = ()
    inference_specification: Document | None = None
    source_uri: str | None = None
    model_card: Document | None = None
    model_life_cycle: Document | None = None
    client_token: str | None = None


_REPLACED = (
    "model_approval_status",
    "model_package_registration_type",
    "approval_description",
    "inference_specification",
    "source_uri",
    "model_card",
    "model_life_cycle",
)


@dataclass(frozen=True, slots=True)
class DescribeModelPackageInput:
    """API shape DescribeModelPackageInput. ``included_data`` MetadataOnly leaves the model card's content out."""

    model_package_name: str
    included_data: str = "AllData"


@dataclass(frozen=True, slots=True)
class DeleteModelPackageInput:
    """API shape DeleteModelPackageInput."""

    model_package_name: str


def _members(request: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Those of the named fields that are set, by the API's names."""
    wire = {name: wire_name(each) for name, each in request.__dataclass_fields__.items()}
    return {wire[name]: value for name in names if (value := getattr(request, name)) is not None}


def create_model_package(state: AccountState, request: CreateModelPackageInput, now: float) -> Document:
    """A new version of a group, or a package that stands alone. Nothing is validated by a run, so it is Completed."""
    refuse_not_served(
        {
            "ValidationSpecification": request.validation_specification,
            "SourceAlgorithmSpecification": request.source_algorithm_specification,
            "CertifyForMarketplace": request.certify_for_marketplace or None,
            "ManagedStorageType": request.managed_storage_type,
        },
        "a model package",
    )
    if (request.model_package_name is None) == (request.model_package_group_name is None):
        raise invalid("Exactly one of ModelPackageName and ModelPackageGroupName must be set.")
    repeated = _made_with(state, request.client_token)
    if repeated is not None:
        return {"ModelPackageArn": repeated.arn}
    package = _version(state, request, now) if request.model_package_group_name else _alone(state, request, now)
    state.model_packages.put(package)
    state.tags[package.arn] = tags_of_new(request.tags)
    return {"ModelPackageArn": package.arn}


def _made_with(state: AccountState, client_token: str | None) -> ModelPackage | None:
    return next((each for each in state.model_packages if client_token and each.client_token == client_token), None)


def _version(state: AccountState, request: CreateModelPackageInput, now: float) -> ModelPackage:
    if request.tags:
        raise invalid("A version has the tags of its model package group; give Tags to CreateModelPackageGroup.")
    group = state.model_package_groups.resolve(request.model_package_group_name or "")
    version = group.last_version + 1
    state.model_package_groups.put(replace(group, last_version=version))
    name = f"{group.name}/{version}"
    described = {"ModelApprovalStatus": _PENDING, **_members(request, _SHOWN)}
    return ModelPackage(name, state.model_packages.arn(name), now, described, group.name, version, request.client_token)


def _alone(state: AccountState, request: CreateModelPackageInput, now: float) -> ModelPackage:
    name = request.model_package_name or ""
    if request.model_approval_status is not None:
        raise invalid("ModelApprovalStatus is for versions of a model package group; leave it out.")
    if request.inference_specification is None:
        raise invalid("A model package outside of a group needs InferenceSpecification.")
    tags_of_new(request.tags)
    arn = state.model_packages.arn(name)
    state.model_packages.refuse_taken(name)
    return ModelPackage(name, arn, now, _members(request, _SHOWN), client_token=request.client_token)


def describe_model_package(state: AccountState, request: DescribeModelPackageInput, now: float) -> Document:
    """Of a version, ModelPackageName is its group's name."""
    package = state.model_packages.resolve(request.model_package_name)
    described = dict(package.described)
    if request.included_data == "MetadataOnly" and "ModelCard" in described:
        described["ModelCard"] = {"ModelCardStatus": described["ModelCard"].get("ModelCardStatus")}
    return {
        "ModelPackageName": package.group or package.name,
        "ModelPackageGroupName": package.group,
        "ModelPackageVersion": package.version,
        "ModelPackageArn": package.arn,
        "CreationTime": package.creation_time,
        "LastModifiedTime": package.last_modified_time,
        "CertifyForMarketplace": False,
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "ModelPackageStatus": "Completed",
        **described,
    }


def update_model_package(state: AccountState, request: UpdateModelPackageInput, now: float) -> Document:
    """What is given replaces what was; metadata is merged, specifications are added."""
    package = state.model_packages.resolve(request.model_package_arn)
    if request.model_approval_status is not None and package.group is None:
        raise invalid("ModelApprovalStatus is for versions of a model package group; leave it out.")
    described = {**package.described, **_members(request, _REPLACED)}
    metadata = {
        **package.described.get("CustomerMetadataProperties", {}),
        **(request.customer_metadata_properties or {}),
    }
    kept = {key: value for key, value in metadata.items() if key not in request.customer_metadata_properties_to_remove}
    described["CustomerMetadataProperties"] = kept or None
    specifications = [
        *(package.described.get("AdditionalInferenceSpecifications") or ()),
        *request.additional_inference_specifications_to_add,
    ]
    described["AdditionalInferenceSpecifications"] = specifications or None
    present = {name: value for name, value in described.items() if value is not None}
    state.model_packages.put(replace(package, described=present, last_modified_time=now))
    return {"ModelPackageArn": package.arn}


def delete_model_package(state: AccountState, request: DeleteModelPackageInput, now: float) -> Document:
    """Models that were made of it stay."""
    package = state.model_packages.resolve(request.model_package_name)
    state.model_packages.remove(package.name)
    return NOTHING


OPERATIONS = (
    Operation("CreateModelPackage", CreateModelPackageInput, create_model_package),
    Operation("DescribeModelPackage", DescribeModelPackageInput, describe_model_package),
    Operation("UpdateModelPackage", UpdateModelPackageInput, update_model_package),
    Operation("DeleteModelPackage", DeleteModelPackageInput, delete_model_package),
)
