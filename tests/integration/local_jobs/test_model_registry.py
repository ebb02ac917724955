"""From a registered and approved model package to an endpoint that serves it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

XGBOOST = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
ROLE = "arn:aws:iam::111122223333:role/serving"


def test_an_approved_version_becomes_an_endpoint_that_predicts(world: Any, trained: Any, archive: str) -> None:
    sagemaker, group = world.sagemaker, f"{world.prefix}-group"
    sagemaker.create_model_package_group(ModelPackageGroupName=group, Tags=[{"Key": "team", "Value": "fraud"}])
    specification = {
        "Containers": [{"Image": XGBOOST, "ModelDataUrl": archive}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    arn = sagemaker.create_model_package(ModelPackageGroupName=group, InferenceSpecification=specification)[
        "ModelPackageArn"
    ]
    assert arn == f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/{group}/1"
    model = {
        "ModelName": f"{world.prefix}-model",
        "PrimaryContainer": {"ModelPackageName": arn},
        "ExecutionRoleArn": ROLE,
    }
    with pytest.raises(ClientError, match="PendingManualApproval"):
        sagemaker.create_model(**model)
    sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="looks good"
    )
    sagemaker.create_model(**model)
    assert sagemaker.describe_model(ModelName=model["ModelName"])["PrimaryContainer"]["ModelPackageName"] == arn
    world.create(world.config("config", model["ModelName"]))
    reply = world.invoke(trained.csv, ContentType="text/csv")
    predictions = [float(each) for each in reply["Body"].decode().replace("\n", ",").split(",") if each]
    assert predictions == pytest.approx(trained.expected, rel=1e-5)


def test_pages_of_versions_and_the_guards_of_deletion(world: Any) -> None:
    sagemaker, group = world.sagemaker, f"{world.prefix}-versions"
    group_arn = sagemaker.create_model_package_group(ModelPackageGroupName=group)["ModelPackageGroupArn"]
    arns = [sagemaker.create_model_package(ModelPackageGroupName=group)["ModelPackageArn"] for _ in range(5)]
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group_arn, PaginationConfig={"PageSize": 2}
    )
    listed = [each for page in pages for each in page["ModelPackageSummaryList"]]
    assert [each["ModelPackageVersion"] for each in listed] == [1, 2, 3, 4, 5]
    with pytest.raises(ClientError) as caught:
        sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    assert caught.value.response["Error"]["Code"] == "ConflictException"
    for arn in arns:
        sagemaker.delete_model_package(ModelPackageName=arn)
    with pytest.raises(ClientError, match=f"ModelPackage {arns[0]} does not exist."):
        sagemaker.describe_model_package(ModelPackageName=arns[0])
    sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    with pytest.raises(ClientError, match=f"ModelPackageGroup {group_arn} does not exist.") as absent:
        sagemaker.describe_model_package_group(ModelPackageGroupName=group)
    assert absent.value.response["Error"]["Code"] == "ValidationException"


def test_tags_of_groups_and_packages(world: Any) -> None:
    sagemaker, name = world.sagemaker, f"{world.prefix}-tagged"
    tags = [{"Key": "team", "Value": "fraud"}]
    group = sagemaker.create_model_package_group(ModelPackageGroupName=name, Tags=tags)["ModelPackageGroupArn"]
    specification = {
        "Containers": [{"Image": "local://echo"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    alone = sagemaker.create_model_package(ModelPackageName=name, InferenceSpecification=specification, Tags=tags)
    for arn in (group, alone["ModelPackageArn"]):
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "risk"}, {"Key": "stage", "Value": "test"}])
        sagemaker.delete_tags(ResourceArn=arn, TagKeys=["stage"])
        assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "risk"}]


def test_the_switch_lets_an_unapproved_version_be_used(start: Any) -> None:
    with start("--switches", "unapproved_package_refused=false") as local:
        sagemaker = local.client("sagemaker")
        sagemaker.create_model_package_group(ModelPackageGroupName="g")
        specification = {
            "Containers": [{"Image": "local://echo"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        }
        sagemaker.create_model_package(ModelPackageGroupName="g", InferenceSpecification=specification)
        sagemaker.create_model(ModelName="m", PrimaryContainer={"ModelPackageName": "g/1"}, ExecutionRoleArn=ROLE)
