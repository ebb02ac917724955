"""How resources of a kind are found, taken and removed."""

from __future__ import annotations

import pytest

from sagemaker_local.control.state import names
from sagemaker_local.control.state.collection import Collection, Tags
from sagemaker_local.control.state.records import Model
from sagemaker_local.control.wire.errors import ApiError

KINDS = {
    names.MODEL: ('Could not find model "{arn}".', 'Cannot create already existing model "{arn}".'),
    names.MODEL_PACKAGE_GROUP: (
        "ModelPackageGroup {arn} does not exist.",
        "Model Package Group already exists: {arn}.",
    ),
    names.MODEL_PACKAGE: ("ModelPackage {arn} does not exist.", "Model Package already exists: {arn}."),
    names.TRANSFORM_JOB: (
        "Could not find requested job with name: One",
        "Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})",
    ),
    names.MONITORING_SCHEDULE: ("{arn} does not exist.", "{arn} exists already; choose another name."),
}
REGION, ACCOUNT = "eu-west-1", "111122223333"


def collection(kind: str, tags: Tags) -> Collection[Model]:
    found = Collection[Model](REGION, ACCOUNT, kind, tags)
    found.put(Model("One", found.arn("One"), 1.0, (), {}))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_is_taken_in_any_case_and_every_kind_has_its_own_words(kind: str) -> None:
    found = collection(kind, {})
    absent, taken = (each.format(arn=found.arn("One")) for each in KINDS[kind])
    with pytest.raises(ApiError) as caught:
        found.refuse_taken("ONE")
    assert caught.value.message == taken
    assert caught.value.code == ("ResourceInUse" if "job" in kind or "schedule" in kind else "ValidationException")
    found.refuse_taken("two")
    assert found.require("One").name == "One"
    found.remove("One")
    with pytest.raises(ApiError) as caught:
        found.require("One")
    assert caught.value.message == absent


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("One", True),
        ("one", False),
        (f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/one", True),
        (f"arn:aws:sagemaker:{REGION}:444455556666:model/one", False),
        (f"arn:aws:sagemaker:eu-west-2:{ACCOUNT}:model/one", False),
        (f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/one", False),
    ],
)
def test_an_arn_is_of_one_kind_account_and_region(asked: str, there: bool) -> None:
    found = collection(names.MODEL, {})
    assert (found.find(asked) is not None) == there
    if not there:
        with pytest.raises(ApiError, match="Could not find model"):
            found.resolve(asked)


def test_what_is_removed_loses_its_tags_and_the_rest_keeps_them() -> None:
    tags: Tags = {}
    found = collection(names.MODEL, tags)
    found.put(Model("two", found.arn("two"), 1.0, (), {}))
    tags |= {found.arn(each): {"team": each} for each in ("One", "two")}
    found.remove("One")
    assert tags == {found.arn("two"): {"team": "two"}}
    assert [each.name for each in found] == ["two"]
