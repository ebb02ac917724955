"""Model packages and groups: versions, approval, what a model takes from a package, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from sagemaker_local.control.switches import DEFAULTS, Switches, switches_of
from testkit import operations

ARN = "arn:aws:sagemaker:eu-west-1:111122223333"
ECHO = {"Image": "local://echo", "Environment": {"A": "package", "B": "package"}}
SPECIFICATION = {
    "Containers": [ECHO],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}


class Account(operations.Account):
    """One with words for packages."""

    def version(self, **members: Any) -> str:
        members = {"ModelPackageGroupName": "G", "InferenceSpecification": SPECIFICATION, **members}
        arn: str = self.call("CreateModelPackage", **members)["ModelPackageArn"]
        return arn


@pytest.fixture
def account() -> Account:
    found = Account()
    found.call("CreateModelPackageGroup", ModelPackageGroupName="G", ModelPackageGroupDescription="models")
    return found


def test_versions_count_up_and_are_never_given_out_twice(account: Account) -> None:
    arns = [account.version() for _ in range(2)]
    assert arns == [f"{ARN}:model-package/g/1", f"{ARN}:model-package/g/2"]
    account.call("DeleteModelPackage", ModelPackageName=arns[1])
    assert account.version() == f"{ARN}:model-package/g/3"
    assert account.call("DescribeModelPackage", ModelPackageName="G/3")["ModelPackageVersion"] == 3


def test_a_client_token_makes_one_package(account: Account) -> None:
    assert account.version(ClientToken="t") == account.version(ClientToken="t") != account.version(ClientToken="u")


def test_a_version_waits_for_approval_unless_told_otherwise(account: Account) -> None:
    described = account.call("DescribeModelPackage", ModelPackageName=account.version())
    assert described["ModelApprovalStatus"] == "PendingManualApproval"
    assert (described["ModelPackageName"], described["ModelPackageGroupName"]) == ("G", "G")
    approved = account.version(ModelApprovalStatus="Approved")
    assert account.call("DescribeModelPackage", ModelPackageName=approved)["ModelApprovalStatus"] == "Approved"


def test_a_model_takes_the_packages_container_and_its_own_environment(account: Account) -> None:
    arn = account.version(ModelApprovalStatus="Approved")
    container = {"ModelPackageName": arn, "Environment": {"B": "model"}}
    account.call("CreateModel", ModelName="m", PrimaryContainer=container)
    (made,) = account.state.models.require("m").containers
    assert (made.image, made.environment) == ("local://echo", {"A": "package", "B": "model"})


def test_a_model_can_name_an_additional_specification(account: Account) -> None:
    other = {"Name": "gpu", "Containers": [{"Image": "gpu"}]}
    arn = account.version(ModelApprovalStatus="Approved", AdditionalInferenceSpecifications=[other])
    container = {"ModelPackageName": arn, "InferenceSpecificationName": "gpu"}
    account.call("CreateModel", ModelName="m", PrimaryContainer=container)
    assert account.state.models.require("m").containers[0].image == "gpu"
    _, message = account.refused("CreateModel", ModelName="n", PrimaryContainer=container | {
        "InferenceSpecificationName": "cpu"})  # fmt: skip
    assert "no AdditionalInferenceSpecification named cpu" in message


@pytest.mark.parametrize("refused", [True, False])
def test_whether_an_unapproved_version_can_be_used_is_a_switch(refused: bool) -> None:
    account = Account(Switches(unapproved_package_refused=refused))
    account.call("CreateModelPackageGroup", ModelPackageGroupName="G")
    model = {"ModelName": "m", "PrimaryContainer": {"ModelPackageName": account.version()}}
    if refused:
        assert "set it to Approved" in account.refused("CreateModel", **model)[1]
    else:
        account.call("CreateModel", **model)


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"ModelPackageName": "G/9"}, f"ModelPackage {ARN}:model-package/g/9 does not exist."),
        (
            {"ModelPackageName": "arn:aws:sagemaker:eu-west-1:444455556666:model-package/g/1"},
            "ModelPackage arn:aws:sagemaker:eu-west-1:444455556666:model-package/g/1 does not exist.",
        ),
        ({"ModelPackageName": "G/1", "Image": "i"}, "A container with ModelPackageName takes Image from the package"),
        ({"ModelPackageName": "G/1"}, "has no InferenceSpecification; a model cannot be made of it."),
        ({"ModelPackageName": "G/2"}, "does not implement model packages of several containers"),
        ({"ModelPackageName": "G/3"}, "does not implement ModelDataSource of a model package's container"),
        ({"ModelPackageName": "G/4"}, "has no Image"),
        ({"Image": "i", "InferenceSpecificationName": "x"}, "and so needs ModelPackageName"),
    ],
)
def test_a_package_that_no_model_can_be_made_of(account: Account, container: dict[str, Any], message: str) -> None:
    source = {"S3DataSource": {"S3Uri": "s3://b/k", "S3DataType": "S3Prefix", "CompressionType": "None"}}
    account.call("CreateModelPackage", ModelPackageGroupName="G", ModelApprovalStatus="Approved")
    for containers in ([ECHO, ECHO], [{"Image": "i", "ModelDataSource": source}], [{"ModelDataUrl": "s3://b/k"}]):
        specification = SPECIFICATION | {"Containers": containers}
        account.version(ModelApprovalStatus="Approved", InferenceSpecification=specification)
    code, said = account.refused("CreateModel", ModelName="m", PrimaryContainer=container)
    assert code == "ValidationException"
    assert message in said


def test_an_update_replaces_merges_and_adds(account: Account) -> None:
    arn = account.version(CustomerMetadataProperties={"a": "1", "b": "1"})
    account.now = 2.0
    account.call(
        "UpdateModelPackage",
        ModelPackageArn=arn,
        ModelApprovalStatus="Rejected",
        ApprovalDescription="too old",
        CustomerMetadataProperties={"b": "2", "c": "2"},
        CustomerMetadataPropertiesToRemove=["a"],
        AdditionalInferenceSpecificationsToAdd=[{"Name": "x", "Containers": [ECHO]}],
    )
    found = account.call("DescribeModelPackage", ModelPackageName=arn)
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Rejected", "too old")
    assert found["CustomerMetadataProperties"] == {"b": "2", "c": "2"}
    assert [each["Name"] for each in found["AdditionalInferenceSpecifications"]] == ["x"]
    assert (found["CreationTime"], found["LastModifiedTime"]) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "Exactly one of ModelPackageName and ModelPackageGroupName must be set."),
        ({"ModelPackageName": "p", "ModelPackageGroupName": "G"}, "Exactly one of ModelPackageName"),
        ({"ModelPackageName": "p"}, "needs InferenceSpecification"),
        ({"ModelPackageName": "p", "ModelApprovalStatus": "Approved"}, "is for versions of a model package group"),
        ({"ModelPackageGroupName": "G", "Tags": [{"Key": "k", "Value": "v"}]}, "tags of its model package group"),
        ({"ModelPackageGroupName": "none"}, f"ModelPackageGroup {ARN}:model-package-group/none does not exist."),
        ({"ModelPackageGroupName": "G", "CertifyForMarketplace": True}, "does not implement CertifyForMarketplace"),
    ],
)
def test_a_package_that_is_refused(account: Account, members: dict[str, Any], message: str) -> None:
    assert message in account.refused("CreateModelPackage", **members)[1]
    assert not list(account.state.model_packages)


def test_names_are_taken_in_any_case(account: Account) -> None:
    assert "already exists" in account.refused("CreateModelPackageGroup", ModelPackageGroupName="g")[1]
    account.call("CreateModelPackage", ModelPackageName="P", InferenceSpecification=SPECIFICATION)
    message = account.refused("CreateModelPackage", ModelPackageName="p", InferenceSpecification=SPECIFICATION)[1]
    assert message == f"Model Package already exists: {ARN}:model-package/p."


def test_lists_are_filtered_by_type_group_and_approval(account: Account) -> None:
    account.call("CreateModelPackageGroup", ModelPackageGroupName="H")
    account.version()
    account.version(ModelApprovalStatus="Approved")
    account.version(ModelPackageGroupName="H")
    account.call("CreateModelPackage", ModelPackageName="alone", InferenceSpecification=SPECIFICATION)

    def listed(**members: Any) -> list[str]:
        found = account.call("ListModelPackages", **members)["ModelPackageSummaryList"]
        return [each["ModelPackageArn"].rpartition(":model-package/")[2] for each in found]

    assert listed() == ["alone"]
    assert listed(ModelPackageGroupName="G") == ["g/1", "g/2"]
    assert listed(ModelPackageType="Versioned") == ["g/1", "g/2", "h/1"]
    assert listed(ModelPackageType="Both", SortOrder="Descending", SortBy="Name") == ["alone", "h/1", "g/2", "g/1"]
    assert listed(ModelPackageGroupName="G", ModelApprovalStatus="Approved") == ["g/2"]
    groups = account.call("ListModelPackageGroups", NameContains="H")["ModelPackageGroupSummaryList"]
    assert [each["ModelPackageGroupName"] for each in groups] == ["H"]
    assert (
        account.call("ListModelPackageGroups", CrossAccountFilterOption="CrossAccount")["ModelPackageGroupSummaryList"]
        == []
    )


def test_a_batch_tells_what_is_absent(account: Account) -> None:
    arn, absent = account.version(), f"{ARN}:model-package/g/7"
    found = account.call("BatchDescribeModelPackage", ModelPackageArnList=[arn, absent])
    assert found["ModelPackageSummaries"][arn]["InferenceSpecification"] == SPECIFICATION
    assert found["BatchDescribeModelPackageErrorMap"][absent]["ErrorCode"] == "ValidationException"


def test_metadata_only_leaves_the_cards_content_out(account: Account) -> None:
    arn = account.version(ModelCard={"ModelCardContent": "{}", "ModelCardStatus": "Draft"})
    described = account.call("DescribeModelPackage", ModelPackageName=arn, IncludedData="MetadataOnly")
    assert described["ModelCard"] == {"ModelCardStatus": "Draft"}


def test_switches_are_read_from_text() -> None:
    assert switches_of("") == DEFAULTS
    assert not switches_of("unapproved_package_refused=false").unapproved_package_refused
    with pytest.raises(ValueError, match="'nothing' is no switch"):
        switches_of("nothing=true")
    with pytest.raises(ValueError, match="must be unapproved_package_refused=true or"):
        switches_of("unapproved_package_refused=1")
